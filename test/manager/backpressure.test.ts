import { describe, expect, test } from 'vitest'
import {
  DeadlineError,
  NotConnectedError,
  type Overflow,
  OverflowError,
  type PeerServiceManager,
  SupersededError,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

const network = { highWaterMark: 1_000, lowWaterMark: 500 }
const limits = { queueBytes: 10_000, blockedCalls: 5 }

type Outcome = 'sent' | 'waits' | Error

/** How each call stands. */
function watch(calls: readonly Promise<unknown>[]): Outcome[] {
  const outcomes: Outcome[] = calls.map(() => 'waits')
  for (const [index, call] of calls.entries()) {
    call.then(
      () => (outcomes[index] = 'sent'),
      (error: Error) => (outcomes[index] = error),
    )
  }
  return outcomes
}

/** A pair whose connection from `a` to `b` is full. */
async function jammed(
  overflow: Overflow,
): Promise<{ cluster: Cluster; a: PeerServiceManager; b: PeerServiceManager; heard: unknown[]; resume: () => void }> {
  const cluster = new Cluster({ network })
  const [a, b] = await cluster.pair({ limits, channels: { default: { overflow } } })
  const heard: unknown[] = []
  b.register('x', (message: unknown) => void heard.push(typeof message === 'object' ? message : Number(message)))
  b.register('filler', () => {})
  const { resume } = cluster.stall('b', 'a')
  a.castMessage('b', 'filler', new Uint8Array(5_000))
  await cluster.turn()
  return { cluster, a, b, heard, resume }
}

const padded = (id: number): string => String(id).padEnd(1_000)

describe('a full queue', () => {
  test('that blocks lets some calls wait for room, and rejects more; all that waited is sent, in order', async () => {
    const { cluster, a, heard, resume } = await jammed('block')
    const outcomes = watch(Array.from({ length: 20 }, (_, id) => a.forwardMessage('b', 'x', padded(id))))
    await cluster.turn()
    const rejected = outcomes.filter(outcome => outcome instanceof OverflowError)
    expect(outcomes.filter(outcome => outcome === 'waits')).toHaveLength(20 - rejected.length)
    expect(rejected.length).toBeGreaterThan(5)
    expect(rejected[0]).toMatchObject({ code: 'ERR_OVERFLOW', node: 'b', channel: 'default' })
    expect(a.counters().overflowed).toBe(rejected.length)
    const info = a.connections().find(({ channel }) => channel === 'default')
    expect(info?.queuedMessages).toBe(20 - rejected.length)
    expect(info?.queuedBytes).toBeLessThanOrEqual(limits.queueBytes)
    resume()
    await cluster.until(() => heard.length === 20 - rejected.length)
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, id) => id))
    expect(outcomes.filter(outcome => outcome === 'sent')).toHaveLength(heard.length)
  })

  test('that blocks drops a cast, which cannot wait, and tells of it', async () => {
    const { cluster, a, heard, resume } = await jammed('block')
    const dropped = record(a, 'dropped')
    for (let id = 0; id < 20; id++) a.castMessage('b', 'x', padded(id))
    expect(dropped.length).toBeGreaterThan(5)
    expect(dropped[0]).toEqual([
      'dropped',
      { reason: 'overflow', node: 'b', direction: 'forward', channel: 'default', server: 'x' },
    ])
    expect(a.counters().overflowed).toBe(dropped.length)
    resume()
    await cluster.until(() => heard.length === 20 - dropped.length)
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, id) => id))
  })

  test('that rejects does so at once', async () => {
    const { cluster, a } = await jammed('reject')
    const outcomes = watch(Array.from({ length: 20 }, (_, id) => a.forwardMessage('b', 'x', padded(id))))
    await cluster.turn()
    const waiting = outcomes.filter(outcome => outcome === 'waits').length
    expect(outcomes.slice(waiting).every(outcome => outcome instanceof OverflowError)).toBe(true)
    expect(waiting).toBeLessThan(10)
    expect(a.counters().overflowed).toBe(20 - waiting)
  })

  test('that drops the newest keeps the oldest, and tells of each', async () => {
    const { cluster, a, heard, resume } = await jammed('drop-newest')
    const dropped = record(a, 'dropped')
    for (let id = 0; id < 20; id++) a.castMessage('b', 'x', padded(id))
    expect(dropped.length).toBeGreaterThan(10)
    expect(a.counters().overflowed).toBe(dropped.length)
    resume()
    await cluster.until(() => heard.length === 20 - dropped.length)
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, id) => id))
  })

  test('that drops the oldest keeps the newest, and tells of each', async () => {
    const { cluster, a, heard, resume } = await jammed('drop-oldest')
    const dropped = record(a, 'dropped')
    for (let id = 0; id < 20; id++) a.castMessage('b', 'x', padded(id))
    const outcomes = watch([a.forwardMessage('b', 'x', padded(20))])
    for (let id = 21; id < 40; id++) a.castMessage('b', 'x', padded(id))
    await cluster.turn()
    expect(outcomes[0]).toBeInstanceOf(OverflowError)
    expect(dropped.length).toBeGreaterThan(25)
    expect(a.counters().overflowed).toBe(dropped.length + 1)
    resume()
    await cluster.until(() => heard.at(-1) === 39)
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, index) => 40 - heard.length + index))
  })

  test('takes one message larger than itself when nothing else waits', async () => {
    const { cluster, a, heard, resume } = await jammed('reject')
    const sent = a.forwardMessage('b', 'x', { large: 'x'.repeat(50_000) })
    const outcomes = watch([a.forwardMessage('b', 'x', 1)])
    await cluster.turn()
    expect(outcomes[0]).toBeInstanceOf(OverflowError)
    resume()
    await cluster.settle(sent)
    await cluster.until(() => heard.length === 1)
  })

  test('gives the room of a message back that ends while it waits', async () => {
    const { cluster, a, heard, resume } = await jammed('reject')
    const dropped = record(a, 'dropped')
    const controller = new AbortController()
    const { signal } = controller
    const timed = watch([1, 2].map(id => a.forwardMessage('b', 'x', padded(id), { timeout: 100 })))
    const signalled = watch([4, 5].map(id => a.forwardMessage('b', 'x', padded(id), { signal })))
    a.castMessage('b', 'x', padded(7), { timeout: 100 })
    await cluster.pass(200)
    controller.abort(new Error('enough'))
    await cluster.turn()
    expect(timed.every(outcome => outcome instanceof DeadlineError && outcome.outcome === 'not-sent')).toBe(true)
    expect(signalled).toMatchObject([4, 5].map(() => ({ message: 'enough' })))
    expect(a.counters().expired).toBe(3)
    expect(dropped).toEqual([
      ['dropped', { reason: 'expired', node: 'b', direction: 'forward', channel: 'default', server: 'x' }],
    ])
    expect(a.connections().find(({ channel }) => channel === 'default')?.queuedBytes).toBe(0)
    const sent = a.forwardMessage('b', 'x', 8)
    resume()
    await cluster.settle(sent)
    await cluster.until(() => heard.length === 1)
    expect(heard).toEqual([8])
  })
})

