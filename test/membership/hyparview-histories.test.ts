import { describe, expect, test } from 'vitest'
import { OverlayBus } from '../sim/overlay/overlay-bus.js'
import { churn, divide, joinSeeds, populate } from '../sim/overlay/overlay-churn.js'
import { shapeOf } from '../sim/overlay/overlay-graph.js'

const round = 10_000
const seeds = Array.from({ length: 24 }, (_, index) => index + 1)

/** Nodes of which each has joined one of the first three. */
function overlay(seed: number, nodes: number): OverlayBus {
  const bus = new OverlayBus({ seed })
  populate(bus, nodes, 20)
  bus.run(3 * round)
  return bus
}

/** What holds at any time: views are bounded, nobody is there twice, and whoever is wanted is there or being asked. */
function expectSound(bus: OverlayBus): void {
  for (const { machine, spec, wanted } of bus.survivors) {
    const state = machine.state()
    const active = state.members.filter(name => name !== spec.name)
    const passive = state.passive as string[]
    expect(active.length).toBeLessThanOrEqual(5)
    expect(passive.length).toBeLessThanOrEqual(30)
    expect((state.known as string[]).length).toBeLessThanOrEqual(128)
    expect(new Set([...active, ...passive, spec.name]).size).toBe(active.length + passive.length + 1)
    for (const name of active) expect(wanted.has(Number(name.slice(1)))).toBe(true)
    // Beside its neighbours a node dials those that it asks something, and these are bounded.
    expect(wanted.size).toBeLessThanOrEqual(5 + 32)
  }
}

/** What holds at rest: all are connected, both ends of each neighbourhood agree, and nobody in a view is dead. */
function expectWhole(bus: OverlayBus): void {
  expectSound(bus)
  expect(shapeOf(bus)).toMatchObject({ reached: 1, components: 1, oneSided: 0, dead: 0 })
}

describe('in seeded histories', () => {
  test.each(seeds)('views are symmetric, bounded and connected at rest (seed %i)', seed => {
    expectWhole(overlay(seed, 40))
  })

  test.each(seeds)('crashes, restarts, leaves and lost messages are made good (seed %i)', seed => {
    const bus = overlay(seed, 40)
    churn(bus, round, () => expectSound(bus))
    joinSeeds(bus, 1)
    bus.run(6 * round)
    joinSeeds(bus, 7)
    bus.run(6 * round)
    expectWhole(bus)
  })

  test.each(seeds)('a partition heals by itself, however long it was (seed %i)', seed => {
    const bus = overlay(seed, 40)
    divide(bus, 30 * round)
    expect(shapeOf(bus).components).toBe(2)
    expectSound(bus)
    bus.reaches = () => true
    bus.run(15 * round)
    expectWhole(bus)
  })
})
