import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/codec/codec.js'
import { encodeClose } from '../../src/codec/handshake-frames.js'
import {
  InvalidOptionError,
  ListenError,
  StaleIncarnationError,
  StoppedError,
  WrongClusterError,
  WrongSecretError,
  WrongVersionError,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

describe('a node', () => {
  test('that was not started does nothing, and says so', async () => {
    const cluster = new Cluster()
    const a = cluster.node('a')
    const b = await cluster.start('b')
    expect(a.members()).toEqual(['a'])
    for (const call of [
      () => a.join(b.spec),
      () => a.syncJoin(b.spec),
      () => a.leave(),
      () => a.connect(b.spec),
      () => a.updateMembers([b.spec]),
      () => a.forwardMessage('b', 'orders', 1),
      () => a.forwardMessage('a', 'orders', 1),
      () => a.request('b', 'orders', 1),
      () => a.sendMessage('b', 1),
      () => a.injectPartition('a', 0),
    ]) {
      expect(await cluster.failure(call())).toBeInstanceOf(StoppedError)
    }
    const dropped = record(a, 'dropped')
    a.castMessage('b', 'orders', 1)
    expect(dropped).toHaveLength(1)
    await a.stop()
  })

  test('starts once, however often it is asked to', async () => {
    const cluster = new Cluster()
    const a = cluster.node('a')
    const [one, other] = await cluster.settle(Promise.all([a.start(), a.start()]))
    expect(one).toBe(a)
    expect(other).toBe(a)
    expect(a.spec.addresses).toEqual(['memory://a:1'])
  })

  test('starts, stops and starts again: a later incarnation, the same registrations and watchers', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    b.register('orders', (message: unknown) => void heard.push(message))
    const ups: string[] = []
    b.onUp('*', node => void ups.push(node))
    const first = b.spec.incarnation
    await cluster.settle(b.stop())
    expect(b.isConnected('a')).toBe(false)
    await cluster.until(() => !a.isConnected('b'))
    expect(a.members()).toEqual(['a', 'b'])
    await cluster.settle(b.start())
    expect(b.spec.incarnation).toBeGreaterThan(first)
    await cluster.until(() => b.members().length === 2 && a.isConnected('b'))
    await cluster.settle(a.forwardMessage('b', 'orders', 1))
    await cluster.turn()
    expect(heard).toEqual([1])
    expect(ups).toEqual(['a', 'a'])
  })

  test('can be stopped and started again without waiting for the end', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const first = a.spec.incarnation
    void a.stop()
    await cluster.settle(a.start())
    expect(a.spec.incarnation).toBeGreaterThan(first)
    const b = await cluster.start('b')
    await cluster.settle(a.syncJoin(b.spec))
    void a.stop()
    void a.start()
    await cluster.settle(a.stop())
    expect(await cluster.failure(a.join(b.spec))).toBeInstanceOf(StoppedError)
  })

  test('can be stopped while it starts', async () => {
    const cluster = new Cluster()
    const a = cluster.node('a')
    const starting = a.start()
    await cluster.settle(a.stop())
    await starting
    expect(await cluster.failure(a.join('memory://b:1'))).toBeInstanceOf(StoppedError)
    await cluster.settle(a.start())
  })

  test('whose address is taken does not start, and may try again', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { listen: { host: 'here', port: 5 } })
    const b = cluster.node('b', { listen: { host: 'here', port: 5 } })
    const error = await cluster.failure(b.start())
    expect(error).toBeInstanceOf(ListenError)
    expect(error).toMatchObject({ code: 'ERR_LISTEN' })
    await cluster.settle(a.stop())
    await cluster.settle(b.start())
  })

  test('is stopped by disposing of it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    {
      await using node = b
      expect(node.isConnected('a')).toBe(true)
    }
    expect(await cluster.failure(b.leave())).toBeInstanceOf(StoppedError)
    await cluster.until(() => !a.isConnected('b'))
    expect(a.members()).toContain('b')
  })

  test('that stops rejects all that is pending, at once', async () => {
    const cluster = new Cluster({ network: { highWaterMark: 1_000, lowWaterMark: 500 } })
    const [a, b] = await cluster.pair({ limits: { queueBytes: 5_000 } })
    b.register('never', () => new Promise(() => {}))
    a.register('never', () => new Promise(() => {}))
    await cluster.start('far')
    const pending = [
      a.request('b', 'never', 1),
      a.request('a', 'never', 1),
      a.join('memory://nowhere:1'),
      a.syncJoin('memory://nowhere:1'),
      a.connect('memory://nowhere:1'),
    ]
    await cluster.turn()
    cluster.stall('b', 'a')
    a.castMessage('b', 'orders', new Uint8Array(5_000))
    await cluster.turn()
    // Some of these wait in the queue, the others for room in it.
    const sent = Array.from({ length: 20 }, () => a.forwardMessage('b', 'orders', new Uint8Array(1_000)))
    pending.push(...sent)
    expect(pending.length).toBeGreaterThan(15)
    const failures = pending.map(one => cluster.failure(one, 0))
    await a.stop()
    for (const failure of failures) expect(await failure).toBeInstanceOf(StoppedError)
  })

  test('that stops ends a fault that waits for its origin, and what an interposition delays', async () => {
    const cluster = new Cluster({ network: { latency: 50 } })
    const [a, b] = await cluster.pair()
    b.register('orders', () => {})
    const injected = cluster.failure(a.injectPartition('b', 0), 1)
    a.interpose(({ kind }) => (kind === 'message' ? { type: 'delay', by: 10_000 } : { type: 'pass' }))
    const delayed = cluster.failure(a.forwardMessage('b', 'orders', 1), 1)
    await a.stop()
    expect(await injected).toBeInstanceOf(StoppedError)
    expect(await delayed).toBeInstanceOf(StoppedError)
  })
})

