import type { ValueLimits } from '../codec/value-encoder.js'
import type { Clock, Millis } from '../core/time.js'
import type { Interpositions, Outcome, Passage } from '../fault/interposition.js'
import type { IncomingExtra } from '../link/inbound.js'
import type { CausalLabels } from './causal-labels.js'
import type { Counters } from './counters.js'
import type { Delays } from './delays.js'
import type { Registry } from './registry.js'

/** What the way of a message from its lane to its server needs, acknowledged or not. */
export interface IncomingContext {
  readonly registry: Registry
  readonly interpositions: Interpositions
  readonly delays: Delays
  readonly counters: Counters
  readonly clock: Clock
  readonly valueLimits: ValueLimits
  readonly causal: CausalLabels
  /** Asks the interpositions. */
  judge(passage: Passage): Outcome
}

/** The time that a message was held here counts against its deadline. */
export function aged(extra: IncomingExtra, held: Millis): IncomingExtra {
  return extra.budget === undefined || held === 0 ? extra : { ...extra, budget: Math.max(0, extra.budget - held) }
}
