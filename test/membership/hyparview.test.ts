import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { messagesOf } from '../support/driven-machine.js'
import { disconnected, OneMachine, peerOf, sent } from '../support/hyparview-machine.js'

const five = ['a', 'b', 'c', 'd', 'e']
const path = (...names: readonly string[]): NodeName[] => names as NodeName[]

describe('joins (HyParView, 4.2)', () => {
  test('who joins is a neighbour at once, and all other neighbours hear of it', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    const effects = one.hear('x', { type: 'join' })
    expect(one.active).toEqual(['a', 'b', 'x'])
    expect(sent(effects, 'counted')).toEqual(['counted -> x'])
    const walks = messagesOf(effects, 'forward-join')
    expect(walks.map(({ to, message }) => [to, message.peer.name, message.timeToLive])).toEqual([
      ['a', 'x', 6],
      ['b', 'x', 6],
    ])
  })

  test('who joins is told of some that are known, and remembers those that it is told of', () => {
    const one = new OneMachine()
    one.befriend('a')
    one.meet(...Array.from({ length: 40 }, (_, index) => peerOf(`p${index}`)))
    const [counted] = messagesOf(one.hear('x', { type: 'join' }), 'counted')
    expect(new Set(counted?.message.nodes.map(({ name }) => name)).size).toBe(16)
    const joiner = new OneMachine()
    joiner.hear('a', { type: 'counted', nodes: [peerOf('y'), peerOf('me', 1), peerOf('b', 1, { addresses: [] })] })
    expect([joiner.active, joiner.passive]).toEqual([['a'], ['y']])
  })

  test('the answer to a join comes before anything that would have it refused', () => {
    const effects = new OneMachine().hear('x', { type: 'join' })
    expect(sent(effects)).toEqual(['counted -> x', 'confirm -> x'])
  })

  test('a full view takes a join in the place of one neighbour, which is told; that connection alone is closed', () => {
    const one = new OneMachine()
    one.befriend(...five)
    const effects = one.hear('x', { type: 'join' })
    const [victim = ''] = five.filter(name => !one.active.includes(name))
    expect(one.active).toHaveLength(5)
    expect(one.active).toContain('x')
    expect(sent(effects, 'disconnect')).toEqual([`disconnect -> ${victim}`])
    expect(disconnected(effects)).toEqual([victim])
    expect(one.passive).toEqual([victim])
    expect([...one.wanted].sort()).toEqual(one.active)
  })

  test('a join that is repeated is answered, and told to nobody again', () => {
    const one = new OneMachine()
    one.befriend('a')
    one.hear('x', { type: 'join' })
    expect(sent(one.hear('x', { type: 'join' }))).toEqual(['counted -> x', 'confirm -> x'])
  })

  test('a walk goes to a random neighbour, not back, nor to who joins; it is noted at PRWL and not at ARWL', () => {
    const one = new OneMachine()
    one.befriend(...five)
    const chosen = new Set<string>()
    for (let count = 0; count < 60; count++) {
      const effects = one.hear('a', { type: 'forward-join', peer: peerOf('x'), timeToLive: 6 })
      const [walk] = messagesOf(effects, 'forward-join')
      expect(walk?.message.timeToLive).toBe(5)
      chosen.add(walk?.to ?? '')
    }
    expect([...chosen].sort()).toEqual(['b', 'c', 'd', 'e'])
    expect(one.passive).toEqual([])
    one.hear('a', { type: 'forward-join', peer: peerOf('x'), timeToLive: 3 })
    expect(one.passive).toEqual(['x'])
  })

  test('where the walk ends, who joined is asked, and a neighbour gives way once it accepts', () => {
    const one = new OneMachine()
    one.befriend(...five)
    const effects = one.hear('a', { type: 'forward-join', peer: peerOf('x'), timeToLive: 0 })
    expect(one.wanted.has('x')).toBe(true)
    expect(sent(effects)).toEqual([])
    expect(sent(one.up('x'))).toEqual(['neighbor -> x'])
    expect(one.active).toEqual(five)
    one.hear('x', { type: 'neighbor-reply', accepted: true })
    expect(one.active).toHaveLength(5)
    expect(one.active).toContain('x')
    expect([...one.wanted].sort()).toEqual(one.active)
  })

  test('a node whose only neighbour sent the walk ends it: one neighbour is not isolation', () => {
    const one = new OneMachine()
    one.befriend('a')
    one.hear('a', { type: 'forward-join', peer: peerOf('x'), timeToLive: 6 })
    expect(one.wanted.has('x')).toBe(true)
  })

  test('a longer walk than ours is cut to ours', () => {
    const one = new OneMachine()
    one.befriend(...five)
    const [walk] = messagesOf(
      one.hear('a', { type: 'forward-join', peer: peerOf('x'), timeToLive: 16 }),
      'forward-join',
    )
    expect(walk?.message.timeToLive).toBe(5)
  })
})

