import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import type { ScampMessage } from '../../src/membership/scamp-messages.js'
import { messagesOf } from '../support/driven-machine.js'
import { many, ScampMachine, scampPeer } from '../support/scamp-machine.js'

const ten = many('n', 10)
const x = scampPeer('x')
const copy = (more: Partial<Extract<ScampMessage, { type: 'subscription' }>> = {}): ScampMessage => ({
  ...{ type: 'subscription', subscriber: x, sequence: 1, timeToLive: 100 },
  ...more,
})

describe('subscriptions (SCAMP, 3.1)', () => {
  test('the view of who joins is its contact, and nobody else', () => {
    const one = new ScampMachine()
    const effects = one.join('a')
    expect(messagesOf(effects, 'subscribe').map(({ to, message }) => [to, message.sequence])).toEqual([['a', 1]])
    expect(one.view).toEqual(['a'])
    expect([...one.wanted]).toEqual(['a'])
  })

  test('a contact sends a copy to each node of its view, and c further ones', () => {
    const one = new ScampMachine({ copies: 3 })
    one.hold(...ten)
    const effects = one.hear('n00', { type: 'indirection', subscriber: x, sequence: 1, timeToLive: 0 })
    const copies = messagesOf(effects, 'subscription')
    expect(copies).toHaveLength(13)
    expect(new Set(copies.map(({ to }) => to))).toEqual(new Set(ten))
    expect(copies.every(({ message }) => message.subscriber.name === 'x' && message.timeToLive === 128)).toBe(true)
    expect(one.view).toEqual(ten)
  })

  test('a copy is kept with probability 1 / (1 + size of the view), and else goes to a random node of it', () => {
    let kept = 0
    const next = new Set<string>()
    for (let seed = 1; seed <= 1_100; seed++) {
      const one = new ScampMachine({}, seed)
      one.hold(...ten)
      const passed = messagesOf(one.hear('n00', copy()), 'subscription')
      if (one.view.includes('x')) kept++
      for (const { to, message } of passed) {
        next.add(to)
        expect(message.timeToLive).toBe(99)
      }
      expect(passed.length).toBe(one.view.includes('x') ? 0 : 1)
    }
    // 1 of 11: 100 of 1,100, give or take four standard deviations.
    expect(Math.abs(kept - 100)).toBeLessThan(40)
    expect([...next].sort()).toEqual(ten)
  })

  test('a copy that has walked long enough is kept where it is', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    expect(messagesOf(one.hear('n00', copy({ timeToLive: 0 })), 'subscription')).toEqual([])
    expect(one.view).toContain('x')
    expect(one.wanted.has('x')).toBe(true)
  })

  test('a copy that comes a second time goes on, and ends when eight in a row have it', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    one.hear('n00', copy({ timeToLive: 0 }))
    let timeToLive = 128
    for (let steps = 0; ; steps++) {
      const [passed] = messagesOf(one.hear('n00', copy({ timeToLive })), 'subscription')
      if (passed === undefined) return expect(steps).toBe(8)
      timeToLive = passed.message.timeToLive
    }
  })

  test('a node does not hold itself, nor sends who subscribes its own copy', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    const own = messagesOf(one.hear('n00', copy({ subscriber: one.self, timeToLive: 5 })), 'subscription')
    expect(own).toHaveLength(1)
    for (let count = 0; count < 200; count++) {
      const subscriber = scampPeer('n01')
      for (const { to } of messagesOf(one.hear('n00', copy({ subscriber })), 'subscription')) expect(to).not.toBe('n01')
    }
    expect(one.view).toEqual(ten)
  })

  test('a view has an end, whatever comes', () => {
    const one = new ScampMachine()
    for (let count = 0; count < 300; count++) one.hear('a', copy({ subscriber: scampPeer(`p${count}`), timeToLive: 0 }))
    expect(one.view).toHaveLength(256)
  })

  test('who does not listen is held by whom it has joined, and by nobody else', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    const effects = one.hear('mute', { type: 'subscribe', sequence: 1 }, { addresses: [] })
    expect(one.view).toContain('mute')
    expect([...messagesOf(effects, 'subscription'), ...messagesOf(effects, 'indirection')]).toEqual([])
    one.hear('n00', copy({ subscriber: scampPeer('deaf', 1, { addresses: [] }), timeToLive: 0 }))
    expect(one.view).not.toContain('deaf')
  })

  test('a node with a reserved tag is held as soon as a copy passes, one for each tag', () => {
    const one = new ScampMachine()
    one.hold(...many('n', 100))
    one.step({ type: 'reserve', tag: 'vip' })
    const vip = (name: string): ScampMessage => copy({ subscriber: scampPeer(name, 1, { attributes: { tag: 'vip' } }) })
    one.hear('n00', vip('v1'))
    one.hear('n00', vip('v2'))
    expect(one.view).toContain('v1')
    expect(one.view).not.toContain('v2')
  })
})

