import { describe, expect, test } from 'vitest'
import { runHistory, searchHistories } from '../../src/testing/testing.js'
import { scenarios } from './scenarios.js'

/** For each scenario; `npm run sim` runs as many as you like. */
const histories = Number(process.env.HISTORIES ?? 50)
const firstSeed = Number(process.env.SEED ?? 1)
const names = Object.keys(scenarios)
const isDefault = process.env.HISTORIES === undefined && process.env.SEED === undefined

/** What has to happen where `expected` times are likely: of other seeds than the known ones chance has its share. */
function least(expected: number): number {
  return isDefault ? expected : expected - 3 * Math.sqrt(expected)
}

describe('a cluster whose network, nodes and clocks fail in every way', () => {
  test.each(names)('keeps all its promises, and is whole again: %s', { timeout: 300_000 }, async name => {
    const make = scenarios[name]
    if (make === undefined) throw new Error(`no scenario ${name}`)
    let delivered = 0
    const report = await searchHistories(make, {
      ...{ histories, seed: firstSeed, failuresMax: 2 },
      progress: ({ history }) => {
        delivered += history.filter(({ type }) => type === 'delivered').length
      },
    })
    expect(report.failures.map(({ text }) => text)).toEqual([])
    // A history in which nothing succeeds proves nothing.
    expect(delivered).toBeGreaterThanOrEqual(20 * least(histories))
    for (const what of name === 'delivery' ? ['acked burst', 'talk'] : ['burst', 'ask', 'leave', 'stop and start']) {
      expect(report.outcomes[`${what}: ok`] ?? 0, what).toBeGreaterThanOrEqual(least(histories / 10))
    }
  })

  test.each(names)('does the same for the same seed: %s', { timeout: 60_000 }, async name => {
    const make = scenarios[name]
    if (make === undefined) throw new Error(`no scenario ${name}`)
    const [one, other] = [await runHistory(make, firstSeed), await runHistory(make, firstSeed)]
    expect(other.digest).toBe(one.digest)
    expect(other.history).toEqual(one.history)
  })
})
