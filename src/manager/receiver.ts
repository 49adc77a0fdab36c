import type { Delivery, MessageContext } from './servers.js'

/**
 * A message that was not taken yet. `taken` returns the sender's credit; for a request, `answered` carries the reply.
 */
interface Held {
  readonly delivery: Delivery
  readonly taken: () => void
  readonly dismissed: () => void
}

/**
 * The iterator of one server. It holds what arrived and was not taken; a message's credit returns when it is taken, so
 * what it holds is bounded by the credit that the senders were granted.
 */
export class Receiver implements AsyncIterableIterator<Delivery>, AsyncDisposable {
  readonly #dispose: () => void
  readonly #noServer: () => Error
  readonly #held: Held[] = []
  readonly #waiting: ((result: IteratorResult<Delivery>) => void)[] = []
  readonly #unanswered = new Set<() => void>()
  #ended = false

  constructor(dispose: () => void, noServer: () => Error) {
    this.#dispose = dispose
    this.#noServer = noServer
  }

  /** Holds a message. Resolves when it is taken; a request's resolves with its reply. */
  push(message: unknown, context: MessageContext, asks: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const dismissed = (): void => reject(this.#noServer())
      if (!asks) {
        this.#hold({ delivery: { ...context, message }, taken: () => resolve(undefined), dismissed })
        return
      }
      this.#unanswered.add(dismissed)
      const reply = (value: unknown): void => {
        this.#unanswered.delete(dismissed)
        resolve(value)
      }
      this.#hold({ delivery: { ...context, message, reply }, taken: () => {}, dismissed })
    })
  }

  next(): Promise<IteratorResult<Delivery>> {
    const held = this.#held.shift()
    if (held !== undefined) {
      held.taken()
      return Promise.resolve({ done: false, value: held.delivery })
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Ends the iterator and the registration. Requests that were not answered reject with `NoSuchServerError`. */
  return(): Promise<IteratorResult<Delivery>> {
    if (!this.#ended) {
      this.#ended = true
      this.#dispose()
      for (const held of this.#held.splice(0)) held.dismissed()
      for (const dismissed of this.#unanswered) dismissed()
      this.#unanswered.clear()
      for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined })
    }
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #hold(held: Held): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) {
      this.#held.push(held)
      return
    }
    held.taken()
    waiting({ done: false, value: held.delivery })
  }
}
