import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { FullMembership } from '../../src/membership/full.js'
import type { EntryMark, FullMessage, MemberEntry } from '../../src/membership/full-messages.js'
import type { FullMembershipOptions } from '../../src/membership/full-options.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { specOf } from '../support/membership-bus.js'

const hour = 3_600_000
const day = 24 * hour

type Effect = MembershipEffect<FullMessage>

/** One machine, called `a`, whose inputs are given by hand. */
class Solo {
  now = 0
  readonly machine: FullMembership

  constructor(options: Partial<FullMembershipOptions> = {}) {
    this.machine = new FullMembership({ random: new SeededRandom(1), ...options })
    this.step({ type: 'start', self: specOf('a') })
  }

  /** One that counts these as members and is connected with them. */
  static with(names: readonly string[], options?: Partial<FullMembershipOptions>): Solo {
    const solo = new Solo(options)
    solo.learns(names)
    for (const name of names) solo.up(name)
    solo.fires('gossip')
    return solo
  }

  step(input: MembershipInput<FullMessage>): Effect[] {
    const out: Effect[] = []
    this.machine.step(input, this.now, out)
    return out
  }

  hears(from: string | NodeSpec, message: FullMessage): Effect[] {
    return this.step({ type: 'message', from: typeof from === 'string' ? specOf(from) : from, message })
  }

  /** Takes them for members, on the word of `teller`, which is one too. */
  learns(names: readonly string[], teller = names[0] as string): Effect[] {
    const entries = names.map(name => ({ spec: specOf(name), left: false }))
    return this.hears(teller, { type: 'news', entries, counted: false })
  }

  up(name: string): Effect[] {
    return this.step({ type: 'up', peer: specOf(name) })
  }

  down(name: string): Effect[] {
    return this.step({ type: 'down', node: name as NodeName })
  }

  remove(name: string): Effect[] {
    return this.step({ type: 'remove', node: name as NodeName })
  }

  fires(timer: string): Effect[] {
    return this.step({ type: 'timer', timer })
  }

  /** Alone for longer than it is remembered who left; `b` and `c` are members. */
  static isolated(): Solo {
    const solo = Solo.with(['b', 'c'])
    for (const name of ['b', 'c']) solo.down(name)
    solo.now += day + 60_000
    return solo
  }

  get members(): readonly NodeName[] {
    return this.machine.members().map(({ name }) => name)
  }
}

function sent(effects: readonly Effect[]): { readonly to: NodeName; readonly message: FullMessage }[] {
  return effects.filter(effect => effect.type === 'send')
}

/** The types of the messages to a peer, in order. */
function typesTo(name: string, effects: readonly Effect[]): FullMessage['type'][] {
  return sent(effects)
    .filter(({ to }) => to === name)
    .map(({ message }) => message.type)
}

/** The names of whom these messages tell. */
function told(effects: readonly Effect[]): NodeName[] {
  return sent(effects).flatMap(({ message }) =>
    message.type === 'news' || message.type === 'join' ? message.entries.map(({ spec }) => spec.name) : [],
  )
}

function notes(effects: readonly Effect[]): string[] {
  return effects.flatMap(effect => (effect.type === 'notify' ? [effect.event.type] : []))
}

function names(effects: readonly Effect[], type: 'connect' | 'disconnect'): string[] {
  return effects.flatMap(effect => {
    if (effect.type === 'connect' && type === 'connect') return [effect.peer.name]
    return effect.type === 'disconnect' && type === 'disconnect' ? [effect.node] : []
  })
}

const left = (name: string, incarnation?: number): MemberEntry => ({ spec: specOf(name, incarnation), left: true })
const live = (name: string, incarnation?: number): MemberEntry => ({ spec: specOf(name, incarnation), left: false })
const mark = (name: string, incarnation = 1): EntryMark => [name as NodeName, incarnation as Incarnation, 0]

