import { describe, expect, test } from 'vitest'
import type { PeerServiceManager, PeerServiceOptions } from '../../src/index.js'
import {
  type ManagedPools,
  managePools,
  type PoolMismatchError,
  type PoolSupplyError,
  type PoolsOptions,
} from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const worker: PeerServiceOptions = { attributes: { type: 'worker' } }
const topicOfWorkers = 'zeek/cluster/pool/worker'

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
}

/** Workers with pools, all up. */
async function workers(cluster: Cluster, names: readonly string[], options?: PoolsOptions): Promise<Member[]> {
  const members = (await cluster.mesh(names, worker)).map(manager => ({
    manager,
    pools: managePools(manager, options),
  }))
  await cluster.pass(1_000)
  return members
}

function namesOf(pools: ManagedPools, topic = topicOfWorkers): string[] {
  return [...(pools.registered.get(topic)?.nodes.keys() ?? [])]
}

async function heardBy(cluster: Cluster, { pools }: Member, topic: string): Promise<readonly string[]> {
  return (await cluster.settle(pools.publish(topic, 'any', 1))).nodes
}

/** What the pools tell of differences. */
function differencesOf({ pools }: Member): PoolMismatchError[] {
  const told: PoolMismatchError[] = []
  pools.events.on('error', error => told.push(error as PoolMismatchError))
  return told
}

describe('pools that are made again', () => {
  test('learn what others had told, and are heard again', async () => {
    const cluster = new Cluster()
    const [a, b, c] = (await workers(cluster, ['a', 'b', 'c'])) as [Member, Member, Member]
    b.pools.subscribe('news', () => {})
    const own = { topic: 'own', nodeType: 'worker', exclusive: true, maxNodes: 1 }
    b.pools.register(own)
    await cluster.settle(c.pools.depart())
    a.pools[Symbol.dispose]()
    await cluster.pass(1_000)
    const again = { manager: a.manager, pools: managePools(a.manager) }
    const heard: unknown[] = []
    again.pools.subscribe('tips', message => heard.push(message))
    await cluster.pass(1_000)
    expect(await heardBy(cluster, again, 'news')).toEqual(['b'])
    expect(await heardBy(cluster, b, 'tips')).toEqual(['a'])
    expect(namesOf(again.pools)).toEqual(namesOf(b.pools))
    expect([again.pools.worker.aliveCount, b.pools.worker.aliveCount]).toEqual([1, 1])
  })

  test.each([0, 300])('in the same turn, after %d changes, and while the clock went back', async changes => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b'])) as [Member, Member]
    a.pools.subscribe('news', () => {})
    for (let index = 0; index < changes; index++) b.pools.subscribe('other', () => {})[Symbol.dispose]()
    await cluster.pass(100)
    cluster.clock.setWall(new Date(cluster.clock.wall().getTime() - 3_600_000))
    b.pools[Symbol.dispose]()
    const again = { manager: b.manager, pools: managePools(b.manager) }
    again.pools.subscribe('tips', () => {})
    await cluster.pass(3_000)
    expect(await heardBy(cluster, a, 'tips')).toEqual(['b'])
    expect(await heardBy(cluster, again, 'news')).toEqual(['a'])
    expect([a.pools.worker.aliveCount, again.pools.worker.aliveCount]).toEqual([2, 2])
  })

  test('are forgotten until then: what they subscribed to, and wanted for themselves', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b', 'c'])) as [Member, Member]
    b.pools.subscribe('news', () => {})
    b.pools.register({ topic: 'own', nodeType: 'worker', exclusive: true, maxNodes: 1 })
    await cluster.pass(1_000)
    expect([namesOf(a.pools).length, a.pools.mismatches.length]).toEqual([2, 1])
    b.pools[Symbol.dispose]()
    await cluster.pass(1_000)
    expect([namesOf(a.pools).length, a.pools.mismatches]).toEqual([3, []])
    const published = a.pools.publish('news', 'any', 1, { ack: true })
    expect(await cluster.settle(published)).toMatchObject({ sent: false, reason: 'empty' })
  })

  test('are forgotten by one that could not be told of their end, when it tells them anything', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b'])) as [Member, Member]
    b.pools.subscribe('news', () => {})
    await cluster.pass(1_000)
    using _ = b.manager.interpose(({ direction, peer, kind }) =>
      direction === 'forward' && peer === 'a' && kind === 'message' ? { type: 'drop' } : { type: 'pass' },
    )
    b.pools[Symbol.dispose]()
    await cluster.pass(5_000)
    expect((await cluster.settle(a.pools.publish('news', 'any', 1))).missed.size).toBe(0)
    a.pools.subscribe('tips', () => {})
    await cluster.pass(1_000)
    expect(await heardBy(cluster, a, 'news')).toEqual([])
  })
})

