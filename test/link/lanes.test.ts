import { describe, expect, test } from 'vitest'
import { type HubNode, World } from '../support/hubs.js'

/** The lanes that are open at a node, by name. */
function openLanes(node: HubNode, peer: HubNode): string[] {
  const names: string[] = []
  for (const lane of node.link(peer).lanes())
    if (lane.phase === 'open') names.push(`${lane.channel.name}/${lane.index}`)
  return names.sort()
}

const all = ['default/0', 'default/1', 'membership/0']

describe('two nodes', () => {
  test('have one connection for each slot', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (const [node, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(openLanes(node, peer)).toEqual(all)
      expect(node.link(peer).complete).toBe(true)
      expect(node.wire.open.length).toBe(3)
      expect(node.told('up')).toEqual([`up ${peer.name}`])
      expect(node.told('down')).toEqual([])
    }
  })

  test('share the smaller number of lanes, and the channels that both have', async () => {
    const world = new World()
    const [a, b] = await world.pair(
      { channels: { default: { parallelism: 4 }, bulk: {}, mine: {} } },
      { channels: { default: { parallelism: 2 }, bulk: { parallelism: 3 }, yours: {} } },
    )
    const shared = ['bulk/0', ...all]
    expect([openLanes(a, b), openLanes(b, a)]).toEqual([shared, shared])
  })

  test('open the control lane first, and dial nothing else before', async () => {
    const world = new World({ latency: 20 })
    const a = await world.node('a')
    const b = await world.node('b')
    a.want(b)
    await world.pass(119)
    expect(a.wire.dials).toBe(1)
    await world.pass(1_000)
    expect(a.told('open')[0]).toBe('open b membership/0')
    expect(b.told('open')[0]).toBe('open a membership/0')
    expect(openLanes(b, a)).toEqual(all)
  })

  test('that dial each other at once end with exactly one connection for each slot', async () => {
    for (const latency of [0, 1, 10, 100, 200]) {
      // When the second node begins to dial, after the first: each handshake has four legs after the dial's two.
      for (let gap = 0; gap <= 8 * latency + 2; gap += Math.max(1, Math.floor(latency / 4))) {
        for (const swapped of [false, true]) {
          const world = new World({ latency })
          const a = await world.node('a', { seed: 3 })
          const b = await world.node('b', { seed: 4 })
          const [first, second] = swapped ? [b, a] : [a, b]
          const at = `latency ${latency}, gap ${gap}, ${first.name} first`
          first.hub.connect(first.want(second))
          await world.pass(gap)
          second.hub.connect(second.want(first))
          await world.pass(6_000)
          expect(openLanes(a, b), at).toEqual(all)
          expect(openLanes(b, a), at).toEqual(all)
          expect([a.wire.open.length, b.wire.open.length], at).toEqual([3, 3])
          for (const channel of ['membership', 'default']) {
            expect(a.lane(b, channel).generation, at).toBe(b.lane(a, channel).generation)
          }
        }
      }
    }
  })

  test('leave dialling to the smaller name, and the greater one dials where that does not help', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    expect([a.wire.dials, b.wire.dials]).toEqual([3, 0])

    const other = new World()
    const c = await other.node('c')
    const d = await other.node('d')
    c.wire.severed = true
    c.want(d)
    d.want(c)
    await other.pass(249)
    expect(d.wire.dials).toBe(0)
    c.wire.severed = false
    c.hub.links.get(d.spec.name)?.tell({ type: 'wanted', wanted: false })
    await other.pass(2_000)
    expect(openLanes(c, d)).toEqual(all)
    expect(d.wire.dials).toBe(3)
  })

  test('of which one has no address are connected by that one, whatever its name', async () => {
    const world = new World()
    const [a, z] = [await world.node('a'), await world.node('z', { listens: false })]
    a.want(z)
    z.want(a)
    await world.pass(1_000)
    expect(openLanes(a, z)).toEqual(all)
    expect([a.wire.dials, z.wire.dials]).toEqual([0, 3])
    z.wire.drop()
    await world.pass(2_000)
    expect(openLanes(a, z)).toEqual(all)
    expect(a.wire.dials).toBe(0)
  })
})

