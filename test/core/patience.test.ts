import { expect, test } from 'vitest'
import { waitFor } from '../../src/core/patience.js'
import type { Clock } from '../../src/core/time.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'

/** The clock of a process that gets no processor for a while now and then: what is due then is late. */
function stalling(clock: SimulatedClock, stalls: readonly (readonly [from: number, to: number])[]): Clock {
  return {
    ...{ now: () => clock.now(), wall: () => clock.wall(), defer: fn => clock.defer(fn), soon: fn => clock.soon(fn) },
    schedule: (after, wake) => {
      const due = clock.now() + after
      const stall = stalls.find(([from, to]) => from <= due && due < to)
      return clock.schedule((stall?.[1] ?? due) - clock.now(), wake)
    },
  }
}

function setUp(stalls: readonly (readonly [from: number, to: number])[]): {
  clock: SimulatedClock
  ended: number[]
  cancel: () => void
} {
  const clock = new SimulatedClock()
  const ended: number[] = []
  const cancel = waitFor(stalling(clock, stalls), 1_000, () => ended.push(clock.now()))
  return { clock, ended, cancel }
}

test('patience ends after its time, once, and leaves no timer behind', () => {
  const { clock, ended } = setUp([])
  clock.advance(999)
  expect(ended).toEqual([])
  clock.advance(10_000)
  expect([ended, clock.pending]).toEqual([[1_000], 0])
})

test('patience that is called off never ends', () => {
  const { clock, ended, cancel } = setUp([])
  clock.advance(700)
  cancel()
  clock.advance(10_000)
  expect([ended, clock.pending]).toEqual([[], 0])
})

test('a stall of its own process costs the peer at most an eighth of it', () => {
  const { clock, ended } = setUp([[300, 5_300]])
  clock.advance(20_000)
  expect(ended).toHaveLength(1)
  expect(ended[0]).toBeGreaterThanOrEqual(1_000 + 5_000 - 125)
  expect(ended[0]).toBeLessThanOrEqual(1_000 + 5_000)
})

test('many short stalls are counted as well', () => {
  // It runs for 50 of each 250 milliseconds.
  const stalls = Array.from({ length: 100 }, (_, index) => [index * 250 + 50, index * 250 + 250] as const)
  const { clock, ended } = setUp(stalls)
  clock.advance(20_000)
  expect(ended).toEqual([2_000])
})
