import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { FullMembership } from '../../src/membership/full.js'
import {
  entriesPerMessage,
  type FullMessage,
  marksPerMessage,
  parseFullMessage,
} from '../../src/membership/full-messages.js'
import type { MembershipEffect } from '../../src/membership/strategy.js'
import { Bus, specOf } from '../support/membership-bus.js'

const day = 24 * 3_600_000

function cluster(names: readonly string[], options: ConstructorParameters<typeof Bus>[0] = {}): Bus {
  const bus = new Bus(options)
  for (const name of names) bus.start(name)
  const [first = '', ...others] = names
  for (const name of others) bus.join(name, first)
  bus.run(2_000)
  return bus
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${100 + index}`)

describe('full membership', () => {
  test('begins alone', () => {
    const bus = new Bus()
    expect(bus.start('a').members).toEqual(['a'])
  })

  test('a join makes each a member of the other, and says that it did', () => {
    const bus = cluster(['a', 'b'])
    expect(bus.agreeOn('a', 'b')).toBe(true)
    expect(bus.node('b').events).toContainEqual({ type: 'joined', peer: 'a' })
  })

  test('who joins one member joins all, within a second', () => {
    const names = numbered(20)
    const bus = cluster(names.slice(1))
    bus.start('n100')
    bus.join('n100', 'n105')
    bus.run(1_000)
    expect(bus.agreeOn(...names)).toBe(true)
    expect(bus.node('n100').wanted.size).toBe(19)
  })

  test('more members than fit in one message are told of in several', () => {
    const names = numbered(entriesPerMessage + 10)
    const bus = cluster(names)
    expect(bus.agreeOn(...names)).toBe(true)
    bus.start('late')
    bus.join('late', 'n100')
    bus.run(30)
    expect(bus.node('late').members).toHaveLength(names.length + 1)
    expect(bus.node('late').has('joined')).toBe(true)
  })

  test('islands merge through a single join', () => {
    const bus = new Bus()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) bus.start(name)
    for (const [one, other] of [
      ['a', 'b'],
      ['b', 'c'],
      ['d', 'e'],
      ['e', 'f'],
    ] as const)
      bus.join(one, other)
    bus.run(1_000)
    bus.join('c', 'd')
    bus.run(1_000)
    expect(bus.agreeOn('a', 'b', 'c', 'd', 'e', 'f')).toBe(true)
  })

  test('rumour alone brings news to everybody when no digest is sent', () => {
    const bus = cluster(numbered(30), { digestInterval: day })
    bus.start('new')
    bus.join('new', 'n100')
    bus.run(500)
    expect(bus.agreeOn(...numbered(30), 'new')).toBe(true)
  })

  test('digests mend what rumour lost', () => {
    const bus = cluster(numbered(8))
    bus.start('new')
    const muted = (from: string, to: string): boolean => from === 'new' && to !== 'n100'
    bus.loses = (from, to, message) => muted(from, to) || (message.type === 'news' && to !== 'new')
    bus.join('new', 'n100')
    bus.run(400)
    expect(bus.node('n104').members).toEqual(numbered(8))
    bus.loses = (from, to, message) => muted(from, to) || (message.type === 'news' && bus.clock.now() % 3 === 0)
    bus.run(30_000)
    expect(bus.agreeOn(...numbered(8), 'new')).toBe(true)
  })

  test('digests mend a leave that only one member heard of', () => {
    const bus = cluster(numbered(6))
    bus.loses = (_from, to, message) => (message.type === 'leaving' || message.type === 'news') && to !== 'n101'
    bus.step(bus.node('n105'), { type: 'leave' })
    bus.run(500)
    bus.crash('n105')
    bus.run(100)
    expect(bus.node('n100').members).toContain('n105')
    bus.loses = () => false
    bus.run(20_000)
    expect(bus.agreeOn(...numbered(5))).toBe(true)
  })

  test('an answer to a join that was lost is made good by the digest of a member that counts the joiner', () => {
    const bus = new Bus()
    for (const name of ['a', 'b']) bus.start(name)
    bus.loses = (_from, to) => to === 'b'
    bus.join('b', 'a')
    bus.run(100)
    expect(bus.node('a').members).toEqual(['a', 'b'])
    bus.loses = () => false
    bus.run(5_000)
    expect(bus.agreeOn('a', 'b')).toBe(true)
  })

  test('a leave ends when all who are up have taken note, and the leaver is alone', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.step(bus.node('c'), { type: 'leave' })
    expect(bus.node('c').has('told')).toBe(false)
    bus.run(5)
    expect(bus.node('c').has('told')).toBe(true)
    expect(bus.node('c').members).toEqual(['c'])
    expect(bus.node('a').members).toEqual(['a', 'b'])
    expect(bus.node('b').members).toEqual(['a', 'b'])
  })

  test('a leave waits no longer than a second for those who say nothing', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.loses = from => from === 'b' || from === 'c'
    bus.step(bus.node('c'), { type: 'leave' })
    bus.run(999)
    expect(bus.node('c').has('told')).toBe(false)
    bus.run(1)
    expect(bus.node('c').has('told')).toBe(true)
  })

  test('a leave waits for nobody whose connection is lost meanwhile', () => {
    const bus = cluster(['a', 'b'])
    bus.loses = () => true
    bus.step(bus.node('b'), { type: 'leave' })
    bus.crash('a')
    expect(bus.node('b').has('told')).toBe(true)
  })

  test('whoever is removed hears of it and is alone', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.step(bus.node('a'), { type: 'remove', node: 'c' as NodeName })
    bus.run(500)
    expect(bus.node('a').has('told')).toBe(true)
    expect(bus.node('c').events.filter(({ type }) => type === 'removed')).toHaveLength(1)
    expect(bus.node('c').members).toEqual(['c'])
    expect(bus.node('b').members).toEqual(['a', 'b'])
  })

  test('removing a stranger ends at once', () => {
    const bus = cluster(['a', 'b'])
    bus.step(bus.node('a'), { type: 'remove', node: 'x' as NodeName })
    expect(bus.node('a').events.at(-1)).toEqual({ type: 'told', node: 'x' })
    expect(bus.agreeOn('a', 'b')).toBe(true)
  })

  test('whoever was cut off while it was removed finds out when it comes back, and does not come back with it', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.split(['c'], ['a', 'b'])
    bus.run(100)
    bus.step(bus.node('a'), { type: 'remove', node: 'c' as NodeName })
    bus.run(100)
    bus.heal()
    bus.run(5_000)
    expect(bus.node('a').members).toEqual(['a', 'b'])
    expect(bus.node('b').members).toEqual(['a', 'b'])
    expect(bus.node('c').members).toEqual(['c'])
  })

  test('a leave outlives a partition: the far side gives the leaver up, though its own view has it', () => {
    const bus = cluster(['a', 'b', 'c', 'd'])
    bus.split(['a', 'd'], ['b', 'c'])
    bus.step(bus.node('d'), { type: 'leave' })
    bus.run(10)
    bus.crash('d')
    bus.run(5_000)
    expect(bus.node('b').members).toEqual(['a', 'b', 'c', 'd'])
    bus.heal()
    bus.run(5_000)
    expect(bus.agreeOn('a', 'b', 'c')).toBe(true)
  })

  test('a member that is down stays a member', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.crash('c')
    bus.run(3 * 3_600_000)
    expect(bus.agreeOn('a', 'b', 'c')).toBe(true)
    expect(bus.node('a').wanted.has('c' as NodeName)).toBe(true)
  })

  test('a restarted member is known by its later incarnation', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.crash('c')
    bus.run(1_000)
    bus.start('c', 2)
    bus.join('c', 'a')
    bus.run(1_000)
    expect(bus.agreeOn('a', 'b', 'c')).toBe(true)
    expect(bus.node('b').machine.members().at(-1)?.incarnation).toBe(2)
    expect(bus.node('b').machine.admit(specOf('c', 1))).toEqual({ type: 'stale', known: 2 })
  })

  test('a restarted member that knows nobody is taken back by those who dial it', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.crash('c')
    bus.run(1_000)
    bus.start('c', 2)
    bus.run(3_000)
    expect(bus.agreeOn('a', 'b', 'c')).toBe(true)
  })

  test('whoever left comes back in a later incarnation, not in the same', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.step(bus.node('c'), { type: 'leave' })
    bus.run(100)
    expect(bus.node('a').machine.admit(specOf('c', 1))).toEqual({ type: 'removed' })
    bus.start('c', 2)
    bus.join('c', 'b')
    bus.run(1_000)
    expect(bus.agreeOn('a', 'b', 'c')).toBe(true)
  })

  test('whoever hears of a later start of its own name is superseded', () => {
    const bus = cluster(['a', 'b'])
    const message: FullMessage = { type: 'news', entries: [{ spec: specOf('a', 5), left: false }], counted: false }
    bus.step(bus.node('a'), { type: 'message', from: bus.node('b').spec, message })
    expect(bus.node('a').events).toContainEqual({ type: 'superseded', known: 5 })
  })

  test('whoever hears an older life of its own name told of says which one it is in', () => {
    const bus = cluster(['a', 'b'])
    bus.start('a', 3)
    bus.join('a', 'b')
    bus.run(100)
    const before = bus.sent.length
    const message: FullMessage = { type: 'news', entries: [{ spec: specOf('a', 2), left: true }], counted: false }
    bus.step(bus.node('a'), { type: 'message', from: bus.node('b').spec, message })
    expect(bus.node('a').has('removed')).toBe(false)
    const [answer] = bus.sent.slice(before)
    expect(answer?.message).toMatchObject({ type: 'news', entries: [{ spec: { name: 'a', incarnation: 3 } }] })
  })
})

describe('an idle cluster', () => {
  test.each([2, 10, 40])('of %i nodes sends one digest per node and second, and nothing else', size => {
    const bus = cluster(numbered(size))
    bus.run(5_000)
    bus.sent.length = 0
    bus.run(60_000)
    expect(new Set(bus.sent.map(({ message }) => message.type))).toEqual(new Set(['digest']))
    expect(bus.sent.length / size / 60).toBeGreaterThan(0.9)
    expect(bus.sent.length / size / 60).toBeLessThan(1.1)
  })

  test('stays idle while a member is down', () => {
    const bus = cluster(numbered(10))
    bus.crash('n109')
    bus.run(5_000)
    bus.sent.length = 0
    bus.run(60_000)
    expect(new Set(bus.sent.map(({ message }) => message.type))).toEqual(new Set(['digest']))
  })

  test('one join costs each node a few messages, not one to each other', () => {
    const size = 100
    const bus = cluster(numbered(size))
    bus.run(10_000)
    bus.sent.length = 0
    bus.start('new')
    bus.join('new', 'n100')
    bus.run(400)
    const rumours = bus.sent.filter(({ message, to }) => message.type === 'news' && to !== 'new')
    expect(bus.agreeOn(...numbered(size), 'new')).toBe(true)
    expect(rumours.length).toBeLessThan(size * 10)
  })
})

describe('time', () => {
  test('sweeps who left after a day, and nobody brings it back', () => {
    const bus = cluster(['a', 'b', 'c'])
    bus.step(bus.node('c'), { type: 'leave' })
    bus.run(100)
    bus.crash('c')
    bus.run(day - 60_000)
    expect(bus.node('a').machine.admit(specOf('c', 1))).toEqual({ type: 'removed' })
    bus.run(120_000)
    expect(bus.node('a').machine.admit(specOf('c', 1))).toBeUndefined()
    bus.run(60_000)
    expect(bus.agreeOn('a', 'b')).toBe(true)
  })

  test('makes whoever was alone for more than a day adopt the view of the others', () => {
    const bus = cluster(['a', 'b', 'c', 'd'])
    bus.split(['d'], ['a', 'b', 'c'])
    bus.run(1_000)
    bus.step(bus.node('a'), { type: 'remove', node: 'c' as NodeName })
    bus.run(100)
    bus.crash('c')
    bus.run(day + 60_000)
    expect(bus.node('d').members).toEqual(['a', 'b', 'c', 'd'])
    bus.heal()
    bus.run(10_000)
    expect(bus.agreeOn('a', 'b', 'd')).toBe(true)
  })

  test('brings nobody back whose leave was forgotten just before an isolation of almost a day ends', () => {
    const bus = cluster(['a', 'b', 'c', 'd'])
    bus.run(27_000)
    bus.loses = (from, to) => from === 'd' || to === 'd'
    bus.step(bus.node('a'), { type: 'remove', node: 'c' as NodeName })
    bus.run(10)
    bus.crash('c')
    // The isolation is noticed after the removal, so it seems to be shorter than it was.
    bus.run(4_000)
    bus.split(['d'], ['a', 'b'])
    bus.loses = () => false
    bus.run(day - 500)
    expect(bus.node('a').machine.admit(specOf('c', 1))).toBeUndefined()
    bus.heal()
    bus.run(10_000)
    expect(bus.agreeOn('a', 'b', 'd')).toBe(true)
  })

  test('takes a view from another peer when the first is lost before it has told its own', () => {
    const bus = cluster(['a', 'b', 'c', 'd'])
    bus.split(['d'], ['a', 'b', 'c'])
    bus.step(bus.node('a'), { type: 'remove', node: 'c' as NodeName })
    bus.run(100)
    bus.crash('c')
    bus.run(day)
    bus.loses = (from, to) => from === 'a' && to === 'd'
    bus.heal()
    bus.run(3_000)
    bus.split(['a'], ['d'])
    bus.run(3_000)
    expect(bus.node('d').members).toEqual(['a', 'b', 'd'])
  })

  test('heals a cluster whose nodes were all alone for more than a day, whoever meets first', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const bus = new Bus({}, seed)
      const names = ['a', 'b', 'c', 'd', 'e', 'f']
      for (const name of names) bus.start(name)
      for (const name of names.slice(1)) bus.join(name, 'a')
      bus.run(2_000)
      bus.split(...names.map(name => [name]))
      bus.run(day + 60_000)
      // Pairs meet first: none of them may take what the two know for all there is.
      const random = new SeededRandom(seed)
      const shuffled = [...names].sort(() => random.next() - 0.5)
      bus.regroup(shuffled.slice(0, 2), shuffled.slice(2, 4), shuffled.slice(4))
      bus.run(5_000)
      bus.heal()
      bus.run(10_000)
      expect(bus.agreeOn(...names), `seed ${seed}`).toBe(true)
    }
  })

  test('removes members with generated names that were down for an hour, and no others', () => {
    const bus = new Bus()
    bus.start('a')
    bus.start('b')
    bus.start('x', 1, { generated: true })
    bus.start('y')
    for (const name of ['b', 'x', 'y']) bus.join(name, 'a')
    bus.run(2_000)
    bus.crash('x')
    bus.crash('y')
    bus.run(3_600_000 - 60_000)
    expect(bus.agreeOn('a', 'b', 'x', 'y')).toBe(true)
    bus.run(120_000)
    expect(bus.agreeOn('a', 'b', 'y')).toBe(true)
  })

  test('keeps a member with a generated name that was down for a moment, long ago', () => {
    const bus = new Bus()
    bus.start('a')
    bus.start('x', 1, { generated: true })
    bus.join('x', 'a')
    bus.run(2_000)
    bus.split(['a'], ['x'])
    bus.run(60_000)
    bus.heal()
    bus.run(2 * 3_600_000)
    expect(bus.agreeOn('a', 'x')).toBe(true)
  })

  test('counts the hour anew for a generated name that was up in between', () => {
    const bus = new Bus()
    bus.start('a')
    bus.start('x', 1, { generated: true })
    bus.join('x', 'a')
    bus.run(2_000)
    bus.split(['a'], ['x'])
    bus.run(3_000_000)
    bus.heal()
    bus.run(1_000)
    bus.split(['a'], ['x'])
    bus.run(3_000_000)
    expect(bus.node('a').members).toEqual(['a', 'x'])
  })
})

describe('bounds', () => {
  test('a full table takes no further member, and does not tell it that it is one', () => {
    const bus = new Bus({ members: 3 })
    for (const name of ['a', 'b', 'c', 'd']) bus.start(name)
    for (const name of ['b', 'c']) bus.join(name, 'a')
    bus.run(1_000)
    bus.join('d', 'a')
    bus.run(1_000)
    expect(bus.node('a').members).toEqual(['a', 'b', 'c'])
    expect(bus.node('d').has('joined')).toBe(false)
  })

  test('a digest that differs is answered in parts that are read', () => {
    const names = Array.from({ length: marksPerMessage + 40 }, (_, index) => `m${10_000 + index}`)
    const machine = new FullMembership({ random: new SeededRandom(1) })
    const out: MembershipEffect<FullMessage>[] = []
    machine.step({ type: 'start', self: specOf('a') }, 0, out)
    const from = specOf('b')
    machine.step({ type: 'message', from, message: { type: 'join', entries: [] } }, 0, out)
    for (let start = 0; start < names.length; start += entriesPerMessage) {
      const entries = names.slice(start, start + entriesPerMessage).map(name => ({ spec: specOf(name), left: false }))
      machine.step({ type: 'message', from, message: { type: 'news', entries, counted: false } }, 0, out)
    }
    out.length = 0
    machine.step({ type: 'message', from, message: { type: 'digest', hash: 0, check: 0, counted: true } }, 0, out)
    const summaries = out.flatMap(effect => (effect.type === 'send' ? [parseFullMessage(effect.message)] : []))
    expect(summaries).toHaveLength(2)
    expect(summaries.every(summary => summary?.type === 'summary')).toBe(true)
    const marks = summaries.flatMap(summary => (summary?.type === 'summary' ? summary.marks : []))
    expect(new Set(marks.map(([name]) => name)).size).toBe(names.length + 2)
  })

  test('who asks for names that nobody has is told nothing', () => {
    const bus = cluster(['a', 'b'])
    const before = bus.sent.length
    const message: FullMessage = { type: 'want', names: ['x' as NodeName] }
    bus.step(bus.node('a'), { type: 'message', from: bus.node('b').spec, message })
    expect(bus.sent).toHaveLength(before)
  })
})

describe('what peers send', () => {
  const spec = specOf('a')
  const good: FullMessage[] = [
    { type: 'join', entries: [{ spec, left: false }] },
    { type: 'news', entries: [{ spec, left: true }], counted: true },
    { type: 'digest', hash: 1, check: 2, counted: false },
    { type: 'summary', marks: [['a' as NodeName, 1 as Incarnation, 0]], after: 'A', upTo: 'z' },
    { type: 'want', names: ['a' as NodeName] },
    { type: 'leaving', entry: { spec, left: true } },
    { type: 'noted', node: 'a' as NodeName, incarnation: 1 as Incarnation },
  ]

  test.each(good)('is read: $type', message => {
    expect(parseFullMessage(structuredClone(message))).toEqual(message)
  })

  const spoilt: [string, unknown][] = [
    ['nothing', undefined],
    ['a text', 'join'],
    ['a list', [{ type: 'join' }]],
    ['no type', {}],
    ['an unknown type', { type: 'gossip' }],
    ['entries that are no list', { type: 'join', entries: {} }],
    ['an entry without a spec', { type: 'join', entries: [{ left: false }] }],
    ['an entry that is null', { type: 'news', entries: [null] }],
    ['too many entries', { type: 'news', entries: Array.from({ length: entriesPerMessage + 1 }, () => ({ spec })) }],
    ['an incarnation below 0', { type: 'news', entries: [{ spec: specOf('a', -1) }] }],
    ['an incarnation that is no whole number', { type: 'news', entries: [{ spec: specOf('a', 1.5) }] }],
    ['an incarnation beyond all', { type: 'news', entries: [{ spec: specOf('a', Number.MAX_SAFE_INTEGER) }] }],
    ['a name with a control character', { type: 'news', entries: [{ spec: specOf('a\u0000') }] }],
    ['a name that is too long', { type: 'want', names: ['x'.repeat(256)] }],
    ['a hash that is a text', { type: 'digest', hash: '1', check: 2 }],
    ['no check', { type: 'digest', hash: 1 }],
    ['a mark that is no list', { type: 'summary', marks: [{ name: 'a' }] }],
    ['a mark without a version', { type: 'summary', marks: [['a', 1]] }],
    ['a mark whose version is not a number', { type: 'summary', marks: [['a', 1, Number.NaN]] }],
    ['a mark whose version is not a whole number', { type: 'summary', marks: [['a', 1, 0.5]] }],
    ['a bound that is no text', { type: 'summary', marks: [], after: 1 }],
    ['too many marks', { type: 'summary', marks: Array.from({ length: marksPerMessage + 1 }, () => ['a', 1, 0]) }],
    ['a name that is none', { type: 'want', names: [''] }],
    ['leaving without an entry', { type: 'leaving' }],
    ['a note about nobody', { type: 'noted', node: '', incarnation: 1 }],
  ]

  test.each(spoilt)('is refused: %s', (_what, value) => {
    expect(parseFullMessage(value)).toBeUndefined()
  })
})
