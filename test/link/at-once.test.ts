import { describe, expect, test } from 'vitest'
import { ReplyStatus } from '../../src/codec/codec.js'
import { EncodeError } from '../../src/core/errors.js'
import { entryOverheadBytes } from '../../src/link/limits.js'
import type { Waiting } from '../../src/link/queue.js'
import { type HubNode, World } from '../support/hubs.js'

/** A pair of which one end does not read, so that nothing more leaves the other. */
async function stalled(): Promise<{ world: World; a: HubNode; b: HubNode; goOn: () => void }> {
  const world = new World({ highWaterMark: 10_000, lowWaterMark: 1_000 })
  const [a, b] = await world.pair()
  const far = b.wire.of(b.lane(a).connection).connection
  far.pause()
  for (let id = 1; a.lane(b).outbound.batch.writable; id++) {
    a.lane(b).outbound.reply(id, ReplyStatus.bytes, new Uint8Array(1_000), () => {})
    await world.pass(0)
  }
  return { world, a, b, goOn: () => far.resume() }
}

describe('an answer that nothing stands in the way of', () => {
  test('is written as it is, whatever it is', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { outbound } = a.lane(b)
    expect(outbound.offerReply(1, { total: 7 })).toBe(true)
    expect(outbound.offerReply(2, Uint8Array.of(1, 2))).toBe(true)
    expect(outbound.offerReply(3, undefined)).toBe(true)
    await world.pass(10)
    expect(b.received.map(({ lane, payload }) => [lane, payload])).toEqual([
      ['reply 1', { total: 7 }],
      ['reply 2', Uint8Array.of(1, 2)],
      ['reply 3', undefined],
    ])
  })

  test('does not overtake those that wait', async () => {
    const { a, b, world, goOn } = await stalled()
    const { outbound } = a.lane(b)
    expect(outbound.offerReply(1_000, 'early')).toBe(false)
    // When one that waited leaves, whoever is told may have the next.
    const offered: boolean[] = []
    outbound.reply(1_001, ReplyStatus.bytes, Uint8Array.of(1), () => offered.push(outbound.offerReply(1_003, 'early')))
    outbound.reply(1_002, ReplyStatus.bytes, Uint8Array.of(2), () => {})
    goOn()
    await world.pass(100)
    expect(offered).toEqual([false])
    expect(b.received.slice(-2).map(({ lane }) => lane)).toEqual(['reply 1001', 'reply 1002'])
    expect(outbound.offerReply(1_004, 'now')).toBe(true)
  })

  test('leaves nothing behind when it cannot travel, or is too large for one frame', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { outbound } = a.lane(b)
    expect(() => outbound.offerReply(1, { text: 'a', call: () => {} })).toThrow(EncodeError)
    expect(outbound.offerReply(2, 'x'.repeat(100_000))).toBe(false)
    expect(outbound.offerReply(3, new Uint8Array(100_000))).toBe(false)
    expect(outbound.offerReply(4, 'whole')).toBe(true)
    await world.pass(10)
    expect(b.received.map(({ lane, payload }) => [lane, payload])).toEqual([['reply 4', 'whole']])
  })

  test('is not encoded twice when it is too large for one frame', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { outbound } = a.lane(b)
    let read = 0
    const value = {
      get text() {
        read++
        return 'x'.repeat(100_000)
      },
    }
    expect(outbound.offerReply(1, value)).toBe(false)
    expect(outbound.encode(value).end).toBeGreaterThan(100_000)
    expect(read).toBe(1)
  })
})

describe('a message that is to be acknowledged and need not wait', () => {
  const settler = { sent: () => {}, failed: () => {}, awaited: false }

  function entryOf(server: string): Waiting {
    return {
      ...{ server, stream: 0, body: { type: 'value', value: undefined }, extra: { ack: 'given' }, settler },
      ...{ key: undefined, order: 1, patience: 'life', sequence: 0, tracker: undefined, bytes: 0, queue: undefined },
      ...{ release: undefined, gone: false },
    }
  }

  test('counts in the budget until it is settled, and is kept under its number', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { outbound, queue, channel } = a.lane(b)
    const entry = entryOf('x')
    expect(outbound.offerKept(entry, Uint8Array.of(7), 500)).toBe(true)
    const bytes = 1 + entryOverheadBytes
    expect(channel.budget).toMatchObject({ bytes, pinned: bytes })
    expect(entry.sequence).toBe(1)
    expect(entry.tracker).toBe(channel.outboundSettings.tracker)
    expect(queue.length).toBe(0)
    await world.pass(10)
    expect(b.payloads('x')).toEqual([Uint8Array.of(7)])
    queue.settle(entry)
    expect(channel.budget).toMatchObject({ bytes: 0, pinned: 0 })
  })

  test('is kept as it was, whatever becomes of the batch or of its bytes', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { outbound } = a.lane(b)
    const value = { name: 'x'.repeat(300), list: [1, 2.5, -3] }
    const bytes = Uint8Array.of(7)
    const entries = [value, { small: true }, bytes].map(message => {
      const entry = entryOf('x')
      expect(outbound.offerKept(entry, message, 5_000)).toBe(true)
      return entry
    })
    value.name = 'changed'
    bytes[0] = 8
    await world.pass(10)
    for (let count = 0; count < 50; count++) outbound.offer('y', 0, { other: 'y'.repeat(500) }, undefined)
    outbound.again(entries)
    await world.pass(10)
    const sent = [{ name: 'x'.repeat(300), list: [1, 2.5, -3] }, { small: true }, Uint8Array.of(7)]
    expect(b.payloads('x')).toEqual([...sent, ...sent])
  })

  test('waits where there is no room for it, and takes no number', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { outbound, channel } = a.lane(b)
    expect(outbound.offerKept(entryOf('x'), { seven: 7 }, entryOverheadBytes)).toBe(false)
    expect(channel.budget).toMatchObject({ bytes: 0, pinned: 0 })
    const entry = entryOf('x')
    expect(outbound.offerKept(entry, { seven: 7 }, 500)).toBe(true)
    expect(entry.sequence).toBe(1)
    await world.pass(10)
    expect(b.payloads('x')).toEqual([{ seven: 7 }])
  })

  test('waits behind others, and where it needs chunks', async () => {
    const { a, b } = await stalled()
    expect(a.lane(b).outbound.offerKept(entryOf('x'), Uint8Array.of(7), 500)).toBe(false)
    const world = new World()
    const [c, d] = await world.pair()
    for (const large of [new Uint8Array(100_000), { large: 'x'.repeat(100_000) }]) {
      expect(c.lane(d).outbound.offerKept(entryOf('x'), large, 500_000)).toBe(false)
    }
    expect(c.lane(d).channel.budget.bytes).toBe(0)
  })
})
