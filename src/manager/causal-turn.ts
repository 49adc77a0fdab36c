import type { Acceptor } from './registry.js'

/** A message that waits for those that it depends on, and then for its turn. */
export class CausalTurn {
  isOver = false
  readonly over: Promise<void>
  readonly #hand: (acceptor: Acceptor) => PromiseLike<unknown> | undefined
  readonly #acceptor: Acceptor
  #resolve = (): void => {}

  constructor(hand: (acceptor: Acceptor) => PromiseLike<unknown> | undefined, acceptor: Acceptor) {
    this.#hand = hand
    this.#acceptor = acceptor
    this.over = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  /** Hands it over; `given` is called, perhaps more than once, when its handler was given it or will not be. */
  begin(given: () => void): void {
    const acceptor = this.#acceptor
    const ended = (): void => {
      given()
      this.#end()
    }
    const handled = this.#hand({
      given: () => {
        acceptor.given()
        given()
      },
      held: given,
      handled: () => acceptor.handled(),
      failed: error => acceptor.failed(error),
    })
    if (handled === undefined) ended()
    else handled.then(ended, ended)
  }

  /** It was handed over before. */
  skip(): void {
    this.#acceptor.given()
    this.#acceptor.handled()
    this.#end()
  }

  /** It will not be handed over. */
  end(error: Error): void {
    this.#acceptor.failed(error)
    this.#end()
  }

  #end(): void {
    this.isOver = true
    this.#resolve()
  }
}
