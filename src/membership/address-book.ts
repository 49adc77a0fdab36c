import type { NodeName, NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import { hashPartitionKey } from '../core/stream.js'
import type { Instant, Millis } from '../core/time.js'

interface Address {
  spec: NodeSpec
  /** How often in a row it was tried in vain. */
  readonly failures: number
  readonly tryAt: Instant
  /** When it was heard of last, counted in what was heard. */
  heard: number
  /** The lower, the more a place is its own. */
  readonly rank: number
}

/** Nodes that this one has joined and that make no room for others: at most so many. */
const pinnedMax = 16
const firstRetry: Millis = 5_000
const retryMax: Millis = 30_000

/**
 * Nodes that were ever heard of, far more than a passive view holds: whoever is closed off in an islet finds the
 * others here again. It is bounded, and a sample of all that were heard of, each equally likely, however often or
 * lately: those stay that come first in an order of names that each book draws for itself (Broder, "On the resemblance
 * and containment of documents", 1997; Bortnikov et al., "Brahms: Byzantine resilient random membership sampling",
 * 2008). Half of it is for nodes that do not answer, since after a partition these are all that lead to the other side.
 * Nodes that this one has joined, such as seeds, stay for good.
 */
export class AddressBook {
  readonly #most: number
  readonly #random: Random
  readonly #addresses = new Map<NodeName, Address>()
  readonly #pinned = new Set<NodeName>()
  #salt = 0
  /** Who answers and makes room for others: the last one first. */
  readonly #order: Address[] = []
  #failing = 0
  #heard = 0

  constructor(most: number, random: Random) {
    this.#most = most
    this.#random = random
    this.clear()
  }

  get size(): number {
    return this.#addresses.size
  }

  clear(): void {
    this.#addresses.clear()
    this.#pinned.clear()
    this.#order.length = 0
    this.#failing = 0
    this.#salt = Math.floor(this.#random.next() * 2 ** 32)
  }

  names(): NodeName[] {
    return [...this.#addresses.keys()]
  }

  get(name: NodeName): NodeSpec | undefined {
    return this.#addresses.get(name)?.spec
  }

  /** Nodes that this one has joined. */
  pinned(): NodeSpec[] {
    return [...this.#pinned].flatMap(name => this.get(name) ?? [])
  }

  /** Notes a node, or what is newer of it. One that cannot be dialled is of no use. */
  note(spec: NodeSpec): void {
    if (spec.addresses.length === 0) return
    const heard = ++this.#heard
    const known = this.#addresses.get(spec.name)
    if (known === undefined) {
      const rank = hashPartitionKey(`${this.#salt} ${spec.name}`)
      if (this.#makeRoom(rank)) this.#set({ spec, failures: 0, tryAt: 0, heard, rank })
      return
    }
    known.spec = spec
    known.heard = heard
  }

  /** A node that was joined: it stays. */
  pin(spec: NodeSpec): void {
    const { name, addresses } = spec
    if (addresses.length === 0 || this.#pinned.has(name) || this.#pinned.size >= pinnedMax) return this.note(spec)
    this.delete(name)
    if (!this.#makeRoom(first)) return
    this.#pinned.add(name)
    this.#set({ spec, failures: 0, tryAt: 0, heard: ++this.#heard, rank: first })
  }

  /** It was connected. */
  answered(name: NodeName): void {
    const known = this.#addresses.get(name)
    if (known !== undefined && known.failures > 0) this.#set({ ...known, failures: 0, tryAt: 0 })
  }

  /** It could not be reached: it is left alone for a while. */
  failed(name: NodeName, now: Instant): void {
    const known = this.#addresses.get(name)
    if (known === undefined) return
    const wait = Math.min(retryMax, firstRetry * 2 ** Math.min(known.failures, 10))
    this.#set({ ...known, failures: known.failures + 1, tryAt: now + wait * (0.5 + this.#random.next()) })
  }

  delete(name: NodeName): void {
    this.#drop(name)
    this.#pinned.delete(name)
  }

  /**
   * Those of the nodes that may be tried now that were heard of least lately, and those that have never failed first:
   * of its own component a node hears all the time.
   */
  stalest(count: number, now: Instant, wanted: (name: NodeName) => boolean): NodeSpec[] {
    const stalest: Address[] = []
    if (count <= 0) return []
    for (const address of this.#addresses.values()) {
      const { spec, tryAt } = address
      const last = stalest.length < count ? undefined : stalest.at(-1)
      if (tryAt > now || (last !== undefined && !isStaler(address, last)) || !wanted(spec.name)) continue
      if (last !== undefined) stalest.pop()
      const before = stalest.findIndex(other => isStaler(address, other))
      stalest.splice(before < 0 ? stalest.length : before, 0, address)
    }
    return stalest.map(({ spec }) => spec)
  }

  /** Those that have not failed when they were tried last, without one. */
  sound(without: NodeName): NodeSpec[] {
    const specs: NodeSpec[] = []
    for (const { spec, failures } of this.#addresses.values())
      if (failures === 0 && spec.name !== without) specs.push(spec)
    return specs
  }

  /** Nodes that may be tried now. */
  ready(now: Instant): NodeSpec[] {
    const specs: NodeSpec[] = []
    for (const { spec, tryAt } of this.#addresses.values()) if (tryAt <= now) specs.push(spec)
    return specs
  }

  #set(address: Address): void {
    const { name } = address.spec
    this.#drop(name)
    this.#addresses.set(name, address)
    if (address.failures > 0) this.#failing++
    else if (!this.#pinned.has(name)) this.#order.splice(this.#placeOf(address.rank), 0, address)
  }

  #drop(name: NodeName): void {
    const address = this.#addresses.get(name)
    if (address === undefined) return
    this.#addresses.delete(name)
    if (address.failures > 0) this.#failing--
    else if (!this.#pinned.has(name)) this.#order.splice(this.#order.indexOf(address), 1)
  }

  #placeOf(rank: number): number {
    let at = this.#order.length
    while (at > 0 && (this.#order[at - 1] as Address).rank > rank) at--
    return at
  }

  /** Who is the last in order gives way, of the half that is too large. False when that is who comes. */
  #makeRoom(rank: number): boolean {
    if (this.#addresses.size < this.#most) return true
    const failing = this.#failing > this.#most / 2
    const victim = failing ? this.#lastThatFails() : this.#order.at(-1)
    if (victim === undefined || (!failing && victim.rank < rank)) return false
    this.delete(victim.spec.name)
    return true
  }

  #lastThatFails(): Address | undefined {
    let last: Address | undefined
    for (const address of this.#addresses.values()) {
      if (address.failures === 0 || this.#pinned.has(address.spec.name)) continue
      if (last === undefined || address.rank > last.rank) last = address
    }
    return last
  }
}

function isStaler(one: Address, other: Address): boolean {
  return one.failures !== other.failures ? one.failures < other.failures : one.heard < other.heard
}

/** The rank of who comes before all others. */
const first = -1
