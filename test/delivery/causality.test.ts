import { describe, expect, test } from 'vitest'
import type { Life } from '../../src/core/node.js'
import { causalPairsMax, hearsayMillis } from '../../src/delivery/causal-past.js'
import { CausalSource } from '../../src/delivery/causal-source.js'
import { strangerMillis } from '../../src/delivery/causality.js'
import { endedLifeMillis } from '../../src/delivery/ended-lives.js'
import { a, b, CausalNode, c, life, type Sent, trio } from '../support/causal-node.js'

describe('causality', () => {
  test('holds a message until what came before it over another node is there', () => {
    const [one, two, three] = trio()
    const first = one.send(c, 'first')
    two.take(one.send(b, 'aside'))
    const second = two.send(c, 'second')
    expect(three.take(second)).toBe('taken')
    expect(three.heard).toEqual([])
    expect(three.waits).toEqual(['a 1'])
    three.take(first)
    expect(three.heard).toEqual(['first', 'second'])
    expect(three.machine.isWaiting).toBe(false)
  })

  test('holds the messages of one sender in the order in which they were numbered', () => {
    const [one, , three] = trio()
    const [first, second, third] = ['1', '2', '3'].map(text => one.send(c, text)) as [Sent, Sent, Sent]
    for (const message of [third, second, third, first]) three.take(message)
    expect(three.heard).toEqual(['1', '2', '3'])
    expect(three.take(second)).toBe('duplicate')
  })

  test('never hands over what was given up while something that depends on it was handed over', () => {
    const [one, two, three] = trio()
    const first = one.send(c, 'first')
    two.take(one.send(b, 'aside'))
    three.take(two.send(c, 'second'))
    three.told(a, 1)
    expect(three.heard).toEqual(['second'])
    expect(three.machine.missed).toBe(1)
    expect(three.take(first)).toBe('late')
    expect(three.take(first)).toBe('late')
    expect(three.heard).toEqual(['second'])
    three.take(one.send(c, 'third'))
    expect(three.heard).toEqual(['second', 'third'])
  })

  test('does not give up what is here and waits for something else', () => {
    const [one, two, three] = trio()
    const lost = two.send(c, 'lost')
    one.take(two.send(a, 'aside'))
    const first = one.send(c, 'first')
    two.take(one.send(b, 'aside too'))
    const second = two.send(c, 'second')
    three.take(second)
    three.take(first)
    three.told(a, 1)
    expect(three.heard).toEqual([])
    three.take(lost)
    expect(three.heard).toEqual(['lost', 'first', 'second'])
  })

  test('does not give up what is here and held back by a fault, until the fault drops it', () => {
    const [one, , three] = trio()
    const [first, second, third] = ['1', '2', '3'].map(text => one.send(c, text)) as [Sent, Sent, Sent]
    three.machine.delayed(a, 1, 0)
    three.take(second)
    three.told(a, 1)
    expect(three.heard).toEqual([])
    three.take(first)
    expect(three.heard).toEqual(['1', '2'])
    three.machine.delayed(a, 3, 0)
    three.told(a, 3)
    three.machine.undelayed(a, 3, 0, three.heard)
    expect(three.take(third)).toBe('late')
  })

  test('knows which of its messages may still leave', () => {
    const [one] = trio()
    expect(one.machine.sentTo(c).floor).toBe(1)
    for (const text of ['1', '2', '3']) one.send(c, text)
    expect(one.machine.sentTo(c).floor).toBe(1)
    one.machine.left(c, 2)
    expect(one.machine.sentTo(c).floor).toBe(1)
    one.machine.left(c, 1)
    expect(one.machine.sentTo(c).floor).toBe(3)
    one.machine.left(c, 3)
    expect(one.machine.sentTo(c).floor).toBe(4)
  })

  test('waits no more for a life that is over, but takes what was here', () => {
    const [one, two, three] = trio()
    const lost = two.send(c, 'lost')
    one.take(two.send(a, 'aside'))
    const here = one.send(c, 'here')
    one.send(c, 'never came')
    two.take(one.send(b, 'aside too'))
    three.take(two.send(c, 'depends'))
    three.take(here)
    three.end(a)
    expect(three.heard).toEqual([])
    three.take(lost)
    expect(three.heard).toEqual(['lost', 'here', 'depends'])
    // Not even what comes of it afterwards is waited for, or taken.
    expect(three.take({ ...here, number: 5 })).toBe('late')
    expect(three.waits).toEqual([])
  })

  test('begins anew with the next life of a node', () => {
    const [one, , three] = trio()
    three.take(one.send(c, 'before'))
    three.end(a)
    const next = new CausalNode(life('a', 2))
    three.take(next.send(c, 'after'))
    expect(three.heard).toEqual(['before', 'after'])
    next.take(three.send(next.self, 'answer'))
    expect(next.heard).toEqual(['answer'])
  })

  test('forgets what was sent to a life that is over at once, and what it sent after a while', () => {
    const [one, two] = trio()
    two.take(one.send(b, 'to b'))
    one.send(c, 'to c')
    two.take(one.send(b, 'more'))
    expect(two.machine.size).toBe(2)
    two.end(c)
    expect(two.machine.size).toBe(1)
    two.end(a)
    two.now = endedLifeMillis - 1
    expect(two.machine.dependencies(c, two.now)).toHaveLength(1)
    two.now += 1_001
    expect(two.machine.dependencies(c, two.now)).toEqual([])
    // Others that forget it later do not bring it back.
    two.take({
      from: life('d'),
      number: 1,
      dependencies: [{ from: a, to: life('e'), number: 3, age: 0 }],
      text: 'old news',
    })
    expect(two.machine.dependencies(c, two.now).map(({ from }) => from.name)).toEqual(['d'])
  })

  test('drops what is known to have been handed over at its destination', () => {
    const [one, two, three] = trio()
    three.take(one.send(c, 'to c'))
    two.take(one.send(b, 'to b'))
    const before = two.machine.size
    two.take(three.send(b, 'thanks'))
    // That c has its message from a, b need not tell anybody; that c sent one to b, it does.
    expect(two.machine.size).toBe(before)
    expect(two.machine.dependencies(a, 0).some(({ from, to }) => from.name === 'a' && to.name === 'c')).toBe(false)
  })

  test('remembers a message to itself until it is handed over, whoever tells of it', () => {
    const [one, two] = trio()
    const toMyself = one.send(a, 'to myself')
    two.take(one.send(b, 'question'))
    one.take(two.send(a, 'answer'))
    expect(one.heard).toEqual([])
    one.take(toMyself)
    expect(one.heard).toEqual(['to myself', 'answer'])
  })

  test('passes over a number that nobody can have reached at once', () => {
    const [, two, three] = trio()
    const most = Number.MAX_SAFE_INTEGER
    three.take({ from: b, number: 1, dependencies: [{ from: a, to: c, number: most, age: 0 }], text: 'liar' })
    expect(three.waits).toEqual([`a ${most}`])
    three.told(a, most)
    expect(three.heard).toEqual(['liar'])
    three.take(two.send(c, 'not this one: it has the number of the other'))
    expect(three.heard).toHaveLength(1)
  })

  test('forgets a life that it has no link with, after a long time without news', () => {
    const [one, , three] = trio()
    three.take(one.send(c, 'first'))
    three.near = false
    three.now = strangerMillis - 1
    three.machine.dependencies(b, three.now)
    expect(three.take({ from: a, number: 1, dependencies: [], text: 'again' })).toBe('duplicate')
    three.now += strangerMillis
    three.machine.dependencies(b, three.now)
    expect(three.take({ from: a, number: 1, dependencies: [], text: 'again' })).toBe('taken')
  })

  test('forgets the pairs of those who come and go, though newcomers never heard of their ends', () => {
    let now = 0
    const newcomer = (name: string): CausalNode => new CausalNode(life(name))
    const all = (): readonly CausalNode[] => [sink, ...workers]
    const say = (from: CausalNode, to: CausalNode): void => {
      for (const node of all()) node.now = now
      expect(to.take(from.send(to.self, 'x'))).toBe('taken')
    }
    const sink = newcomer('sink')
    let workers: readonly [CausalNode, CausalNode] = [newcomer('w0'), newcomer('w1')]
    const isLinked = (other: Life): boolean => all().some(({ self }) => self === other)
    for (const node of all()) node.isNear = isLinked
    let most = 0
    for (let generation = 2; generation < 300; generation++) {
      const [dead, heir] = workers
      for (const worker of workers) say(worker, sink)
      say(dead, heir)
      say(heir, dead)
      for (const node of [sink, heir]) node.end(dead.self)
      const fresh = newcomer(`w${generation}`)
      fresh.isNear = isLinked
      workers = [heir, fresh]
      now += 5_000
      say(heir, fresh)
      for (let turn = 0; turn < 3; turn++) {
        now += 3_000
        for (const worker of workers) say(worker, sink)
        say(heir, fresh)
        say(fresh, heir)
      }
      most = Math.max(most, heir.machine.size)
    }
    expect(most).toBeLessThan(40)
  })

  test('tells of lives without a link for two minutes in all, whoever passes it on', () => {
    const [one, two, three] = trio()
    for (const node of [one, two, three]) node.isNear = other => other.name !== 'x' && other.name !== 'y'
    const told = (node: CausalNode): number =>
      node.machine.dependencies(a, node.now).filter(({ to }) => to.name === 'y').length
    const pair = { from: life('x'), to: life('y'), number: 1, age: 0 }
    two.take({ from: a, number: 1, dependencies: [pair], text: 'hearsay' })
    two.now = hearsayMillis - 2_000
    three.now = two.now
    three.take(two.send(c, 'what I heard'))
    expect([told(two), told(three)]).toEqual([1, 1])
    two.now += 3_000
    three.now = two.now
    expect([told(two), told(three)]).toEqual([0, 0])
    two.take(three.send(b, 'and I'))
    two.take({ from: life('d'), number: 1, dependencies: [{ ...pair, age: 120 }], text: 'old' })
    expect(told(two)).toBe(0)
    // Of those that are linked it is told, however long ago that was.
    two.take({ from: life('e'), number: 1, dependencies: [{ ...pair, from: a, to: c, age: 120 }], text: 'linked' })
    expect(two.machine.dependencies(a, two.now).some(({ from, to }) => from === a && to === c)).toBe(true)
  })

  test('keeps so many pairs at the most, and forgets the oldest hearsay first', () => {
    const [, two] = trio()
    two.isNear = other => ['a', 'b', 'c'].includes(other.name)
    two.send(c, 'mine')
    for (let number = 1; number <= 20; number++) {
      two.now += 1_000
      const dependencies = Array.from({ length: 1_000 }, (_, index) => {
        return { from: life(`x${number} ${index}`), to: life('y'), number: 1, age: 0 }
      })
      two.take({ from: a, number, dependencies, text: 'flood' })
      expect(two.machine.size).toBeLessThanOrEqual(causalPairsMax)
      expect(two.machine.size).toBe([...two.machine.dependencies(life('none'), two.now)].length)
    }
    expect(two.machine.forgotten).toBe(20_002 - two.machine.size)
    const names = two.machine.dependencies(life('none'), two.now).map(({ from }) => from.name)
    expect(names).toContain('a')
    expect(names).toContain('b')
    expect(names).toContain('x20 0')
    expect(names).not.toContain('x1 0')
    expect(two.machine.isFull).toBe(false)
  })

  test('hands over what came behind a hundred thousand gaps without a stall for each', () => {
    const [, , three] = trio()
    const count = 100_000
    // Last first, and each second is lost.
    for (let number = 2 * count; number > 0; number -= 2) {
      three.take({ from: a, number, dependencies: [], text: String(number) })
    }
    expect(three.heard).toEqual([])
    three.told(a, 2 * count)
    expect(three.heard).toEqual(Array.from({ length: count }, (_, index) => String(2 * index + 2)))
    expect(three.machine.missed).toBe(count)
  })

  test('keeps nothing of messages that faults hold back again and again', () => {
    const source = new CausalSource<string>(a, 0)
    for (let number = 2; number < 10_000; number++) {
      source.delay(number)
      source.undelay(number)
    }
    expect(source.isIdle).toBe(true)
    expect(source.size).toBeLessThan(100)
    source.delay(20_000)
    source.giveUp(15_000)
    source.giveUp(30_000)
    expect(source.resolved).toBe(19_999)
  })

  test('may be forgotten when all lives with which it has numbers are over, and a minute has passed', () => {
    const [one, two] = trio()
    expect(two.machine.isForgettable(0)).toBe(true)
    two.take(one.send(b, 'question'))
    expect(two.machine.isForgettable(0)).toBe(false)
    two.send(a, 'answer')
    two.end(a)
    expect(two.machine.isForgettable(endedLifeMillis - 1)).toBe(false)
    expect(two.machine.isForgettable(endedLifeMillis + 1_000)).toBe(true)
    two.send(c, 'hello')
    expect(two.machine.isForgettable(10 * endedLifeMillis)).toBe(false)
  })
})
