import type { NodeName, NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'

interface Address {
  readonly spec: NodeSpec
  /** How often in a row it was tried in vain. */
  readonly failures: number
  readonly tryAt: Instant
  /** When it was heard of last, counted in what was heard. */
  readonly heard: number
}

/** Nodes that this one has joined and that make no room for others: at most so many. */
const pinnedMax = 16
const firstRetry: Millis = 5_000
const retryMax: Millis = 30_000

/**
 * Nodes that were ever heard of, far more than a passive view holds: whoever is closed off in an islet finds the
 * others here again. It is bounded; half of it is for nodes that do not answer, since after a partition these are
 * all that lead to the other side. Nodes that this one has joined, such as seeds, stay for good.
 */
export class AddressBook {
  readonly #most: number
  readonly #random: Random
  readonly #addresses = new Map<NodeName, Address>()
  readonly #pinned = new Set<NodeName>()
  #failing = 0
  #heard = 0

  constructor(most: number, random: Random) {
    this.#most = most
    this.#random = random
  }

  get size(): number {
    return this.#addresses.size
  }

  clear(): void {
    this.#addresses.clear()
    this.#pinned.clear()
    this.#failing = 0
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
    const known = this.#addresses.get(spec.name)
    if (spec.addresses.length === 0) return
    const heard = ++this.#heard
    if (known !== undefined) this.#addresses.set(spec.name, { ...known, spec, heard })
    else if (this.#makeRoom()) this.#set({ spec, failures: 0, tryAt: 0, heard })
  }

  /** A node that was joined: it stays. */
  pin(spec: NodeSpec): void {
    this.note(spec)
    if (this.#pinned.size < pinnedMax && this.#addresses.has(spec.name)) this.#pinned.add(spec.name)
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
    const known = this.#addresses.get(name)
    if (known === undefined) return
    if (known.failures > 0) this.#failing--
    this.#addresses.delete(name)
    this.#pinned.delete(name)
  }

  /**
   * Those of the nodes that may be tried now that were heard of least lately, and those that have never failed first:
   * of its own component a node hears all the time.
   */
  stalest(count: number, now: Instant, wanted: (name: NodeName) => boolean): NodeSpec[] {
    const ready = [...this.#addresses.values()].filter(({ spec, tryAt }) => tryAt <= now && wanted(spec.name))
    ready.sort((one, other) => one.failures - other.failures || one.heard - other.heard)
    return ready.slice(0, count).map(({ spec }) => spec)
  }

  /** Nodes that may be tried now. */
  ready(now: Instant): NodeSpec[] {
    const specs: NodeSpec[] = []
    for (const { spec, tryAt } of this.#addresses.values()) if (tryAt <= now) specs.push(spec)
    return specs
  }

  #set(address: Address): void {
    const before = this.#addresses.get(address.spec.name)
    this.#failing += Number(address.failures > 0) - Number((before?.failures ?? 0) > 0)
    this.#addresses.set(address.spec.name, address)
  }

  /** Takes any out of the half that is too large. False when there is no room. */
  #makeRoom(): boolean {
    if (this.#addresses.size < this.#most) return true
    const failing = this.#failing > this.#most / 2
    const start = Math.floor(this.#random.next() * this.#addresses.size)
    let [at, victim] = [0, undefined as NodeName | undefined]
    for (const [name, { failures }] of this.#addresses) {
      const may = failures > 0 === failing && !this.#pinned.has(name)
      if (may && (victim === undefined || at <= start)) victim = name
      if (++at > start && victim !== undefined) break
    }
    if (victim === undefined) return false
    this.delete(victim)
    return true
  }
}
