import { describe, expect, test } from 'vitest'
import { type Interposition, NoSuchServerError, only, type Passage } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { endOf, hear } from '../support/hearing.js'

const dropping =
  (kind: Passage['kind'], direction: Passage['direction']): Interposition =>
  passage => ({ type: passage.kind === kind && passage.direction === direction ? 'drop' : 'pass' })

describe('a message with ack', () => {
  test('resolves when its handler was given it', async () => {
    const cluster = new Cluster({ network: { latency: 10 } })
    const [a, b] = await cluster.pair()
    let given = false
    b.register('orders', () => {
      given = true
      return new Promise(() => {})
    })
    const sent = a.forwardMessage('b', 'orders', 1, { ack: true })
    const seen = endOf(sent)
    await cluster.until(() => given)
    expect(seen.end).toBe('waits')
    await cluster.settle(sent)
  })

  test('resolves only when it was handled, where that is asked for; what a handler throws rejects it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const waiting: (() => void)[] = []
    b.register('slow', () => new Promise<void>(resolve => waiting.push(resolve)))
    b.register('bad', () => Promise.reject(Object.assign(new Error('no stock'), { code: 'E_STOCK' })))
    const ack = { when: 'handled' } as const
    const ends = [1, 2].map(id => endOf(a.forwardMessage('b', 'slow', id, { ack })))
    await cluster.pass(60_000)
    expect(ends.map(({ end }) => end)).toEqual(['waits', 'waits'])
    // No message waits for the handler of another.
    waiting[1]?.()
    await cluster.pass(10)
    expect(ends.map(({ end }) => end)).toEqual(['waits', 'done'])
    waiting[0]?.()
    await cluster.pass(10)
    expect(ends.map(({ end }) => end)).toEqual(['done', 'done'])
    const failure = await cluster.failure(a.forwardMessage('b', 'bad', 3, { ack }))
    expect(failure).toMatchObject({ code: 'ERR_REMOTE', message: expect.stringContaining('no stock') as string })
    await cluster.settle(a.forwardMessage('b', 'bad', 4, { ack: true }))
  })

  test('waits for no other that is never handled, whether its sender waits for that or not', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('hung', () => new Promise(() => {}))
    const heard = hear(b, 'orders')
    const hung = endOf(a.forwardMessage('b', 'hung', 0, { ack: { when: 'handled' } }))
    const given = endOf(a.forwardMessage('b', 'hung', 0, { ack: { when: 'handled' }, timeout: 300 }))
    for (let count = 0; count < 2_000; count++) {
      await cluster.settle(a.forwardMessage('b', 'orders', count, { ack: true }))
      if (count % 100 === 0) await cluster.pass(20)
    }
    expect(await cluster.failure(a.forwardMessage('b', 'nobody', 1, { ack: true }))).toBeInstanceOf(NoSuchServerError)
    expect([hung.end, given.end, heard.length]).toEqual(['waits', 'ERR_DEADLINE unknown', 2_000])
    expect(
      a
        .connections()
        .map(({ queuedBytes }) => queuedBytes)
        .reduce((sum, bytes) => sum + bytes, 0),
    ).toBeLessThan(2_000)
  })

  test('is refused by name where nobody takes it', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const refused = cluster.failure(a.forwardMessage('b', 'nobody', 1, { ack: true }))
    const next = a.forwardMessage('b', 'orders', 2, { ack: true })
    expect(await refused).toMatchObject({ code: 'ERR_NO_SUCH_SERVER', node: 'b' })
    await cluster.settle(next)
    expect(heard).toEqual([2])
  })

  test('survives the loss of its connection, once and in order, among others without', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders') as number[]
    const sent: Promise<void>[] = []
    for (let id = 0; id < 400; id++) {
      if (id % 7 === 0) a.castMessage('b', 'orders', id, { whenDown: 'wait' })
      else sent.push(a.forwardMessage('b', 'orders', id, { ack: true, whenDown: 'wait' }))
      if (id % 23 === 0) cluster.sever('a', 'b')
      if (id % 10 === 0) await cluster.pass(15)
    }
    await cluster.settle(Promise.all(sent))
    const acked = heard.filter(id => id % 7 !== 0)
    expect(acked).toEqual(Array.from({ length: 400 }, (_, id) => id).filter(id => id % 7 !== 0))
    expect([...heard].sort((x, y) => x - y)).toEqual(heard)
  })

  test('whose acknowledgement was lost comes again, and is not handled again', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const sent = [1, 2, 3].map(id => a.forwardMessage('b', 'orders', id, { ack: true }))
    await cluster.until(() => heard.length === 3)
    cluster.sever('a', 'b')
    await cluster.settle(Promise.all(sent))
    expect(heard).toEqual([1, 2, 3])
    expect(b.counters().duplicates).toBe(3)
  })

  test('of several chunks is sent whole again', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard: number[] = []
    b.register('blob', bytes => {
      heard.push((bytes as Uint8Array).length)
    })
    const sizes = [300_000, 10, 900_000, 20]
    const sent = sizes.map(size => a.forwardMessage('b', 'blob', new Uint8Array(size), { ack: true }))
    for (let count = 0; count < 6; count++) {
      await cluster.pass(11 * count)
      cluster.sever('a', 'b')
    }
    await cluster.settle(Promise.all(sent))
    expect(heard).toEqual(sizes)
  })

  test('waits while its peer is down, and for a partition to heal', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    cluster.split('a', 'b')
    const seen = [1, 2].map(id => endOf(a.forwardMessage('b', 'orders', id, { ack: true })))
    await cluster.until(() => !a.isConnected('b'))
    await cluster.pass(600_000)
    expect(seen.map(({ end }) => end)).toEqual(['waits', 'waits'])
    expect(await cluster.failure(a.forwardMessage('b', 'orders', 3, { ack: true }))).toMatchObject({ reason: 'down' })
    cluster.heal()
    await cluster.until(() => seen.every(({ end }) => end === 'done'))
    expect(heard).toEqual([1, 2])
  })

  test('ends when its peer goes down, where that is asked for', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    const ack = { when: 'handled', onDown: 'reject' } as const
    const seen = [1, 2].map(id => endOf(a.forwardMessage('b', 'orders', new Uint8Array(id * 1_500), { ack })))
    await cluster.pass(100)
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    await cluster.turn()
    expect(seen.map(({ end }) => end)).toEqual(['ERR_UNKNOWN_OUTCOME unknown', 'ERR_NOT_CONNECTED down'])
  })

  test('waits for a peer that is down until it was sent, and then ends when that goes down', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'told')
    b.register('orders', () => new Promise(() => {}))
    const ack = { when: 'handled', onDown: 'reject' } as const
    const options = { ack, whenDown: 'wait' } as const
    const sent = endOf(a.forwardMessage('b', 'orders', new Uint8Array(1_500), options))
    const waiting = endOf(a.forwardMessage('b', 'told', 1, options))
    await cluster.pass(100)
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    await cluster.pass(60_000)
    expect([sent.end, waiting.end, heard]).toEqual(['ERR_UNKNOWN_OUTCOME unknown', 'waits', []])
    await cluster.settle(b.stop())
    cluster.heal()
    await cluster.settle(b.start())
    await cluster.until(() => waiting.end === 'done')
    expect(heard).toEqual([1])
  })

  test.each(['restart', 'leave', 'stop'] as const)('ends, and says what is known, at a %s', async how => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    const ack = { when: 'handled' } as const
    const seen = [1, 2].map(id => endOf(a.forwardMessage('b', 'orders', new Uint8Array(id * 1_500), { ack })))
    await cluster.pass(100)
    if (how === 'stop') await cluster.settle(a.stop())
    else if (how === 'leave') await cluster.settle(b.leave())
    else {
      await cluster.settle(b.stop())
      await cluster.pass(5_000)
      expect(seen.map(({ end }) => end)).toEqual(['waits', 'waits'])
      await cluster.settle(b.start())
      await cluster.until(() => a.isConnected('b'))
    }
    await cluster.pass(10)
    const ends = {
      restart: ['ERR_UNKNOWN_OUTCOME unknown', 'ERR_NOT_CONNECTED restarted'],
      leave: ['ERR_UNKNOWN_OUTCOME unknown', 'ERR_NOT_CONNECTED left'],
      stop: ['ERR_STOPPED unknown', 'ERR_STOPPED not-sent'],
    }
    expect(seen.map(({ end }) => end)).toEqual(ends[how])
  })

  test('ends at its deadline or signal, and says whether it was sent', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 1_024 } } })
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    const controller = new AbortController()
    const ack = { when: 'handled' } as const
    const { signal } = controller
    const options = [{ timeout: 500 }, { signal }, { timeout: 500 }, { signal }]
    const seen = options.map(option => endOf(a.forwardMessage('b', 'orders', new Uint8Array(700), { ack, ...option })))
    await cluster.pass(499)
    expect(seen.map(({ end }) => end)).toEqual(['waits', 'waits', 'waits', 'waits'])
    await cluster.pass(2)
    controller.abort(new Error('enough'))
    await cluster.pass(10)
    expect(seen.map(({ end }) => end)).toEqual([
      ...['ERR_DEADLINE unknown', 'ERR_UNKNOWN_OUTCOME unknown'],
      ...['ERR_DEADLINE not-sent', 'Error: enough'],
    ])
  })

  test('that was sent tells of its signal as the cause, and of itself as a message', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    for (const node of ['b', 'a']) {
      const reason = new Error('enough')
      const controller = new AbortController()
      if (node === 'a') a.register('orders', () => new Promise(() => {}))
      const options = { ack: { when: 'handled' }, signal: controller.signal } as const
      const sent = a.forwardMessage(node, 'orders', 1, options)
      await cluster.pass(10)
      controller.abort(reason)
      expect(await cluster.failure(sent)).toMatchObject({
        ...{ code: 'ERR_UNKNOWN_OUTCOME', cause: reason, node },
        message: expect.stringContaining('the message may or may not') as string,
      })
    }
  })

  test('of a node to itself that ends before its turn is not handed over, and says so', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const heard = hear(a, 'orders')
    const controller = new AbortController()
    const sent = endOf(a.forwardMessage('a', 'orders', 1, { ack: true, signal: controller.signal }))
    controller.abort(new Error('enough'))
    const next = a.forwardMessage('a', 'orders', 2, { ack: true })
    await cluster.settle(next)
    expect([sent.end, heard]).toEqual(['Error: enough', [2]])
  })

  test.each(['b', 'a'])('to an iterator is given when it is taken, and refused when nobody does: %s', async node => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const iterator = (node === 'b' ? b : a).receive('jobs')
    const handled = { ack: { when: 'handled' } } as const
    const causal = { ack: true, causalLabel: 'x' } as const
    const options = [{ ack: true }, handled, { ack: true }, handled, causal, causal]
    const seen = options.map((option, job) => endOf(a.forwardMessage(node, 'jobs', job, option)))
    await cluster.pass(10_000)
    const ends = (): string[] => seen.map(({ end }) => end)
    expect(ends()).toEqual(options.map(() => 'waits'))
    expect((await iterator.next()).value).toMatchObject({ message: 0 })
    expect((await iterator.next()).value).toMatchObject({ message: 1 })
    await cluster.pass(10)
    expect(ends()).toEqual(['done', 'done', ...['waits', 'waits', 'waits', 'waits']])
    await iterator.return?.()
    await cluster.pass(10)
    expect(ends()).toEqual(['done', 'done', ...options.slice(2).map(() => 'ERR_NO_SUCH_SERVER')])
  })

  test.each(['b', 'a'])('whose deadline passes while it waits for its turn is not handed over: %s', async node => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const at = node === 'b' ? b : a
    const finish: (() => void)[] = []
    at.register('one', () => new Promise<void>(resolve => void finish.push(resolve)), { concurrency: 1 })
    const first = a.forwardMessage(node, 'one', 1, { ack: true })
    await cluster.pass(10)
    const late = [
      endOf(a.forwardMessage(node, 'one', 2, { ack: true, timeout: 500 })),
      endOf(a.request(node, 'one', 3, { timeout: 500 })),
    ]
    a.castMessage(node, 'one', 4, { timeout: 500 })
    await cluster.pass(1_000)
    const before = at.counters().expired
    finish[0]?.()
    await cluster.pass(10)
    await cluster.settle(first)
    expect([finish.length, at.counters().expired - before]).toEqual([1, 3])
    expect(late.map(({ end }) => end)).toEqual(['ERR_DEADLINE unknown', 'ERR_DEADLINE unknown'])
  })

  test('of a label to an iterator that nobody reads holds no other server of the label up', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.receive('jobs')
    const heard = hear(b, 'orders')
    const causal = { ack: true, causalLabel: 'x' } as const
    const job = endOf(a.forwardMessage('b', 'jobs', 1, causal))
    void a.forwardMessage('b', 'orders', 2, causal)
    await cluster.pass(100)
    expect([job.end, heard]).toEqual(['waits', [2]])
  })

  test('that was given up holds nobody up', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    using _ = b.interpose(({ kind, message }) => ({ type: kind === 'message' && message === 1 ? 'drop' : 'pass' }))
    const first = endOf(a.forwardMessage('b', 'orders', 1, { ack: true, timeout: 2_500 }))
    const second = a.forwardMessage('b', 'orders', 2, { ack: true })
    await cluster.settle(second)
    expect(first.end).toBe('ERR_DEADLINE unknown')
    expect(heard).toEqual([2])
  })
})