describe('indirection', () => {
  test('a new subscription is led away from who was asked, so that seeds are not held by all', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    const effects = one.hear('x', { type: 'subscribe', sequence: 1 })
    expect(messagesOf(effects, 'counted').map(({ to, message }) => [to, message.view])).toEqual([['x', undefined]])
    const led = messagesOf(effects, 'indirection')
    expect(led.map(({ message }) => [message.subscriber.name, message.timeToLive])).toEqual([['x', 3]])
    expect(messagesOf(effects, 'subscription')).toEqual([])
    expect(one.view).toEqual(ten)
  })

  test('where it ends the node connects with the subscriber and says that it is its contact', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    one.hear('n00', { type: 'indirection', subscriber: x, sequence: 1, timeToLive: 0 })
    expect(one.wanted.has('x')).toBe(true)
    expect(one.view).not.toContain('x')
    expect(messagesOf(one.up('x'), 'contact')).toEqual([{ to: 'x', message: { type: 'contact', sequence: 1 } }])
    // It holds this node from now, and keeps the connection; without that it is let go.
    one.round()
    expect(one.wanted.has('x')).toBe(false)
  })

  test('so many are called at a time, the latest of them', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    const subscribers = many('s', 33)
    for (const name of subscribers)
      one.hear('n00', { type: 'indirection', subscriber: scampPeer(name), sequence: 1, timeToLive: 0 })
    const called = subscribers.filter(name => messagesOf(one.up(name), 'contact').length > 0)
    expect(called).toEqual(subscribers.slice(1))
  })

  test('the contact takes the place of the seed, unless that came into the view by itself', () => {
    for (const [came, expected] of [
      [false, false],
      [true, true],
    ] as const) {
      const one = new ScampMachine()
      one.join('seed')
      one.hear('seed', { type: 'counted' })
      one.hold(...ten)
      if (came) one.hear('n00', copy({ subscriber: scampPeer('seed'), timeToLive: 0 }))
      one.hear('c', { type: 'contact', sequence: 1 })
      expect(one.view).toContain('c')
      expect(one.view.includes('seed')).toBe(expected)
      expect(one.wanted.has('seed')).toBe(expected)
    }
  })

  test('nobody else can make itself a contact', () => {
    const one = new ScampMachine()
    one.join('seed')
    one.hear('c', { type: 'contact', sequence: 2 })
    expect(one.view).toEqual(['seed'])
  })

  test('who has just subscribed does not do so again through further seeds', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    expect(messagesOf(one.join('s1'), 'subscribe')).toHaveLength(1)
    one.hear('s1', { type: 'counted' })
    expect(messagesOf(one.join('s2'), 'join')).toHaveLength(1)
    expect(one.view).toContain('s2')
    one.now += 20_000
    expect(messagesOf(one.join('s3'), 'subscribe')).toHaveLength(1)
  })
})

