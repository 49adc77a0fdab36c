import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import { messagesOf } from '../support/driven-machine.js'
import { disconnected, OneMachine, peerOf, sent } from '../support/hyparview-machine.js'

const name = (text: string): NodeName => text as NodeName
const life = (count: number): Incarnation => count as Incarnation
const component = { root: name('r'), life: life(1), sequence: 1 }

describe('both ends of a neighbourhood agree on it', () => {
  test('each neighbour is told of it with each count of the root', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    one.hear('a', { type: 'confirm', component })
    const effects = one.hear('a', { type: 'confirm', component: { ...component, sequence: 2 } })
    expect(sent(effects)).toEqual(['confirm -> b'])
  })

  test('who takes us for a neighbour becomes one where there is room, and is told that it is none where not', () => {
    const one = new OneMachine({ activeViewSize: 1 })
    one.hear('a', { type: 'confirm', component })
    expect(one.active).toEqual(['a'])
    expect(sent(one.hear('b', { type: 'confirm', component }))).toEqual(['disconnect -> b'])
    expect(one.active).toEqual(['a'])
  })

  test('a neighbour whose connection comes back is asked whether it still is one', () => {
    const one = new OneMachine()
    one.befriend('a')
    one.down('a')
    expect(sent(one.up('a'))).toEqual(['confirm -> a'])
  })
})

describe('lives', () => {
  test('an earlier life is refused by name, a later one takes its place, wherever it is heard of', () => {
    const one = new OneMachine()
    one.hear('a', { type: 'join' })
    expect(one.machine.admit(peerOf('a', 0))).toEqual({ type: 'stale', known: 1 })
    one.meet(peerOf('a', 3))
    expect(one.machine.members().find(spec => spec.name === 'a')?.incarnation).toBe(3)
    one.meet(peerOf('a', 2), peerOf('p', 4), peerOf('p', 3))
    expect(one.machine.members().find(spec => spec.name === 'a')?.incarnation).toBe(3)
    expect(one.machine.admit(peerOf('p', 3))).toEqual({ type: 'stale', known: 4 })
    expect(one.machine.admit(peerOf('p', 5))).toBeUndefined()
  })

  test('who leaves is confirmed, replaced, and not brought back in that life by those who still tell of it', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    one.meet(peerOf('x'))
    const effects = one.hear('a', { type: 'leaving', node: name('a'), incarnation: life(1) })
    expect(sent(effects, 'noted')).toEqual(['noted -> a'])
    expect(effects).toContainEqual({ type: 'disconnect', node: 'a', reason: 'left', incarnation: 1 })
    expect(one.active).toEqual(['b'])
    one.meet(peerOf('a'))
    one.hear('b', { type: 'forward-join', peer: peerOf('a'), timeToLive: 0 })
    expect(one.passive).not.toContain('a')
    expect(one.wanted.has('a')).toBe(false)
    expect(one.machine.admit(peerOf('a'))).toEqual({ type: 'removed' })
    one.meet(peerOf('a', 2))
    expect(one.passive).toContain('a')
    expect(one.machine.admit(peerOf('a', 2))).toBeUndefined()
  })

  test('a leave is told to the neighbours and no further; a removal is passed on, once', () => {
    const one = new OneMachine()
    one.befriend('a', 'b', 'c')
    const own = one.hear('a', { type: 'leaving', node: name('a'), incarnation: life(1) })
    expect(sent(own, 'leaving')).toEqual([])
    const removal = { type: 'leaving', node: name('x'), incarnation: life(1) } as const
    expect(sent(one.hear('b', removal), 'leaving')).toEqual(['leaving -> c'])
    expect(sent(one.hear('c', removal), 'leaving')).toEqual([])
  })

  test('a leave is over when all neighbours have taken note, and a node that has left tells everybody so', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    expect(sent(one.step({ type: 'leave' }))).toEqual(['leaving -> a', 'leaving -> b'])
    const noted = { type: 'noted', node: name('me'), incarnation: life(5) } as const
    one.hear('a', noted)
    expect(one.hear('b', noted)).toContainEqual({ type: 'notify', event: { type: 'told', node: 'me' } })
    expect(one.active).toEqual([])
    expect(sent(one.hear('x', { type: 'neighbor', priority: 'high' }))).toEqual(['leaving -> x'])
  })

  test('a neighbour can be removed, whoever else is denied, and who is removed is told', () => {
    const one = new OneMachine()
    one.befriend('a', 'b')
    one.meet(peerOf('p'))
    const denied = one.step({ type: 'remove', node: name('p') })
    expect(denied).toMatchObject([{ type: 'notify', event: { type: 'denied', node: 'p' } }])
    const effects = one.step({ type: 'remove', node: name('a') })
    expect(sent(effects, 'leaving')).toEqual(['leaving -> a', 'leaving -> b'])
    expect(one.active).toEqual(['b'])
    const removed = one.hear('b', { type: 'leaving', node: name('me'), incarnation: life(5) })
    expect(removed).toContainEqual({ type: 'notify', event: { type: 'removed' } })
  })

  test('departures are remembered within a bound', () => {
    const one = new OneMachine()
    one.befriend('a')
    for (let index = 0; index < 3_000; index++) {
      one.hear('a', { type: 'leaving', node: name(`x${index}`), incarnation: life(1) })
    }
    expect(one.machine.admit(peerOf('x0'))).toBeUndefined()
    expect(one.machine.admit(peerOf('x2999'))).toEqual({ type: 'removed' })
  })

  test('a later namesake supersedes this node, wherever it is heard of', () => {
    const one = new OneMachine()
    one.befriend('a')
    expect(one.meet(peerOf('me', 9))).toContainEqual({ type: 'notify', event: { type: 'superseded', known: 9 } })
    expect(one.meet(peerOf('me', 4))).toEqual([])
  })

  test('nodes of other overlays are refused', () => {
    expect(new OneMachine().machine.admit(peerOf('a', 1, { role: 'static' }))?.type).toBe('role')
  })
})

