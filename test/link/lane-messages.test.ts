import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameKind, frameHeaderBytes } from '../../src/codec/codec.js'
import { SeededRandom } from '../../src/core/random.js'
import type { Lane } from '../../src/link/lane.js'
import { type HubNode, World } from '../support/hubs.js'

const kibi = 1_024
const mebi = 1_048_576

/** A handler that keeps all credit, until it is told to let go. */
class Hold {
  readonly #waiting: (() => void)[] = []

  readonly pending = (): Promise<void> => new Promise(resolve => void this.#waiting.push(resolve))

  release(count = this.#waiting.length): void {
    for (const settle of this.#waiting.splice(0, count)) settle()
  }
}

function frames(batches: readonly Uint8Array[]): { readonly kind: number; readonly bytes: number }[] {
  return batches.flatMap(batch => {
    const found: { kind: number; bytes: number }[] = []
    for (let at = 0; at < batch.length; ) {
      const bytes = Buffer.from(batch).readUIntBE(at + 1, 3)
      found.push({ kind: batch[at] ?? 0, bytes })
      at += frameHeaderBytes + bytes
    }
    return found
  })
}

describe('messages of one stream', () => {
  test('arrive in order, once each, whether they leave at once or wait', async () => {
    const world = new World({ highWaterMark: 4_096, lowWaterMark: 1_024 })
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    for (let index = 0; index < 2_000; index++) {
      a.send(lane, 'orders', index % 7 === 0 ? { index, text: 'x'.repeat(index) } : { index })
      if (index % 100 === 0) await world.pass(1)
    }
    await world.pass(2_000)
    expect(b.payloads('orders').map(order => (order as { index: number }).index)).toEqual(
      Array.from({ length: 2_000 }, (_, index) => index),
    )
    expect(b.told('duplicate')).toEqual([])
  })

  test('keep their order across the loss of their lane: what is lost is lost, what waits follows', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new SeededRandom(seed)
      const world = new World({ latency: 7, highWaterMark: 2_048, lowWaterMark: 512 })
      const [a, b] = await world.pair()
      for (let index = 0; index < 300; index++) {
        for (const stream of [0, 1]) a.send(a.lane(b, 'default', stream), `s${stream}`, index, stream)
        const chance = random.next()
        if (chance < 0.04) a.lane(b, 'default', Math.floor(random.next() * 2)).connection?.destroy()
        else if (chance < 0.06) b.wire.drop()
        else if (chance < 0.5) await world.pass(Math.floor(random.next() * 40))
      }
      await world.pass(10_000)
      for (const stream of [0, 1]) a.send(a.lane(b, 'default', stream), `s${stream}`, 300, stream)
      await world.pass(100)
      for (const stream of [0, 1]) {
        const seen = b.payloads(`s${stream}`) as number[]
        expect(seen, `seed ${seed}`).toEqual([...new Set(seen)].sort((one, other) => one - other))
        expect(seen.at(-1), `seed ${seed}`).toBe(300)
        expect(seen.length).toBeGreaterThan(100)
      }
      expect(a.told('violated').concat(b.told('violated'))).toEqual([])
    }
  })

  test('of two lanes do not wait for each other', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const hold = new Hold()
    b.pending = hold.pending
    for (let count = 0; count < 300; count++) a.send(a.lane(b, 'default', 0), 'slow', new Uint8Array(10_000))
    await world.pass(100)
    expect(a.lane(b, 'default', 0).queue.length).toBeGreaterThan(100)
    b.pending = undefined
    a.send(a.lane(b, 'default', 1), 'fast', 1)
    await world.pass(10)
    expect(b.payloads('fast')).toEqual([1])
  })

  test('leave a batch that is lost with its connection behind, and the batch of the next begins empty', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    a.send(lane, 'lost', 1)
    lane.connection?.destroy()
    await world.pass(2_000)
    a.send(a.lane(b), 'found', 2)
    await world.pass(10)
    expect([b.payloads('lost'), b.payloads('found')]).toEqual([[], [2]])
  })
})