describe('leases (SCAMP, 3.3)', () => {
  test('a subscription is renewed when its lease ends, through one of the view, which stays as it is', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten)
    one.hear('n00', { type: 'holding' })
    const renewed = [...Array(12)].flatMap(() => {
      one.hear('n00', { type: 'holding' })
      return messagesOf(one.round(), 'subscribe')
    })
    expect(renewed).toHaveLength(1)
    expect(ten).toContain(renewed[0]?.to)
  })

  test('who does not renew is not held any more; who does is, by the copy that finds it', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten)
    one.now = 60_000
    const effects = one.hear('n00', copy({ subscriber: scampPeer('n03'), sequence: 2, timeToLive: 50 }))
    expect(messagesOf(effects, 'subscription')).toEqual([])
    one.round(70_000)
    expect(one.view).toEqual(['n03'])
    expect([...one.wanted]).toEqual(['n03'])
  })

  test('a renewal makes (c + 1) ln n copies, by the n that the passing of others shows', () => {
    const one = new ScampMachine({ copies: 3 })
    one.hold(...many('n', 40))
    // One of twenty copies is of a node that is held: there are 40 * 20 = 800 others.
    for (let count = 0; count < 400; count++) {
      const name = count % 20 === 0 ? `n${String(count / 20).padStart(2, '0')}` : `p${count}`
      const size = one.view.length
      one.hear('n30', copy({ subscriber: scampPeer(name), sequence: 2 }))
      if (one.view.length > size)
        one.hear(name, { type: 'leaving', node: name as NodeName, incarnation: 1 as Incarnation })
    }
    expect(Math.abs((one.machine.state().estimatedSize as number) - 800)).toBeLessThan(80)
    const copies = messagesOf(one.hear('n31', { type: 'subscribe', sequence: 2 }), 'subscription')
    // A little fewer, since those of the last renewal hold on for a while.
    expect(copies.length / (4 * Math.log(800))).toBeGreaterThan(0.85)
    expect(copies.length / (4 * Math.log(800))).toBeLessThan(1.05)
  })

  test('while nobody is connected all are kept', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten)
    for (const name of ten) one.down(name)
    one.round(1_000_000)
    expect(one.view).toEqual(ten)
    expect(one.machine.seeks('n03' as NodeName)).toBe(true)
    one.up('n00')
    expect(one.machine.seeks('n03' as NodeName)).toBe(false)
    one.round()
    expect(one.view).toEqual([])
  })

  test('who was down when its lease ended is called in turn, and who answers leads to another overlay', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten, 'y')
    one.down('n00')
    one.down('n01')
    one.now = 60_000
    one.hear('y', copy({ subscriber: scampPeer('y'), sequence: 2 }))
    one.round(70_000)
    expect(one.view).toEqual(['y'])
    const called = [...one.wanted].filter(name => name !== 'y')
    expect(called).toHaveLength(1)
    one.hear('y', { type: 'holding' })
    one.round()
    const [other = ''] = [...one.wanted].filter(name => name !== 'y')
    expect([...called, other].sort()).toEqual(['n00', 'n01'])
    const found = messagesOf(one.up(other), 'subscribe')
    expect(found.map(({ to }) => to)).toEqual([other])
    expect(one.view).toContain(other)
    // One way is enough.
    expect(messagesOf(one.up(called[0] ?? ''), 'subscribe')).toEqual([])
  })
})

describe('heartbeats (SCAMP, 3.3)', () => {
  test('tell in each round those that are held, and who tells them is in the in-view until it is silent', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    one.hear('y', { type: 'holding' })
    expect(messagesOf(one.round(), 'holding').map(({ to }) => to)).toEqual(ten)
    expect(one.inView).toEqual(['y'])
    one.round(50_000)
    expect(one.inView).toEqual([])
  })

  test('who hears none for four rounds subscribes again', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    expect(messagesOf([...one.round(), ...one.round(), ...one.round()], 'subscribe')).toEqual([])
    const again = messagesOf([...one.round(), ...one.round()], 'subscribe')
    expect(again).toHaveLength(1)
    expect(ten).toContain(again[0]?.to)
  })

  test('who holds nobody subscribes through the first that holds it', () => {
    const one = new ScampMachine()
    const effects = one.hear('y', { type: 'holding' })
    expect(messagesOf(effects, 'subscribe').map(({ to }) => to)).toEqual(['y'])
    expect(one.view).toEqual(['y'])
  })

  test('a connection stays while either end holds the other', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten)
    one.now = 110_000
    one.hear('n00', { type: 'holding' })
    one.round()
    expect(one.view).toEqual([])
    expect([...one.wanted]).toEqual(['n00'])
    one.round(50_000)
    expect([...one.wanted]).toEqual([])
  })
})

