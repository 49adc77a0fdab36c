import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom, sample } from '../../src/core/random.js'
import { StaticMembership } from '../../src/membership/static.js'
import { parseStaticMessage, type StaticMessage } from '../../src/membership/static-messages.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { MembershipBus, specOf } from '../support/membership-bus.js'

const hour = 3_600_000
const day = 24 * hour

function nodeOf(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): NodeSpec {
  return specOf(name, incarnation, { role: 'static', ...more })
}

/** Nodes of an open mesh; of closed ones where `given` lists their peers. */
class StaticBus extends MembershipBus<StaticMessage> {
  constructor(given?: (name: string) => readonly string[] | undefined, seed = 1) {
    super(({ name }) => {
      const peers = given?.(name)?.map(peer => specOf(peer, 0))
      return new StaticMembership({ peers })
    }, seed)
  }

  override start(
    name: string,
    incarnation = 1,
    more: Partial<NodeSpec> = {},
  ): ReturnType<MembershipBus<StaticMessage>['start']> {
    return super.start(name, incarnation, nodeOf(name, incarnation, more))
  }
}

function open(names: readonly string[], joins: readonly (readonly [string, string])[]): StaticBus {
  const bus = new StaticBus()
  for (const name of names) bus.start(name)
  for (const [one, other] of joins) bus.join(one, other)
  bus.run(100)
  return bus
}

function closed(names: readonly string[]): StaticBus {
  const bus = new StaticBus(() => names)
  for (const name of names) bus.start(name)
  bus.run(100)
  return bus
}

const chain = [
  ['a', 'b'],
  ['b', 'c'],
] as const

function views(bus: StaticBus): Record<string, string> {
  return Object.fromEntries([...bus.nodes.values()].map(({ name, members }) => [name, members.join('')]))
}

/** A machine by itself, and what it was asked to do by each input. */
function machineOf(peers?: readonly NodeSpec[]): {
  readonly machine: StaticMembership
  step(input: MembershipInput<StaticMessage>): MembershipEffect<StaticMessage>[]
} {
  const machine = new StaticMembership({ peers })
  const step = (input: MembershipInput<StaticMessage>): MembershipEffect<StaticMessage>[] => {
    const out: MembershipEffect<StaticMessage>[] = []
    machine.step(input, 0, out)
    return out
  }
  return { machine, step }
}

