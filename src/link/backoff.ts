import type { Random } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'

/** The first wait is drawn from up to this. */
const backoffFirst: Millis = 100
/** No wait is longer while the peer has not been away for long. */
const backoffNear: Millis = 1_000
/** No wait is ever longer. */
const backoffFar: Millis = 30_000
/** A peer that cannot be reached for so long is long absent. */
const longAbsence: Millis = 60_000

/**
 * When to dial again: waits double, each drawn evenly from its upper half (half jitter), up to a second; up to half a
 * minute once the peer has been away for a minute. It never gives up.
 */
export class Backoff {
  readonly #random: Random
  #failures = 0
  #since: Instant | undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** A dial failed: how long to wait for the next. */
  failed(now: Instant): Millis {
    this.#since ??= now
    const cap = now - this.#since >= longAbsence ? backoffFar : backoffNear
    const longest = Math.min(cap, backoffFirst * 2 ** Math.min(this.#failures, 20))
    this.#failures++
    return longest * (0.5 + 0.5 * this.#random.next())
  }

  /** The network works, here or elsewhere: begin anew. */
  reset(): void {
    this.#failures = 0
    this.#since = undefined
  }
}
