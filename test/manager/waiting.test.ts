import { describe, expect, test } from 'vitest'
import type { ChannelOptions, PeerServiceManager } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

const limits = { queueBytes: 10_000, messageBytes: 50_000 }

interface Jam {
  readonly cluster: Cluster
  readonly a: PeerServiceManager
  readonly b: PeerServiceManager
  /** What the server `x` of b got. */
  readonly heard: unknown[]
  resume(): void
}

/** A pair whose connections from `a` to `b` are all full. */
async function jammed(channel: ChannelOptions = {}): Promise<Jam> {
  const cluster = new Cluster({ network: { highWaterMark: 1_000, lowWaterMark: 500 } })
  const [a, b] = await cluster.pair({ limits, channels: { default: channel } })
  const heard: unknown[] = []
  b.register('x', (message: unknown) => void heard.push(message))
  const { resume } = cluster.stall('b', 'a')
  const isFull = (): boolean =>
    a.connections().every(({ channel: name, queuedMessages }) => name !== 'default' || queuedMessages > 0)
  for (let key = 0; !isFull(); key++) {
    a.castMessage('b', 'filler', new Uint8Array(2_000), { partitionKey: key })
    await cluster.turn()
  }
  return { cluster, a, b, heard, resume }
}

describe('a message that waits', () => {
  test.each([
    ['bytes', Uint8Array.of(1, 2, 3)],
    ['a Buffer, whose slices are views', Buffer.of(1, 2, 3)],
  ])('of bytes that were cast is a copy: the caller may use them for something else (%s)', async (_, bytes) => {
    const { cluster, a, heard, resume } = await jammed()
    a.castMessage('b', 'x', bytes)
    bytes.fill(9)
    resume()
    await cluster.until(() => heard.length === 1)
    expect(heard).toEqual([Uint8Array.of(1, 2, 3)])
  })

  test('is refused at once when it is larger than any message may be', async () => {
    const { cluster, a } = await jammed()
    for (const message of [new Uint8Array(60_000), 'x'.repeat(60_000)]) {
      expect(await cluster.failure(a.forwardMessage('b', 'x', message), 0)).toMatchObject({ code: 'ERR_ENCODE' })
    }
    const dropped = record(a, 'dropped')
    a.castMessage('b', 'x', new Uint8Array(60_000))
    expect(dropped).toMatchObject([['dropped', { reason: 'encode' }]])
  })

  test('and takes the place of another ends with its own deadline', async () => {
    const { cluster, a, heard, resume } = await jammed({ monotonic: true })
    const first = cluster.failure(a.forwardMessage('b', 'x', 1))
    const second = cluster.failure(a.forwardMessage('b', 'x', 2, { timeout: 100 }), 200)
    expect(await first).toMatchObject({ code: 'ERR_SUPERSEDED' })
    expect(await second).toMatchObject({ code: 'ERR_DEADLINE', outcome: 'not-sent' })
    resume()
    await cluster.pass(1_000)
    expect(heard).toEqual([])
  })

  test('on several lanes is dropped for a newer one only after those that are older', async () => {
    const { cluster, a, heard, resume } = await jammed({ parallelism: 4, overflow: 'drop-oldest' })
    for (let id = 0; id < 60; id++) a.castMessage('b', 'x', [id, 'x'.repeat(1_000)], { partitionKey: id % 13 })
    const dropped = a.counters().overflowed
    expect(dropped).toBeGreaterThan(30)
    resume()
    await cluster.until(() => heard.length >= 5)
    await cluster.pass(1_000)
    const ids = heard.map(message => (message as [number])[0]).sort((one, other) => one - other)
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => 60 - ids.length + index))
  })
})

describe('a queue that drops the oldest', () => {
  test('drops as many as a new message needs', async () => {
    const { cluster, a } = await jammed({ overflow: 'drop-oldest' })
    for (let count = 0; count < 20; count++) a.castMessage('b', 'x', 'x'.repeat(1_000))
    a.castMessage('b', 'x', 'x'.repeat(7_000))
    await cluster.turn()
    const { queuedBytes, queuedMessages } = a.connections().find(({ channel }) => channel === 'default') ?? {}
    expect(queuedBytes).toBeLessThanOrEqual(limits.queueBytes)
    expect(queuedMessages).toBeLessThan(4)
  })
})

describe('a message whose time is over', () => {
  test('is not sent', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    b.register('x', (message: unknown) => void heard.push(message))
    const failure = cluster.failure(a.forwardMessage('b', 'x', 1, { timeout: 0 }), 0)
    expect(await failure).toMatchObject({ code: 'ERR_DEADLINE', outcome: 'not-sent' })
    a.castMessage('b', 'x', 2, { deadline: cluster.clock.wall().getTime() })
    await cluster.pass(100)
    expect([heard, a.counters().expired]).toEqual([[], 2])
  })

  test('is not handled where it was held on its way', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    b.register('x', (message: unknown) => void heard.push(message))
    b.interpose(({ message }) => (message === 1 ? { type: 'delay', by: 200 } : { type: 'pass' }))
    await cluster.settle(a.forwardMessage('b', 'x', 1, { timeout: 100 }))
    await cluster.settle(a.forwardMessage('b', 'x', 2, { timeout: 100 }))
    await cluster.pass(1_000)
    expect([heard, b.counters().expired]).toEqual([[2], 1])
  })
})

describe('a reply', () => {
  test('larger than the asking node takes becomes an error, and disturbs nobody', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { limits: { messageBytes: 4_000 } })
    const b = await cluster.start('b')
    await cluster.settle(a.syncJoin(b.spec))
    b.register('text', (length: number) => 'x'.repeat(length))
    b.register('bytes', (length: number) => new Uint8Array(length))
    for (const server of ['text', 'bytes']) {
      expect(await cluster.failure(a.request('b', server, 5_000))).toMatchObject({ code: 'ERR_REMOTE' })
      await cluster.settle(a.request('b', server, 3_000))
    }
    expect([a.counters().violations, a.isFullyConnected('b')]).toEqual([0, true])
  })
})

describe('messages that pass the interpositions', () => {
  test('are signs of life, where heartbeats are not let through', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const downs = record(a, 'down')
    b.register('x', () => {})
    a.register('x', () => {})
    for (const node of [a, b]) {
      node.interpose(({ kind }) => ({ type: kind === 'heartbeat' || kind === 'membership' ? 'drop' : 'pass' }))
    }
    for (let count = 0; count < 60; count++) {
      a.castMessage('b', 'x', count)
      b.castMessage('a', 'x', count)
      await cluster.pass(500)
    }
    expect(downs).toEqual([])
    await cluster.until(() => downs.length > 0, 10_000)
  })
})
