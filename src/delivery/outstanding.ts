/**
 * What was sent of one stream and is not acknowledged, in the order of its numbers. Pure bookkeeping: it neither waits
 * nor sends.
 */
export class Outstanding<Message> {
  readonly #messages = new Map<number, Message>()

  get size(): number {
    return this.#messages.size
  }

  /** The lowest number that is outstanding, which is what a receiver still has to wait for; undefined: nothing is. */
  get lowest(): number | undefined {
    for (const number of this.#messages.keys()) return number
    return undefined
  }

  /** A message was sent. Numbers rise, but for those that were taken out by {@link takeAbove}. */
  sent(number: number, message: Message): void {
    this.#messages.set(number, message)
  }

  /** Forgets a message that is not waited for any more. */
  giveUp(number: number): void {
    this.#messages.delete(number)
  }

  /** Every number up to `upTo` is settled: takes these out, in order. */
  settle(upTo: number): (readonly [number: number, message: Message])[] {
    return this.#take(number => number <= upTo)
  }

  /** Takes out what has to be sent again, in order: everything above `upTo`. */
  takeAbove(upTo: number): Message[] {
    return this.#take(number => number > upTo).map(([, message]) => message)
  }

  #take(wanted: (number: number) => boolean): (readonly [number: number, message: Message])[] {
    const taken = [...this.#messages].filter(([number]) => wanted(number))
    for (const [number] of taken) this.#messages.delete(number)
    return taken
  }
}
