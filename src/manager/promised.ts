import type { Settler } from '../link/queue.js'

/** Tells the promise of a caller how its message ended. */
export class Promised implements Settler {
  readonly promise: Promise<void> = new Promise(keep)
  readonly #resolve = kept.resolve
  readonly #reject = kept.reject

  sent(): void {
    this.#resolve()
  }

  failed(error: Error): void {
    this.#reject(error)
  }
}

// One function for all: a closure for each message would be a third of what its promise takes.
const kept: { resolve: () => void; reject: (error: Error) => void } = { resolve: nobody, reject: nobody }
function keep(resolve: () => void, reject: (error: Error) => void): void {
  kept.resolve = resolve
  kept.reject = reject
}

function nobody(): void {}