describe('pools that are no more leave a node that is alive, also if it had departed,', () => {
  const aliveOf = ({ pools }: Member): string =>
    pools.worker.nodeList.flatMap(({ name, alive }) => (alive ? [name] : [])).join('')

  /** Three workers, of which `b` has departed. */
  async function departed(): Promise<{ cluster: Cluster; a: Member; b: Member; c: Member }> {
    const cluster = new Cluster()
    const [a, b, c] = (await workers(cluster, ['a', 'b', 'c'])) as [Member, Member, Member]
    await cluster.settle(b.pools.depart())
    expect([a, c].map(aliveOf)).toEqual(['ac', 'ac'])
    return { cluster, a, b, c }
  }

  test('for those who were there and those who come later', async () => {
    const { cluster, a, b, c } = await departed()
    b.pools[Symbol.dispose]()
    await cluster.pass(3_000)
    expect([a, c].map(aliveOf)).toEqual(['abc', 'abc'])
    const manager = await cluster.start('d', worker)
    const d: Member = { manager, pools: managePools(manager) }
    await cluster.settle(manager.syncJoin(a.manager.spec))
    await cluster.pass(3_000)
    expect([a, c, d].map(aliveOf)).toEqual(['abcd', 'abcd', 'abcd'])
  })

  test('for one that was started again', async () => {
    const { cluster, a, b, c } = await departed()
    b.pools[Symbol.dispose]()
    await cluster.pass(3_000)
    await cluster.settle(c.manager.stop())
    await cluster.settle(c.manager.start())
    await cluster.settle(c.manager.syncJoin(a.manager.spec))
    await cluster.pass(3_000)
    expect([a, c].map(aliveOf)).toEqual(['abc', 'abc'])
  })

  test('for one that was parted from it', async () => {
    const { cluster, a, b, c } = await departed()
    cluster.split('b', 'c')
    await cluster.until(() => !b.manager.isConnected('c') && !c.manager.isConnected('b'))
    b.pools[Symbol.dispose]()
    await cluster.pass(3_000)
    cluster.heal()
    await cluster.pass(20_000)
    expect([a, c].map(aliveOf)).toEqual(['abc', 'abc'])
  })

  test('for one that was not told, as soon as it is told so', async () => {
    const { cluster, a, b, c } = await departed()
    using _ = b.manager.interpose(({ direction, peer, kind }) =>
      direction === 'forward' && peer === 'c' && kind === 'message' ? { type: 'drop' } : { type: 'pass' },
    )
    b.pools[Symbol.dispose]()
    await cluster.pass(5_000)
    c.pools.subscribe('tips', () => {})
    await cluster.pass(1_000)
    expect([a, c].map(aliveOf)).toEqual(['abc', 'abc'])
  })
})