describe('seeds', () => {
  test('are joined in the background, also those that start later', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { seeds: ['memory://b:1', 'memory://c:1'] })
    const b = await cluster.start('b')
    await cluster.until(() => a.members().includes(b.name) && b.members().includes(a.name))
    const c = await cluster.start('c')
    await cluster.until(() => c.members().length === 3, 40_000)
  })

  test('merge islands that come back without knowing each other', async () => {
    const cluster = new Cluster()
    const seeds = ['memory://a:1', 'memory://b:1']
    const [a, b] = [await cluster.start('a', { seeds }), await cluster.start('b', { seeds })]
    await cluster.until(() => a.members().length === 2 && b.members().length === 2)
    await cluster.settle(Promise.all([a.stop(), b.stop()]))
    await cluster.settle(Promise.all([a.start(), b.start()]))
    await cluster.until(() => a.members().length === 2 && b.members().length === 2)
  })

  test('may name the node itself', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { seeds: ['memory://a:1'] })
    await cluster.pass(10_000)
    expect(a.members()).toEqual(['a'])
  })
})

describe('a second node of the same name', () => {
  test('supersedes the first, which says so once, stops dialling and stays so', async () => {
    const cluster = new Cluster()
    const [, b] = await cluster.pair()
    const first = await cluster.start('x')
    await cluster.settle(first.syncJoin(b.spec))
    await cluster.settle(first.connect(b.spec))
    const told = record(first, 'superseded')
    await cluster.pass(1_000)
    const second = await cluster.start('x', { listen: { host: 'x2' } })
    await cluster.settle(second.syncJoin(b.spec))
    await cluster.until(() => told.length === 1)
    expect(told).toEqual([['superseded', second.spec.incarnation]])
    await cluster.pass(2_000)
    const retries = record(first, 'retry', 'refused')
    await cluster.pass(60_000)
    expect(told).toHaveLength(1)
    expect(retries).toEqual([])
    expect(first.connections().filter(({ state }) => state !== 'closed')).toEqual([])
    expect(second.isFullyConnected('b')).toBe(true)
    const error = await cluster.failure(first.join(b.spec))
    expect(error).toBeInstanceOf(StaleIncarnationError)
    expect(error).toMatchObject({ code: 'ERR_STALE_INCARNATION', known: second.spec.incarnation })
  })

  test('whose start is the earlier one is refused', async () => {
    const cluster = new Cluster()
    const earlier = await cluster.start('x')
    await cluster.pass(1_000)
    const [, b] = await cluster.pair()
    const later = await cluster.start('x', { listen: { host: 'x2' } })
    await cluster.settle(later.syncJoin(b.spec))
    // It has met nobody, so it may still become the later one: both are alive, and the last to be known stays.
    await cluster.settle(earlier.join(b.spec))
    expect(earlier.spec.incarnation).toBeGreaterThan(later.spec.incarnation)
  })
})

