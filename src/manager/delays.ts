import type { Clock, Millis } from '../core/time.js'

/** What interpositions hold back. It ends with this life of the node. */
export class Delays {
  readonly #clock: Clock
  readonly #held = new Set<(error: Error) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `run` after `delay`, or `ended` when the node stops before that. */
  hold(delay: Millis, run: () => void, ended: (error: Error) => void = () => {}): void {
    const cancel = this.#clock.schedule(delay, () => {
      this.#held.delete(end)
      run()
    })
    const end = (error: Error): void => {
      cancel()
      ended(error)
    }
    this.#held.add(end)
  }

  stop(error: () => Error): void {
    const held = [...this.#held]
    this.#held.clear()
    for (const end of held) end(error())
  }
}