describe('a full queue', () => {
  const options = { limits: { queueBytes: 20_000, windowBytes: 65_536, blockedCalls: 1 } }

  /** Two workers, of which nothing passes from `b` to `a`, until the function is called. */
  async function full(): Promise<{ cluster: Cluster; a: Member; b: Member; drain: () => void }> {
    const cluster = new Cluster({ options })
    const [a, b] = (await workers(cluster, ['a', 'b'])) as [Member, Member]
    const stalled = cluster.stall('a', 'b')
    for (const channel of ['default', 'membership']) {
      for (let index = 0; index < 30; index++) {
        void b.manager.forwardMessage('a', 'work', new Uint8Array(9_000), { channel }).catch(() => {})
      }
    }
    return { cluster, a, b, drain: () => stalled.resume() }
  }

  test('keeps what others are told waiting, and no longer: it is told of, and counted', async () => {
    const { cluster, a, b, drain } = await full()
    const failures: string[] = []
    b.pools.events.on('handler-error', ({ where, error }) =>
      failures.push(`${where}: ${(error as { code: string }).code}`),
    )
    b.pools.subscribe('news', () => {})
    await cluster.pass(1_000)
    expect([failures, b.pools.counters().retold > 1]).toEqual([["the pools of 'a': ERR_OVERFLOW"], true])
    drain()
    await cluster.pass(1_000)
    expect(await heardBy(cluster, a, 'news')).toEqual(['b'])
    const { retold } = b.pools.counters()
    await cluster.pass(10_000)
    expect([failures.length, b.pools.counters().retold]).toEqual([1, retold])
  })

  test('keeps who departs waiting until it is drained', async () => {
    const { cluster, a, b, drain } = await full()
    const began = cluster.clock.now()
    const departed = b.pools.depart({ timeout: 5_000 }).then(() => cluster.clock.now() - began)
    await cluster.pass(2_000)
    expect(a.pools.worker.aliveCount).toBe(2)
    drain()
    expect(await cluster.settle(departed)).toBeLessThan(3_000)
    expect(a.pools.worker.aliveCount).toBe(1)
  })

  test('keeps who departs waiting as long as its timeout, and others hear of it when there is room', async () => {
    const { cluster, a, b, drain } = await full()
    const began = cluster.clock.now()
    await cluster.settle(b.pools.depart({ timeout: 700 }))
    expect(cluster.clock.now() - began).toBeGreaterThanOrEqual(700)
    drain()
    await cluster.pass(1_000)
    expect(a.pools.worker.aliveCount).toBe(1)
  })

  test('of pools that are no more is not tried for ever', async () => {
    const { cluster, b } = await full()
    b.pools[Symbol.dispose]()
    await cluster.pass(1_500)
    const { retold } = b.pools.counters()
    await cluster.pass(5_000)
    expect([retold > 0, b.pools.counters().retold]).toEqual([true, retold])
  })
})

