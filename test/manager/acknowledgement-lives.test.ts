import { describe, expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

/** What waits at a node, in messages. */
function waiting(node: PeerServiceManager): number {
  return node.connections().reduce((sum, { queuedMessages }) => sum + queuedMessages, 0)
}

const many = (count: number): number[] => Array.from({ length: count }, (_, id) => id)

describe('messages with ack', () => {
  test('of all streams of a lane that was lost come again', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const a = await cluster.start('a', { channels: { data: { parallelism: 4 } } })
    const b = await cluster.start('b', { channels: { data: { parallelism: 1 } } })
    await cluster.settle(a.syncJoin(b.spec))
    const heard = hear(b, 'orders')
    const sent = many(40).map(id => {
      return a.forwardMessage('b', 'orders', id, { ack: true, channel: 'data', partitionKey: id })
    })
    cluster.sever('a', 'b')
    await cluster.settle(Promise.all(sent))
    expect(new Set(heard).size).toBe(40)
    expect(heard).toHaveLength(40)
  })

  test('behind a cut that only the receiver knew of are sent again when it is healed', async () => {
    const cluster = new Cluster({ network: { latency: 100 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const ref = await cluster.settle(b.injectPartition('b', 0))
    const sent = many(5).map(id => a.forwardMessage('b', 'orders', id, { ack: true }))
    await cluster.pass(150)
    // They arrived behind the cut, and a has heard of it by now.
    expect(heard).toEqual([])
    await cluster.settle(b.resolvePartition(ref))
    await cluster.settle(Promise.all(sent), 5_000)
    expect(heard).toEqual(many(5))
  })

  test('are not acknowledged through a cut', async () => {
    const cluster = new Cluster({ network: { latency: 100 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    let done = false
    const sent = a.forwardMessage('b', 'orders', 1, { ack: true }).then(() => {
      done = true
    })
    await cluster.until(() => heard.length === 1)
    // The acknowledgement is on its way, and comes to a cut.
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.pass(10_000)
    expect(done).toBe(false)
    await cluster.settle(a.resolvePartition(ref))
    await cluster.settle(sent, 5_000)
    expect(heard).toEqual([1])
  })

  test('that were given up give back their room once', async () => {
    const cluster = new Cluster({
      options: { limits: { queueBytes: 8_000 }, channels: { data: { overflow: 'reject' } } },
    })
    const [a, b] = await cluster.pair()
    b.register('slow', () => new Promise(() => {}))
    const options = { channel: 'data', ack: { when: 'handled' }, timeout: 100 } as const
    for (let round = 0; round < 5; round++) {
      const sends = many(20).map(() => a.forwardMessage('b', 'slow', new Uint8Array(500), options))
      const ends = Promise.allSettled(sends)
      const outcomes = await cluster.settle(ends)
      const codes = outcomes.map(end => (end.status === 'rejected' ? (end.reason as { code: string }).code : 'done'))
      expect(codes.filter(code => code === 'ERR_DEADLINE')).toHaveLength(5)
      expect(codes.filter(code => code === 'ERR_OVERFLOW')).toHaveLength(15)
    }
    cluster.sever('a', 'b')
    await cluster.until(() => a.isFullyConnected('b'))
    await cluster.pass(1_000)
    expect(waiting(a)).toBe(0)
  })

  test('reach whoever numbers anew, because it had forgotten its peer', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const c = await cluster.start('c')
    const heard = hear(b, 'orders')
    // c is no member: its links are forgotten when they are closed.
    await cluster.settle(c.connect(b.spec))
    for (let round = 0; round < 3; round++) {
      await cluster.settle(c.connect(b.spec))
      await cluster.settle(c.forwardMessage('b', 'orders', round, { ack: true }))
      await cluster.settle(c.disconnect('b'))
      await cluster.pass(10_000)
    }
    expect(heard).toEqual([0, 1, 2])
    expect(a.members()).toEqual(['a', 'b'])
  })

  test('held back by an interposition that ends stay before what follows', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const fault = a.interpose(({ kind }) => ({ type: kind === 'message' ? 'drop' : 'pass' }))
    const first = many(3).map(id => a.forwardMessage('b', 'orders', id, { ack: true }))
    await cluster.pass(100)
    fault[Symbol.dispose]()
    const last = a.forwardMessage('b', 'orders', 3, { ack: true })
    await cluster.settle(Promise.all([...first, last]))
    expect(heard).toEqual(many(4))
  })

  test('held back by an interposition take room only as long as they are', async () => {
    const cluster = new Cluster({
      options: { limits: { queueBytes: 8_000 }, channels: { data: { overflow: 'reject' } } },
    })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    for (let round = 0; round < 10; round++) {
      const fault = a.interpose(({ kind }) => ({ type: kind === 'message' ? 'drop' : 'pass' }))
      const sent = many(4).map(id => a.forwardMessage('b', 'orders', id, { ack: true, channel: 'data' }))
      await cluster.pass(10)
      fault[Symbol.dispose]()
      await cluster.settle(Promise.all(sent))
    }
    expect(heard).toHaveLength(40)
  })

  test('held back by an interposition are not for the next life of their peer', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const fault = a.interpose(({ kind }) => ({ type: kind === 'message' ? 'drop' : 'pass' }))
    const sent = cluster.failure(a.forwardMessage('b', 'orders', 1, { ack: true }))
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    await cluster.until(() => a.isFullyConnected('b'))
    fault[Symbol.dispose]()
    expect(await sent).toMatchObject({ code: 'ERR_NOT_CONNECTED', reason: 'restarted' })
    expect(heard).toEqual([])
  })
})

describe('an acknowledgement that is held back', () => {
  test('does not speak for the next life of its peer', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    let letGo = (): void => {}
    const until = new Promise<void>(resolve => {
      letGo = resolve
    })
    const fault = a.interpose(({ kind }) => (kind === 'ack' ? { type: 'hold', until } : { type: 'pass' }))
    const first = cluster.failure(a.forwardMessage('b', 'orders', 1, { ack: true }))
    await cluster.until(() => heard.length === 1)
    await cluster.pass(10)
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    expect(await first).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME' })
    await cluster.until(() => a.isFullyConnected('b'))
    fault[Symbol.dispose]()
    // Nobody takes it as yet: only its own acknowledgement may settle it.
    const stall = cluster.stall('b', 'a')
    let done = false
    const second = a.forwardMessage('b', 'orders', 2, { ack: true }).then(() => {
      done = true
    })
    await cluster.pass(10)
    letGo()
    await cluster.pass(100)
    expect(done).toBe(false)
    stall.resume()
    await cluster.settle(second)
    expect(heard).toEqual([1, 2])
  })
})
