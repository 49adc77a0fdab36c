import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameKind, frameHeaderBytes, MessageFlag } from '../../src/codec/codec.js'
import { encodeClose } from '../../src/codec/handshake-frames.js'
import type { HubNode } from '../support/hubs.js'
import { World } from '../support/hubs.js'

function frame(kind: number, ...body: number[]): Uint8Array {
  return Uint8Array.of(kind, body.length >>> 16, (body.length >>> 8) & 0xff, body.length & 0xff, ...body)
}

/** A message to server `x`, which gets number 1, with the payload 0. */
function message(stream: number, sequence: number, flags = 0, payload: readonly number[] = [0]): Uint8Array {
  return frame(FrameKind.message, flags, stream, sequence, 0, 1, 1, 0x78, ...payload)
}

/** The first chunk of a frame of three bytes. */
const begun = frame(FrameKind.chunk, 1, 3, FrameKind.message)

/** Two nodes, and what makes bytes arrive at b as if a had sent them on the first lane of `default`. */
async function setUp(
  limits = {},
): Promise<{ world: World; a: HubNode; b: HubNode; arrives(...batches: Uint8Array[]): Promise<void> }> {
  const world = new World()
  const [a, b] = await world.pair({}, { limits })
  return {
    ...{ world, a, b },
    arrives: async (...batches) => {
      const { handler } = b.wire.of(b.lane(a).connection)
      for (const batch of batches) handler.received(new Uint8Array(batch))
      await world.pass(20)
    },
  }
}

test('a handler that takes a batch away does not do so in silence: the lane is closed, and opens again', async () => {
  const { world, a, b } = await setUp()
  const batch = new Uint8Array(Buffer.concat([message(0, 1), message(0, 2)]))
  const { handler } = b.wire.of(b.lane(a).connection)
  b.pending = () => {
    structuredClone(batch, { transfer: [batch.buffer] })
    return Promise.resolve()
  }
  handler.received(batch)
  const said = 'a handler took away what came with its message'
  expect([b.received.length, b.told('emptied'), b.told('close a')]).toEqual([
    1,
    ['emptied a default/0'],
    [`close a default/0: ${said}`],
  ])
  b.pending = undefined
  await world.pass(60_000)
  expect([b.lane(a).phase, a.lane(b).phase, b.told('violated')]).toEqual(['open', 'open', []])
})

/** Batches that an honest node sent, with every kind of frame in them. */
async function recorded(): Promise<Uint8Array[]> {
  const world = new World()
  const [a, b] = await world.pair()
  const lane = a.lane(b)
  const { sent } = a.wire.of(lane.connection)
  const from = sent.length
  for (const value of [1, 'text', { a: [1, 2, { b: new Map([[1, 2n]]) }] }, new Uint8Array(40)]) {
    a.send(lane, 'orders', value)
    a.send(lane, `server ${typeof value}`, value, 0, {
      extra: { request: 7, expires: 9_000, clock: Uint8Array.of(1) },
    })
  }
  a.send(lane, '', 5, 0, { extra: { manager: true } })
  lane.outbound.control(FrameKind.strategy, Uint8Array.of(0x81, 0x05))
  lane.outbound.control(FrameKind.fault, Uint8Array.of(0xf6))
  lane.outbound.reply(3, 0, Uint8Array.of(1), () => {})
  lane.outbound.reply(4, 1, Uint8Array.of(1, 2), () => {})
  lane.ping()
  await world.pass(10)
  a.send(lane, 'large', 'x'.repeat(70_000))
  await world.pass(10)
  return sent.slice(from)
}