describe('a difference', () => {
  test('is told of once, and names all who have it', async () => {
    const cluster = new Cluster()
    const managers = await cluster.mesh(['a', 'b', 'c', 'd'], worker)
    const other: PoolsOptions = { workerPoolSpec: { refill: false } }
    const members = managers.map((manager, index) => ({ manager, pools: managePools(manager, index > 1 ? other : {}) }))
    const [a, , c, d] = members as [Member, Member, Member, Member]
    const told = [a, c].map(differencesOf)
    await cluster.pass(1_000)
    expect(told.map(each => each.map(({ field, ours, theirs }) => [field, ours, theirs]))).toEqual([
      [['refill', true, false]],
      [['refill', false, true]],
    ])
    expect([a, c].map(({ pools }) => pools.mismatches.map(({ nodes }) => nodes))).toEqual([[['c', 'd']], [['a', 'b']]])
    expect(a.pools.mismatches[0]?.message).toContain("'c', 'd'")
    await cluster.settle(d.manager.stop())
    await cluster.pass(1_000)
    expect(a.pools.mismatches.map(({ nodes }) => nodes)).toEqual([['c']])
    await cluster.settle(d.manager.start())
    await cluster.pass(5_000)
    expect([a.pools.mismatches.map(({ nodes }) => nodes), told[0]?.length]).toEqual([[['c', 'd']], 1])
    c.pools[Symbol.dispose]()
    d.pools[Symbol.dispose]()
    await cluster.pass(1_000)
    expect(a.pools.mismatches).toEqual([])
    const again = managePools(d.manager, other)
    await cluster.pass(1_000)
    expect([told[0]?.length, again.mismatches.length]).toEqual([2, 1])
  })

  test('of managerIsLogger is one, where there are pools of loggers', async () => {
    const cluster = new Cluster()
    const [one, two] = (await cluster.mesh(['a', 'b'], { attributes: { type: 'manager' } })) as [
      PeerServiceManager,
      PeerServiceManager,
    ]
    const a = { manager: one, pools: managePools(one, { managerIsLogger: true }) }
    const b = { manager: two, pools: managePools(two) }
    const told = [b, a].map(differencesOf)
    await cluster.pass(1_000)
    expect(told.flat().map(({ nodes, topic, field, ours, theirs }) => [nodes, topic, field, ours, theirs])).toEqual([
      [['a'], 'zeek/cluster/pool/logger', 'managerIsLogger', false, true],
      [['b'], 'zeek/cluster/pool/logger', 'managerIsLogger', true, false],
    ])
    b.pools.unregister('zeek/cluster/pool/logger')
    await cluster.pass(1_000)
    expect(a.pools.mismatches).toEqual([])
  })

  test('is that only some have a pool which takes nodes from others: owners are the same', async () => {
    const cluster = new Cluster()
    const [a, b, c] = (await workers(cluster, ['a', 'b', 'c', 'd'])) as [Member, Member, Member]
    const told = [a, b].map(differencesOf)
    const own = { topic: 'own', nodeType: 'worker', exclusive: true, maxNodes: 1 }
    b.pools.register(own)
    b.pools.register({ topic: 'shared', nodeType: 'worker', maxNodes: 2 })
    await cluster.pass(1_000)
    expect(namesOf(a.pools)).toEqual(namesOf(b.pools))
    expect(namesOf(a.pools).length).toBe(3)
    expect(told.map(each => each.map(({ nodes, topic, field, ours }) => [nodes, topic, field, ours]))).toEqual([
      [[['b'], 'own', 'registered', false]],
      [[['a', 'c', 'd'], 'own', 'registered', true]],
    ])
    a.pools.register(own)
    await cluster.pass(1_000)
    expect([a, b, c].map(({ pools }) => pools.mismatches.map(({ nodes }) => nodes))).toEqual([
      [['c', 'd']],
      [['c', 'd']],
      [['a', 'b']],
    ])
    b.pools.unregister('own')
    a.pools.unregister('own')
    await cluster.pass(1_000)
    expect([a, b, c].map(({ pools }) => [pools.mismatches.length, namesOf(pools).length])).toEqual(
      Array(3).fill([0, 4]),
    )
  })

  test('is none while a node registers its pools one after the other, in one turn', async () => {
    const cluster = new Cluster()
    const managers = await cluster.mesh(['a', 'b'], worker)
    const told = managers.flatMap(manager => {
      const pools = managePools(manager)
      const each = differencesOf({ manager, pools })
      for (const topic of ['one', 'two']) pools.register({ topic, nodeType: 'worker', exclusive: true, maxNodes: 1 })
      return [each]
    })
    await cluster.pass(1_000)
    expect(told).toEqual([[], []])
  })

  test('that takes all nodes says whose pool it is', async () => {
    const cluster = new Cluster()
    const [a, , c] = (await workers(cluster, ['a', 'b', 'c'])) as [Member, Member, Member]
    const shortages: PoolSupplyError[] = []
    a.pools.events.on('shortage', shortage => shortages.push(shortage))
    c.pools.register({ topic: '!', nodeType: 'worker', exclusive: true, maxNodes: 1_000, allocation: 'sorted' })
    await cluster.pass(1_000)
    expect([a.pools.worker.aliveCount, a.pools.mismatches.map(({ nodes, topic }) => [nodes, topic])]).toEqual([
      0,
      [[['c'], '!']],
    ])
    expect(shortages.map(({ needed, available, claims }) => [needed, available, claims])).toEqual([
      [1_000, 3, [{ topic: '!', node: 'c', maxNodes: 1_000 }]],
    ])
    expect(shortages[0]?.message).toContain(`'!' of node 'c'`)
    await cluster.settle(c.manager.stop())
    await cluster.pass(1_000)
    expect([a.pools.worker.aliveCount, a.pools.mismatches]).toEqual([2, []])
  })
})