describe('a new life', () => {
  test('begins alone, and takes part, whatever the last one was', () => {
    const solo = Solo.with(['b', 'c'])
    solo.step({ type: 'leave' })
    solo.step({ type: 'start', self: specOf('a', 2) })
    expect(solo.members).toEqual(['a'])
    expect(solo.machine.state()).toMatchObject({ departed: false })
    expect(typesTo('b', solo.hears('b', { type: 'join', entries: [] }))).toEqual(['news'])
    expect(solo.members).toEqual(['a', 'b'])
  })

  test('is not isolated, though the last one was', () => {
    const solo = Solo.isolated()
    solo.step({ type: 'start', self: specOf('a', 2) })
    solo.learns(['b'])
    expect(typesTo('b', solo.up('b'))).toEqual(['digest'])
  })
})

describe('a join', () => {
  test('tells the peer of everybody whom the joiner knows, itself too, however many they are', () => {
    const many = Array.from({ length: 150 }, (_, index) => `n${100 + index}`)
    const solo = Solo.with(many)
    expect(new Set(told(solo.step({ type: 'join', peer: specOf('z') })))).toEqual(new Set(['a', ...many, 'z']))
  })

  test('is not for a node that has left: only a new life joins', () => {
    const solo = Solo.with(['b'])
    solo.step({ type: 'leave' })
    expect(solo.step({ type: 'join', peer: specOf('c') })).toEqual([])
  })

  test('counts whoever asks, also when it tells of others only', () => {
    const solo = new Solo()
    const effects = solo.hears('b', { type: 'join', entries: [live('c')] })
    expect(solo.members).toEqual(['a', 'b', 'c'])
    expect(sent(effects).at(-1)).toMatchObject({ to: 'b', message: { type: 'news', counted: true } })
  })

  test('is answered with the last part of all that is known, and not with other news', () => {
    const solo = Solo.with(['b'])
    expect(notes(solo.hears('b', { type: 'news', entries: [live('c')], counted: false }))).not.toContain('joined')
    expect(notes(solo.hears('b', { type: 'news', entries: [live('d')], counted: true }))).toContain('joined')
  })

  test('is answered in parts of which only the last says that the joiner is counted', () => {
    const many = Array.from({ length: 150 }, (_, index) => `n${100 + index}`)
    const answer = sent(Solo.with(many).hears('z', { type: 'join', entries: [] }))
    expect(answer.map(({ message }) => message.type === 'news' && message.counted)).toEqual([false, false, true])
    expect(answer.flatMap(({ message }) => (message.type === 'news' ? message.entries : [])).length).toBe(152)
  })
})

describe('a rumour', () => {
  const many = Array.from({ length: 20 }, (_, index) => `n${100 + index}`)

  test('is passed on, soon, to three peers and the logarithm of all', () => {
    const solo = Solo.with(many)
    expect(solo.learns(['new'], 'n100')).toContainEqual({ type: 'arm', timer: 'gossip', after: 20 })
    const told = sent(solo.fires('gossip'))
    expect(new Set(told.map(({ to }) => to)).size).toBe(told.length)
    expect(told.length).toBeGreaterThanOrEqual(6)
    expect(told.length).toBeLessThanOrEqual(3 + Math.ceil(Math.log(21)))
  })

  test('is passed on once', () => {
    const solo = Solo.with(many)
    solo.learns(['one'], 'n100')
    solo.fires('gossip')
    solo.learns(['two'], 'n100')
    expect(new Set(told(solo.fires('gossip')))).toEqual(new Set(['two']))
  })

  test('goes neither back to whoever told it nor to whom it is about', () => {
    const solo = Solo.with(['b', 'c', 'd'])
    solo.hears('b', { type: 'news', entries: [live('c', 2)], counted: false })
    expect(sent(solo.fires('gossip')).map(({ to }) => to)).toEqual(['d'])
  })

  test('is for members: who is connected without being one hears nothing', () => {
    const solo = Solo.with(['b', 'c'])
    solo.up('stranger')
    solo.learns(['d'], 'b')
    expect(sent(solo.fires('gossip')).map(({ to }) => to)).toEqual(['c'])
  })

  test('of a new member connects with it, of one that left disconnects it', () => {
    const solo = Solo.with(['b', 'c'])
    expect(names(solo.learns(['d'], 'b'), 'connect')).toEqual(['d'])
    const effects = solo.hears('b', { type: 'news', entries: [left('c')], counted: false })
    const { incarnation } = specOf('c')
    expect(effects).toContainEqual({ type: 'disconnect', node: 'c', reason: 'left', incarnation })
    expect(solo.machine.route('c' as NodeName)).toEqual([])
    expect(solo.machine.route('b' as NodeName)).toEqual([specOf('b')])
  })
})

