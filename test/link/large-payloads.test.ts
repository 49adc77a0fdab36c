import { describe, expect, test } from 'vitest'
import { copied, largeBuffers } from '../../src/codec/large-buffers.js'
import { bytesFor, payloadOf } from '../../src/codec/value-bytes.js'
import type { Lane } from '../../src/link/lane.js'
import { type HubNode, World } from '../support/hubs.js'

const sizes = [70_000, 300_000, 500_000] as const
const count = 60

/** A message of its own: bytes, or a text. */
function made(index: number): Uint8Array | string {
  const size = sizes[index % sizes.length] as number
  const code = 97 + (index % 26)
  return index % 2 === 0 ? new Uint8Array(size).fill(code) : String.fromCharCode(code).repeat(size)
}

function isSame(one: unknown, other: Uint8Array | string): boolean {
  return typeof other === 'string' ? one === other : Buffer.compare(one as Uint8Array, other) === 0
}

/** Casts messages on two lanes at once: what is cast is a copy, and its caller uses the bytes for something else. */
async function castAll(world: World, a: HubNode, b: HubNode, each: (index: number) => void = () => {}): Promise<void> {
  const lanes = [a.lane(b, 'default', 0), a.lane(b, 'default', 1)]
  for (let index = 0; index < count; index++) {
    const message = made(index)
    const own = message instanceof Uint8Array ? { body: bytesFor(message, false) } : {}
    a.send(lanes[index % 2] as Lane, `${index}`, message, index % 2, own)
    if (message instanceof Uint8Array) message.fill(0)
    if (index % 7 === 6) await world.pass(20)
    each(index)
  }
  await world.pass(20_000)
}

describe('the buffers of large messages serve again', () => {
  test('and every message arrives as it was', async () => {
    const world = new World({ latency: 2 })
    const [a, b] = await world.pair()
    await castAll(world, a, b)
    for (let index = 0; index < count; index++) {
      const [payload, ...more] = b.payloads(`${index}`)
      expect(isSame(payload, made(index)), `message ${index}`).toBe(true)
      expect(more).toEqual([])
    }
  })

  test('and what was not lost with a connection arrives as it was', async () => {
    const world = new World({ latency: 2 })
    const [a, b] = await world.pair()
    await castAll(world, a, b, index => {
      if (index === 30) for (const lane of a.link(b).lanes()) lane.connection?.destroy()
    })
    const arrived = Array.from({ length: count }, (_, index) => index).filter(
      index => b.payloads(`${index}`).length > 0,
    )
    expect(arrived.length).toBeGreaterThan(count / 2)
    for (const index of arrived) expect(isSame(b.payloads(`${index}`)[0], made(index)), `message ${index}`).toBe(true)
  })

  test('but not those of callers, nor of what is to be acknowledged', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const bytes = new Uint8Array(524_288).fill(7)
    const acked = payloadOf(copied(new Uint8Array(524_288).fill(8)), 'copy')
    a.send(a.lane(b), 'bytes', bytes)
    a.send(a.lane(b, 'default', 1), 'acked', acked.bytes, 1, { body: acked, extra: { ack: 'given' } })
    await world.pass(1_000)
    expect([b.payloads('bytes').length, b.payloads('acked').length]).toEqual([1, 1])
    for (let times = 0; times < 8; times++) largeBuffers.allocate(524_288).fill(0)
    expect(bytes.every(byte => byte === 7)).toBe(true)
    expect(acked.bytes.every(byte => byte === 8)).toBe(true)
  })
})
