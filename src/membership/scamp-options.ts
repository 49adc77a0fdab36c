import type { Random } from '../core/random.js'
import type { Millis } from '../core/time.js'

export interface ScampMembershipOptions {
  readonly random: Random
  /**
   * 1: who leaves is taken out of the views that hold it. 2: who leaves tells those that hold it, its in-view, whom to
   * hold instead, so that the views keep their size. Default 2.
   */
  readonly version?: 1 | 2
  /** Further copies of a new subscription, `c` in the paper: views have (c + 1) ln n nodes. Default 5. */
  readonly copies?: number
  /** How long a subscription lasts before it is renewed. Default 600,000 ms. */
  readonly lease?: Millis
  /** How often a node tells whom it holds that it does: one round. Default 10,000 ms. */
  readonly heartbeatInterval?: Millis
  /** How long it is remembered that a node left. Default 24 h. */
  readonly tombstoneAge?: Millis
  /** Who leaves waits at most so long for the others to take note. Default 1,000 ms. */
  readonly leaveTimeout?: Millis
}

/** The options with every default filled in. */
export function resolveScampOptions({
  random,
  version = 2,
  copies = 5,
  lease = 600_000,
  heartbeatInterval = 10_000,
  tombstoneAge = 24 * 3_600_000,
  leaveTimeout = 1_000,
}: ScampMembershipOptions): Required<ScampMembershipOptions> {
  return { random, version, copies, lease, heartbeatInterval, tombstoneAge, leaveTimeout }
}
