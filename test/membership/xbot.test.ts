import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import type { HyParViewMessage } from '../../src/membership/hyparview-messages.js'
import { messagesOf } from '../support/driven-machine.js'
import { disconnected, OneMachine, peerOf, sent } from '../support/hyparview-machine.js'

const xbot = { interval: 10_000, candidates: 2, unbiased: 1 }
const five = ['a', 'b', 'c', 'd', 'e']

/** `me` has five neighbours, at 10, 20, 30, 40 and 50 ms, and knows `x`. */
function full(more: Partial<typeof xbot> = {}): OneMachine {
  const one = new OneMachine({ xbot: { ...xbot, ...more } })
  one.befriend(...five)
  one.meet(peerOf('x'))
  for (const [index, name] of five.entries()) measured(one, name, 10 * (index + 1))
  return one
}

function measured(one: OneMachine, name: string, millis: number): void {
  one.step({ type: 'rtt', node: name as NodeName, millis })
}

/** Answers each ping after so long. What came of the last answer. */
function answersPings(one: OneMachine, name: string, millis: number): ReturnType<OneMachine['hear']> {
  let effects: ReturnType<OneMachine['hear']> = []
  for (let count = 0; count < 3; count++) {
    one.now += millis
    effects = one.hear(name, { type: 'pong' })
  }
  return effects
}

/** `me` has asked `x`, at 5 ms, to take the place of `d`. */
function initiator(): OneMachine {
  const one = full()
  one.timer('exchange')
  one.up('x')
  answersPings(one, 'x', 5)
  return one
}

const exchange = (one: OneMachine): unknown => one.machine.state().exchange
const optimize: HyParViewMessage = { type: 'optimize', old: peerOf('o') }
const replace: HyParViewMessage = { type: 'replace', initiator: 'i' as NodeName, old: peerOf('o') }
const accepts = { type: 'optimized', accepted: true, swapped: true } as const
const refuses = { type: 'optimized', accepted: false, swapped: false } as const

describe('who looks for a nearer neighbour', () => {
  test('measures others from time to time, and only while its view is full', () => {
    const one = full()
    expect(one.timer('exchange')).toContainEqual({ type: 'arm', timer: 'exchange', after: expect.any(Number) })
    expect(one.wanted.has('x')).toBe(true)
    expect(sent(one.up('x'))).toEqual(['ping -> x'])
    const poor = new OneMachine({ xbot })
    poor.befriend('a', 'b')
    for (const name of ['a', 'b']) measured(poor, name, 10)
    poor.connected.add('y')
    expect(sent(poor.timer('exchange'), 'ping')).toEqual([])
  })

  test('asks one that is nearer to take the place of its farthest neighbour but the unbiased', () => {
    const one = full()
    one.timer('exchange')
    one.up('x')
    const [asked] = messagesOf(answersPings(one, 'x', 5), 'optimize')
    expect([asked?.to, asked?.message.old.name]).toEqual(['x', 'd'])
    expect(exchange(one)).toBe('initiator')
  })

  test('takes the mean of three answers, and lets one go that is hardly nearer', () => {
    const one = full()
    one.timer('exchange')
    one.up('x')
    expect(sent(answersPings(one, 'x', 37))).toEqual([])
    expect(one.wanted.has('x')).toBe(false)
    expect(exchange(one)).toBe('none')
  })

  test('has the candidate in the place of the old neighbour, which has another', () => {
    const one = initiator()
    const effects = one.hear('x', accepts)
    expect(one.active).toEqual(['a', 'b', 'c', 'e', 'x'])
    expect(sent(effects, 'disconnect')).toEqual([])
    expect([...one.wanted].sort()).toEqual(one.active)
    expect(exchange(one)).toBe('none')
  })

  test('parts with the old neighbour itself where the candidate had room', () => {
    const one = initiator()
    const effects = one.hear('x', { type: 'optimized', accepted: true, swapped: false })
    expect(one.active).toEqual(['a', 'b', 'c', 'e', 'x'])
    expect(sent(effects, 'disconnect')).toEqual(['disconnect -> d'])
  })

  test('keeps the place of the old neighbour for the candidate when that one parts first', () => {
    const one = initiator()
    one.meet(peerOf('y'))
    one.hear('d', { type: 'disconnect' })
    expect(one.active).toEqual(['a', 'b', 'c', 'e'])
    expect(sent(one.hear('z', { type: 'neighbor', priority: 'low' }))).toEqual(['neighbor-reply -> z'])
    expect(one.active).toHaveLength(4)
    expect(one.wanted.has('y')).toBe(false)
    one.hear('x', accepts)
    expect(one.active).toEqual(['a', 'b', 'c', 'e', 'x'])
  })

  test.each([
    ['refuses', (one: OneMachine) => one.hear('x', refuses)],
    ['is lost', (one: OneMachine) => one.down('x')],
    ['does not answer', (one: OneMachine) => one.timer('part', 8_000)],
  ])('fills the place again when the candidate %s', (_, happens) => {
    const one = initiator()
    one.hear('d', { type: 'disconnect' })
    one.meet(peerOf('y'))
    happens(one)
    expect(exchange(one)).toBe('none')
    expect(one.wanted.has('x')).toBe(false)
    expect(one.wanted.has('y')).toBe(true)
    one.hear('z', { type: 'neighbor', priority: 'low' })
    expect(one.active).toHaveLength(5)
  })

  test('is no neighbour of a candidate that accepts too late', () => {
    const one = initiator()
    one.timer('part', 8_000)
    expect(sent(one.hear('x', accepts))).toEqual(['disconnect -> x'])
    expect(one.active).toEqual(five)
  })
})

