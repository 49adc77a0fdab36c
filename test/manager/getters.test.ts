import { describe, expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { endOf, hear } from '../support/hearing.js'

const whole = { one: 1, two: 2, three: 3 }

/** A value that does something while it is encoded. */
function value(act: () => void): object {
  return {
    one: 1,
    get two() {
      act()
      return 2
    },
    three: 3,
  }
}

async function setUp() {
  const cluster = new Cluster({ options: { channels: { newest: { monotonic: true } } } })
  const [a, b] = await cluster.pair()
  b.register('answer', (message: unknown) => message)
  const told = { violations: record(b, 'violation'), heard: hear(b, 'x'), others: hear(b, 'y') }
  await cluster.settle(a.forwardMessage('b', 'x', 'before'))
  await cluster.turn()
  return { cluster, a, b, ...told }
}

const bytes = new Uint8Array(10)
const large = new Uint8Array(100_000)
const ack = { ack: true }

const sends: Readonly<Record<string, (a: PeerServiceManager) => Promise<unknown>>> = {
  'a value': a => a.forwardMessage('b', 'y', 'inner'),
  bytes: a => a.forwardMessage('b', 'y', bytes),
  'large bytes': a => a.forwardMessage('b', 'y', large),
  'a value with ack': a => a.forwardMessage('b', 'y', 'inner', ack),
  'bytes with ack': a => a.forwardMessage('b', 'y', bytes, ack),
  'a value with a causal label': a => a.forwardMessage('b', 'y', 'inner', { causalLabel: 'label' }),
  'a request': a => a.request('b', 'answer', 'inner'),
  'a request with bytes': a => a.request('b', 'answer', bytes),
}

test.each([true, false])('a large value is read once, awaited: %s', async awaited => {
  const { cluster, a, heard } = await setUp()
  let read = 0
  const text = 'x'.repeat(100_000)
  const message = {
    get text() {
      read++
      return text
    },
  }
  if (awaited) await cluster.settle(a.forwardMessage('b', 'x', message))
  else a.castMessage('b', 'x', message)
  await cluster.pass(100)
  expect([read, heard.at(-1)]).toEqual([1, { text }])
})

describe('a getter of a message that is written into its batch', () => {
  test.each(Object.keys(sends))('may not send %s on the same lane, and spoils nothing', async kind => {
    const { cluster, a, violations, heard, others } = await setUp()
    let inner: { end: string } | undefined
    a.castMessage('b', 'x', 'earlier')
    const act = (): void => {
      inner = endOf((sends[kind] as (a: PeerServiceManager) => Promise<unknown>)(a))
    }
    const outer = endOf(a.forwardMessage('b', 'x', value(act)))
    await cluster.pass(1_000)
    expect([outer, inner]).toMatchObject([{ end: 'done' }, { end: expect.stringMatching('ERR_ENCODE') as string }])
    await cluster.settle(a.forwardMessage('b', 'x', 'after', ack))
    expect([heard, others, violations]).toEqual([['before', 'earlier', whole, 'after'], [], []])
  })

  test('may not cast on the same lane: that is told of', async () => {
    const { cluster, a, violations, heard, others } = await setUp()
    const drops = record(a, 'dropped')
    a.castMessage(
      'b',
      'x',
      value(() => a.castMessage('b', 'y', bytes)),
    )
    await cluster.pass(1_000)
    expect([heard, others, violations]).toEqual([['before', whole], [], []])
    expect(drops).toMatchObject([['dropped', { reason: 'encode', server: 'y' }]])
  })

  test('may disconnect: the connection is closed behind its message, and all that was sent before', async () => {
    const { cluster, a, violations, heard } = await setUp()
    const downs = record(a, 'down')
    a.castMessage('b', 'x', 'earlier')
    const outer = endOf(
      a.forwardMessage(
        'b',
        'x',
        value(() => void a.disconnect('b')),
      ),
    )
    expect(a.isConnected('b')).toBe(false)
    await cluster.turn()
    expect([outer.end, heard, downs.length]).toEqual(['done', ['before', 'earlier', whole], 1])
    await cluster.settle(a.connect('memory://b:1'))
    await cluster.settle(a.forwardMessage('b', 'x', 'after', ack))
    expect([heard.slice(3), violations]).toEqual([['after'], []])
  })

  test('may disconnect although it is to be acknowledged: it is sent on the next connection', async () => {
    const { cluster, a, violations, heard } = await setUp()
    const act = (): void => void a.disconnect('b')
    const outer = endOf(a.forwardMessage('b', 'x', value(act), ack))
    await cluster.turn()
    await cluster.settle(a.connect('memory://b:1'))
    await cluster.pass(100)
    expect([outer.end, heard.slice(1), violations]).toEqual(['done', [whole], []])
  })

  test('may stop its node although it is to be acknowledged: nothing stays pending', async () => {
    const { cluster, a } = await setUp()
    const act = (): void => void a.stop()
    expect(await cluster.failure(a.forwardMessage('b', 'x', value(act), ack), 10_000)).toBeInstanceOf(Error)
  })

  test('may part with the receiver for good: nothing stays pending', async () => {
    const { cluster, a } = await setUp()
    const leaving = {
      get x() {
        return void a.leave('b').catch(() => {})
      },
    }
    expect(await cluster.failure(a.forwardMessage('b', 'x', leaving, ack), 1_000)).toMatchObject({ reason: 'left' })
  })

  test('may disconnect and throw: nothing of its message is left for the next connection', async () => {
    const { cluster, a, violations, heard } = await setUp()
    const act = (): void => {
      void a.disconnect('b')
      throw new Error('thrown')
    }
    expect(await cluster.failure(a.forwardMessage('b', 'x', value(act)))).toMatchObject({ code: 'ERR_ENCODE' })
    await cluster.settle(a.connect('memory://b:1'))
    await cluster.settle(a.forwardMessage('b', 'x', 'after', ack))
    expect([heard, violations]).toEqual([['before', 'after'], []])
  })

  test.each([ack, {}])('may not send on its lane from the queue either, with %o', async options => {
    const { cluster, a, violations, heard } = await setUp()
    let sent = 0
    const act = (): void => {
      if (++sent < 100) a.forwardMessage('b', 'y', bytes, { channel: 'newest', ...options }).catch(() => {})
    }
    await cluster.settle(a.forwardMessage('b', 'x', value(act), { channel: 'newest', ...options }))
    await cluster.pass(1_000)
    expect([heard, violations, sent < 20]).toEqual([['before', whole], [], true])
  })
})
