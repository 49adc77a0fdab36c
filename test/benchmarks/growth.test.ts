import { describe, expect, test } from 'vitest'
import { exponentOf } from '../../benchmarks/experiments/scale/growth.js'

const sizes = [16, 64, 256, 1_000]

describe('the exponent of a growth', () => {
  test.each([0, 0.5, 1, 2])('is found: %f', exponent => {
    expect(exponentOf(sizes.map(size => [size, 7 * size ** exponent] as const))).toBeCloseTo(exponent, 10)
  })

  test('is less than 1 where a constant is added to what is linear', () => {
    const exponent = exponentOf(sizes.map(size => [size, 100 + size] as const))
    expect(exponent).toBeGreaterThan(0.3)
    expect(exponent).toBeLessThan(1)
  })

  test('is none of a single point', () => {
    expect(exponentOf([[16, 3]])).toBeNaN()
  })
})
