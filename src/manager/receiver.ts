import { NoSuchServerError } from '../core/errors.js'
import type { Clock, Instant } from '../core/time.js'
import { ExpiredError, UnansweredError } from './error-reports.js'
import type { Delivery, MessageContext } from './servers.js'

/** What an iterator needs of the registry. */
export interface ReceiverContext {
  readonly server: string
  readonly self: () => string
  readonly clock: Clock
  readonly expiryOf: (context: MessageContext) => Instant
  /** The deadline of a message passed before it was taken. */
  readonly expired: () => void
  /** Ends the registration. */
  readonly dispose: () => void
}

/** A message that was not taken yet: either it is, or `dismissed` says why it will not be. */
interface Held {
  readonly delivery: Delivery
  readonly expires: Instant
  /** Returns the sender's credit, except for a request, whose answer does. */
  readonly taken: () => void
  readonly dismissed: (error: Error) => void
}

/**
 * The iterator of one server. It holds what arrived and was not taken; a message's credit returns when it is taken, so
 * what it holds is bounded by the credit that the senders were granted.
 */
export class Receiver implements AsyncIterableIterator<Delivery>, AsyncDisposable {
  readonly #context: ReceiverContext
  readonly #held: Held[] = []
  readonly #waiting: ((result: IteratorResult<Delivery>) => void)[] = []
  /** What rejects each request that was taken and not answered. */
  readonly #unanswered = new Set<(error: Error) => void>()
  #ended = false

  constructor(context: ReceiverContext) {
    this.#context = context
  }

  /** Holds a message. Resolves when it is taken; a request's resolves with its reply. */
  push(message: unknown, context: MessageContext, asks: boolean): Promise<unknown> {
    const expires = this.#context.expiryOf(context)
    return new Promise((resolve, dismissed) => {
      if (!asks) {
        this.#hold({ delivery: { ...context, message }, expires, taken: () => resolve(undefined), dismissed })
        return
      }
      const reply = (value: unknown): void => {
        this.#unanswered.delete(dismissed)
        resolve(value)
      }
      const taken = (): void => void this.#unanswered.add(dismissed)
      this.#hold({ delivery: { ...context, message, reply }, expires, taken, dismissed })
    })
  }

  next(): Promise<IteratorResult<Delivery>> {
    const { server, clock, expired } = this.#context
    for (let held = this.#held.shift(); held !== undefined; held = this.#held.shift()) {
      if (held.expires > clock.now()) {
        held.taken()
        return Promise.resolve({ done: false, value: held.delivery })
      }
      expired()
      held.dismissed(new ExpiredError(server))
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /**
   * Ends the iterator and the registration. What it has not taken was not handled. A request that it has taken, and not
   * answered, may have been.
   */
  return(): Promise<IteratorResult<Delivery>> {
    if (!this.#ended) {
      this.#ended = true
      const { dispose, self, server } = this.#context
      dispose()
      for (const { dismissed } of this.#held.splice(0)) dismissed(new NoSuchServerError(self(), server))
      for (const dismissed of this.#unanswered) dismissed(new UnansweredError(self()))
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
