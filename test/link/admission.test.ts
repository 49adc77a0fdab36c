import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/codec/codec.js'
import { type ChannelName, membershipChannel } from '../../src/core/channel.js'
import type { Incarnation, NodeSpec } from '../../src/core/node.js'
import { type AdmissionContext, admitPeer, chooseControl } from '../../src/link/admission.js'
import type { Freshness, Refusal, Slot } from '../../src/link/handshake.js'
import type { Link } from '../../src/link/link.js'
import { type HubNode, World } from '../support/hubs.js'

const first: Slot = { channel: 'default' as ChannelName, lane: 0, generation: 1 }
const role: Refusal = { code: CloseCode.role, text: 'no clients here' }

/** The same node in an earlier or later life. */
function lifeOf({ spec }: HubNode, incarnation: number): NodeSpec {
  return { ...spec, incarnation: incarnation as Incarnation }
}

/**
 * What a says of a peer that wants a slot. `b` is connected with it, by two lanes of `default` and the control lane.
 */
async function setUp(): Promise<{
  a: HubNode
  b: HubNode
  link: Link
  admit(peer: NodeSpec, slot?: Partial<Slot>, context?: Partial<AdmissionContext>): Freshness | Refusal
}> {
  const [a, b] = await new World().pair()
  const { channelMap } = a.link(b).settings
  const usual = { self: a.spec, channelMap, links: a.hub.links, free: 10, refusal: undefined, relayed: false }
  return {
    ...{ a, b, link: a.link(b) },
    admit: (peer, slot = {}, context = {}) =>
      admitPeer({ ...usual, ...context }, peer, { ...first, ...slot }, undefined),
  }
}

