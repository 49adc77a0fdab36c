/** What waits in line, over an array: the front moves, and the array is thrown away when all of it has been taken. */
export class Fifo<Item> {
  #items: Item[] = []
  #front = 0

  get size(): number {
    return this.#items.length - this.#front
  }

  get first(): Item | undefined {
    return this.#items[this.#front]
  }

  get last(): Item | undefined {
    return this.#items.at(-1)
  }

  add(item: Item): void {
    this.#items.push(item)
  }

  /** Takes the first away; there has to be one. */
  removeFirst(): void {
    this.#front++
    if (this.#front === this.#items.length) return this.clear()
    // What was taken away is not kept by a queue that is never empty.
    if (this.#front < compactFrom || this.#front * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#front)
    this.#front = 0
  }

  clear(): void {
    this.#items = []
    this.#front = 0
  }
}

const compactFrom = 1_024
