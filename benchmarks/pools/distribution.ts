import { createPools, type HashName, type PurePools } from 'maquis/pool'

/** How evenly keys are shared, and those of a node that dies. The worst of all shapes of keys and names. */
export interface Evenness {
  readonly nodes: number
  /** The largest and the smallest share, each over the mean. */
  readonly most: number
  readonly least: number
  /** The same of the keys of a dead node, over those that live. */
  readonly mostHeir: number
  readonly leastHeir: number
}

/** Ways in which people write keys. */
const shapes: readonly ((index: number) => string)[] = [
  index => `key-${index}`,
  index => `user:${String(index).padStart(8, '0')}`,
  index => String(index),
  index => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
  index => `/users/${Math.imul(index, 2_654_435) >>> 12}/orders/${index}`,
  index => Math.imul(index + 1, 0x9e3779b1).toString(16) + Math.imul(index + 7, 0x85ebca6b).toString(16),
]

const names = ['worker', 'proxy', 'logger'] as const
/** Enough for each heir of each of a hundred nodes to have about 500 keys; of fewer nodes, up to so many. */
const keysOfHeirs = 5_000_000
const keysOfHeir = 20_000

/** Shares over so many keys of each shape. */
export function shares(hash: HashName, nodes: number, keys: number): Pick<Evenness, 'most' | 'least'> {
  let [most, least] = [0, Number.POSITIVE_INFINITY]
  for (const name of names) {
    for (const shape of shapes) {
      const { worker } = poolsOf(hash, name, nodes)
      const counts = new Map(worker.nodeList.map(node => [node, 0]))
      for (let index = 0; index < keys; index++) {
        const owner = worker.hrw(shape(index))
        if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1)
      }
      const ratios = [...counts.values()].map(count => (count * nodes) / keys)
      most = Math.max(most, ...ratios)
      least = Math.min(least, ...ratios)
    }
  }
  return { most, least }
}

/** Who has the keys of a dead node, whichever dies, over so many keys that little of it is chance. */
export function heirs(hash: HashName, nodes: number): Pick<Evenness, 'mostHeir' | 'leastHeir'> {
  let [mostHeir, leastHeir] = [0, Number.POSITIVE_INFINITY]
  if (nodes < 3) return { mostHeir: 1, leastHeir: 1 }
  for (const name of names) {
    for (const counts of countHeirs(hash, name, nodes)) {
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
      const ratios = [...counts.values()].map(count => (count * (nodes - 1)) / total)
      mostHeir = Math.max(mostHeir, ...ratios)
      leastHeir = Math.min(leastHeir, ...ratios)
    }
  }
  return { mostHeir, leastHeir }
}

/** Pools of so many workers of those names, all of them alive but one. */
export function poolsOf(hash: HashName, name: string, nodes: number, dead?: string): PurePools {
  const members = Array.from({ length: nodes }, (_, index) => ({ name: `${name}-${index + 1}`, type: 'worker' }))
  const pools = createPools({ self: 'observer', nodes: members, hash })
  for (const member of members) if (member.name !== dead) pools.nodeUp(member.name)
  return pools
}

/** For each node, when it alone dies: how many of its keys each of the others has then. */
function countHeirs(hash: HashName, name: string, nodes: number): Map<string, number>[] {
  const { worker: whole } = poolsOf(hash, name, nodes)
  const deaths = new Map(
    whole.nodeList.map(dead => {
      const { worker: rest } = poolsOf(hash, name, nodes, dead.name)
      const counts = new Map([...rest.nodes.keys()].filter(other => other !== dead.name).map(other => [other, 0]))
      return [dead, { rest, counts }]
    }),
  )
  const keys = Math.min(keysOfHeirs, keysOfHeir * nodes * (nodes - 1))
  for (let index = 0; index < keys; index++) {
    const key = `key-${index}`
    const owner = whole.hrw(key)
    const death = owner && deaths.get(owner)
    if (death === undefined) continue
    const heir = death.rest.hrw(key)?.name ?? ''
    death.counts.set(heir, (death.counts.get(heir) ?? 0) + 1)
  }
  return [...deaths.values()].map(({ counts }) => counts)
}
