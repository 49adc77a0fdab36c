import { describe, expect, test } from 'vitest'
import { sample } from '../../src/core/random.js'
import type { ScampMembershipOptions } from '../../src/membership/scamp-options.js'
import { ScampBus } from '../sim/overlay/overlay-bus.js'
import { churn, divide, joinSeeds, populate } from '../sim/overlay/overlay-churn.js'
import { shapeOf } from '../sim/overlay/overlay-graph.js'

type Options = Omit<ScampMembershipOptions, 'random'>

const lease = 200_000
const seeds = Array.from({ length: 10 }, (_, index) => index + 1)

/** Nodes of which each has joined one of the first three. */
function overlay(seed: number, nodes: number, options: Options = {}): ScampBus {
  const bus = new ScampBus({ seed, options: { lease, ...options } })
  populate(bus, nodes, 50)
  bus.run(5_000)
  return bus
}

function sizes(bus: ScampBus): {
  readonly mean: number
  readonly most: number
  readonly least: number
} {
  const all = bus.survivors.map(({ machine }) => machine.members().length - 1)
  return {
    mean: all.reduce((sum, size) => sum + size, 0) / all.length,
    most: Math.max(...all),
    least: Math.min(...all),
  }
}

/** What holds at any time: views are bounded, nobody is there twice, and whoever is held is wanted. */
function expectSound(bus: ScampBus): void {
  for (const { machine, spec, wanted } of bus.survivors) {
    const { members, lost } = machine.state()
    const view = members.filter(name => name !== spec.name)
    expect(view.length).toBeLessThanOrEqual(256)
    expect((lost as string[]).length).toBeLessThanOrEqual(64)
    for (const name of view) expect(wanted.has(Number(name.slice(1)))).toBe(true)
    for (const name of lost as string[]) expect(view).not.toContain(name)
  }
}

/** What holds at rest: whatever anybody passes on along its view reaches all, and nobody dead is held. */
function expectWhole(bus: ScampBus): void {
  expectSound(bus)
  for (const origin of sample(bus.random, bus.survivors, 5)) expect(shapeOf(bus, origin)).toMatchObject({ reached: 1 })
  expect(shapeOf(bus)).toMatchObject({ components: 1, dead: 0 })
}

describe('the size of partial views', () => {
  test.each([
    [1, 100, 5],
    [2, 200, 5],
    [3, 200, 2],
  ])(
    'is about (c + 1) ln n, though nobody knows n (seed %i, n = %i, c = %i)',
    (seed, nodes, copies) => {
      const bus = overlay(seed, nodes, { copies })
      bus.run(4 * lease)
      const ideal = (copies + 1) * Math.log(nodes)
      const { mean, most } = sizes(bus)
      expect(mean / ideal).toBeGreaterThan(0.8)
      expect(mean / ideal).toBeLessThan(1.4)
      expect(most).toBeLessThan(5 * ideal)
      expectWhole(bus)
    },
    120_000,
  )

  test('after half of the nodes failed the rest is connected, and in time views have their size again', () => {
    const bus = overlay(5, 200)
    bus.run(3 * lease)
    for (const { index } of sample(bus.random, bus.nodes, 100)) bus.crash(index)
    expect(shapeOf(bus)).toMatchObject({ reached: 1, components: 1 })
    bus.run(4 * lease)
    expectWhole(bus)
    const ideal = 6 * Math.log(100)
    expect(sizes(bus).mean / ideal).toBeGreaterThan(0.8)
    expect(sizes(bus).mean / ideal).toBeLessThan(1.5)
  }, 120_000)

  test.each([
    [1, 0.6, 1.1],
    [2, 0.8, 1.3],
  ] as const)(
    'who leaves takes its part of the views along: version %i',
    (version, least, most) => {
      const bus = overlay(6, 200, { version })
      bus.run(3 * lease)
      const before = sizes(bus).mean
      for (const { index } of sample(bus.random, bus.nodes, 60)) {
        bus.leave(index)
        bus.run(50)
        bus.crash(index)
      }
      // Views that lost 30 % of their nodes, before anybody renews: replaced but for (c + 1) of each, or not at all.
      const share = sizes(bus).mean / before
      expect(share).toBeGreaterThan(least)
      expect(share).toBeLessThan(most)
      if (version === 1) expect(share).toBeLessThan(0.8)
      expect(shapeOf(bus)).toMatchObject({ reached: 1, components: 1 })
    },
    120_000,
  )
})

describe('in seeded histories', () => {
  test.each(seeds)('crashes, restarts, leaves and lost messages are made good (seed %i)', seed => {
    const bus = overlay(seed, 40, { copies: 2, version: seed % 2 === 0 ? 1 : 2 })
    churn(bus, 20_000, () => expectSound(bus))
    joinSeeds(bus, 1)
    bus.run(lease)
    joinSeeds(bus, 7)
    bus.run(2 * lease)
    expectWhole(bus)
  })

  test.each(seeds)('a partition heals by itself, also one that outlives all leases (seed %i)', seed => {
    const bus = overlay(seed, 40, { copies: 2 })
    bus.run(lease)
    divide(bus, 4 * lease)
    expect(shapeOf(bus).components).toBe(2)
    expectSound(bus)
    bus.reaches = () => true
    bus.run(lease)
    expectWhole(bus)
  })

  test('whom everybody has dropped is in the overlay again within some rounds', () => {
    const bus = overlay(7, 60, { copies: 2 })
    const out = bus.node(33)
    bus.reaches = (one, other) => one !== 33 && other !== 33
    bus.cut()
    bus.run(3 * lease)
    const holds = (): number =>
      bus.survivors.filter(node => node.machine.members().some(({ name }) => name === 'n33')).length
    expect(holds()).toBe(1)
    bus.reaches = () => true
    bus.run(60_000)
    expect(holds()).toBeGreaterThan(2)
    expect(out.machine.members().length).toBeGreaterThan(2)
    expectWhole(bus)
  })
})
