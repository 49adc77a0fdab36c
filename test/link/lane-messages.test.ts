import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameKind, frameHeaderBytes } from '../../src/codec/codec.js'
import { SeededRandom } from '../../src/core/random.js'
import type { Lane } from '../../src/link/lane.js'
import { defaultLimits } from '../../src/link/limits.js'
import type { Connection } from '../../src/transport/transport.js'
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

  test('are whole, whatever their getters have sent meanwhile: that follows', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    const asks = (act: () => void): object => ({
      one: 1,
      get two() {
        act()
        return 2
      },
    })
    const control = (byte: number) => () => void lane.outbound.control(FrameKind.strategy, Uint8Array.of(byte))
    a.send(lane, 'orders', 'first')
    a.send(lane, 'orders', asks(control(5)))
    a.send(lane, 'orders', asks(lane.ping.bind(lane)))
    expect(() => a.send(lane, 'orders', [asks(control(6)), () => {}])).toThrow('a function')
    a.send(
      lane,
      'orders',
      asks(() => {
        expect(() => a.send(lane, 'orders', new Uint8Array(3))).toThrow('a getter that sends')
        expect(() => a.send(lane, 'orders', 1, 0, { extra: { ack: 'given' } })).toThrow('a getter that sends')
        lane.outbound.hold(true)
        lane.outbound.hold(false)
        lane.outbound.drain()
      }),
    )
    control(7)()
    await world.pass(10)
    const whole = { one: 1, two: 2 }
    expect(b.received.map(({ payload }) => payload)).toEqual(['first', whole, 5, whole, 6, whole, 7])
    expect(b.told('violated')).toEqual([])
  })

  test('that lose their lane to a getter leave nothing for the next connection', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    const lost = {
      one: 1,
      get two() {
        lane.lost(lane.connection as Connection, 'lost by a getter')
        return 2
      },
    }
    a.send(lane, 'orders', lost)
    const { credit, batch } = lane.outbound
    expect([lane.phase, credit, batch.writable]).toEqual(['closed', 0, true])
    await world.pass(60_000)
    expect(lane.phase).toBe('open')
    a.send(lane, 'orders', 'after')
    await world.pass(10)
    expect([b.payloads('orders').at(-1), b.told('violated')]).toEqual(['after', []])
    expect(b.lane(a).outbound.credit - lane.outbound.credit).toBeLessThan(100)
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
    const [a, b] = await world.pair({}, { limits: { windowBytes: mebi } })
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
      a.lane(b).outbound.grant(count * (size + 200), 0)
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

  test('has no more under way than the window, however much the connection takes', async () => {
    const world = new World({ latency: 50 })
    const [a, b] = await world.pair({}, { limits: { windowBytes: 256 * kibi } })
    const { sent } = a.wire.of(a.lane(b).connection)
    const from = sent.length
    a.send(a.lane(b), 'large', large)
    // Less than the way there and back.
    await world.pass(90)
    const bytes = sent.slice(from).reduce((sum, batch) => sum + batch.length, 0)
    expect(bytes).toBeGreaterThan(256 * kibi)
    expect(bytes).toBeLessThan((256 + 32) * kibi)
    await world.pass(8_000)
    expect(Buffer.compare(b.payloads('large')[0] as Uint8Array, large)).toBe(0)
  })

  test('that has begun arrives, whatever the handlers keep, and so do large replies', async () => {
    const world = new World({ latency: 5 })
    const [a, b] = await world.pair({}, { limits: { windowBytes: 64 * kibi } })
    b.pending = new Hold().pending
    a.send(a.lane(b), 'small', 1)
    a.send(a.lane(b), 'large', large)
    for (let count = 0; count < 3; count++) a.lane(b).outbound.reply(count, 1, large.subarray(0, mebi), () => {})
    await world.pass(5_000)
    expect(b.received.map(({ server }) => server)).toEqual(['small', 'large', 'reply', 'reply', 'reply'])
  })

  test('has the whole window on each connection, whatever was under way on those that were lost', async () => {
    const world = new World({ latency: 50 })
    const [a, b] = await world.pair({}, { limits: { windowBytes: 128 * kibi } })
    a.send(a.lane(b), 'large', large.slice(0, mebi))
    for (let count = 0; count < 3; count++) {
      await world.pass(70)
      a.lane(b).connection?.destroy()
      await world.pass(3_000)
    }
    await world.pass(3_000)
    expect(b.payloads('large').length).toBe(1)
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
    expect(lane.outbound.credit).toBe(defaultLimits.windowBytes)
    a.send(lane, 'whole', large.slice(0, 200_000))
    await world.pass(1_000)
    expect(Buffer.compare(b.payloads('whole')[0] as Uint8Array, large.slice(0, 200_000))).toBe(0)
    expect([a.told('violated'), b.told('violated')]).toEqual([[], []])
  })

  test('of whatever size about that of two chunks arrives whole', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const sizes = Array.from({ length: 40 }, (_, index) => 131_040 + index)
    for (const size of sizes) a.send(a.lane(b), 'x', large.slice(0, size))
    await world.pass(1_000)
    expect(b.payloads('x').map(payload => (payload as Uint8Array).length)).toEqual(sizes)
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

  test('is not cut into by those after it, with credit to spare and a connection that is full at times', async () => {
    const world = new World({ latency: 2, highWaterMark: 300_000, lowWaterMark: 100_000 })
    const [a, b] = await world.pair({}, { limits: { windowBytes: 32 * mebi } })
    a.send(a.lane(b), 'large', large)
    for (let count = 0; count < 50; count++) a.send(a.lane(b), 'small', count)
    await world.pass(5_000)
    expect(b.received.map(({ server }) => server)).toEqual(['large', ...new Array<string>(50).fill('small')])
    expect(Buffer.compare(b.payloads('large')[0] as Uint8Array, large)).toBe(0)
    expect([b.told('violated'), b.told('duplicate')]).toEqual([[], []])
  })

  test.each([5_000, 100_000])(
    'that the peer does not take is refused, at once or in its turn (%i bytes)',
    async bytes => {
      const world = new World()
      const [a, b] = await world.pair({}, { limits: { messageBytes: 4_000, windowBytes: 20_000 } })
      const failures: unknown[] = []
      const settler = { sent: () => {}, failed: (error: Error) => failures.push(error) }
      const hold = new Hold()
      b.pending = hold.pending
      expect(() => a.send(a.lane(b), 'x', 'x'.repeat(bytes), 0, { settler })).toThrow(/limits.messageBytes is 4000/)
      for (let count = 0; count < 10; count++) a.send(a.lane(b), 'work', new Uint8Array(3_000))
      a.send(a.lane(b), 'x', new Uint8Array(bytes), 0, { settler })
      a.send(a.lane(b), 'x', 'x'.repeat(bytes), 0, { settler })
      expect(a.lane(b).queue.length).toBeGreaterThan(2)
      b.pending = undefined
      hold.release()
      await world.pass(100)
      expect(failures).toEqual(new Array(2).fill(expect.objectContaining({ code: 'ERR_ENCODE' })))
      expect([b.payloads('x'), b.payloads('work').length, b.told('violated')]).toEqual([[], 10, []])
    },
  )

  test('that is half sent gives its place to no newer one of its key', async () => {
    const world = new World({ latency: 5 })
    const [a, b] = await world.pair()
    const { queue } = a.lane(b)
    a.send(a.lane(b), 'large', large, 0, { key: 'k' })
    await world.clock.runAsync({ maxSteps: 3 })
    expect([queue.length, queue.waitingFor('k')]).toEqual([1, undefined])
    await world.pass(5_000)
    expect([queue.length, b.payloads('large').length]).toEqual([0, 1])
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

test('control frames and replies that a connection did not take end with it', async () => {
  const world = new World({ highWaterMark: 10_000, lowWaterMark: 1_000 })
  const [a, b] = await world.pair()
  const lane = a.lane(b)
  b.wire.of(b.lane(a).connection).connection.pause()
  let replied = 0
  for (let count = 0; count < 60; count++) {
    lane.outbound.control(FrameKind.strategy, Uint8Array.of(0x59, 0x03, 0xe8, ...new Uint8Array(1_000)))
    lane.outbound.reply(count, 1, new Uint8Array(1_000), () => void replied++)
    await world.pass(0)
  }
  expect(replied).toBeLessThan(60)
  b.received.length = 0
  lane.connection?.destroy()
  await world.pass(0)
  expect(replied).toBe(60)
  await world.pass(2_000)
  a.send(lane, 'x', 1)
  await world.pass(10)
  expect(b.received).toEqual([{ lane: 'a default/0', server: 'x', payload: 1 }])
})

test('replies wait up to their bound, and what left makes room again', async () => {
  const world = new World({ highWaterMark: 10_000, lowWaterMark: 1_000 })
  const [a, b] = await world.pair({ limits: { replyBytes: 50_000 } })
  const far = b.wire.of(b.lane(a).connection).connection
  for (let round = 0; round < 5; round++) {
    far.pause()
    let taken = 0
    while (taken < 200 && a.lane(b).outbound.reply(taken, 1, new Uint8Array(1_000), () => {})) {
      taken++
      await world.pass(0)
    }
    expect(taken).toBeGreaterThan(50)
    expect(taken).toBeLessThan(100)
    b.received.length = 0
    far.resume()
    await world.pass(100)
    expect(b.received.length).toBe(taken)
  }
})

test('who waits for a message is told when it has left', async () => {
  const world = new World()
  const [a, b] = await world.pair({}, { limits: { windowBytes: 10_000 } })
  const hold = new Hold()
  b.pending = hold.pending
  const sent: number[] = []
  for (let count = 0; count < 20; count++) {
    const settler = { sent: () => void sent.push(count), failed: () => {} }
    a.send(a.lane(b), 'x', new Uint8Array(1_000), 0, { settler })
  }
  expect(sent.length).toBe(0)
  b.pending = undefined
  hold.release()
  await world.pass(100)
  expect(sent.length).toBe(b.payloads('x').length - 10)
})

test('a message whose time is over when it leaves says that none is left', async () => {
  const world = new World()
  const [a, b] = await world.pair()
  const left: unknown[] = []
  b.message = (_lane, _server, _payload, extra) => void left.push(extra?.budget)
  for (const late of [-250, 0.5, 5]) a.send(a.lane(b), 'x', 1, 0, { extra: { expires: world.clock.now() + late } })
  await world.pass(10)
  expect(left).toEqual([0, 1, 5])
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
      expect(lane.outbound.credit).toBe(defaultLimits.windowBytes)
    }),
    { numRuns: 50 },
  )
})

test('what cannot be encoded, or is too large, uses up no number', async () => {
  const world = new World()
  const [a, b] = await world.pair({}, { limits: { messageBytes: 4_000 } })
  const { sent } = a.wire.of(a.lane(b).connection)
  const from = sent.length
  for (let count = 1; count <= 5; count++) {
    expect(() => a.send(a.lane(b), 'x', () => {})).toThrow(/cannot be sent/)
    expect(() => a.send(a.lane(b), 'x', 'x'.repeat(5_000))).toThrow(/limits.messageBytes/)
    a.send(a.lane(b), 'x', count)
    await world.pass(10)
  }
  // Flags, stream, number.
  const numbers = sent
    .slice(from)
    .flatMap(batch => (batch[0] === FrameKind.message ? [batch[frameHeaderBytes + 2]] : []))
  expect(numbers).toEqual([1, 2, 3, 4, 5])
})
