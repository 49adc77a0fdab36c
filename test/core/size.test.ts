import { describe, expect, test } from 'vitest'
import { bytesUpTo } from '../../src/core/size.js'

const count = 10_000

describe('the bytes of a value', () => {
  test.each([
    ['texts', (index: number) => `text ${index}`, 36],
    ['numbers', (index: number) => index, 8],
    ['bigints', (index: number) => -(2n ** 511n) + BigInt(index), 80],
    ['empty arrays', () => [], 16],
    ['empty objects', () => ({}), 28],
    ['empty maps', () => new Map(), 100],
    ['sets', () => new Set([1]), 100],
    ['dates', () => new Date(0), 50],
    ['bytes', () => new Uint8Array(16), 100],
  ] as const)('are those of all of its parts, however many and small: %s', (_, make, least) => {
    const parts: unknown[] = Array.from({ length: count }, (_, index) => make(index))
    for (const value of [parts, new Set(parts), new Map(parts.entries()), { a: { b: parts } }]) {
      expect(bytesUpTo(value, Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(count * least)
    }
  })

  test('are those of a large part among many small ones, wherever it is', () => {
    const large = new Uint8Array(500_000)
    const small = Array.from({ length: 2_000 }, () => 0)
    for (const value of [{ large, small }, { small, large }, [large, ...small], [...small, large]]) {
      expect(bytesUpTo(value, 8_388_608)).toBeGreaterThan(500_000)
      expect(bytesUpTo(value, 8_388_608)).toBeLessThan(600_000)
    }
  })

  test('are counted no further than somebody cares', () => {
    const value: unknown[] = []
    value.push(value)
    expect(bytesUpTo(value, 1_000)).toBeGreaterThanOrEqual(1_000)
    expect(bytesUpTo(value, 1_000)).toBeLessThan(1_100)
  })
})