describe('what faults take away of messages with ack', () => {
  test.each([
    ['the message, where it leaves', 'message', 'forward', 'a'],
    ['the message, where it arrives', 'message', 'receive', 'b'],
    ['the acknowledgement, where it leaves', 'ack', 'forward', 'b'],
    ['the acknowledgement, where it arrives', 'ack', 'receive', 'a'],
  ] as const)('comes again: %s', async (_, kind, direction, at) => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const fault = (at === 'a' ? a : b).interpose(dropping(kind, direction))
    const sent = Array.from({ length: 50 }, (_, id) => a.forwardMessage('b', 'orders', id, { ack: true }))
    const seen = sent.map(endOf)
    await cluster.pass(20_000)
    expect(seen.every(({ end }) => end === 'waits')).toBe(true)
    fault[Symbol.dispose]()
    await cluster.settle(Promise.all(sent))
    expect(heard).toEqual(Array.from({ length: 50 }, (_, id) => id))
  })

  test('takes from a cast is waited for by nobody: it may not block, and an event tells of its end', async () => {
    const cluster = new Cluster({ options: { limits: { queueBytes: 5_000, blockedCalls: 100 } } })
    const [a] = await cluster.pair()
    const lost: unknown[] = []
    a.events.on('dropped', event => lost.push(event))
    using _ = a.interpose(only({ kind: 'message' }, { type: 'drop' }))
    for (let id = 0; id < 20; id++) a.castMessage('b', 'orders', new Uint8Array(1_000), { ack: true, timeout: 500 })
    const overflows = lost.length
    expect(overflows).toBeGreaterThan(10)
    expect(lost[0]).toMatchObject({ reason: 'overflow', node: 'b', server: 'orders' })
    await cluster.pass(600)
    expect(lost).toHaveLength(20)
    for (const event of lost.slice(overflows)) expect(event).toMatchObject({ reason: 'expired' })
  })

  test('is not repeated in a storm', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    let passages = 0
    b.interpose(({ kind }) => {
      if (kind !== 'message') return { type: 'pass' }
      passages++
      return { type: 'drop' }
    })
    for (let id = 0; id < 50; id++) a.castMessage('b', 'orders', id, { ack: true })
    await cluster.pass(60_000)
    expect(passages).toBeLessThan(130)
  })

  test.each(['forward', 'receive'] as const)('or hold back keeps its order: %s', async direction => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const node = direction === 'forward' ? a : b
    using _ = node.interpose(passage => {
      if (passage.kind !== 'message' || passage.direction !== direction) return { type: 'pass' }
      const id = passage.message as number
      return id % 3 === 0 ? { type: 'delay', by: 100 + id } : id % 5 === 0 ? { type: 'duplicate' } : { type: 'pass' }
    })
    const sent = Array.from({ length: 40 }, (_, id) => a.forwardMessage('b', 'orders', id, { ack: true }))
    await cluster.settle(Promise.all(sent), 600_000)
    expect(heard).toEqual(Array.from({ length: 40 }, (_, id) => id))
  })

  test('a cut takes away is sent when it is healed', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const sent = Array.from({ length: 30 }, (_, id) => a.forwardMessage('b', 'orders', id, { ack: true }))
    const ref = await cluster.settle(b.injectPartition('b', 0))
    await cluster.pass(10_000)
    expect(heard).toEqual([])
    await cluster.settle(a.resolvePartition(ref))
    await cluster.settle(Promise.all(sent))
    expect(heard).toEqual(Array.from({ length: 30 }, (_, id) => id))
  })
})

