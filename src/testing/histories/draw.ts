import { type SeededRandom, sample } from '../../core/random.js'
import type { Millis } from '../../core/time.js'

/** What can be drawn from a seeded generator. */
export class Draw {
  readonly #random: SeededRandom

  constructor(random: SeededRandom) {
    this.#random = random
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#random.next() * (most - least + 1))
  }

  /** Each order of magnitude is equally likely. */
  magnitude(least: number, most: number): number {
    return least * (most / least) ** this.#random.next()
  }

  /** Whole milliseconds, exponentially distributed: mostly short, at times long. */
  millis(mean: Millis, most: Millis): Millis {
    return Math.min(Math.round(-Math.log(1 - this.#random.next()) * mean), most)
  }

  /** The seed of another generator. */
  seed(): number {
    return Math.floor(this.#random.next() * 4_294_967_296)
  }

  /** Some of them, in random order. */
  some<Item>(items: readonly Item[], count: number): Item[] {
    return sample(this.#random, items, count)
  }

  /** One of them; there has to be one. */
  one<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random.next() * items.length)] as Item
  }

  /** Two different ones. */
  two<Item>(items: readonly Item[]): readonly [Item, Item] {
    return this.some(items, 2) as [Item, Item]
  }

  /** All of them, in two groups; neither is empty. There have to be two. */
  groups<Item>(items: readonly Item[]): readonly [Item[], Item[]] {
    const shuffled = this.some(items, items.length)
    const size = this.whole(1, shuffled.length - 1)
    return [shuffled.slice(0, size), shuffled.slice(size)]
  }

  /** One of those that are weighted above 0, or undefined when there is none. */
  weighted<Item>(weights: ReadonlyMap<Item, number>): Item | undefined {
    let left = 0
    for (const weight of weights.values()) left += weight
    left *= this.#random.next()
    let last: Item | undefined
    for (const [item, weight] of weights) {
      if (weight <= 0) continue
      last = item
      left -= weight
      if (left < 0) break
    }
    return last
  }
}
