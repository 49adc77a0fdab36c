import { describe, expect, test } from 'vitest'
import { FrameKind } from '../../src/codec/codec.js'
import { membershipChannel } from '../../src/core/channel.js'
import type { Connection } from '../../src/transport/transport.js'
import { dialler, type End, identity } from '../support/handshake-ends.js'
import { type HubNode, World } from '../support/hubs.js'

/** A dialler called `a` that knows how to shake hands, and does nothing of its own. */
class RawDialler {
  readonly handshake: End
  readonly #connection: Connection
  closed = false

  private constructor(handshake: End, connection: Connection) {
    this.handshake = handshake
    this.#connection = connection
  }

  /** Asks for the control lane, and proves itself. */
  static async dial(world: World, to: HubNode, generation: number): Promise<RawDialler> {
    const { channels } = to.spec
    const slot = { channel: membershipChannel, lane: 0, generation, fresh: true }
    const handshake = dialler({ identity: identity('a', { channels }), choose: () => slot })
    const early: Uint8Array[] = []
    let raw: RawDialler | undefined
    const handler = {
      received: (chunk: Uint8Array) => (raw === undefined ? void early.push(chunk) : raw.#take(chunk)),
      drained: () => {},
      closed: () => {
        if (raw !== undefined) raw.closed = true
      },
    }
    const dialling = world.network.transport('a').dial({ url: `memory://${to.name}:1` }, handler, never)
    await world.pass(1)
    raw = new RawDialler(handshake, await dialling)
    for (const chunk of early) raw.#take(chunk)
    raw.#connection.send(handshake.sent[0] as Uint8Array)
    await world.pass(10)
    expect(handshake.established).toBe(true)
    return raw
  }

  ready(): void {
    this.#connection.send(Uint8Array.of(FrameKind.ready, 0, 0, 0))
  }

  drop(): void {
    this.#connection.destroy()
  }

  #take(chunk: Uint8Array): void {
    for (const effect of this.handshake.take(chunk)) if (effect.type === 'send') this.#connection.send(effect.chunk)
  }
}

const never = new AbortController().signal

describe('an accepted connection', () => {
  test('is given up when the dialler never says that it is ready', async () => {
    const world = new World()
    const b = await world.node('b')
    const raw = await RawDialler.dial(world, b, 1)
    const { control } = b.link({ name: 'a' })
    await world.pass(1_900)
    expect([control.phase, raw.closed]).toEqual(['opening', false])
    await world.pass(200)
    expect([control.phase, raw.closed]).toEqual(['closed', true])
    expect(b.told('up')).toEqual([])
  })

  test('is not given up for what became of the one before', async () => {
    const world = new World()
    const b = await world.node('b')
    const first = await RawDialler.dial(world, b, 1)
    await world.pass(500)
    first.drop()
    await world.pass(10)
    const second = await RawDialler.dial(world, b, 2)
    second.ready()
    await world.pass(2_500)
    expect([b.link({ name: 'a' }).control.phase, second.closed]).toEqual(['open', false])
  })

  test('is open once the dialler is ready, and stays so', async () => {
    const world = new World()
    const b = await world.node('b')
    const raw = await RawDialler.dial(world, b, 1)
    raw.ready()
    await world.pass(3_000)
    expect([b.told('up'), b.told('close'), raw.closed]).toEqual([['up a'], [], false])
  })
})

