import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPools, fnv1a32, type HashName, hashNames, type Pool, type PurePools } from '../../src/pool/pool.js'

/** Pools of so many workers, all up, as a node that is none of them sees them. */
function poolsOf(hash: HashName, names: readonly string[]): PurePools {
  const pools = createPools({ self: 'observer', nodes: names.map(name => ({ name, type: 'worker' })), hash })
  for (const name of names) pools.nodeUp(name)
  return pools
}

function workerNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `worker-${index + 1}`)
}

/** Keys of several shapes, so many of each. */
const shapes: Readonly<Record<string, (index: number) => string>> = {
  sequential: index => `key-${index}`,
  padded: index => `user:${String(index).padStart(8, '0')}`,
  numeric: index => String(index),
  addresses: index => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
  random: index => Math.imul(index + 1, 0x9e3779b1).toString(36) + Math.imul(index + 7, 0x85ebca6b).toString(36),
}

/** The keys of each node. */
function shares(pool: Pool, keys: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>([...pool.nodes.keys()].map(name => [name, []]))
  for (const key of keys) found.get(pool.hrw(key)?.name ?? '')?.push(key)
  return found
}

function maxOverMean(counts: readonly number[]): number {
  return Math.max(...counts) / (counts.reduce((sum, count) => sum + count, 0) / counts.length)
}

describe('keys', () => {
  const count = 100_000
  const sizes = [
    { n: 2, share: 1.05, heir: 1.15 },
    { n: 3, share: 1.05, heir: 1.15 },
    { n: 5, share: 1.05, heir: 1.15 },
    { n: 10, share: 1.05, heir: 1.15 },
    // A dead node's thousand keys are about ten for each heir: that is mostly chance.
    { n: 100, share: 1.15, heir: 2.5 },
  ]

  test.each(sizes)('are shared evenly among $n nodes, and so are those of a node that dies', ({ n, share, heir }) => {
    for (const make of Object.values(shapes)) {
      const pools = poolsOf('fmix32-v1', workerNames(n))
      const keys = Array.from({ length: count }, (_, index) => make(index))
      const before = shares(pools.worker, keys)
      expect(maxOverMean([...before.values()].map(({ length }) => length))).toBeLessThanOrEqual(share)
      const left = before.get('worker-1') ?? []
      pools.nodeDown('worker-1')
      const heirs = shares(pools.worker, left)
      heirs.delete('worker-1')
      expect(maxOverMean([...heirs.values()].map(({ length }) => length))).toBeLessThanOrEqual(heir)
    }
  })

  test('are shared evenly by the hash of Zeek, too, among ten nodes', () => {
    const keys = Array.from({ length: count }, (_, index) => `key-${index}`)
    const pools = poolsOf('zeek-7.1', workerNames(10))
    const counts = [...shares(pools.worker, keys).values()].map(({ length }) => length)
    expect(maxOverMean(counts)).toBeLessThanOrEqual(1.05)
  })

  test('are shared evenly by two nodes whose hashes are the same in 32 bits: another hash decides', () => {
    // Found by trying: FNV-1a of both is 3,593,787,339.
    const twins = ['node-522789', 'node-739192']
    expect(new Set(twins.map(name => fnv1a32(name))).size).toBe(1)
    const pools = poolsOf('fmix32-v1', twins)
    const keys = Array.from({ length: 10_000 }, (_, index) => `key-${index}`)
    const counts = [...shares(pools.worker, keys).values()].map(({ length }) => length)
    expect(maxOverMean(counts)).toBeLessThanOrEqual(1.05)
    expect(pools.worker.sites.size).toBe(2)
    for (const key of keys.slice(0, 100)) {
      expect(pools.worker.ranked(key, 1)[0]?.name).toBe(pools.worker.hrw(key)?.name)
    }
  })
})

describe.each(hashNames)('the owners by %s', hash => {
  const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)
  const names = workerNames(12)
  const changes = fc.array(fc.tuple(fc.constantFrom('up', 'down', 'join', 'leave'), fc.constantFrom(...names)), {
    maxLength: 60,
  })

  test('change only for keys of a node that goes, and only to a node that comes', () => {
    fc.assert(
      fc.property(changes, steps => {
        const pools = createPools({ self: 'observer', hash })
        const ownersOf = (): (string | undefined)[] => keys.map(key => pools.worker.hrw(key)?.name)
        const alive = new Set<string>()
        const members = new Set<string>()
        const up = new Set<string>()
        let owners = ownersOf()
        for (const [step, name] of steps) {
          const was = new Set(alive)
          if (step === 'up') pools.nodeUp(name)
          else if (step === 'down') pools.nodeDown(name)
          else if (step === 'join') pools.nodeJoined({ name, type: 'worker' })
          else pools.nodeLeft(name)
          const set = step === 'up' || step === 'down' ? up : members
          if (step === 'up' || step === 'join') set.add(name)
          else set.delete(name)
          if (up.has(name) && members.has(name)) alive.add(name)
          else alive.delete(name)
          const now = ownersOf()
          for (const [index, owner] of now.entries()) {
            if (owner === owners[index]) continue
            expect(alive.has(name) ? owner : owners[index]).toBe(name)
            expect(alive.has(name)).not.toBe(was.has(name))
          }
          expect(pools.worker.aliveCount).toBe(alive.size)
          owners = now
        }
        // Whoever knows the same set names the same owners, whatever came before.
        const fresh = poolsOf(hash, [...alive].sort())
        expect(keys.map(key => fresh.worker.hrw(key)?.name)).toEqual(owners)
        for (const key of keys.slice(0, 10)) {
          const ranked = fresh.worker.ranked(key, 100).map(({ name }) => name)
          expect([...ranked].sort()).toEqual([...alive].sort())
          expect(ranked[0]).toBe(fresh.worker.hrw(key)?.name)
        }
      }),
      { numRuns: 100, seed: 4711 },
    )
  })

  test('are handed on in the order of the rank', () => {
    const pools = poolsOf(hash, names)
    for (const key of keys.slice(0, 20)) {
      const ranked = pools.worker.ranked(key, names.length).map(({ name }) => name)
      for (const [index, name] of ranked.entries()) {
        expect(pools.worker.hrw(key)?.name).toBe(ranked[index])
        pools.nodeDown(name)
      }
      expect(pools.worker.hrw(key)).toBe(undefined)
      for (const name of names) pools.nodeUp(name)
    }
  })

  test('that differ between two sets of nodes are named, and no others', () => {
    const pools = poolsOf(hash, names)
    const before = new Map(keys.map(key => [key, pools.worker.hrw(key)?.name]))
    const told: { readonly before: readonly string[]; readonly after: readonly string[] }[] = []
    pools.worker.events.on('changed', change => void told.push(change))
    pools.nodeDown('worker-3')
    const [change] = told
    const moved = pools.worker.moved(keys, change?.before ?? [], change?.after ?? [])
    const expected = keys
      .map(key => ({ key, from: before.get(key), to: pools.worker.hrw(key)?.name }))
      .filter(({ from, to }) => from !== to)
    expect(moved).toEqual(expected)
    expect(moved.length).toBeGreaterThan(5)
    expect(new Set(moved.map(({ from }) => from))).toEqual(new Set(['worker-3']))
    expect(pools.worker.moved(keys, ['worker-1'], [])[0]).toEqual({ key: 'key-0', from: 'worker-1', to: undefined })
  })
})
