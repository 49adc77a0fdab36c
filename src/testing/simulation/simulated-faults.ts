import { foldSeed, SeededRandom } from '../../core/random.js'
import { hashPartitionKey } from '../../core/stream.js'
import type { Millis } from '../../core/time.js'
import type { NetworkConditions } from '../../transport/memory.js'

/** How long things take between two hosts. */
export interface LatencyOptions {
  /** One way, in milliseconds. Default 0.5. */
  readonly least?: Millis
  /** What is added on average, exponentially distributed. Default 2. */
  readonly mean?: Millis
  /** The share of parcels that take twenty times as long. Default 0.01. */
  readonly tail?: number
}

/** One direction between two hosts. */
interface Way {
  /** How many faults hold it. */
  held: number
  /** How many faults refuse its dials, and let them hang. */
  refused: number
  hung: number
  readonly random: SeededRandom
}

/**
 * The faults in force between hosts, counted: two that overlap end one by one. What is held waits, as in TCP, which
 * sends again until something comes through.
 */
export class SimulatedFaults implements NetworkConditions {
  readonly #latency: Required<LatencyOptions>
  readonly #ways = new Map<string, Way>()
  readonly #seed: number
  readonly #deaf: (host: string) => boolean
  readonly #absent: (host: string) => boolean
  #factor = 1

  /** `deaf`: that host takes nothing for now. `absent`: it is not even there to refuse. */
  constructor(
    latency: LatencyOptions,
    seed: number,
    deaf: (host: string) => boolean,
    absent: (host: string) => boolean,
  ) {
    const { least = 0.5, mean = 2, tail = 0.01 } = latency
    this.#latency = { least, mean, tail }
    this.#seed = seed
    this.#deaf = deaf
    this.#absent = absent
  }

  latency(from: string, to: string): Millis {
    const { least, mean, tail } = this.#latency
    const { random } = this.#way(from, to)
    const spread = -Math.log(1 - random.next()) * mean
    const millis = (least + spread) * (random.next() < tail ? tailFactor : 1) * this.#factor
    // Whole microseconds, so that nobody depends on the last bits of a logarithm.
    return Math.ceil(millis * 1_000) / 1_000
  }

  holds(from: string, to: string): boolean {
    return (this.#ways.get(key(from, to))?.held ?? 0) > 0 || this.#deaf(to)
  }

  dial(from: string, to: string): 'pass' | 'refuse' | 'hang' {
    const way = this.#way(from, to)
    if (way.hung > 0 || this.#absent(to)) return 'hang'
    return way.refused > 0 ? 'refuse' : 'pass'
  }

  /** Whether a fault holds that direction. */
  held(from: string, to: string): boolean {
    return (this.#ways.get(key(from, to))?.held ?? 0) > 0
  }

  /** Whether no dial in that direction can succeed. */
  barred(from: string, to: string): boolean {
    const way = this.#ways.get(key(from, to))
    return way !== undefined && (way.refused > 0 || way.hung > 0)
  }

  hold(from: string, to: string, by: 1 | -1): void {
    this.#way(from, to).held += by
  }

  refuse(from: string, to: string, by: 1 | -1): void {
    this.#way(from, to).refused += by
  }

  hang(from: string, to: string, by: 1 | -1): void {
    this.#way(from, to).hung += by
  }

  /** Everything takes so many times as long. Factors multiply. */
  scale(factor: number): void {
    this.#factor *= factor
  }

  /** Each direction draws from a generator of its own: what happens elsewhere does not change its delays. */
  #way(from: string, to: string): Way {
    let way = this.#ways.get(key(from, to))
    if (way === undefined) {
      way = { held: 0, refused: 0, hung: 0, random: seededFor(this.#seed, key(from, to)) }
      this.#ways.set(key(from, to), way)
    }
    return way
  }
}

/** A generator that belongs to `name` alone: what others draw does not disturb it. */
export function seededFor(seed: number, name: string): SeededRandom {
  return new SeededRandom((foldSeed(seed) ^ hashPartitionKey(name)) >>> 0)
}

/** How many times as long the parcels of the tail take. */
export const tailFactor = 20

function key(from: string, to: string): string {
  return `${from} ${to}`
}
