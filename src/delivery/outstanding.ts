/**
 * What was sent of one stream and is not acknowledged, in the order of its numbers. Pure bookkeeping: it neither waits
 * nor sends.
 */
export class Outstanding<Message> {
  /** Rising. */
  #numbers: number[] = []
  /** Of the same index; undefined: it was given up. */
  #messages: (Message | undefined)[] = []
  #head = 0
  /** How many were neither settled nor given up. */
  #live = 0

  /** The lowest number that is outstanding; undefined: nothing is. */
  get lowest(): number | undefined {
    while (this.#head < this.#numbers.length && this.#messages[this.#head] === undefined) this.#head++
    if (this.#head > 1_024 && this.#head * 2 > this.#numbers.length) {
      this.#numbers = this.#numbers.slice(this.#head)
      this.#messages = this.#messages.slice(this.#head)
      this.#head = 0
    }
    return this.#numbers[this.#head]
  }

  /** The greatest number that is outstanding: what a receiver has to take before the next. */
  get greatest(): number | undefined {
    while (this.#numbers.length > this.#head && this.#messages[this.#numbers.length - 1] === undefined) {
      this.#numbers.pop()
      this.#messages.pop()
    }
    return this.#numbers.length > this.#head ? this.#numbers[this.#numbers.length - 1] : undefined
  }

  /** A message was sent, after all others that are outstanding. */
  sent(number: number, message: Message): void {
    this.#numbers.push(number)
    this.#messages.push(message)
    this.#live++
  }

  /** Forgets a message that is not waited for any more. */
  giveUp(number: number): void {
    const at = this.#indexOf(number)
    if (this.#numbers[at] !== number || this.#messages[at] === undefined) return
    this.#messages[at] = undefined
    this.#live--
  }

  /**
   * Every number up to `upTo` is settled but those of the `open` runs, given by the first and the last of each: takes
   * what is settled out, in order, and hands each to `each`.
   */
  settle(upTo: number, open: readonly number[], each: (message: Message, number: number) => void): void {
    if (open.length > 0) return this.#settleSome(upTo, open, each)
    for (let number = this.lowest; number !== undefined && number <= upTo; number = this.lowest) {
      const message = this.#messages[this.#head] as Message
      this.#messages[this.#head++] = undefined
      this.#live--
      each(message, number)
    }
  }

  #settleSome(upTo: number, open: readonly number[], each: (message: Message, number: number) => void): void {
    const settled: [message: Message, number: number][] = []
    let next = 0
    for (let at = this.#head; at < this.#numbers.length && (this.#numbers[at] as number) <= upTo; at++) {
      const number = this.#numbers[at] as number
      const message = this.#messages[at]
      while (next < open.length && (open[next + 1] as number) < number) next += 2
      if (message === undefined || (open[next] as number) <= number) continue
      this.#messages[at] = undefined
      settled.push([message, number])
    }
    this.#live -= settled.length
    this.#compact()
    // Whoever is told may send, or give up, at once.
    for (const [message, number] of settled) each(message, number)
  }

  /** Takes out all that is outstanding above `number`, in order. */
  takeAfter(number: number): Message[] {
    const at = this.#indexOf(number + 1)
    const taken = this.#messages.splice(at).filter(message => message !== undefined)
    this.#numbers.length = at
    this.#live -= taken.length
    return taken
  }

  /** While a message is open for long, those after it come and go. */
  #compact(): void {
    if (this.#numbers.length - this.#head <= 2 * this.#live + 1_024) return
    const kept = [...this.#messages.keys()].filter(at => at >= this.#head && this.#messages[at] !== undefined)
    this.#numbers = kept.map(at => this.#numbers[at] as number)
    this.#messages = kept.map(at => this.#messages[at])
    this.#head = 0
  }

  /** Where a number stands, or would. */
  #indexOf(number: number): number {
    let low = this.#head
    let high = this.#numbers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#numbers[middle] as number) < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
