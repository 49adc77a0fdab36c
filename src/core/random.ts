/** Chance as a dependency, for jitter and sampling. Never used for secrets: see {@link Entropy}. */
export interface Random {
  /** The next number in [0, 1). */
  next(): number
}

/** Unpredictable bytes, for nonces. `node:crypto` unless a test says otherwise. */
export interface Entropy {
  /** So many bytes that nobody can guess. */
  bytes(count: number): Uint8Array
}

/**
 * A seeded generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32. One seed, one sequence, on
 * every platform. A seed is any safe integer.
 */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    const split = splitMix(seed)
    this.#a = split()
    this.#b = split()
    this.#c = split()
    for (let round = 0; round < 12; round++) this.next()
  }

  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }

  /** A generator of its own, so that what one node draws does not disturb another. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.next() * 4_294_967_296))
  }
}

/** Up to `count` different items, in random order, each subset equally likely (partial Fisher-Yates). */
export function sample<Item>(random: Random, items: readonly Item[], count: number): Item[] {
  const pool = [...items]
  const wanted = Math.min(count, pool.length)
  for (let index = 0; index < wanted; index++) {
    const other = index + Math.floor(random.next() * (pool.length - index))
    const taken = pool[other] as Item
    pool[other] = pool[index] as Item
    pool[index] = taken
  }
  pool.length = wanted
  return pool
}

/** 32 bits of a seed, in which its higher bits count too: those of a seed from 0 to 2^32 - 1 are the seed itself. */
export function foldSeed(seed: number): number {
  return ((seed | 0) + Math.imul(Math.floor(seed / 4_294_967_296), 0x9e3779b1)) >>> 0
}

function splitMix(seed: number): () => number {
  let state = foldSeed(seed) | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return mixed ^ (mixed >>> 15)
  }
}
