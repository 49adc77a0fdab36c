import { describe, expect, test } from 'vitest'
import { FrameKind } from '../../src/codec/codec.js'
import { membershipChannel } from '../../src/core/channel.js'
import type { Established } from '../../src/link/handshake.js'
import type { Lane } from '../../src/link/lane.js'
import type { Connection } from '../../src/transport/transport.js'
import { identity } from '../support/handshake-ends.js'
import { type HubNode, World } from '../support/hubs.js'

const frame = (kind: number, ...body: number[]): Uint8Array => Uint8Array.of(kind, 0, 0, body.length, ...body)
const ready = frame(FrameKind.ready)
const readyToGoOn = frame(FrameKind.ready, 1)
const moved = frame(FrameKind.moved)

/** One end of a connection to a peer that the test plays. */
class Played implements Connection {
  readonly remote = 'memory://b:1'
  readonly relayed: boolean
  readonly sent: string[] = []
  closed = false
  /** It takes no more for now. */
  full = false

  constructor(relayed = false) {
    this.relayed = relayed
  }

  send(chunk: Uint8Array): boolean {
    this.sent.push([...chunk].join())
    return !this.full
  }

  close(): void {
    this.closed = true
  }

  destroy(): void {
    this.closed = true
  }

  admit(): void {}
  pause(): void {}
  resume(): void {}
}

/** The control lane of `a` to `b`, over a relayed connection that `b` dialled. */
async function setUp() {
  const world = new World()
  const a = await world.node('a')
  const { spec: peer } = identity('b', { channels: a.spec.channels })
  const lane = a.hub.ensure(peer).control
  const established = (generation: number, fresh = false): Established => ({
    ...{ peer, slot: { channel: membershipChannel, lane: 0, generation }, version: 1, features: [], fresh },
    limits: { windowBytes: 100_000, messageBytes: 100_000, frameBytes: 1_000_000, depth: 64 },
  })
  const former = new Played(true)
  lane.attach(former, established(1, true), 'acceptor')
  lane.received(former, ready)
  await world.pass(0)
  return { world, a, lane, former, established }
}

function told(a: HubNode, lane: Lane) {
  return { phase: lane.phase, violated: a.told('violated'), closed: a.told('close b') }
}

describe('a lane over a relayed connection', () => {
  test('goes over to a direct one, and takes first what came on the relayed one', async () => {
    const { world, a, lane, former, established } = await setUp()
    const direct = new Played()
    expect(lane.succeed(direct, established(2), 'acceptor')).toBe(true)
    lane.received(direct, readyToGoOn)
    lane.received(direct, frame(FrameKind.ping, 7))
    await world.pass(0)
    expect(direct.sent.join()).not.toContain(frame(FrameKind.pong, 7).join())
    lane.received(former, moved)
    await world.pass(0)
    expect(direct.sent.join()).toContain(frame(FrameKind.pong, 7).join())
    expect([former.closed, direct.closed]).toEqual([true, false])
    expect(told(a, lane)).toEqual({ phase: 'open', violated: [], closed: [] })
  })

  test('says what waits when the direct one has room, though what is under way on the other has not come', async () => {
    const { world, lane, former, established } = await setUp()
    const direct = new Played()
    lane.succeed(direct, established(2), 'dialler')
    direct.full = true
    lane.outbound.controlNumbers(FrameKind.ping, 7)
    await world.pass(0)
    lane.outbound.controlNumbers(FrameKind.ping, 8)
    await world.pass(0)
    expect(direct.sent.slice(1)).toEqual([frame(FrameKind.ping, 7).join()])
    // Of the other, too, it may be told still.
    lane.drained(former)
    expect(direct.sent.length).toBe(2)
    lane.drained(direct)
    expect([lane.moving, ...direct.sent.slice(2)]).toEqual([true, frame(FrameKind.ping, 8).join()])
  })

  test('does not go on on one whose dialler numbers its streams anew', async () => {
    const { lane, established } = await setUp()
    expect(lane.succeed(new Played(), established(2, true), 'acceptor')).toBe(false)
    expect(lane.moving).toBe(false)
  })

  test('takes a further direct one where nothing was said on the first: the dialler has given that up', async () => {
    const { a, lane, former, established } = await setUp()
    const [first, second] = [new Played(), new Played()]
    lane.succeed(first, established(2), 'acceptor')
    expect(lane.succeed(second, established(3), 'acceptor')).toBe(true)
    expect([first.closed, second.closed]).toEqual([true, false])
    lane.lost(first, 'closed')
    lane.received(second, readyToGoOn)
    lane.received(former, moved)
    expect([lane.connection, former.closed]).toEqual([second, true])
    expect(told(a, lane)).toEqual({ phase: 'open', violated: [], closed: [] })
  })

  test('takes no further direct one where the dialler has gone on on the first', async () => {
    const { lane, former, established } = await setUp()
    lane.succeed(new Played(), established(2), 'acceptor')
    lane.received(former, moved)
    expect(lane.succeed(new Played(), established(3), 'acceptor')).toBe(false)
  })

  test('begins anew when the dialler went on on a direct one that was lost: that breaks no rule', async () => {
    const { a, lane, former, established } = await setUp()
    const direct = new Played()
    lane.succeed(direct, established(2), 'acceptor')
    lane.lost(direct, 'severed')
    expect(told(a, lane)).toEqual({ phase: 'open', violated: [], closed: [] })
    lane.received(former, moved)
    const closed = ['close b membership/0: the connection that the peer goes on on is gone']
    expect(told(a, lane)).toEqual({ phase: 'closed', violated: [], closed })
    expect(former.closed).toBe(true)
  })
})

describe('a last word', () => {
  const violated = ['violated b membership/0 malformed: moved, and no other connection']

  test('breaks the rules where there is no direct connection', async () => {
    const { a, lane, former } = await setUp()
    lane.received(former, moved)
    expect(told(a, lane)).toMatchObject({ phase: 'closed', violated })
  })

  test('breaks them on a direct connection, whatever was abandoned before', async () => {
    const { a, lane, former, established } = await setUp()
    const [first, second] = [new Played(), new Played()]
    lane.succeed(first, established(2), 'acceptor')
    lane.lost(first, 'severed')
    lane.succeed(second, established(3), 'acceptor')
    lane.received(second, readyToGoOn)
    lane.received(former, moved)
    expect(told(a, lane)).toMatchObject({ phase: 'open', violated: [] })
    lane.received(second, moved)
    expect(told(a, lane)).toMatchObject({ phase: 'closed', violated })
  })

  test('breaks them on the next relayed connection, whatever was abandoned before', async () => {
    const { a, lane, former, established } = await setUp()
    const direct = new Played()
    lane.succeed(direct, established(2), 'acceptor')
    lane.lost(direct, 'severed')
    lane.lost(former, 'severed')
    const next = new Played(true)
    lane.attach(next, established(3), 'acceptor')
    lane.received(next, ready)
    lane.received(next, moved)
    expect(told(a, lane)).toMatchObject({ phase: 'closed', violated })
  })
})