describe('a lost connection', () => {
  test('is dialled again, and the peer is up throughout when others were left', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const before = a.lane(b, 'default', 1).generation
    a.lane(b, 'default', 1).connection?.destroy()
    await world.pass(10)
    expect(openLanes(a, b)).toEqual(['default/0', 'membership/0'])
    await world.pass(1_000)
    expect(openLanes(a, b)).toEqual(all)
    expect(a.lane(b, 'default', 1).generation).toBeGreaterThan(before)
    expect([a.told('down'), b.told('down')]).toEqual([[], []])
  })

  test('that was the last takes the peer down, once, and brings it up again', async () => {
    const world = new World({ latency: 5 })
    const [a, b] = await world.pair()
    a.wire.drop()
    await world.pass(2_000)
    for (const [node, peer] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      const edges = node.log.filter(line => /^(up|down)/.test(line))
      expect(edges).toEqual([`up ${peer}`, `down ${peer} lost`, `up ${peer}`])
    }
    expect(openLanes(a, b)).toEqual(all)
  })

  test('is dialled again with back-off, for ever, and found soon after the network heals', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (const node of [a, b]) node.wire.severed = true
    a.wire.drop()
    await world.pass(60_000)
    const minute = a.wire.dials
    expect(minute).toBeGreaterThan(55)
    expect(minute).toBeLessThan(150)
    await world.pass(3_600_000)
    const hour = a.wire.dials - minute
    expect(hour).toBeGreaterThan(100)
    expect(hour).toBeLessThan(300)
    for (const node of [a, b]) node.wire.severed = false
    await world.pass(31_000)
    expect(openLanes(a, b)).toEqual(all)
    expect(a.told('up')).toEqual(['up b', 'up b'])
    expect(a.told('down')).toEqual(['down b lost'])
  })

  test('to a peer that nobody wants any more is not dialled again', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (const [node, peer] of [
      [a, b],
      [b, a],
    ] as const)
      node.link(peer).tell({ type: 'wanted', wanted: false })
    a.wire.drop()
    await world.pass(10_000)
    expect([a.wire.dials, b.wire.dials]).toEqual([3, 0])
    expect([a.hub.links.size, b.hub.links.size]).toEqual([0, 0])
  })

  test('that falls silent is found by the heartbeat, and the peer is up again afterwards', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (const tap of [...a.wire.open, ...b.wire.open]) tap.connection.pause()
    const from = world.clock.now()
    await world.clock.runAsync({ until: () => a.told('down').length > 0 })
    expect(world.clock.now() - from).toBeLessThanOrEqual(4_500)
    await world.pass(10_000)
    expect(openLanes(a, b)).toEqual(all)
    expect(b.told('down')).toEqual(['down a lost'])
  })

  test('that alone falls silent is given up, and opened anew, while others speak for the peer', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { connection, generation } = a.lane(b, 'default', 1)
    a.wire.of(connection).connection.pause()
    b.wire.of(b.lane(a, 'default', 1).connection).connection.pause()
    await world.pass(40_000)
    expect(openLanes(a, b)).toEqual(all)
    expect(openLanes(b, a)).toEqual(all)
    expect(a.lane(b, 'default', 1).generation).toBeGreaterThan(generation)
    expect([a.told('down'), b.told('down')]).toEqual([[], []])
    expect([a.told('close b default/0'), a.told('close b membership/0')]).toEqual([[], []])
  })

  test('is not what a lane without messages is taken for', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (let minute = 0; minute < 5; minute++) {
      a.send(a.lane(b, 'default', 0), 'busy', minute)
      await world.pass(60_000)
    }
    expect([a.told('close'), b.told('close')]).toEqual([[], []])
  })

  test('is not what a stall of the own process is taken for', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    for (const stall of [10_000, 30_000, 120_000]) {
      // Nothing runs meanwhile: what would have been heard is heard after the first tick.
      for (const tap of [...a.wire.open, ...b.wire.open]) tap.connection.pause()
      world.frozen = true
      await world.pass(stall)
      world.frozen = false
      for (const node of [a, b]) node.hub.tick()
      for (const tap of [...a.wire.open, ...b.wire.open]) tap.connection.resume()
      await world.pass(2_000)
    }
    expect([a.told('close'), b.told('close')]).toEqual([[], []])
  })
})

describe('a newer connection', () => {
  test('of a lane takes the place of the older, whose later bytes are discarded', async () => {
    const world = new World({ latency: 10 })
    const [a, b] = await world.pair()
    const old = b.wire.of(b.lane(a).connection)
    // a lost it without b noticing: a dials again.
    const lane = a.lane(b, 'default', 0)
    const batch = await sentBatch(world, a, b, 'kept', 1)
    expect(b.payloads('kept')).toEqual([1])
    if (lane.connection !== undefined) lane.lost(lane.connection, 'the test took it')
    await world.pass(2_000)
    expect(openLanes(b, a)).toEqual(all)
    expect(b.lane(a, 'default', 0).generation).toBe(lane.generation)
    expect(old.closed).toBe(true)
    // What the old one still brings is nobody's.
    old.handler.received(batch)
    await world.pass(100)
    expect(b.payloads('kept')).toEqual([1])
    expect(b.told('violated')).toEqual([])
    expect(b.told('duplicate')).toEqual([])
    await sentBatch(world, a, b, 'kept', 2)
    expect(b.payloads('kept')).toEqual([1, 2])
  })

  test('of an older generation is refused, and dialled again with a later one', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    b.lane(a, 'default', 0).generation = 41
    b.link(a).tell({ type: 'wanted', wanted: false })
    a.lane(b, 'default', 0).connection?.destroy()
    await world.pass(3_000)
    expect(a.log).toContain('refused b by peer: staleGeneration')
    expect(openLanes(a, b)).toEqual(all)
    expect(a.lane(b, 'default', 0).generation).toBeGreaterThan(41)
  })
})

/** Sends a message on the first lane of `default`, and returns the batch it left in. */
async function sentBatch(
  world: World,
  from: HubNode,
  to: HubNode,
  server: string,
  message: unknown,
): Promise<Uint8Array> {
  const lane = from.lane(to)
  const { sent } = from.wire.of(lane.connection)
  const before = sent.length
  from.send(lane, server, message)
  await world.pass(50)
  return sent[before] as Uint8Array
}