describe('a separator at the end of a topic', () => {
  test('counts in the order of pools at nodes that have not registered them, too', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b', 'c'], { allocation: 'sorted' })) as [Member, Member]
    const specs = ['t/a/', 't/a-b'].map(topic => ({ topic, nodeType: 'worker', maxNodes: 1, exclusive: true }))
    a.pools.registerAll(specs)
    await cluster.pass(1_000)
    expect([namesOf(a.pools, 't/a-b'), namesOf(a.pools, 't/a')]).toEqual([['a'], ['b']])
    const [own] = b.pools.registerAll(specs.slice(0, 1))
    expect([namesOf(b.pools), [...(own?.nodes.keys() ?? [])]]).toEqual([['c'], ['b']])
  })

  test('is to be the same at all nodes, which find the one pool until then', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b'])) as [Member, Member]
    a.pools.register({ topic: 't/', nodeType: 'worker', maxNodes: 1, exclusive: true })
    b.pools.register({ topic: 't', nodeType: 'worker', maxNodes: 1, exclusive: true })
    await cluster.pass(1_000)
    const [mismatch] = a.pools.mismatches
    expect([mismatch?.field, mismatch?.ours, mismatch?.theirs]).toEqual(['topic', 't/', 't'])
    expect([a.pools.mismatches.length, namesOf(a.pools, 't')]).toEqual([1, namesOf(b.pools, 't')])
  })
})

describe('a spec that others would refuse', () => {
  test.each([
    ['nodeType', { topic: 'p', nodeType: 'wor\nker' }],
    ['nodeType', { topic: 'p', nodeType: 'x'.repeat(513) }],
    ['topic', { topic: 'p//', nodeType: 'worker' }],
    ['topic', { topic: '/', nodeType: 'worker' }],
  ])('is refused where it is given: %s', async (field, spec) => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b'])) as [Member, Member]
    expect(() => b.pools.register(spec)).toThrow(expect.objectContaining({ option: `spec.${field}` }))
    b.pools.subscribe('news', () => {})
    await cluster.pass(1_000)
    expect([await heardBy(cluster, a, 'news'), a.pools.counters().malformed]).toEqual([['b'], 0])
  })
})

describe('subscriptions', () => {
  test('of more prefixes, or of one by more, than there may be are refused', async () => {
    const { pools } = (await workers(new Cluster(), ['a']))[0] as Member
    const first = Array.from({ length: 1_024 }, () => pools.subscribe('one', () => {}))
    expect(() => pools.subscribe('one', () => {})).toThrow(expect.objectContaining({ option: 'prefix' }))
    first[0]?.[Symbol.dispose]()
    first[0]?.[Symbol.dispose]()
    pools.subscribe('one', () => {})
    expect(() => pools.subscribe('one', () => {})).toThrow('1024 at the most')
    for (let index = 1; index < 1_024; index++) pools.subscribe(`p${index}`, () => {})
    expect(() => pools.subscribe('another', () => {})).toThrow('1024 that a node may subscribe to')
  })

  test('are told of when the first comes and the last goes', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b'])) as [Member, Member]
    const both = [b.pools.subscribe('news', () => {}), b.pools.subscribe('news', () => {})]
    await cluster.pass(100)
    both[0]?.[Symbol.dispose]()
    await cluster.pass(100)
    expect(await heardBy(cluster, a, 'news')).toEqual(['b'])
    both[1]?.[Symbol.dispose]()
    await cluster.pass(100)
    expect(await heardBy(cluster, a, 'news')).toEqual([])
  })
})
