import { InvalidOptionError } from '../core/errors.js'
import { fnv1a32 } from '../core/fnv.js'
import { isCount } from '../manager/checks.js'
import { digestOf, type PoolKey } from './zeek-key.js'

const multiplier = 1_103_515_245
const increment = 12_345
const low31 = 0x7fffffff

/** FNV-1a, 64 bit. Pools do not use it; Zeek has it beside the one of 32 bits. */
export function fnv1a64(data: string | Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of typeof data === 'string' ? new TextEncoder().encode(data) : data) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash
}

/**
 * Zeek's weight of a site for a key, from 0 to 2^31 - 1: that of Thaler and Ravishankar, "A name-based mapping scheme
 * for rendezvous", CSE-TR-316-96. The arithmetic is modulo 2^32; of the key's digest the low 31 bits count.
 */
export function hrwWeight(keyDigest: number, siteId: number): number {
  return weightOf(keyDigest & low31, scrambleSite(siteId))
}

/** What of a weight depends on the site alone. */
export function scrambleSite(siteId: number): number {
  return (Math.imul(multiplier, siteId) + increment) | 0
}

/** The weight of a key, whose digest has 31 bits, for a site that was scrambled. */
export function weightOf(digest: number, scrambled: number): number {
  return (Math.imul(multiplier, scrambled ^ digest) + increment) & low31
}

/** The alias of a node, and its id, by which sites of a pool are told apart: the first that nobody has. */
export function siteOf(
  name: string,
  isTaken: (id: number) => boolean,
): { readonly alias: string; readonly id: number } {
  for (let count = 0; ; count++) {
    const alias = `${name}.${count}`
    const id = fnv1a32(alias)
    if (!isTaken(id)) return { alias, id }
  }
}

/** A place that keys are mapped to. */
export interface HrwSite<Data = unknown> {
  /** From 0 to 2^32 - 1. */
  readonly id: number
  readonly userData: Data
}

/** Zeek's `HashHRW::Pool`, for ids of your own; pools of nodes do not need it. */
export class HrwSites<Data = unknown> {
  readonly #sites = new Map<number, HrwSite<Data>>()

  /** By their ids. */
  get sites(): ReadonlyMap<number, HrwSite<Data>> {
    return this.#sites
  }

  /** Whether it was added: false when its id is there already. */
  addSite(site: HrwSite<Data>): boolean {
    const { id } = site
    if (!isCount(id) || id > 0xffffffff) {
      throw new InvalidOptionError('site.id', 'a whole number from 0 to 4,294,967,295', id)
    }
    if (this.#sites.has(site.id)) return false
    this.#sites.set(site.id, site)
    return true
  }

  /** Whether it was there. */
  removeSite(site: Pick<HrwSite, 'id'>): boolean {
    return this.#sites.delete(site.id)
  }

  /** The site of the greatest weight, of the greatest id where two have that. Undefined where there is none. */
  getSite(key: PoolKey): HrwSite<Data> | undefined {
    const digest = digestOf(key)
    let best: HrwSite<Data> | undefined
    let most = -1
    for (const site of this.#sites.values()) {
      const weight = hrwWeight(digest, site.id)
      if (weight < most || (weight === most && site.id < (best?.id ?? -1))) continue
      best = site
      most = weight
    }
    return best
  }
}
