import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/codec/byte-reader.js'
import { CloseCode, FrameKind, frameHeaderBytes } from '../../src/codec/codec.js'
import {
  encodeClose,
  encodeHandshake,
  type HandshakeFrame,
  handshakeBytesMax,
  nonceBytes,
  parseClose,
  parseHandshake,
  proofBytes,
  secretsMax,
  specBytesMax,
} from '../../src/codec/handshake-frames.js'

const bytes = (count: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: count }, (_, index) => index * seed + 3)
const limits = { windowBytes: 1_048_576, frameBytes: 131_072, messageBytes: Number.MAX_SAFE_INTEGER, depth: 64 }

const hello: HandshakeFrame = {
  ...{ type: 'hello', versions: { min: 1, max: 3 }, features: ['ack', 'relay'], cluster: 'production', secured: true },
  ...{ nonce: bytes(nonceBytes), name: 'alpha', incarnation: 1_790_000_000_000_123, expected: 'bêta' },
}
const challenge: HandshakeFrame = {
  ...{ type: 'challenge', version: 2, features: [], secured: false, nonce: bytes(nonceBytes, 7) },
  ...{ name: '漢字😀', incarnation: 0 },
}
const proof: HandshakeFrame = {
  ...{ type: 'proof', channel: 'default', lane: 63, generation: 0xffff_ffff, fresh: true, limits },
  ...{ spec: bytes(300), proofs: [bytes(proofBytes, 5), bytes(proofBytes, 9)] },
}
const accept: HandshakeFrame = { type: 'accept', fresh: false, limits, spec: bytes(10), proofs: [] }
const proved: HandshakeFrame = { ...accept, proofs: [bytes(proofBytes, 11)] }
const close: HandshakeFrame = {
  ...{ type: 'close', code: CloseCode.staleIncarnation, known: 1_790_000_000_000_124, text: 'a later start' },
  proofs: [bytes(proofBytes, 13)],
}
const frames = { hello, challenge, proof, accept, 'accept with a proof': proved, close }
const named = Object.entries(frames)

/** As it was written: where its proofs stand is known to the reader only. */
function read(chunk: Uint8Array): unknown {
  const frame = parseHandshake(chunk)
  if (frame === undefined) return undefined
  return Object.fromEntries(Object.entries(frame).filter(([key]) => key !== 'proofsAt'))
}

function withLength(chunk: Uint8Array): Uint8Array {
  const length = chunk.length - frameHeaderBytes
  chunk[1] = length >>> 16
  chunk[2] = (length >>> 8) & 0xff
  chunk[3] = length & 0xff
  return chunk
}

function extended(chunk: Uint8Array, extra: Uint8Array): Uint8Array {
  const longer = new Uint8Array(chunk.length + extra.length)
  longer.set(chunk)
  longer.set(extra, chunk.length)
  return withLength(longer)
}

