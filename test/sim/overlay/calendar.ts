import type { Instant, Millis } from '../../../src/core/time.js'

/** Things are done in steps of so long. */
const day: Millis = 5

/**
 * What is to be done when, in the order of days and, on one day, in that in which it was asked for. Cheaper than a heap
 * for millions of events within a minute of each other (Brown, "Calendar queues", 1988).
 */
export class Calendar {
  readonly #days = new Map<number, (() => void)[]>()
  #today = 0

  get now(): Instant {
    return this.#today * day
  }

  /** On a later day, at the earliest tomorrow; with nothing to wait for, today. */
  after(millis: Millis, wake: () => void): void {
    const on = this.#today + (millis === 0 ? 0 : Math.max(1, Math.round(millis / day)))
    const events = this.#days.get(on)
    if (events === undefined) this.#days.set(on, [wake])
    else events.push(wake)
  }

  run(millis: Millis): void {
    const end = this.#today + Math.round(millis / day)
    for (; this.#today < end; this.#today++) {
      const events = this.#days.get(this.#today)
      if (events === undefined) continue
      // It may grow while it is gone through.
      for (const wake of events) wake()
      this.#days.delete(this.#today)
    }
  }
}
