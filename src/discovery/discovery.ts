/**
 * Finds where nodes may be. What it answers is only ever added to: a node that is missing from an answer stays whatever
 * it is, and one that is no member of this cluster refuses. After Partisan's peer discovery agent, which took an
 * incomplete answer for the whole cluster and evicted the others.
 */
export interface Discovery {
  /**
   * The URLs of nodes that may be there, in any order; this node's own may be among them. Called at the start and again
   * and again, each time after the last call has settled or its signal has aborted. Rejects, best with a
   * `DiscoveryError`, when it cannot tell; that costs nothing but this answer. When `signal` aborts nobody waits for
   * the answer any more: end what is under way.
   */
  lookup(signal: AbortSignal): Promise<readonly string[]>
}

/** What of one answer is looked at; the rest is as if it were not there. */
export const answerMax = 4_096
