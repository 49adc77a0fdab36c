import { expect, test } from 'vitest'
import { ByteWriter } from '../../src/codec/byte-writer.js'
import { bytesOf, copyToSlab, encodeToBytes } from '../../src/codec/value-bytes.js'
import { decodeValue } from '../../src/codec/value-decoder.js'
import { encodeValue } from '../../src/codec/value-encoder.js'
import { EncodeError } from '../../src/core/errors.js'

const limits = { depth: 64, items: 1_000_000 }

function decoded(bytes: Uint8Array): unknown {
  return decodeValue(bytes, 0, bytes.length, limits)
}

test('values of all sizes keep their bytes, whatever is encoded after them', () => {
  const texts = Array.from({ length: 2_000 }, (_, index) => 'x'.repeat((index * 37) % 3_000) + index)
  texts.splice(1_000, 0, 'y'.repeat(2_000_000), 'z'.repeat(20_000))
  const all = texts.map(text => {
    const bytes = encodeToBytes(text, limits)
    expect(() => encodeToBytes([text, () => {}], limits)).toThrow(EncodeError)
    return bytes
  })
  expect(all.map(decoded)).toEqual(texts)
})

test('a value that encodes others while it is encoded is not mixed with them', () => {
  const inner: Uint8Array[] = []
  const value = {
    one: 1,
    get two() {
      inner.push(encodeToBytes('inner', limits))
      return 2
    },
    three: 3,
  }
  const outer = Array.from({ length: 100 }, () => encodeToBytes(value, limits))
  expect(outer.map(decoded)).toEqual(outer.map(() => ({ one: 1, two: 2, three: 3 })))
  expect(inner.map(decoded)).toEqual(inner.map(() => 'inner'))
})

test('small values share a buffer of a few KiB; a large one keeps nothing else alive', () => {
  const small = Array.from({ length: 50 }, () => encodeToBytes('small', limits))
  expect(new Set(small.map(({ buffer }) => buffer)).size).toBeLessThan(3)
  expect(small[0]?.buffer.byteLength).toBeLessThanOrEqual(8_192)
  for (const size of [2_100, 5_000, 50_000, 5_000_000]) {
    const bytes = encodeToBytes('x'.repeat(size), limits)
    expect(bytes.buffer.byteLength).toBeLessThanOrEqual((bytes.length * 4) / 3)
  }
})

test.each([2_000, 8_100, 8_192, 8_200, 9_000, 12_000, 16_384, 40_000])(
  'what is kept of a batch stays as it is, while values of %d bytes are encoded',
  size => {
    const other = 'x'.repeat(size)
    const kept = Array.from({ length: 40 }, (_, index) => {
      encodeToBytes(other, limits)
      const batch = new ByteWriter(1_024)
      encodeValue(batch, { before: true }, limits)
      const at = batch.position
      encodeValue(batch, `${index} ${'y'.repeat(index * 30)}`, limits)
      const payload = copyToSlab(batch, at)
      encodeToBytes(other, limits)
      return payload
    })
    const values = kept.map(payload => decoded(bytesOf(payload)))
    expect(values).toEqual(kept.map((_, index) => `${index} ${'y'.repeat(index * 30)}`))
  },
)