describe('a batch of a peer', () => {
  test('may hold any frames, and frames of a later kind with the ignorable bit', async () => {
    const { arrives, b } = await setUp()
    await arrives(Buffer.concat([message(0, 1), frame(0x80 | 0x31, 1, 2, 3), message(0, 2)]))
    expect(b.payloads('x')).toEqual([0, 0])
    expect(b.told('violated')).toEqual([])
  })

  const long = new Array<number>(300).fill(0x78)
  test.each<[string, Uint8Array]>([
    ['a header that is cut off', Uint8Array.of(FrameKind.message, 0, 0)],
    ['a frame that is cut off', message(0, 1).subarray(0, 8)],
    ['a length beyond the batch', Uint8Array.of(FrameKind.message, 0xff, 0xff, 0xff, 0, 0)],
    ['a kind that nobody announced', frame(0x31)],
    ['kind zero', frame(0)],
    ['a handshake frame', frame(FrameKind.hello, 1, 2, 3)],
    ['ready a second time', frame(FrameKind.ready)],
    ['an empty message', frame(FrameKind.message)],
    ['a flag that nobody announced', message(0, 1, MessageFlag.unused)],
    ['a stream that the peer has not', message(2, 1)],
    ['a stream beyond all', frame(FrameKind.message, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0, 1, 0x78, 0)],
    ['a number beyond 2^53', frame(FrameKind.message, 0, 0, ...new Array<number>(9).fill(0xff), 1)],
    ['no payload', message(0, 1, 0, [])],
    ['two payloads', message(0, 1, 0, [0, 0])],
    ['a payload that is no value', message(0, 1, 0, [0xff])],
    ['a payload that claims what cannot be', message(0, 1, 0, [0x9b, 0, 0, 0, 1, 0, 0, 0, 0])],
    ['a payload that nests too deep', message(0, 1, 0, new Array<number>(5_000).fill(0x81))],
    ['a stream of another lane', message(1, 1)],
    ['a chunk of nothing that began', frame(FrameKind.chunk, 0, 1)],
    ['a chunk of an unknown kind', frame(FrameKind.chunk, 3, 1)],
    ['a chunk that begins within another frame', Buffer.concat([begun, begun])],
    ['a chunk that is more than was announced', Buffer.concat([begun, frame(FrameKind.chunk, 0, 1, 1, 1)])],
    ['a server number that was never given', frame(FrameKind.message, 0, 0, 1, 9, 0)],
    ['a server number above all', frame(FrameKind.message, 0, 0, 1, 0, 0x81, 0x08, 1, 0x78, 0)],
    ['a server name that is cut off', frame(FrameKind.message, 0, 0, 1, 0, 1, 9, 0x78)],
    ['a server name that is too long', frame(FrameKind.message, 0, 0, 1, 0, 1, 0xac, 0x02, ...long, 0)],
    ['a server name that is no UTF-8', frame(FrameKind.message, 0, 0, 1, 0, 1, 1, 0xff, 0)],
    ['a clock that is cut off', message(0, 1, MessageFlag.clock, [9, 0])],
    ['a clock that is no value', message(0, 1, MessageFlag.clock, [1, 0xff, 0])],
    ['a request without a number', message(0, 1, MessageFlag.request, [])],
    ['a reply without a status', frame(FrameKind.reply, 1)],
    ['a reply of an unknown status', frame(FrameKind.reply, 1, 9, 0)],
    ['a credit without a number', frame(FrameKind.credit)],
    ['a ping without a number', frame(FrameKind.ping)],
    ['a pong that is cut off', frame(FrameKind.pong, 0x80)],
    ['a strategy message that is no value', frame(FrameKind.strategy, 0xff)],
    ['an empty fault', frame(FrameKind.fault)],
    ['a release that neither asks nor refuses', frame(FrameKind.release, 2)],
    ['a close that cannot be read', frame(FrameKind.close, 1)],
    ['an empty chunk', frame(FrameKind.chunk)],
    ['chunks of what is never chunked', frame(FrameKind.chunk, 1, 2, FrameKind.ping, 1)],
    ['chunks of nothing', frame(FrameKind.chunk, 1, 0)],
    ['a chunk without its total', frame(FrameKind.chunk, 1)],
    ['chunks of chunks', frame(FrameKind.chunk, 1, 4, FrameKind.chunk, 1, FrameKind.ping, 1)],
  ])('with %s closes its lane, and no other', async (_name, batch) => {
    const { arrives, a, b, world } = await setUp()
    await arrives(batch)
    expect(b.told('violated').length).toBe(1)
    expect(b.told('violated')[0]).toMatch(/^violated a default\/0 malformed: ./)
    expect(a.told('closed-by-peer')).toEqual(['closed-by-peer b default/0 malformed'])
    expect([b.told('down'), b.told('close ').length]).toEqual([[], 1])
    expect(b.received).toEqual([])
    // The lane comes back, and nothing of the broken batch follows.
    await world.pass(3_000)
    // The broken message may have used up the first number.
    for (let count = 0; count < 2; count++) a.send(a.lane(b), 'after', count)
    await world.pass(20)
    expect(b.received.at(-1)).toEqual({ lane: 'a default/0', server: 'after', payload: 1 })
  })

  test('is not read beyond what broke it', async () => {
    const { arrives, b } = await setUp()
    await arrives(Buffer.concat([message(0, 1), frame(0x31), message(0, 2)]), message(0, 3))
    expect(b.payloads('x').length).toBe(1)
    expect(b.told('violated').length).toBe(1)
  })

  test('with a number that was seen is counted and dropped', async () => {
    const { arrives, b } = await setUp()
    await arrives(message(0, 5), message(0, 5), message(0, 4), message(0, 6))
    expect(b.payloads('x').length).toBe(2)
    expect(b.told('duplicate').length).toBe(2)
    expect(b.told('violated')).toEqual([])
  })

  test('of chunks that come to nothing costs no memory for ever', async () => {
    const { arrives, b } = await setUp({ messageBytes: 100_000 })
    // 165,537 bytes: one more than it takes, with a head of at most 65,536.
    await arrives(frame(FrameKind.chunk, 1, 0xa1, 0x8d, 0x0a, 7))
    expect(b.told('violated')).toEqual([
      'violated a default/0 malformed: chunks of a message larger than this node takes',
    ])
  })

  test('of chunks without bytes is refused: they would pile up', async () => {
    const { arrives, b } = await setUp()
    await arrives(begun, frame(FrameKind.chunk, 0))
    expect(b.told('violated').length).toBe(1)
  })

  test('that closes the lane ends it in order, and is told', async () => {
    const { arrives, b } = await setUp()
    await arrives(Buffer.concat([message(0, 1), encodeClose(14, 'stopping'), message(0, 2)]))
    expect(b.payloads('x').length).toBe(1)
    expect(b.told('closed-by-peer')).toEqual(['closed-by-peer a default/0 stopping'])
    expect(b.told('close ')).toEqual(['close a default/0: stopping'])
  })

  test('never makes the node throw, whatever was changed, cut off or put together in it', async () => {
    const batches = await recorded()
    const whole = Buffer.concat(batches.filter(({ length }) => length < 10_000))
    const { world, a, b } = await setUp()
    const before = Object.getOwnPropertyNames(Object.prototype).length
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    const hostile = fc.record({
      changes: fc.array(change, { maxLength: 6 }),
      from: fc.nat(),
      length: fc.option(fc.nat()),
    })
    await fc.assert(
      fc.asyncProperty(hostile, async ({ changes, from, length }) => {
        if (b.lane(a).phase !== 'open') await world.pass(1_500)
        const batch = new Uint8Array(whole)
        for (const [at, byte] of changes) batch[at % batch.length] = byte
        const start = changes.length === 0 ? from % batch.length : 0
        const { handler } = b.wire.of(b.lane(a).connection)
        handler.received(batch.slice(start, start + (length ?? batch.length)))
        await world.pass(1)
        expect(b.link(a).state.phase).toBe('up')
      }),
      { numRuns: 1_000 },
    )
    expect(Object.getOwnPropertyNames(Object.prototype).length).toBe(before)
    expect(b.told('down')).toEqual([])
    expect(b.lane(a, 'default', 1).phase).toBe('open')
  })

  test('that is cut off anywhere closes the lane, or ends at the end of a frame', async () => {
    const [first] = await recorded()
    const batch = new Uint8Array(first ?? [])
    const ends = new Set<number>()
    for (let at = 0; at < batch.length; ) {
      ends.add(at)
      at += frameHeaderBytes + Buffer.from(batch).readUIntBE(at + 1, 3)
    }
    const { world, a, b } = await setUp()
    for (let length = 1; length < batch.length; length++) {
      if (b.lane(a).phase !== 'open') await world.pass(1_500)
      const before = b.told('violated').length
      b.wire.of(b.lane(a).connection).handler.received(batch.slice(0, length))
      expect(b.told('violated').length - before, `${length} bytes`).toBe(ends.has(length) ? 0 : 1)
    }
  })
})