describe('who is wanted as a nearer neighbour', () => {
  test('takes the place that it has', () => {
    const one = new OneMachine({ xbot })
    one.befriend('a')
    expect(sent(one.hear('i', optimize), 'optimized')).toEqual(['optimized -> i'])
    expect(one.active).toEqual(['a', 'i'])
  })

  test('asks its farthest neighbour but the unbiased whether it would rather have the old one', () => {
    const one = full()
    const [asked] = messagesOf(one.hear('i', optimize), 'replace')
    expect(asked).toMatchObject({ to: 'd', message: { initiator: 'i', old: { name: 'o' } } })
    const effects = one.hear('d', { type: 'replaced', accepted: true })
    expect(messagesOf(effects, 'optimized')).toMatchObject([{ to: 'i', message: accepts }])
    expect(one.active).toEqual(['a', 'b', 'c', 'e', 'i'])
    expect([...one.wanted].sort()).toEqual(one.active)
  })

  test.each([
    ['refuses', (one: OneMachine) => one.hear('d', { type: 'replaced', accepted: false })],
    ['is lost', (one: OneMachine) => one.down('d')],
    ['does not answer', (one: OneMachine) => one.timer('part', 6_000)],
  ])('refuses when that neighbour %s', (_, happens) => {
    const one = full()
    one.hear('i', optimize)
    expect(messagesOf(happens(one), 'optimized')).toMatchObject([{ to: 'i', message: refuses }])
    expect(one.active).toEqual(five)
    expect(exchange(one)).toBe('none')
  })

  test('is in one exchange at a time, gives up no holder of a reserved slot, and nobody it has not measured', () => {
    const one = full()
    one.hear('i', optimize)
    expect(messagesOf(one.hear('j', optimize), 'optimized')).toMatchObject([{ to: 'j', message: refuses }])
    const unmeasured = new OneMachine({ xbot })
    unmeasured.befriend(...five)
    expect(messagesOf(unmeasured.hear('i', optimize), 'optimized')).toMatchObject([{ message: refuses }])
    const reserved = new OneMachine({ xbot: { ...xbot, unbiased: 4 } })
    reserved.step({ type: 'reserve', tag: 't' })
    reserved.hear('a', { type: 'neighbor', priority: 'high' }, { attributes: { tag: 't' } })
    reserved.befriend(...five.slice(1))
    for (const [index, name] of five.entries()) measured(reserved, name, 10 * (index + 1))
    expect(messagesOf(reserved.hear('i', optimize), 'optimized')).toMatchObject([{ message: refuses }])
  })
})