describe('a node that connects', () => {
  test('is no member by that', () => {
    const solo = Solo.with(['b'])
    expect(sent(solo.up('stranger'))).toEqual([])
    expect(solo.members).toEqual(['a', 'b'])
  })

  test('compares its view with ours at once, where it is a member', () => {
    const solo = new Solo()
    solo.learns(['b'])
    expect(typesTo('b', solo.up('b'))).toEqual(['digest'])
  })
})

describe('a removal of this node', () => {
  const removal: FullMessage = { type: 'news', entries: [left('a'), live('x')], counted: false }

  test('ends its part: nothing else is taken of what it hears', () => {
    const solo = Solo.with(['b', 'c'])
    const effects = solo.hears('b', removal)
    expect(notes(effects)).toContain('removed')
    expect(names(effects, 'connect')).toEqual([])
    expect(solo.members).toEqual(['a'])
  })

  test('keeps it from passing on what it had heard before', () => {
    const solo = Solo.with(['b', 'c'])
    solo.learns(['d'], 'b')
    solo.hears('b', removal)
    expect(sent(solo.fires('gossip'))).toEqual([])
  })

  test('of a former life is old news', () => {
    const solo = new Solo()
    solo.step({ type: 'start', self: specOf('a', 2) })
    expect(notes(solo.hears('b', removal))).not.toContain('removed')
    expect(solo.members).toEqual(['a', 'x'])
  })
})

describe('a leave', () => {
  const goodbye = { type: 'leaving', entry: left('a') }
  const noted = (node: string): FullMessage => ({
    ...{ type: 'noted', node: node as NodeName, incarnation: 1 as Incarnation },
  })

  test('is told to all who are up, and ends, once, when each of them has taken note', () => {
    const solo = Solo.with(['b', 'c'])
    const effects = solo.step({ type: 'leave' })
    expect(sent(effects)).toMatchObject(['b', 'c'].map(to => ({ to, message: goodbye })))
    expect(notes(solo.hears('b', noted('a')))).toEqual([])
    expect(notes(solo.hears('c', noted('a')))).toEqual(['told'])
    expect(notes([...solo.hears('c', noted('a')), ...solo.fires('leave a')])).toEqual([])
  })

  test('of which nobody has to be told ends at once', () => {
    expect(notes(new Solo().step({ type: 'leave' }))).toContain('told')
  })

  test('ends after a second, whoever has not taken note', () => {
    const solo = Solo.with(['b', 'c'])
    expect(solo.step({ type: 'leave' })).toContainEqual({ type: 'arm', timer: 'leave a', after: 1_000 })
    expect(notes(solo.fires('leave a'))).toEqual(['told'])
  })

  test('does not wait for whoever goes down meanwhile', () => {
    const solo = Solo.with(['b', 'c'])
    solo.step({ type: 'leave' })
    solo.hears('b', noted('a'))
    expect(notes(solo.down('c'))).toContain('told')
  })

  test('is not ended by notes of another', () => {
    const solo = Solo.with(['b', 'c', 'd'])
    for (const name of ['c', 'd']) solo.remove(name)
    expect(notes(['b', 'c', 'd'].flatMap(name => solo.hears(name, noted('c'))))).toEqual(['told'])
    expect(notes(['b', 'c'].flatMap(name => solo.hears(name, noted('d'))))).toEqual([])
    expect(notes(solo.hears('d', noted('d')))).toEqual(['told'])
  })

  test('of another is told to it before the connection is given up', () => {
    const effects = Solo.with(['b', 'c']).remove('c')
    const at = (wanted: (effect: Effect) => boolean): number => effects.findIndex(wanted)
    const word = at(effect => effect.type === 'send' && effect.to === 'c' && effect.message.type === 'leaving')
    expect(word).toBeGreaterThanOrEqual(0)
    expect(at(effect => effect.type === 'disconnect' && effect.node === 'c')).toBeGreaterThan(word)
  })

  test('is repeated to whoever missed it and still speaks to the leaver', () => {
    const solo = Solo.with(['b', 'c'])
    solo.step({ type: 'leave' })
    for (const message of [
      { type: 'digest', hash: 1, check: 1, counted: true },
      { type: 'join', entries: [] },
      { type: 'news', entries: [live('d')], counted: false },
    ] as const) {
      const answer = sent(solo.hears('c', message))
      expect(answer).toMatchObject([{ to: 'c', message: { type: 'news', entries: [left('a')], counted: false } }])
    }
    expect(solo.members).toEqual(['a'])
  })

  test('that is heard of is noted', () => {
    const effects = Solo.with(['b', 'c']).hears('b', { type: 'leaving', entry: left('c') })
    expect(sent(effects)).toContainEqual(expect.objectContaining({ to: 'b', message: noted('c') }))
    expect(names(effects, 'disconnect')).toEqual(['c'])
  })
})

