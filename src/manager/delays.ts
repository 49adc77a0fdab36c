import type { Clock } from '../core/time.js'
import type { Outcome } from '../fault/interposition.js'

/** Passages that are held at a time; what the bounds of queues and credit do not cover ends here. */
export const heldMax = 65_536

/** What interpositions hold back. It ends with this life of the node. */
export class Delays {
  readonly #clock: Clock
  readonly #held = new Set<(error: Error) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Calls `run` when everything that holds a passage is over, or `ended` when the node stops before that. Returns what
   * calls neither; undefined, and nothing is held, when too many are.
   */
  hold(
    { holds, delay }: Pick<Outcome, 'holds' | 'delay'>,
    run: () => void,
    ended: (error: Error) => void = () => {},
  ): (() => void) | undefined {
    if (this.#held.size >= heldMax) return undefined
    let cancelTimer: (() => void) | undefined
    const cancel = (): void => {
      this.#held.delete(end)
      cancelTimer?.()
    }
    const end = (error: Error): void => {
      cancel()
      ended(error)
    }
    const go = (): void => {
      if (this.#held.delete(end)) run()
    }
    const later = (): void => {
      if (!this.#held.has(end)) return
      // By the clock in any case, so that it goes on with its node or not at all: a simulated one may be gone.
      if (delay === 0) this.#clock.defer(go)
      else cancelTimer = this.#clock.schedule(delay, go)
    }
    this.#held.add(end)
    if (holds.length === 0) later()
    else void Promise.all(holds).then(later)
    return cancel
  }

  stop(error: () => Error): void {
    for (const end of [...this.#held]) end(error())
  }
}
