import { expect, test } from 'vitest'
import { Fifo } from '../../src/core/fifo.js'

test('what waits in line comes out in order, whatever comes in meanwhile', () => {
  const line = new Fifo<number>()
  const taken: number[] = []
  const take = (count: number): void => {
    for (let left = count; left > 0; left--) {
      taken.push(line.first ?? Number.NaN)
      line.removeFirst()
    }
  }
  expect([line.size, line.first, line.last]).toEqual([0, undefined, undefined])
  for (const number of [1, 2, 3]) line.add(number)
  take(2)
  line.add(4)
  expect([line.size, line.first, line.last]).toEqual([2, 3, 4])
  take(2)
  expect([line.size, line.first, line.last]).toEqual([0, undefined, undefined])
  line.add(5)
  take(1)
  expect(taken).toEqual([1, 2, 3, 4, 5])
  line.add(6)
  line.clear()
  expect([line.size, line.first]).toEqual([0, undefined])
})

test('what was taken away is left out now and then from a line that is never empty, and the order is kept', () => {
  const line = new Fifo<number>()
  let added = 0
  for (; added < 3; added++) line.add(added)
  for (let expected = 0; expected < 10_000; expected++) {
    expect(line.first).toBe(expected)
    line.removeFirst()
    line.add(added++)
  }
  expect([line.size, line.first, line.last]).toEqual([3, 10_000, 10_002])
})