describe('a view', () => {
  /** The digest that the machine sends. */
  function digestOf(solo: Solo): { hash: number; check: number } {
    const [digest] = sent(solo.up('b'))
    if (digest?.message.type !== 'digest') throw new Error('it sends a digest')
    return digest.message
  }

  test('is told in short to a member whose hash, or whose check, is another', () => {
    const solo = Solo.with(['b'])
    const { hash, check } = digestOf(solo)
    const answer = (digest: { hash: number; check: number }): string[] =>
      typesTo('b', solo.hears('b', { type: 'digest', ...digest, counted: true }))
    expect(answer({ hash, check })).toEqual([])
    expect(answer({ hash: hash + 1, check })).toEqual(['summary'])
    expect(answer({ hash, check: check + 1 })).toEqual(['summary'])
  })

  test('is not told to a stranger that sends a digest', () => {
    const solo = Solo.with(['b'])
    expect(sent(solo.hears('stranger', { type: 'digest', hash: 1, check: 1, counted: false }))).toEqual([])
  })

  test('in short is answered with what its sender lacks, and with the question for what is lacking here', () => {
    const solo = Solo.with(['b', 'c', 'd'])
    solo.hears('b', { type: 'news', entries: [left('d'), live('c', 2)], counted: false })
    const marks = [mark('a'), mark('b', 2), mark('c', 1), mark('d'), mark('e')]
    const effects = solo.hears('b', { type: 'summary', marks })
    expect(told(effects).sort()).toEqual(['c', 'd'])
    expect(sent(effects)).toContainEqual({ type: 'send', to: 'b', message: { type: 'want', names: ['b', 'e'] } })
  })

  test('in short is answered part by part: members beyond its bounds are for other parts', () => {
    const solo = Solo.with(['b', 'c', 'd', 'e', 'f'])
    const answer = (bounds: { after?: string; upTo?: string }, ...marks: EntryMark[]): string[] =>
      told(solo.hears('b', { type: 'summary', marks, ...bounds })).sort()
    expect(answer({ after: 'b', upTo: 'd' }, mark('d'))).toEqual(['c'])
    expect(answer({ upTo: 'b' }, mark('b'))).toEqual(['a'])
    expect(answer({ after: 'd' }, mark('f'))).toEqual(['e'])
  })
})

