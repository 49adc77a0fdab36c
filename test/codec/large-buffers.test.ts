import { expect, test } from 'vitest'
import { copied, largeBuffers } from '../../src/codec/large-buffers.js'

const mebi = 1_048_576

test('a large buffer that is needed no more is the next one of about its size', () => {
  const first = largeBuffers.allocate(500_000)
  largeBuffers.release(first.subarray(10, 20))
  const second = largeBuffers.allocate(510_000)
  expect(second.buffer).toBe(first.buffer)
  expect(largeBuffers.allocate(510_000).buffer).not.toBe(first.buffer)
})

test('no buffer is an eighth larger than was asked for', () => {
  for (let bytes = 1; bytes < 2 * mebi; bytes = Math.ceil(bytes * 1.07)) {
    const { length } = largeBuffers.allocate(bytes)
    expect(length).toBeGreaterThanOrEqual(bytes)
    expect(length).toBeLessThan(bytes * 1.125 + 1)
  }
})

test('what is small, or larger than a MiB, is not kept, nor what was never given', () => {
  for (const buffer of [largeBuffers.allocate(60_000), largeBuffers.allocate(2 * mebi), Buffer.alloc(100_001)]) {
    largeBuffers.release(buffer)
    expect(largeBuffers.allocate(buffer.length).buffer).not.toBe(buffer.buffer)
  }
})

test('no more than four are kept: those that were given back last', () => {
  const given = Array.from({ length: 10 }, () => largeBuffers.allocate(mebi))
  for (const buffer of given) largeBuffers.release(buffer)
  const again = new Set(given.map(() => largeBuffers.allocate(mebi).buffer))
  expect(given.map(({ buffer }) => again.has(buffer))).toEqual(given.map((_, index) => index >= 6))
})

test('a copy is one, also of a Buffer, whose slices are views', () => {
  for (const size of [10, 100_000]) {
    const bytes = Buffer.alloc(size, 7)
    const copy = copied(bytes)
    bytes.fill(9)
    expect(copy).toEqual(new Uint8Array(size).fill(7))
  }
})
