import { describe, expect, test } from 'vitest'
import { number, tableOf } from '../../benchmarks/table.js'

describe('table', () => {
  test('aligns the first column to the left and the others to the right', () => {
    const lines = [
      ['stack', 'msg/s'],
      ['maquis', '9'],
    ]
    expect(tableOf(lines)).toBe('stack   msg/s\nmaquis      9')
  })

  test('lets headings be as wide as they are', () => {
    expect(tableOf([['a', 'b'], 'a heading over all columns', ['c', 'd']])).toBe(
      'a  b\na heading over all columns\nc  d',
    )
  })

  test('has no blanks at the end of lines', () => {
    expect(tableOf([['a', ''], ['b', 'c'], ['']])).toBe('a\nb  c\n')
  })
})

describe('number', () => {
  test('keeps three digits', () => {
    expect([0.012345, 0.98765, 1.2345, 12.345, 123.45].map(number)).toEqual(['0.0123', '0.988', '1.23', '12.3', '123'])
  })

  test('sets thousands apart', () => {
    expect([1_234, 1_234_567].map(number)).toEqual(['1,230', '1,230,000'])
  })

  test('that rounds up to another digit has as many as that', () => {
    expect(number(9.999)).toBe('10.0')
    expect(number(99.99)).toBe('100')
  })

  test('is written for nothing, and for less than nothing', () => {
    expect([0, -2.5].map(number)).toEqual(['0', '-2.50'])
  })

  test('that is none is a dash', () => {
    expect([Number.NaN, Number.POSITIVE_INFINITY].map(number)).toEqual(['-', '-'])
  })
})
