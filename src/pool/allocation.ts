import { fnv1a32 } from '../core/fnv.js'
import { byNameBytewise, compareBytewise } from './bytewise.js'
import { PoolSupplyError } from './errors.js'
import { identify, type SiteIdentity, type Sites, sitesOf } from './hash.js'
import { type CompletePoolSpec, nodeTypeOf } from './pool-spec.js'

/** A node that may be in pools. */
export interface Candidate {
  readonly name: string
  readonly type: string | undefined
  readonly alive: boolean
}

/** What nodes there are of a type. */
interface Supply {
  /** In bytewise order, without those that exclusive pools have. */
  left: Candidate[]
  /** Where the next limited pool of `sorted` begins. All pools of a type share it. */
  cursor: number
  readonly total: number
  /** All nodes of the type, to be ranked by a topic. */
  sites: Sites<SiteIdentity> | undefined
}

/**
 * Which nodes are in which pool, as names in the order of its round robin: a function of the specs, of the members and
 * of who is alive, so nodes that know the same agree. Exclusive pools come first, in the order of their topics.
 */
export function allocate(
  specs: readonly CompletePoolSpec[],
  candidates: readonly Candidate[],
  managerIsLogger: boolean,
): Map<string, readonly string[]> {
  const supplies = new Map<string, Supply>()
  const supplyOf = (type: string): Supply => {
    const known = supplies.get(type)
    if (known !== undefined) return known
    const left = eligible(type, candidates, managerIsLogger)
    const supply: Supply = { left, cursor: 0, total: left.length, sites: undefined }
    supplies.set(type, supply)
    return supply
  }
  const allocated = new Map<string, readonly string[]>()
  for (const spec of inOrder(specs)) {
    const supply = supplyOf(nodeTypeOf(spec.nodeType))
    const chosen = spec.allocation === 'sorted' ? takeSorted(spec, supply) : takeRanked(spec, supply)
    if (spec.exclusive) supply.left = supply.left.filter(each => !chosen.includes(each))
    const ordered = spec.allocation === 'sorted' ? chosen : [...chosen].sort(byNameBytewise)
    allocated.set(
      spec.topic,
      ordered.map(({ name }) => name),
    )
  }
  return allocated
}

/** Throws where exclusive pools of a type want more nodes than there are: for the first such type. */
export function checkSupply(
  specs: readonly CompletePoolSpec[],
  candidates: readonly Candidate[],
  managerIsLogger: boolean,
): void {
  const [shortage] = shortages(specs, candidates, managerIsLogger)
  if (shortage !== undefined) throw shortage
}

/** Of which types exclusive pools want more nodes than there are: Zeek's types first, in its order. */
export function shortages(
  specs: readonly CompletePoolSpec[],
  candidates: readonly Candidate[],
  managerIsLogger: boolean,
): PoolSupplyError[] {
  const needed = new Map<string, number>()
  for (const { exclusive, nodeType, maxNodes = 0 } of specs) {
    const type = nodeTypeOf(nodeType)
    if (exclusive) needed.set(type, (needed.get(type) ?? 0) + maxNodes)
  }
  return [...needed]
    .sort(([one], [other]) => place(one) - place(other) || compareBytewise(one, other))
    .flatMap(([type, need]) => {
      const available = eligible(type, candidates, managerIsLogger).length
      return need > available ? [new PoolSupplyError(type, need, available)] : []
    })
}

function place(type: string): number {
  const index = ['worker', 'proxy', 'logger'].indexOf(type)
  return index < 0 ? 3 : index
}

/** Exclusive pools first, then by topic. */
function inOrder(specs: readonly CompletePoolSpec[]): CompletePoolSpec[] {
  return [...specs].sort((one, other) => {
    const first = Number(other.exclusive) - Number(one.exclusive)
    return first !== 0 ? first : compareBytewise(one.topic, other.topic)
  })
}

/** The nodes of a type by name; at the end of the loggers, where that is asked for, the first manager. */
function eligible(type: string, candidates: readonly Candidate[], managerIsLogger: boolean): Candidate[] {
  const found = candidates.filter(each => each.type === type).sort(byNameBytewise)
  if (type !== 'logger' || !managerIsLogger) return found
  const [manager] = candidates.filter(each => each.type === 'manager').sort(byNameBytewise)
  return manager === undefined ? found : [...found, manager]
}

/** Zeek's: an exclusive pool takes the first, another as many from where the last one ended. */
function takeSorted({ exclusive, maxNodes, refill }: CompletePoolSpec, supply: Supply): Candidate[] {
  const { left } = supply
  const count = Math.min(maxNodes ?? left.length, left.length)
  const start = exclusive ? 0 : supply.cursor
  const turned = left.map((_, index) => left[(start + index) % left.length] as Candidate)
  if (!exclusive && left.length > 0) supply.cursor = (start + count) % left.length
  const chosen = turned.slice(0, count)
  if (!refill) return chosen
  const spare = turned.slice(count).filter(({ alive }) => alive)
  return chosen.map(each => (each.alive ? each : (spare.shift() ?? each)))
}

/** Those of the greatest weight for the topic; where dead ones are replaced, the living first. */
function takeRanked({ topic, maxNodes, refill }: CompletePoolSpec, supply: Supply): Candidate[] {
  const { left } = supply
  if (maxNodes === undefined || maxNodes >= left.length) return left
  // By name alone, so that what other pools have does not change the order.
  supply.sites ??= sitesOf(
    'fmix32-v1',
    identify(
      'fmix32-v1',
      left.map(({ name }) => name),
    ),
  )
  const byName = new Map(left.map(each => [each.name, each]))
  const ranked = supply.sites.ranked(fnv1a32(topic), supply.total).flatMap(({ name }) => byName.get(name) ?? [])
  const first = refill ? [...ranked.filter(({ alive }) => alive), ...ranked.filter(({ alive }) => !alive)] : ranked
  return first.slice(0, maxNodes)
}