describe('a slow server', () => {
  test('is felt by its sender, and by nobody else', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({ limits: { windowBytes: 20_000 } })
    const c = await cluster.start('c')
    await cluster.settle(c.syncJoin(a.spec))
    await cluster.until(() => c.isFullyConnected('b') && b.isFullyConnected('c'))
    const finish: (() => void)[] = []
    b.register('slow', () => new Promise<void>(resolve => finish.push(resolve)))
    const outcomes = watch(Array.from({ length: 100 }, () => a.forwardMessage('b', 'slow', new Uint8Array(1_000))))
    await cluster.pass(100)
    const before = outcomes.filter(outcome => outcome === 'sent').length
    expect(before).toBeLessThan(30)
    expect(finish).toHaveLength(before)
    await cluster.settle(c.forwardMessage('b', 'slow', 1), 10)
    for (const one of finish.splice(0)) one()
    await cluster.pass(2_000)
    expect(outcomes.filter(outcome => outcome === 'sent').length).toBeGreaterThan(before + 10)
  })

  test('read by an iterator holds its sender up until its messages are taken', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({ limits: { windowBytes: 20_000 } })
    const taken = b.receive('slow')
    const outcomes = watch(Array.from({ length: 100 }, () => a.forwardMessage('b', 'slow', new Uint8Array(1_000))))
    await cluster.pass(100)
    const before = outcomes.filter(outcome => outcome === 'sent').length
    expect(before).toBeLessThan(30)
    for (let count = 0; count < 100; count++) await cluster.settle(taken.next(), 5_000)
    expect(outcomes.every(outcome => outcome === 'sent')).toBe(true)
  })
})