describe('a peer that wants a slot', () => {
  test('gets it when nobody knows it, with a numbering that begins anew', async () => {
    const { a, b, admit } = await setUp()
    a.hub.clear('the test')
    expect(admit(b.spec)).toEqual({ fresh: true })
  })

  test('in a later life gets it, and is told that the numbering here begins anew', async () => {
    const { b, admit } = await setUp()
    expect(admit(lifeOf(b, 2_000))).toEqual({ fresh: true })
  })

  test('in an earlier life is told which one is known', async () => {
    const { b, admit } = await setUp()
    expect(admit(lifeOf(b, 999))).toMatchObject({ code: CloseCode.staleIncarnation, known: 1_000 })
  })

  test('by the name of this node is told that it is stale, or else who this is', async () => {
    const { a, admit } = await setUp()
    expect(admit(lifeOf(a, 999))).toMatchObject({ code: CloseCode.staleIncarnation, known: 1_000 })
    expect(admit(lifeOf(a, 1_001))).toMatchObject({ code: CloseCode.wrongNode, text: 'a' })
  })

  test('is refused when the overlay says so, known or not', async () => {
    const { b, admit } = await setUp()
    for (const links of [new Map(), undefined]) {
      expect(admit(b.spec, { generation: 9 }, { refusal: role, ...(links && { links }) })).toEqual(role)
    }
  })

  test('gets none that the two do not share', async () => {
    const { a, b, admit } = await setUp()
    for (const slot of [{ lane: 2 }, { lane: 5 }, { channel: 'other' as ChannelName }]) {
      expect(admit(b.spec, { ...slot, generation: 9 })).toMatchObject({ code: CloseCode.unknownChannel })
    }
    a.hub.clear('the test')
    for (const slot of [{ lane: 2 }, { channel: 'other' as ChannelName }]) {
      expect(admit(b.spec, slot)).toMatchObject({ code: CloseCode.unknownChannel })
    }
  })

  test('is refused where as many peers are connected as may be, unless it is one of them', async () => {
    const { a, b, admit } = await setUp()
    expect(admit(b.spec, { generation: 9 }, { free: 0 })).toEqual({ fresh: false })
    expect(admit(b.spec, {}, { free: 0, links: new Map() })).toMatchObject({ code: CloseCode.tooManyPeers })
    expect(admit(b.spec, {}, { free: 1, links: new Map() })).toEqual({ fresh: true })
    a.wire.drop()
    await a.world.pass(0)
    expect(admit(b.spec, { generation: 9 }, { free: 0 })).toMatchObject({ code: CloseCode.tooManyPeers })
  })

  test('needs a later generation than the present one, within reason', async () => {
    const { b, admit, link } = await setUp()
    const { generation } = link.channels.get(first.channel)?.lanes[0] ?? { generation: 0 }
    const stale = { code: CloseCode.staleGeneration, known: generation }
    expect(admit(b.spec, { generation: generation - 1 })).toMatchObject(stale)
    expect(admit(b.spec, { generation })).toMatchObject(stale)
    expect(admit(b.spec, { generation: generation + 1 })).toEqual({ fresh: false })
    expect(admit(b.spec, { generation: generation + 1_000_000 })).toEqual({ fresh: false })
    expect(admit(b.spec, { generation: generation + 1_000_001 })).toMatchObject({ code: CloseCode.malformed })
  })

  test('has to wait with a direct connection until the relayed one is open, or gone', async () => {
    const { admit, a, b } = await setUp()
    const lane = a.lane(b)
    const slot = { generation: lane.generation + 1 }
    lane.relayed = true
    expect(admit(b.spec, slot)).toEqual({ fresh: false })
    lane.phase = 'opening'
    expect(admit(b.spec, slot)).toMatchObject({ code: CloseCode.opening })
    expect(admit(b.spec, slot, { relayed: true })).toEqual({ fresh: false })
    lane.relayed = false
    expect(admit(b.spec, slot)).toEqual({ fresh: false })
  })

  test('gives way to an attempt at the same generation only where that comes from the smaller name', async () => {
    for (const [swapped, given] of [
      [false, { code: CloseCode.tieBreak }],
      [true, { fresh: false }],
    ] as const) {
      const [one, other] = await new World().pair()
      const [self, peer] = swapped ? [other, one] : [one, other]
      const lane = self.lane(peer)
      const attempt = { generation: lane.generation + 1, cancel: () => {} }
      lane.attempt = attempt
      const { channelMap } = self.link(peer).settings
      const usual = { self: self.spec, channelMap, links: self.hub.links, free: 10 }
      const context = { ...usual, refusal: undefined, relayed: false }
      const admit = (generation: number, ours: typeof attempt | undefined): Freshness | Refusal =>
        admitPeer(context, peer.spec, { ...first, generation }, ours)
      expect(admit(attempt.generation, undefined)).toMatchObject(given)
      expect(admit(attempt.generation + 1, undefined)).toEqual({ fresh: false })
      expect(admit(attempt.generation, attempt)).toEqual({ fresh: false })
    }
  })
})

describe('a greeting', () => {
  test('asks a stranger, or a later life of a peer, for the first connection to it', async () => {
    const { a, b } = await setUp()
    const anew = { generation: 1, fresh: true, taken: undefined, refusal: undefined }
    expect(chooseControl(new Map(), b.spec)).toMatchObject({ ...anew, lane: undefined })
    expect(chooseControl(a.hub.links, lifeOf(b, 2_000))).toMatchObject(anew)
  })

  test('asks a known peer for a later connection than the last, unless there is one or soon will be', async () => {
    const { a, b, link } = await setUp()
    expect(chooseControl(a.hub.links, b.spec).taken).toBe(link)
    a.wire.drop()
    await a.world.pass(0)
    const lane = a.lane(b, membershipChannel)
    const asked = { generation: lane.generation + 1, fresh: false, refusal: undefined }
    expect(chooseControl(a.hub.links, b.spec)).toMatchObject({ ...asked, taken: undefined })
    lane.attempt = { generation: undefined, cancel: () => {} }
    expect(chooseControl(a.hub.links, b.spec).taken).toBe(undefined)
    lane.attempt = { generation: lane.generation + 1, cancel: () => {} }
    expect(chooseControl(a.hub.links, b.spec).taken).toBe(link)
  })

  test('that meets an earlier life of a peer says so', async () => {
    const { a, b } = await setUp()
    const { refusal } = chooseControl(a.hub.links, lifeOf(b, 999))
    expect(refusal).toMatchObject({ code: CloseCode.staleIncarnation, known: 1_000 })
  })
})
