import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Allocation, createPools, type PoolSpec, type PoolsOptions, type PurePools } from '../../src/pool/pool.js'

function poolsOf(count: number, options: PoolsOptions = {}): PurePools {
  const names = Array.from({ length: count }, (_, index) => `w${index + 1}`)
  const pools = createPools({ self: 'm', nodes: names.map(name => ({ name, type: 'worker' })), ...options })
  for (const name of names) pools.nodeUp(name)
  return pools
}

function namesOf(pools: PurePools, topic: string): string[] {
  return pools.registered.get(topic)?.nodeList.map(({ name }) => name) ?? []
}

const limited = (topic: string, maxNodes: number, exclusive = false): PoolSpec => ({
  ...{ topic, nodeType: 'worker', maxNodes, exclusive },
})

const code = (fails: () => unknown): unknown => {
  try {
    fails()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}

describe('pools of a few nodes', () => {
  test.each<Allocation>(['rendezvous', 'sorted'])(
    'have others in the place of dead ones until these are back: %s',
    how => {
      const pools = poolsOf(6, { allocation: how })
      const pool = pools.register(limited('p', 2))
      const before = namesOf(pools, 'p')
      const dead = before[0] as string
      pools.nodeDown(dead)
      expect(pool.aliveCount).toBe(2)
      expect(namesOf(pools, 'p')).toContain(before[1])
      pools.nodeUp(dead)
      expect(namesOf(pools, 'p')).toEqual(before)
    },
  )

  test.each<Allocation>(['rendezvous', 'sorted'])('keep their dead, as in Zeek, where they are told to: %s', how => {
    const pools = poolsOf(6, { allocation: how, refill: false })
    const pool = pools.register(limited('p', 2))
    const before = namesOf(pools, 'p')
    for (const name of before) pools.nodeDown(name)
    expect(namesOf(pools, 'p')).toEqual(before)
    expect([pool.aliveCount, pool.hrwTopic('key'), pool.rrTopic()]).toEqual([0, '', ''])
  })

  test('are in the order of their topics as these were given, as in Zeek: a-b before a/', () => {
    const pools = poolsOf(3, { allocation: 'sorted' })
    const made = pools.registerAll([limited('t/a/', 1), limited('t/a-b', 1)])
    expect(made.map(({ spec }) => spec.topic)).toEqual(['t/a/', 't/a-b'])
    expect([namesOf(pools, 't/a-b'), namesOf(pools, 't/a/'), namesOf(pools, 't/a')]).toEqual([['w1'], ['w2'], ['w2']])
  })

  test.each(['Cluster::WORKER', 'WORKER', 'Cluster::worker'])('may name their type as Zeek does: %s', nodeType => {
    const pools = poolsOf(2)
    expect(pools.register({ topic: 'p', nodeType }).aliveCount).toBe(2)
    pools.nodeJoined({ name: 'w3', type: nodeType })
    expect([namesOf(pools, 'p'), pools.nodesOfType(nodeType)]).toEqual(Array(2).fill(['w1', 'w2', 'w3']))
    const sorted = { topic: 'q', nodeType: 'Cluster::MANAGER', allocation: 'sorted' } as const
    expect(code(() => pools.register(sorted))).toBe('ERR_POOL_NODE_TYPE')
    expect(pools.register({ topic: 'r', nodeType: 'Cluster::ARCHIVER' }).nodes.size).toBe(0)
    pools.nodeJoined({ name: 'x', type: 'ARCHIVER' })
    expect(namesOf(pools, 'r')).toEqual(['x'])
  })

  test('may have none at all', () => {
    const pool = poolsOf(3).register(limited('p', 0))
    expect([pool.nodes.size, pool.hrw('key'), pool.rr()]).toEqual([0, undefined, undefined])
  })

  test.each<Allocation>(['rendezvous', 'sorted'])(
    'have for themselves what is exclusive, whoever is alive: %s',
    how => {
      const specs = [limited('a', 2, true), limited('b', 3), limited('c', 2, true)]
      const states = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 })
      fc.assert(
        fc.property(states, fc.shuffledSubarray(specs, { minLength: 3 }), (alive, order) => {
          const pools = poolsOf(8, { allocation: how })
          for (const spec of order) pools.register(spec)
          alive.forEach((isAlive, index) => {
            if (!isAlive) pools.nodeDown(`w${index + 1}`)
          })
          const living = alive.filter(each => each).length
          const own = ['a', 'c'].flatMap(topic => namesOf(pools, topic))
          expect(new Set(own).size).toBe(4)
          const shared = ['b', 'zeek/cluster/pool/worker'].flatMap(topic => namesOf(pools, topic))
          expect(shared.filter(name => own.includes(name))).toEqual([])
          const counts = ['a', 'c'].map(topic => pools.registered.get(topic)?.aliveCount ?? 0)
          expect(counts[0]).toBe(Math.min(2, living))
          // Another order of registration, and another way to the same state, is the same allocation.
          const again = poolsOf(8, { allocation: how })
          alive.forEach((isAlive, index) => {
            if (!isAlive) again.nodeDown(`w${index + 1}`)
          })
          again.registerAll(specs)
          for (const { topic } of specs) expect(namesOf(again, topic)).toEqual(namesOf(pools, topic))
        }),
        { numRuns: 60, seed: 1 },
      )
    },
  )

  test('are disturbed less by a join where they are ranked than where they are sorted', () => {
    const changed = (how: Allocation): number => {
      let sum = 0
      for (let joiner = 0; joiner < 20; joiner++) {
        const pools = poolsOf(20, { allocation: how })
        const topics = ['a', 'b', 'c', 'd', 'e']
        for (const topic of topics) pools.register(limited(topic, 3, true))
        const before = topics.map(topic => namesOf(pools, topic))
        const name = `w${joiner}-joins`
        pools.nodeJoined({ name, type: 'worker' })
        pools.nodeUp(name)
        for (const [index, topic] of topics.entries()) {
          sum += namesOf(pools, topic).filter(each => before[index]?.includes(each) !== true).length
        }
      }
      return sum / (20 * 15)
    }
    const [ranked, sorted] = [changed('rendezvous'), changed('sorted')]
    expect(ranked).toBeLessThan(0.1)
    expect(sorted).toBeGreaterThan(ranked)
  })
})

