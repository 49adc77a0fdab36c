import { describe, expect, test } from 'vitest'
import {
  fullMesh,
  InvalidOptionError,
  NoSuchServerError,
  OverflowError,
  type PeerServiceManager,
  RemoteError,
  SeededRandom,
  UnknownOutcomeError,
} from '../../src/index.js'
import { type ManagedPools, managePools } from '../../src/pool/pool.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'

const worker = { attributes: { type: 'worker' } }
const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`)

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
  readonly got: unknown[]
}

async function workers(cluster: Cluster, ...names: readonly string[]): Promise<Member[]> {
  const members = (await cluster.mesh(names, worker)).map((manager): Member => {
    const got: unknown[] = []
    manager.register('work', (message: unknown) => void got.push(message))
    return { manager, pools: managePools(manager), got }
  })
  await cluster.pass(1_000)
  return members
}

function keyOf({ pools }: Member, owner: string): string {
  const key = keys.find(each => pools.worker.hrw(each)?.name === owner)
  if (key === undefined) throw new Error(`no key of ${owner}`)
  return key
}

describe('a message for a key', () => {
  test('comes to its owner through another node where the way to it is cut', async () => {
    const cluster = new Cluster()
    const [a, b, c] = (await workers(cluster, 'a', 'b', 'c')) as [Member, Member, Member]
    const key = keyOf(a, 'c')
    cluster.split('a', 'c')
    await cluster.until(() => a.pools.worker.aliveCount === 2)
    expect(b.pools.worker.hrw(key)?.name).toBe('c')
    const heir = a.pools.worker.hrw(key)?.name
    const results = [
      a.pools.worker.publishHrw(key, 'work', 1, { ack: true }),
      a.pools.worker.publishHrw(key, 'work', 2),
    ]
    for (const each of results) expect(await cluster.settle(each)).toEqual({ sent: true, node: heir })
    await cluster.pass(1_000)
    // Where the heir is `a` itself, nobody can tell it better.
    expect(heir === 'b' ? c.got : a.got).toEqual([1, 2])
    expect(b.got).toEqual([])
    expect(b.pools.counters().forwarded).toBe(heir === 'b' ? 2 : 0)
  })

  test('with ack that its owner took and did not answer goes to the next in rank, unless told not to', async () => {
    const cluster = new Cluster()
    const [a, b, c] = (await workers(cluster, 'a', 'b', 'c')) as [Member, Member, Member]
    const stuck: unknown[] = []
    c.manager.register('slow', (message: unknown) => {
      stuck.push(message)
      return new Promise(() => {})
    })
    const handled: unknown[] = []
    for (const { manager } of [a, b]) manager.register('slow', (message: unknown) => void handled.push(message))
    const key = keyOf(a, 'c')
    const [, heir] = a.pools.worker.ranked(key, 2)
    const ack = { when: 'handled' } as const
    const first = a.pools.worker.publishHrw(key, 'slow', 0)
    const goesOn = a.pools.worker.publishHrw(key, 'slow', 1, { ack })
    const ends = a.pools.worker.publishHrw(key, 'slow', 2, { ack: { ...ack, onDown: 'reject' } })
    await cluster.until(() => stuck.length === 3)
    await cluster.settle(c.manager.stop())
    expect(await cluster.settle(first)).toEqual({ sent: true, node: 'c' })
    expect(await cluster.failure(ends)).toBeInstanceOf(UnknownOutcomeError)
    expect(await cluster.settle(goesOn)).toEqual({ sent: true, node: heir?.name })
    expect(handled).toEqual([1])
    expect(a.pools.worker.counters().resent).toBe(1)
  })

  test('with ack comes to a node that was tried and then started anew', async () => {
    const pools = new Map<string, ManagedPools>()
    const begun: string[] = []
    const handled: string[] = []
    await using net = simulate({
      ...{ nodes: ['w1', 'w2', 'm'], seed: 1 },
      manager: options => fullMesh({ ...options, attributes: { type: options.name === 'm' ? 'manager' : 'worker' } }),
      setup: (manager, { name, clock }) => {
        manager.register('slow', async () => {
          begun.push(name)
          await new Promise<void>(resolve => void clock.schedule(500, resolve))
          handled.push(name)
        })
        pools.set(name, managePools(manager))
      },
    })
    await net.settle()
    const { worker: pool } = pools.get('m') as ManagedPools
    const [owner, heir] = pool.ranked('key', 2).map(({ name }) => name) as [string, string]
    const result = pool.publishHrw('key', 'slow', 1, { ack: { when: 'handled' } })
    await net.until(() => begun.length === 1)
    net.crash(owner)
    await net.until(() => begun.length === 2)
    net.restart(owner)
    await net.until(() => pool.aliveCount === 2)
    net.crash(heir)
    expect(await net.settle(result)).toEqual({ sent: true, node: owner })
    expect([begun, handled]).toEqual([[owner, heir, owner], expect.arrayContaining([owner])])
  })

  test('is refused where its server is not, or fails, as if it had been sent to the node', async () => {
    const cluster = new Cluster()
    const [a, b, c] = (await workers(cluster, 'a', 'b', 'c')) as [Member, Member, Member]
    for (const { manager } of [a, b, c]) {
      manager.register('failing', () => {
        throw Object.assign(new TypeError('planted'), { code: 'E_PLANTED' })
      })
    }
    for (const owner of ['a', 'c']) {
      const key = keyOf(a, owner)
      const missing = await cluster.failure(a.pools.worker.publishHrw(key, 'nobody', 1, { ack: true }))
      expect(missing).toEqual(new NoSuchServerError(owner, 'nobody'))
      const ack = { when: 'handled' } as const
      const failed = await cluster.failure(a.pools.worker.publishHrw(key, 'failing', 1, { ack }))
      expect(failed).toBeInstanceOf(RemoteError)
      expect(failed).toMatchObject({
        ...{
          node: owner,
          server: 'failing',
          remoteName: 'TypeError',
          remoteMessage: 'planted',
          remoteCode: 'E_PLANTED',
        },
      })
      expect(await cluster.settle(a.pools.worker.publishHrw(key, 'failing', 1, { ack: true }))).toEqual({
        sent: true,
        node: owner,
      })
    }
  })

  test('is refused where its server is not, though somebody there subscribed', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, 'a', 'b')
    const [a, b] = members as [Member, Member]
    const heard: unknown[] = []
    b.pools.subscribe('', message => void heard.push(message))
    await cluster.pass(1_000)
    const sent = [
      () => a.pools.worker.publishHrw(keyOf(a, 'b'), 'nobody', 1, { ack: true }),
      () => b.pools.worker.publishHrw(keyOf(a, 'b'), 'nobody', 2, { ack: true }),
    ]
    for (const send of sent) {
      expect(await cluster.failure(send())).toEqual(new NoSuchServerError('b', 'nobody'))
    }
    const toTopic = await cluster.settle(a.pools.publish('zeek/cluster/node/b/', 'nobody', 3, { ack: true }))
    expect(toTopic.missed.get('b')).toEqual(new NoSuchServerError('b', 'nobody'))
    expect(toTopic).toMatchObject({ sent: false, reason: 'failed' })
    const toAll = await cluster.settle(a.pools.publish('zeek/cluster/pool/worker', 'nobody', 4, { ack: true }))
    expect(toAll.nodes).toEqual(['b'])
    expect(heard).toEqual([1, 2, 3, 4])
  })

  test('is refused for its options before anything is sent', async () => {
    const cluster = new Cluster()
    const [a] = (await workers(cluster, 'a', 'b')) as [Member]
    const { worker: pool } = a.pools
    const misspelt = { timout: 1 } as object
    const wrong = [
      () => pool.publishHrw('key', 'work', 1, { boundedLoad: 1 }),
      () => pool.publishHrw('key', 'work', 1, misspelt),
      () => a.pools.proxy.publishHrw('key', 'work', 1, misspelt),
      () => pool.publishRoundRobin('work', 1, { roundRobinKey: 1 as unknown as string }),
      () => a.pools.publish('zeek/logs/x', 'work', 1, misspelt),
      () => a.pools.publish('x'.repeat(600), 'work', 1),
    ]
    for (const make of wrong) expect(await cluster.failure(make())).toBeInstanceOf(InvalidOptionError)
    const byKey = await cluster.failure(pool.publishHrw('key', 'work', 1, misspelt))
    const inTurn = await cluster.failure(pool.publishRoundRobin('work', 1, misspelt))
    expect([byKey, inTurn].map(String)).toEqual([
      expect.stringMatching(/options\.timout.*boundedLoad/),
      expect.stringMatching(/options\.timout.*roundRobinKey/),
    ])
    for (const count of [-1, 1.5]) expect(() => pool.ranked('key', count)).toThrow(InvalidOptionError)
  })

  test('keeps its order with the others of its key, on whatever channel, and carries its options', async () => {
    const cluster = new Cluster({ options: { channels: { data: { parallelism: 4 } } } })
    const [a, , c] = (await workers(cluster, 'a', 'b', 'c')) as [Member, Member, Member]
    const told: unknown[] = []
    c.manager.register(
      'told',
      (message: unknown, { channel, clock, from }) => void told.push([message, channel, clock, from]),
    )
    const key = keyOf(a, 'c')
    const sent = Array.from({ length: 20 }, (_, index) =>
      a.pools.worker.publishHrw(key, 'told', index, { channel: 'data', clock: index, ack: index % 2 === 0 }),
    )
    await cluster.settle(Promise.all(sent))
    await cluster.pass(100)
    expect(told.filter(each => ((each as [number])[0] ?? 0) % 2 === 1)).toEqual(
      Array.from({ length: 10 }, (_, index) => [index * 2 + 1, 'data', index * 2 + 1, 'a']),
    )
    expect(told.length).toBe(20)
  })

  test('of a full queue is told of as overloaded', async () => {
    const cluster = new Cluster({
      options: { channels: { full: { overflow: 'reject' } }, limits: { queueBytes: 20_000, windowBytes: 65_536 } },
    })
    const [a, , c] = (await workers(cluster, 'a', 'b', 'c')) as [Member, Member, Member]
    const key = keyOf(a, 'c')
    const stalled = cluster.stall('c', 'a')
    const message = new Uint8Array(9_000)
    const results = Array.from({ length: 60 }, () =>
      a.pools.worker.publishHrw(key, 'work', message, { channel: 'full' }),
    )
    const [, , , toAll] = Array.from({ length: 4 }, () =>
      a.pools.publish('zeek/cluster/node/c/', 'told', message, { channel: 'full' }),
    )
    await cluster.pass(100)
    stalled.resume()
    const settled = await cluster.settle(Promise.all(results))
    expect(settled.at(-1)).toEqual({ sent: false, reason: 'overloaded', node: 'c' })
    expect(a.pools.worker.counters().overloaded).toBe(settled.filter(({ sent }) => !sent).length)
    const all = await cluster.settle(toAll as NonNullable<typeof toAll>)
    expect(all).toMatchObject({ sent: false, reason: 'overloaded' })
    expect(all.missed.get('c')).toBeInstanceOf(OverflowError)
    await cluster.pass(1_000)
    expect(c.got.length).toBe(settled.filter(({ sent }) => sent).length)
  })

  test('that is hot is spread where a bound is set', async () => {
    const cluster = new Cluster()
    const members = await workers(cluster, 'a', 'b', 'c')
    const [a] = members as [Member]
    const ack = { when: 'handled' } as const
    let open: (() => void)[] = []
    for (const { manager, got } of members) {
      manager.register('slow', (message: unknown) => {
        got.push(message)
        return new Promise<void>(resolve => open.push(resolve))
      })
    }
    const sent = Array.from({ length: 30 }, (_, index) =>
      a.pools.worker.publishHrw('hot', 'slow', index, { ack, boundedLoad: 1.2 }),
    )
    await cluster.until(() => open.length === 30)
    const counts = members.map(({ got }) => got.length).sort((one, other) => one - other)
    expect(counts.at(-1)).toBeLessThanOrEqual(12)
    for (const each of open) each()
    open = []
    await cluster.settle(Promise.all(sent))
    void a.pools.worker.publishHrw('hot', 'slow', 31, { ack, boundedLoad: 1.2 })
    await cluster.until(() => open.length === 1)
    expect(members.find(({ manager }) => manager.name === a.pools.worker.hrw('hot')?.name)?.got).toContain(31)
  })

  test('does not pile up at a slow handler, though it is acknowledged when that is given it', async () => {
    const cluster = new Cluster()
    const [a, , c] = (await workers(cluster, 'a', 'b', 'c')) as [Member, Member, Member]
    const open: (() => void)[] = []
    c.manager.register('slow', () => new Promise<void>(resolve => open.push(resolve)))
    const key = keyOf(a, 'c')
    let acknowledged = 0
    for (let index = 0; index < 1_100; index++) {
      void a.pools.worker.publishHrw(key, 'slow', index, { ack: true }).then(() => acknowledged++)
    }
    await cluster.pass(5_000)
    expect([open.length, acknowledged]).toEqual([1_100, 1_024])
    for (const each of open) each()
    await cluster.until(() => acknowledged === 1_100)
  })
})

describe('pools that hear nonsense', () => {
  test('count it, and nothing is disturbed', async () => {
    const cluster = new Cluster()
    const [a, b] = (await workers(cluster, 'a', 'b')) as [Member, Member]
    const flags = { leaving: false, ended: false, managerIsLogger: false }
    const state = { type: 'state', version: 1, heard: 0, ...flags, specs: [], subscriptions: [] }
    const spec = { topic: 't', nodeType: 'worker', exclusive: false, hash: 'x', allocation: 'y', refill: true }
    const nonsense: unknown[] = [
      ...[
        1,
        null,
        [],
        {},
        { type: 'other' },
        { ...state, version: -1 },
        { ...state, leaving: 1 },
        { ...state, specs: 1 },
      ],
      ...[
        { ...state, specs: [1] },
        { ...state, specs: [{ ...spec, maxNodes: -1 }] },
        { ...state, subscriptions: [1] },
      ],
      ...[
        { ...state, heard: undefined },
        { ...state, ended: 1 },
        { ...state, managerIsLogger: undefined },
        { ...state, specs: [{ ...spec, nodeType: 'wor\nker' }] },
        { ...state, specs: [{ ...spec, topic: 't//' }] },
        { ...state, specs: [{ ...spec, exclusive: true }] },
        { ...state, specs: [{ ...spec, topic: '' }] },
        { ...state, specs: [{ ...spec, exclusive: 1 }] },
      ],
      ...[
        { ...state, specs: Array(1_025).fill(spec) },
        { ...state, subscriptions: Array(1_025).fill('a') },
      ],
      ...[{ type: 'publish' }, { type: 'publish', server: '' }, { type: 'publish', server: 'work', topic: 1 }],
      ...[
        { type: 'publish', server: 'work', ack: 'later' },
        { type: 'publish', server: 'work', subscribersOnly: 1 },
      ],
      ...[
        { type: 'publish', server: 'work', owned: {} },
        { type: 'publish', server: 'work', origin: {} },
      ],
      { type: 'publish', server: 'work', owned: { pool: 't', digest: 2 ** 32, partitionKey: 1 } },
    ]
    for (const message of nonsense) await cluster.settle(b.manager.forwardMessage('a', 'maquis:pools', message))
    await cluster.pass(1_000)
    expect(a.pools.counters().malformed).toBe(nonsense.length)
    expect([a.got, a.manager.counters().handlerErrors]).toEqual([[], 0])
    // One from a version to come is none of it: it differs.
    await cluster.settle(b.manager.forwardMessage('a', 'maquis:pools', { ...state, version: 99, specs: [{ ...spec }] }))
    await cluster.pass(100)
    expect([a.pools.counters().malformed, a.pools.worker.aliveCount]).toEqual([nonsense.length, 2])
  })
})

describe('histories of crashes and partitions', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('lose nothing that was sent with ack (seed %i)', async seed => {
    const random = new SeededRandom(seed)
    const handled = new Set<number>()
    const pools = new Map<string, ManagedPools>()
    await using net = simulate({
      ...{ nodes: ['m', 'w1', 'w2', 'w3', 'w4'], seed },
      manager: options => fullMesh({ ...options, attributes: { type: options.name === 'm' ? 'manager' : 'worker' } }),
      setup: (manager, { name }) => {
        manager.register('work', (message: number) => void handled.add(message))
        pools.set(name, managePools(manager))
      },
    })
    await net.settle()
    const m = pools.get('m') as ManagedPools
    await net.settle(m.worker.ready({ alive: 4 }))
    const outcomes: Promise<readonly [number, 'sent' | 'empty' | 'in doubt']>[] = []
    const publish = (message: number): void => {
      const by =
        message % 2 === 0
          ? m.worker.publishHrw(`key-${message}`, 'work', message, { ack: true })
          : m.worker.publishRoundRobin('work', message, { ack: true })
      outcomes.push(
        by.then(
          ({ sent }) => [message, sent ? 'sent' : 'empty'] as const,
          () => [message, 'in doubt'] as const,
        ),
      )
    }
    for (let step = 0; step < 120; step++) {
      publish(step)
      const node = `w${1 + Math.floor(random.next() * 4)}`
      const chance = random.next()
      if (chance < 0.1 && !net.isCrashed(node)) net.crash(node)
      else if (chance < 0.3 && net.isCrashed(node)) net.restart(node)
      else if (chance < 0.35) net.partition(['m'], [node])
      else if (chance < 0.45) net.heal()
      await net.pass(random.next() * 400)
    }
    net.heal()
    for (const node of ['w1', 'w2', 'w3', 'w4']) if (net.isCrashed(node)) net.restart(node)
    await net.settle()
    const ended = await net.settle(Promise.all(outcomes))
    const sent = ended.filter(([, outcome]) => outcome === 'sent')
    expect(sent.length).toBeGreaterThan(40)
    expect(sent.filter(([message]) => !handled.has(message))).toEqual([])
    // Whole again, all nodes name the same owners.
    await net.until(() => [...pools.values()].every(each => each.worker.aliveCount === 4))
    for (const key of keys) {
      expect(new Set([...pools.values()].map(each => each.worker.hrw(key)?.name)).size).toBe(1)
    }
  })
})
