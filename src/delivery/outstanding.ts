/**
 * What was sent of one stream and is not acknowledged, in the order of its numbers. Pure bookkeeping: it neither waits
 * nor sends.
 */
export class Outstanding<Message> {
  readonly #messages = new Map<number, Message>()
  /** Their numbers, rising; those that were given up are passed over. */
  #numbers: number[] = []
  #head = 0

  get size(): number {
    return this.#messages.size
  }

  /** The lowest number that is outstanding; undefined: nothing is. */
  get lowest(): number | undefined {
    while (this.#head < this.#numbers.length && !this.#messages.has(this.#numbers[this.#head] as number)) this.#head++
    if (this.#head > 1_024 && this.#head * 2 > this.#numbers.length) {
      this.#numbers = this.#numbers.slice(this.#head)
      this.#head = 0
    }
    return this.#numbers[this.#head]
  }

  /** The greatest number that is outstanding: what a receiver has to take before the next. */
  get greatest(): number | undefined {
    while (this.#numbers.length > this.#head && !this.#messages.has(this.#numbers.at(-1) as number)) this.#numbers.pop()
    return this.#numbers.length > this.#head ? this.#numbers.at(-1) : undefined
  }

  /** A message was sent, after all others that are outstanding. */
  sent(number: number, message: Message): void {
    this.#messages.set(number, message)
    this.#numbers.push(number)
  }

  /** Forgets a message that is not waited for any more. */
  giveUp(number: number): void {
    this.#messages.delete(number)
  }

  /** Every number up to `upTo` is settled: takes these out, in order. */
  settle(upTo: number): (readonly [number: number, message: Message])[] {
    const settled: (readonly [number, Message])[] = []
    for (let number = this.lowest; number !== undefined && number <= upTo; number = this.lowest) {
      settled.push([number, this.#messages.get(number) as Message])
      this.#messages.delete(number)
    }
    return settled
  }

  /** Takes out all that is outstanding, in order. */
  takeAll(): Message[] {
    const all = [...this.#messages.values()]
    this.#messages.clear()
    this.#numbers = []
    this.#head = 0
    return all
  }
}