describe('a node that was alone for longer than it is remembered who left', () => {
  test('asks the first member that it meets for its view, until it is answered', () => {
    const solo = Solo.isolated()
    expect(typesTo('b', solo.up('b'))).toEqual(['join'])
    expect(typesTo('b', solo.fires('digest'))).toEqual(['join'])
    expect(typesTo('c', solo.up('c'))).toEqual([])
    solo.hears('b', { type: 'news', entries: [live('a'), live('b')], counted: true })
    expect([...typesTo('b', solo.fires('digest')), ...typesTo('c', solo.fires('digest'))]).not.toContain('join')
  })

  test('tells nobody its own view before that', () => {
    const solo = Solo.isolated()
    solo.up('b')
    expect(sent(solo.hears('b', { type: 'digest', hash: 1, check: 1, counted: true }))).toEqual([])
    expect(sent(solo.hears('b', { type: 'summary', marks: [mark('b')] }))).toEqual([])
  })

  test('gives up whom its teacher does not know, but for those it is connected with', () => {
    const solo = Solo.with(['b', 'c', 'd'])
    for (const name of ['b', 'c', 'd']) solo.down(name)
    solo.now += day + 60_000
    for (const name of ['b', 'd']) solo.up(name)
    const first = solo.hears('b', { type: 'news', entries: [live('a')], counted: false })
    expect(names(first, 'disconnect')).toEqual([])
    const effects = solo.hears('b', { type: 'news', entries: [live('b')], counted: true })
    expect(effects).toContainEqual({ type: 'disconnect', node: 'c', reason: 'unwanted' })
    expect(solo.members).toEqual(['a', 'b', 'd'])
    expect(notes(effects)).toContain('members')
    // The teacher is told at once of those whom it lacks.
    expect(typesTo('b', effects)).toEqual(['digest'])
  })

  test('learns from its teacher alone', () => {
    const solo = Solo.isolated()
    for (const name of ['b', 'c']) solo.up(name)
    solo.hears('c', { type: 'news', entries: [live('a'), live('c')], counted: true })
    expect(typesTo('b', solo.fires('digest'))).toEqual(['join'])
  })

  test('was not, when it met somebody meanwhile', () => {
    const solo = Solo.with(['b'])
    for (let round = 0; round < 3; round++) {
      solo.down('b')
      solo.now += 0.6 * day
      expect(typesTo('b', solo.up('b'))).toEqual(['digest'])
    }
  })

  test('still was, when connections came to nothing meanwhile', () => {
    const solo = Solo.isolated()
    solo.up('b')
    solo.down('b')
    solo.now += 1_000
    expect(typesTo('c', solo.up('c'))).toEqual(['join'])
  })
})

describe('timers', () => {
  test('of digests have a jitter: half an interval either way, another each time', () => {
    const solo = Solo.with(['b'])
    const waits = Array.from({ length: 100 }, () =>
      solo
        .fires('digest')
        .flatMap(effect => (effect.type === 'arm' && effect.timer === 'digest' ? [effect.after] : [])),
    )
    expect(waits.every(one => one.length === 1)).toBe(true)
    const all = waits.flat()
    expect(Math.min(...all)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...all)).toBeLessThan(1_500)
    expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(500)
  })

  test('run from the start, and go on', () => {
    const solo = new Solo()
    const armed = (effects: readonly Effect[]): string[] =>
      effects.flatMap(effect => (effect.type === 'arm' ? [effect.timer] : []))
    expect(armed(solo.step({ type: 'start', self: specOf('a', 2) })).sort()).toEqual(['digest', 'sweep'])
    expect(armed(solo.fires('digest'))).toContain('digest')
    expect(armed(solo.fires('sweep'))).toContain('sweep')
  })

  test('remove a generated name also where it was never connected', () => {
    const solo = Solo.with(['b'])
    const entry = { spec: specOf('x', 1, { generated: true }), left: false }
    solo.hears('b', { type: 'news', entries: [entry], counted: false })
    solo.now += hour - 1
    solo.fires('sweep')
    expect(solo.members).toEqual(['a', 'b', 'x'])
    solo.now += 1
    expect(names(solo.fires('sweep'), 'disconnect')).toEqual(['x'])
    expect(solo.members).toEqual(['a', 'b'])
  })
})