describe('a lane that is opened anew', () => {
  test('is usable both ways only when the other end has opened it too', async () => {
    const world = new World({ latency: 20 })
    const [a, b] = await world.pair()
    const lane = a.lane(b, 'default', 1)
    lane.connection?.destroy()
    await world.clock.runAsync({ until: () => lane.phase === 'closed' })
    await world.clock.runAsync({ until: () => lane.phase === 'open' })
    expect([a.link(b).complete, b.lane(a, 'default', 1).phase]).toEqual([false, 'opening'])
    await world.pass(50)
    expect([a.link(b).complete, b.link(a).complete]).toEqual([true, true])
  })

  test('is asked at once whether it works, whatever was under way on the last connection', async () => {
    const world = new World({ latency: 20 })
    const [a, b] = await world.pair()
    const lane = a.lane(b, 'default', 1)
    lane.ping()
    lane.connection?.destroy()
    await world.clock.runAsync({ until: () => lane.phase === 'closed' })
    await world.clock.runAsync({ until: () => lane.phase === 'open' })
    await world.pass(50)
    expect(lane.confirmed).toBe(true)
  })

  test('goes on with its numbers: what was seen on an earlier connection is not taken again', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const { sent } = a.wire.of(a.lane(b).connection)
    const before = sent.length
    a.send(a.lane(b), 'x', 'once')
    await world.pass(10)
    const batch = sent[before] as Uint8Array
    for (let round = 0; round < 2; round++) {
      a.lane(b).connection?.destroy()
      await world.pass(2_000)
      b.wire.of(b.lane(a).connection).handler.received(new Uint8Array(batch))
      await world.pass(10)
    }
    expect(b.payloads('x')).toEqual(['once'])
    expect(b.told('duplicate')).toEqual(['duplicate a default/0', 'duplicate a default/0'])
  })

  test('with a numbering that begins anew leaves those of other lanes as they are', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const other = a.lane(b, 'default', 1)
    const { sent } = a.wire.of(other.connection)
    const before = sent.length
    a.send(other, 'x', 'once')
    await world.pass(10)
    a.lane(b, 'default', 0).fresh = true
    a.lane(b, 'default', 0).connection?.destroy()
    await world.pass(2_000)
    b.wire.of(b.lane(a, 'default', 1).connection).handler.received(new Uint8Array(sent[before] as Uint8Array))
    await world.pass(10)
    expect(b.payloads('x')).toEqual(['once'])
    expect(b.told('duplicate')).toEqual(['duplicate a default/1'])
  })

  test('sends what waited for it before what is sent as soon as it opens', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    lane.connection?.destroy()
    await world.pass(0)
    for (const message of [1, 2]) a.send(lane, 'x', message)
    a.laneOpened = opened => void (opened === lane && a.send(lane, 'x', 3))
    await world.pass(2_000)
    expect(b.payloads('x')).toEqual([1, 2, 3])
  })
})

describe('a lane that is closed in order', () => {
  test('has sent what it was given before', async () => {
    const [a, b] = await new World().pair()
    a.send(a.lane(b), 'x', 'the last word')
    a.lane(b).close('disconnected', 'the test')
    await a.world.pass(10)
    expect(b.payloads('x')).toEqual(['the last word'])
    expect(b.told('closed-by-peer')).toEqual(['closed-by-peer a default/0 disconnected'])
  })
})

describe('a replaced connection', () => {
  test('ends without ending the one that took its place', async () => {
    const world = new World({ latency: 10 })
    const [a, b] = await world.pair()
    const old = b.wire.of(b.lane(a).connection)
    const lane = a.lane(b)
    // a lost it without b noticing: a dials again.
    if (lane.connection !== undefined) lane.lost(lane.connection, 'the test took it')
    await world.pass(10_000)
    expect(old.closed).toBe(true)
    expect(b.told('close ')).toEqual(['close a default/0: a newer connection took its place'])
  })
})

describe('heartbeats', () => {
  const pings = (node: HubNode): number =>
    node.wire.open.flatMap(({ sent }) => sent).filter(([kind]) => kind === FrameKind.ping).length

  test('are not asked of a peer that sends other things', async () => {
    const world = new World()
    const [a, b] = await world.pair()
    const before = pings(a)
    for (let count = 0; count < 40; count++) {
      b.send(b.lane(a, 'default', count % 2), 'x', count, count % 2)
      b.lane(a, 'membership').outbound.control(FrameKind.strategy, Uint8Array.of(0x01))
      await world.pass(250)
    }
    expect(pings(a)).toBe(before)
  })

  test('measure the round trip, also where it takes longer than the time between two of them', async () => {
    const world = new World({ latency: 240 })
    const [a, b] = await world.pair()
    const lane = a.lane(b)
    for (let count = 0; count < 20; count++) {
      lane.ping()
      await world.pass(100)
    }
    expect(lane.roundTrip).toBe(480)
  })
})
