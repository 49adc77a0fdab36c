import { BoundedLoad, type HashName } from 'maquis/pool'
import { poolsOf } from './distribution.js'

/** What questions about a key of about 20 characters cost among so many nodes, in nanoseconds of processor time. */
export interface Cost {
  readonly nodes: number
  /** Its owner. */
  readonly owner: number
  /** The first three in its rank. */
  readonly ranked: number
  /** A node that is not too busy, while nothing is under way. */
  readonly acquired: number
}

const rounds = 11
/** A round looks at about so many pairs of a key and a node, and at a thousand keys at least. */
const pairs = 8_000_000
const keys = Array.from({ length: 1_000 }, (_, index) => `session/${index}/${(index * 7_919) % 999_983}-abc`)

export function lookup(hash: HashName, nodes: number): Cost {
  const { worker } = poolsOf(hash, 'worker', nodes)
  const load = new BoundedLoad(worker)
  const acquire = (key: string): boolean => {
    const lease = load.acquire(key)
    lease?.[Symbol.dispose]()
    return lease !== undefined
  }
  return {
    nodes,
    owner: median(pairs / nodes, key => worker.hrw(key) !== undefined),
    // They take longer: fewer of them will do.
    ranked: median(pairs / nodes / 32, key => worker.ranked(key, 3).length > 0),
    acquired: median(pairs / nodes / 32, acquire),
  }
}

/** The median of the rounds, each of about so many lookups. */
function median(wanted: number, lookUp: (key: string) => boolean): number {
  const lookups = Math.max(keys.length, Math.round(wanted))
  const costs: number[] = []
  let found = 0
  for (let round = 0; round < rounds; round++) {
    const begin = process.cpuUsage()
    for (let index = 0; index < lookups; index++) if (lookUp(keys[index % keys.length] ?? '')) found++
    // Processor time, because others may use the machine, too.
    const { user, system } = process.cpuUsage(begin)
    costs.push(((user + system) * 1e3) / lookups)
  }
  if (found !== rounds * lookups) throw new Error('a key without an owner')
  return costs.sort((one, other) => one - other)[Math.floor(rounds / 2)] ?? 0
}