describe('an open mesh', () => {
  test('a join is mutual, and concerns the two alone', () => {
    const bus = open(['a', 'b', 'c'], chain)
    expect(views(bus)).toEqual({ a: 'ab', b: 'abc', c: 'bc' })
    expect(bus.node('a').events).toContainEqual({ type: 'joined', peer: 'b' })
    bus.run(day)
    expect(views(bus)).toEqual({ a: 'ab', b: 'abc', c: 'bc' })
    expect(JSON.stringify(bus.sent.filter(({ from, to }) => `${from}${to}`.includes('a')))).not.toContain('"c"')
  })

  test('an idle mesh says nothing but, twice a minute and to each member, that it is counted', () => {
    const bus = open(['a', 'b', 'c'], chain)
    bus.sent.length = 0
    bus.run(hour)
    expect(new Set(bus.sent.map(({ message }) => message.type))).toEqual(new Set(['counted']))
    expect(bus.sent).toHaveLength(4 * 2 * 60)
    const shut = closed(['a', 'b', 'c'])
    shut.sent.length = 0
    shut.run(day)
    expect(shut.sent).toEqual([])
  })

  test('an answer to a join that was lost is made good by the next connection', () => {
    const bus = open(['a', 'b'], [])
    bus.loses = (_from, _to, { type }) => type === 'counted'
    bus.join('a', 'b')
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'ab', b: 'ab' })
    expect(bus.node('a').has('joined')).toBe(false)
    bus.loses = () => false
    bus.disconnect('a', 'b')
    bus.run(100)
    expect(bus.node('a').has('joined')).toBe(true)
  })

  test('who has restarted, and missed that it is a member, is told again', () => {
    const bus = open(['a', 'b'], [['a', 'b']])
    bus.crash('b')
    bus.loses = () => true
    bus.start('b', 2)
    bus.run(100)
    bus.loses = () => false
    expect(views(bus)).toEqual({ a: 'ab', b: 'b' })
    bus.run(60_000)
    expect(views(bus)).toEqual({ a: 'ab', b: 'ab' })
  })

  test('who has restarted and knows nobody is taken back by those who dial it', () => {
    const bus = open(['a', 'b'], [['a', 'b']])
    bus.crash('b')
    bus.run(day)
    expect(views(bus)).toEqual({ a: 'ab' })
    bus.start('b', 2)
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'ab', b: 'ab' })
    expect(bus.node('a').machine.admit(nodeOf('b', 1))).toEqual({ type: 'stale', known: 2 })
  })

  test('a stranger that is only connected is no member, on either side', () => {
    const { machine, step } = machineOf()
    step({ type: 'start', self: nodeOf('a') })
    expect(step({ type: 'up', peer: nodeOf('b') })).toEqual([])
    expect(machine.members()).toHaveLength(1)
    expect(step({ type: 'down', node: 'b' as NodeName })).toEqual([])
  })

  test('a leave ends when all who are up have taken note, or after a second', () => {
    const bus = open(['a', 'b', 'c'], chain)
    bus.step(bus.node('b'), { type: 'leave' })
    expect(bus.node('b').has('told')).toBe(false)
    bus.run(5)
    expect(bus.node('b').has('told')).toBe(true)
    expect(views(bus)).toEqual({ a: 'a', b: 'b', c: 'c' })
    const silent = open(['a', 'b'], [['a', 'b']])
    silent.loses = () => true
    silent.step(silent.node('b'), { type: 'leave' })
    silent.run(999)
    expect(silent.node('b').has('told')).toBe(false)
    silent.run(1)
    expect(silent.node('b').has('told')).toBe(true)
  })

  test('who has left takes no part, and says so to whoever does not know', () => {
    const { machine, step } = machineOf()
    step({ type: 'start', self: nodeOf('a') })
    step({ type: 'leave' })
    expect(step({ type: 'join', peer: nodeOf('b') })).toEqual([])
    expect(step({ type: 'up', peer: nodeOf('b') })).toEqual([])
    const goodbye = { type: 'leaving', node: 'a', incarnation: 1 }
    for (const type of ['join', 'counted'] as const) {
      expect(step({ type: 'message', from: nodeOf('b'), message: { type } })).toEqual([
        { type: 'send', to: 'b', message: goodbye },
      ])
    }
    expect(machine.members().map(({ name }) => name)).toEqual(['a'])
  })

  test('who missed a leave is told when it comes back', () => {
    const bus = open(['a', 'b'], [['a', 'b']])
    bus.split(['a'], ['b'])
    bus.step(bus.node('b'), { type: 'leave' })
    bus.run(2_000)
    expect(views(bus)).toEqual({ a: 'ab', b: 'b' })
    bus.heal()
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'a', b: 'b' })
  })

  test('a removed member tells its others itself, and is removed once', () => {
    const bus = open(['a', 'b', 'c'], chain)
    bus.step(bus.node('a'), { type: 'remove', node: 'b' as NodeName })
    bus.run(100)
    expect(bus.node('a').has('told')).toBe(true)
    expect(bus.node('b').events.filter(({ type }) => type === 'removed')).toHaveLength(1)
    expect(views(bus)).toEqual({ a: 'a', b: 'b', c: 'c' })
  })

  test('who was removed while it was away is refused in that life, and taken in the next', () => {
    const bus = open(['a', 'b'], [['a', 'b']])
    bus.split(['a'], ['b'])
    bus.step(bus.node('a'), { type: 'remove', node: 'b' as NodeName })
    expect(bus.node('a').events.at(-1)).not.toMatchObject({ type: 'denied' })
    expect(bus.node('a').has('told')).toBe(true)
    expect(bus.node('a').machine.admit(nodeOf('b', 1))).toEqual({ type: 'removed' })
    expect(bus.node('a').machine.admit(nodeOf('b', 2))).toBeUndefined()
    bus.heal()
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'a', b: 'b' })
    bus.start('b', 2)
    bus.join('b', 'a')
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'ab', b: 'ab' })
  })

  test('removing a stranger, or the same member twice, ends at once', () => {
    const bus = open(['a', 'b'], [['a', 'b']])
    for (const node of ['x', 'b', 'b'] as NodeName[]) {
      bus.step(bus.node('a'), { type: 'remove', node })
      bus.run(10)
      expect(bus.node('a').events.at(-1)).toEqual({ type: 'told', node })
    }
    bus.step(bus.node('a'), { type: 'remove', node: 'a' as NodeName })
    expect(bus.node('a').machine.state()).toMatchObject({ members: ['a'], departed: true })
  })

  test('it is forgotten after a day that a member left', () => {
    const bus = open(['a', 'b'], [['a', 'b']])
    bus.step(bus.node('b'), { type: 'leave' })
    bus.run(100)
    bus.crash('b')
    bus.run(day - hour)
    expect(bus.node('a').machine.admit(nodeOf('b', 1))).toEqual({ type: 'removed' })
    bus.run(2 * hour)
    expect(bus.node('a').machine.admit(nodeOf('b', 1))).toBeUndefined()
    expect(views(bus)).toEqual({ a: 'a' })
  })

  test('a generated name is removed after it was down for an hour, counted anew when it comes back', () => {
    const bus = new StaticBus()
    bus.start('a')
    bus.start('x', 1, { generated: true })
    bus.start('y')
    for (const name of ['x', 'y']) bus.join(name, 'a')
    bus.run(100)
    for (let round = 0; round < 2; round++) {
      bus.split(['a'], ['x', 'y'])
      bus.run(hour - 60_000)
      bus.heal()
      bus.run(100)
    }
    expect(bus.node('a').members).toEqual(['a', 'x', 'y'])
    bus.run(2 * hour)
    expect(bus.node('a').members).toEqual(['a', 'x', 'y'])
    bus.crash('x')
    bus.crash('y')
    bus.run(hour - 60_000)
    expect(bus.node('a').members).toEqual(['a', 'x', 'y'])
    bus.run(120_000)
    expect(bus.node('a').members).toEqual(['a', 'y'])
  })

  test('a full table takes no further member, and does not tell it that it is one', () => {
    const machine = new StaticMembership({ members: 2 })
    const out: MembershipEffect<StaticMessage>[] = []
    machine.step({ type: 'start', self: nodeOf('a') }, 0, out)
    machine.step({ type: 'message', from: nodeOf('b'), message: { type: 'join' } }, 0, out)
    out.length = 0
    machine.step({ type: 'message', from: nodeOf('c'), message: { type: 'join' } }, 0, out)
    machine.step({ type: 'message', from: nodeOf('c'), message: { type: 'counted' } }, 0, out)
    expect(out).toEqual([])
    expect(machine.members()).toHaveLength(2)
  })
})

