import { describe, expect, test } from 'vitest'
import {
  type ForwardOptions,
  NoSuchServerError,
  type PeerServiceManager,
  type PeerServiceOptions,
  RemoteError,
  UnknownOutcomeError,
} from '../../src/index.js'
import { type ManagedPools, managePools, type PoolsOptions } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const keys = Array.from({ length: 400 }, (_, index) => `key-${index}`)

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
  /** What its server `work` was given, and who it was from. */
  readonly got: unknown[]
  readonly from: string[]
}

function member(manager: PeerServiceManager, options?: PoolsOptions): Member {
  const [got, from]: [unknown[], string[]] = [[], []]
  manager.register('work', (message: unknown, context) => {
    got.push(message)
    from.push(context.from)
  })
  return { manager, pools: managePools(manager, options), got, from }
}

/** A key for which these are the first in rank. */
function keyOf({ pools }: Member, ...names: readonly string[]): string {
  const isFit = (key: string): boolean => {
    const ranked = pools.worker.ranked(key, names.length)
    return ranked.every(({ name }, index) => name === names[index])
  }
  return keys.find(isFit) as string
}

/** A server `once` that handles nothing to its end at `c`, and who was given a message for it. */
function onceAt(...members: readonly Member[]): string[] {
  const given: string[] = []
  for (const { manager } of members) {
    manager.register('once', () => {
      given.push(manager.name)
      return manager.name === 'c' ? new Promise(() => {}) : undefined
    })
  }
  return given
}

interface Detour {
  readonly cluster: Cluster
  /** Sends. There is no way from it to the owner. */
  readonly a: Member
  /** Passes on to the owner. */
  readonly b: Member
  /** The owner. */
  readonly c: Member
  readonly key: string
}

/** Three workers, where what `a` sends for the key comes to its owner `c` through `b`. */
async function detour(options: Readonly<Record<string, PeerServiceOptions>> = {}): Promise<Detour> {
  const cluster = new Cluster()
  const members: Member[] = []
  for (const name of ['a', 'b', 'c']) {
    members.push(member(await cluster.start(name, { attributes: { type: 'worker' }, ...options[name] })))
  }
  const [a, b, c] = members as [Member, Member, Member]
  for (const { manager } of [b, c]) await cluster.settle(manager.syncJoin(a.manager.spec))
  await cluster.until(() => members.every(({ pools }) => pools.worker.aliveCount === 3))
  await cluster.pass(1_000)
  const key = keyOf(a, 'c', 'b')
  cluster.split('a', 'c')
  await cluster.until(() => a.pools.worker.aliveCount === 2)
  return { cluster, a, b, c, key }
}