describe('reserved slots', () => {
  const vip = { attributes: { tag: 'vip' } }
  const reserving = (): OneMachine => {
    const one = new OneMachine({ activeViewSize: 3 })
    one.step({ type: 'reserve', tag: 'vip' })
    return one
  }

  test('are kept for a peer with the tag', () => {
    const one = reserving()
    one.befriend('a', 'b')
    const refused = messagesOf(one.hear('c', { type: 'neighbor', priority: 'low' }), 'neighbor-reply')
    expect(refused[0]?.message.accepted).toBe(false)
    const taken = messagesOf(one.hear('v', { type: 'neighbor', priority: 'low' }, vip), 'neighbor-reply')
    expect(taken[0]?.message.accepted).toBe(true)
    expect(one.active).toEqual(['a', 'b', 'v'])
  })

  test('keep their holder when others are pushed out', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const one = new OneMachine({ activeViewSize: 3 }, seed)
      one.step({ type: 'reserve', tag: 'vip' })
      one.hear('v', { type: 'neighbor', priority: 'high' }, vip)
      one.befriend('a', 'b', 'c', 'd')
      expect(one.active).toContain('v')
      expect(one.active).toHaveLength(3)
    }
  })

  test('are open again when their holder is gone, however it went', () => {
    const ways: ((one: OneMachine) => void)[] = [
      one => {
        one.down('v')
        one.timer('down v', 1_000)
      },
      one => one.hear('v', { type: 'disconnect' }, vip),
      one => one.hear('v', { type: 'leaving', node: name('v'), incarnation: life(1) }, vip),
    ]
    for (const go of ways) {
      const one = reserving()
      one.befriend('a')
      one.hear('v', { type: 'neighbor', priority: 'low' }, vip)
      go(one)
      one.befriend('b')
      expect(one.active).toEqual(['a', 'b'])
      const taken = messagesOf(one.hear('w', { type: 'neighbor', priority: 'low' }, vip), 'neighbor-reply')
      expect(taken[0]?.message.accepted).toBe(true)
    }
  })

  test('go to one holder of the tag: a second one is a neighbour like any other', () => {
    const one = reserving()
    one.hear('v', { type: 'neighbor', priority: 'low' }, vip)
    one.hear('w', { type: 'neighbor', priority: 'low' }, vip)
    one.befriend('a')
    one.befriend('b')
    expect(one.active).toContain('v')
    expect(one.active).toHaveLength(3)
  })

  test('never take the whole view', () => {
    const one = new OneMachine({ activeViewSize: 2 })
    for (const tag of ['x', 'y', 'z']) one.step({ type: 'reserve', tag })
    one.befriend('a')
    expect(one.active).toEqual(['a'])
  })
})