describe('a closed mesh', () => {
  test('lists its members from the start, wants them all, and names what it never met by the life 0', () => {
    const { machine, step } = machineOf(['b', 'a', 'c'].map(name => specOf(name, 0)))
    expect(machine.members()).toEqual([])
    const out = step({ type: 'start', self: nodeOf('b', 7) })
    const wanted = out.flatMap(effect => (effect.type === 'connect' ? [effect.peer.name] : []))
    expect(wanted).toEqual(['a', 'c'])
    expect(machine.members().map(({ name, incarnation }) => [name, incarnation])).toEqual([
      ['a', 0],
      ['b', 7],
      ['c', 0],
    ])
    expect(out.some(effect => effect.type === 'arm')).toBe(false)
    expect(machine.route('c' as NodeName)).toEqual([specOf('c', 0)])
    expect(machine.route('x' as NodeName)).toEqual([])
    expect(machine.capabilities).toEqual(['full-membership'])
  })

  test('takes those it was given, of this overlay, in whatever life', () => {
    const { machine } = closed(['a', 'b']).node('a')
    expect(machine.admit(nodeOf('b', 5))).toBeUndefined()
    expect(machine.admit(nodeOf('b', 0))).toEqual({ type: 'stale', known: 1 })
    expect(machine.admit(nodeOf('x'))).toMatchObject({ type: 'role' })
    expect(machine.admit(specOf('b', 5))).toMatchObject({ type: 'role' })
    expect(machine.admit(specOf('b', 5, { role: 'server' }))).toMatchObject({ type: 'role' })
    expect(open(['a'], []).node('a').machine.admit(nodeOf('x'))).toBeUndefined()
  })

  test('knows its peers in their lives once it has met them, and tells of each', () => {
    const bus = closed(['a', 'b', 'c'])
    expect(views(bus)).toEqual({ a: 'abc', b: 'abc', c: 'abc' })
    expect(
      bus
        .node('a')
        .machine.members()
        .map(({ incarnation }) => incarnation),
    ).toEqual([1, 1, 1])
    expect(bus.node('a').events.filter(({ type }) => type === 'members')).toHaveLength(3)
  })

  test('a peer that leaves is listed, dialled on, refused in that life, and taken in the next', () => {
    const bus = closed(['a', 'b'])
    bus.step(bus.node('b'), { type: 'leave' })
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'ab', b: 'b' })
    expect(bus.node('a').machine.state()).toMatchObject({ members: ['a', 'b'], left: ['b'], closed: true })
    expect(bus.node('a').connected.size).toBe(0)
    expect(bus.node('a').wanted.has('b' as NodeName)).toBe(true)
    expect(bus.node('a').machine.admit(nodeOf('b', 1))).toEqual({ type: 'removed' })
    bus.run(2 * day)
    expect(bus.node('a').machine.admit(nodeOf('b', 1))).toEqual({ type: 'removed' })
    bus.start('b', 2)
    bus.run(100)
    expect(bus.node('a').machine.state()).toMatchObject({ left: [] })
    expect([...bus.node('b').connected]).toEqual(['a'])
  })

  test('tells what a peer does in order: its links are closed as left, then it is dialled', () => {
    const { step } = machineOf([specOf('b', 0)])
    step({ type: 'start', self: nodeOf('a') })
    step({ type: 'up', peer: nodeOf('b') })
    const { incarnation } = nodeOf('b')
    const out = step({
      type: 'message',
      from: nodeOf('b'),
      message: { type: 'leaving', node: 'b' as NodeName, incarnation },
    })
    expect(out).toEqual([
      { type: 'send', to: 'b', message: { type: 'noted', node: 'b', incarnation } },
      { type: 'disconnect', node: 'b', reason: 'left', incarnation },
      { type: 'connect', peer: nodeOf('b') },
    ])
  })

  test('a peer that was never met can be removed, which means nothing to its first life', () => {
    const { machine, step } = machineOf([specOf('b', 0)])
    step({ type: 'start', self: nodeOf('a') })
    expect(step({ type: 'remove', node: 'b' as NodeName })).toContainEqual({
      type: 'notify',
      event: { type: 'told', node: 'b' },
    })
    expect(machine.members()).toHaveLength(2)
    expect(machine.admit(nodeOf('b', 1))).toBeUndefined()
  })

  test('begins each life with all that it was given, whoever left in the last', () => {
    const { machine, step } = machineOf([specOf('b', 0)])
    step({ type: 'start', self: nodeOf('a') })
    step({ type: 'up', peer: nodeOf('b', 5) })
    step({ type: 'leave' })
    expect(machine.members().map(({ name }) => name)).toEqual(['a'])
    step({ type: 'start', self: nodeOf('a', 2) })
    expect(machine.members().map(({ incarnation }) => incarnation)).toEqual([2, 0])
  })

  test('keeps a generated name that was given, however long it is down', () => {
    const bus = new StaticBus(() => ['a', 'b'])
    bus.start('a')
    bus.start('b', 1, { generated: true })
    bus.run(100)
    bus.crash('b')
    bus.run(2 * hour)
    expect(views(bus)).toEqual({ a: 'ab' })
  })

  test('holds more peers than an open mesh would', () => {
    const machine = new StaticMembership({ peers: ['b', 'c', 'd'].map(name => specOf(name, 0)), members: 2 })
    machine.step({ type: 'start', self: nodeOf('a') }, 0, [])
    expect(machine.members()).toHaveLength(4)
  })

  test('is met by an open node that it was given', () => {
    const bus = new StaticBus(name => (name === 'a' ? ['b'] : undefined))
    for (const name of ['a', 'b', 'c']) bus.start(name)
    bus.run(100)
    expect(views(bus)).toEqual({ a: 'ab', b: 'ab', c: 'c' })
  })
})

