import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRecord } from '../../src/core/name.js'
import {
  compareSpecs,
  type Incarnation,
  incarnationAfter,
  isIncarnation,
  newIncarnation,
  parseNodeSpec,
} from '../../src/core/node.js'

const spec = {
  name: 'a',
  incarnation: 5,
  version: 0,
  addresses: ['ws://127.0.0.1:1'],
  channels: { default: { parallelism: 1, compression: false }, membership: { parallelism: 1, compression: false } },
}

/** Everything that a peer may put where something else is expected. */
const junk: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  10n,
  '',
  'x'.repeat(600),
  'a\0',
  '\ud83d',
  [],
  [1],
  {},
  { a: 1 },
  new Map([['a', 1]]),
  new Set(['ws://a:1']),
  new Date(0),
  new Uint8Array(8),
]

describe('a node spec', () => {
  test('is taken as it came', () => {
    expect(parseNodeSpec(spec)).toEqual(spec)
    const full = { ...spec, role: 'client', attributes: { type: 'worker', tag: 'x' }, generated: true }
    expect(parseNodeSpec(full)).toEqual(full)
    expect(parseNodeSpec({ ...spec, addresses: [] })).toEqual({ ...spec, addresses: [] })
  })

  test('keeps the fields of a later version, so that it travels on as its owner wrote it', () => {
    const later = { ...spec, zone: { rack: 7 }, constructor: 1 }
    expect(parseNodeSpec(later)).toEqual(later)
  })

  const fitting: Readonly<Record<string, (value: unknown) => boolean>> = {
    name: () => false,
    incarnation: () => false,
    version: () => false,
    addresses: value => Array.isArray(value) && value.length === 0,
    channels: value => isRecord(value) && Object.keys(value).length === 0,
    role: () => false,
    attributes: isRecord,
    generated: value => value === true,
  }

  test.each(Object.keys(fitting))('with junk for its %s is none', field => {
    for (const value of junk) {
      const parsed = parseNodeSpec({ ...spec, [field]: value })
      expect(parsed !== undefined, `${field}: ${String(value)}`).toBe(fitting[field]?.(value))
    }
  })

  test.each(['name', 'incarnation', 'version', 'addresses', 'channels'])('without its %s is none', field => {
    expect(parseNodeSpec({ ...spec, [field]: undefined })).toBeUndefined()
    expect(parseNodeSpec(Object.fromEntries(Object.entries(spec).filter(([key]) => key !== field)))).toBeUndefined()
  })

  test('has at most 16 addresses of at most 512 characters, each a URL', () => {
    const addresses = (...list: unknown[]): unknown => parseNodeSpec({ ...spec, addresses: list })
    expect(addresses(...Array.from({ length: 16 }, () => 'ws://a:1'))).toBeDefined()
    expect(addresses(...Array.from({ length: 17 }, () => 'ws://a:1'))).toBeUndefined()
    expect(addresses(`ws://${'a'.repeat(507)}`)).toBeDefined()
    expect(addresses(`ws://${'a'.repeat(508)}`)).toBeUndefined()
    expect(addresses('127.0.0.1:1')).toBeUndefined()
    expect(addresses('ws://a:1', 7)).toBeUndefined()
    expect(parseNodeSpec({ ...spec, addresses: new Array(3) })).toBeUndefined()
  })

  test('tells at most about 64 KiB of a node', () => {
    const telling = (length: number): unknown => parseNodeSpec({ ...spec, attributes: { text: 'x'.repeat(length) } })
    expect(telling(10_000)).toBeDefined()
    expect(telling(40_000)).toBeUndefined()
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, index]))
    expect(parseNodeSpec({ ...spec, attributes: many })).toBeUndefined()
  })

  test('that is no record is none', () => {
    for (const value of [...junk, undefined, Object.create(null), [spec]]) expect(parseNodeSpec(value)).toBeUndefined()
  })

  test('never makes the parser throw, nor touches Object.prototype', () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    const hostile = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withDate: true,
      withNullPrototype: true,
    })
    const parts = fc.record(
      { name: hostile, incarnation: hostile, addresses: hostile, channels: hostile, attributes: hostile },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(parts, part => {
        parseNodeSpec({ ...spec, ...part })
      }),
    )
    const evil: unknown = JSON.parse('{"__proto__": {"polluted": true}}')
    parseNodeSpec({ ...spec, channels: evil, attributes: evil })
    parseNodeSpec(Object.assign(JSON.parse('{"__proto__": {"polluted": true}}') as object, spec))
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
    expect('polluted' in {}).toBe(false)
  })
})

describe('an incarnation', () => {
  const random = (next: number) => ({ next: () => next })

  test('is later for a later start, and in one millisecond as chance has it', () => {
    const at = (millis: number, next: number): number => newIncarnation(new Date(millis), random(next))
    expect(at(1_000, 0.999)).toBeLessThan(at(1_001, 0))
    expect(at(1_000, 0)).toBeLessThan(at(1_000, 0.5))
    expect(at(1_000, 0)).toBe(1_024_000)
    expect(at(1_000, 0.9999)).toBe(1_025_023)
  })

  test('is followed by one that is up to a second later, so that two that follow it differ', () => {
    const follower = (next: number): number => incarnationAfter(7 as Incarnation, random(next))
    expect(follower(0)).toBe(8)
    expect(follower(0.5)).toBe(8 + 512_000)
    expect(follower(0.999_999_9)).toBe(7 + 1_024_000)
  })

  test('has a successor that is one too, so that nobody claims the last', () => {
    const last = Number.MAX_SAFE_INTEGER - 1
    expect(isIncarnation(last)).toBe(true)
    expect(isIncarnation(last + 1)).toBe(false)
    expect([-1, 1.5, Number.NaN, '1', undefined, 1n].some(isIncarnation)).toBe(false)
  })
})

test('of two specs of one name the later incarnation is newer, then the greater version', () => {
  const parsed = (incarnation: number, version: number) => {
    const found = parseNodeSpec({ ...spec, incarnation, version })
    if (found === undefined) throw new Error('it is a spec')
    return found
  }
  expect(compareSpecs(parsed(2, 0), parsed(1, 9))).toBeGreaterThan(0)
  expect(compareSpecs(parsed(1, 1), parsed(1, 2))).toBeLessThan(0)
  expect(compareSpecs(parsed(1, 1), parsed(1, 1))).toBe(0)
})
