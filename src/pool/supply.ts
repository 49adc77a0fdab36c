import { byNameBytewise, compareBytewise, lowerBound } from './bytewise.js'
import { type PoolClaim, PoolSupplyError } from './errors.js'
import { affectsOthers, type CompletePoolSpec } from './pool-spec.js'
import { Ranking } from './ranking.js'
import { withoutEnd } from './topics.js'

/** A node that may be in pools. */
export interface Candidate {
  readonly name: string
  readonly type: string | undefined
  readonly alive: boolean
}

/** A pool, and the node that told of it: this one, too. */
export interface Claim {
  readonly spec: CompletePoolSpec
  readonly node: string
}

/** What became of one node. */
export interface Touched {
  readonly name: string
  /** Undefined: it is none of them any more. */
  readonly now: Candidate | undefined
}

/** Which nodes a pool has. */
export interface Placement {
  readonly topic: string
  /** In the order of its round robin. */
  readonly nodes: readonly Candidate[]
  /** The only one of them that is not as it was before. Undefined: any may be. */
  readonly touched: Touched | undefined
}

/** The nodes of one type, and the pools among which they are distributed. */
export class Supply {
  readonly #type: string
  /** In bytewise order. Never changed in place: pools keep it. */
  #nodes: readonly Candidate[] = []
  /** Stands behind them, whatever its name: a manager among loggers. */
  #last: Candidate | undefined
  readonly #byName = new Map<string, Candidate>()
  /** Exclusive pools first, then by topic. */
  #claims: readonly Claim[] = []
  /** Of limited pools, by topic. */
  readonly #rankings = new Map<string, Ranking>()
  /** Nodes that are not as they were when pools were placed last. */
  readonly #touched = new Set<string>()
  /** Pools that are to be placed whatever became of nodes. */
  readonly #due = new Set<string>()

  constructor(type: string) {
    this.#type = type
  }

  get isUnused(): boolean {
    return this.#byName.size === 0 && this.#claims.length === 0
  }

  /** Its nodes, without one that stands behind them. */
  get nodes(): readonly Candidate[] {
    return this.#nodes
  }

  /** How many there are, with one that stands behind them. */
  get available(): number {
    return this.#byName.size
  }

