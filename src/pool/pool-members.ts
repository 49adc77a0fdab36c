import { identify, type SiteIdentity, type Sites, sitesOf } from './hash.js'
import type { CompletePoolSpec } from './pool-spec.js'
import type { Candidate, Placement, Touched } from './supply.js'

/** A node of a pool. */
export interface PoolNode extends SiteIdentity {
  /** Whether it is up, and has not said that it leaves. */
  readonly alive: boolean
  /** The topic that reaches it. */
  readonly topic: string
}

/** What the nodes of a pool are made with. */
export interface PoolMembersContext {
  readonly self: string
  readonly nodeTopic: (name: string) => string
}

/** Names of nodes that began, or ceased, to be given work. */
interface Moves {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** What a node is to its pool: one of those that own keys; alive, but left out here; or dead. */
type Standing = 'site' | 'alive' | 'dead'

/** What is made of the nodes of a pool when it is asked for. */
interface View {
  readonly nodes: ReadonlyMap<string, PoolNode>
  readonly nodeList: readonly PoolNode[]
  readonly sites: ReadonlyMap<number, PoolNode>
  readonly chosen: Sites<PoolNode>
  /** The same, as nodes see it that include this one. */
  readonly common: Sites<PoolNode>
}

/** Which nodes are in a pool. What lookups take is made when it is asked for, so a burst of changes costs it once. */
export class PoolMembers {
  readonly #context: PoolMembersContext
  #spec: CompletePoolSpec
  /** In the order of the round robin. */
  #placed: readonly Candidate[] = []
  #standings: Map<string, Standing> = new Map()
  /** Of those that are placed, in their order. Undefined: these are others since they were made. */
  #identities: readonly SiteIdentity[] | undefined
  /** Undefined: something changed since it was made. */
  #view: View | undefined
  aliveCount = 0
  /** How many own keys. */
  siteCount = 0

  constructor(spec: CompletePoolSpec, context: PoolMembersContext) {
    this.#spec = spec
    this.#context = context
  }

  get spec(): CompletePoolSpec {
    return this.#spec
  }

  get view(): View {
    return this.#view ?? this.#look()
  }

  /** The names of those that own keys. */
  siteNames(): string[] {
    return namesOf(this.#placed.filter(({ name }) => this.#standings.get(name) === 'site'))
  }

  /** The spec is another: they are to be placed anew. */
  respecify(spec: CompletePoolSpec): void {
    this.#spec = spec
    this.#identities = undefined
    this.#view = undefined
  }

  place({ nodes, touched }: Placement): Moves {
    return touched === undefined ? this.#placeAll(nodes) : this.#placeOne(nodes, touched)
  }

  #placeAll(nodes: readonly Candidate[]): Moves {
    const [old, before] = [this.#placed, this.#standings]
    const now = new Map(nodes.map(node => [node.name, this.#standingOf(node)]))
    const isSame = nodes.length === old.length && nodes.every(({ name }, index) => old[index]?.name === name)
    if (!isSame) this.#identities = undefined
    if (!isSame || nodes.some(({ name }) => before.get(name) !== now.get(name))) this.#view = undefined
    this.#placed = nodes
    this.#standings = now
    const standings = [...now.values()]
    this.siteCount = standings.filter(standing => standing === 'site').length
    this.aliveCount = standings.filter(standing => standing !== 'dead').length
    const became = (name: string, one: Map<string, Standing>, other: Map<string, Standing>): boolean =>
      other.get(name) === 'site' && one.get(name) !== 'site'
    return {
      added: namesOf(nodes.filter(({ name }) => became(name, before, now))),
      removed: namesOf(old.filter(({ name }) => became(name, now, before))),
    }
  }

  #placeOne(nodes: readonly Candidate[], { name, now }: Touched): Moves {
    const was = this.#standings.get(name)
    const is = now && this.#standingOf(now)
    this.#placed = nodes
    if (was === is) return { added: [], removed: [] }
    this.#view = undefined
    if (was === undefined || is === undefined) this.#identities = undefined
    if (is === undefined) this.#standings.delete(name)
    else this.#standings.set(name, is)
    this.siteCount += Number(is === 'site') - Number(was === 'site')
    this.aliveCount += Number(isAlive(is)) - Number(isAlive(was))
    return {
      added: is === 'site' ? [name] : [],
      removed: was === 'site' ? [name] : [],
    }
  }

  #standingOf({ name, alive }: Candidate): Standing {
    if (!alive) return 'dead'
    return this.#spec.includeSelf || name !== this.#context.self ? 'site' : 'alive'
  }

  #look(): View {
    const { hash } = this.#spec
    const { nodeTopic } = this.#context
    // Zeek's aliases depend on the order in which colliding names come: it is that of the names.
    this.#identities ??= identify(hash, namesOf(this.#placed))
    const identities = this.#identities
    const nodeList = this.#placed.map(({ name, alive }, index): PoolNode => {
      const { alias, siteId } = identities[index] as SiteIdentity
      // The user is given these, too, and the list.
      return Object.freeze({ name, alias, siteId, alive, topic: nodeTopic(name) })
    })
    Object.freeze(nodeList)
    const living = nodeList.filter(({ alive }) => alive)
    const sites = nodeList.filter(({ name }) => this.#standings.get(name) === 'site')
    const chosen = sitesOf(hash, sites)
    this.#view = {
      nodes: new Map(nodeList.map(node => [node.name, node])),
      nodeList,
      sites: new Map(sites.map(node => [node.siteId, node])),
      chosen,
      common: sites.length === living.length ? chosen : sitesOf(hash, living),
    }
    return this.#view
  }
}

function namesOf(nodes: readonly Candidate[]): string[] {
  return nodes.map(({ name }) => name)
}

function isAlive(standing: Standing | undefined): boolean {
  return standing === 'site' || standing === 'alive'
}
