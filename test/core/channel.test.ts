import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ChannelMap,
  isChannelName,
  isParallelism,
  negotiateChannels,
  parseChannels,
} from '../../src/core/channel.js'

const channel = (parallelism: number, compression = false) => ({ parallelism, compression })

describe('the channels that two nodes share', () => {
  test('are those both have, with the smaller number of lanes, compressed where both ask for it', () => {
    const ours = { default: channel(1), data: channel(4, true), bulk: channel(2, true), ours: channel(1) }
    const theirs = { data: channel(2), default: channel(3), bulk: channel(8, true), theirs: channel(1) }
    expect(Object.fromEntries(negotiateChannels(ours, theirs))).toEqual({
      default: channel(1),
      data: channel(2, false),
      bulk: channel(2, true),
    })
  })

  test('are the same from both sides, and never more than either side has', () => {
    const map = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'constructor', 'toString', 'hasOwnProperty'),
      fc.record({ parallelism: fc.integer({ min: 1, max: 64 }), compression: fc.boolean() }),
    )
    fc.assert(
      fc.property(map, map, (one: ChannelMap, other: ChannelMap) => {
        const shared = Object.fromEntries(negotiateChannels(one, other))
        expect(Object.fromEntries(negotiateChannels(other, one))).toEqual(shared)
        for (const [name, { parallelism }] of Object.entries(shared)) {
          expect(parallelism).toBeLessThanOrEqual(one[name]?.parallelism ?? 0)
          expect(parallelism).toBeLessThanOrEqual(other[name]?.parallelism ?? 0)
        }
      }),
    )
  })

  test('are not found on the prototype', () => {
    expect(negotiateChannels({ constructor: channel(1), toString: channel(1) }, { a: channel(1) }).size).toBe(0)
  })
})

describe('a channel map of a peer', () => {
  test('is taken as it came, with fields of a later version', () => {
    const map = { default: channel(1), data: { ...channel(64, true), priority: 3 } }
    expect(parseChannels(map)).toEqual(map)
    expect(parseChannels({})).toEqual({})
  })

  test('has at most 64 channels', () => {
    const map = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, channel(1)]))
    expect(parseChannels(map(64))).toBeDefined()
    expect(parseChannels(map(65))).toBeUndefined()
  })

  test.each([
    [null],
    [[]],
    [new Map()],
    [{ '': channel(1) }],
    [{ ['x'.repeat(65)]: channel(1) }],
    [{ 'a\n': channel(1) }],
    [JSON.parse('{"__proto__": {"parallelism": 1, "compression": false}}')],
    [{ a: null }],
    [{ a: channel(0) }],
    [{ a: channel(65) }],
    [{ a: channel(1.5) }],
    [{ a: { parallelism: '1', compression: false } }],
    [{ a: { parallelism: 1 } }],
    [{ a: { parallelism: 1, compression: 1 } }],
  ])('is not %j', value => {
    expect(parseChannels(value)).toBeUndefined()
  })
})

test('a channel name has 1 to 64 bytes and is not __proto__', () => {
  expect(['a', 'x'.repeat(64), 'é'.repeat(32), 'constructor'].every(isChannelName)).toBe(true)
  expect(['', 'x'.repeat(65), 'é'.repeat(33), '__proto__', 'a\0', 1, undefined].some(isChannelName)).toBe(false)
})

test('parallelism is a whole number from 1 to 64', () => {
  expect([1, 64].every(isParallelism)).toBe(true)
  expect([0, 65, 1.5, Number.NaN, '1', null, undefined].some(isParallelism)).toBe(false)
})
