import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { Attachments } from '../../src/membership/attachments.js'
import type { ClientsMessage } from '../../src/membership/client-server-messages.js'

const names = (...all: string[]): NodeName[] => all as NodeName[]
const [s1, s2] = names('s1', 's2') as [NodeName, NodeName]

function of(...clients: string[]): Set<NodeName> {
  return new Set(names(...clients))
}

/** What one server tells, as another takes it. */
function pass(to: Attachments, from: NodeName, messages: readonly ClientsMessage[]): readonly NodeName[] {
  return messages.flatMap(message => to.heard(from, structuredClone(message)))
}

describe('attachments', () => {
  test('are told as what changed, and nothing is told when nothing did', () => {
    const ours = new Attachments(10)
    expect(ours.check()).toBeUndefined()
    expect(ours.change(of())).toEqual([])
    expect(ours.check()).toBeUndefined()
    expect(ours.change(of('c1', 'c2'))).toMatchObject([{ whole: false, here: ['c1', 'c2'], gone: [] }])
    expect(ours.change(of('c1', 'c2'))).toEqual([])
    expect(ours.change(of('c2', 'c3'))).toMatchObject([
      { here: [], gone: ['c1'] },
      { here: ['c3'], gone: [] },
    ])
    expect(ours.whole()).toMatchObject([{ whole: true, here: ['c2', 'c3'], gone: [] }])
  })

  test('agree once all was taken, whatever came and went, and not before', () => {
    const ours = new Attachments(10)
    const theirs = new Attachments(10)
    for (const clients of [of('c1'), of('c1', 'c2', 'c3'), of('c3'), of(), of('c2')]) {
      const changes = ours.change(clients)
      const check = ours.check() as ClientsMessage
      expect(theirs.agrees(s1, check)).toBe(false)
      pass(theirs, s1, changes)
      expect(theirs.agrees(s1, check)).toBe(true)
    }
    // So they do when all of it is told anew, whoever was there before.
    const late = new Attachments(10)
    pass(late, s1, ours.whole())
    expect(late.agrees(s1, ours.check() as ClientsMessage)).toBe(true)
    // Parts that are not the last say nothing about the whole.
    expect(theirs.agrees(s1, { type: 'clients', whole: true, here: [], gone: [] })).toBe(true)
  })

  test('are replaced by a whole, which tells who is gone by leaving it out', () => {
    const theirs = new Attachments(10)
    pass(theirs, s1, [{ type: 'clients', whole: false, here: names('c1', 'c2'), gone: [] }])
    expect(pass(theirs, s1, [{ type: 'clients', whole: true, here: names('c2', 'c3'), gone: [] }])).toEqual(['c1'])
    expect(pass(theirs, s1, [{ type: 'clients', whole: false, here: [], gone: names('c2', 'c9') }])).toEqual(['c2'])
    expect(theirs.serversOf('c1' as NodeName)).toEqual([])
    expect(theirs.serversOf('c3' as NodeName)).toEqual(['s1'])
  })

  test('of several servers are kept apart, in order, and forgotten with each', () => {
    const theirs = new Attachments(10)
    for (const server of [s2, s1]) pass(theirs, server, [{ type: 'clients', whole: true, here: names('c1'), gone: [] }])
    expect(theirs.serversOf('c1' as NodeName)).toEqual(['s1', 's2'])
    expect(theirs.forget(s1)).toEqual(['c1'])
    expect(theirs.forget(s1)).toEqual([])
    expect(theirs.serversOf('c1' as NodeName)).toEqual(['s2'])
  })

  test('of a server are so many and no more', () => {
    const theirs = new Attachments(2)
    pass(theirs, s1, [{ type: 'clients', whole: false, here: names('c1', 'c2', 'c3'), gone: [] }])
    expect(['c1', 'c2', 'c3'].map(name => theirs.serversOf(name as NodeName).length)).toEqual([1, 1, 0])
  })

  test('end with the life of the node', () => {
    const both = new Attachments(10)
    both.change(of('c1'))
    pass(both, s1, [{ type: 'clients', whole: true, here: names('c1'), gone: [] }])
    both.clear()
    expect(both.serversOf('c1' as NodeName)).toEqual([])
    expect(both.check()).toBeUndefined()
    expect(both.whole()).toMatchObject([{ whole: true, here: [] }])
  })
})
