import { compareBytewise } from '../../src/pool/bytewise.js'
import { identify, sitesOf } from '../../src/pool/hash.js'
import { type CompletePoolSpec, fnv1a32 } from '../../src/pool/pool.js'

/** A member as allocation knows it. */
export interface NaiveNode {
  readonly name: string
  readonly type: string
  readonly alive: boolean
}

/** Which nodes are in which pool, made anew of everything: what the pools of a node keep up step by step. */
export function naiveAllocation(
  specs: readonly CompletePoolSpec[],
  nodes: readonly NaiveNode[],
  managerIsLogger: boolean,
): Map<string, readonly NaiveNode[]> {
  const lefts = new Map<string, NaiveNode[]>()
  const cursors = new Map<string, number>()
  const allocated = new Map<string, readonly NaiveNode[]>()
  const inOrder = [...specs].sort(
    (one, other) => Number(other.exclusive) - Number(one.exclusive) || compareBytewise(one.topic, other.topic),
  )
  for (const spec of inOrder) {
    const { nodeType, exclusive, maxNodes, allocation, topic, refill } = spec
    const left = lefts.get(nodeType) ?? eligible(nodeType, nodes, managerIsLogger)
    const count = Math.min(maxNodes ?? left.length, left.length)
    const start = exclusive || allocation !== 'sorted' ? 0 : (cursors.get(nodeType) ?? 0)
    const order = allocation === 'sorted' ? turned(left, start) : count < left.length ? ranked(topic, left) : left
    if (!exclusive && allocation === 'sorted' && left.length > 0) cursors.set(nodeType, (start + count) % left.length)
    let chosen = order.slice(0, count)
    if (refill && allocation === 'sorted') {
      const spare = order.slice(count).filter(({ alive }) => alive)
      chosen = chosen.map(each => (each.alive ? each : (spare.shift() ?? each)))
    } else if (refill) {
      chosen = [...order.filter(({ alive }) => alive), ...order.filter(({ alive }) => !alive)].slice(0, count)
    }
    lefts.set(nodeType, exclusive ? left.filter(each => !chosen.includes(each)) : left)
    allocated.set(topic, allocation === 'sorted' ? chosen : [...chosen].sort(byName))
  }
  return allocated
}

function eligible(type: string, nodes: readonly NaiveNode[], managerIsLogger: boolean): NaiveNode[] {
  const found = nodes.filter(each => each.type === type).sort(byName)
  const [manager] = nodes.filter(each => each.type === 'manager').sort(byName)
  return type === 'logger' && managerIsLogger && manager !== undefined ? [...found, manager] : found
}

function turned(left: readonly NaiveNode[], start: number): NaiveNode[] {
  return left.map((_, index) => left[(start + index) % left.length] as NaiveNode)
}

function ranked(topic: string, left: readonly NaiveNode[]): NaiveNode[] {
  const sites = sitesOf(
    'fmix32-v1',
    identify(
      'fmix32-v1',
      left.map(({ name }) => name),
    ),
  )
  const order = sites.ranked(fnv1a32(topic), left.length).map(({ name }) => name)
  return [...left].sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name))
}

function byName(one: NaiveNode, other: NaiveNode): number {
  return compareBytewise(one.name, other.name)
}