describe('what waits for acknowledgements', () => {
  test('is bounded like a queue', async () => {
    const cluster = new Cluster({
      options: { limits: { queueBytes: 20_000 }, channels: { data: { overflow: 'reject' } } },
    })
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    const options = { channel: 'data', ack: { when: 'handled' } } as const
    const seen = Array.from({ length: 40 }, () =>
      endOf(a.forwardMessage('b', 'orders', new Uint8Array(1_000), options)),
    )
    await cluster.pass(10)
    const refused = seen.filter(({ end }) => end.startsWith('ERR_OVERFLOW')).length
    expect(refused).toBeGreaterThan(20)
    expect(seen.filter(({ end }) => end === 'waits').length + refused).toBe(40)
  })

  test('is not dropped to make room for others', async () => {
    const cluster = new Cluster({
      options: { limits: { queueBytes: 20_000 }, channels: { data: { overflow: 'drop-oldest' } } },
    })
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    const options = { channel: 'data', ack: { when: 'handled' } } as const
    const seen = Array.from({ length: 40 }, () =>
      endOf(a.forwardMessage('b', 'orders', new Uint8Array(1_000), options)),
    )
    await cluster.pass(10)
    const first = seen.slice(0, 10)
    expect(first.every(({ end }) => end === 'waits')).toBe(true)
    expect(seen.slice(20).every(({ end }) => end.startsWith('ERR_OVERFLOW'))).toBe(true)
  })

  test('lets nothing be dropped for what finds no room all the same', async () => {
    const cluster = new Cluster({
      options: {
        ...{ limits: { queueBytes: 20_000, windowBytes: 16_384 }, channels: { data: { overflow: 'drop-oldest' } } },
      },
    })
    const [a, b] = await cluster.pair()
    b.register('orders', () => new Promise(() => {}))
    const channel = 'data'
    const kept = { channel, ack: { when: 'handled' } } as const
    const seen = [
      endOf(a.forwardMessage('b', 'orders', new Uint8Array(17_000), kept)),
      endOf(a.forwardMessage('b', 'orders', new Uint8Array(500), { channel })),
      endOf(a.forwardMessage('b', 'orders', new Uint8Array(5_000), { channel })),
    ]
    await cluster.pass(10)
    expect(seen.map(({ end }) => end)).toEqual(['waits', 'waits', 'ERR_OVERFLOW'])
  })

  test('goes on when there are more refusals than are remembered', async () => {
    const cluster = new Cluster({ network: { latency: 50 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'orders')
    const refused = Array.from({ length: 700 }, () => endOf(a.forwardMessage('b', 'nobody', 1, { ack: true })))
    const last = a.forwardMessage('b', 'orders', 2, { ack: true })
    await cluster.settle(last)
    expect(new Set(refused.map(({ end }) => end))).toEqual(new Set(['ERR_NO_SUCH_SERVER']))
    expect(heard).toEqual([2])
  })

  test('costs the receiver nothing when it is acknowledged', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    hear(b, 'orders')
    const before = cluster.clock.pending
    for (let count = 0; count < 2_000; count++) {
      await cluster.settle(a.forwardMessage('b', 'orders', count, { ack: true, timeout: 60_000 }))
    }
    expect(cluster.clock.pending).toBeLessThan(before + 10)
  })
})

test('a node acknowledges its own messages', async () => {
  const cluster = new Cluster()
  const a = await cluster.start('a')
  const waiting: (() => void)[] = []
  a.register('slow', () => new Promise<void>(resolve => waiting.push(resolve)))
  const seen = endOf(a.forwardMessage('a', 'slow', 1, { ack: { when: 'handled' } }))
  await cluster.settle(a.forwardMessage('a', 'slow', 1, { ack: true }))
  expect(await cluster.failure(a.forwardMessage('a', 'nobody', 1, { ack: true }))).toMatchObject({
    code: 'ERR_NO_SUCH_SERVER',
  })
  expect(seen.end).toBe('waits')
  for (const done of waiting) done()
  await cluster.turn()
  expect(seen.end).toBe('done')
})

test('a request takes no ack: its answer tells the same', async () => {
  const cluster = new Cluster()
  const [a] = await cluster.pair()
  for (const node of ['a', 'b']) {
    // @ts-expect-error the types refuse it too
    expect(await cluster.failure(a.request(node, 'orders', 1, { ack: true }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
    })
  }
})
