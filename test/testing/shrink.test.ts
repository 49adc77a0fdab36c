import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shrinkList } from '../../src/testing/histories/shrink.js'

const plenty = { runs: 100_000 }

describe('a list that fails', () => {
  test('is shrunk to exactly those of its items that it takes to fail', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(200), { maxLength: 60 }), fc.nat(), async (items, choice) => {
        const needed = items.filter(item => (item * 31 + choice) % 7 === 0)
        const fails = async (some: readonly number[]): Promise<boolean> => needed.every(item => some.includes(item))
        expect(await shrinkList(items, fails, { ...plenty })).toEqual(needed)
      }),
    )
  })

  test('is shrunk to as few as it takes when any will do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }), fc.nat(40), async (items, count) => {
        const enough = Math.min(count, items.length)
        const fails = async (some: readonly number[]): Promise<boolean> => some.length >= enough
        expect(await shrinkList(items, fails, { ...plenty })).toHaveLength(enough)
      }),
    )
  })

  test('is left with nothing that can be taken out alone, however erratic the failure', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(1_000), { maxLength: 30 }), fc.nat(), async (items, salt) => {
        const erratic = (some: readonly number[]): boolean =>
          some.length === items.length || some.reduce((sum, item) => (sum * 31 + item + salt) % 1_009, 7) % 3 === 0
        const least = await shrinkList(items, async some => erratic(some), { ...plenty })
        expect(erratic(least)).toBe(true)
        for (const item of least) {
          if (least.length > 1) expect(erratic(least.filter(other => other !== item))).toBe(false)
        }
      }),
    )
  })

  test('keeps the order of its items, and is not changed', async () => {
    const items = Object.freeze([5, 3, 9, 1])
    const fails = async (some: readonly number[]): Promise<boolean> => some.includes(9) && some.includes(3)
    expect(await shrinkList(items, fails, { ...plenty })).toEqual([3, 9])
  })

  test('is shrunk within the number of runs that there are', async () => {
    const items = Array.from({ length: 100 }, (_, index) => index)
    let runs = 0
    const fails = async (some: readonly number[]): Promise<boolean> => {
      runs++
      return some.includes(3) && some.includes(77)
    }
    const budget = { runs: 4 }
    const least = await shrinkList(items, fails, budget)
    expect([runs, budget.runs]).toEqual([4, 0])
    expect(least).toContain(3)
    expect(least).toContain(77)
  })
})
