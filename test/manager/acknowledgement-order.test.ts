import { describe, expect, test } from 'vitest'
import { Cluster } from '../support/cluster.js'
import { endOf, hear } from '../support/hearing.js'

const given = { ack: true } as const
const handled = { ack: { when: 'handled' } } as const
const never = (): Promise<void> => new Promise(() => {})

describe('messages with ack, one of which has to wait', () => {
  test('stay in order when the first goes on before the second has come again', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    b.interpose(({ kind, message }) =>
      kind === 'message' && message === 1 ? { type: 'delay', by: 100 } : { type: 'pass' },
    )
    endOf(a.forwardMessage('b', 'orders', 1, given))
    endOf(a.forwardMessage('b', 'orders', 2, given))
    await cluster.pass(110)
    endOf(a.forwardMessage('b', 'orders', 3, given))
    await cluster.pass(10_000)
    expect(heard).toEqual([1, 2, 3])
  })

  test('stay in order when the first is given up', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    b.interpose(({ kind, message }) => ({ type: kind === 'message' && message === 1 ? 'drop' : 'pass' }))
    endOf(a.forwardMessage('b', 'orders', 1, { ...given, timeout: 300 }))
    endOf(a.forwardMessage('b', 'orders', 2, given))
    await cluster.pass(500)
    endOf(a.forwardMessage('b', 'orders', 3, given))
    await cluster.pass(10_000)
    expect(heard).toEqual([2, 3])
  })

  test('stay in order behind more refusals than are remembered', async () => {
    const cluster = new Cluster({ network: { latency: 50 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    for (let count = 0; count < 256; count++) endOf(a.forwardMessage('b', 'nobody', 1, given))
    await cluster.pass(90)
    endOf(a.forwardMessage('b', 'orders', 2, given))
    await cluster.pass(15)
    endOf(a.forwardMessage('b', 'orders', 3, given))
    await cluster.pass(10_000)
    expect(heard).toEqual([2, 3])
  })

  test('go on after any number of refusals, though a handler before them takes for ever', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    b.register('slow', never)
    endOf(a.forwardMessage('b', 'slow', 0, handled))
    const ends = Array.from({ length: 1_000 }, () => endOf(a.forwardMessage('b', 'nobody', 1, given)))
    endOf(a.forwardMessage('b', 'orders', 2, given))
    await cluster.pass(10_000)
    expect(new Set(ends.map(({ end }) => end))).toEqual(new Set(['ERR_NO_SUCH_SERVER']))
    expect(heard).toEqual([2])
  })

  test('are acknowledged however many others are with their handlers, or were given up there', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    b.register('slow', never)
    const kept = Array.from({ length: 3_000 }, () => endOf(a.forwardMessage('b', 'slow', 0, handled)))
    hear(b, 'orders')
    const first = endOf(a.forwardMessage('b', 'orders', 1, given))
    await cluster.pass(50)
    expect(first.end).toBe('done')
    for (let count = 0; count < 2_000; count++) {
      endOf(a.forwardMessage('b', 'slow', 0, { ...handled, timeout: 100 }))
      if (count % 2 === 0) endOf(a.forwardMessage('b', 'orders', 2, given))
    }
    await cluster.pass(1_000)
    const last = endOf(a.forwardMessage('b', 'orders', 3, given))
    await cluster.pass(50)
    expect(last.end).toBe('done')
    expect(new Set(kept.map(({ end }) => end))).toEqual(new Set(['waits']))
  })

  test('are told apart: any number of refusals between those that are with their handlers', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    b.register('slow', never)
    const refused: { end: string }[] = []
    for (let count = 0; count < 1_000; count++) {
      endOf(a.forwardMessage('b', 'slow', 0, handled))
      refused.push(endOf(a.forwardMessage('b', 'nobody', 0, given)))
    }
    await cluster.pass(200)
    expect(new Set(refused.map(({ end }) => end))).toEqual(new Set(['ERR_NO_SUCH_SERVER']))
    hear(b, 'orders')
    const last = endOf(a.forwardMessage('b', 'orders', 1, given))
    await cluster.pass(50)
    expect(last.end).toBe('done')
  })

  test('are told of to the last, however many were refused between them, and nothing goes on at rest', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const { clock } = cluster
    b.register('some', (number: number) => {
      return new Promise((resolve, reject) => {
        clock.schedule(100 + number, number % 2 === 1 ? () => resolve(1) : () => reject(new Error('even')))
      })
    })
    b.register('slow', never)
    const ends = Array.from({ length: 3_000 }, (_, number) => endOf(a.forwardMessage('b', 'some', number, handled)))
    await cluster.pass(5_000)
    expect(new Set(ends.map(({ end }) => end))).toEqual(new Set(['done', 'ERR_REMOTE']))
    hear(b, 'orders')
    for (let count = 0; count < 1_100; count++) {
      endOf(a.forwardMessage('b', 'slow', 0, handled))
      endOf(a.forwardMessage('b', 'orders', 0, given))
    }
    const refused = Array.from({ length: 400 }, () => endOf(a.forwardMessage('b', 'nobody', 0, given)))
    const last = endOf(a.forwardMessage('b', 'orders', 1, given))
    await cluster.pass(200)
    expect(new Set(refused.map(({ end }) => end))).toEqual(new Set(['ERR_NO_SUCH_SERVER']))
    expect(last.end).toBe('done')
    let passages = 0
    a.interpose(({ kind }) => {
      if (kind === 'ack') passages++
      return { type: 'pass' }
    })
    await cluster.pass(3_000)
    expect(passages).toBe(0)
  })

  test('with a handler at work are not sent again when others are asked for', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    b.register('slow', never)
    endOf(a.forwardMessage('b', 'slow', 0, handled))
    await cluster.pass(50)
    b.interpose(({ kind, message }) => ({ type: kind === 'message' && message === 1 ? 'drop' : 'pass' }))
    endOf(a.forwardMessage('b', 'orders', 1, given))
    await cluster.pass(10_000)
    expect(b.counters().duplicates).toBe(0)
  })

  test('go on as soon as the first does, though its handler takes for ever', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    b.register('slow', never)
    b.interpose(({ kind, message }) =>
      kind === 'message' && message === 1 ? { type: 'delay', by: 100 } : { type: 'pass' },
    )
    endOf(a.forwardMessage('b', 'slow', 1, handled))
    endOf(a.forwardMessage('b', 'orders', 2, given))
    await cluster.pass(1_000)
    expect(heard).toEqual([2])
  })

  test('are not repeated in a storm while their handler takes for ever', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    b.register('slow', never)
    let passages = 0
    b.interpose(({ kind, message }) => {
      if (kind !== 'message' || message !== 2) return { type: 'pass' }
      passages++
      return { type: 'drop' }
    })
    endOf(a.forwardMessage('b', 'slow', 1, handled))
    endOf(a.forwardMessage('b', 'slow', 2, handled))
    await cluster.pass(60_000)
    expect(passages).toBeLessThan(130)
    expect(passages).toBeGreaterThan(30)
  })
})

