import { compareBytewise } from './bytewise.js'
import { PoolMismatchError } from './errors.js'
import {
  affectsOthers,
  type CompletePoolSpec,
  differingField,
  nodeTypeOf,
  poolsMax,
  type SharedSpec,
} from './pool-spec.js'
import { knownSpec, type StateMessage } from './pool-state.js'
import type { Claim } from './supply.js'
import { TopicMap, withoutEnd } from './topics.js'

/** What of the pools of a node decides about owners of keys. */
export interface OwnPools {
  readonly managerIsLogger: boolean
  readonly specs: readonly CompletePoolSpec[]
}

/** What is not the same at another node. */
interface Difference {
  readonly topic: string
  readonly field: string
  readonly ours: unknown
  readonly theirs: unknown
}

interface Found {
  readonly difference: Difference
  readonly nodes: Set<string>
}

interface Node {
  /** What it has otherwise, by {@link keyOf}. */
  readonly keys: readonly string[]
  /** Its pools that this node has not, and that have nodes which others would have otherwise. */
  readonly claims: readonly CompletePoolSpec[]
}

/** In what the pools of other nodes differ from those of this one: each difference once, with all that have it. */
export class Differences {
  readonly #nodes = new Map<string, Node>()
  readonly #found = new Map<string, Found>()
  /** Those that were found since they were asked for. */
  readonly #news = new Set<string>()

  /** All of them. */
  get mismatches(): readonly PoolMismatchError[] {
    return [...this.#found.values()].map(mismatchOf)
  }

  /** The pools of other nodes that are to be reckoned with: of one that several have otherwise, that of the first. */
  get claims(): readonly Claim[] {
    const claims = new TopicMap<Claim>()
    const claiming = [...this.#nodes].filter(([, { claims: theirs }]) => theirs.length > 0)
    const nodes = claiming.sort(([one], [other]) => compareBytewise(one, other))
    for (const [node, { claims: theirs }] of nodes) {
      for (const spec of theirs) if (!claims.has(spec.topic)) claims.set(spec.topic, { spec, node })
    }
    const inOrder = [...claims.values()].sort(({ spec: one }, { spec: other }) =>
      compareBytewise(one.topic, other.topic),
    )
    return inOrder.slice(0, poolsMax)
  }

  /** Compares what a node tells; undefined: it tells nothing any more. Returns whether the claims may be others now. */
  compare(node: string, own: OwnPools, theirs: StateMessage | undefined): boolean {
    const before = this.#nodes.get(node)
    const differences = theirs === undefined ? [] : between(own, theirs)
    if (before === undefined && differences.length === 0) return false
    const keys = differences.map(keyOf)
    const claims = theirs === undefined ? [] : [...foreign(own.specs, theirs.specs)]
    if (keys.length > 0) this.#nodes.set(node, { keys, claims })
    else this.#nodes.delete(node)
    for (const [index, difference] of differences.entries()) this.#add(keys[index] as string, difference, node)
    const now = new Set(keys)
    for (const key of before?.keys ?? []) if (!now.has(key)) this.#remove(key, node)
    return claims.length > 0 || (before?.claims.length ?? 0) > 0
  }

  /** Those that were not there when it was asked last. */
  takeNews(): readonly PoolMismatchError[] {
    const news = [...this.#news].flatMap(key => this.#found.get(key) ?? [])
    this.#news.clear()
    return news.map(mismatchOf)
  }

  #add(key: string, difference: Difference, node: string): void {
    const known = this.#found.get(key)
    if (known !== undefined) {
      known.nodes.add(node)
      return
    }
    this.#found.set(key, { difference, nodes: new Set([node]) })
    this.#news.add(key)
  }

  #remove(key: string, node: string): void {
    const found = this.#found.get(key)
    found?.nodes.delete(node)
    if (found?.nodes.size !== 0) return
    this.#found.delete(key)
    this.#news.delete(key)
  }
}

function mismatchOf({ difference, nodes }: Found): PoolMismatchError {
  const { topic, field, ours, theirs } = difference
  return new PoolMismatchError([...nodes].sort(compareBytewise), topic, field, ours, theirs)
}

function keyOf({ topic, field, ours, theirs }: Difference): string {
  return JSON.stringify([topic, field, ours, theirs])
}

function between({ specs, managerIsLogger }: OwnPools, state: StateMessage): Difference[] {
  const found: Difference[] = []
  const theirs = new TopicMap(state.specs.map(spec => [spec.topic, spec]))
  for (const ours of specs) {
    const { topic } = ours
    const other = theirs.get(topic)
    if (other === undefined) {
      if (affectsOthers(ours)) found.push({ topic, field: 'registered', ours: true, theirs: false })
      continue
    }
    const field = differingField(ours, other)
    if (field !== undefined) found.push({ topic, field, ours: ours[field], theirs: other[field] })
    else if (nodeTypeOf(ours.nodeType) === 'logger' && managerIsLogger !== state.managerIsLogger) {
      found.push({ topic, field: 'managerIsLogger', ours: managerIsLogger, theirs: state.managerIsLogger })
    }
  }
  for (const { topic } of foreign(specs, theirs.values())) {
    found.push({ topic, field: 'registered', ours: false, theirs: true })
  }
  return found
}

/** What this node has not of theirs, and would have other owners of keys with. */
function* foreign(ours: readonly CompletePoolSpec[], theirs: Iterable<SharedSpec>): Generator<CompletePoolSpec> {
  const own = new Set(ours.map(({ topic }) => withoutEnd(topic)))
  for (const each of theirs) {
    // A spec of a version to come says nothing that this one could reckon with.
    const spec = knownSpec(each)
    if (spec !== undefined && !own.has(withoutEnd(spec.topic)) && affectsOthers(spec)) yield spec
  }
}
