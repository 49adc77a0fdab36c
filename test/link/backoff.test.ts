import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/core/random.js'
import { Backoff } from '../../src/link/backoff.js'

const longest = { next: () => 1 - Number.EPSILON }
const shortest = { next: () => 0 }

function waits(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => Math.round(backoff.failed(0)))
}

describe('the wait before the next dial', () => {
  test('doubles from a tenth of a second to one second', () => {
    expect(waits(new Backoff(longest), 7)).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000])
    expect(waits(new Backoff(shortest), 7)).toEqual([50, 100, 200, 400, 500, 500, 500])
  })

  test('grows to half a minute once the peer has been away for a minute', () => {
    const backoff = new Backoff(longest)
    waits(backoff, 5)
    expect(Math.round(backoff.failed(59_999))).toBe(1_000)
    // It goes on doubling from where its failures have brought it.
    const later = Array.from({ length: 6 }, () => Math.round(backoff.failed(60_000)))
    expect(later.at(-1)).toBe(30_000)
    expect([...later].sort((a, b) => a - b)).toEqual(later)
  })

  test('begins anew once the network works', () => {
    const backoff = new Backoff(longest)
    waits(backoff, 20)
    backoff.failed(100_000)
    backoff.reset()
    expect(Math.round(backoff.failed(200_000))).toBe(100)
    expect(Math.round(backoff.failed(259_999))).toBe(200)
    for (let round = 0; round < 20; round++) expect(backoff.failed(259_999)).toBeLessThanOrEqual(1_000)
  })

  test('is never nothing, never above its bounds, and comes for ever', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.nat(10_000), { maxLength: 300 }), (seed, gaps) => {
        const backoff = new Backoff(new SeededRandom(seed))
        let now = 0
        for (const gap of gaps) {
          now += gap
          const wait = backoff.failed(now)
          expect(wait).toBeGreaterThanOrEqual(50)
          expect(wait).toBeLessThanOrEqual(now - (gaps[0] ?? 0) >= 60_000 ? 30_000 : 1_000)
        }
      }),
    )
    const backoff = new Backoff(longest)
    backoff.failed(0)
    for (let round = 0; round < 5_000; round++) expect(backoff.failed(1e9 + round)).toBeLessThanOrEqual(30_000)
  })

  test('differs between nodes that fail together', () => {
    const drawn = Array.from({ length: 100 }, (_, seed) => Math.round(new Backoff(new SeededRandom(seed)).failed(0)))
    expect(new Set(drawn).size).toBeGreaterThan(30)
  })
})
