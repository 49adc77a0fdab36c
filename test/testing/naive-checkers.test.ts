import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import { SeededRandom, sample } from '../../src/core/random.js'
import { historyCheckers } from '../../src/testing/checkers/history-checkers.js'
import type { HistoryEvent } from '../../src/testing/histories/history-event.js'
import { HonestCluster } from '../support/honest-cluster.js'
import { naiveChannelCheckers } from '../support/naive-channel-checkers.js'

const pairs = Object.entries(naiveChannelCheckers).map(([name, naive]) => {
  const checker = historyCheckers.find(one => one.name === name)
  if (checker === undefined) throw new Error(`no checker is called '${name}'`)
  return { name, naive, check: checker.check }
})

/** How many complaints each of the two has; equal where they agree. */
function disagreements(history: readonly HistoryEvent[]): readonly string[] {
  return pairs.flatMap(({ name, naive, check }) => {
    const [ours, theirs] = [check(history).length, naive(history)]
    return ours === theirs ? [] : [`${name}: ${ours}, and naively ${theirs}`]
  })
}

const node = fc.constantFrom('a', 'b').map(name => name as NodeName)
const life = fc.integer({ min: 1, max: 2 }).map(number => number as Incarnation)
const content = {
  at: fc.constant(0),
  node,
  life,
  channel: fc.constantFrom('one', 'two'),
  key: fc.constantFrom('k', 'l'),
  id: fc.integer({ min: 1, max: 4 }),
}
const sent = fc.record({ type: fc.constant('sent' as const), to: node, ...content })
const delivered = fc.record({ type: fc.constant('delivered' as const), from: node, fromLife: life, ...content })
const monotonic = delivered.map(event => ({ ...event, monotonic: true as const }))

describe('a channel checker and its naive twin', () => {
  test('agree on histories in which everything may happen', () => {
    let bad = 0
    const history = fc.array(fc.oneof(sent, delivered, delivered, monotonic), { maxLength: 60 })
    fc.assert(
      fc.property(history, events => {
        expect(disagreements(events)).toEqual([])
        if (pairs.some(({ naive }) => naive(events) > 0)) bad++
      }),
      { numRuns: 3_000 },
    )
    expect(bad).toBeGreaterThan(1_000)
  })

  test('agree on good histories, and on the same with some messages out of place', () => {
    const verdicts = { good: 0, bad: 0 }
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.nat(3), (seed, swaps) => {
        const all = new HonestCluster(seed).run(30)
        const events = shuffled(
          all.filter(({ type }) => type === 'sent' || type === 'delivered'),
          new SeededRandom(seed),
          swaps,
        )
        expect(disagreements(events)).toEqual([])
        verdicts[pairs.some(({ naive }) => naive(events) > 0) ? 'bad' : 'good']++
      }),
      { numRuns: 1_000 },
    )
    expect(verdicts.good).toBeGreaterThan(200)
    expect(verdicts.bad).toBeGreaterThan(200)
  })
})

/** With so many exchanges of any two events. */
function shuffled(history: readonly HistoryEvent[], random: SeededRandom, swaps: number): readonly HistoryEvent[] {
  const events = [...history]
  for (let swap = 0; swap < swaps; swap++) {
    const [one = 0, other = 0] = sample(random, [...events.keys()], 2)
    const [first, second] = [events[one], events[other]]
    if (first !== undefined && second !== undefined) [events[one], events[other]] = [second, first]
  }
  return events
}
