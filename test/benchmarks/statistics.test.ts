import { describe, expect, test } from 'vitest'
import { median, percentile, ratio, spreadOf } from '../../benchmarks/statistics.js'

describe('median', () => {
  test('is the middle value, whatever the order', () => {
    expect(median([30, 1, 2])).toBe(2)
  })

  test('of an even number is the mean of the two in the middle', () => {
    expect(median([4, 1, 100, 2])).toBe(3)
  })

  test('compares numbers, not texts', () => {
    expect(median([9, 10, 100])).toBe(10)
  })

  test('of nothing is no number', () => {
    expect(median([])).toBeNaN()
  })

  test('leaves its values as they were', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('percentile', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1)

  test('is the smallest value that so many do not exceed', () => {
    expect(percentile(hundred, 0.5)).toBe(50)
    expect(percentile(hundred, 0.99)).toBe(99)
    expect(percentile(hundred, 0.999)).toBe(100)
  })

  test('of one value is that value', () => {
    expect(percentile(Float64Array.of(7), 0)).toBe(7)
    expect(percentile(Float64Array.of(7), 1)).toBe(7)
  })

  test('of nothing is no number', () => {
    expect(percentile(new Float64Array(), 0.5)).toBeNaN()
  })
})

describe('spread', () => {
  test('holds the median, the lowest and the highest', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, low: 1, high: 5 })
  })
})

describe('ratio', () => {
  test('compares each pass with itself, so that a slow one does not count twice', () => {
    // In the second pass a neighbour halved both; the ratio of the medians would be the same only by luck.
    const these = new Map([...[100, 50, 90].entries()])
    const those = new Map([...[200, 100, 180].entries()])
    expect(ratio(these, those)).toBe(0.5)
  })

  test('is the median over the passes', () => {
    const these = new Map([...[1, 6, 4].entries()])
    const those = new Map([...[1, 2, 2].entries()])
    expect(ratio(these, those)).toBe(2)
  })

  test('leaves out the passes that one of the two lacks', () => {
    const these = new Map([
      [1, 10],
      [2, 90],
    ])
    expect(ratio(these, new Map([[1, 5]]))).toBe(2)
  })

  test('to what was not measured is no number', () => {
    expect(ratio(new Map([[1, 10]]), new Map())).toBeNaN()
  })
})
