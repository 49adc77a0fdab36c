import { within } from './deadline.js'

/** Those who wait until something about their owner holds. */
export class Waiters {
  readonly #wakes = new Set<() => void>()

  /** Something happened: everybody looks again. */
  wake(): void {
    for (const wake of this.#wakes) wake()
  }

  /** Resolves when `condition` holds, which is asked whenever something happens. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return within(
      new Promise(resolve => {
        const wake = (): void => {
          if (!condition()) return
          this.#wakes.delete(wake)
          resolve()
        }
        this.#wakes.add(wake)
      }),
    )
  }
}
