import { describe, expect, test } from 'vitest'
import { FrameKind } from '../../src/codec/codec.js'
import { Inbound, type InboundHandler } from '../../src/link/inbound.js'
import { creditOverheadBytes, defaultLimits } from '../../src/link/limits.js'
import { bufferBytes } from '../support/memory.js'

/** Takes messages, and handles none of them until it is told. */
class Slow implements InboundHandler {
  readonly pending: (() => void)[] = []
  readonly violations: string[] = []
  readonly payloads: unknown[] = []
  emptyings = 0

  message(_server: string, payload: unknown): Promise<void> {
    this.payloads.push(payload)
    return new Promise(resolve => this.pending.push(resolve))
  }
  violated(rule: string): void {
    this.violations.push(rule)
  }
  reply(): void {}
  acknowledged(): void {}
  causalQuery(): void {}
  causalFloor(): void {}
  peerReady(): void {}
  peerMoved(): void {}
  credited(): void {}
  pinged(): void {}
  ponged(): void {}
  strategy(): void {}
  fault(): void {}
  released(): void {}
  peerClosed(): void {}
  duplicate(): void {}
  emptied(): void {
    this.emptyings++
  }
  announce(): void {}
}

function inbound(handler: InboundHandler): Inbound {
  const settings = {
    valueLimits: { depth: 64, items: 1_000 },
    windowBytes: defaultLimits.windowBytes,
    messageBytes: defaultLimits.messageBytes,
    lastSeen: new Float64Array(1),
    lanes: 1,
  }
  return new Inbound(settings, handler, 0, true)
}

function frame(kind: number, body: Uint8Array): Uint8Array {
  const { length } = body
  return Buffer.concat([Uint8Array.of(kind, length >>> 16, (length >>> 8) & 0xff, length & 0xff), body])
}

/** A message to server `x` with bytes for its payload. */
function message(sequence: number, payload: Uint8Array): Uint8Array {
  const number = [(sequence & 0x7f) | 0x80, ((sequence >>> 7) & 0x7f) | 0x80, sequence >>> 14]
  return frame(FrameKind.message, Buffer.concat([Uint8Array.of(1, 0, ...number, 0, 0, 1, 0x78), payload]))
}

describe('credit', () => {
  test('is all that a peer may use: tiny messages beyond it are a violation, to the message', () => {
    const handler = new Slow()
    const lane = inbound(handler)
    const cost = message(1, new Uint8Array(0)).length - 4 + creditOverheadBytes
    const granted = Math.ceil(defaultLimits.windowBytes / cost)
    for (let sequence = 1; sequence <= granted; sequence++) lane.received(message(sequence, new Uint8Array(0)))
    expect(handler.violations).toEqual([])
    expect(handler.payloads.length).toBe(granted)
    lane.received(message(granted + 1, new Uint8Array(0)))
    expect(handler.violations).toEqual(['credit'])
    expect(handler.payloads.length).toBe(granted)
  })

  test('that is used to the last byte is used up', () => {
    const handler = new Slow()
    const lane = inbound(handler)
    const overhead = message(1, new Uint8Array(0)).length - 4 + creditOverheadBytes
    const count = defaultLimits.windowBytes / 1_024
    for (let sequence = 1; sequence <= count; sequence++) {
      lane.received(message(sequence, new Uint8Array(1_024 - overhead)))
    }
    expect(handler.violations).toEqual([])
    lane.received(message(count + 1, new Uint8Array(0)))
    expect(handler.violations).toEqual(['credit'])
  })

  test('is not used up by what was seen before', () => {
    const handler = new Slow()
    const lane = inbound(handler)
    for (let count = 0; count < 60_000; count++) lane.received(message(1, new Uint8Array(10)))
    expect([handler.payloads.length, handler.violations]).toEqual([1, []])
  })

  test('may be overdrawn by the last message, however large, and comes back when it is handled', async () => {
    const handler = new Slow()
    const lane = inbound(handler)
    lane.received(message(1, new Uint8Array(10)))
    lane.received(message(2, new Uint8Array(8_000_000)))
    expect(handler.violations).toEqual([])
    for (const handled of handler.pending.splice(0)) handled()
    await Promise.resolve()
    await Promise.resolve()
    lane.received(message(3, new Uint8Array(10)))
    expect(handler.violations).toEqual([])
    expect(handler.payloads.length).toBe(3)
  })
})

describe('chunks', () => {
  test('do not keep alive what they came with', () => {
    const handler = new Slow()
    const lane = inbound(handler)
    // Of a frame of 10,000,000 bytes.
    lane.received(frame(FrameKind.chunk, Uint8Array.of(1, 0x80, 0xad, 0xe2, 0x04, FrameKind.message)))
    const part = new Uint8Array(16_385)
    const stowaway = frame(0xff, new Uint8Array(1_000_000))
    const before = bufferBytes()
    for (let count = 0; count < 200; count++) {
      lane.received(new Uint8Array(Buffer.concat([stowaway, frame(FrameKind.chunk, part)])))
    }
    expect(handler.violations).toEqual([])
    // 200 batches are 200 MB; their chunks are 3 MB.
    expect(bufferBytes() - before).toBeLessThan(20_000_000)
  })
})

describe('a batch whose bytes a handler takes away', () => {
  const three = (): Uint8Array => new Uint8Array(Buffer.concat([1, 2, 3].map(n => message(n, new Uint8Array(10)))))
  const received = (batch: Uint8Array, taken: number): Slow => {
    const handler = new Slow()
    handler.message = (_server, payload) => {
      handler.payloads.push(payload)
      if (handler.payloads.length === taken) structuredClone(batch, { transfer: [batch.buffer as ArrayBuffer] })
      return Promise.resolve()
    }
    inbound(handler).received(batch)
    return handler
  }

  test('is never taken to have ended: what is lost is told of', () => {
    const { payloads, emptyings, violations } = received(three(), 2)
    expect([payloads.length, emptyings, violations]).toEqual([2, 1, []])
  })

  test('was read to its end where nothing came after', () => {
    const { payloads, emptyings, violations } = received(three(), 3)
    expect([payloads.length, emptyings, violations]).toEqual([3, 0, []])
  })

  test('has nothing to take of a message that is a view of it', () => {
    const handler = new Slow()
    const batch = new Uint8Array(Buffer.concat([1, 2].map(n => message(n, new Uint8Array(2_000).fill(n)))))
    handler.message = (_server, payload) => {
      const bytes = payload as Uint8Array
      expect(bytes.buffer).toBe(batch.buffer)
      try {
        structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
      } catch {
        // It may be told that this cannot be.
      }
      handler.payloads.push(bytes[0])
      return Promise.resolve()
    }
    inbound(handler).received(batch)
    expect(handler.payloads).toEqual([1, 2])
  })
})
