import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { ChannelOptions, PeerServiceManager } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

/** A server whose answers wait until they are let go. */
class Slow {
  readonly asked: unknown[] = []
  readonly #answers: (() => void)[] = []

  constructor(node: PeerServiceManager, name = 'slow') {
    node.register(name, question => {
      this.asked.push(question)
      return new Promise(resolve => void this.#answers.push(() => resolve(question)))
    })
  }

  answer(): void {
    for (const answer of this.#answers.splice(0)) answer()
  }
}

describe('requests', () => {
  test('wait for answers up to limits.requests for each peer, and those that ended do not count', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'], { limits: { requests: 3 } })
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh has nodes')
    const slow = new Slow(b)
    const other = new Slow(c)
    // What could not even be sent has ended.
    for (let count = 0; count < 5; count++) {
      expect(await cluster.failure(a.request('b', 'slow', 0, { channel: 'none' }))).toMatchObject({
        code: 'ERR_UNKNOWN_CHANNEL',
      })
    }
    for (let round = 0; round < 3; round++) {
      const asked = [1, 2, 3].map(question => a.request('b', 'slow', question))
      expect(await cluster.failure(a.request('b', 'slow', 4))).toMatchObject({ code: 'ERR_OVERFLOW' })
      const elsewhere = a.request('c', 'slow', 5)
      await cluster.pass(10)
      slow.answer()
      other.answer()
      expect(await cluster.settle(Promise.all([...asked, elsewhere]))).toEqual([1, 2, 3, 5])
    }
  })

  test('that a lost connection ends are not told of a cut that was healed before', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    new Slow(b)
    const ref = await cluster.settle(a.injectPartition('a', 1))
    await cluster.pass(100)
    await cluster.settle(a.resolvePartition(ref))
    await cluster.until(() => a.isConnected('b'))
    const asked = cluster.failure(a.request('b', 'slow', 1))
    await cluster.pass(10)
    cluster.sever('a', 'b')
    expect(await asked).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME', message: expect.stringContaining('was lost') })
  })

  test('end with the connection that they left on, and with no other', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({ channels: { data: { parallelism: 2 } } })
    const slow = new Slow(b)
    const outcomes = [10, 11, 12, 13, 14, 15, 16, 17].map(partitionKey =>
      a
        .request('b', 'slow', partitionKey, { channel: 'data', partitionKey })
        .catch((error: { code: string }) => error.code),
    )
    await cluster.pass(10)
    // One after another is lost, until it is one of the two lanes of the channel.
    let lost = 0
    for (const outcome of outcomes) void outcome.then(end => void (end === 'ERR_UNKNOWN_OUTCOME' && lost++))
    for (const end of cluster.ends('a', 'b').slice(1)) {
      if (lost > 0) break
      end.destroy()
      await cluster.turn()
    }
    slow.answer()
    const ends = await cluster.settle(Promise.all(outcomes))
    expect(ends.filter((end, index) => end === 10 + index).length).toBe(8 - lost)
    expect([lost > 0, lost < 8]).toEqual([true, true])
  })

  test('to one peer do not end when another goes down', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh has nodes')
    const slow = new Slow(b)
    const asked = a.request('b', 'slow', 1)
    await cluster.pass(10)
    await cluster.settle(c.stop())
    await cluster.until(() => !a.isConnected('c'))
    slow.answer()
    expect(await cluster.settle(asked)).toBe(1)
  })

  test('that may wait for a peer do so when it goes down before they have left', async () => {
    const cluster = new Cluster({ network: { highWaterMark: 1_000, lowWaterMark: 500 } })
    const [a, b] = await cluster.pair()
    b.register('echo', (question: number) => question)
    cluster.stall('b', 'a')
    a.castMessage('b', 'filler', new Uint8Array(2_000))
    await cluster.turn()
    const refused = cluster.failure(a.request('b', 'echo', 1))
    const asked = a.request('b', 'echo', 2, { whenDown: 'wait' })
    await cluster.turn()
    cluster.sever('a', 'b')
    expect(await refused).toMatchObject({ code: 'ERR_NOT_CONNECTED' })
    expect(await cluster.settle(asked)).toBe(2)
  })

  test('on a monotonic channel do not take the place of each other', async () => {
    const cluster = new Cluster({ network: { highWaterMark: 1_000, lowWaterMark: 500 } })
    const [a, b] = await cluster.pair({ channels: { default: { monotonic: true } } })
    b.register('echo', (question: number) => question)
    const { resume } = cluster.stall('b', 'a')
    a.castMessage('b', 'filler', new Uint8Array(2_000))
    await cluster.turn()
    const asked = [1, 2, 3].map(question => a.request('b', 'echo', question))
    await cluster.turn()
    resume()
    expect(await cluster.settle(Promise.all(asked))).toEqual([1, 2, 3])
  })
})

