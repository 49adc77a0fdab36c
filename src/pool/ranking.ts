import { fnv1a32 } from '../core/fnv.js'
import { lowerBound } from './bytewise.js'
import { mixedWeight, precedesByName } from './hash.js'

interface Ranked {
  readonly name: string
  readonly weight: number
}

/**
 * Names of nodes in the order of their weights for a topic, by `fmix32-v1`: by name alone, so that what other pools
 * have does not change the order.
 */
export class Ranking {
  readonly #digest: number
  readonly #ranked: Ranked[]

  constructor(topic: string, names: readonly string[]) {
    this.#digest = fnv1a32(topic)
    this.#ranked = names.map(name => this.#weigh(name)).sort((one, other) => this.#compare(one, other))
  }

  /** The first in rank first. */
  get order(): readonly { readonly name: string }[] {
    return this.#ranked
  }

  add(name: string): void {
    const ranked = this.#weigh(name)
    this.#ranked.splice(this.#placeOf(ranked), 0, ranked)
  }

  delete(name: string): void {
    this.#ranked.splice(this.#placeOf(this.#weigh(name)), 1)
  }

  #weigh(name: string): Ranked {
    return { name, weight: mixedWeight(this.#digest, name) }
  }

  #placeOf(ranked: Ranked): number {
    return lowerBound(this.#ranked, each => this.#compare(each, ranked))
  }

  #compare(one: Ranked, other: Ranked): number {
    if (one.weight !== other.weight) return other.weight - one.weight
    if (one.name === other.name) return 0
    return precedesByName(this.#digest, one.name, other.name) ? -1 : 1
  }
}