describe('what a peer says', () => {
  const incarnation = 1 as Incarnation
  const lies: readonly [string, StaticMessage][] = [
    ['that another left', { type: 'leaving', node: 'c' as NodeName, incarnation }],
    ['that it left in another life', { type: 'leaving', node: 'a' as NodeName, incarnation: 2 as Incarnation }],
    [
      'that this node was removed in an earlier life',
      { type: 'leaving', node: 'b' as NodeName, incarnation: 0 as Incarnation },
    ],
    ['that it noted what nobody told it', { type: 'noted', node: 'c' as NodeName, incarnation }],
  ]

  test.each(lies)('changes nothing: %s', (_what, message) => {
    const bus = open(['a', 'b', 'c'], chain)
    bus.sent.length = 0
    bus.node('b').events.length = 0
    bus.step(bus.node('b'), { type: 'message', from: nodeOf('a'), message })
    expect(bus.node('b').members).toEqual(['a', 'b', 'c'])
    expect([bus.sent, bus.node('b').events]).toEqual([[], []])
  })

  const good: StaticMessage[] = [
    { type: 'join' },
    { type: 'counted' },
    { type: 'leaving', node: 'a' as NodeName, incarnation },
    { type: 'noted', node: 'a' as NodeName, incarnation },
  ]

  test.each(good)('is read: $type', message => {
    expect(parseStaticMessage({ ...structuredClone(message), further: 1 })).toEqual(message)
  })

  const spoilt: [string, unknown][] = [
    ['nothing', undefined],
    ['a text', 'join'],
    ['a list', [{ type: 'join' }]],
    ['no type', {}],
    ['an unknown type', { type: 'news' }],
    ['leaving without a name', { type: 'leaving', incarnation: 1 }],
    ['leaving without a life', { type: 'leaving', node: 'a' }],
    ['a name that is too long', { type: 'leaving', node: 'x'.repeat(256), incarnation: 1 }],
    ['a life below 0', { type: 'noted', node: 'a', incarnation: -1 }],
    ['a life that is a text', { type: 'noted', node: 'a', incarnation: '1' }],
  ]

  test.each(spoilt)('is refused: %s', (_what, value) => {
    expect(parseStaticMessage(value)).toBeUndefined()
  })
})