describe('a message that is passed on', () => {
  test('keeps nothing from those that pass on to each other, however much it is', async () => {
    for (const options of [{}, { ack: true }]) {
      const cluster = new Cluster({ options: { limits: { queueBytes: 50_000, windowBytes: 65_536 } } })
      const managers = await cluster.mesh(['a', 'b'], { attributes: { type: 'worker' } })
      // They differ, so each takes the other to be the owner of some keys.
      const workerPoolSpec = { hash: 'zeek-7.1', allocation: 'rendezvous', refill: true } as const
      const [a, b] = managers.map((manager, index) => member(manager, index === 0 ? {} : { workerPoolSpec })) as [
        Member,
        Member,
      ]
      await cluster.pass(1_000)
      const disputed = keys.filter(
        key => a.pools.worker.hrw(key)?.name === 'b' && b.pools.worker.hrw(key)?.name === 'a',
      )
      const sent: Promise<unknown>[] = []
      for (let index = 0; index < 1_000; index++) {
        for (const { pools } of [a, b]) {
          const key = disputed[index % disputed.length] as string
          sent.push(pools.worker.publishHrw(key, 'work', new Uint8Array(2_000), options))
        }
      }
      await cluster.settle(Promise.all(sent))
      await cluster.pass(1_000)
      expect(a.got.length + b.got.length).toBe(sent.length)
    }
  })

  test('is handled by who cannot pass it on because a queue is full, which is counted', async () => {
    for (const options of [{}, { ack: true }]) {
      const { cluster, a, b, c, key } = await detour({
        b: { channels: { default: { overflow: 'reject' } }, limits: { queueBytes: 20_000 } },
        c: { limits: { windowBytes: 65_536 } },
      })
      const stalled = cluster.stall('c', 'b')
      const sent = Array.from({ length: 30 }, (_, index) =>
        a.pools.worker.publishHrw(key, 'work', [index, new Uint8Array(9_000)], options),
      )
      await cluster.pass(100)
      expect(b.got.length).toBeGreaterThan(10)
      stalled.resume()
      for (const each of sent) expect(await cluster.settle(each)).toEqual({ sent: true, node: 'b' })
      await cluster.pass(100)
      const { forwarded, kept } = b.pools.counters()
      expect([forwarded, kept, forwarded + kept]).toEqual([c.got.length, b.got.length, 30])
      expect(new Set([...b.from, ...c.from])).toEqual(new Set(['a']))
      expect(b.manager.counters().handlerErrors).toBe(0)
    }
  })

  // One owner may have as much as it leaves free, of 1,024 messages and 8 MiB.
  const parts = Array.from({ length: 2_000 }, (_, index) => index)
  const large = { bound: 4, count: 12, make: (): unknown => new Uint8Array(1_000_000) }
  test.each([
    { bound: 512, count: 600, what: 'small ones', make: (): unknown => 1 },
    { ...large, what: 'a megabyte each' },
    { ...large, what: 'of many parts', make: (): unknown => ({ bytes: new Uint8Array(1_000_000), parts }) },
    { bound: 1, count: 3, what: 'above the limit', make: (): unknown => new Uint8Array(9_000_000) },
  ])('is one of $bound to an owner that are on their way at the most: $what', async ({ bound, count, make }) => {
    const { cluster, a, b, c, key } = await detour({ a: { limits: { queueBytes: 67_108_864 } } })
    const stalled = cluster.stall('c', 'b')
    const publish = (): Promise<unknown> => a.pools.worker.publishHrw(key, 'work', make(), { ack: { when: 'handled' } })
    const sent = Array.from({ length: count }, publish)
    await cluster.pass(1_000)
    expect([b.got.length, b.pools.counters().kept]).toEqual([count - bound, count - bound])
    stalled.resume()
    await cluster.settle(Promise.all(sent))
    expect([c.got.length, b.pools.counters().forwarded]).toEqual([bound, bound])
    // Those that arrived leave room for others.
    await cluster.settle(publish())
    expect(c.got.length).toBe(bound + 1)
  })

  test('finds room though other owners answer nothing, for ever', async () => {
    const cluster = new Cluster()
    const members: Member[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      members.push(member(await cluster.start(name, { attributes: { type: 'worker' } })))
    }
    const [a, b, c, d] = members as [Member, Member, Member, Member]
    for (const { manager } of [b, c, d]) await cluster.settle(manager.syncJoin(a.manager.spec))
    await cluster.until(() => members.every(({ pools }) => pools.worker.aliveCount === 4))
    await cluster.pass(1_000)
    const [hung, open] = [keyOf(a, 'c', 'd', 'b'), keyOf(a, 'd', 'b')]
    let begun = 0
    for (const { manager } of [c, d]) {
      manager.register('hang', () => {
        begun++
        return new Promise(() => {})
      })
    }
    b.manager.register('hang', () => {})
    for (const owner of ['c', 'd']) cluster.split('a', owner)
    await cluster.until(() => a.pools.worker.aliveCount === 2)
    for (let index = 0; index < 1_500; index++) {
      void a.pools.worker.publishHrw(hung, 'hang', 1, { ack: { when: 'handled' } }).catch(() => {})
    }
    await cluster.pass(2_000)
    for (let index = 0; index < 50; index++) void a.pools.worker.publishHrw(open, 'work', index)
    await cluster.pass(1_000)
    expect([begun, d.got.length, b.got.length]).toEqual([512, 50, 0])
    // The next in rank is given what the first one had, whose room is free again.
    await cluster.settle(c.manager.stop())
    await cluster.settle(c.manager.start())
    await cluster.until(() => b.pools.worker.aliveCount === 4 && begun === 1_024)
    for (let index = 0; index < 50; index++) void a.pools.worker.publishHrw(hung, 'work', index)
    await cluster.pass(1_000)
    expect([begun, c.got.length, b.got.length]).toEqual([1_024, 50, 0])
  })

  test('goes on to the next in rank where its owner goes away, unless its sender would rather know', async () => {
    for (const onDown of ['wait', 'reject'] as const) {
      const { cluster, a, b, c, key } = await detour()
      const handled = onceAt(a, b, c)
      const result = a.pools.worker.publishHrw(key, 'once', 1, { ack: { when: 'handled', onDown } })
      await cluster.until(() => handled.length === 1)
      const stopped = c.manager.stop()
      if (onDown === 'wait') expect(await cluster.settle(result)).toEqual({ sent: true, node: 'b' })
      else {
        const error = await cluster.failure(result)
        expect(error).toBeInstanceOf(UnknownOutcomeError)
        expect(error).toMatchObject({ node: 'c' })
      }
      await cluster.settle(stopped)
      await cluster.pass(1_000)
      expect(handled).toEqual(onDown === 'wait' ? ['c', 'b'] : ['c'])
      expect(b.pools.counters()).toMatchObject({ forwarded: 0, kept: 0 })
    }
  })

  test('goes on where who passed it on stops before it was answered', async () => {
    const { cluster, a, b, c, key } = await detour()
    const handled = onceAt(a, b, c)
    const result = a.pools.worker.publishHrw(key, 'once', 1, { ack: { when: 'handled' } })
    await cluster.until(() => handled.length === 1)
    await cluster.settle(b.manager.stop())
    expect(await cluster.settle(result)).toEqual({ sent: true, node: 'a' })
    expect(handled).toEqual(['c', 'a'])
  })

  test('carries its deadline and its options, and what its owner answers', async () => {
    const { cluster, a, c, key } = await detour()
    const told: unknown[] = []
    c.manager.register('told', (_, { from, incarnation, clock, deadline = 0, causalLabel }) => {
      const left = deadline - cluster.clock.wall().getTime()
      told.push([from, incarnation, clock, causalLabel, 0 < left && left <= 5_000])
    })
    c.manager.register('failing', () => {
      throw Object.assign(new TypeError('planted'), { code: 'E_PLANTED' })
    })
    const options: ForwardOptions = { ack: true, timeout: 5_000, clock: 7, causalLabel: 'label' }
    await cluster.settle(a.pools.worker.publishHrw(key, 'told', 1, options))
    await cluster.settle(a.pools.worker.publishHrw(key, 'told', 1, { ...options, ack: false }))
    await cluster.pass(100)
    expect(told).toEqual(Array(2).fill(['a', a.manager.spec.incarnation, 7, 'label', true]))
    const missing = await cluster.failure(a.pools.worker.publishHrw(key, 'nobody', 1, { ack: true }))
    expect(missing).toEqual(new NoSuchServerError('c', 'nobody'))
    const ack = { when: 'handled' } as const
    const failed = await cluster.failure(a.pools.worker.publishHrw(key, 'failing', 1, { ack }))
    expect(failed).toMatchObject({ node: 'c', remoteName: 'TypeError', remoteCode: 'E_PLANTED' })
  })
})

