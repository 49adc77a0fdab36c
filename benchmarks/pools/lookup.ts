import type { HashName } from 'maquis/pool'
import { poolsOf } from './distribution.js'

/** What the owner of a key costs among so many nodes. */
export interface Cost {
  readonly nodes: number
  /** Nanoseconds of processor time for one key of about 20 characters: the median of the rounds. */
  readonly nanoseconds: number
}

const rounds = 11
/** A round looks at about so many pairs of a key and a node, and at a thousand keys at least. */
const pairs = 8_000_000

export function lookup(hash: HashName, nodes: number): Cost {
  const { worker } = poolsOf(hash, 'worker', nodes)
  const keys = Array.from({ length: 1_000 }, (_, index) => `session/${index}/${(index * 7_919) % 999_983}-abc`)
  const lookups = Math.max(1_000, Math.round(pairs / nodes))
  const costs: number[] = []
  let found = 0
  for (let round = 0; round < rounds; round++) {
    const begin = process.cpuUsage()
    for (let index = 0; index < lookups; index++) {
      if (worker.hrw(keys[index % keys.length] ?? '') !== undefined) found++
    }
    // Processor time, because others may use the machine, too.
    const { user, system } = process.cpuUsage(begin)
    costs.push(((user + system) * 1e3) / lookups)
  }
  if (found !== rounds * lookups) throw new Error('a key without an owner')
  return { nodes, nanoseconds: costs.sort((one, other) => one - other)[Math.floor(rounds / 2)] ?? 0 }
}