describe('messages with ack that are refused', () => {
  test('are refused each, in whatever order their handlers fail', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const fails: (() => void)[] = []
    b.register('bad', () => new Promise((_resolve, reject) => fails.push(() => reject(new Error('no')))))
    const seen = Array.from({ length: 300 }, () => endOf(a.forwardMessage('b', 'bad', 1, handled)))
    await cluster.pass(1_000)
    for (const fail of fails.reverse()) fail()
    await cluster.pass(10_000)
    expect(new Set(seen.map(({ end }) => end))).toEqual(new Set(['ERR_REMOTE']))
  })

  test('with many words are told of in parts that the peer takes', async () => {
    const cluster = new Cluster({ network: { latency: 5 }, options: { limits: { messageBytes: 65_536 } } })
    const [a, b] = await cluster.pair()
    b.register('bad', () => Promise.reject(new Error('x'.repeat(4_000))))
    const seen = Array.from({ length: 100 }, () => endOf(a.forwardMessage('b', 'bad', 1, handled)))
    await cluster.pass(20_000)
    expect(new Set(seen.map(({ end }) => end))).toEqual(new Set(['ERR_REMOTE']))
  })

  test('in words that cannot travel hold nothing up', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const validate = (): { issues: { message: string }[] } => ({ issues: [{ message: 'bad \ud83d' }] })
    b.register('strict', () => {}, { schema: { '~standard': { version: 1, vendor: 'x', validate } } })
    const refused = endOf(a.forwardMessage('b', 'strict', 1, given))
    const next = endOf(a.forwardMessage('b', 'orders', 1, given))
    await cluster.pass(20_000)
    expect([refused.end, next.end, heard]).toEqual(['ERR_SCHEMA', 'done', [1]])
  })
})

test('messages with ack of a node to itself end with their deadline, their signal, or the node', async () => {
  const cluster = new Cluster()
  const a = await cluster.start('a')
  a.register('slow', never)
  const controller = new AbortController()
  const seen = [
    endOf(a.forwardMessage('a', 'slow', 1, { ...handled, timeout: 100 })),
    endOf(a.forwardMessage('a', 'slow', 2, { ...handled, signal: controller.signal })),
    endOf(a.forwardMessage('a', 'slow', 3, handled)),
  ]
  await cluster.pass(1_000)
  controller.abort(new Error('enough'))
  await cluster.pass(1_000)
  await cluster.settle(a.stop())
  await cluster.turn()
  expect(seen.map(({ end }) => end)).toEqual([
    'ERR_DEADLINE unknown',
    'ERR_UNKNOWN_OUTCOME unknown',
    'ERR_STOPPED unknown',
  ])
})