describe('a registration', () => {
  test('is refused, with nothing changed, where Zeek would end its process', () => {
    const pools = poolsOf(3)
    const before = [...pools.registered.keys()]
    expect(code(() => pools.register({ topic: 'p', nodeType: 'worker', exclusive: true }))).toBe('ERR_POOL_LIMIT')
    expect(code(() => pools.register(limited('p', 4, true)))).toBe('ERR_POOL_SUPPLY')
    expect(code(() => pools.registerAll([limited('p', 2, true), limited('q', 2, true)]))).toBe('ERR_POOL_SUPPLY')
    for (const nodeType of ['manager', 'control', 'none']) {
      expect(code(() => pools.register({ topic: 'p', nodeType, allocation: 'sorted' }))).toBe('ERR_POOL_NODE_TYPE')
    }
    expect([...pools.registered.keys()]).toEqual(before)
    expect(pools.register({ topic: 'p', nodeType: 'manager' }).aliveCount).toBe(0)
  })

  test('twice is one pool if it is the same, and refused if it is not', () => {
    const pools = poolsOf(3)
    const pool = pools.register(limited('p', 2))
    expect(pools.register(limited('p', 2))).toBe(pool)
    expect(code(() => pools.register(limited('p', 1)))).toBe('ERR_POOL_EXISTS')
    expect(code(() => pools.registerAll([limited('q', 1), limited('q', 2)]))).toBe('ERR_POOL_EXISTS')
    expect(pools.unregister('p')).toBe(true)
    expect(pools.unregister('p')).toBe(false)
    expect(pools.register(limited('p', 1)).nodes.size).toBe(1)
  })

  test('gives a default pool the spec that nobody had chosen, once', () => {
    const pools = poolsOf(3)
    const { worker } = pools
    const { topic } = worker.spec
    expect(pools.register(limited(topic, 1))).toBe(worker)
    expect(worker.nodes.size).toBe(1)
    expect(code(() => pools.register(limited(topic, 2)))).toBe('ERR_POOL_EXISTS')
    const chosen = poolsOf(3, { workerPoolSpec: { topic: 'mine', maxNodes: 2 } })
    expect([chosen.worker.spec.topic, chosen.worker.nodes.size]).toEqual(['mine', 2])
    expect(code(() => chosen.register(limited('mine', 1)))).toBe('ERR_POOL_EXISTS')
  })

  test.each<[string, unknown]>([
    ['topic', { topic: '', nodeType: 'worker' }],
    ['topic', { topic: 'x'.repeat(513), nodeType: 'worker' }],
    ['nodeType', { topic: 'p', nodeType: '' }],
    ['maxNodes', { topic: 'p', nodeType: 'worker', maxNodes: -1 }],
    ['maxNodes', { topic: 'p', nodeType: 'worker', maxNodes: 1.5 }],
    ['exclusive', { topic: 'p', nodeType: 'worker', exclusive: 1 }],
    ['hash', { topic: 'p', nodeType: 'worker', hash: 'md5' }],
    ['allocation', { topic: 'p', nodeType: 'worker', allocation: 'random' }],
    ['refill', { topic: 'p', nodeType: 'worker', refill: 1 }],
    ['includeSelf', { topic: 'p', nodeType: 'worker', includeSelf: 1 }],
    ['maxnodes', { topic: 'p', nodeType: 'worker', maxnodes: 1 }],
  ])('of a wrong %s is refused by name', (field, spec) => {
    expect(() => poolsOf(1).register(spec as PoolSpec)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', option: `spec.${field}` }),
    )
  })

  test('of more pools than a node has is refused', () => {
    const pools = poolsOf(1)
    const specs = Array.from({ length: 1_022 }, (_, index) => limited(`p${index}`, 1))
    expect(code(() => pools.registerAll(specs))).toBe('ERR_INVALID_OPTION')
    expect(pools.registerAll(specs.slice(1)).length).toBe(1_021)
  })
})

