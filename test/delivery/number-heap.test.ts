import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NumberHeap } from '../../src/delivery/number-heap.js'

test('a heap gives back what it was given, the lowest first', () => {
  const step = fc.option(fc.nat({ max: 50 }), { nil: 'remove' as const })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const heap = new NumberHeap()
      const numbers: number[] = []
      for (const next of steps) {
        if (next === 'remove') {
          heap.removeLowest()
          numbers.shift()
        } else {
          heap.add(next)
          numbers.push(next)
          numbers.sort((one, other) => one - other)
        }
        expect([heap.lowest, heap.size]).toEqual([numbers[0], numbers.length])
      }
      heap.clear()
      expect([heap.lowest, heap.size]).toEqual([undefined, 0])
    }),
    { seed: 7, numRuns: 200 },
  )
})
