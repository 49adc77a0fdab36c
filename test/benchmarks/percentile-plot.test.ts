import { describe, expect, test } from 'vitest'
import { doubling, linePlot, logarithmic } from '../../benchmarks/experiments/line-plot.js'
import { percentileAxis, percentilePanel } from '../../benchmarks/experiments/percentile-plot.js'

function placesOf(svg: string, index: number): number[][] {
  const points = [...svg.matchAll(/<polyline points="([^"]*)"/g)][index]?.[1] ?? ''
  return points.split(' ').map(point => point.split(',').map(Number))
}

describe('the axes', () => {
  test('give every tenfold of rarer latencies the same room', () => {
    expect(percentileAxis.place(0)).toBeCloseTo(0)
    expect(percentileAxis.place(0.9)).toBeCloseTo(1 / 3)
    expect(percentileAxis.place(0.99)).toBeCloseTo(2 / 3)
    expect(percentileAxis.place(0.999)).toBeCloseTo(1)
  })

  test('of powers of ten reach beyond what is drawn, with a tick at each', () => {
    const axis = logarithmic('ms', 0.3, 40)
    expect(axis.ticks.map(({ text }) => text)).toEqual(['0.1', '1', '10', '100'])
    expect(axis.place(0.1)).toBeCloseTo(0)
    expect(axis.place(1)).toBeCloseTo(1 / 3)
    expect(axis.place(100)).toBeCloseTo(1)
  })

  test('of one value have room for it', () => {
    expect(logarithmic('ms', 1, 1).place(1)).toBe(0)
    expect(doubling('nodes', [16]).place(16)).toBe(0)
  })

  test('of doubling values are even', () => {
    const axis = doubling('senders', [16, 32, 64, 128])
    for (const [index, value] of [16, 32, 64, 128].entries()) expect(axis.place(value)).toBeCloseTo(index / 3)
  })
})

describe('the percentile plot', () => {
  const sorted = Float64Array.from({ length: 1_000 }, (_, index) => index + 1)

  test('has a line for each case, from the least latency to the greatest that the number of them tells of', () => {
    const few = sorted.subarray(0, 100)
    const cases = [
      { name: 'all', sorted },
      { name: 'few', sorted: few },
    ]
    const svg = linePlot('latency', [percentilePanel('latency', cases)])
    const [all, some] = [placesOf(svg, 0), placesOf(svg, 1)]
    const [start, end] = [all[0]?.[0] ?? 0, all.at(-1)?.[0] ?? 0]
    // A hundred values say nothing of one in a thousand.
    expect(some.at(-1)?.[0]).toBeCloseTo(start + ((end - start) * 2) / 3, 0)
    for (const line of [all, some]) {
      const heights = line.map(([, y]) => -(y ?? 0))
      expect(heights).toEqual([...heights].sort((a, b) => a - b))
    }
  })

  test('names the levels of others', () => {
    const panel = percentilePanel('latency', [{ name: 'all', sorted }], [{ name: 'theirs', millis: 5 }])
    const svg = linePlot('latency', [panel])
    expect(svg).toContain('>theirs</text>')
  })
})
