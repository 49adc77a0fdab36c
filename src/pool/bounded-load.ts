import { InvalidOptionError } from '../core/errors.js'
import type { PoolKey } from './zeek-key.js'

/** What a bounded load needs of a pool. */
export interface RankedPool {
  readonly sites: { readonly size: number }
  /** The first in the order in which they would own a key. */
  ranked(key: PoolKey, count: number): readonly { readonly name: string }[]
}

/** Work that was given to a node. Dispose it when the work is done. */
export interface Lease extends Disposable {
  /** The node that has it. */
  readonly node: string
}

/**
 * Gives each key to the first in its rank that is not too busy: no node has more than `factor` times the mean of what
 * is under way, so a hot key is spread over as many as it takes. After Mirrokni, Thorup and Zadimoghaddam, "Consistent
 * hashing with bounded loads", 2016. It counts what this node gives out, and knows nothing of what others do.
 */
export class BoundedLoad {
  readonly #pool: RankedPool
  readonly #factor: number
  /** Leases under way, by node. A node without any has no entry. */
  readonly #loads = new Map<string, number>()
  #total = 0

  /** `factor` is above 1. Default 1.25. */
  constructor(pool: RankedPool, { factor = 1.25 }: { readonly factor?: number } = {}) {
    checkFactor('factor', factor)
    this.#pool = pool
    this.#factor = factor
  }

  /** What is under way at each node that has anything. */
  get loads(): ReadonlyMap<string, number> {
    return this.#loads
  }

  /** Gives the key to a node, of those that are not `excluded`; undefined where there is none. */
  acquire(key: PoolKey, factor: number = this.#factor, excluded?: ReadonlySet<string>): Lease | undefined {
    const count = this.#pool.sites.size
    const cap = Math.ceil((factor * (this.#total + 1)) / Math.max(1, count))
    // Most often it is one of the first: to rank them all takes longer.
    for (let looked = Math.min(2, count); ; looked = Math.min(4 * looked, count)) {
      const open = this.#pool.ranked(key, looked).filter(({ name }) => excluded?.has(name) !== true)
      const found = open.find(({ name }) => (this.#loads.get(name) ?? 0) < cap)
      if (found !== undefined) return this.#lease(found.name)
      // All cannot be at the cap, or together they would have more than there is, unless some are left out.
      if (looked === count) return open[0] && this.#lease(open[0].name)
    }
  }

  #lease(node: string): Lease {
    this.#loads.set(node, (this.#loads.get(node) ?? 0) + 1)
    this.#total++
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      this.#total--
      const left = (this.#loads.get(node) ?? 1) - 1
      if (left > 0) this.#loads.set(node, left)
      else this.#loads.delete(node)
    }
    return { node, [Symbol.dispose]: end }
  }
}

/** A cap below the mean could never be kept. */
export function checkFactor(option: string, factor: unknown): asserts factor is number {
  if (typeof factor === 'number' && factor > 1 && Number.isFinite(factor)) return
  throw new InvalidOptionError(option, 'a number above 1', factor)
}