describe('an acceptor', () => {
  test('takes nothing but ready from a dialler before it is ready', async () => {
    for (const early of [
      message(0, 1),
      frame(FrameKind.strategy, 1),
      frame(FrameKind.ping, 1),
      frame(FrameKind.reply, 1, 0, 0),
    ]) {
      const world = new World({ latency: 10 })
      const [a, b] = [await world.node('a'), await world.node('b')]
      a.want(b)
      await world.clock.runAsync({ until: () => b.hub.links.size > 0 && b.lane(a, 'membership').phase === 'opening' })
      const lane = b.lane(a, 'membership')
      b.wire.of(lane.connection).handler.received(early)
      expect(b.told('violated').length).toBe(1)
      expect([lane.phase, b.received, b.told('up')]).toEqual(['closed', [], []])
    }
  })

  test('obeys no refusal of a dialler: anybody may dial', async () => {
    for (const code of [5, 10, 6]) {
      const world = new World()
      const b = await world.node('b')
      const raw = world.network.transport('stranger')
      const handler = { received: () => {}, drained: () => {}, closed: () => {} }
      const dialling = raw.dial({ url: 'memory://b:1' }, handler, new AbortController().signal)
      await world.pass(10)
      ;(await dialling).send(encodeClose(code as 5, 'you are stale', 2 ** 50))
      await world.pass(10)
      const told = b.log.filter(line => !/^refused (stranger|memory)/.test(line))
      // A node that nobody has met may take a later incarnation, on anybody's word: that is for it to judge.
      expect(told).toEqual(code === 5 ? [`heard of later ${2 ** 50}`] : [])
    }
  })
})