describe('islets', () => {
  test('a node that remembers others asks one of them now and then where it is, and lets it go', () => {
    const one = new OneMachine()
    one.befriend(...['a', 'b', 'c', 'd', 'e'])
    one.meet(peerOf('x'))
    one.timer('round', 10_000)
    expect(one.wanted.has('x')).toBe(true)
    expect(sent(one.up('x'))).toEqual(['probe -> x'])
    const mark = messagesOf(one.hear('y', { type: 'probe', component }), 'probe-reply')[0]?.message.component
    const effects = one.hear('x', { type: 'probe-reply', component: mark ?? component })
    expect(disconnected(effects)).toEqual(['x'])
    expect(one.passive).toContain('x')
  })

  test('one that is in another component becomes a neighbour, whatever it takes', () => {
    const one = new OneMachine()
    one.befriend(...['a', 'b', 'c', 'd', 'e'])
    one.meet(peerOf('x'))
    one.timer('round', 10_000)
    one.up('x')
    const elsewhere = { root: name('z'), life: life(7), sequence: 3 }
    const asked = messagesOf(one.hear('x', { type: 'probe-reply', component: elsewhere }), 'neighbor')
    expect(asked.map(({ to, message }) => [to, message.priority])).toEqual([['x', 'high']])
    one.hear('x', { type: 'neighbor-reply', accepted: true })
    expect(one.active).toContain('x')
    expect(one.active).toHaveLength(5)
  })

  test('a node that was cut off from a root which lives is elsewhere than those that go on hearing it', () => {
    const one = new OneMachine()
    const root = { root: name('z'), life: life(1), sequence: 3 }
    one.befriend('a', 'b', 'c', 'd', 'e')
    one.hear('a', { type: 'confirm', component: root })
    expect(one.machine.state().root).toBe('z')
    one.timer('beat', 20_000)
    expect(one.machine.state().root).toBe('me')
    const asks = (component: typeof root): string[] => {
      one.meet(peerOf('x'))
      one.timer('beat', 5_000)
      expect(sent(one.up('x'))).toEqual(['probe -> x'])
      const effects = one.hear('x', { type: 'probe-reply', component })
      one.down('x')
      return sent(effects, 'neighbor')
    }
    expect(asks(root)).toEqual([])
    expect(asks({ ...root, sequence: 9 })).toEqual(['neighbor -> x'])
  })

  test('a probe that nobody answers takes the node out of the passive view', () => {
    const one = new OneMachine()
    one.befriend(...['a', 'b', 'c', 'd', 'e'])
    one.meet(peerOf('x'))
    one.timer('round', 10_000)
    expect(disconnected(one.timer('try x', 2_000))).toEqual(['x'])
    expect(one.passive).toEqual([])
  })

  test('a seed is sought while no neighbour is connected', () => {
    const one = new OneMachine()
    expect(one.machine.seeks()).toBe(true)
    one.befriend('a')
    expect(one.machine.seeks()).toBe(false)
    one.down('a')
    expect(one.machine.seeks()).toBe(true)
  })
})