describe('what a node says of another', () => {
  const flags = { leaving: true, ended: false, managerIsLogger: false }
  const version = Number.MAX_SAFE_INTEGER
  const state = { type: 'state', version, heard: 0, ...flags, specs: [], subscriptions: [] }

  test('is no word of that: nobody departs, or is known anew, by it', async () => {
    const cluster = new Cluster()
    const managers = await cluster.mesh(['a', 'b', 'c'], { attributes: { type: 'worker' } })
    const [a, b, c] = managers.map(manager => member(manager)) as [Member, Member, Member]
    await cluster.pass(1_000)
    for (const incarnation of [b.manager.spec.incarnation, Number.MAX_SAFE_INTEGER]) {
      const origin = { name: 'b', incarnation }
      const published = { type: 'publish', server: 'maquis:pools', message: state, origin }
      for (const message of [published, { ...published, message: published }]) {
        await cluster.settle(c.manager.forwardMessage('a', 'maquis:pools', message))
      }
    }
    await cluster.pass(100)
    expect([a.pools.worker.aliveCount, a.pools.counters().malformed]).toEqual([3, 4])
    const violations = a.manager.counters().violations
    await cluster.settle(c.manager.broadcast('maquis:pools', state))
    await cluster.pass(1_000)
    expect([a.pools.worker.aliveCount, b.pools.worker.aliveCount]).toEqual([3, 3])
    expect(a.manager.counters().violations).toBe(violations + 1)
    await cluster.settle(b.manager.stop())
    await cluster.settle(b.manager.start())
    await cluster.until(() => a.pools.worker.aliveCount === 3 && b.pools.worker.aliveCount === 3)
  })

  test('is told to handlers only where there was such a life', async () => {
    const cluster = new Cluster()
    const managers = await cluster.mesh(['a', 'b', 'c'], { attributes: { type: 'worker' } })
    const [a, b, c] = managers.map(manager => member(manager)) as [Member, Member, Member]
    await cluster.pass(1_000)
    const { incarnation } = b.manager.spec
    const origins = [
      { name: 'b', incarnation },
      { name: 'b', incarnation: incarnation + 1 },
      { name: 'nobody', incarnation: 1 },
    ]
    for (const origin of origins) {
      const message = { type: 'publish', server: 'work', message: origin, origin }
      await cluster.settle(c.manager.forwardMessage('a', 'maquis:pools', message))
    }
    await cluster.pass(100)
    expect(a.from).toEqual(['b', 'c', 'c'])
  })

  test('that cannot be read is refused where its sender waits for an answer', async () => {
    const cluster = new Cluster()
    const managers = await cluster.mesh(['a', 'b'], { attributes: { type: 'worker' } })
    const [a, b] = managers.map(manager => member(manager)) as [Member, Member]
    await cluster.pass(1_000)
    const sent = b.manager.forwardMessage('a', 'maquis:pools', { type: 'later' }, { ack: { when: 'handled' } })
    expect(await cluster.failure(sent)).toBeInstanceOf(RemoteError)
    // A state is told again when it changes.
    await cluster.settle(b.manager.forwardMessage('a', 'maquis:pools', { type: 'state' }, { ack: { when: 'handled' } }))
    expect(a.pools.counters().malformed).toBe(2)
  })
})
