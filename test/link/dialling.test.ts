import { describe, expect, test } from 'vitest'
import type { NetworkConditions } from '../../src/transport/memory.js'
import { type HubNode, World } from '../support/hubs.js'

/** Dials that arrive are answered as this says. */
function network(dial: NetworkConditions['dial']): World {
  return new World({ conditions: { latency: () => 0, holds: () => false, dial } })
}

/** A node that wants another, which does not exist for so long and then does. */
async function afterAbsence(millis: number): Promise<{ world: World; a: HubNode; b: HubNode }> {
  const world = new World()
  const [a, b] = [await world.node('a'), await world.node('b', { seed: 2 })]
  b.wire.severed = true
  a.want(b)
  await world.pass(millis)
  expect(a.told('up')).toEqual([])
  b.wire.severed = false
  return { world, a, b }
}

describe('a dial', () => {
  test('that hangs is given up after a second, and tried again', async () => {
    let hangs = true
    const world = network(() => (hangs ? 'hang' : 'pass'))
    const [a, b] = [await world.node('a'), await world.node('b')]
    a.want(b)
    await world.pass(999)
    expect([a.wire.dials, a.told('retrying')]).toEqual([1, []])
    await world.pass(1)
    expect(a.told('retrying')).toEqual(['retrying b'])
    hangs = false
    await world.pass(3_000)
    expect(a.link(b).complete).toBe(true)
  })

  test('is asked for once, however often the lane is wanted', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    a.wire.severed = true
    const link = a.want(b)
    for (let round = 0; round < 300; round++) {
      a.hub.wantLane(link.control)
      await world.pass(100)
    }
    expect(a.wire.dials).toBeGreaterThan(20)
    expect(a.wire.dials).toBeLessThan(70)
  })

  test('follows soon when the network is found to work, however long the peer was away', async () => {
    const { world, a, b } = await afterAbsence(600_000)
    const before = a.wire.dials
    a.hub.encourage()
    await world.pass(100)
    expect(a.wire.dials).toBeGreaterThan(before)
    await world.pass(1_000)
    expect(a.link(b).complete).toBe(true)
  })

  test('follows soon when a connection is lost that lasted, however long the peer was away before', async () => {
    const { world, a, b } = await afterAbsence(600_000)
    await world.clock.runAsync({ until: () => a.link(b).complete })
    await world.pass(1_500)
    a.wire.drop()
    await world.pass(200)
    expect(a.link(b).control.phase).toBe('open')
  })

  test('follows ever later when connections are lost as soon as they open', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    b.laneOpened = ({ connection }) => world.clock.defer(() => connection?.destroy())
    a.want(b)
    await world.pass(60_000)
    expect(a.told('up').length).toBeGreaterThan(30)
    expect(a.told('up').length).toBeLessThan(300)
  })
})

describe('a node that leaves', () => {
  test('ends its connections, and all that waited for its peers', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    b.link(a).tell({ type: 'wanted', wanted: false })
    b.wire.of(b.lane(a).connection).connection.pause()
    for (let index = 0; index < 30; index++) a.send(a.lane(b), 'waits', new Uint8Array(100_000))
    a.hub.clear('it leaves')
    expect(a.told('down')).toEqual(['down b left'])
    expect(a.told('fail-queued')[0]).toBe('fail-queued b left waits')
    // One peer does not read, so it does not end the connection from its side.
    await world.pass(1_500)
    expect([a.wire.open.length, a.hub.links.size]).toEqual([0, 0])
  })
})

describe('a node that stops', () => {
  test('ends at once whatever is open or being opened, and leaves no timer behind', async () => {
    for (let steps = 0; steps < 40; steps++) {
      const world = new World({ latency: 10 })
      const [a, b] = [await world.node('a', { seed: 1 }), await world.node('b', { seed: 2 })]
      a.want(b)
      b.want(a)
      await world.clock.runAsync({ maxSteps: steps })
      await Promise.all([a.hub.stop('enough'), b.hub.stop('enough')])
      await world.pass(20)
      expect([...a.wire.open, ...b.wire.open], `${steps} steps`).toEqual([])
      // What is left are the two clocks that the test ticks by.
      expect(world.clock.pending, `${steps} steps`).toBe(2)
    }
  })
})