describe('requests (HyParView, 4.3)', () => {
  test('one of high priority is never refused; one of low priority is where there is no room', () => {
    const one = new OneMachine()
    one.befriend(...five)
    const refused = messagesOf(one.hear('x', { type: 'neighbor', priority: 'low' }), 'neighbor-reply')
    expect(refused.map(({ to, message }) => [to, message.accepted])).toEqual([['x', false]])
    expect(one.active).toEqual(five)
    const taken = messagesOf(one.hear('y', { type: 'neighbor', priority: 'high' }), 'neighbor-reply')
    expect(taken.map(({ message }) => message.accepted)).toEqual([true])
    expect(one.active).toContain('y')
    expect(one.active).toHaveLength(5)
  })

  test('a neighbour that stays down is replaced from the passive view; with others left the priority is low', () => {
    const one = new OneMachine()
    one.befriend(...five)
    one.meet(peerOf('x'))
    one.down('c')
    expect(one.active).toEqual(five)
    const effects = one.timer('down c', 1_000)
    expect(one.active).toEqual(['a', 'b', 'd', 'e'])
    expect(disconnected(effects)).toContain('c')
    expect(one.passive).toContain('c')
    const asked = messagesOf([...one.up('x'), ...one.up('c')], 'neighbor')
    expect(asked.map(({ message }) => message.priority)).toContain('low')
  })

  test('a neighbour that is back in time stays', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    one.down('a')
    one.now += 900
    expect(sent(one.up('a'))).toEqual(['confirm -> a'])
    one.timer('down a', 100)
    expect(one.active).toEqual(['a', 'b'])
  })

  test('without any neighbour left it asks several with high priority, at once, and keeps those that are down', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    one.meet(peerOf('x'), peerOf('y'))
    one.down('a')
    one.down('b')
    one.timer('down a', 5_000)
    expect(one.active).toEqual(['a', 'b'])
    const asked = messagesOf([...one.up('x'), ...one.up('y')], 'neighbor')
    expect(asked.map(({ to, message }) => [to, message.priority])).toEqual([
      ['x', 'high'],
      ['y', 'high'],
    ])
    one.hear('x', { type: 'neighbor-reply', accepted: true })
    // From now the two have as long as any other to come back.
    one.timer('down a', 1_000)
    one.timer('down b')
    expect(one.active).not.toContain('a')
  })

  test('a candidate that cannot be reached is dropped and let go, and the next one is asked', () => {
    const one = new OneMachine({ activeViewSize: 2 })
    one.befriend('a', 'b')
    one.meet(peerOf('x'), peerOf('y'))
    one.down('b')
    one.timer('down b', 1_000)
    const [first = ''] = [...one.wanted].filter(name => name !== 'a')
    const effects = one.timer(`try ${first}`, 2_000)
    expect(disconnected(effects)).toEqual([first])
    expect(one.passive).not.toContain(first)
    const [second = ''] = [...one.wanted].filter(name => name !== 'a')
    expect(second).not.toBe(first)
  })

  test('a candidate that refuses is let go and stays in the passive view; after three the round is over', () => {
    const one = new OneMachine({ activeViewSize: 2 })
    one.befriend('a', 'b')
    one.meet(...['v', 'w', 'x', 'y', 'z'].map(name => peerOf(name)))
    one.hear('b', { type: 'disconnect' })
    const asked: string[] = []
    for (let next = wantedBeside(one, 'a'); next !== undefined; next = wantedBeside(one, 'a')) {
      asked.push(next)
      if (!one.connected.has(next)) one.up(next)
      const effects = one.hear(next, { type: 'neighbor-reply', accepted: false })
      expect(disconnected(effects).filter(name => name === next).length).toBeLessThanOrEqual(1)
      one.connected.delete(next)
    }
    // The one that has just parted is the first of the three.
    expect(asked).toHaveLength(2)
    expect(one.passive).toEqual(expect.arrayContaining(asked))
    one.timer('round', 10_000)
    expect(wantedBeside(one, 'a')).toBeDefined()
  })

  test('an acceptance that comes when the place is taken is answered by disconnect', () => {
    const one = new OneMachine({ activeViewSize: 2 })
    one.befriend('a', 'b')
    one.meet(peerOf('x'))
    one.hear('b', { type: 'disconnect' })
    one.down('b')
    one.up('x')
    one.befriend('y')
    const effects = one.hear('x', { type: 'neighbor-reply', accepted: true })
    expect(one.active).toEqual(['a', 'y'])
    expect(sent(effects)).toContain('disconnect -> x')
  })

  test('who says disconnect is no neighbour any more, and may be one again', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    const effects = one.hear('a', { type: 'disconnect' })
    expect(one.active).toEqual(['b'])
    expect(disconnected(effects)).toEqual(['a'])
    expect(one.passive).toEqual(['a'])
  })
})