describe('credit', () => {
  const windowBytes = 64 * kibi
  const size = 4 * kibi

  async function stalled(): Promise<{
    world: World
    a: HubNode
    b: HubNode
    lane: Lane
    hold: Hold
    sent: () => number
  }> {
    const world = new World()
    const [a, b] = await world.pair({}, { limits: { windowBytes, messageBytes: mebi } })
    const hold = new Hold()
    b.pending = hold.pending
    const lane = a.lane(b)
    for (let count = 0; count < 100; count++) a.send(lane, 'work', new Uint8Array(size))
    await world.pass(3_000)
    return { world, a, b, lane, hold, sent: () => b.payloads('work').length }
  }

  test('stops a sender whose messages are not handled, within the window and one message', async () => {
    const { sent, lane } = await stalled()
    expect(sent() * size).toBeGreaterThanOrEqual(windowBytes - size)
    expect(sent() * size).toBeLessThanOrEqual(windowBytes + size)
    expect(lane.queue.length).toBe(100 - sent())
  })

  test('returns when they are, until all have come', async () => {
    const { world, sent, lane, hold, b } = await stalled()
    const before = sent()
    hold.release(before / 2)
    await world.pass(100)
    expect(sent()).toBeGreaterThan(before)
    expect(sent()).toBeLessThanOrEqual(before * 2)
    b.pending = undefined
    hold.release()
    await world.pass(100)
    expect([sent(), lane.queue.length]).toEqual([100, 0])
    await world.pass(1_000)
    expect(lane.outbound.credit).toBe(windowBytes)
  })

  test('returns for a promise that rejects, too', async () => {
    const world = new World()
    const [a, b] = await world.pair({}, { limits: { windowBytes } })
    b.pending = () => Promise.reject(new Error('the handler failed'))
    for (let count = 0; count < 100; count++) a.send(a.lane(b), 'work', new Uint8Array(size))
    await world.pass(2_000)
    expect(b.payloads('work').length).toBe(100)
    expect(a.lane(b).outbound.credit).toBe(windowBytes)
  })

  test('is not needed by control frames: they pass while messages are stalled', async () => {
    const { world, a, b, lane, sent } = await stalled()
    const before = sent()
    lane.outbound.control(FrameKind.strategy, Uint8Array.of(0x18, 0x2a))
    lane.outbound.control(FrameKind.fault, Uint8Array.of(0x01))
    await world.pass(10)
    expect([b.payloads('strategy'), b.payloads('fault')]).toEqual([[42], [1]])
    expect(sent()).toBe(before)
    // So do heartbeats: nobody is taken for silent.
    await world.pass(30_000)
    expect([a.told('close'), b.told('close')]).toEqual([[], []])
  })

  test('is not needed by replies', async () => {
    const { world, a, b, lane } = await stalled()
    lane.outbound.reply(7, 0, Uint8Array.of(0x05), () => {})
    await world.pass(10)
    expect(b.received.at(-1)).toEqual({ lane: 'reply 7', server: 'reply', payload: 5 })
    expect(a.told('violated')).toEqual([])
  })

  test('is whole again after any mixture of messages was handled, large ones too', async () => {
    const world = new World()
    const [a, b] = await world.pair({}, { limits: { windowBytes } })
    const random = new SeededRandom(5)
    for (let count = 0; count < 60; count++) {
      a.send(a.lane(b), `server-${count % 9}`, new Uint8Array(Math.floor(random.next() * 200_000)))
      await world.pass(random.next() * 5)
    }
    await world.pass(5_000)
    expect(b.received.length).toBe(60)
    expect(a.lane(b).outbound.credit).toBe(windowBytes)
  })

  test('that is overrun closes the lane', async () => {
    const world = new World()
    const [a, b] = await world.pair({}, { limits: { windowBytes, messageBytes: 64 * kibi } })
    b.pending = new Hold().pending
    // A sender that does not count: it takes every message for handled.
    for (let count = 0; count < 100; count++) {
      a.lane(b).outbound.grant(count * (size + 200))
      a.send(a.lane(b), 'work', new Uint8Array(size))
    }
    await world.pass(100)
    expect(b.told('violated')).toEqual(['violated a default/0 credit: more messages than credit was granted for'])
    expect(b.payloads('work').length * size).toBeLessThanOrEqual(windowBytes + 2 * 64 * kibi)
    expect(a.told('closed-by-peer')).toEqual(['closed-by-peer b default/0 credit'])
    // Nobody else is disturbed, and the lane comes back.
    expect(b.told('down')).toEqual([])
    await world.pass(3_000)
    expect(a.lane(b).phase).toBe('open')
  })

  test('lets the largest message overdraw it without being taken for a violation', async () => {
    const world = new World()
    const messageBytes = 20_000
    const [a, b] = await world.pair({}, { limits: { windowBytes: 2_000, messageBytes } })
    const hold = new Hold()
    b.pending = hold.pending
    const lane = a.lane(b)
    // One byte of credit is left; the last message is as large as a message may be.
    const head = 'x'.length + 6
    a.send(lane, 'x', new Uint8Array(2_000 - 64 - head - 1))
    expect(lane.outbound.credit).toBeGreaterThan(0)
    expect(lane.outbound.credit).toBeLessThan(10)
    a.send(lane, 'x', new Uint8Array(messageBytes))
    await world.pass(100)
    expect(b.told('violated')).toEqual([])
    expect(b.payloads('x').length).toBe(2)
  })
})