describe('who would be given up', () => {
  test('measures the old neighbour, and asks it to change over when it is nearer', () => {
    const one = full()
    one.hear('d', replace)
    expect(sent(one.up('o'))).toEqual(['ping -> o'])
    expect(messagesOf(answersPings(one, 'o', 20), 'switch')).toMatchObject([{ to: 'o', message: { initiator: 'i' } }])
    const effects = one.hear('o', { type: 'switched', accepted: true })
    expect(sent(effects)).toEqual(['replaced -> d', 'disconnect -> d', 'confirm -> o'])
    expect(one.active).toEqual(['a', 'b', 'c', 'e', 'o'])
    expect([...one.wanted].sort()).toEqual(one.active)
  })

  test.each([
    ['is no nearer', (one: OneMachine) => answersPings(one, 'o', 40)],
    ['is lost', (one: OneMachine) => one.down('o')],
    ['does not answer', (one: OneMachine) => one.timer('part', 4_000)],
    [
      'does not change over',
      (one: OneMachine) => {
        answersPings(one, 'o', 20)
        return one.hear('o', { type: 'switched', accepted: false })
      },
    ],
  ])('refuses when the old neighbour %s', (_, happens) => {
    const one = full()
    one.hear('d', replace)
    one.up('o')
    expect(messagesOf(happens(one), 'replaced')).toMatchObject([{ to: 'd', message: { accepted: false } }])
    expect(one.active).toEqual(five)
    expect(one.wanted.has('o')).toBe(false)
    expect(exchange(one)).toBe('none')
  })

  test('refuses at once when it is no neighbour, or has the old one as one', () => {
    const one = full()
    expect(sent(one.hear('y', replace), 'replaced')).toEqual(['replaced -> y'])
    expect(sent(one.hear('d', { ...replace, old: peerOf('a') }), 'replaced')).toEqual(['replaced -> d'])
    expect(exchange(one)).toBe('none')
  })

  test('is no neighbour of an old one that changes over too late', () => {
    const one = full()
    expect(sent(one.hear('o', { type: 'switched', accepted: true }))).toEqual(['disconnect -> o'])
  })
})

describe('the old neighbour', () => {
  test('changes over, and the initiator alone is told and let go', () => {
    for (const initiator of five) {
      const one = full()
      const effects = one.hear('y', { type: 'switch', initiator: initiator as NodeName })
      expect(messagesOf(effects, 'switched')).toMatchObject([{ to: 'y', message: { accepted: true } }])
      expect(sent(effects, 'disconnect')).toEqual([`disconnect -> ${initiator}`])
      expect(disconnected(effects)).toEqual([initiator])
      expect(one.active).toEqual([...five.filter(name => name !== initiator), 'y'])
    }
  })

  test('refuses when the initiator is no neighbour, the other one is, or it is in an exchange', () => {
    const one = initiator()
    for (const [from, initiator] of [
      ['y', 'nobody'],
      ['a', 'b'],
      ['y', 'b'],
    ] as const) {
      const effects = one.hear(from, { type: 'switch', initiator: initiator as NodeName })
      expect(messagesOf(effects, 'switched')).toMatchObject([{ to: from, message: { accepted: false } }])
    }
    expect(one.active).toEqual(five)
  })
})

test('without xbot a node answers pings, and takes part in no exchange', () => {
  const one = new OneMachine()
  one.befriend(...five)
  expect(sent(one.hear('a', { type: 'ping' }))).toEqual(['pong -> a'])
  expect(one.hear('i', optimize).filter(({ type }) => type === 'send')).toEqual([])
  expect(one.hear('y', { type: 'switch', initiator: 'b' as NodeName }).filter(({ type }) => type === 'send')).toEqual(
    [],
  )
  expect(one.active).toEqual(five)
})
