import type { Settler } from '../link/queue.js'

/** Tells the promise of a caller how its message ended. */
export class Promised implements Settler {
  readonly promise: Promise<void>
  #resolve: () => void = nobody
  #reject: (error: Error) => void = nobody

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  sent(): void {
    this.#resolve()
  }

  failed(error: Error): void {
    this.#reject(error)
  }
}

function nobody(): void {}