describe('a large message', () => {
  const large = Uint8Array.from({ length: 10 * mebi }, (_, index) => index * 31)

  test('travels in chunks, and small ones of another lane arrive before it ends', async () => {
    const world = new World({ latency: 1 })
    const [a, b] = await world.pair()
    const { sent } = a.wire.of(a.lane(b, 'default', 0).connection)
    const from = sent.length
    a.send(a.lane(b, 'default', 0), 'large', large)
    for (let count = 0; count < 50; count++) {
      a.send(a.lane(b, 'default', 1), 'small', count, 1)
      await world.clock.runAsync({ maxSteps: 2 })
    }
    expect(b.payloads('large')).toEqual([])
    expect(b.payloads('small').length).toBeGreaterThan(5)
    await world.pass(3_000)
    expect(b.payloads('small').length).toBe(50)
    expect(Buffer.compare(b.payloads('large')[0] as Uint8Array, large)).toBe(0)
    const chunks = frames(sent.slice(from)).filter(({ kind }) => kind === FrameKind.chunk)
    expect(chunks.length).toBeGreaterThan(150)
    for (const { bytes } of chunks) expect(bytes).toBeLessThanOrEqual(64 * kibi + 1)
  })

  test('lets control frames pass between its chunks', async () => {
    const world = new World({ latency: 1 })
    const [a, b] = await world.pair()
    a.send(a.lane(b), 'large', large)
    a.lane(b).outbound.control(FrameKind.strategy, Uint8Array.of(0x07))
    await world.clock.runAsync({ until: () => b.received.length > 0 })
    expect(b.payloads('strategy')).toEqual([7])
  })

  test.each([65_535, 65_536, 65_537, 131_072, 131_073, 200_000])('of %i bytes arrives whole', async bytes => {
    const world = new World()
    const [a, b] = await world.pair()
    a.send(a.lane(b), 'bytes', large.slice(0, bytes))
    a.send(a.lane(b), 'text', 'x'.repeat(bytes))
    a.send(a.lane(b), 'next', 1)
    await world.pass(100)
    expect((b.payloads('bytes')[0] as Uint8Array).length).toBe(bytes)
    expect(b.payloads('text')).toEqual(['x'.repeat(bytes)])
    expect(b.received.map(({ server }) => server)).toEqual(['bytes', 'text', 'next'])
  })

  test('that is given up half-way costs no credit, and the names after it are right', async () => {
    const world = new World({ latency: 5 })
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    const entry = a.send(lane, 'given-up', large)
    if (entry === undefined) throw new Error('it travels in chunks')
    await world.clock.runAsync({ maxSteps: 3 })
    lane.queue.remove(entry)
    for (const name of ['first', 'second', 'first', 'given-up', 'second', 'given-up']) a.send(lane, name, name)
    await world.pass(3_000)
    expect(b.received.map(({ server, payload }) => [server, payload])).toEqual(
      ['first', 'second', 'first', 'given-up', 'second', 'given-up'].map(name => [name, name]),
    )
    expect(lane.outbound.credit).toBe(mebi)
    expect([a.told('violated'), b.told('violated')]).toEqual([[], []])
  })

  test('and the names after it are right when it arrives whole, too', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const names = ['a', 'large', 'b', 'large', 'c', 'a', 'b', 'c', 'large']
    for (const [index, name] of names.entries()) {
      a.send(a.lane(b), name, name === 'large' && index < 5 ? large.slice(0, 100_000) : name)
    }
    await world.pass(1_000)
    expect(b.received.map(({ server }) => server)).toEqual(names)
  })

  test('that was half sent when its connection broke is sent again, whole and once', async () => {
    const world = new World({ latency: 5 })
    const [a, b] = await world.pair()
    a.send(a.lane(b), 'large', large)
    a.send(a.lane(b), 'next', 1)
    await world.clock.runAsync({ maxSteps: 8 })
    a.lane(b).connection?.destroy()
    await world.pass(5_000)
    expect(b.received.map(({ server }) => server)).toEqual(['large', 'next'])
    expect(Buffer.compare(b.payloads('large')[0] as Uint8Array, large)).toBe(0)
  })
})

test('more server names than a connection numbers arrive all the same', async () => {
  const world = new World()
  const [a, b] = await world.pair()
  const names = Array.from({ length: 1_100 }, (_, index) => `server-${index}`)
  for (const name of [...names, ...names]) a.send(a.lane(b), name, 0)
  await world.pass(1_000)
  expect(b.received.map(({ server }) => server)).toEqual([...names, ...names])
})

test('names and numbers begin anew with each connection', async () => {
  const world = new World()
  const [a, b] = await world.pair()
  for (let round = 0; round < 3; round++) {
    for (const name of ['x', 'y', 'x']) a.send(a.lane(b), name, round)
    await world.pass(10)
    a.lane(b).connection?.destroy()
    await world.pass(2_000)
  }
  expect(b.payloads('x')).toEqual([0, 0, 1, 1, 2, 2])
  expect(b.payloads('y')).toEqual([0, 1, 2])
})

test('what cannot be encoded throws, and leaves the lane as it was', async () => {
  const world = new World()
  const [a, b] = await world.pair()
  const lane = a.lane(b)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 12 }), async fits => {
      const before = b.received.length
      for (const [index, one] of fits.entries()) {
        if (one) a.send(lane, `s${index}`, index)
        else expect(() => a.send(lane, `s${index}`, { deep: [1, () => {}] })).toThrow(/cannot be sent/)
      }
      await world.pass(600)
      const wanted = fits.flatMap((one, index) => (one ? [[`s${index}`, index]] : []))
      expect(b.received.slice(before).map(({ server, payload }) => [server, payload])).toEqual(wanted)
      expect(lane.outbound.credit).toBe(mebi)
    }),
    { numRuns: 50 },
  )
})
