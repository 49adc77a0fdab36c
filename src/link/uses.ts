import type { Instant, Millis } from '../core/time.js'

/**
 * Relayed connections, and direct ones that the overlay no longer wants, over which nothing went for so long are
 * closed.
 */
export const idleMillis: Millis = 60_000

/** What goes over the connections of a peer. */
export interface Traffic {
  /** Changes with every message, either way. */
  readonly traffic: number
  /** Messages wait, are handled, or are to be answered or acknowledged. */
  readonly awaited: boolean
}

interface Use {
  traffic: number
  /** When that last changed, or something was awaited, as far as was told. */
  at: Instant
}

/** When something last went over the connections of each peer. */
export class Uses<Peer> {
  readonly #uses = new Map<Peer, Use>()

  get peers(): Iterable<Peer> {
    return this.#uses.keys()
  }

  /** It counts as used now. */
  begin(peer: Peer, { traffic }: Traffic, now: Instant): void {
    this.#uses.set(peer, { traffic, at: now })
  }

  /** Whether something goes over its connections, is about to, or did a while ago. */
  isUsed(peer: Peer, { traffic, awaited }: Traffic, now: Instant): boolean {
    const use = this.#uses.get(peer) ?? { traffic: 0, at: Number.NEGATIVE_INFINITY }
    if (traffic !== use.traffic || awaited) use.at = now
    use.traffic = traffic
    this.#uses.set(peer, use)
    return now - use.at < idleMillis
  }

  delete(peer: Peer): void {
    this.#uses.delete(peer)
  }
}
