import { expect, test } from 'vitest'
import { OverlayBus } from '../sim/overlay/overlay-bus.js'
import { populate } from '../sim/overlay/overlay-churn.js'
import { shapeOf } from '../sim/overlay/overlay-graph.js'
import { messagesOf } from '../support/driven-machine.js'
import { disconnected, OneMachine, peerOf } from '../support/hyparview-machine.js'

const round = 10_000
const seeds = Array.from({ length: 20 }, (_, index) => index + 1)
const nodes = 40
const vip = { attributes: { tag: 'vip' } }
/** The last two nodes have tags. */
const tags = new Map([
  [nodes - 1, 'db'],
  [nodes - 2, 'log'],
])

/** Nodes of which some keep slots for two that come later. */
function overlay(seed: number, keepers: readonly number[]): OverlayBus {
  const more = (index: number): object => (tags.has(index) ? { attributes: { tag: tags.get(index) } } : {})
  const bus = new OverlayBus({ seed, more })
  populate(bus, nodes - tags.size, 20)
  bus.run(3 * round)
  for (const index of keepers) {
    for (const tag of tags.values()) bus.step(bus.node(index), { type: 'reserve', tag })
  }
  bus.run(round)
  for (const index of [...tags.keys()].sort((one, other) => one - other)) {
    bus.start(index)
    bus.join(index, 0)
    bus.run(20)
  }
  return bus
}

function holds(bus: OverlayBus, index: number, other: number): boolean {
  return bus
    .node(index)
    .machine.members()
    .some(({ name }) => name === `n${other}`)
}

function expectFilled(bus: OverlayBus, keepers: readonly number[]): void {
  for (const index of keepers) for (const other of tags.keys()) expect(holds(bus, index, other)).toBe(true)
}

test.each(seeds)('slots are filled by those who keep them, stay so, and are again after a restart (seed %i)', seed => {
  const keepers = [5, 11, 17]
  const bus = overlay(seed, keepers)
  // Shuffles have to bring the news; whoever has heard it asks in its next round.
  bus.run(20 * round)
  expectFilled(bus, keepers)
  for (let time = 0; time < 20; time++) {
    bus.run(round)
    expectFilled(bus, keepers)
  }
  bus.crash(nodes - 1)
  bus.run(2 * round)
  bus.start(nodes - 1)
  bus.join(nodes - 1, 0)
  bus.run(10 * round)
  expectFilled(bus, keepers)
  expect(shapeOf(bus)).toMatchObject({ reached: 1, components: 1, oneSided: 0, dead: 0 })
})

test.each(seeds.slice(0, 5))(
  'slots of more nodes than one can be a neighbour of do not tear the views (seed %i)',
  seed => {
    const keepers = Array.from({ length: 20 }, (_, index) => index + 5)
    const bus = overlay(seed, keepers)
    bus.run(20 * round)
    const held = (): number[] => keepers.filter(index => holds(bus, index, nodes - 1))
    const before = held()
    // One of its five places is anybody's.
    expect(before.length).toBeGreaterThanOrEqual(4)
    bus.run(10 * round)
    expect(held().filter(index => before.includes(index)).length).toBeGreaterThanOrEqual(4)
    expect(shapeOf(bus)).toMatchObject({ reached: 1, components: 1, oneSided: 0, dead: 0 })
  },
)

test('a node with the tag is asked though the view is full, and takes the place of another', () => {
  const one = new OneMachine({ activeViewSize: 3 })
  one.befriend('a', 'b', 'c')
  one.meet(peerOf('v', 1, vip))
  one.step({ type: 'reserve', tag: 'vip' })
  expect(one.wanted.has('v')).toBe(true)
  one.step({ type: 'up', peer: peerOf('v', 1, vip) })
  one.hear('v', { type: 'neighbor-reply', accepted: true }, vip)
  expect(one.active).toContain('v')
  expect(one.active).toHaveLength(3)
})

test('one that answers when another has the slot is let go', () => {
  const one = new OneMachine({ activeViewSize: 3 })
  one.befriend('a', 'b')
  one.meet(peerOf('v', 1, vip))
  one.step({ type: 'reserve', tag: 'vip' })
  one.step({ type: 'up', peer: peerOf('v', 1, vip) })
  one.hear('w', { type: 'neighbor', priority: 'low' }, vip)
  expect(disconnected(one.hear('v', { type: 'neighbor-reply', accepted: true }, vip))).toContain('v')
  expect(one.active).toEqual(['a', 'b', 'w'])
})

test('nodes with the tag that refuse do not keep the other places empty', () => {
  const one = new OneMachine()
  one.befriend('a')
  one.step({ type: 'reserve', tag: 'vip' })
  const vips = ['v1', 'v2', 'v3'].map(name => peerOf(name, 1, vip))
  one.meet(...vips)
  one.timer('round', round)
  for (const spec of vips) {
    one.step({ type: 'up', peer: spec })
    one.hear(spec.name, { type: 'neighbor-reply', accepted: false }, vip)
  }
  one.meet(peerOf('b'))
  one.step({ type: 'reserve', tag: 'vip' })
  expect(one.wanted.has('b')).toBe(true)
})

test('who is kept keeps in return, and leaves one place to everybody', () => {
  const one = new OneMachine({ activeViewSize: 3 }, 1, vip)
  const ask = (from: string): boolean | undefined =>
    messagesOf(one.hear(from, { type: 'neighbor', priority: 'reserved' }), 'neighbor-reply')[0]?.message.accepted
  one.befriend('a', 'b', 'c')
  expect([ask('k'), ask('l'), ask('m')]).toEqual([true, true, false])
  for (let count = 0; count < 20; count++) one.befriend(`x${count}`)
  expect(one.active).toEqual(['k', 'l', 'x19'])
  one.hear('k', { type: 'disconnect' })
  expect(ask('m')).toBe(true)
})

test('who has no tag is kept by nobody, whatever others say', () => {
  const one = new OneMachine({ activeViewSize: 3 })
  one.befriend('a', 'b', 'c')
  const replies = messagesOf(one.hear('k', { type: 'neighbor', priority: 'reserved' }), 'neighbor-reply')
  expect(replies[0]?.message.accepted).toBe(false)
  expect(one.active).toEqual(['a', 'b', 'c'])
})
