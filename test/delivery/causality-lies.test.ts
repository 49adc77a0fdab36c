import { describe, expect, test } from 'vitest'
import type { Life } from '../../src/core/node.js'
import type { Dependency } from '../../src/delivery/causal-matrix.js'
import { causalPairsMax, hearsayMillis } from '../../src/delivery/causal-past.js'
import { causalAskMillis, causalPatienceMillis, causalStrangersMax } from '../../src/delivery/causality.js'
import { a, b, CausalNode, c, life, type Sent, trio } from '../support/causal-node.js'

const liar = life('p')
const far = 2 ** 50

/** What `p` says: that others have sent what is named. */
function said(number: number, ...dependencies: readonly (Omit<Dependency, 'age'> & { readonly age?: number })[]): Sent {
  return { from: liar, number, dependencies: dependencies.map(one => ({ age: 0, ...one })), text: `p ${number}` }
}

/** Time passes at the node, with its regular care. Returns who was asked. */
function pass(node: CausalNode, millis: number): Set<string> {
  const asked = new Set<string>()
  const end = node.now + millis
  while (node.now < end) {
    node.now = Math.min(end, node.now + causalAskMillis)
    for (const { name } of node.machine.care(node.now, node.heard)) asked.add(name)
  }
  return asked
}

function named(node: CausalNode, from: Life, to: Life): number | undefined {
  const all = node.machine.dependencies(life('nobody'), node.now)
  return all.find(one => one.from.name === from.name && one.to.name === to.name)?.number
}

describe('what does not come', () => {
  test('is waited for ten seconds in all, however much it is, and all are asked at once', () => {
    const [one, , three] = trio()
    const lost = Array.from({ length: 15 }, (_, index) => new CausalNode(life(`s${index}`)))
    for (const node of lost) {
      node.send(c, 'lost')
      one.take(node.send(a, 'aside'))
    }
    three.take(one.send(c, 'after them'))
    expect(pass(three, causalPatienceMillis - 1).size).toBe(15)
    expect(three.heard).toEqual([])
    pass(three, 1)
    expect(three.heard).toEqual(['after them'])
    expect(three.machine.missed).toBe(15)
  })

  test('is not waited for anew by what a message waits for in its turn', () => {
    const [one, two, three] = trio()
    const lost = new CausalNode(life('s'))
    lost.send(c, 'lost')
    one.take(lost.send(a, 'aside'))
    const first = one.send(c, 'first')
    const alsoLost = one.send(c, 'lost, too')
    const third = one.send(c, 'third')
    two.take(one.send(b, 'aside'))
    three.take(two.send(c, 'last'))
    pass(three, causalPatienceMillis - 1_000)
    three.take(third)
    three.take(first)
    pass(three, 999)
    expect(three.heard).toEqual([])
    pass(three, 1)
    expect(three.heard).toEqual(['first', 'third', 'last'])
    expect(three.take(alsoLost)).toBe('late')
  })
})

