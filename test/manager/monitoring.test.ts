import { describe, expect, test } from 'vitest'
import {
  InvalidOptionError,
  type MonitorEnd,
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  PartitionedError,
  type PeerServiceManager,
  StoppedError,
  UnknownChannelError,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { line, relayed } from '../support/relays.js'

/** Monitors a server, and writes down what it is told. */
function watch(node: PeerServiceManager, of: string, name: string, channel = 'default'): MonitorEnd[] {
  const ends: MonitorEnd[] = []
  node.monitor({ node: of, name }, end => void ends.push(end), { channel })
  return ends
}

function reasons(ends: readonly MonitorEnd[]): string[] {
  return ends.map(({ reason }) => reason)
}

describe('a monitor of a server', () => {
  test('is told once that its registration ended, and says which life of which node', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const registration = b.register('orders', () => {})
    const ends = watch(a, 'b', 'orders')
    await cluster.pass(5_000)
    expect(ends).toEqual([])
    registration[Symbol.dispose]()
    registration[Symbol.dispose]()
    b.register('orders', () => {})[Symbol.dispose]()
    await cluster.pass(5_000)
    const { incarnation } = b.spec
    expect(ends).toEqual([{ node: 'b', name: 'orders', incarnation, reason: 'unregistered', error: undefined }])
    await cluster.settle(b.stop())
    expect(ends.length).toBe(1)
  })

  test('is told that there is no such server', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const ends = watch(a, 'b', 'nobody')
    expect(ends).toEqual([])
    await cluster.until(() => ends.length > 0)
    expect(ends).toMatchObject([{ node: 'b', name: 'nobody', reason: 'no-such-server' }])
    expect(ends[0]?.error).toBeInstanceOf(NoSuchServerError)
  })

  test('of this node itself is told behind the messages that the server had sent', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const told: string[] = []
    a.register('watcher', (message: string) => void told.push(message))
    const registration = a.register('server', () => {})
    a.monitor('server', ({ reason }) => void told.push(reason))
    a.monitor('nobody', ({ reason }) => void told.push(reason))
    expect(told).toEqual([])
    await cluster.turn()
    expect(told).toEqual(['no-such-server'])
    for (const message of ['one', 'two']) a.castMessage('a', 'watcher', message)
    registration[Symbol.dispose]()
    expect(told).toEqual(['no-such-server'])
    await cluster.turn()
    expect(told).toEqual(['no-such-server', 'one', 'two', 'unregistered'])
  })

  test('is told behind every message that its node had sent on the channel, whatever its lane', async () => {
    const cluster = new Cluster({ options: { channels: { data: { parallelism: 4 } } } })
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    a.register('watcher', (message: unknown) => void heard.push(message))
    const registration = b.register('server', () => {})
    const ends: number[] = []
    a.monitor({ node: 'b', name: 'server' }, () => ends.push(heard.length), { channel: 'data' })
    await cluster.pass(100)
    // One lane alone is full of what the others do not wait for.
    const stalled = cluster.ends('a', 'b')[4]
    stalled?.pause()
    const messages = Array.from({ length: 400 }, (_, index) => index)
    for (const partitionKey of messages) {
      const message = { partitionKey, ballast: 'x'.repeat(5_000) }
      b.castMessage('a', 'watcher', message, { channel: 'data', partitionKey, ack: partitionKey % 3 === 0 })
    }
    registration[Symbol.dispose]()
    await cluster.pass(1_000)
    expect(heard.length).toBeGreaterThan(200)
    expect(heard.length).toBeLessThan(400)
    expect(ends).toEqual([])
    stalled?.resume()
    await cluster.until(() => ends.length > 0)
    expect(ends).toEqual([400])
  })

  test('waits for a member that was never up, and ends when it leaves', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const c = cluster.node('c')
    // Known by its spec, and not there.
    const ends: MonitorEnd[] = []
    await cluster.settle(c.start())
    cluster.split('a', 'c')
    await cluster.settle(c.join('memory://b:1'))
    await cluster.until(() => a.members().length === 3)
    a.monitor({ node: 'c', name: 'orders' }, end => void ends.push(end))
    await cluster.pass(3_000)
    expect(ends).toEqual([])
    c.register('orders', () => {})
    cluster.heal()
    await cluster.until(() => a.isConnected('c'))
    await cluster.pass(1_000)
    expect(ends).toEqual([])
    await cluster.settle(c.leave())
    await cluster.until(() => ends.length > 0)
    expect(ends).toMatchObject([{ reason: 'node-down', error: { reason: 'left' } }])
  })

  test.each([
    ['stops', (_cluster: Cluster, _a: PeerServiceManager, b: PeerServiceManager) => b.stop(), 'down'],
    ['leaves', (_cluster: Cluster, _a: PeerServiceManager, b: PeerServiceManager) => b.leave(), 'left'],
  ])('is told at once that its node %s', async (_what, end, reason) => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('orders', () => {})
    const ends = watch(a, 'b', 'orders')
    await cluster.pass(100)
    const began = cluster.clock.now()
    await cluster.settle(end(cluster, a, b))
    await cluster.until(() => ends.length > 0)
    expect(cluster.clock.now() - began).toBeLessThan(1_000)
    expect(ends).toMatchObject([{ reason: 'node-down', incarnation: b.spec.incarnation, error: { reason } }])
    expect(ends[0]?.error).toBeInstanceOf(NotConnectedError)
  })

  test('belongs to one life of its node: the next one has other servers', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('orders', () => {})
    const ref = b.ref('orders')
    const ends = watch(a, 'b', 'orders')
    await cluster.pass(100)
    const later = cluster.node('b', { listen: { host: 'b2', port: 1 } })
    await cluster.settle(later.start())
    later.register('orders', () => {})
    await cluster.settle(later.syncJoin(a.spec))
    await cluster.until(() => ends.length > 0)
    expect(ends).toMatchObject([{ reason: 'node-down', incarnation: ref.incarnation, error: { reason: 'restarted' } }])
    const old: MonitorEnd[] = []
    a.monitor(ref, end => void old.push(end))
    expect(old).toEqual([])
    await cluster.turn()
    expect(old).toMatchObject([{ reason: 'node-down', incarnation: undefined, error: { reason: 'restarted' } }])
  })

  test('ends with a cut, and of a node that is down, cut off or a stranger it ends soon', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('orders', () => {})
    const cut = watch(a, 'b', 'orders')
    await cluster.pass(100)
    const ref = await cluster.settle(a.injectPartition('a', 0))
    expect(cut).toMatchObject([{ reason: 'node-down' }])
    expect(cut[0]?.error).toBeInstanceOf(PartitionedError)
    const ends = [watch(a, 'b', 'orders'), watch(a, 'nobody', 'orders')]
    await cluster.turn()
    await cluster.settle(a.resolvePartition(ref))
    await cluster.settle(b.stop())
    await cluster.until(() => !a.isConnected('b'))
    ends.push(watch(a, 'b', 'orders'))
    await cluster.turn()
    expect(ends.map(reasons)).toEqual([['node-down'], ['node-down'], ['node-down']])
    expect(ends.map(([end]) => end?.error)).toMatchObject([{}, { reason: 'stranger' }, { reason: 'down' }])
  })

  test('is told what there is to do, and of nothing that only messages have', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { limits: { monitors: 1 } })
    const b = await cluster.start('b')
    await cluster.settle(b.syncJoin(a.spec))
    for (const node of [a, b]) node.register('orders', () => {})
    const ref = b.ref('orders')
    const ends = [watch(a, 'b', 'orders'), watch(a, 'b', 'orders'), watch(a, 'nobody', 'orders')]
    const atA = [watch(b, 'a', 'orders'), watch(b, 'a', 'orders')]
    const future: MonitorEnd[] = []
    a.monitor({ ...ref, incarnation: ref.incarnation + 1 }, end => void future.push(end))
    await cluster.pass(1_000)
    await cluster.settle(b.stop())
    await cluster.until(() => !a.isConnected('b'))
    ends.push(watch(a, 'b', 'orders'))
    await cluster.turn()
    const isDown = `node 'b' is down, or was: monitor it again when onUp tells that it is up`
    expect([...ends, future].map(([end]) => end?.error?.message)).toEqual([
      isDown,
      `too many monitors, all that watch node 'b': dispose of some, or raise limits.monitors here`,
      `node 'nobody' is not connected with this node directly: join it, or connect to it`,
      isDown,
      `node 'b' was not met yet in the life that is meant: wait for onUp`,
    ])
    const there = `too many monitors, all of this node at node 'a': dispose of some, or raise limits.monitors there`
    expect(atA[1]?.[0]?.error?.message).toBe(there)
  })

  test('that a full queue refuses, or whose connection is lost meanwhile, is not told how to send', async () => {
    const data = { overflow: 'reject' } as const
    const cluster = new Cluster({ options: { channels: { data }, limits: { queueBytes: 2_048, windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    b.register('slow', () => new Promise(() => {}))
    const lost = watch(a, 'b', 'slow', 'data')
    cluster.sever('a', 'b')
    await cluster.until(() => lost.length > 0 && a.isFullyConnected('b'))
    for (let count = 0; count < 20; count++) a.castMessage('b', 'slow', 'x'.repeat(500), { channel: 'data' })
    const full = watch(a, 'b', 'slow', 'data')
    await cluster.pass(100)
    expect(full[0]).toMatchObject({ reason: 'refused', error: { message: expect.stringContaining('monitor again') } })
    expect(lost[0]).toMatchObject({ reason: 'node-down', error: { message: expect.stringContaining('onUp') } })
  })

  test('is named as what is wrong with a reference', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const wrong = (ref: unknown): unknown => {
      try {
        return a.monitor(ref as string, () => {})
      } catch (error) {
        return (error as InvalidOptionError).option
      }
    }
    expect([wrong(undefined), wrong(''), wrong({ node: 'a' }), wrong({ name: 'x' })]).toEqual([
      'ref',
      'ref',
      'ref.name',
      'ref.node',
    ])
  })

  test('of a node that is reached through others ends soon: it has no direct connection', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    c.register('orders', () => {})
    const ends = [watch(a, 'c', 'orders')]
    await cluster.settle(a.forwardMessage('c', 'orders', 1, relayed))
    ends.push(watch(a, 'c', 'orders'))
    await cluster.pass(100)
    expect(ends.map(reasons)).toEqual([['node-down'], ['node-down']])
    expect(a.isConnected('c')).toBe(true)
  })

  test('goes on beside a lane that was lost, and its end is not lost with one', async () => {
    const cluster = new Cluster({ options: { channels: { data: { parallelism: 2 } } } })
    const [a, b] = await cluster.pair()
    const registration = b.register('orders', () => {})
    const ends = watch(a, 'b', 'orders', 'data')
    await cluster.pass(100)
    const dataLane = (): void => cluster.ends('b', 'a').at(-1)?.destroy()
    dataLane()
    await cluster.pass(5_000)
    expect(ends).toEqual([])
    registration[Symbol.dispose]()
    dataLane()
    await cluster.until(() => ends.length > 0)
    expect(reasons(ends)).toEqual(['unregistered'])
  })

  test('ends with a loss of all connections that only the other end noticed', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('orders', () => {})
    const ends = watch(a, 'b', 'orders')
    await cluster.pass(100)
    const downs = record(b, 'down')
    const seen = record(a, 'down')
    // One of them is slow to end at `a`, so that there another is open again before it does.
    const slow = cluster.ends('a', 'b').at(-1)
    slow?.pause()
    await cluster.settle(b.disconnect('a'))
    await cluster.pass(1_000)
    slow?.resume()
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
    await cluster.pass(1_000)
    expect([downs.length, seen.length]).toEqual([1, 0])
    expect(reasons(ends)).toEqual(['node-down'])
  })

  test('ends for both when it is disposed, and is told nothing more', async () => {
    const cluster = new Cluster({ options: { limits: { monitors: 1 } } })
    const [a, b] = await cluster.pair()
    b.register('orders', () => {})
    const ends: MonitorEnd[] = []
    for (let count = 0; count < 5; count++) {
      // The limit is one: each finds room because the one before is gone, there too.
      const monitor = a.monitor({ node: 'b', name: 'orders' }, end => void ends.push(end))
      if (count % 2 === 0) await cluster.pass(100)
      monitor[Symbol.dispose]()
      monitor[Symbol.dispose]()
    }
    await cluster.pass(1_000)
    await cluster.settle(b.stop())
    await cluster.pass(1_000)
    expect(ends).toEqual([])
    expect([a.counters().monitorsRefused, b.counters().monitorsRefused]).toEqual([0, 0])
  })

  test('is refused beyond the limit, of this node or of the other', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b', { limits: { monitors: 2 } })
    await cluster.settle(b.syncJoin(a.spec))
    for (const node of [a, b]) node.register('orders', () => {})
    const atB = [1, 2, 3].map(() => watch(a, 'b', 'orders'))
    const atA = [1, 2, 3].map(() => watch(b, 'a', 'orders'))
    await cluster.pass(1_000)
    for (const ends of [atA, atB]) {
      expect(ends.map(reasons)).toEqual([[], [], ['refused']])
      expect(ends[2]?.[0]?.error).toBeInstanceOf(OverflowError)
    }
    expect([a.counters().monitorsRefused, b.counters().monitorsRefused]).toEqual([0, 2])
  })

  test('on a channel that the peer lacks is refused, and on one that this node lacks is a mistake', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { channels: { data: {} } })
    const b = await cluster.start('b')
    await cluster.settle(b.syncJoin(a.spec))
    b.register('orders', () => {})
    const ends = watch(a, 'b', 'orders', 'data')
    await cluster.turn()
    expect(reasons(ends)).toEqual(['refused'])
    expect(ends[0]?.error).toBeInstanceOf(UnknownChannelError)
    expect(() => watch(a, 'b', 'orders', 'nothing')).toThrow(UnknownChannelError)
    expect(() => a.monitor({ node: 'b', name: '' }, () => {})).toThrow(InvalidOptionError)
    expect(() => a.monitor({ node: 'b', name: 'x' }, 7 as never)).toThrow(InvalidOptionError)
    expect(() => a.monitor({ node: 'b', name: 'maquis:monitor' }, () => {})).toThrow(InvalidOptionError)
  })

  test('is told when this node is stopped, and a stopped node monitors nothing', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    for (const node of [a, b]) node.register('orders', () => {})
    const ends = [watch(a, 'b', 'orders'), watch(a, 'a', 'orders'), watch(a, 'stranger', 'orders')]
    await cluster.settle(a.stop())
    expect(ends.map(reasons)).toEqual([['stopped'], ['stopped'], ['stopped']])
    expect(ends[0]?.[0]?.error).toBeInstanceOf(StoppedError)
    expect(() => watch(a, 'b', 'orders')).toThrow(StoppedError)
  })

  test('is told although interpositions drop half of everything, once and behind what came before', async () => {
    const cluster = new Cluster({ options: { channels: { data: { parallelism: 2 } } } })
    const [a, b] = await cluster.pair()
    let count = 0
    for (const node of [a, b]) {
      node.interpose(({ kind }) => ({ type: kind !== 'heartbeat' && ++count % 2 === 0 ? 'drop' : 'pass' }))
    }
    const heard: unknown[] = []
    a.register('watcher', (message: unknown) => void heard.push(message))
    const registration = b.register('server', () => {})
    const ends: number[] = []
    a.monitor({ node: 'b', name: 'server' }, () => ends.push(heard.length), { channel: 'data' })
    await cluster.pass(60_000)
    for (let id = 0; id < 20; id++) {
      void b.forwardMessage('a', 'watcher', id, { channel: 'data', partitionKey: id, ack: true })
    }
    registration[Symbol.dispose]()
    await cluster.until(() => ends.length > 0, 600_000)
    await cluster.pass(60_000)
    expect(ends).toEqual([20])
  })

  test('of a full queue is told when there is room', async () => {
    const data = { overflow: 'reject' } as const
    const cluster = new Cluster({ options: { channels: { data }, limits: { queueBytes: 2_048, windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    let go = (): void => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    a.register('slow', () => gate)
    const registration = b.register('server', () => {})
    const ends = watch(a, 'b', 'server', 'data')
    await cluster.pass(100)
    for (let count = 0; count < 20; count++) b.castMessage('a', 'slow', 'x'.repeat(500), { channel: 'data' })
    registration[Symbol.dispose]()
    await cluster.pass(5_000)
    expect(ends).toEqual([])
    go()
    await cluster.until(() => ends.length > 0)
    expect(reasons(ends)).toEqual(['unregistered'])
  })

  test('made after a comparison that a full queue refused is not ended by it in silence', async () => {
    const data = { overflow: 'reject' } as const
    const cluster = new Cluster({ options: { channels: { data }, limits: { queueBytes: 2_048, windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    let go = (): void => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    b.register('slow', () => gate)
    const registration = b.register('server', () => {})
    const before = watch(a, 'b', 'server', 'data')
    await cluster.pass(100)
    for (let count = 0; count < 20; count++) a.castMessage('b', 'slow', 'x'.repeat(500), { channel: 'data' })
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.settle(a.resolvePartition(ref))
    expect(reasons(before)).toEqual(['node-down'])
    // The two compare what they have, behind a full queue.
    await cluster.pass(100)
    go()
    await cluster.pass(100)
    const after = watch(a, 'b', 'server', 'data')
    await cluster.pass(10_000)
    expect(after).toEqual([])
    registration[Symbol.dispose]()
    await cluster.pass(1_000)
    expect(reasons(after)).toEqual(['unregistered'])
  })

  test('a peer that takes no answers has them offered more and more seldom, and all in one', async () => {
    const limits = { queueBytes: 2_048, windowBytes: 1_024 }
    const cluster = new Cluster({ options: { channels: { data: { overflow: 'reject' } }, limits } })
    const [a, b] = await cluster.pair()
    a.register('slow', () => new Promise(() => {}))
    const registrations = Array.from({ length: 20 }, (_, index) => b.register(`server${index}`, () => {}))
    for (const index of registrations.keys()) watch(a, 'b', `server${index}`, 'data')
    await cluster.pass(100)
    for (let count = 0; count < 20; count++) b.castMessage('a', 'slow', 'x'.repeat(500), { channel: 'data' })
    let offered = 0
    b.interpose(({ kind }) => {
      if (kind === 'monitor') offered++
      return { type: 'pass' }
    })
    for (const registration of registrations) registration[Symbol.dispose]()
    await cluster.pass(60_000)
    expect([offered > 0, offered < 32]).toEqual([true, true])
  })

  test('leaves its place to others when its end was told, to a peer and to this node itself', async () => {
    const cluster = new Cluster({ options: { limits: { monitors: 2 } } })
    const [a, b] = await cluster.pair()
    for (const node of ['b', 'a'] as const) {
      for (let turn = 0; turn < 5; turn++) {
        const registration = (node === 'a' ? a : b).register('server', () => {})
        const ends = watch(a, node, 'server')
        await cluster.pass(100)
        registration[Symbol.dispose]()
        await cluster.pass(100)
        expect(reasons(ends)).toEqual(['unregistered'])
      }
    }
  })

  test('is not ended by what a full queue kept for the life before', async () => {
    const limits = { queueBytes: 2_048, windowBytes: 1_024 }
    const cluster = new Cluster({ options: { channels: { data: { overflow: 'reject' } }, limits } })
    const [a, b] = await cluster.pair()
    a.register('slow', () => new Promise(() => {}))
    const registration = b.register('server', () => {})
    watch(a, 'b', 'server', 'data')
    await cluster.pass(100)
    for (let count = 0; count < 20; count++) b.castMessage('a', 'slow', 'x'.repeat(500), { channel: 'data' })
    registration[Symbol.dispose]()
    b.register('server', () => {})
    await cluster.settle(a.stop())
    const next = await cluster.start('a')
    await cluster.settle(next.join(b.spec))
    await cluster.until(() => next.isFullyConnected('b') && b.isFullyConnected('a'))
    const ends = watch(next, 'b', 'server', 'data')
    await cluster.pass(20_000)
    expect(ends).toEqual([])
  })

  test('whose promise rejects is told of, as is any function that is called with nodes', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const failed = record(a, 'handler-error')
    const failing = (what: string) => (): unknown => Promise.reject(new Error(what))
    a.monitor({ node: 'b', name: 'nobody' }, failing('monitor'))
    a.monitorNodes(failing('nodes'))
    a.onUp('b', failing('up'))
    a.onDown('b', failing('down'))
    await cluster.settle(a.disconnect(['b', 'c'], failing('disconnect')))
    await cluster.pass(100)
    const told = (failed as ['handler-error', { error: Error }][]).map(([, { error }]) => error.message)
    expect(new Set(told)).toEqual(new Set(['monitor', 'nodes', 'up', 'down', 'disconnect']))
    expect(told.filter(what => what === 'disconnect')).toHaveLength(2)
  })

  test('that throws is told of, and disturbs nobody', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const failed = record(a, 'handler-error')
    const registration = b.register('orders', () => {})
    a.monitor({ node: 'b', name: 'orders' }, () => {
      throw new Error('mine')
    })
    const ends = watch(a, 'b', 'orders')
    await cluster.pass(100)
    registration[Symbol.dispose]()
    await cluster.until(() => ends.length > 0)
    expect(failed.length).toBe(1)
  })

  test('in a message that cannot be read is a violation, and nothing else', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const violations = record(b, 'violation')
    a.interpose(({ kind }) => (kind === 'monitor' ? { type: 'replace', message: { type: 'what' } } : { type: 'pass' }))
    watch(a, 'b', 'orders')
    await cluster.pass(1_000)
    expect(violations.length).toBe(1)
    expect(b.isConnected('a')).toBe(true)
  })

  test('may be disposed, and others begun, by what it tells', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const registration = b.register('orders', () => {})
    const told: string[] = []
    const again = (end: MonitorEnd): void => {
      told.push(end.reason)
      if (told.length < 4) a.monitor({ node: end.node, name: end.name }, again)
      second[Symbol.dispose]()
    }
    a.monitor({ node: 'b', name: 'orders' }, again)
    const second = a.monitor({ node: 'b', name: 'orders' }, () => void told.push('second'))
    await cluster.pass(100)
    registration[Symbol.dispose]()
    await cluster.pass(100)
    await cluster.settle(b.stop())
    await cluster.pass(1_000)
    expect(told).toEqual(['unregistered', 'no-such-server', 'no-such-server', 'no-such-server'])
  })
})
