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
