import type { Millis } from '../core/time.js'
import type { IncomingExtra } from '../link/inbound.js'

/** The time that a message was held here counts against its deadline. */
export function aged(extra: IncomingExtra, held: Millis): IncomingExtra {
  return extra.budget === undefined || held === 0 ? extra : { ...extra, budget: Math.max(0, extra.budget - held) }
}
