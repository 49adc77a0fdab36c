import { describe, expect, test } from 'vitest'
import { SeededRandom, sample } from '../../src/core/random.js'
import type { HyParViewMessage } from '../../src/membership/hyparview-messages.js'
import { OverlayBus } from '../sim/overlay/overlay-bus.js'
import { shapeOf } from '../sim/overlay/overlay-graph.js'

const activeViewSize = 4
const round = 10_000

/** Nodes at random places of a square, from whose distances the latencies follow: from 5 to 146 ms. */
function overlay(nodes: number, seed: number, exchanges = true): { bus: OverlayBus; cost: () => number } {
  const random = new SeededRandom(seed + 1_000)
  const places = Array.from({ length: nodes }, () => [random.next(), random.next()] as const)
  const latency = (one: number, other: number): number => {
    const [[x1, y1], [x2, y2]] = [places[one] ?? [0, 0], places[other] ?? [0, 0]]
    return 5 + 100 * Math.hypot(x1 - x2, y1 - y2)
  }
  const xbot = exchanges ? { interval: round, candidates: 2, unbiased: 1 } : undefined
  const bus = new OverlayBus({ seed, latency, options: { activeViewSize, xbot } })
  for (let index = 0; index < nodes; index++) {
    bus.start()
    if (index > 0) bus.join(index, Math.floor(bus.random.next() * index))
    bus.run(20)
  }
  bus.run(round)
  return { bus, cost: () => costOf(bus, latency) }
}

/** The mean latency between neighbours. */
function costOf(bus: OverlayBus, latency: (one: number, other: number) => number): number {
  const links = bus.survivors.flatMap(({ index, machine, spec }) =>
    machine.members().flatMap(({ name }) => (name === spec.name ? [] : [latency(index, Number(name.slice(1)))])),
  )
  return links.reduce((sum, each) => sum + each, 0) / links.length
}

/** All are connected, both ends agree, and views are as full as may be: no place is kept for an exchange. */
function expectWhole(bus: OverlayBus): void {
  const shape = shapeOf(bus)
  expect(shape).toMatchObject({ reached: 1, components: 1, oneSided: 0, dead: 0 })
  const few = [...shape.degrees].filter(([degree]) => degree < activeViewSize - 1)
  expect(few.reduce((sum, [, nodes]) => sum + nodes, 0)).toBeLessThanOrEqual(1)
}

/** The messages of an exchange, in their order. */
const steps = ['optimize', 'replace', 'switch', 'switched', 'replaced', 'optimized', 'disconnect'] as const
const accidents = ['lost', 'sender crashes', 'receiver crashes'] as const

describe.each(steps)('an exchange whose %s', step => {
  test.each(accidents)('is lost, or whose sender or receiver crashes: %s', accident => {
    for (let occurrence = 1; occurrence <= 3; occurrence++) {
      const { bus } = overlay(24, occurrence)
      let count = 0
      bus.loses = (message: HyParViewMessage, from: number, to: number) => {
        if (message.type !== step || ++count !== occurrence) return false
        if (accident !== 'lost') bus.calendar.after(0, () => bus.crash(accident === 'sender crashes' ? from : to))
        return accident === 'lost'
      }
      bus.run(12 * round)
      expect(count).toBeGreaterThanOrEqual(occurrence)
      // Nobody begins another one: what is still there of this one is there for good.
      bus.loses = ({ type }) => type === 'ping'
      bus.run(4 * round)
      for (const { machine } of bus.survivors) expect(machine.state().exchange).toBe('none')
      expectWhole(bus)
    }
  })
})

test('neighbours come nearer, keep their number, and most of them may fail', () => {
  const { bus, cost } = overlay(120, 1)
  const before = cost()
  bus.run(40 * round)
  expect(cost()).toBeLessThan(0.85 * before)
  expectWhole(bus)
  expect(shapeOf(bus).degrees.get(activeViewSize)).toBeGreaterThan(112)
  for (const { index } of sample(bus.random, bus.nodes, 96)) bus.crash(index)
  bus.run(3 * round)
  expect(shapeOf(bus)).toMatchObject({ reached: 1, components: 1 })
})

test('without exchanges they stay as far away as they are', () => {
  const { bus, cost } = overlay(120, 1, false)
  const before = cost()
  bus.run(20 * round)
  expect(cost() / before).toBeCloseTo(1, 1)
})
