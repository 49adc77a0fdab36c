import type { Instant, Millis } from '../../core/time.js'
import { drainMicrotasks } from '../../runtime/microtasks.js'
import type { SimulatedClock } from './simulated-clock.js'

/** What somebody waits for while simulated time passes. */
interface Waiter {
  readonly condition: () => boolean
  readonly deadline: Instant
  /** How often it is asked; 0: after every event. */
  readonly every: Millis
  readonly end: (held: boolean) => void
  readonly fail: (error: unknown) => void
  next: Instant
}

/**
 * Lets simulated time pass for as long as anybody waits, and not longer: one loop for all who wait, so that two waits
 * at a time do not race. Promise reactions run after every event, and whoever has waited goes on before the next one.
 */
export class Driver {
  readonly #clock: SimulatedClock
  readonly #reacted: () => void
  readonly #waiters = new Set<Waiter>()
  #driving = false
  /** Events run, in all. */
  steps = 0

  /** `reacted` is called after every event, once promises have reacted to it. */
  constructor(clock: SimulatedClock, reacted: () => void) {
    this.#clock = clock
    this.#reacted = reacted
  }

  /**
   * Resolves with whether `condition` held within so many simulated milliseconds. Rejects when it throws, when an event
   * throws, or when time stands still while events follow each other without end.
   */
  wait(condition: () => boolean, within: Millis, every: Millis = 0): Promise<boolean> {
    const now = this.#clock.now()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        ...{ condition, deadline: now + within, every, next: now },
        end: held => {
          this.#waiters.delete(waiter)
          resolve(held)
        },
        fail: error => {
          this.#waiters.delete(waiter)
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      void this.#drive()
    })
  }

  async #drive(): Promise<void> {
    if (this.#driving) return
    this.#driving = true
    let still = 0
    while (this.#waiters.size > 0) {
      await drainMicrotasks()
      this.#reacted()
      const ended = this.#ask()
      if (this.#waiters.size === 0) break
      const before = this.#clock.now()
      try {
        // Whoever has waited goes on first, while what it waited for is so, and may end what others wait for.
        if (!ended) this.#advance()
      } catch (error) {
        // A timer's function threw, as an uncaught exception: whoever waits is told.
        for (const waiter of [...this.#waiters]) waiter.fail(error)
      }
      still = this.#clock.now() === before ? still + 1 : 0
      if (still > stillMax) {
        const error = new Error(`${stillMax} events ran and simulated time stood still at ${before} ms`)
        for (const waiter of [...this.#waiters]) waiter.fail(error)
      }
    }
    this.#driving = false
  }

  /** Whether anybody's wait ended. */
  #ask(): boolean {
    const now = this.#clock.now()
    const asked = [...this.#waiters]
    for (const waiter of asked) {
      if (now < waiter.next && now < waiter.deadline) continue
      waiter.next = now + waiter.every
      try {
        if (waiter.condition()) waiter.end(true)
        else if (now >= waiter.deadline) waiter.end(false)
      } catch (error) {
        waiter.fail(error)
      }
    }
    return asked.some(waiter => !this.#waiters.has(waiter))
  }

  /** The next event, or the next time at which somebody has to be asked, whichever comes first. */
  #advance(): void {
    let until = Number.POSITIVE_INFINITY
    for (const { deadline, every, next } of this.#waiters)
      until = Math.min(until, deadline, every > 0 ? next : deadline)
    const { next = Number.POSITIVE_INFINITY } = this.#clock
    if (next === until && next === Number.POSITIVE_INFINITY) {
      // Nothing will ever happen, and somebody waits for ever.
      for (const waiter of [...this.#waiters]) waiter.end(false)
    } else if (next > until) {
      this.#clock.advance(until - this.#clock.now())
    } else {
      this.steps++
      this.#clock.step()
    }
  }
}

/** No turn of a real program causes so many others at once. */
const stillMax = 1_000_000