describe("Zeek's types of nodes in capitals", () => {
  const nodes = ['WORKER', 'WORKER', 'PROXY', 'MANAGER'].map((type, index) => ({ name: `n${index}`, type }))

  test('are what they are in small letters', () => {
    const pools = createPools({ self: 'n3', nodes, hash: 'zeek-7.1', managerIsLogger: true })
    const own = pools.register({ topic: 'own', nodeType: 'WORKER', maxNodes: 1, exclusive: true })
    expect(own.nodeList.map(({ name }) => name)).toEqual(['n0'])
    expect(namesOf(pools, 'zeek/cluster/pool/worker')).toEqual(['n1'])
    expect(namesOf(pools, 'zeek/cluster/pool/proxy')).toEqual(['n2'])
    expect(namesOf(pools, 'zeek/cluster/pool/logger')).toEqual(['n3'])
    expect([pools.nodesOfType('WORKER'), pools.nodesOfType('worker')]).toEqual([
      ['n0', 'n1'],
      ['n0', 'n1'],
    ])
    expect(code(() => pools.register({ topic: 'p', nodeType: 'PROXY', maxNodes: 2, exclusive: true }))).toBe(
      'ERR_POOL_SUPPLY',
    )
  })

  test.each(['MANAGER', 'CONTROL', 'NONE'])('are refused where they are in no pool: %s', nodeType => {
    const pools = createPools({ self: 'n3', nodes, hash: 'zeek-7.1' })
    expect(code(() => pools.register({ topic: 'p', nodeType }))).toBe('ERR_POOL_NODE_TYPE')
  })
})

describe('a change', () => {
  test('is told of when all pools are up to date', () => {
    const pools = poolsOf(4)
    const own = pools.register(limited('own', 1, true))
    const seen: boolean[] = []
    // The exclusive pool has its nodes first.
    own.events.on('changed', () => seen.push(own.nodeList.some(({ name }) => pools.worker.nodes.has(name))))
    for (let turn = 0; turn < 2; turn++) pools.nodeDown(namesOf(pools, 'own')[0] as string)
    expect(seen).toEqual([false, false])
  })
})

describe('a shortage', () => {
  test('of nodes that leave is told of, once, and no listener finds pools half changed', () => {
    const pools = poolsOf(3)
    const own = pools.register(limited('own', 2, true))
    const told: string[] = []
    pools.events.on('shortage', ({ nodeType, needed, available }) => told.push(`${nodeType} ${needed} ${available}`))
    pools.worker.events.on('changed', () => told.push(`worker ${pools.worker.nodes.size}, own ${own.nodes.size}`))
    const [first, second] = namesOf(pools, 'own') as [string, string]
    pools.nodeLeft(first)
    expect(told).toEqual(['worker 0, own 2'])
    pools.nodeLeft(second)
    pools.nodeLeft('nobody')
    expect(told.slice(1)).toEqual(['worker 2 1'])
    pools.nodeJoined({ name: first, type: 'worker' })
    pools.nodeLeft(first)
    expect(told.slice(2)).toEqual(['worker 2 1'])
  })
})