describe('replies to a peer that does not read', () => {
  test('are bounded by limits.replyBytes: further ones become small errors', async () => {
    const network = { highWaterMark: 2_000, lowWaterMark: 1_000 }
    const cluster = new Cluster({ network, options: { limits: { replyBytes: 20_000 } } })
    const [a, b] = await cluster.pair()
    b.register('large', () => 'x'.repeat(5_000))
    const stalled = cluster.stall('a', 'b')
    const asked = Array.from({ length: 50 }, (_, index) =>
      a.request('b', 'large', index).then(
        () => 'answered',
        (error: { remoteCode: string }) => error.remoteCode,
      ),
    )
    await cluster.until(() => b.counters().overflowed > 0)
    stalled.resume()
    const ends = await cluster.settle(Promise.all(asked))
    expect(ends.filter(end => end === 'ERR_OVERFLOW').length).toBe(b.counters().overflowed)
    expect(ends.filter(end => end === 'answered').length).toBe(50 - b.counters().overflowed)
    // One batch that the connection took, and replyBytes.
    expect(ends.filter(end => end === 'answered').length).toBeLessThan(15)
  })
})

describe('a monotonic channel', () => {
  async function behindAFullConnection(monotonic: boolean | ((message: unknown) => string | number)) {
    const cluster = new Cluster({ network })
    const [a, b] = await cluster.pair({ channels: { state: { monotonic } } })
    const heard: unknown[] = []
    for (const server of ['x', 'y'])
      b.register(server, (message: { id: number }) => void heard.push([server, message.id]))
    b.register('filler', () => {})
    const { resume } = cluster.stall('b', 'a')
    a.castMessage('b', 'filler', new Uint8Array(5_000), { channel: 'state' })
    await cluster.turn()
    let encoded = 0
    const value = (id: number, key = '', reads = (): void => void encoded++): object => ({
      key,
      get id() {
        reads()
        return id
      },
    })
    return { cluster, a, heard, resume, value, encoded: () => encoded }
  }

  const options = { channel: 'state' }

  test('keeps to its bytes when newer messages are larger than those they take the place of', async () => {
    const cluster = new Cluster({ options: { limits: { queueBytes: 262_144 } } })
    const monotonic = (message: { readonly key: number }): number => message.key
    const [a, b] = await cluster.pair({ channels: { state: { monotonic, overflow: 'reject' } } })
    b.register('sink', () => new Promise(() => {}))
    const dropped = record(a, 'dropped')
    const send = (key: number, text: string): void => a.castMessage('b', 'sink', { key, text }, { channel: 'state' })
    for (let filled = 0; filled < 20; filled++) send(0, 'x'.repeat(60_000))
    for (let key = 1; key <= 25; key++) send(key, 'small')
    await cluster.turn()
    for (let key = 1; key <= 25; key++) send(key, 'x'.repeat(100_000))
    const waiting = a.connections().find(({ channel }) => channel === 'state')
    expect(waiting?.queuedBytes).toBeGreaterThan(0)
    expect(waiting?.queuedBytes).toBeLessThanOrEqual(262_144)
    expect(dropped.some(([, drop]) => (drop as { reason: string }).reason === 'overflow')).toBe(true)
  })

  test('keeps the newest of each server; the others were never encoded, and their promises say so', async () => {
    const { cluster, a, heard, resume, value, encoded } = await behindAFullConnection(true)
    const dropped = record(a, 'dropped')
    const calls = Array.from({ length: 50 }, (_, id) => a.forwardMessage('b', 'x', value(id), options))
    const outcomes = watch(calls)
    a.castMessage('b', 'y', value(100), options)
    a.castMessage('b', 'y', value(101), options)
    await cluster.turn()
    // To look at their size the waiting values are read; none of them is encoded.
    const looked = encoded()
    expect(outcomes.slice(0, 49).every(outcome => outcome instanceof SupersededError)).toBe(true)
    expect(outcomes[49]).toBe('waits')
    expect(a.counters().superseded).toBe(50)
    expect(dropped).toEqual([
      ['dropped', { reason: 'superseded', node: 'b', direction: 'forward', channel: 'state', server: 'y' }],
    ])
    resume()
    await cluster.until(() => heard.length === 2)
    expect(heard).toEqual([
      ['x', 49],
      ['y', 101],
    ])
    expect(encoded() - looked).toBe(2)
  })

  test('keeps the newest of each key that its function gives', async () => {
    const { cluster, a, heard, resume, value } = await behindAFullConnection(
      message => (message as { key: string }).key,
    )
    for (let id = 0; id < 30; id++) a.castMessage('b', 'x', value(id, `k${id % 3}`), options)
    resume()
    await cluster.until(() => heard.length === 3)
    expect(heard).toEqual([27, 28, 29].map(id => ['x', id]))
    expect(a.counters().superseded).toBe(27)
  })

  test('keeps only the newest of messages that carry a clock or a timeout too', async () => {
    const { cluster, a, heard, resume, value } = await behindAFullConnection(true)
    for (let id = 0; id < 30; id++) a.castMessage('b', 'x', value(id), { ...options, clock: id, timeout: 5_000 })
    resume()
    await cluster.until(() => heard.length > 0)
    await cluster.pass(10_000)
    expect(heard).toEqual([['x', 29]])
    expect(a.counters()).toMatchObject({ superseded: 29, expired: 0 })
  })

  test('tells of a cast that could not be encoded when its turn came', async () => {
    const { cluster, a, resume } = await behindAFullConnection(true)
    const dropped = record(a, 'dropped')
    a.castMessage('b', 'x', { fn: () => {} }, options)
    resume()
    await cluster.until(() => dropped.length === 1)
    expect(dropped).toMatchObject([['dropped', { reason: 'encode', channel: 'state', server: 'x' }]])
  })

  test('sends every message while the connection takes them', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({ channels: { state: { monotonic: true } } })
    const heard: unknown[] = []
    b.register('x', (message: unknown) => void heard.push(message))
    for (let id = 0; id < 30; id++) a.castMessage('b', 'x', id, options)
    await cluster.turn()
    expect(heard).toHaveLength(30)
  })
})

