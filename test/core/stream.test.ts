import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashPartitionKey, streamOf } from '../../src/core/stream.js'

/** The same hash as docs/protocol.md words it: byte by byte over what TextEncoder makes of the key. */
function plainHash(key: string | number): number {
  let hash = 0x811c9dc5n
  for (const byte of new TextEncoder().encode(String(key))) {
    hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn
  }
  hash ^= hash >> 16n
  hash = (hash * 0x85ebca6bn) & 0xffff_ffffn
  hash ^= hash >> 13n
  hash = (hash * 0xc2b2ae35n) & 0xffff_ffffn
  return Number(hash ^ (hash >> 16n))
}

describe('the hash of a partition key', () => {
  // For ever: nodes of all versions keep a key on its stream.
  const golden: readonly (readonly [string | number, number])[] = [
    ['', 0xab3e7c0b],
    ['a', 0x1a80b1b3],
    ['default', 0xe2b6a52c],
    ['orders', 0x7b54f948],
    ['customer-4711', 0x633d30a8],
    ['é', 0x8e4756c7],
    ['Ünïcödé', 0x2ca51aa8],
    ['€', 0x0be092f5],
    ['漢字', 0x6f017935],
    ['😀', 0x3303a80a],
    ['a€😀é', 0xb18dda24],
    ['\0', 0x0578ab1b],
    ['~\x7f', 0x444826ac],
    [0, 0x64f08f61],
    [42, 0x28ec2cbd],
    [-1, 0x7f872a6a],
    [1.5, 0x1386817d],
    [9007199254740991, 0x8c263678],
  ]

  test.each(golden)('of %j is %i, for ever', (key, hash) => {
    expect(hashPartitionKey(key)).toBe(hash)
  })

  test('is FNV-1a with the finish of MurmurHash3, over the UTF-8 of any key', () => {
    const key = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)) }),
      fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀', '\ud83d', '\ude00') }),
      fc.integer(),
      fc.double(),
    )
    fc.assert(
      fc.property(key, value => {
        expect(hashPartitionKey(value)).toBe(plainHash(value))
      }),
      { numRuns: 5_000 },
    )
  })

  test('of a number is that of its decimal text', () => {
    for (const number of [0, -0, 1, -1, 1.5, 1e21, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(hashPartitionKey(number)).toBe(hashPartitionKey(String(number)))
    }
  })

  test('takes half a surrogate pair for what UTF-8 puts in its place', () => {
    expect(hashPartitionKey('a\ud83d')).toBe(hashPartitionKey('a\ufffd'))
    expect(hashPartitionKey('\ude00b')).toBe(hashPartitionKey('\ufffdb'))
    expect(hashPartitionKey('\ude00\ud83d')).toBe(hashPartitionKey('\ufffd\ufffd'))
  })
})

describe('the stream of a key', () => {
  test('is its hash modulo the number of streams', () => {
    expect(streamOf(0xffff_ffff, 64)).toBe(63)
    expect(streamOf(0xffff_ffff, 1)).toBe(0)
    expect(streamOf(7, 4)).toBe(3)
  })

  test('spreads keys evenly over any number of streams', () => {
    for (const streams of [2, 3, 5, 8, 64]) {
      const counts = new Array<number>(streams).fill(0)
      for (let index = 0; index < 1_000 * streams; index++) {
        const stream = streamOf(hashPartitionKey(`order-${index}`), streams)
        counts[stream] = (counts[stream] ?? 0) + 1
      }
      expect(Math.min(...counts)).toBeGreaterThan(800)
      expect(Math.max(...counts)).toBeLessThan(1_200)
    }
  })
})
