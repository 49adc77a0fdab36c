import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/core/random.js'
import { historyCheckers, judgeHistory } from '../../src/testing/checkers/history-checkers.js'
import { corruptions } from '../support/corruptions.js'
import { HonestCluster } from '../support/honest-cluster.js'

const honest = Array.from({ length: 100 }, (_, seed) => new HonestCluster(seed).run(120))

describe('the history checkers', () => {
  test('find nothing in the histories of an honest cluster', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.nat(200), (seed, steps) => {
        expect(judgeHistory(new HonestCluster(seed).run(steps))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test.each(corruptions)('find $what in them: $finder', ({ finder, spoil }) => {
    const finding = historyCheckers.find(({ name }) => name === finder)
    let spoilt = 0
    for (const [seed, history] of honest.entries()) {
      const bad = spoil(history, new SeededRandom(seed))
      if (bad === undefined) continue
      spoilt++
      expect(finding?.check(bad), `seed ${seed}`).not.toEqual([])
    }
    expect(spoilt).toBeGreaterThan(10)
  })
})

describe('the histories of an honest cluster', () => {
  test('have everything in them that may happen', () => {
    const seen = new Set<string>()
    for (const history of honest) {
      for (const event of history) seen.add(event.type === 'down' ? `down: ${event.reason}` : event.type)
    }
    expect([...seen].sort()).toEqual([
      ...['crashed', 'cut', 'delivered', 'down: cut', 'down: left', 'down: lost', 'down: restarted', 'fault', 'healed'],
      ...['leave', 'members', 'removed', 'sent', 'settled', 'started', 'stopped', 'up'],
    ])
  })
})