describe('a handshake frame', () => {
  test.each(named)('%s is read as it was written', (_name, frame) => {
    expect(read(encodeHandshake(frame))).toEqual(frame)
  })

  test('is read as it was written, whatever it holds', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 20 })
    const nonce = fc.uint8Array({ minLength: nonceBytes, maxLength: nonceBytes })
    const identity = { secured: fc.boolean(), nonce, name, incarnation: fc.maxSafeNat() }
    const features = fc.array(name, { maxLength: 32 })
    const proofs = fc.array(fc.uint8Array({ minLength: proofBytes, maxLength: proofBytes }), { maxLength: secretsMax })
    const number = fc.maxSafeNat()
    const sizes = { windowBytes: number, frameBytes: number, messageBytes: number, depth: number }
    const terms = { fresh: fc.boolean(), limits: fc.record(sizes), spec: fc.uint8Array({ maxLength: 500 }), proofs }
    const u8 = fc.integer({ min: 0, max: 255 })
    const versions = fc.record({ min: u8, max: u8 })
    const constant = <Type extends string>(type: Type): fc.Arbitrary<Type> => fc.constant(type)
    const frame: fc.Arbitrary<HandshakeFrame> = fc.oneof(
      fc.record({ type: constant('hello'), versions, features, cluster: name, expected: name, ...identity }),
      fc.record({ type: constant('challenge'), version: u8, features, ...identity }),
      fc.record({ type: constant('proof'), channel: name, lane: u8, generation: fc.nat(), ...terms }),
      fc.record({ type: constant('accept'), ...terms }),
      fc.record({ type: constant('close'), code: u8, known: fc.maxSafeNat(), text: name, proofs }),
    )
    fc.assert(
      fc.property(frame, one => {
        expect(read(encodeHandshake(one))).toEqual(one)
      }),
    )
  })

  test.each(named)('%s that is cut off anywhere is none', (_name, frame) => {
    const chunk = encodeHandshake(frame)
    for (let length = 0; length < chunk.length; length++) {
      expect(parseHandshake(chunk.slice(0, length)), `as it is, ${length} bytes`).toBeUndefined()
      if (length < frameHeaderBytes) continue
      expect(parseHandshake(withLength(chunk.slice(0, length))), `a true length, ${length} bytes`).toBeUndefined()
    }
  })

  test.each(named)('%s tolerates the fields of a later version behind its own', (_name, frame) => {
    const later = extended(encodeHandshake(frame), bytes(40))
    expect(read(later)).toEqual(frame)
  })

  test.each(named)('%s whose length is another than that of its chunk is none', (_name, frame) => {
    const chunk = encodeHandshake(frame)
    for (const claimed of [
      0,
      1,
      chunk.length - frameHeaderBytes - 1,
      chunk.length - frameHeaderBytes + 1,
      0xff_ff_ff,
    ]) {
      const lying = chunk.slice()
      lying.set([claimed >>> 16, (claimed >>> 8) & 0xff, claimed & 0xff], 1)
      expect(parseHandshake(lying), String(claimed)).toBeUndefined()
    }
  })

  test('begins with one of five kinds', () => {
    const kinds: number[] = [FrameKind.hello, FrameKind.challenge, FrameKind.proof, FrameKind.accept, FrameKind.close]
    for (const [, frame] of named) {
      for (let kind = 0; kind < 256; kind++) {
        const chunk = encodeHandshake(frame)
        chunk[0] = kind
        const type = parseHandshake(chunk)?.type
        if (kind === FrameKind[frame.type]) expect(type).toBe(frame.type)
        else if (!kinds.includes(kind)) expect(type, `kind ${kind}`).toBeUndefined()
        else expect(type === undefined || FrameKind[type] === kind).toBe(true)
      }
    }
  })

  test('that greets begins with the magic word', () => {
    const chunk = encodeHandshake(hello)
    expect(Buffer.from(chunk.subarray(4, 10)).toString('latin1')).toBe('maquis')
    for (let at = 4; at < 10; at++) {
      const wrong = chunk.slice()
      wrong[at] = (wrong[at] ?? 0) ^ 1
      expect(parseHandshake(wrong)).toBeUndefined()
    }
  })

  test('never makes the parser throw, whatever it was changed to', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(fc.constantFrom(...named), fc.array(change, { minLength: 1, maxLength: 8 }), ([, frame], changes) => {
        const chunk = encodeHandshake(frame)
        for (const [at, byte] of changes) chunk[at % chunk.length] = byte
        parseHandshake(chunk)
        parseHandshake(withLength(chunk))
      }),
      { numRuns: 20_000 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), chunk => void parseHandshake(chunk)))
    const kind = fc.constantFrom(1, 2, 3, 4, 6)
    fc.assert(
      fc.property(kind, fc.uint8Array({ maxLength: 300 }), (first, body) => {
        parseHandshake(withLength(Uint8Array.of(first, 0, 0, 0, ...body)))
      }),
      { numRuns: 5_000 },
    )
  })

  test('keeps nothing of the chunk that it was read from, be it a Buffer', () => {
    for (const [, frame] of named) {
      for (const chunk of [new Uint8Array(encodeHandshake(frame)), Buffer.from(encodeHandshake(frame))]) {
        const parsed = read(chunk)
        chunk.fill(0xff)
        expect(parsed).toEqual(frame)
      }
    }
  })
})

