import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/codec/byte-reader.js'
import { ByteWriter } from '../../src/codec/byte-writer.js'
import { InvariantError } from '../../src/core/invariant.js'

describe('a byte writer', () => {
  test('writes numbers big endian', () => {
    const writer = new ByteWriter(1)
    writer.u8(0xfe)
    writer.u16(0x0102)
    writer.u32(0xfedc_ba98)
    expect([...writer.take()]).toEqual([0xfe, 1, 2, 0xfe, 0xdc, 0xba, 0x98])
  })

  test('writes varints up to 2^53 - 1 that a reader reads', () => {
    const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 35, Number.MAX_SAFE_INTEGER]
    const number = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat())
    fc.assert(
      fc.property(number, value => {
        const writer = new ByteWriter(4)
        writer.varint(value)
        const reader = new ByteReader(writer.take())
        expect(reader.varint()).toBe(value)
        expect(reader.ok && reader.remaining === 0).toBe(true)
      }),
    )
  })

  test('writes texts of any length, with and without their length', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 60, maxLength: 300 }))
    fc.assert(
      fc.property(text, value => {
        const writer = new ByteWriter(4)
        writer.string(value)
        const start = writer.position
        expect(writer.utf8(value)).toBe(writer.position - start)
        const bytes = writer.take()
        expect(new ByteReader(bytes, 0, start).string(100_000)).toBe(value)
        expect(Buffer.from(bytes.subarray(start)).toString()).toBe(value)
      }),
    )
  })

  test('puts U+FFFD in the place of a lone surrogate', () => {
    const writer = new ByteWriter(4)
    writer.utf8('a\ud800b')
    expect(Buffer.from(writer.take()).toString()).toBe('a\ufffdb')
  })

  test('copies small contents out and reuses its buffer', () => {
    const writer = new ByteWriter(64)
    writer.bytes(Uint8Array.of(1, 2, 3))
    const buffer = writer.buffer
    const taken = writer.take()
    expect(writer.buffer).toBe(buffer)
    writer.bytes(Uint8Array.of(9, 9, 9))
    expect([...taken]).toEqual([1, 2, 3])
    expect(taken.buffer.byteLength).toBe(3)
  })

  test('hands large contents over without copying and starts with a new buffer', () => {
    const writer = new ByteWriter(64)
    writer.bytes(new Uint8Array(20_000).fill(7))
    const buffer = writer.buffer
    const taken = writer.take()
    expect(taken.buffer).toBe(buffer.buffer)
    expect(taken.length).toBe(20_000)
    writer.bytes(new Uint8Array(50).fill(1))
    expect(taken.every(byte => byte === 7)).toBe(true)
    expect(writer.buffer.length).toBe(64)
  })

  test('takes nothing as nothing', () => {
    const writer = new ByteWriter(8)
    expect(writer.take().length).toBe(0)
    expect(writer.position).toBe(0)
  })

  test('grows by doubling, or to little more than something large takes', () => {
    const writer = new ByteWriter(1_000)
    writer.ensure(1_001)
    expect(writer.buffer.length).toBe(2_000)
    writer.ensure(1_000_000)
    expect(writer.buffer.length).toBeGreaterThanOrEqual(1_000_000)
    expect(writer.buffer.length).toBeLessThan(1_130_000)
    const all = new ByteWriter(1)
    for (let count = 0; count < 100_000; count++) all.u8(count)
    expect([...all.take().subarray(-2)]).toEqual([99_998 & 0xff, 99_999 & 0xff])
  })

  test('has what fills its buffer cut out without a copy, and goes on where that began', () => {
    const writer = new ByteWriter(10)
    writer.u16(0x0102)
    writer.bytes(new Uint8Array(500_000).fill(7))
    const { buffer } = writer.buffer
    const cut = writer.cut(2)
    writer.u16(0x0304)
    writer.bytes(new Uint8Array(500_000).fill(9))
    expect(cut.buffer).toBe(buffer)
    expect(cut).toEqual(new Uint8Array(500_000).fill(7))
    expect([...writer.take().subarray(0, 5)]).toEqual([1, 2, 3, 4, 9])
  })

  test('has what is small beside its buffer copied out, so that it does not keep that alive', () => {
    const writer = new ByteWriter(1_000)
    writer.u8(1)
    writer.bytes(new Uint8Array(100).fill(7))
    const cut = writer.cut(1)
    writer.bytes(new Uint8Array(100).fill(9))
    expect(cut).toEqual(new Uint8Array(100).fill(7))
    expect(cut.buffer.byteLength).toBe(100)
    expect(writer.position).toBe(101)
  })

  test('forgets what came after a position, and only that', () => {
    const writer = new ByteWriter(8)
    writer.u32(1)
    writer.reset(2)
    expect([...writer.take()]).toEqual([0, 0])
    expect(() => writer.reset(1)).toThrow(InvariantError)
  })
})
