import { describe, expect, test } from 'vitest'
import type { PeerServiceManager, PeerServiceOptions } from '../../src/index.js'
import { hyParView } from '../../src/index.js'
import { type ManagedPools, managePools, type PoolMismatchError, type PoolsOptions } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const worker: PeerServiceOptions = { attributes: { type: 'worker' } }

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
  /** What its server `work` was given, in order. */
  readonly got: unknown[]
  /** Who it was from. */
  readonly from: string[]
}

function member(manager: PeerServiceManager, options?: PoolsOptions): Member {
  const got: unknown[] = []
  const from: string[] = []
  manager.register('work', (message: unknown, context) => {
    got.push(message)
    from.push(context.from)
  })
  return { manager, pools: managePools(manager, options), got, from }
}

/** Workers of these names, all up. */
async function workers(cluster: Cluster, names: readonly string[], options?: PoolsOptions): Promise<Member[]> {
  const members = (await cluster.mesh(names, worker)).map(manager => member(manager, options))
  for (const { pools } of members) await cluster.settle(pools.worker.ready({ alive: names.length }))
  await cluster.pass(1_000)
  return members
}

const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`)

function named<Of extends { readonly manager: PeerServiceManager }>(
  members: readonly Of[],
  name: string | undefined,
): Of {
  const found = members.find(({ manager }) => manager.name === name)
  if (found === undefined) throw new Error(`no member ${name}`)
  return found
}

describe('pools of a cluster', () => {
  test('name the same owners at all nodes, this one included, and what is published arrives there', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['a', 'b', 'c'])
    const [a] = members as [Member]
    for (const key of keys) {
      const owners = members.map(({ pools }) => pools.worker.hrw(key)?.name)
      expect(new Set(owners).size).toBe(1)
      expect(await cluster.settle(a.pools.worker.publishHrw(key, 'work', key))).toEqual({ sent: true, node: owners[0] })
    }
    await cluster.pass(100)
    for (const { manager, got, from } of members) {
      expect(got).toEqual(keys.filter(key => a.pools.worker.hrw(key)?.name === manager.name))
      expect(got.length).toBeGreaterThan(5)
      expect(new Set(from)).toEqual(new Set(['a']))
    }
  })

  test('give messages to one after the other by round robin', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['a', 'b', 'c'])
    const [a] = members as [Member]
    for (let index = 0; index < 30; index++) await cluster.settle(a.pools.worker.publishRoundRobin('work', index))
    await cluster.pass(100)
    expect(members.map(({ got }) => got.length)).toEqual([10, 10, 10])
    expect(Object.fromEntries(a.pools.worker.roundRobinTurns)).toEqual({ a: 10, b: 10, c: 10 })
    expect(a.pools.worker.counters()).toEqual({ published: 30, resent: 0, empty: 0, overloaded: 0 })
  })

  test('say why nothing was sent', async () => {
    const cluster = new Cluster()
    const [a] = (await workers(cluster, ['a', 'b'])) as [Member]
    const told: string[] = []
    a.pools.proxy.events.on('empty', () => told.push('empty'))
    expect(await cluster.settle(a.pools.proxy.publishHrw('key', 'work', 1))).toEqual({ sent: false, reason: 'empty' })
    expect(await cluster.settle(a.pools.proxy.publishRoundRobin('work', 1))).toEqual({ sent: false, reason: 'empty' })
    expect(await cluster.settle(a.pools.publish(a.pools.proxy.hrwTopic('key'), 'work', 1))).toMatchObject({
      ...{ sent: false, reason: 'empty' },
    })
    const mistake = a.pools.publish('zeek/cluster/worker', 'work', () => {})
    expect(await cluster.failure(mistake)).toMatchObject({ code: 'ERR_ENCODE' })
    expect(await cluster.settle(a.pools.publish('zeek/cluster/pool/proxy', 'work', 1))).toMatchObject({
      ...{ sent: false, reason: 'empty', nodes: [] },
    })
    expect(a.pools.proxy.counters().empty).toBe(2)
    expect(told).toEqual(['empty'])
  })

  test('are refused where not all members are known, and twice', async () => {
    const cluster = new Cluster({ make: hyParView })
    const partial = await cluster.start('a', worker)
    expect(() => managePools(partial)).toThrow(expect.objectContaining({ code: 'ERR_PARTIAL_MEMBERSHIP' }))
    const manager = await new Cluster().start('b')
    using _ = managePools(manager)
    expect(() => managePools(manager)).toThrow(expect.objectContaining({ code: 'ERR_SERVER_EXISTS' }))
  })

  test('that are registered late have their members at once', async () => {
    const cluster = new Cluster()
    const [a] = (await workers(cluster, ['a', 'b', 'c'])) as [Member]
    const late = a.pools.register({ topic: 'late', nodeType: 'worker', maxNodes: 2 })
    expect(late.aliveCount).toBe(2)
    expect(late.hrw('key')).toBeDefined()
  })

  test('give nothing to a node that leaves itself out of its own choices', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['a', 'b', 'c'], { includeSelf: false })
    const [a] = members as [Member]
    for (const key of keys) {
      const [owner] = a.pools.worker.ranked(key, 1)
      expect(await cluster.settle(a.pools.worker.publishHrw(key, 'work', key, { ack: true }))).toEqual({
        ...{ sent: true, node: owner?.name },
      })
    }
    expect(members.map(({ got }) => got.length > 0)).toEqual([false, true, true])
    expect(members.map(({ pools }) => pools.counters().forwarded)).toEqual([0, 0, 0])
    // What is passed on because views differ does not come back either.
    const c = named(members, 'c')
    const departed = c.pools.depart()
    for (const key of keys) void a.pools.worker.publishHrw(key, 'work', key, { ack: true })
    await cluster.settle(departed)
    await cluster.pass(100)
    expect([a.got, c.pools.counters().forwarded > 0]).toEqual([[], true])
    expect(named(members, 'b').got.length + c.got.length).toBe(2 * keys.length)
  })

  test('go on with the next in rank when the owner stops, and with the owner when it is back', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['a', 'b', 'c'])
    const [a] = members as [Member]
    const key = keys.find(each => a.pools.worker.hrw(each)?.name === 'c') as string
    const [, heir] = a.pools.worker.ranked(key, 2)
    const changes: unknown[] = []
    a.pools.worker.events.on('changed', ({ added, removed }) => changes.push([added, removed]))
    await cluster.settle(named(members, 'c').manager.stop())
    await cluster.until(() => a.pools.worker.aliveCount === 2)
    expect(await cluster.settle(a.pools.worker.publishHrw(key, 'work', 1))).toEqual({ sent: true, node: heir?.name })
    await cluster.settle(named(members, 'c').manager.start())
    await cluster.until(() => a.pools.worker.aliveCount === 3)
    expect(a.pools.worker.hrw(key)?.name).toBe('c')
    await cluster.until(() => named(members, 'c').pools.worker.aliveCount === 3)
    expect(changes).toEqual([
      [[], ['c']],
      [['c'], []],
    ])
  })

  test('leave nobody who leaves out of order: what comes is passed on, and nothing is refused', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['a', 'b', 'c'])
    const [a, , c] = members as [Member, Member, Member]
    const left = c.pools.depart()
    // While it departs the others have not heard of it yet.
    const mine = keys.filter(each => a.pools.worker.hrw(each)?.name === 'c')
    const sent = mine.map(key => a.pools.worker.publishHrw(key, 'work', key, { ack: true }))
    await cluster.settle(left)
    expect(a.pools.worker.aliveCount).toBe(2)
    expect(a.manager.isConnected('c')).toBe(true)
    for (const each of sent) expect(await cluster.settle(each)).toMatchObject({ sent: true })
    expect(c.got).toEqual([])
    expect(c.pools.counters().forwarded).toBe(mine.length)
    const others = members.filter(each => each !== c)
    for (const { manager, got, from } of others) {
      expect(got).toEqual(mine.filter(key => a.pools.worker.hrw(key)?.name === manager.name))
      expect(new Set(from)).toEqual(new Set(['a']))
    }
    await cluster.settle(c.pools.leave())
    expect(a.manager.members()).toEqual(['a', 'b'])
    await cluster.settle(c.manager.join(a.manager.spec))
    await cluster.until(() => a.pools.worker.aliveCount === 3 && c.pools.worker.aliveCount === 3)
  })

  test('tell of a node whose hash is another, at both', async () => {
    const cluster = new Cluster()
    const [one, other] = await cluster.mesh(['a', 'b'], worker)
    const a = member(one as PeerServiceManager)
    const b = member(other as PeerServiceManager, {
      workerPoolSpec: { hash: 'zeek-7.1', allocation: 'rendezvous', refill: true },
    })
    const told: PoolMismatchError[] = []
    for (const { pools } of [a, b]) pools.events.on('error', error => told.push(error as PoolMismatchError))
    await cluster.pass(1_000)
    const inOrder = told.sort((one, other) => (one.nodes.join() < other.nodes.join() ? -1 : 1))
    expect(
      inOrder.map(({ code, nodes, topic, field, ours, theirs }) => [code, ...nodes, topic, field, ours, theirs]),
    ).toEqual([
      ['ERR_POOL_MISMATCH', 'a', 'zeek/cluster/pool/worker', 'hash', 'zeek-7.1', 'fmix32-v1'],
      ['ERR_POOL_MISMATCH', 'b', 'zeek/cluster/pool/worker', 'hash', 'fmix32-v1', 'zeek-7.1'],
    ])
    expect(a.pools.mismatches).toEqual([told.find(({ nodes }) => nodes.includes('b'))])
    // What each takes to be the other's is passed on once, and no more.
    for (const key of keys)
      await cluster.settle(a.pools.worker.publishHrw(key, 'work', key, { ack: true, timeout: 5_000 }))
    expect([...a.got, ...b.got].map(String).sort()).toEqual([...keys].sort())
    const disputed = keys.filter(key => a.pools.worker.hrw(key)?.name === 'b' && b.pools.worker.hrw(key)?.name === 'a')
    expect([disputed.length > 0, b.pools.counters().forwarded]).toEqual([true, disputed.length])
    b.pools.unregister('zeek/cluster/pool/worker')
    await cluster.pass(1_000)
    expect(a.pools.mismatches).toEqual([])
  })

  test('reckon with pools that only others have', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b', 'c', 'd'])) as [Member, Member]
    const own = b.pools.register({ topic: 'own', nodeType: 'worker', maxNodes: 1, exclusive: true })
    await cluster.pass(1_000)
    expect(a.pools.worker.nodes.size).toBe(3)
    expect([...a.pools.worker.nodes.keys(), ...own.nodes.keys()].sort()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are empty when they are disposed, and the node is one without pools until it has pools again', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['a', 'b'])
    const [a, b] = members as [Member, Member]
    const never = b.pools.worker.ready({ alive: 3 }).catch((error: unknown) => error)
    for (const { pools } of members) pools.subscribe('news', () => {})
    await cluster.pass(100)
    expect((await cluster.settle(b.pools.publish('news', 'any', 1))).nodes).toEqual(['a', 'b'])
    b.pools[Symbol.dispose]()
    b.pools[Symbol.dispose]()
    expect(await never).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await cluster.pass(1_000)
    expect(await cluster.settle(b.pools.worker.publishHrw('key', 'work', 1))).toEqual({ sent: false, reason: 'empty' })
    expect(await cluster.settle(b.pools.publish('news', 'any', 1))).toMatchObject({ sent: false, reason: 'empty' })
    const key = keys.find(each => a.pools.worker.hrw(each)?.name === 'b') as string
    expect(await cluster.settle(a.pools.worker.publishHrw(key, 'work', 1))).toEqual({ sent: true, node: 'b' })
    await cluster.pass(10)
    expect(b.got.splice(0)).toEqual([1])
    const again = managePools(b.manager)
    await cluster.until(() => a.pools.worker.aliveCount === 2 && again.worker.aliveCount === 2)
    for (const key of keys) await cluster.settle(a.pools.worker.publishHrw(key, 'work', key, { ack: true }))
    expect([...a.got, ...b.got].map(String).sort()).toEqual([...keys].sort())
  })

  test('send a plain message to a node that has none', async () => {
    const cluster = new Cluster()
    const [one, two] = (await cluster.mesh(['a', 'b'], worker)) as [PeerServiceManager, PeerServiceManager]
    const a = member(one)
    const got: unknown[] = []
    two.register('work', message => void got.push(message))
    await cluster.pass(1_000)
    const key = keys.find(each => a.pools.worker.hrw(each)?.name === 'b') as string
    const results = [
      a.pools.worker.publishHrw(key, 'work', 1),
      a.pools.worker.publishHrw(key, 'work', 2, { ack: true }),
    ]
    for (const each of results) expect(await cluster.settle(each)).toEqual({ sent: true, node: 'b' })
    expect(got).toEqual([1, 2])
  })
})

test('pools of typed servers take what these take', async () => {
  interface Shop {
    orders: { message: { id: number } }
  }
  const cluster = new Cluster()
  const shop = await cluster.start<Shop>('shop', worker)
  const got: number[] = []
  shop.register('orders', ({ id }) => void got.push(id))
  using pools = managePools(shop)
  await cluster.settle(pools.worker.publishHrw('key', 'orders', { id: 1 }))
  // @ts-expect-error: another message
  await cluster.settle(pools.worker.publishRoundRobin('orders', { id: '2' }))
  // @ts-expect-error: no such server
  await cluster.settle(pools.publish('zeek/cluster/pool/worker', 'order', { id: 3 }))
  await cluster.turn()
  expect(got).toEqual([1, '2'])
})

describe('topics', () => {
  test('of a node, a pool and a type reach whom they name, and worker-1 never gets what is for worker-10', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, ['worker-1', 'worker-10', 'worker-2'])
    const [one, ten, two] = members as [Member, Member, Member]
    const heard: string[] = []
    for (const { manager, pools } of members) {
      pools.subscribe(`zeek/cluster/node/${manager.name}`, (message, { topic, server, from }) => {
        heard.push(`${manager.name}: ${String(message)} for ${topic} ${server} from ${from}`)
      })
    }
    await cluster.pass(1_000)
    expect(await cluster.settle(two.pools.publish('zeek/cluster/node/worker-10/', 'work', 'x'))).toEqual({
      ...{ sent: true, nodes: ['worker-10'], missed: new Map() },
    })
    await cluster.pass(100)
    expect([one.got, ten.got, two.got]).toEqual([[], ['x'], []])
    expect(heard).toEqual(['worker-10: x for zeek/cluster/node/worker-10/ work from worker-2'])
    for (const topic of ['zeek/cluster/pool/worker', 'zeek/cluster/worker']) {
      expect((await cluster.settle(one.pools.publish(topic, 'work', topic, { ack: true }))).nodes.length).toBe(3)
    }
    expect(two.got).toEqual(['zeek/cluster/pool/worker', 'zeek/cluster/worker'])
    expect(heard.length).toBe(1)
  })

  test('of nobody reach those who subscribed to them, and what comes of it is said', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, ['a', 'b', 'c'])) as [Member, Member]
    const heard: unknown[] = []
    using subscription = b.pools.subscribe('zeek/logs', message => void heard.push(message))
    b.pools.subscribe('zeek/log', message => void heard.push(message))
    await cluster.pass(1_000)
    const topic = a.pools.rrLogTopic('conn', 'conn')
    expect(topic).toBe('zeek/logs/conn')
    expect(await cluster.settle(a.pools.publish(topic, 'log', 1))).toMatchObject({ sent: true, nodes: ['b'] })
    await cluster.pass(100)
    expect(heard).toEqual([1])
    expect(b.manager.counters().noSuchServer).toBe(0)
    subscription[Symbol.dispose]()
    await cluster.pass(100)
    expect(await cluster.settle(a.pools.publish(topic, 'log', 2))).toMatchObject({ sent: false, reason: 'empty' })
  })

  test('that a node subscribed to before another had pools reach it from there', async () => {
    const cluster = new Cluster()
    const [one, two] = (await cluster.mesh(['a', 'b'], worker)) as [PeerServiceManager, PeerServiceManager]
    const heard: unknown[] = []
    managePools(one).subscribe('news', message => void heard.push(message))
    await cluster.pass(1_000)
    const later = managePools(two)
    await cluster.pass(1_000)
    expect(await cluster.settle(later.publish('news/today', 'any', 1, { ack: true }))).toMatchObject({ nodes: ['a'] })
    expect(heard).toEqual([1])
  })

  test('of logs go to the loggers in turn', async () => {
    const cluster = new Cluster()
    const managers = [
      await cluster.start('w', worker),
      await cluster.start('logger-1', { attributes: { type: 'logger' } }),
      await cluster.start('logger-2', { attributes: { type: 'logger' } }),
    ]
    const members = managers.map(manager => member(manager))
    const [w] = members as [Member]
    for (const { manager } of members.slice(1)) await cluster.settle(manager.syncJoin(w.manager.spec))
    await cluster.settle(w.pools.logger.ready({ alive: 2 }))
    for (let record = 0; record < 10; record++) {
      await cluster.settle(w.pools.publish(w.pools.rrLogTopic('conn'), 'work', record))
    }
    await cluster.pass(100)
    expect(members.map(({ got }) => got.length)).toEqual([0, 5, 5])
  })
})
