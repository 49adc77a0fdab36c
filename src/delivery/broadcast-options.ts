import type { Incarnation, NodeName } from '../core/node.js'
import type { Random } from '../core/random.js'
import type { Millis } from '../core/time.js'

/** What a {@link Broadcast} machine is made of. All bounds are of one channel of one node. */
export interface BroadcastOptions {
  readonly self: { readonly name: NodeName; readonly incarnation: Incarnation }
  readonly random: Random
  /**
   * Whether this node has had neighbours for so long that it would have been told of earlier messages. One that has not
   * begins with what its first neighbour has, instead of asking for it.
   */
  readonly established: boolean
  /** Announcements are collected for so long. Partisan's `lazy_tick_period` is 1,000 ms. Default 500 ms. */
  readonly announceInterval?: Millis
  /** A stream is announced to so many lazy neighbours, drawn anew each time. Default 8. */
  readonly announceFanout?: number
  /** What was announced, or is missing before what came, is asked for after so long. Default 500 ms. */
  readonly graftTimeout?: Millis
  /** What stays missing for so long, with nobody giving any of it, is given up. Default 10,000 ms. */
  readonly gapTimeout?: Millis
  /** How often a neighbour is asked what it has, on average, while anything is kept. Default 10,000 ms, as Partisan. */
  readonly exchangeInterval?: Millis
  /** Messages are kept for neighbours that missed them for so long, and up to `exchangeInterval` more. Default 60 s. */
  readonly cacheAge?: Millis
  /** Bytes of messages that are kept; the oldest go first, each counting 256 for its bookkeeping. Default 8 MiB. */
  readonly cacheBytes?: number
  /** Bytes of messages that wait for what is missing before them; more are asked for again. Default 4 MiB. */
  readonly heldBytes?: number
  /** Messages that one graft is answered with. Default 256. */
  readonly resendMax?: number
  /** A way that is shorter by so many hops takes the place of the present one. Default 3 (the paper: by network). */
  readonly hopThreshold?: number
  /** Roots with a tree of their own; at it the one pruned longest ago shares a tree with the rest. Default 1,024. */
  readonly rootsMax?: number
  /** Origins that are remembered; at it the one heard longest ago is forgotten. Default 16,384. */
  readonly streamsMax?: number
  /** Copies that a full queue refused and that are to be announced; more are left to the exchange. Default 65,536. */
  readonly refusedMax?: number
}

/** Fills in every default. */
export function resolveBroadcastOptions(options: BroadcastOptions): Required<BroadcastOptions> {
  return {
    ...{ announceInterval: 500, announceFanout: 8, graftTimeout: 500, gapTimeout: 10_000, exchangeInterval: 10_000 },
    ...{ cacheAge: 60_000, cacheBytes: 8_388_608, heldBytes: 4_194_304, resendMax: 256, hopThreshold: 3 },
    ...{ rootsMax: 1_024, streamsMax: 16_384, refusedMax: 65_536 },
    ...options,
  }
}