describe('shuffles (HyParView, 4.4)', () => {
  test('tell of some neighbours and some of the passive view, of the origin by itself, and start with ARWL', () => {
    const one = new OneMachine()
    one.befriend(...five)
    one.meet(...Array.from({ length: 12 }, (_, index) => peerOf(`p${index}`)))
    const [shuffle] = messagesOf(one.timer('round', 10_000), 'shuffle')
    const names: string[] = shuffle?.message.nodes.map(({ name }) => name) ?? []
    expect(shuffle?.message.origin).toEqual(one.self)
    expect(shuffle?.message.timeToLive).toBe(6)
    expect(names.filter(name => five.includes(name))).toHaveLength(3)
    expect(names.filter(name => name.startsWith('p'))).toHaveLength(4)
    expect(names).not.toContain(shuffle?.to)
  })

  test('each subset of the passive view is as likely to be told as any other', () => {
    const counts = new Map<string, number>()
    for (let seed = 1; seed <= 400; seed++) {
      const one = new OneMachine({}, seed)
      one.befriend('a')
      one.meet(...Array.from({ length: 10 }, (_, index) => peerOf(`p${index}`)))
      const attempt = messagesOf(one.timer('round', 10_000), 'shuffle')[0]
      for (const { name } of attempt?.message.nodes ?? []) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    // Four of ten each time: 160 of 400, give or take four standard deviations.
    for (let index = 0; index < 10; index++) expect(Math.abs((counts.get(`p${index}`) ?? 0) - 160)).toBeLessThan(40)
  })

  test('pass on the origin, and not themselves: the reply finds it over the hops of the walk', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    const origin = peerOf('o')
    const walked = { type: 'shuffle', origin, nodes: [peerOf('p')], timeToLive: 4, path: path('o') } as const
    const [passed] = messagesOf(one.hear('a', walked), 'shuffle')
    expect(passed).toEqual({ to: 'b', message: { ...walked, timeToLive: 3, path: path('o', 'a') } })
    expect(one.passive).toEqual([])
    const reply = { type: 'shuffle-reply', nodes: [peerOf('q')], path: path('o', 'a') } as const
    expect(messagesOf(one.hear('b', reply), 'shuffle-reply')).toEqual([
      { to: 'a', message: { ...reply, path: path('o') } },
    ])
    expect(one.passive).toEqual([])
  })

  test('end after ARWL steps or where nobody is left, with as many nodes in return, and both are remembered', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    one.meet(peerOf('p1'), peerOf('p2'), peerOf('p3'))
    const nodes = [peerOf('n1'), peerOf('n2')]
    const effects = one.hear('a', { type: 'shuffle', origin: peerOf('o'), nodes, timeToLive: 1, path: path('o') })
    const [reply] = messagesOf(effects, 'shuffle-reply')
    expect(reply?.to).toBe('a')
    expect(reply?.message.path).toEqual(['o'])
    expect(reply?.message.nodes).toHaveLength(3)
    expect(one.passive).toEqual(expect.arrayContaining(['n1', 'n2', 'o']))
  })

  test('make room for what came among what was told, and keep the bound', () => {
    const one = new OneMachine({ passiveViewSize: 6, shuffleActive: 0 })
    one.befriend('a')
    one.meet(...Array.from({ length: 6 }, (_, index) => peerOf(`p${index}`)))
    const known = one.passive
    const [shuffle] = messagesOf(one.timer('round', 10_000), 'shuffle')
    const told: string[] = shuffle?.message.nodes.map(({ name }) => name) ?? []
    const nodes = told.map((_, index) => peerOf(`new${index}`))
    one.hear('a', { type: 'shuffle-reply', nodes, path: [] })
    expect(one.passive).toEqual(
      [...known.filter(name => !told.includes(name)), ...nodes.map(({ name }) => name)].sort(),
    )
  })

  test('bring no neighbour, not this node, nobody of another overlay, and nobody without an address', () => {
    const one = new OneMachine()
    one.befriend(...five)
    one.meet(peerOf('a'), peerOf('me', 5), peerOf('f', 1, { role: 'static' }), peerOf('g', 1, { addresses: [] }))
    expect(one.passive).toEqual([])
    expect(one.active).toEqual(five)
  })
})

function wantedBeside(one: OneMachine, ...known: readonly string[]): string | undefined {
  return [...one.wanted].find(name => !known.includes(name))
}