describe('who names numbers that others never gave', () => {
  test('is not believed when their sender has told how many it gave', () => {
    const [, , three] = trio()
    const sender = new CausalNode(a)
    const [first, second] = [sender.send(c, '1'), sender.send(c, '2')]
    three.take(first)
    three.take(said(1, { from: a, to: c, number: far }))
    expect(three.heard).toEqual(['1'])
    // There may be something behind the lie: all that was given is waited for.
    three.told(a, 0, 2)
    expect(three.waits).toEqual(['a 2'])
    three.take(second)
    expect(three.heard).toEqual(['1', '2', 'p 1'])
    for (const text of ['3', '4']) expect(three.take(sender.send(c, text))).toBe('taken')
    expect(three.machine.missed).toBe(0)
  })

  test('may be right when their sender was asked before', () => {
    const [one, two, three] = trio()
    three.now = 5_000
    const first = one.send(c, 'first')
    two.take(one.send(b, 'aside'))
    three.take(two.send(c, 'second'))
    three.told(a, 0, 0, 4_999)
    expect(three.heard).toEqual([])
    three.take(first)
    expect(three.heard).toEqual(['first', 'second'])
  })

  test('is believed where their sender does not answer, until it does', () => {
    const [, , three] = trio()
    const sender = new CausalNode(a)
    three.take(said(1, { from: a, to: c, number: far }))
    pass(three, causalPatienceMillis)
    expect(three.heard).toEqual(['p 1'])
    expect(three.take(sender.send(c, '1'))).toBe('late')
    // What was told before does not count.
    three.told(a, 0, 1, three.now - 1)
    expect(three.take(sender.send(c, '2'))).toBe('late')
    three.told(a, 0, 3)
    for (const text of ['3', '4']) three.take(sender.send(c, text))
    expect(three.take({ ...sender.send(c, '5'), number: 2 })).toBe('late')
    expect(three.heard).toEqual(['p 1', '4'])
    expect(three.machine.missed).toBeLessThan(1_000)
  })

  test('does not bring back what was rightly given up', () => {
    const [one, two, three] = trio()
    const first = one.send(c, 'first')
    two.take(one.send(b, 'aside'))
    three.take(two.send(c, 'second'))
    pass(three, causalPatienceMillis)
    three.told(a, 0, 1)
    expect(three.take(first)).toBe('late')
    expect(three.take(one.send(c, 'third'))).toBe('taken')
    expect(three.heard).toEqual(['second', 'third'])
  })

  test('is believed for two minutes where their sender has no link here, and cannot be asked', () => {
    const [one, , three] = trio()
    three.isNear = ({ name }) => name === 'p'
    three.take(one.send(c, '1'))
    three.take(said(1, { from: a, to: c, number: far }))
    pass(three, causalPatienceMillis + hearsayMillis - 1_000)
    expect(three.take(one.send(c, '2'))).toBe('late')
    pass(three, 2_000)
    expect(three.take(one.send(c, '3'))).toBe('taken')
    expect(three.heard).toEqual(['1', 'p 1', '3'])
  })

  test('is not believed about messages of the node itself', () => {
    const [, , three] = trio()
    three.take(said(1, { from: c, to: c, number: far }, { from: c, to: a, number: far }))
    expect(three.heard).toEqual(['p 1'])
    expect(named(three, c, a)).toBe(undefined)
    three.take(three.send(c, 'to myself'))
    expect(three.heard).toEqual(['p 1', 'to myself'])
  })

  test('is not passed on as what was handed over: who knows better goes on telling', () => {
    const [one, two, three] = trio()
    three.take(one.send(c, '1'))
    const second = one.send(c, '2')
    two.take(one.send(b, 'aside'))
    three.take(said(1, { from: a, to: c, number: far }))
    pass(three, causalPatienceMillis)
    expect(named(three, a, c)).toBe(1)
    two.take(three.send(b, 'I have 1'))
    three.told(a, 0, 2)
    three.take(two.send(c, 'after 2'))
    expect(three.take(second)).toBe('late')
    expect(named(two, a, c)).toBe(2)
  })

  test('holds up nobody by a circle of messages that wait for each other', () => {
    const [one, , three] = trio()
    one.take({ ...said(1, { from: liar, to: c, number: 1 }), text: 'to a' })
    const honest = one.send(c, 'honest')
    three.take(said(1, { from: a, to: c, number: 1 }))
    three.now += 100
    three.take(honest)
    three.take({ ...said(3, { from: liar, to: c, number: 3 }), text: 'after myself' })
    expect(three.heard).toEqual([])
    pass(three, causalPatienceMillis + causalAskMillis)
    // What came first goes first.
    expect(three.heard).toEqual(['p 1', 'honest', 'after myself'])
    expect(three.machine.isWaiting).toBe(false)
  })

  test('is heard about so many that were never met, and no more', () => {
    const [one, , three] = trio()
    three.isNear = ({ name }) => ['a', 'p'].includes(name)
    const strangers = Array.from({ length: 2 * causalStrangersMax }, (_, index) => life(`x${index}`))
    three.take(said(1, ...strangers.map(from => ({ from, to: c, number: 1 }))))
    expect(three.waits).toHaveLength(causalStrangersMax)
    expect(three.machine.forgotten).toBe(causalStrangersMax)
    // Others may tell of more, and so may this one when some have spoken.
    three.take({ ...one.send(c, 'a'), dependencies: [{ from: life('y'), to: c, number: 1, age: 0 }] })
    three.take({ from: life('x0'), number: 1, dependencies: [], text: 'x0' })
    three.take(said(2, { from: life('z'), to: c, number: 1 }))
    expect(three.waits).toEqual(expect.arrayContaining(['y 1', 'z 1']))
    pass(three, causalPatienceMillis + hearsayMillis)
    three.machine.dependencies(a, three.now)
    three.take(said(3, ...strangers.slice(1, causalStrangersMax).map(from => ({ from, to: c, number: 1 }))))
    expect(three.waits).toHaveLength(causalStrangersMax - 1)
  })
})