describe('a peer that is down', () => {
  test('is refused what is new and what waits, except what may wait for it', async () => {
    const cluster = new Cluster({ network })
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    const hear = (): void => void b.register('x', (message: unknown) => void heard.push(message))
    hear()
    cluster.stall('b', 'a')
    a.castMessage('b', 'filler', new Uint8Array(5_000))
    await cluster.turn()
    const dropped = record(a, 'dropped')
    const outcomes = watch([
      a.forwardMessage('b', 'x', 1),
      a.forwardMessage('b', 'x', 2, { whenDown: 'wait' }),
      a.request('b', 'x', 3),
    ])
    a.castMessage('b', 'x', 4)
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    expect(outcomes[0]).toBeInstanceOf(NotConnectedError)
    expect(outcomes[0]).toMatchObject({ reason: 'down' })
    expect(outcomes[1]).toBe('waits')
    expect(outcomes[2]).toBeInstanceOf(NotConnectedError)
    expect(dropped).toEqual([
      ['dropped', { reason: 'down', node: 'b', direction: 'forward', channel: 'default', server: 'x' }],
    ])
    expect(await cluster.failure(a.forwardMessage('b', 'x', 5), 0)).toMatchObject({ reason: 'down' })
    const late = a.forwardMessage('b', 'x', 6, { whenDown: 'wait' })
    const timed = cluster.failure(a.forwardMessage('b', 'x', 7, { whenDown: 'wait', timeout: 1_000 }))
    expect(await timed).toBeInstanceOf(DeadlineError)
    cluster.heal()
    await cluster.settle(late)
    await cluster.until(() => heard.length === 2)
    expect(heard).toEqual([2, 6])
    expect(a.counters().undelivered).toBe(3)
  })

  test('that leaves is waited for by nothing', async () => {
    const cluster = new Cluster({ network })
    const [a, b] = await cluster.pair()
    cluster.stall('b', 'a')
    a.castMessage('b', 'filler', new Uint8Array(5_000))
    await cluster.turn()
    const dropped = record(a, 'dropped')
    const outcomes = watch([a.forwardMessage('b', 'x', 1, { whenDown: 'wait' })])
    a.castMessage('b', 'x', 2, { whenDown: 'wait' })
    await cluster.settle(b.leave())
    await cluster.pass(1_000)
    expect(outcomes[0]).toMatchObject({ code: 'ERR_NOT_CONNECTED', reason: 'left' })
    expect(dropped).toMatchObject([['dropped', { reason: 'left', channel: 'default', server: 'x' }]])
  })
})
