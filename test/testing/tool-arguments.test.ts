import { describe, expect, test } from 'vitest'
import { fullMesh, InvalidOptionError } from '../../src/index.js'
import {
  type HistoryEvent,
  judgeHistory,
  MemoryNetwork,
  recordPassages,
  replayPassages,
  runOmissions,
  SimulatedClock,
  simulatedManagers,
  spike,
  webSocketManagers,
} from '../../src/testing/testing.js'

/** As a caller may give it whom no compiler checks. */
const mistaken = (value: unknown): never => value as never

const refusalOf = (option: string): unknown => expect.objectContaining({ constructor: InvalidOptionError, option })

describe('the other tools refuse what cannot be meant', () => {
  const clock = new SimulatedClock()
  const note: HistoryEvent = { type: 'note', at: 0, text: 'fine' }
  const make = fullMesh as Parameters<typeof simulatedManagers>[0]

  test.each<[string, () => unknown]>([
    ['options.kindz', () => recordPassages([], mistaken({ kindz: [] }))],
    ['managers', () => recordPassages(mistaken('a'))],
    ['options.patiense', () => replayPassages([], [], mistaken({ patiense: 1 }))],
    ['trace', () => replayPassages(mistaken('[]'), [])],
    ['options.noticeWithn', () => judgeHistory([], mistaken({ noticeWithn: 1 }))],
    ['noticeWithin', () => judgeHistory([], { noticeWithin: mistaken('6000') })],
    ['knows', () => judgeHistory([], { knows: mistaken([]) })],
    ['history[1].type', () => judgeHistory([note, { ...note, type: mistaken('noted') }])],
    ['history', () => judgeHistory(mistaken(note))],
    ['options', () => spike(new MemoryNetwork(clock).transport(), mistaken(undefined))],
    ['options.margn', () => spike(new MemoryNetwork(clock).transport(), mistaken({ seed: 1, margn: 1 }))],
    ['make', () => simulatedManagers(mistaken('fullMesh'))],
    ['traits.capabilites', () => simulatedManagers(make, mistaken({ capabilites: {} }))],
    ['traits.capabilities.a', () => webSocketManagers(make, { capabilities: { a: mistaken('x'), b: [], c: [] } })],
    ['traits.removal', () => webSocketManagers(make, { removal: mistaken('x') })],
    ['traits.removal.b', () => simulatedManagers(make, { removal: mistaken({ a: 'removes', b: 'x', c: 'removes' }) })],
    ['traits.join', () => simulatedManagers(make, { join: mistaken('x') })],
    ['traits.members.c', () => simulatedManagers(make, { members: { a: ['a'], b: ['b'], c: [mistaken('d')] } })],
  ])('%s', (option, call) => {
    expect(call).toThrow(refusalOf(option))
  })

  test('and name the one that is wrong among several', () => {
    expect(() => recordPassages([], { kinds: ['message', mistaken('messages')] })).toThrow(/kinds .* is 'messages'/)
  })

  test('omissions that are run alone are of an exploration that can be meant', async () => {
    await expect(runOmissions({ scenario: mistaken(5) }, [])).rejects.toEqual(refusalOf('scenario'))
    await expect(runOmissions({ scenario: () => {} }, mistaken('n1'))).rejects.toEqual(refusalOf('omitted'))
  })
})
