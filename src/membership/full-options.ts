import type { NodeName, NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import type { Millis } from '../core/time.js'

export interface FullMembershipOptions {
  readonly random: Random
  /** Peers that each piece of news is passed on to, beside ln(members). Default 3. */
  readonly fanout?: number
  /** News waits so long for more news. Default 20 ms. */
  readonly gossipDelay?: Millis
  /** How often a random peer's view is compared with ours. Default 1,000 ms. */
  readonly digestInterval?: Millis
  /** How long it is remembered that a node left. Default 24 h. */
  readonly tombstoneAge?: Millis
  /** A member with a generated name is removed after being down so long. Default 1 h. */
  readonly removeDownAfter?: Millis
  /** Who leaves waits at most so long for the others to take note. Default 1,000 ms. */
  readonly leaveTimeout?: Millis
  /** Names that are kept; further ones are not taken. Default 16,384. */
  readonly members?: number
  /** Members that are no part of the mesh. Default: there are none. */
  readonly satellites?: Satellites
}

/**
 * Members that somebody else looks after: this machine passes on who they are, but is not told when they are up. It is
 * told when nobody is connected with one any more.
 */
export interface Satellites {
  /** Whether this node, or another of the mesh, is connected with it. */
  isSeen(node: NodeName): boolean
  /** Those that are connected with this node and have to be told when that one leaves. */
  concerned(leaver: NodeSpec): readonly NodeName[]
}

const nobody: Satellites = { isSeen: () => false, concerned: () => [] }

/** The options with every default filled in. */
export function resolveFullOptions({
  random,
  fanout = 3,
  gossipDelay = 20,
  digestInterval = 1_000,
  tombstoneAge = 24 * 3_600_000,
  removeDownAfter = 3_600_000,
  leaveTimeout = 1_000,
  members = 16_384,
  satellites = nobody,
}: FullMembershipOptions): Required<FullMembershipOptions> {
  return {
    ...{ random, fanout, gossipDelay, digestInterval, tombstoneAge, removeDownAfter, leaveTimeout, members },
    satellites,
  }
}
