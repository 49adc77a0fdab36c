import type { Random } from '../core/random.js'
import type { Millis } from '../core/time.js'

export const activeViewDefault = 5

export interface HyParViewMembershipOptions {
  readonly random: Random
  /** Neighbours of a node. Default 5: a broadcast with fan-out 4, and the one that it came from (HyParView, 4.1). */
  readonly activeViewSize?: number
  /** Further nodes that are remembered, to replace neighbours by. Default 30. */
  readonly passiveViewSize?: number
  /** Active random walk length: how far a join, or a shuffle, walks. Default 6. */
  readonly arwl?: number
  /** Passive random walk length: with so many steps left a join is noted in a passive view. Default 3. */
  readonly prwl?: number
  /** How often views are shuffled, confirmed and looked after: one round. Default 10,000 ms. */
  readonly shuffleInterval?: Millis
  /** Neighbours that a shuffle tells of. Default 3. */
  readonly shuffleActive?: number
  /** Nodes of the passive view that a shuffle tells of. Default 4. */
  readonly shufflePassive?: number
  /** A neighbour that is down for so long is replaced, unless all of them are down. Default 1,000 ms. */
  readonly replaceAfter?: Millis
  /** A node that is to become a neighbour, or is looked after, has so long to answer. Default 2,000 ms. */
  readonly answerTimeout?: Millis
  /** Nodes that are remembered beyond the passive view, for finding other islets. Default 256. */
  readonly bookSize?: number
  /** How long it is remembered that a node left. Default 24 h. */
  readonly tombstoneAge?: Millis
  /** Whether neighbours are exchanged for nearer ones, and how. Default: they are not. */
  readonly xbot?: XBotSettings | undefined
  /** Who leaves waits at most so long for the neighbours to take note. Default 1,000 ms. */
  readonly leaveTimeout?: Millis
}

/** How neighbours are exchanged for nearer ones. */
export interface XBotSettings {
  /** How often a node looks for a nearer neighbour, with jitter of a half. */
  readonly interval: Millis
  /** How many nodes it then measures. */
  readonly candidates: number
  /** How many of its neighbours, those with the longest round trips, are never exchanged. */
  readonly unbiased: number
}

/** The options with every default filled in. */
export function resolveHyParViewOptions({
  random,
  activeViewSize = activeViewDefault,
  passiveViewSize = 30,
  arwl = 6,
  prwl = 3,
  shuffleInterval = 10_000,
  shuffleActive = 3,
  shufflePassive = 4,
  replaceAfter = 1_000,
  answerTimeout = 2_000,
  bookSize = 256,
  tombstoneAge = 24 * 3_600_000,
  xbot,
  leaveTimeout = 1_000,
}: HyParViewMembershipOptions): Required<HyParViewMembershipOptions> {
  return {
    ...{ random, activeViewSize, passiveViewSize, arwl, prwl, shuffleInterval, shuffleActive, shufflePassive },
    ...{ replaceAfter, answerTimeout, bookSize, tombstoneAge, xbot, leaveTimeout },
  }
}