  /** A node is one of them, or is not as it was. */
  set(node: Candidate): void {
    const index = lowerBound(this.#nodes, each => byNameBytewise(each, node))
    const isKnown = this.#nodes[index]?.name === node.name
    this.#nodes = this.#nodes.toSpliced(index, isKnown ? 1 : 0, node)
    this.#note(node.name, node)
  }

  /** A node is none of them any more. */
  delete(name: string): void {
    const index = lowerBound(this.#nodes, each => compareBytewise(each.name, name))
    this.#nodes = this.#nodes.toSpliced(index, 1)
    this.#note(name, undefined)
  }

  /** This is who stands behind the others. */
  setLast(node: Candidate | undefined): void {
    if (node === this.#last) return
    if (this.#last !== undefined && this.#last.name !== node?.name) this.#note(this.#last.name, undefined)
    this.#last = node
    if (node !== undefined) this.#note(node.name, node)
  }

  /** A pool has some of them: it is new, or another than it was. */
  addClaim(claim: Claim): void {
    const index = lowerBound(this.#claims, each => inOrder(each, claim))
    this.#claims = this.#claims.toSpliced(index, 0, claim)
    if (affectsOthers(claim.spec)) this.#allAreDue()
    else this.#due.add(claim.spec.topic)
  }

  deleteClaim(claim: Claim): void {
    this.#claims = this.#claims.filter(each => each !== claim)
    this.#rankings.delete(claim.spec.topic)
    if (affectsOthers(claim.spec)) this.#allAreDue()
    this.#due.delete(claim.spec.topic)
  }

  /**
   * Where pools have other nodes than before: a function of the specs, of the nodes and of who is alive, so nodes that
   * know the same agree.
   */
  place(): Placement[] {
    if (this.#touched.size === 0 && this.#due.size === 0) return []
    const all = this.#last === undefined ? this.#nodes : [...this.#nodes, this.#last]
    const [first, ...more] = this.#touched
    const touched = first === undefined || more.length > 0 ? undefined : { name: first, now: this.#byName.get(first) }
    // All pools that take some from others come first.
    const isShared = this.#claims[0]?.spec.exclusive === true
    const taken = new Set<string>()
    const placements: Placement[] = []
    const inOrderOfNames = (nodes: readonly Candidate[]): readonly Candidate[] =>
      this.#last === undefined ? nodes : nodes.toSorted(byNameBytewise)
    let [left, cursor] = [all, 0]
    for (const { spec } of this.#claims) {
      const { topic, exclusive, maxNodes } = spec
      const isDue = this.#touched.size > 0 || this.#due.has(topic)
      if (!isDue && !affectsOthers(spec)) continue
      let nodes: readonly Candidate[]
      if (spec.allocation === 'sorted') {
        nodes = takeSorted(spec, left, cursor)
        if (!exclusive) cursor = left.length === 0 ? 0 : (cursor + limitOf(spec, left)) % left.length
      } else {
        nodes = limitOf(spec, left) === left.length ? inOrderOfNames(left) : this.#takeRanked(spec, taken)
      }
      if (exclusive) {
        for (const { name } of nodes) taken.add(name)
        left = all.filter(({ name }) => !taken.has(name))
      }
      const hasAll = maxNodes === undefined && spec.allocation === 'rendezvous' && !isShared
      if (isDue) placements.push({ topic, nodes, touched: hasAll && !this.#due.has(topic) ? touched : undefined })
    }
    this.#touched.clear()
    this.#due.clear()
    return placements
  }

  /** What is missing where exclusive pools want more nodes than there are. */
  shortage(claims: readonly Claim[] = this.#claims): PoolSupplyError | undefined {
    const wanted: PoolClaim[] = []
    for (const { spec, node } of claims) {
      if (!spec.exclusive) continue
      wanted.push({ topic: spec.topic, node, maxNodes: spec.maxNodes ?? 0 })
    }
    const needed = wanted.reduce((sum, { maxNodes }) => sum + maxNodes, 0)
    return needed > this.available ? new PoolSupplyError(this.#type, this.available, wanted) : undefined
  }

  #note(name: string, now: Candidate | undefined): void {
    const isKnown = this.#byName.has(name)
    this.#touched.add(name)
    if (now === undefined) this.#byName.delete(name)
    else this.#byName.set(name, now)
    if (isKnown === (now !== undefined)) return
    for (const ranking of this.#rankings.values()) {
      if (now === undefined) ranking.delete(name)
      else ranking.add(name)
    }
  }

  #allAreDue(): void {
    for (const { spec } of this.#claims) this.#due.add(spec.topic)
  }

  /** Those of the greatest weight for the topic; where dead ones are replaced, the living first. */
  #takeRanked({ topic, maxNodes = 0, refill }: CompletePoolSpec, taken: ReadonlySet<string>): Candidate[] {
    const ranking = this.#rankings.get(topic) ?? new Ranking(withoutEnd(topic), [...this.#byName.keys()])
    this.#rankings.set(topic, ranking)
    const chosen: Candidate[] = []
    const dead: Candidate[] = []
    for (const { name } of ranking.order) {
      if (chosen.length >= maxNodes) break
      const node = this.#byName.get(name)
      if (node === undefined || taken.has(name)) continue
      if (refill && !node.alive) dead.push(node)
      else chosen.push(node)
    }
    return [...chosen, ...dead.slice(0, maxNodes - chosen.length)].sort(byNameBytewise)
  }
}

function inOrder({ spec: one }: Claim, { spec: other }: Claim): number {
  const first = Number(other.exclusive) - Number(one.exclusive)
  return first !== 0 ? first : compareBytewise(one.topic, other.topic)
}

function limitOf({ maxNodes }: CompletePoolSpec, left: readonly Candidate[]): number {
  return Math.min(maxNodes ?? left.length, left.length)
}

/** Zeek's: an exclusive pool takes the first, another as many from where the last one ended. */
function takeSorted(spec: CompletePoolSpec, left: readonly Candidate[], cursor: number): readonly Candidate[] {
  const count = limitOf(spec, left)
  const start = spec.exclusive ? 0 : cursor
  const turned = start === 0 ? left : [...left.slice(start), ...left.slice(0, start)]
  const chosen = turned.slice(0, count)
  if (!spec.refill) return chosen
  const spare = turned.slice(count).filter(({ alive }) => alive)
  return chosen.map(each => (each.alive ? each : (spare.shift() ?? each)))
}
