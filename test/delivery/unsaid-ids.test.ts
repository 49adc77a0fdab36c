import { expect, test } from 'vitest'
import { idsMax } from '../../src/delivery/monitor-messages.js'
import { UnsaidIds } from '../../src/delivery/unsaid-ids.js'

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index)
}

test('what a full queue does not take is offered more and more seldom, up to every eight seconds', () => {
  const unsaid = new UnsaidIds([1])
  const pauses = numbers(0, 6).map(() => {
    const { pause } = unsaid
    unsaid.refused()
    return pause
  })
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
})

test('what is said in the meantime goes with it, in parts that can be read', () => {
  const unsaid = new UnsaidIds([1, 2])
  expect(unsaid.add(numbers(2, idsMax))).toBe(true)
  const { part } = unsaid
  expect(part).toEqual(numbers(1, idsMax))
  expect(unsaid.taken(part)).toBe(false)
  expect(unsaid.part).toEqual([idsMax + 1])
  expect(unsaid.taken([idsMax + 1])).toBe(true)
})

test('so many are kept at the most, and those beyond are not told', () => {
  const unsaid = new UnsaidIds(numbers(1, idsMax))
  for (let count = 1; count < 4; count++) expect(unsaid.add(numbers(count * idsMax + 1, idsMax))).toBe(true)
  expect(unsaid.add([4 * idsMax + 1])).toBe(false)
  expect(unsaid.part).toHaveLength(idsMax)
})

test('what came while a part was under way is left', () => {
  const unsaid = new UnsaidIds([1])
  const { part } = unsaid
  unsaid.add([2])
  expect(unsaid.taken(part)).toBe(false)
  expect(unsaid.part).toEqual([2])
})
