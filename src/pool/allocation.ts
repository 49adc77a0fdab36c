import { compareBytewise } from './bytewise.js'
import type { PoolSupplyError } from './errors.js'
import { type CompletePoolSpec, nodeTypeOf } from './pool-spec.js'
import { type Candidate, type Claim, type Placement, Supply } from './supply.js'
import { TopicMap } from './topics.js'

/** What has become of pools. */
export interface Allocated {
  readonly placements: readonly Placement[]
  /** What is missing of types of which anything changed, by type: undefined where there is enough. */
  readonly shortages: ReadonlyMap<string, PoolSupplyError | undefined>
}

/** Which nodes are in which pool. It looks at the types of nodes alone of which something changed. */
export class Allocation {
  readonly #managerIsLogger: boolean
  readonly #supplies = new Map<string, Supply>()
  readonly #claims = new TopicMap<Claim>()
  /** Types of which something changed. */
  readonly #changed = new Set<string>()

  constructor(managerIsLogger: boolean) {
    this.#managerIsLogger = managerIsLogger
  }

  /** All nodes of a type, by name. */
  nodesOf(type: string): readonly Candidate[] {
    return this.#supplies.get(nodeTypeOf(type))?.nodes ?? []
  }

  /** A node that was this is that now. Undefined: it is no member. */
  nodeIs(was: Candidate | undefined, now: Candidate | undefined): void {
    if (was?.type !== undefined && was.type !== now?.type) this.#of(was.type).delete(was.name)
    // Before it may be a logger itself.
    if (was?.type === 'manager') this.#chooseManager()
    if (now?.type !== undefined) this.#of(now.type).set(now)
    if (now?.type === 'manager') this.#chooseManager()
  }

  /** The pool of a topic is that now. Undefined: there is none. */
  claimIs(topic: string, claim: Claim | undefined): void {
    const known = this.#claims.get(topic)
    if (known !== undefined) this.#of(nodeTypeOf(known.spec.nodeType)).deleteClaim(known)
    if (claim === undefined) this.#claims.delete(topic)
    else {
      this.#claims.set(topic, claim)
      this.#of(nodeTypeOf(claim.spec.nodeType)).addClaim(claim)
    }
  }

  /** What has become of pools since it was asked last. */
  allocate(): Allocated {
    const placements: Placement[] = []
    const shortages = new Map<string, PoolSupplyError | undefined>()
    for (const type of [...this.#changed].sort(inZeeksOrder)) {
      const supply = this.#of(type)
      placements.push(...supply.place())
      shortages.set(type, supply.shortage())
      if (supply.isUnused) this.#supplies.delete(type)
    }
    this.#changed.clear()
    return { placements, shortages }
  }

  /** Throws where, were these all pools, exclusive ones of a type would want more nodes than there are. */
  check(specs: Iterable<CompletePoolSpec>, node: string): void {
    const claims = new Map<string, Claim[]>()
    for (const spec of specs) {
      if (!spec.exclusive) continue
      const type = nodeTypeOf(spec.nodeType)
      claims.set(type, [...(claims.get(type) ?? []), { spec, node }])
    }
    for (const type of [...claims.keys()].sort(inZeeksOrder)) {
      const supply = this.#supplies.get(type) ?? new Supply(type)
      const shortage = supply.shortage(claims.get(type))
      if (shortage !== undefined) throw shortage
    }
  }

  #chooseManager(): void {
    if (this.#managerIsLogger) this.#of('logger').setLast(this.nodesOf('manager')[0])
  }

  #of(type: string): Supply {
    this.#changed.add(type)
    const known = this.#supplies.get(type)
    if (known !== undefined) return known
    const supply = new Supply(type)
    this.#supplies.set(type, supply)
    return supply
  }
}

/** Zeek looks at the types that it knows in its order: at the others afterwards. */
function inZeeksOrder(one: string, other: string): number {
  return place(one) - place(other) || compareBytewise(one, other)
}

function place(type: string): number {
  const index = ['worker', 'proxy', 'logger'].indexOf(type)
  return index < 0 ? 3 : index
}
