import { describe, expect, test } from 'vitest'
import {
  fullMesh,
  InvalidOptionError,
  isRemoteRef,
  NotConnectedError,
  type PeerServiceManager,
  type RemoteRef,
  StoppedError,
  UnknownOutcomeError,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

const restarted = { code: 'ERR_NOT_CONNECTED', reason: 'restarted' }

describe('a reference to a server of this node', () => {
  test('travels in a message, and leads an answer back', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const answers = hear(a, 'answers')
    b.register('add', async ({ of: [x, y], replyTo }: { of: [number, number]; replyTo: unknown }) => {
      if (isRemoteRef(replyTo)) await b.forwardMessage(replyTo, x + y)
    })
    const replyTo = a.ref('answers')
    expect(replyTo).toEqual({ node: 'a', name: 'answers', incarnation: a.spec.incarnation })
    await cluster.settle(a.forwardMessage('b', 'add', { of: [1, 2], replyTo }))
    await cluster.until(() => answers.length > 0)
    expect(answers).toEqual([3])
  })

  test('is typed by the name of the server', async () => {
    interface Shop {
      orders: { message: { id: number; replyTo: RemoteRef<'receipts'> } }
      receipts: { message: string }
    }
    const cluster = new Cluster()
    const [a, b] = await cluster.pair<Shop>()
    const receipts: string[] = []
    a.register('receipts', message => void receipts.push(message))
    b.register('orders', async ({ id, replyTo }) => {
      await b.forwardMessage(replyTo, `receipt ${id}`)
      // @ts-expect-error a receipt is a text
      if (id < 0) await b.forwardMessage(replyTo, 7)
    })
    // @ts-expect-error there is no such server
    expect(() => a.ref('')).toThrow(InvalidOptionError)
    await cluster.settle(a.forwardMessage('b', 'orders', { id: 1, replyTo: a.ref('receipts') }))
    await cluster.until(() => receipts.length > 0)
    expect(receipts).toEqual(['receipt 1'])
  })

  test('needs a life to refer to', () => {
    expect(() => fullMesh().ref('orders')).toThrow(StoppedError)
  })

  test('serves this node too, and no later life of it', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const heard = hear(a, 'orders')
    const ref = a.ref('orders')
    await cluster.settle(a.forwardMessage(ref, 1))
    a.processForward(ref, 2)
    await cluster.turn()
    await cluster.settle(a.stop())
    await cluster.settle(a.start())
    expect(await cluster.failure(a.forwardMessage(ref, 3))).toMatchObject(restarted)
    expect(await cluster.failure(a.request(ref, 3))).toMatchObject(restarted)
    expect(() => a.processForward(ref, 3)).toThrow(NotConnectedError)
    await cluster.turn()
    expect(heard).toEqual([2, 1])
  })

  test('that came in a message is looked at before it is used', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const ref = { node: 'b', name: 'orders', incarnation: 7 }
    const malformed: unknown[] = [
      ...[undefined, null, 7, true, [], [ref], {}, { node: 'b' }, { name: 'orders' }],
      ...[7, '', 'x'.repeat(256), 'a\nb', {}].map(node => ({ ...ref, node })),
      ...[7, '', 'x'.repeat(256), 'a\nb', {}, 'maquis:monitor', 'maquis:broadcast'].map(name => ({ ...ref, name })),
      ...[-1, 0.5, Number.NaN, 2 ** 53, '7', 7n, {}, null].map(incarnation => ({ ...ref, incarnation })),
      ...[undefined, null, {}, { whereIs: 7 }, 'registry'].map(via => ({ via, name: 'orders' })),
    ]
    expect(isRemoteRef(ref)).toBe(true)
    expect(isRemoteRef(a.ref('orders'))).toBe(true)
    expect(isRemoteRef(a.ref('orders'), 'others', 'orders')).toBe(true)
    expect(isRemoteRef(a.ref('orders'), 'others')).toBe(false)
    for (const value of malformed) {
      expect(isRemoteRef(value)).toBe(false)
      const given = value as RemoteRef
      expect(await cluster.failure(a.forwardMessage(given, 1))).toBeInstanceOf(InvalidOptionError)
      expect(await cluster.failure(a.request(given, 1))).toBeInstanceOf(InvalidOptionError)
      expect(() => a.castMessage(given, 1)).toThrow(InvalidOptionError)
      expect(() => a.processForward(given, 1)).toThrow(InvalidOptionError)
      expect(() => a.monitor(given, () => {})).toThrow(InvalidOptionError)
    }
    expect(isRemoteRef('orders')).toBe(false)
    expect(isRemoteRef({ node: 'b', name: 'orders' })).toBe(false)
  })

  test('of a node that is no member is one of a stranger, and so is one of a life that was not met', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const stranger = { code: 'ERR_NOT_CONNECTED', reason: 'stranger' }
    const ref = { ...b.ref('orders'), node: 'c' as RemoteRef['node'] }
    expect(await cluster.failure(a.forwardMessage(ref, 1))).toMatchObject({ ...stranger, node: 'c' })
    const later = { ...b.ref('orders'), incarnation: (b.spec.incarnation + 1) as RemoteRef['incarnation'] }
    expect(await cluster.failure(a.forwardMessage(later, 1, { whenDown: 'wait' }))).toMatchObject(stranger)
    expect(heard).toEqual([])
  })
})