describe('a small overlay is a mesh', () => {
  test('a contact holds who subscribes, and tells it of all that are connected', () => {
    const one = new ScampMachine()
    one.hold('a', 'b')
    one.hear('a', copy({ subscriber: scampPeer('away'), timeToLive: 0 }))
    const effects = one.hear('x', { type: 'subscribe', sequence: 1 })
    const [counted] = messagesOf(effects, 'counted')
    expect(counted?.message.view?.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(new Set(messagesOf(effects, 'subscription').map(({ to }) => to))).toEqual(new Set(['a', 'b']))
    expect(one.view).toEqual(['a', 'away', 'b', 'x'])
  })

  test('who is held holds in return, where both ends find that the overlay is small', () => {
    const small = new ScampMachine()
    small.hold('a')
    small.hear('y', { type: 'holding' })
    expect(small.view).toEqual(['a'])
    small.hear('y', { type: 'holding', view: [scampPeer('z')] })
    expect(small.view).toEqual(['a', 'y', 'z'])
    const large = new ScampMachine()
    large.hold(...ten)
    large.hear('y', { type: 'holding', view: [scampPeer('z')] })
    expect(large.view).toEqual(ten)
    expect(messagesOf(large.round(), 'holding')[0]?.message).toEqual({ type: 'holding' })
  })
})

test('seeds are sought by who is alone, and in a small overlay by who does not hold them', () => {
  const seed = 'seed' as NodeName
  const one = new ScampMachine()
  expect(one.machine.seeks(seed)).toBe(true)
  one.hold('a', 'b')
  expect(one.machine.seeks(seed)).toBe(true)
  one.hold(seed)
  expect(one.machine.seeks(seed)).toBe(false)
  const large = new ScampMachine()
  large.hold(...ten)
  expect(large.machine.seeks(seed)).toBe(false)
})

describe('unsubscription (SCAMP, 3.2)', () => {
  const leave = (version: 1 | 2): ReturnType<typeof messagesOf<ScampMessage, 'leaving'>> => {
    const one = new ScampMachine({ version, copies: 2 })
    one.hold(...ten)
    for (const name of many('h', 8)) one.hear(name, { type: 'holding' })
    return messagesOf(one.step({ type: 'leave' }), 'leaving')
  }

  test('version 2: all but c + 1 of those that hold it are given one of its view instead', () => {
    const told = leave(2)
    expect(told.map(({ to }) => to).sort()).toEqual([...many('h', 8), ...ten])
    const heirs = told.flatMap(({ to, message }) => (message.instead === undefined ? [] : [[to, message.instead.name]]))
    expect(heirs).toHaveLength(5)
    for (const [to = '', heir = ''] of heirs) {
      expect(to).toMatch(/^h/)
      expect(ten).toContain(heir)
    }
  })

  test('version 1: it is taken out of their views, and that is all', () => {
    const told = leave(1)
    expect(told.map(({ to }) => to).sort()).toEqual([...many('h', 8), ...ten])
    expect(told.every(({ message }) => message.instead === undefined)).toBe(true)
  })

  test('who held it holds the other for as long; who did not, or knows better, does not', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten)
    const leaving = { type: 'leaving', incarnation: 1 as Incarnation } as const
    one.now = 50_000
    one.hear('n00', { ...leaving, node: 'n00' as NodeName, instead: x })
    expect(one.view).toContain('x')
    expect(one.view).not.toContain('n00')
    one.hear('y', { ...leaving, node: 'y' as NodeName, instead: scampPeer('z') })
    expect(one.view).not.toContain('z')
    // Nobody speaks for others: a removal brings no heir.
    one.hear('n01', { ...leaving, node: 'n02' as NodeName, instead: scampPeer('z') })
    expect(one.view).not.toContain('z')
    expect(one.view).not.toContain('n02')
    one.hear('n03', copy({ subscriber: scampPeer('n03'), sequence: 2 }))
    one.round(70_000)
    expect(one.view).toEqual(['n03'])
  })

  test('who left while a node was away is told to it when it is back', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    one.down('n00')
    one.hear('n01', { type: 'leaving', node: 'n01' as NodeName, incarnation: 1 as Incarnation })
    expect(messagesOf(one.up('n00'), 'leaving').map(({ message }) => message.node)).toEqual(['n01'])
    one.now += 1
    one.down('n00')
    expect(messagesOf(one.up('n00'), 'leaving')).toEqual([])
  })

  test('a removal goes on from node to node, once', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    const removal = { type: 'leaving', node: 'n02' as NodeName, incarnation: 1 as Incarnation } as const
    const told = messagesOf(one.hear('n00', removal), 'leaving').map(({ to }) => to)
    expect(told.sort()).toEqual(ten.filter(name => name !== 'n00'))
    expect(messagesOf(one.hear('n01', removal), 'leaving')).toEqual([])
  })
})

