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

  clear(): void {
    this.#neighbors.clear()
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
    if (this.#tags.size < this.#most - 1) this.#tags.add(tag)
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
    return this.vacant - this.#openTags().filter(open => open !== tag).length
  }

  /** Slots that are open, and not kept. */
  get vacant(): number {
    return this.#most - this.#neighbors.size - Number(this.#held)
  }

  /** Whether a neighbour has a reserved slot. */
  holdsReserved(name: NodeName): boolean {
    return this.#holders().has(name)
  }

  /** Whether a peer would get a reserved slot. */
  fillsReserved(peer: NodeSpec): boolean {
    const tag = tagOf(peer)
    return tag !== undefined && this.#openTags().includes(tag)
  }

  /** Who gives way to another: one that is down, else any but the holders of reserved slots. */
  pickVictim(random: Random): NodeName | undefined {
    const holders = this.#holders()
    const all = [...this.#neighbors.values()].filter(({ spec }) => !holders.has(spec.name))
    const down = all.filter(({ up }) => !up)
    const pool = down.length > 0 ? down : all
    return pool[Math.floor(random.next() * pool.length)]?.spec.name
  }

  #openTags(): readonly string[] {
    if (this.#tags.size === 0) return none
    const present = new Set([...this.#neighbors.values()].map(({ spec }) => tagOf(spec)))
    return [...this.#tags].filter(tag => !present.has(tag))
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

function tagOf({ attributes }: NodeSpec): string | undefined {
  const tag = attributes?.tag
  return typeof tag === 'string' ? tag : undefined
}
