import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeSpec } from '../../src/core/node.js'
import type { Link } from '../../src/link/link.js'
import { type HubNode, World } from '../support/hubs.js'

function versionOf({ spec }: HubNode, version: number): NodeSpec {
  return { ...spec, version }
}

describe('a newer spec of a peer', () => {
  test('of the same life takes the place of the older one, and nothing else happens', async () => {
    const [a, b] = await new World().pair()
    const before = [...a.log]
    const link = a.hub.ensure(versionOf(b, 2))
    a.hub.ensure(versionOf(b, 1))
    expect([link.spec.version, link.complete]).toEqual([2, true])
    expect(a.log).toEqual(before)
  })

  test('is kept in mind with the older ones, the newest of them', async () => {
    const [a, b] = await new World().pair()
    for (let version = 1; version <= 20; version++) a.hub.ensure(versionOf(b, version))
    expect(
      a
        .link(b)
        .takeStale()
        .map(({ version }) => version),
    ).toEqual([12, 13, 14, 15, 16, 17, 18, 19])
    expect(a.link(b).takeStale()).toEqual([])
  })

  test('of a later life ends the connections of the former', async () => {
    const [a, b] = await new World().pair()
    b.link(a).tell({ type: 'wanted', wanted: false })
    a.hub.ensure({ ...b.spec, incarnation: 2_000 as Incarnation })
    await a.world.pass(0)
    expect(b.link(a).openLanes).toBe(0)
    expect([a.wire.open, b.wire.open]).toEqual([[], []])
  })
})

describe('a cut', () => {
  test('holds back what waits, and lets it go when it is healed', async () => {
    const [a, b] = await new World({ highWaterMark: 10_000, lowWaterMark: 1_000 }).pair()
    const far = b.wire.of(b.lane(a).connection).connection
    far.pause()
    for (let count = 0; count < 100; count++) a.send(a.lane(b), 'work', new Uint8Array(1_000))
    await a.world.pass(10)
    a.link(b).tell({ type: 'cut', cut: true })
    far.resume()
    await a.world.pass(1_000)
    expect(a.lane(b).queue.length).toBeGreaterThan(50)
    expect(b.payloads('work').length).toBe(100 - a.lane(b).queue.length)
    a.link(b).tell({ type: 'cut', cut: false })
    await a.world.pass(10)
    expect(b.payloads('work').length).toBe(100)
  })
})

describe('the time for which a peer is away', () => {
  test('begins when it is known, when it is lost, when a cut is healed, and when it begins anew', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const link = a.link(b)
    const { clock } = world
    await world.pass(1_000)
    await b.hub.stop('it stops')
    await world.pass(100)
    const lost = link.awaySince
    expect([link.state.phase, clock.now() - lost]).toEqual(['down', expect.closeTo(100, -2)])
    await world.pass(50_000)
    expect(link.awaySince).toBe(lost)
    link.tell({ type: 'cut', cut: true })
    await world.pass(50_000)
    link.tell({ type: 'cut', cut: false })
    expect([link.state.phase, link.awaySince]).toEqual(['down', clock.now()])
    await world.pass(50_000)
    a.hub.ensure({ ...b.spec, incarnation: 2_000 as Incarnation })
    expect(link.awaySince).toBe(clock.now())
    const unmet = a.hub.ensure({ ...b.spec, name: 'unmet' as NodeSpec['name'] })
    expect(unmet.awaySince).toBe(clock.now())
  })
})

describe('the silence of a peer', () => {
  test('is not what one lost heartbeat in each direction is taken for, whenever a fault takes it away', async () => {
    for (let delay = 0; delay < 10_000; delay += 500) {
      const [a, b] = await new World().pair()
      await a.world.pass(delay)
      for (const node of [a, b]) {
        let arrived = 0
        const heartbeatPasses = (_: Link, way: string): boolean => way === 'forward' || ++arrived > 1
        Object.assign(node, { interposed: true, heartbeatPasses })
      }
      await a.world.pass(30_000)
      expect([a.told('down'), b.told('down')], `after ${delay} ms`).toEqual([[], []])
    }
  })

  test('before its connections were lost is not held against the next ones', async () => {
    for (let latency = 150; latency < 250; latency += 10) {
      const world = new World({ latency })
      const [a, b] = await world.pair()
      for (const tap of [...a.wire.open, ...b.wire.open]) tap.connection.pause()
      await world.pass(60_000)
      expect([a.told('down'), b.told('down')], `${latency} ms`).toEqual([['down b lost'], ['down a lost']])
      expect(a.link(b).complete).toBe(true)
    }
  })
})

describe('what neither end wants', () => {
  test('is closed a while after its control lane, with what waits for that', async () => {
    const [a, b] = await new World().pair()
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      one.link(other).tell({ type: 'wanted', wanted: false })
    }
    const { control } = a.link(b)
    control.close('disconnected', 'not wanted')
    await a.world.pass(10)
    expect(a.send(control, 'work', 1)).toBeDefined()
    expect(a.link(b).openLanes).toBeGreaterThan(0)
    await a.world.pass(9_000)
    expect(control.queue.length).toBe(1)
    await a.world.pass(2_000)
    expect(control.queue.length).toBe(0)
    expect([a.hub.links.size, b.hub.links.size]).toEqual([0, 0])
    expect([a.wire.open, b.wire.open]).toEqual([[], []])
  })

  test('is not dialled further when it is closed, also where a connection stays', async () => {
    const world = new World({ latency: 50 })
    const [a, b] = [await world.node('a'), await world.node('b')]
    const link = a.want(b)
    await world.pass(60)
    expect(link.control.attempt).toBeDefined()
    link.tell({ type: 'wanted', wanted: false })
    link.close('disconnected', 'not wanted', () => false)
    expect(link.control.attempt).toBeUndefined()
    await world.pass(5_000)
    expect([a.wire.open, b.wire.open]).toEqual([[], []])
  })
})