describe('any history', () => {
  const names = ['a', 'b', 'c', 'd']
  const ring = names.map((name, index) => [name, names[(index + 1) % names.length] as string] as const)

  /** Nodes crash, restart, leave and are removed while the network splits and loses; then all is well again. */
  function history(bus: StaticBus, seed: number): StaticBus {
    const random = new SeededRandom(seed)
    const lives = new Map<string, number>()
    let loss = 0
    bus.loses = () => random.next() < loss
    const pick = (from: readonly string[]): string => sample(random, from, 1)[0] as string
    const begin = (name: string): void => {
      lives.set(name, (lives.get(name) ?? 0) + 1)
      bus.start(name, lives.get(name))
    }
    const join = (name: string): void => {
      for (const [one, other] of ring) if (one === name && bus.nodes.has(other as NodeName)) bus.join(one, other)
    }
    for (const name of names) begin(name)
    for (let round = 0; round < 40; round++) {
      const name = pick(names)
      const node = bus.nodes.get(name as NodeName)
      const roll = random.next()
      if (node === undefined || roll < 0.3) {
        begin(name)
        join(name)
      } else if (roll < 0.5) bus.crash(name)
      else if (roll < 0.6) bus.step(node, { type: 'leave' })
      else if (roll < 0.7) bus.step(node, { type: 'remove', node: pick(names) as NodeName })
      else if (roll < 0.9) {
        const half = sample(random, names, Math.floor(random.next() * names.length))
        bus.regroup(
          half,
          names.filter(each => !half.includes(each)),
        )
      } else loss = random.next() < 0.5 ? 0 : 0.3
      bus.run(Math.floor(random.next() * 3_000))
    }
    loss = 0
    bus.heal()
    for (let round = 0; round < 3; round++) {
      bus.run(5_000)
      // Whoever has left, was removed, or is gone, begins a new life; so must who holds that against a neighbour.
      for (const name of names) if (bus.nodes.get(name as NodeName)?.machine.state().departed !== false) begin(name)
      bus.run(100)
      for (const name of names) join(name)
    }
    bus.run(60_000)
    return bus
  }

  const seeds = Array.from({ length: 60 }, (_, index) => index + 1)

  test.each(seeds)('of an open mesh ends with those as members who joined each other (seed %i)', seed => {
    const bus = history(new StaticBus(undefined, seed), seed)
    expect(views(bus)).toEqual({ a: 'abd', b: 'abc', c: 'bcd', d: 'acd' })
    for (const node of bus.nodes.values()) expect([...node.connected, node.name].sort()).toEqual(node.members)
  })

  test.each(seeds)('of a closed mesh ends with all connected, each in its present life (seed %i)', seed => {
    const bus = history(new StaticBus(() => names, seed), seed)
    for (const node of bus.nodes.values()) {
      expect(node.members).toEqual(names)
      expect([...node.connected, node.name].sort()).toEqual(names)
      const lives = names.map(name => bus.node(name).spec.incarnation)
      expect(node.machine.members().map(({ incarnation }) => incarnation)).toEqual(lives)
      expect(node.machine.state()).toMatchObject({ left: [] })
    }
  })
})