describe('the numbers of subscriptions', () => {
  const spent = 2 ** 48
  const numbered = (sequence: number): unknown[] => [
    { type: 'subscribe', sequence },
    { type: 'contact', sequence },
    { type: 'subscription', subscriber: scampPeer('n01'), sequence, timeToLive: 0 },
    { type: 'indirection', subscriber: scampPeer('n01'), sequence, timeToLive: 0 },
  ]

  test('end at 2^48: what is beyond is no message', () => {
    const { machine } = new ScampMachine()
    for (const message of numbered(spent)) expect(machine.parse(message)).toEqual(message)
    for (const sequence of [spent + 1, 2 ** 60, Number.POSITIVE_INFINITY, Number.NaN, 1.5, 0, -1]) {
      for (const message of numbered(sequence)) expect(machine.parse(message)).toBeUndefined()
    }
  })

  test('that somebody made up for a node keep out its true ones until its lease ends, and no longer', () => {
    const one = new ScampMachine({ lease: 100_000 })
    one.hold(...ten)
    const subscriber = scampPeer('n01')
    const subscription = (sequence: number, timeToLive = 0): ScampMessage => ({
      ...{ type: 'subscription', subscriber, sequence, timeToLive },
    })
    one.now = 50_000
    one.hear('n00', subscription(spent))
    for (let rounds = 0; rounds < 8; rounds++) {
      one.hear('n00', subscription(2))
      // A lie that is repeated does not last longer.
      one.hear('n00', subscription(spent))
      one.hear('n02', { type: 'holding' })
      one.round()
    }
    expect(one.view).toContain('n01')
    one.now = 200_000
    one.round()
    expect(one.view).not.toContain('n01')
    one.hear('n00', subscription(3))
    expect(one.view).toContain('n01')
  })

  test('that a node made up for itself leave those of others as they are', () => {
    const one = new ScampMachine()
    one.hold(...ten)
    one.hear('n00', { type: 'subscription', subscriber: scampPeer('n00'), sequence: spent, timeToLive: 0 })
    one.hear('x', { type: 'subscription', subscriber: scampPeer('x'), sequence: 1, timeToLive: 0 })
    expect(one.view).toContain('x')
    expect(messagesOf(one.step({ type: 'timer', timer: 'round' }), 'subscribe')).toEqual([])
    const renewed = Array.from({ length: 70 }, () => messagesOf(one.round(), 'subscribe')).flat()
    expect(renewed.map(({ message }) => message.sequence).slice(0, 2)).toEqual([1, 2])
  })
})
