/** A binary heap of numbers, the lowest first. */
export class NumberHeap {
  readonly #numbers: number[] = []

  get size(): number {
    return this.#numbers.length
  }

  get lowest(): number | undefined {
    return this.#numbers[0]
  }

  add(number: number): void {
    let index = this.#numbers.length
    for (; index > 0; index = (index - 1) >> 1) {
      const parent = this.#at((index - 1) >> 1)
      if (parent <= number) break
      this.#numbers[index] = parent
    }
    this.#numbers[index] = number
  }

  removeLowest(): void {
    const number = this.#numbers.pop()
    if (number === undefined || this.#numbers.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const child = this.#at(left + 1) < this.#at(left) ? left + 1 : left
      if (number <= this.#at(child)) break
      this.#numbers[index] = this.#at(child)
      index = child
    }
    this.#numbers[index] = number
  }

  clear(): void {
    this.#numbers.length = 0
  }

  #at(index: number): number {
    return this.#numbers[index] ?? Number.POSITIVE_INFINITY
  }
}
