import { describe, expect, test } from 'vitest'
import type { Logger, PeerServiceManager, PeerServiceOptions } from '../../src/index.js'
import { createPools, type ManagedPools, managePools } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const worker: PeerServiceOptions = { attributes: { type: 'worker' } }

type Action = [string, (pools: ManagedPools) => Promise<unknown>]

const publishing: readonly Action[] = [
  ['publishHrw', pools => pools.worker.publishHrw('key', 'work', 1)],
  ['publishHrw of another pool', pools => pools.proxy.publishHrw('key', 'work', 1, { ack: true })],
  ['publishHrw with boundedLoad', pools => pools.worker.publishHrw('key', 'work', 1, { boundedLoad: 1.25 })],
  ['publishRoundRobin', pools => pools.worker.publishRoundRobin('work', 1)],
  ['publish', pools => pools.publish('zeek/cluster/pool/worker', 'work', 1)],
  ['publish to nobody', pools => pools.publish('', 'work', 1)],
  ['depart', pools => pools.depart()],
  ['leave', pools => pools.leave()],
]

describe('a node that does not run', () => {
  test.each(publishing)('says so: %s', async (_, act) => {
    const cluster = new Cluster()
    const a = cluster.node('a', worker)
    const pools = managePools(a)
    const stopped = {
      name: 'StoppedError',
      code: 'ERR_STOPPED',
      message: expect.stringContaining('call start() first'),
    }
    expect(await cluster.failure(act(pools))).toMatchObject(stopped)
    await cluster.settle(a.start())
    await cluster.settle(a.stop())
    expect(await cluster.failure(act(pools))).toMatchObject(stopped)
  })

  test('says so of what was under way when it was stopped, and not that nobody is alive', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair(worker)
    const [pools] = [managePools(a), managePools(b)]
    for (const node of [a, b]) node.register('work', () => new Promise(() => {}))
    await cluster.settle(pools.worker.ready({ alive: 2 }))
    const ack = { when: 'handled' } as const
    const open = ['k1', 'k2', 'k3', 'k4'].map(key => pools.worker.publishHrw(key, 'work', 1, { ack }))
    const ends = open.map(each => each.catch((error: unknown) => error))
    await cluster.pass(100)
    await cluster.settle(a.stop())
    for (const end of ends) expect(await end).toMatchObject({ code: 'ERR_STOPPED' })
  })
})

describe('pools that were disposed', () => {
  const further: readonly Action[] = [
    ['register', async pools => pools.register({ topic: 'late', nodeType: 'worker' })],
    ['registerAll', async pools => pools.registerAll([])],
    ['subscribe', async pools => pools.subscribe('news', () => {})],
  ]
  test.each([...publishing, ...further])('say so: %s', async (_, act) => {
    const cluster = new Cluster()
    const pools = managePools(await cluster.start('a', worker))
    pools[Symbol.dispose]()
    const closed = { name: 'PoolClosedError', code: 'ERR_POOL_CLOSED' }
    expect(await cluster.failure(act(pools))).toMatchObject(closed)
  })

  test('are looked at as ever: nobody is alive in them', async () => {
    const cluster = new Cluster()
    const pools = managePools(await cluster.start('a', worker))
    const subscription = pools.subscribe('news', () => {})
    pools[Symbol.dispose]()
    subscription[Symbol.dispose]()
    expect([pools.worker.hrw('key'), pools.worker.rrTopic(), pools.rrLogTopic('conn')]).toEqual([
      ...[undefined, '', 'zeek/logs/conn'],
    ])
    expect([pools.unregister('zeek/cluster/pool/worker'), pools.mismatches]).toEqual([true, []])
  })

  test('say so of one pool that was unregistered, and others go on', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', worker)
    a.register('work', () => {})
    const pools = managePools(a)
    const own = pools.register({ topic: 'own', nodeType: 'worker' })
    pools.unregister('own')
    const acts = [() => own.publishHrw('key', 'work', 1), () => own.publishRoundRobin('work', 1), () => own.ready()]
    for (const act of acts) {
      expect(await cluster.failure(act())).toMatchObject({ code: 'ERR_POOL_CLOSED', topic: 'own' })
    }
    expect(await cluster.settle(pools.worker.publishHrw('key', 'work', 1))).toEqual({ sent: true, node: 'a' })
  })
})