describe('the bounds of a handshake frame', () => {
  const whole = (frame: HandshakeFrame, size: number): Uint8Array => {
    const chunk = encodeHandshake(frame)
    return extended(chunk, new Uint8Array(size - chunk.length))
  }

  test('it has at most 12 KiB, whatever stands in it', () => {
    expect(handshakeBytesMax).toBe(12_288)
    expect(parseHandshake(whole(hello, handshakeBytesMax))).toBeDefined()
    expect(parseHandshake(whole(hello, handshakeBytesMax + 1))).toBeUndefined()
  })

  test('the largest that this version writes is one', () => {
    const text = 'x'.repeat(255)
    const features = Array.from({ length: 32 }, () => text)
    const greeting: HandshakeFrame = { ...hello, name: text, cluster: text, expected: text, features }
    expect(read(encodeHandshake(greeting))).toEqual(greeting)
    const proofs = Array.from({ length: secretsMax }, () => bytes(proofBytes))
    const proving: HandshakeFrame = { ...proof, channel: text, spec: bytes(specBytesMax), proofs }
    expect(read(encodeHandshake(proving))).toEqual(proving)
  })

  test('it names at most 32 features', () => {
    const features = Array.from({ length: 33 }, (_, index) => `f${index}`)
    expect(parseHandshake(encodeHandshake({ ...hello, features }))).toBeUndefined()
    expect(parseHandshake(encodeHandshake({ ...challenge, features }))).toBeUndefined()
  })

  test('it proves at most 8 secrets', () => {
    const proofs = Array.from({ length: 9 }, () => bytes(proofBytes))
    expect(parseHandshake(encodeHandshake({ ...proof, proofs }))).toBeUndefined()
    expect(parseHandshake(encodeHandshake({ ...accept, proofs }))).toBeUndefined()
    expect(parseHandshake(encodeHandshake({ ...close, proofs }))).toBeUndefined()
  })

  test('its spec has at most 8 KiB', () => {
    expect(parseHandshake(encodeHandshake({ ...proof, spec: bytes(specBytesMax + 1) }))).toBeUndefined()
    expect(parseHandshake(encodeHandshake({ ...accept, spec: bytes(specBytesMax + 1) }))).toBeUndefined()
  })

  test('its texts have at most 255 bytes, and are UTF-8', () => {
    for (const field of ['name', 'cluster', 'expected']) {
      expect(parseHandshake(encodeHandshake({ ...hello, [field]: 'é'.repeat(127) }))).toBeDefined()
      expect(parseHandshake(encodeHandshake({ ...hello, [field]: 'é'.repeat(128) }))).toBeUndefined()
    }
    const chunk = encodeHandshake({ ...hello, name: 'éé' })
    const at = Buffer.from(chunk).indexOf('éé')
    for (const wrong of [
      [0xff, 0xff],
      [0xc3, 0x28],
      [0xed, 0xa0],
      [0xc0, 0x80],
    ]) {
      const spoilt = chunk.slice()
      spoilt.set(wrong, at)
      expect(parseHandshake(spoilt)).toBeUndefined()
    }
  })

  test('its numbers stay below 2^53', () => {
    const chunk = encodeHandshake({ type: 'close', code: 5, known: 0, text: '', proofs: [] })
    const known = (...varint: number[]): HandshakeFrame | undefined =>
      parseHandshake(withLength(Uint8Array.of(...chunk.subarray(0, 5), ...varint, 0, 0)))
    expect(known(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f)).toMatchObject({ known: Number.MAX_SAFE_INTEGER })
    expect(known(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)).toBeUndefined()
    expect(known(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)).toBeUndefined()
  })

  test('of a declared length that cannot be, nothing is allocated', () => {
    const head = [FrameKind.accept, 0, 0, 0, 0, 1, 1, 1]
    for (const length of [
      [0xff, 0xff, 0x7f],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ]) {
      expect(parseHandshake(withLength(Uint8Array.of(...head, ...length, 1, 2)))).toBeUndefined()
    }
  })
})

describe('a close frame', () => {
  test('says why, what is known, and something for people', () => {
    const chunk = encodeClose(CloseCode.staleGeneration, 'a later connection exists', 7)
    const found = parseClose(new ByteReader(chunk, frameHeaderBytes))
    expect(found).toMatchObject({ code: CloseCode.staleGeneration, known: 7, text: 'a later connection exists' })
    expect(found?.proofs).toEqual([])
  })

  test('cuts a text that is too long, and not in the middle of a character', () => {
    for (const text of ['x'.repeat(5_000), 'é'.repeat(200), 'a€'.repeat(300), '😀'.repeat(99), `x${'😀'.repeat(99)}`]) {
      const frame = parseHandshake(encodeClose(CloseCode.malformed, text))
      const cut = frame?.type === 'close' ? frame.text : ''
      expect(new TextEncoder().encode(cut).length).toBeGreaterThan(150)
      expect(text.startsWith(cut)).toBe(true)
    }
  })
})