describe('who tells very much of others', () => {
  const flood = (count: number, of: string): Omit<Dependency, 'age'>[] =>
    Array.from({ length: count }, (_, index) => ({ from: life(`${of} ${index}`), to: life('nobody'), number: 1 }))

  test('drives out nothing that others tell, or tell, too', () => {
    const [one, two] = trio()
    two.isNear = ({ name }) => ['a', 'b', 'p'].includes(name)
    const real = [{ from: a, to: life('d'), number: 1, age: 5 }]
    const known = { from: life('x'), to: life('d'), number: 1 }
    two.take(said(1, known))
    two.take({ ...one.send(b, 'real'), dependencies: [...real, { ...known, age: 9 }] })
    for (let number = 2; number < 5; number++) {
      two.now += 1_000
      two.take(said(number, ...flood(3_500, `flood ${number}`)))
    }
    expect(two.machine.size).toBeLessThanOrEqual(causalPairsMax)
    expect(two.machine.forgotten).toBeGreaterThan(5_000)
    expect(named(two, a, life('d'))).toBe(1)
    expect(named(two, life('x'), life('d'))).toBe(1)
    expect(named(two, life('flood 4 0'), life('nobody'))).toBe(1)
    expect(named(two, life('flood 2 0'), life('nobody'))).toBe(undefined)
  })

  test('fills no message: who alone tells most loses so many bytes', () => {
    const [one, two] = trio()
    two.isNear = ({ name }) => ['a', 'b', 'p'].includes(name)
    const many = flood(100, 'x').map(pair => ({ ...pair, age: 7 }))
    two.take({ ...one.send(b, 'short names'), dependencies: many })
    two.take(said(1, ...flood(50, 'y'.repeat(240))))
    expect(two.machine.forgetBytes(5_000)).toBe(true)
    const names = two.machine.dependencies(life('none'), two.now).map(({ from }) => from.name)
    expect(names.filter(name => name.startsWith('x'))).toHaveLength(100)
    expect(names.filter(name => name.startsWith('y')).length).toBeLessThan(35)
    while (two.machine.forgetBytes(1_000));
    expect(two.machine.dependencies(life('none'), two.now).every(({ to }) => to.name === 'b')).toBe(true)
  })

  test('makes nothing older, and nobody makes it younger by telling it again', () => {
    const [one, two] = trio()
    for (const node of [one, two]) node.isNear = ({ name }) => ['a', 'b', 'p'].includes(name)
    const pair = { from: a, to: life('d'), number: 5 }
    two.take({ ...one.send(b, 'real'), dependencies: [{ ...pair, age: 1 }] })
    two.take(said(1, { ...pair, number: 6, age: 119 }))
    expect(named(two, a, life('d'))).toBe(6)
    two.now += 10_000
    two.machine.dependencies(a, two.now)
    expect(named(two, a, life('d'))).toBe(6)
    // Two that tell each other all the time forget it, too.
    const third = new CausalNode(life('p'))
    third.isNear = two.isNear
    for (let turn = 0; turn < 400; turn++) {
      two.now += 330
      third.now = two.now
      third.take(two.send(third.self, 'x'))
      two.take({ ...third.send(b, 'y'), from: life('p', 2) })
    }
    expect(named(two, a, life('d'))).toBe(undefined)
  })
})