describe('what is sent to a reference of an ended life is never handed to a later one', () => {
  /** `a` and a `b` whose power fails; `again` starts the next life of it. */
  async function failing(options = {}): Promise<{
    cluster: Cluster
    a: PeerServiceManager
    ref: RemoteRef
    heard: unknown[]
    down: () => Promise<void>
    again: () => Promise<unknown[]>
  }> {
    const cluster = new Cluster({ options: { channels: { latest: { monotonic: true } } } })
    const [a, b] = await cluster.mesh(['a', 'b'], options)
    if (a === undefined || b === undefined) throw new Error('a mesh of two has two nodes')
    const heard = hear(b, 'orders')
    const down = async (): Promise<void> => {
      await cluster.settle(b.stop())
      await cluster.until(() => !a.isConnected('b'))
    }
    const again = async (): Promise<unknown[]> => {
      const later = cluster.node('b')
      const heardLater = hear(later, 'orders')
      await cluster.settle(later.start())
      await cluster.settle(later.syncJoin(a.spec))
      await cluster.pass(5_000)
      await cluster.settle(a.forwardMessage('b', 'orders', 'to any life'))
      await cluster.until(() => heardLater.includes('to any life'))
      return heardLater
    }
    return { cluster, a, ref: b.ref('orders'), heard, down, again }
  }

  test('when it waited in a queue, whatever it is', async () => {
    const { cluster, a, ref, down, again } = await failing()
    await down()
    const dropped = record(a, 'dropped')
    const waits = { whenDown: 'wait' } as const
    const failures = [
      a.forwardMessage(ref, 1, waits),
      a.forwardMessage(ref, 2, { ...waits, timeout: 60_000 }),
      a.forwardMessage(ref, 3, { ...waits, clock: 1 }),
      a.forwardMessage(ref, 4, { ...waits, ack: true }),
      a.forwardMessage(ref, 5, { ...waits, channel: 'latest' }),
      a.request(ref, 6, waits),
    ].map(promise => cluster.failure(promise))
    a.castMessage(ref, 7, waits)
    const unbound = a.forwardMessage({ node: 'b', name: 'orders' }, 'unbound', waits)
    expect(await again()).toEqual(['unbound', 'to any life'])
    await unbound
    expect(await Promise.all(failures)).toMatchObject(failures.map(() => restarted))
    expect(dropped).toMatchObject([['dropped', { reason: 'down', server: 'orders' }]])
  })

  test('when a newer one of its key took the place of one for any life, or the other way round', async () => {
    const { cluster, a, ref, down, again } = await failing()
    await down()
    const options = { whenDown: 'wait', channel: 'latest' } as const
    const any = { node: 'b', name: 'orders' }
    const superseded = cluster.failure(a.forwardMessage(any, 1, { ...options, partitionKey: 1 }))
    const bound = cluster.failure(a.forwardMessage(ref, 2, { ...options, partitionKey: 1 }))
    expect(await superseded).toMatchObject({ code: 'ERR_SUPERSEDED' })
    expect(await again()).toEqual(['to any life'])
    expect(await bound).toMatchObject(restarted)
  })

  test('when the sender does not know yet that the life ended', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    hear(b, 'orders')
    const ref = b.ref('orders')
    // Nothing of the old process is heard any more, nor that it is gone.
    cluster.split('a', 'b')
    const later = cluster.node('b', { listen: { host: 'b2', port: 1 }, transport: cluster.transport('b2') })
    const heard = hear(later, 'orders')
    await cluster.settle(later.start())
    const sent = [a.forwardMessage(ref, 1), a.forwardMessage(ref, 2, { whenDown: 'wait' })]
    const acked = cluster.failure(a.forwardMessage(ref, 3, { ack: true, whenDown: 'wait' }))
    const asked = cluster.failure(a.request(ref, 4, { whenDown: 'wait' }))
    await cluster.settle(Promise.all(sent))
    await cluster.settle(later.join(a.spec))
    await cluster.until(() => a.isFullyConnected('b'))
    expect(await acked).toBeInstanceOf(UnknownOutcomeError)
    expect(await asked).toBeInstanceOf(UnknownOutcomeError)
    await cluster.settle(a.forwardMessage('b', 'orders', 'to any life'))
    await cluster.pass(5_000)
    expect(heard).toEqual(['to any life'])
  })

  test('when it waited for a member that was never met', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const c = await cluster.start('c')
    cluster.split('a', 'c')
    await cluster.settle(b.syncJoin(a.spec))
    await cluster.settle(c.join(b.spec))
    await cluster.until(() => a.members().length === 3)
    const heard = hear(c, 'orders')
    const ref = c.ref('orders')
    const bound = [a.forwardMessage(ref, 1), a.request(ref, 2)].map(promise => cluster.failure(promise))
    const unbound = a.forwardMessage('c', 'orders', 'to any life')
    await cluster.settle(c.stop())
    await cluster.settle(c.start())
    await cluster.settle(c.join(b.spec))
    cluster.heal()
    await cluster.settle(unbound)
    await cluster.pass(5_000)
    expect(await Promise.all(bound)).toMatchObject([restarted, restarted])
    expect(heard).toEqual(['to any life'])
  })

  test.each([undefined, true])('when an interposition held it, with ack %s', async ack => {
    const { cluster, a, ref, down, again } = await failing()
    const holding = a.interpose(({ kind }) => (kind === 'message' ? { type: 'delay', by: 20_000 } : { type: 'pass' }))
    const bound = cluster.failure(a.forwardMessage(ref, 1, { whenDown: 'wait', ...(ack && { ack }) }))
    holding[Symbol.dispose]()
    await down()
    const heard = await again()
    await cluster.pass(30_000)
    expect(heard).toEqual(['to any life'])
    expect(await bound).toMatchObject(restarted)
  })
})