describe('control frames', () => {
  test('that a peer does not read pile up to a bound, then the lane is closed', async () => {
    const world = new World({ highWaterMark: 10_000, lowWaterMark: 1_000 })
    const [a, b] = await world.pair({ limits: { controlBytes: 100_000 } })
    const lane = a.lane(b)
    b.wire.of(b.lane(a).connection).connection.pause()
    const body = new Uint8Array(1_000)
    for (let count = 0; count < 90; count++) {
      lane.outbound.control(FrameKind.strategy, Uint8Array.of(0x59, 0x03, 0xe5, ...body.subarray(3)))
      await world.pass(0)
    }
    expect(lane.phase).toBe('open')
    for (let count = 0; count < 40; count++) lane.outbound.control(FrameKind.strategy, body)
    expect(lane.phase).toBe('closed')
    expect(a.told('close')).toEqual(['close b default/0: the peer does not read: too many control frames wait'])
    expect(a.told('down')).toEqual([])
  })

  test('that answer a peer which does not read are bounded too', async () => {
    const world = new World({ highWaterMark: 10_000, lowWaterMark: 1_000 })
    const [a, b] = await world.pair({}, { limits: { controlBytes: 100_000 } })
    a.wire.of(a.lane(b).connection).connection.pause()
    const { handler } = b.wire.of(b.lane(a).connection)
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(FrameKind.ping, 1)))
    for (let count = 0; count < 60; count++) {
      handler.received(new Uint8Array(pings))
      await world.pass(0)
    }
    expect(b.told('close')).toEqual(['close a default/0: the peer does not read: too many control frames wait'])
  })

  test('never make a batch larger than the peer takes', async () => {
    const world = new World({ highWaterMark: 10_000, lowWaterMark: 1_000 })
    const frameBytes = 131_072
    const [a, b] = await world.pair({}, { limits: { frameBytes } })
    const lane = a.lane(b)
    const tap = a.wire.of(lane.connection)
    const far = b.wire.of(b.lane(a).connection).connection
    const body = (bytes: number): Uint8Array =>
      Uint8Array.of(0x5a, 0, bytes >>> 16, (bytes >>> 8) & 0xff, bytes & 0xff, ...new Uint8Array(bytes))
    for (const size of [100, 30_000, 65_000, 100_000]) {
      far.pause()
      for (let count = 0; count < 12; count++) lane.outbound.control(FrameKind.strategy, body(size))
      await world.pass(10)
      for (let count = 0; count < 12; count++) lane.outbound.control(FrameKind.strategy, body(size))
      a.send(lane, 'x', new Uint8Array(60_000))
      far.resume()
      await world.pass(1_000)
    }
    expect(Math.max(...tap.sent.map(({ length }) => length))).toBeLessThanOrEqual(frameBytes)
    expect(b.payloads('strategy').length).toBe(4 * 24)
    expect(b.payloads('x').length).toBe(4)
  })
})
