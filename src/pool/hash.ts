import { fnv1a32 } from '../core/fnv.js'
import { finishHash } from '../core/stream.js'
import { compareBytewise, lowerBound } from './bytewise.js'
import { scrambleSite, siteOf, weightOf } from './zeek-hash.js'

/**
 * How the owner of a key is chosen, by name and version, so that nodes can tell whether they agree. `fmix32-v1`: fair
 * in shares, and to who takes over from a dead node. `zeek-7.1`: Zeek's own, to the bit.
 */
export type HashName = 'fmix32-v1' | 'zeek-7.1'

/** The names of all hashes. */
export const hashNames: readonly HashName[] = ['fmix32-v1', 'zeek-7.1']

/** What tells nodes of a pool apart. */
export interface SiteIdentity {
  readonly name: string
  /** Zeek's name of the site: that of the node, a dot, and a count. With `fmix32-v1` the name itself. */
  readonly alias: string
  /** With `zeek-7.1` 32 bits; with `fmix32-v1` 53, so that no two nodes have the same. */
  readonly siteId: number
}

/** The nodes among which the owner of a key is chosen. */
export interface Sites<Node extends SiteIdentity> {
  /** The owner of a key with that digest; undefined where there are no nodes. Allocates nothing. */
  owner(digest: number): Node | undefined
  /** The first `count` in the order in which they would own the key. */
  ranked(digest: number, count: number): Node[]
}

/** The identities of nodes of one pool, in their order. */
export function identify(hash: HashName, names: readonly string[]): SiteIdentity[] {
  if (hash === 'fmix32-v1') return names.map(name => ({ name, alias: name, siteId: wideId(name) }))
  const taken = new Set<number>()
  return names.map(name => {
    const { alias, id } = siteOf(name, each => taken.has(each))
    taken.add(id)
    return { name, alias, siteId: id }
  })
}

/** Makes ready what of the weights does not depend on the key. */
export function sitesOf<Node extends SiteIdentity>(hash: HashName, nodes: readonly Node[]): Sites<Node> {
  return hash === 'zeek-7.1' ? new ZeekSites(nodes) : new MixedSites(nodes)
}

/** Another start than that of FNV-1a makes another hash of it. */
const otherStart = 0x9747b28c
const lowWord = 4_294_967_296
/** The least number of 32 bits; combined with it, unsigned numbers are in the order of signed ones. */
const lowest = -2_147_483_648

/** 32 bits of one hash of a name, below 21 bits of another. */
function wideId(name: string): number {
  return (fnv1a32(name, otherStart) >>> 11) * lowWord + fnv1a32(name)
}

/**
 * Rendezvous hashing with MurmurHash3's fmix32 over the digest of the key and a scrambled hash of the node's name. Two
 * nodes tie if and only if those 32 bits of theirs are the same, and then for all keys: another hash decides between
 * them, for each key anew, and at last the name.
 */
class MixedSites<Node extends SiteIdentity> implements Sites<Node> {
  readonly #nodes: readonly Node[]
  readonly #seeds: Int32Array

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes
    this.#seeds = Int32Array.from(nodes, ({ siteId }) => finishHash(siteId % lowWord))
  }

  owner(digest: number): Node | undefined {
    const seeds = this.#seeds
    let best = 0
    let most = lowest
    for (let index = 0; index < seeds.length; index++) {
      // The body of `finishHash`, of which this loop is made, up to its sign: signed numbers are quicker to compare.
      let mixed = digest ^ (seeds[index] as number)
      mixed ^= mixed >>> 16
      mixed = Math.imul(mixed, 0x85ebca6b)
      mixed ^= mixed >>> 13
      mixed = Math.imul(mixed, 0xc2b2ae35)
      const weight = mixed ^ (mixed >>> 16) ^ lowest
      if (weight < most || (weight === most && !this.#precedes(digest, index, best))) continue
      best = index
      most = weight
    }
    return this.#nodes[best]
  }

  ranked(digest: number, count: number): Node[] {
    const weights = new Uint32Array(this.#seeds.length)
    for (let index = 0; index < weights.length; index++) {
      weights[index] = finishHash(digest ^ (this.#seeds[index] as number))
    }
    return firstOf(this.#nodes, weights, count, (one, other) => this.#precedes(digest, one, other))
  }

  #precedes(digest: number, one: number, other: number): boolean {
    return precedesByName(digest, (this.#nodes[one] as Node).name, (this.#nodes[other] as Node).name)
  }
}

/** The weight of a node, by `fmix32-v1`. */
export function mixedWeight(digest: number, name: string): number {
  return finishHash(digest ^ finishHash(fnv1a32(name)))
}

/** Which of two nodes of the same weight comes first, by `fmix32-v1`. */
export function precedesByName(digest: number, one: string, other: string): boolean {
  const [first, second] = [secondWeight(digest, one), secondWeight(digest, other)]
  return first > second || (first === second && compareBytewise(one, other) < 0)
}

function secondWeight(digest: number, name: string): number {
  return finishHash(digest ^ finishHash(fnv1a32(name, otherStart)))
}

/** Zeek's: where two ids are equal in their low 31 bits they tie for all keys, and the greater id owns them all. */
class ZeekSites<Node extends SiteIdentity> implements Sites<Node> {
  readonly #nodes: readonly Node[]
  readonly #scrambled: Int32Array

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes
    this.#scrambled = Int32Array.from(nodes, ({ siteId }) => scrambleSite(siteId))
  }

  owner(digest: number): Node | undefined {
    const scrambled = this.#scrambled
    const low = digest & 0x7fffffff
    let best = -1
    let most = -1
    for (let index = 0; index < scrambled.length; index++) {
      const weight = weightOf(low, scrambled[index] as number)
      if (weight < most || (weight === most && !this.#precedes(index, best))) continue
      best = index
      most = weight
    }
    return this.#nodes[best]
  }

  ranked(digest: number, count: number): Node[] {
    const low = digest & 0x7fffffff
    const weights = new Uint32Array(this.#scrambled.length)
    for (let index = 0; index < weights.length; index++) {
      weights[index] = weightOf(low, this.#scrambled[index] as number)
    }
    return firstOf(this.#nodes, weights, count, (one, other) => this.#precedes(one, other))
  }

  #precedes(one: number, other: number): boolean {
    return (this.#nodes[one] as Node).siteId > (this.#nodes[other] as Node).siteId
  }
}

/** The first `count` of all, the greatest weight first. It sorts these alone. */
function firstOf<Node>(
  nodes: readonly Node[],
  weights: Uint32Array,
  count: number,
  precedes: (one: number, other: number) => boolean,
): Node[] {
  if (count === 0) return []
  const comesFirst = (one: number, other: number): boolean => {
    const difference = (weights[one] as number) - (weights[other] as number)
    return difference > 0 || (difference === 0 && precedes(one, other))
  }
  const first: number[] = []
  for (let index = 0; index < weights.length; index++) {
    if (first.length === count) {
      if (!comesFirst(index, first[count - 1] as number)) continue
      first.pop()
    }
    const at = lowerBound(first, each => (comesFirst(each, index) ? -1 : 1))
    first.splice(at, 0, index)
  }
  return first.map(index => nodes[index] as Node)
}
