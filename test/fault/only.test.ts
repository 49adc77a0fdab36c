import { describe, expect, test } from 'vitest'
import type { ChannelName } from '../../src/core/channel.js'
import { InvalidOptionError } from '../../src/core/errors.js'
import type { NodeName } from '../../src/core/node.js'
import { type Passage, passageKinds, type Verdict } from '../../src/fault/interposition.js'
import { only, type PassageFilter } from '../../src/fault/only.js'

const passage: Passage = {
  ...{ direction: 'forward', peer: 'b' as NodeName, channel: 'default' as ChannelName },
  ...{ kind: 'message', server: 'orders', message: 1 },
}
const drop: Verdict = { type: 'drop' }

describe('only', () => {
  test.each<[PassageFilter, boolean]>([
    [{}, true],
    [{ direction: 'forward' }, true],
    [{ direction: 'receive' }, false],
    [{ peer: 'b' }, true],
    [{ peer: 'c' }, false],
    [{ peer: ['c', 'b'] }, true],
    [{ peer: [] }, false],
    [{ channel: 'default' }, true],
    [{ channel: ['bulk'] }, false],
    [{ kind: 'message' }, true],
    [{ kind: ['request', 'reply'] }, false],
    [{ server: 'orders' }, true],
    [{ server: 'order' }, false],
    [{ server: ['invoices', 'orders'] }, true],
    [{ direction: 'forward', peer: 'b', channel: 'default', kind: 'message', server: 'orders' }, true],
    [{ direction: 'forward', peer: 'b', channel: 'default', kind: 'message', server: 'x' }, false],
    [{ peer: undefined } as never, true],
  ])('of %j concerns the passage: %s', (filter, concerned) => {
    expect(only(filter, drop)(passage)).toEqual(concerned ? drop : { type: 'pass' })
  })

  test('asks a function about what it concerns, and nothing else', () => {
    const asked: unknown[] = []
    const interposition = only({ kind: 'message' }, ({ message }) => {
      asked.push(message)
      return { type: 'replace', message: 2 }
    })
    expect(interposition(passage)).toEqual({ type: 'replace', message: 2 })
    expect(interposition({ ...passage, kind: 'reply', message: 3 })).toEqual({ type: 'pass' })
    expect(asked).toEqual([1])
  })

  test('by server concerns nothing that has none', () => {
    for (const server of ['orders', ['orders', 'undefined']]) {
      expect(only({ server }, drop)({ ...passage, kind: 'membership', server: undefined })).toEqual({ type: 'pass' })
    }
  })

  test.each(passageKinds)('can mean passages of the kind %s', kind => {
    expect(only({ kind }, drop)({ ...passage, kind })).toEqual(drop)
    expect(only({ kind }, drop)({ ...passage, kind: kind === 'ack' ? 'reply' : 'ack' })).toEqual({ type: 'pass' })
  })

  test('refuses a field that no passage has, which would match everything in silence', () => {
    const misspelt = { peers: 'b' } as PassageFilter
    expect(() => only(misspelt, drop)).toThrow(
      expect.objectContaining({ constructor: InvalidOptionError, option: 'peers' }),
    )
  })

  test.each([null, undefined, 'b', { peer: 5 }, { kind: 'zz' }, { kind: ['reply', 'zz'] }, { direction: ['forward'] }])(
    'refuses what no passage can match: %j',
    filter => {
      expect(() => only(filter as PassageFilter, drop)).toThrow(InvalidOptionError)
    },
  )
})