describe('a node whose clock was set back', () => {
  const expectNext = (incarnation: number, known: number): void => {
    expect(incarnation).toBeGreaterThan(known)
    expect(incarnation).toBeLessThanOrEqual(known + 1_024_000)
  }

  test.each([undefined, 'secret'])(
    'adopts the incarnation after the known one, and is taken back (%s)',
    async secret => {
      const cluster = new Cluster(secret === undefined ? {} : { options: { secret } })
      const [a, b] = await cluster.pair()
      const known = b.spec.incarnation
      await cluster.settle(b.stop())
      cluster.clock.setWall(new Date('2025-01-01T00:00:00Z'))
      const again = await cluster.start('b', { seeds: a.spec.addresses })
      const told = record(again, 'superseded')
      await cluster.until(() => again.members().length === 2 && a.isFullyConnected('b'))
      expectNext(again.spec.incarnation, known)
      expect(told).toEqual([])
    },
  )

  test.each([undefined, 'secret'])('is taken back too when only its peers dial it (%s)', async secret => {
    const cluster = new Cluster(secret === undefined ? {} : { options: { secret } })
    const [a, b] = await cluster.pair()
    const known = b.spec.incarnation
    await cluster.settle(b.stop())
    cluster.clock.setWall(new Date('2025-01-01T00:00:00Z'))
    const again = await cluster.start('b')
    await cluster.until(() => again.members().length === 2 && a.isFullyConnected('b'))
    expectNext(again.spec.incarnation, known)
  })

  test("takes nobody's word for it once somebody has met it", async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const { incarnation } = a.spec
    const told = [record(a, 'superseded'), record(a, 'removed')]
    const handler = { received: () => {}, drained: () => {}, closed: () => {} }
    for (const code of [CloseCode.staleIncarnation, CloseCode.removed]) {
      const address = { url: a.spec.addresses[0] ?? '' }
      const dialled = cluster.transport('stranger').dial(address, handler, new AbortController().signal)
      const connection = await cluster.settle(dialled)
      connection.send(encodeClose(code, 'you are stale', incarnation + 1_000))
      await cluster.pass(1_000)
    }
    expect(told).toEqual([[], []])
    expect(a.spec.incarnation).toBe(incarnation)
    expect(a.isFullyConnected(b.name)).toBe(true)
  })

  test('goes on from its own last incarnation when it starts again', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const before = a.spec.incarnation
    await cluster.settle(a.stop())
    cluster.clock.setWall(new Date('2025-01-01T00:00:00Z'))
    await cluster.settle(a.start())
    expectNext(a.spec.incarnation, before)
  })
})

describe('a refusal', () => {
  test.each([
    ['another cluster', { cluster: 'one' }, { cluster: 'two' }, WrongClusterError, 'ERR_WRONG_CLUSTER'],
    ['another secret', { secret: 'one' }, { secret: 'two' }, WrongSecretError, 'ERR_WRONG_SECRET'],
    ['no secret', {}, { secret: 'two' }, WrongSecretError, 'ERR_WRONG_SECRET'],
    ['a secret where there is none', { secret: 'one' }, {}, WrongSecretError, 'ERR_WRONG_SECRET'],
    [
      'no common version',
      { protocolVersions: { min: 2, max: 3 } },
      { protocolVersions: { min: 1, max: 1 } },
      WrongVersionError,
      'ERR_WRONG_VERSION',
    ],
  ])('for %s ends a join, and both sides tell of it', async (_what, ours, theirs, kind, code) => {
    const cluster = new Cluster()
    const a = await cluster.start('a', ours)
    const b = await cluster.start('b', theirs)
    const [told, toldThere] = [record(a, 'refused'), record(b, 'refused')]
    const error = await cluster.failure(a.join(b.spec))
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ code })
    await cluster.turn()
    expect(told).toMatchObject([['refused', { peer: 'b', error: { code } }]])
    expect(toldThere).toMatchObject([['refused', { error: { code } }]])
    expect(a.counters().refused).toBe(1)
    expect(b.counters().refused).toBe(1)
    expect(a.members()).toEqual(['a'])
    expect(b.members()).toEqual(['b'])
  })

  test('is not made between nodes that share one of several secrets', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { secret: ['old', 'new'] })
    const b = await cluster.start('b', { secret: ['newer', 'old'] })
    await cluster.settle(a.syncJoin(b.spec))
  })

  test('is thrown for options that cannot be meant', () => {
    const cluster = new Cluster()
    for (const options of [
      { name: '' },
      { channels: { data: { parallelism: 0 } } },
      { channels: { data: { overflow: 'explode' as 'block' } } },
      { limits: { queueBytes: 1 } },
      { limits: { whatever: 1 } as object },
      { heartbeat: { interval: 1_000, timeout: 1_500 } },
      { secret: '' },
      { advertise: ['nowhere'] },
    ]) {
      expect(() => cluster.node('a', options)).toThrow(InvalidOptionError)
    }
  })
})