test('a later life over one whose end nobody told of is told of as an end and a beginning', () => {
  const pools = createPools({ self: 'm', nodes: [{ name: 'w', type: 'worker', incarnation: 1 }] })
  pools.nodeUp('w', 1)
  const changes: unknown[] = []
  pools.worker.events.on('changed', ({ added, removed, epoch }) => changes.push({ added, removed, epoch }))
  pools.nodeUp('w', 2)
  const ended = { added: [], removed: ['w'], epoch: 2 }
  const begun = { added: ['w'], removed: [], epoch: 3 }
  expect(changes).toEqual([ended, begun])
  for (const act of [() => pools.nodeUp('w', 2), () => pools.nodeUp('w'), () => pools.nodeDown('w', 1)]) act()
  expect([changes.length, pools.worker.aliveCount]).toEqual([2, 1])
})

test('a deadline that passed names the server of the user', async () => {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair(worker)
  const [pools] = [managePools(a), managePools(b)]
  for (const node of [a, b]) node.register('slow', () => new Promise(() => {}))
  await cluster.settle(pools.worker.ready({ alive: 2 }))
  const late = { ack: { when: 'handled' }, timeout: 100 } as const
  const ends = [
    ...['k1', 'k2', 'k3', 'k4'].map(key => pools.worker.publishHrw(key, 'slow', 1, late)),
    ...[pools.worker.publishRoundRobin('slow', 1, late), pools.worker.publishRoundRobin('slow', 1, late)],
    pools.worker.publishHrw('k1', 'slow', 1, { deadline: cluster.clock.wall().getTime() - 1 }),
  ].map(end => cluster.failure(end))
  for (const end of ends) {
    const { code, message } = (await end) as { code: string; message: string }
    expect(code).toBe('ERR_DEADLINE')
    expect(message).toContain("to server 'slow'")
  }
  const { missed } = await cluster.settle(pools.publish('zeek/cluster/pool/worker', 'slow', 1, late))
  expect([...missed.values()].map(({ message }) => message)).toEqual([
    ...Array(2).fill("the message to server 'slow' passed its deadline (it may have been handled)"),
  ])
})

describe('the logger of the node is told', () => {
  function listening(): { logger: Logger; lines: string[] } {
    const lines: string[] = []
    const ignore = (): void => {}
    const take = (level: string) => (text: string) => void lines.push(`${level} ${text.split('\n')[0]}`)
    return { logger: { debug: ignore, info: ignore, warn: take('warn'), error: take('error') }, lines }
  }

  async function started(cluster: Cluster, logger: Logger): Promise<[PeerServiceManager, PeerServiceManager]> {
    const a = await cluster.start('a', { ...worker, logger })
    const b = await cluster.start('b', worker)
    await cluster.settle(b.syncJoin(a.spec))
    return [a, b]
  }

  test('that nodes differ, and of a shortage, listened to or not', async () => {
    const cluster = new Cluster()
    const { logger, lines } = listening()
    const [a, b] = await started(cluster, logger)
    const pools = managePools(a)
    managePools(b, { workerPoolSpec: { hash: 'zeek-7.1' } })
    await cluster.pass(1_000)
    expect(lines).toEqual([`warn ${pools.mismatches[0]?.message}`])
    expect(lines[0]).toContain('hash is fmix32-v1 here and zeek-7.1 there, so owners of keys differ')
    pools.events.on('shortage', () => {})
    pools.register({ topic: 'own', nodeType: 'worker', exclusive: true, maxNodes: 9 })
    await cluster.pass(1_000)
    expect(lines.filter(line => line.startsWith('warn not enough worker nodes'))).toHaveLength(1)
  })

  test('what listeners and subscribers throw', async () => {
    const cluster = new Cluster()
    const { logger, lines } = listening()
    const [a] = await started(cluster, logger)
    const pools = managePools(a)
    pools.subscribe('news', () => {
      throw new Error('planted')
    })
    pools.events.on('handler-error', () => {
      throw new Error('planted, too')
    })
    await cluster.settle(pools.publish('news', 'any', 1))
    await cluster.pass(100)
    expect(lines).toEqual([
      ...["error the subscription to 'news' failed: Error: planted", 'error handler-error failed: Error: planted, too'],
    ])
  })

  test('and one that throws is counted, and holds nothing up', async () => {
    const cluster = new Cluster()
    const fail = (): void => {
      throw new Error('planted')
    }
    const [a, b] = await started(cluster, { debug: fail, info: fail, warn: fail, error: fail })
    const pools = managePools(a)
    managePools(b, { workerPoolSpec: { hash: 'zeek-7.1' } })
    const told: unknown[] = []
    pools.events.on('error', error => told.push(error))
    await cluster.pass(1_000)
    expect(told).toHaveLength(1)
    expect(a.counters().handlerErrors).toBeGreaterThan(0)
  })
})