describe('a signal', () => {
  test('is let go by messages that waited and left, and by requests that were answered', async () => {
    const cluster = new Cluster({ network: { highWaterMark: 1_000, lowWaterMark: 500 } })
    const [a, b] = await cluster.pair()
    b.register('echo', (question: number) => question)
    const { resume } = cluster.stall('b', 'a')
    a.castMessage('b', 'filler', new Uint8Array(2_000))
    await cluster.turn()
    const { signal } = new AbortController()
    const calls = [1, 2, 3].flatMap(message => [
      a.forwardMessage('b', 'echo', message, { signal }),
      a.request('b', 'echo', message, { signal }),
    ])
    await cluster.turn()
    expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0)
    resume()
    await cluster.settle(Promise.all(calls))
    expect(getEventListeners(signal, 'abort').length).toBe(0)
  })
})

describe('a server', () => {
  test('handles messages in the order of their arrival, however long each takes to be checked', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const handled: unknown[] = []
    const checks: (() => void)[] = []
    const validate = (value: unknown): Promise<{ value: unknown }> =>
      new Promise(resolve => void checks.push(() => resolve({ value })))
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
    b.register('x', message => void handled.push(message), { schema })
    for (const message of [1, 2, 3]) a.castMessage('b', 'x', message)
    await cluster.until(() => checks.length === 3)
    for (const check of checks.reverse()) {
      check()
      await cluster.turn()
    }
    expect(handled).toEqual([1, 2, 3])
  })

  test('that is an iterator gives credit back for what is taken as it comes', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 4_000 } } })
    const [a, b] = await cluster.pair()
    const taken: unknown[] = []
    const messages = b.receive('x')
    const taking = (async (): Promise<void> => {
      for await (const { message } of messages) {
        taken.push((message as Uint8Array).length)
        if (taken.length === 50) return
      }
    })()
    for (let count = 0; count < 50; count++) {
      a.castMessage('b', 'x', new Uint8Array(1_000))
      await cluster.pass(1)
    }
    await cluster.settle(taking)
    expect(taken.length).toBe(50)
  })
})

describe('messages of a node to itself', () => {
  const channels: Record<string, ChannelOptions> = {}

  test('count until they are handled, and not afterwards', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { limits: { queueBytes: 10_000 }, channels })
    let handled = 0
    a.register('quick', () => void handled++)
    for (let count = 0; count < 100; count++) {
      await cluster.settle(a.forwardMessage('a', 'quick', 'x'.repeat(1_000)))
      await cluster.turn()
    }
    expect(handled).toBe(100)
    const slow = new Slow(a)
    const forwards = Array.from({ length: 20 }, () => a.forwardMessage('a', 'slow', 'x'.repeat(1_000)))
    const ends = await Promise.allSettled(forwards)
    await cluster.turn()
    const kept = ends.filter(({ status }) => status === 'fulfilled').length
    expect([kept > 3, kept < 10, slow.asked.length]).toEqual([true, true, kept])
    expect(await cluster.failure(a.forwardMessage('a', 'slow', 'x'.repeat(1_000)))).toMatchObject({
      code: 'ERR_OVERFLOW',
    })
    slow.answer()
    await cluster.turn()
    await cluster.settle(a.forwardMessage('a', 'slow', 'x'.repeat(1_000)))
  })

  test('that are requests end when the node stops', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const slow = new Slow(a)
    const asked = cluster.failure(a.request('a', 'slow', 1))
    await cluster.turn()
    await cluster.settle(a.stop())
    expect(await asked).toMatchObject({ code: 'ERR_STOPPED', outcome: 'unknown' })
    expect(slow.asked).toEqual([1])
  })

  test('whose answer is large is answered as it was, whatever its handler does with the bytes afterwards', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const bytes = new Uint8Array(300_000)
    b.register('fill', (value: number) => bytes.fill(value))
    const answers = [1, 2, 3].map(value => a.request('b', 'fill', value) as Promise<Uint8Array>)
    for (const [index, answer] of (await cluster.settle(Promise.all(answers))).entries()) {
      expect(answer.every(byte => byte === index + 1)).toBe(true)
    }
  })
})
