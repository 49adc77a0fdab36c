import { describe, expect, test } from 'vitest'
import { joined, median, percentile, ratio, spreadOf, supportedPercentile } from '../../benchmarks/statistics.js'

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

describe('a percentile that has to be supported', () => {
  test.each([
    [0.5, 20],
    [0.99, 1_000],
    [0.999, 10_000],
  ])('of %f is no number of fewer than %i values', (share, least) => {
    const values = Float64Array.from({ length: least }, (_, index) => index)
    expect(supportedPercentile(values, share)).toBe(percentile(values, share))
    expect(supportedPercentile(values.subarray(1), share)).toBeNaN()
  })
})

test('values of several passes are joined in ascending order', () => {
  expect([...joined([Float64Array.of(2, 9), new Float64Array(), Float64Array.of(1, 3)])]).toEqual([1, 2, 3, 9])
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
    expect(ratio(these, those)).toEqual({ median: 0.5, low: 0.5, high: 0.5 })
  })

  test('is the median over the passes, and their range', () => {
    const these = new Map([...[1, 6, 4].entries()])
    const those = new Map([...[1, 2, 2].entries()])
    expect(ratio(these, those)).toEqual({ median: 2, low: 1, high: 3 })
  })

  test('leaves out the passes that one of the two lacks', () => {
    const these = new Map([
      [1, 10],
      [2, 90],
    ])
    expect(ratio(these, new Map([[1, 5]])).median).toBe(2)
  })

  test('to what was not measured is no number', () => {
    expect(ratio(new Map([[1, 10]]), new Map())).toEqual({ median: Number.NaN, low: Number.NaN, high: Number.NaN })
  })
})
