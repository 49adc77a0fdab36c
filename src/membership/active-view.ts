import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'

/** A neighbour. */
export interface Neighbor {
  readonly spec: NodeSpec
  /** A connection to it is open. */
  readonly up: boolean
}

/**
 * The neighbours of a node, at most so many. A reserved slot is kept for a peer whose attribute `tag` equals the tag.
 * Who holds one follows from who is in the view, so that a slot is open again whenever its holder is gone, however it
 * went.
 */
export class ActiveView {
  readonly #most: number
  readonly #neighbors = new Map<NodeName, Neighbor>()
  readonly #tags = new Set<string>()
  /** Neighbours that keep a slot for this node: they came for its tag, and stay. */
  readonly #claims = new Set<NodeName>()
  /** One place is kept. */
  #held = false
  #upCount = 0
  #sorted: readonly NodeSpec[] | undefined

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#neighbors.size
  }

  /** No neighbour is connected. */
  get isolated(): boolean {
    return this.#upCount === 0
  }

  get tags(): readonly string[] {
    return [...this.#tags]
  }

  /** Tags that slots can be kept for. */
  get reservable(): number {
    return this.#most - 1
  }

  clear(): void {
    this.#neighbors.clear()
    this.#claims.clear()
    this.#upCount = 0
    this.#sorted = undefined
    this.#held = false
  }

  /** Keeps one place from everybody, until this is said anew. */
  hold(held: boolean): void {
    this.#held = held
  }

  /** Keeps a slot for that tag. One slot at least is kept for everybody: further tags get none. */
  reserve(tag: string): void {
    if (this.#tags.size < this.reservable) this.#tags.add(tag)
  }

  /** Whether a peer that keeps a slot for this node gets one here: of each view one slot at least is anybody's. */
  claimable(name: NodeName): boolean {
    return this.#claims.has(name) || this.#tags.size + this.#claims.size < this.#most - 1
  }

  /** That neighbour keeps a slot for this node: it does not give way to others as long as it is a neighbour. */
  claim(name: NodeName): void {
    if (this.#neighbors.has(name) && this.claimable(name)) this.#claims.add(name)
  }

  has(name: NodeName): boolean {
    return this.#neighbors.has(name)
  }

  get(name: NodeName): Neighbor | undefined {
    return this.#neighbors.get(name)
  }

  /** Adds a neighbour, or replaces what is known of it. */
  set(spec: NodeSpec, up: boolean): void {
    this.#upCount += Number(up) - Number(this.#neighbors.get(spec.name)?.up ?? false)
    this.#neighbors.set(spec.name, { spec, up })
    this.#sorted = undefined
  }

  delete(name: NodeName): Neighbor | undefined {
    const neighbor = this.#neighbors.get(name)
    if (neighbor === undefined) return undefined
    this.#neighbors.delete(name)
    this.#claims.delete(name)
    if (neighbor.up) this.#upCount--
    this.#sorted = undefined
    return neighbor
  }

  /** Ordered by name. */
  specs(): readonly NodeSpec[] {
    this.#sorted ??= [...this.#neighbors.values()].map(({ spec }) => spec).sort(byName)
    return this.#sorted
  }

  /** Those that are connected, without some. */
  connected(...without: readonly (NodeName | undefined)[]): NodeName[] {
    const names: NodeName[] = []
    for (const [name, { up }] of this.#neighbors) if (up && !without.includes(name)) names.push(name)
    return names
  }

  /** Those that are down. */
  down(): NodeName[] {
    const names: NodeName[] = []
    for (const [name, { up }] of this.#neighbors) if (!up) names.push(name)
    return names
  }

  /** Slots that are open for a peer, or, without one, for whoever has no tag. */
  room(peer?: NodeSpec): number {
    const tag = peer && tagOf(peer)
    return this.vacant - this.openTags.filter(open => open !== tag).length
  }

  /** Slots that are open, and not kept. */
  get vacant(): number {
    return this.#most - this.#neighbors.size - Number(this.#held)
  }

  /** Whether a neighbour has a reserved slot, or keeps one for this node. */
  isKept(name: NodeName): boolean {
    return this.#kept().has(name)
  }

  /** Whether a slot is reserved for such a peer, open or not. */
  wants(peer: NodeSpec): boolean {
    const tag = tagOf(peer)
    return tag !== undefined && this.#tags.has(tag)
  }

  /** Whether a peer would get a reserved slot. */
  fillsReserved(peer: NodeSpec): boolean {
    const tag = tagOf(peer)
    return tag !== undefined && this.openTags.includes(tag)
  }

  /** Who gives way to another: one that is down, else any but those that are kept. */
  pickVictim(random: Random): NodeName | undefined {
    const kept = this.#kept()
    const all = [...this.#neighbors.values()].filter(({ spec }) => !kept.has(spec.name))
    const down = all.filter(({ up }) => !up)
    const pool = down.length > 0 ? down : all
    return pool[Math.floor(random.next() * pool.length)]?.spec.name
  }

  /** Reserved tags that no neighbour has. */
  get openTags(): readonly string[] {
    if (this.#tags.size === 0) return none
    const present = new Set([...this.#neighbors.values()].map(({ spec }) => tagOf(spec)))
    return [...this.#tags].filter(tag => !present.has(tag))
  }

  /** Holders of reserved slots, and as many of the others' claims as leave one slot for everybody. */
  #kept(): ReadonlySet<NodeName> {
    const holders = this.#holders()
    if (this.#claims.size === 0) return holders
    const claims = [...this.#claims].slice(0, Math.max(0, this.#most - 1 - this.#tags.size))
    return new Set([...holders, ...claims])
  }

  /** The first with each reserved tag; a second one is a neighbour like any other. */
  #holders(): ReadonlySet<NodeName> {
    const held = new Map<string, NodeName>()
    if (this.#tags.size === 0) return new Set()
    for (const { spec } of this.#neighbors.values()) {
      const tag = tagOf(spec)
      if (tag !== undefined && this.#tags.has(tag) && !held.has(tag)) held.set(tag, spec.name)
    }
    return new Set(held.values())
  }
}

const none: readonly string[] = []

/** What a node says that it may be reserved a slot for. */
export function tagOf({ attributes }: NodeSpec): string | undefined {
  const tag = attributes?.tag
  return typeof tag === 'string' ? tag : undefined
}
