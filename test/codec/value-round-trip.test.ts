import { deepStrictEqual as same } from 'node:assert'
import { runInNewContext } from 'node:vm'
import { decode as decodeTheirs, Encoder } from 'cbor-x'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../src/codec/byte-writer.js'
import { decodeValue } from '../../src/codec/value-decoder.js'
import { encodeValue, UnencodableError } from '../../src/codec/value-encoder.js'

function encode(value: unknown): Uint8Array {
  const writer = new ByteWriter(16)
  encodeValue(writer, value)
  return writer.take()
}

function decode(bytes: Uint8Array): unknown {
  return decodeValue(bytes, 0, bytes.length)
}

function roundTrip(value: unknown): unknown {
  return decode(encode(value))
}

function refusal(value: unknown, limits?: { depth: number; items: number }): string {
  const writer = new ByteWriter(16)
  writer.u8(1)
  try {
    encodeValue(writer, value, limits)
  } catch (error) {
    expect(error).toBeInstanceOf(UnencodableError)
    expect(writer.position).toBe(1)
    return (error as Error).message
  }
  throw new Error('it was encoded')
}

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 200 }), fc.string({ unit: 'grapheme' }))
const key = fc.oneof(
  text,
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', '1', '01', '4294967294', '4294967295', '', 'a', 'b'),
)
const number = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double(), fc.constantFrom(-0, NaN, Infinity, -Infinity))
const bytes = fc.uint8Array({ maxLength: 100 })

const anyValue = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(fc.constantFrom(null, undefined, true, false), number, text, bytes),
    fc.oneof(
      fc.bigInt({ min: -(2n ** 512n), max: 2n ** 512n - 1n }),
      fc.bigInt({ min: -10n, max: 10n }),
      fc.date({ noInvalidDate: true }),
      fc.uint8ClampedArray(),
      fc.int8Array(),
      fc.uint16Array(),
      fc.int16Array(),
      fc.uint32Array(),
      fc.int32Array(),
      fc.bigUint64Array(),
      fc.bigInt64Array(),
      fc.float32Array(),
      fc.float64Array(),
    ),
    fc.array(tie('value')),
    fc.dictionary(key, tie('value'), { noNullPrototype: true, maxKeys: 40 }),
    fc.array(fc.tuple(tie('value'), tie('value'))).map(entries => new Map(entries)),
    fc.array(tie('value')).map(items => new Set(items)),
  ),
})).value

describe('a value survives the wire', () => {
  test('whatever it is made of, down to -0', () => {
    fc.assert(
      fc.property(anyValue, value => {
        same(roundTrip(value), value)
      }),
      { numRuns: 1500 },
    )
  })

  test('with its keys in their order', () => {
    fc.assert(
      fc.property(fc.dictionary(key, fc.nat(), { noNullPrototype: true, maxKeys: 200 }), value => {
        expect(Object.keys(roundTrip(value) as object)).toEqual(Object.keys(value))
      }),
    )
  })

  test('when it has as many keys or items as need a longer head', () => {
    for (const count of [23, 24, 255, 256, 65_535, 65_536]) {
      const record = Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]))
      expect(roundTrip({ record, after: 1 })).toStrictEqual({ record, after: 1 })
      expect(roundTrip([Array.from({ length: count }, () => 0)])).toHaveProperty([0, 'length'], count)
      expect(roundTrip('x'.repeat(count))).toHaveLength(count)
    }
  })

  test('when it is a date, to the millisecond, as far as dates go', () => {
    for (const time of [0, -1, 1, 1_763_712_000_123, -8.64e15, 8.64e15, 4_503_000_000_000_313, 8_639_999_999_999_999]) {
      expect(roundTrip(new Date(time))).toEqual(new Date(time))
    }
  })

  test('when properties are called like those of Object.prototype, which stays as it is', () => {
    const before = Reflect.ownKeys(Object.prototype).length
    const names = Reflect.ownKeys(Object.prototype) as string[]
    const value = Object.fromEntries(names.map(name => [name, { polluted: name }]))
    const decoded = roundTrip([value, value]) as (typeof value)[]
    for (const copy of decoded) {
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
      expect(Object.keys(copy)).toEqual(names)
      for (const name of names) expect(Object.getOwnPropertyDescriptor(copy, name)?.value).toEqual({ polluted: name })
    }
    expect(Reflect.ownKeys(Object.prototype)).toHaveLength(before)
    expect('polluted' in {}).toBe(false)
  })

  test('when it comes from another realm', () => {
    const script =
      '({ list: [1], map: new Map([[1, 2]]), set: new Set([1]), at: new Date(5), bytes: new Uint8Array(3) })'
    expect(roundTrip(runInNewContext(script))).toStrictEqual({
      list: [1],
      map: new Map([[1, 2]]),
      set: new Set([1]),
      at: new Date(5),
      bytes: new Uint8Array(3),
    })
  })

  test('with the documented exceptions: holes, Buffers, ArrayBuffers, missing prototypes, symbols, toJSON', () => {
    expect(roundTrip(Object.assign([1], { 2: 3 }))).toStrictEqual([1, undefined, 3])
    expect(roundTrip(Buffer.from('abc'))).toStrictEqual(new Uint8Array([97, 98, 99]))
    expect(roundTrip(new Uint8Array([1, 2]).buffer)).toStrictEqual(new Uint8Array([1, 2]))
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 })
    expect(roundTrip({ a: 1, [Symbol('b')]: 2 })).toStrictEqual({ a: 1 })
    expect(roundTrip(Object.defineProperty({ a: 1 }, 'hidden', { value: 2 }))).toStrictEqual({ a: 1 })
    expect(roundTrip({ a: 1, toJSON: undefined })).toStrictEqual({ a: 1, toJSON: undefined })
  })

  test('after any others, however they fill the memory of known keys', () => {
    for (let index = 0; index < 5000; index++) {
      const value = { [`a${index}`]: { [`b${index % 7}`]: 1, c: index }, z: [{ c: 1, [`a${index}`]: 2 }], c: 3 }
      expect(roundTrip(value)).toStrictEqual(value)
    }
  })
})

describe('bytes inside a value', () => {
  test('are copies when they are small, and never show the pool', () => {
    for (const length of [0, 5, 100, 1023, 3000]) {
      const encoded = Buffer.from(encode({ bytes: new Uint8Array(length).fill(1) }))
      const { bytes } = decode(encoded) as { bytes: Uint8Array }
      encoded.fill(0)
      expect(bytes.constructor).toBe(Uint8Array)
      expect(bytes.every(byte => byte === 1)).toBe(true)
      expect(bytes.buffer.byteLength).toBe(length)
    }
  })

  test('are views when they are a large part of what came', () => {
    const chunk = encode({ bytes: new Uint8Array(8192) })
    const { bytes } = decode(chunk) as { bytes: Uint8Array }
    expect(bytes.buffer).toBe(chunk.buffer)
    expect(bytes.constructor).toBe(Uint8Array)
  })

  test('are copies when a view would keep more than 64 times as much alive', () => {
    const chunk = new Uint8Array(1_000_000)
    const encoded = encode(new Uint8Array(2000))
    chunk.set(encoded, 500)
    const value = decodeValue(chunk, 500, 500 + encoded.length) as Uint8Array
    expect(value.buffer.byteLength).toBe(2000)
  })
})

describe('a value that cannot be sent is refused', () => {
  class Order {
    id = 1
  }
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle

  test.each([
    ['a function', { orders: [0, { callback: () => {} }] }, 'a function at .orders[1].callback: send data'],
    ['a symbol', [Symbol('x')], 'a symbol at [0]: '],
    ['an instance', { a: new Order() }, 'an Order at .a: send a plain object'],
    ['an object with a prototype of its own', Object.create({ a: 1 }), 'an object with a prototype of its own: '],
    ['a RegExp', { 'a key': /x/ }, 'a RegExp at ["a key"]: send its source'],
    ['an error', new TypeError('x'), 'a TypeError: send its name and message'],
    ['a promise', [Promise.resolve()], 'a Promise at [0]: await it first'],
    ['a WeakMap', new WeakMap(), 'a WeakMap: '],
    ['a boxed number', Object(1), 'a Number: send the primitive'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'a DataView: '],
    ['a Map of a class of its own', new (class Index extends Map {})(), 'an Index: send `new Map(instance)`'],
    ['a Set of a class of its own', new (class Bag extends Set {})(), 'a Bag: send `new Set(instance)`'],
    ['an array of a class of its own', new (class List extends Array {})(), 'a List: send `Array.from(instance)`'],
    ['an error of a class of its own', new (class Mistake extends Error {})(), 'a Mistake: send its name and message'],
    ['a URL', new URL('http://x/'), 'a URL: send its text, `.href`'],
    ['an invalid date', new Map([[1, new Date(Number.NaN)]]), 'an invalid Date at <value 0>'],
    [
      'half a surrogate pair',
      new Set(['ok', '\ud800']),
      'half a surrogate pair, which UTF-8 cannot carry, at <item 1>',
    ],
    ['half a surrogate pair in a long text', `${'x'.repeat(100)}\udfff`, 'half a surrogate pair'],
    ['half a surrogate pair in a key', { 'a\ud800': 1 }, 'half a surrogate pair'],
    ['a bigint beyond 512 bits', [2n ** 512n], 'a bigint of more than 512 bits at [0]'],
    ['a cycle', cycle, 'contain itself'],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('no')
        },
      },
      'a value that threw when it was read at .a: ',
    ],
    ['too many tiny byte strings', Array.from({ length: 4097 }, () => new Uint8Array(1)), 'join them into one'],
  ])('%s', (_, value, message) => {
    expect(refusal(value)).toContain(message)
  })

  test('a long path is cut', () => {
    expect(refusal(cycle).length).toBeLessThan(400)
  })

  test('a value deeper than the limit, or with more items, though small', () => {
    expect(refusal([[[]]], { depth: 2, items: 100 })).toContain(
      'nested too deep at [0][0]: raise limits.depth here and at the peer',
    )
    expect(refusal([1, 2, 3], { depth: 2, items: 2 })).toContain('more items')
    let shared: unknown = []
    for (let level = 0; level < 60; level++) shared = [shared, shared]
    expect(refusal(shared)).toContain('more items')
  })

  test('a getter that sends on the same lane, before it spoils the batch', () => {
    const writer = new ByteWriter(16)
    const value = {
      before: 1,
      get sends() {
        encodeValue(writer, 1)
        return 1
      },
    }
    expect(() => encodeValue(writer, value)).toThrow('a getter that sends at .sends')
    encodeValue(writer, [1])
    expect([...writer.take()]).toEqual([0x81, 1])
  })

  test('a getter may encode elsewhere', () => {
    const elsewhere = new ByteWriter(16)
    expect(
      roundTrip({
        get a() {
          encodeValue(elsewhere, [1, 2])
          return elsewhere.take().length
        },
        b: 1,
      }),
    ).toEqual({ a: 3, b: 1 })
  })

  test('what fits the limits exactly goes through at both ends', () => {
    const value = { a: [1, 2], b: new Map([[1, new Set([2])]]) }
    const writer = new ByteWriter(16)
    const limits = { depth: 3, items: 4 + 2 + 2 + 1 }
    encodeValue(writer, value, limits)
    const encoded = writer.take()
    expect(decodeValue(encoded, 0, encoded.length, limits)).toStrictEqual(value)
    expect(() => encodeValue(writer, value, { ...limits, items: 8 })).toThrow(UnencodableError)
    expect(() => encodeValue(writer, value, { ...limits, depth: 2 })).toThrow(UnencodableError)
    expect(() => decodeValue(encoded, 0, encoded.length, { ...limits, items: 8 })).toThrow('more items')
    expect(() => decodeValue(encoded, 0, encoded.length, { ...limits, depth: 2 })).toThrow('too deep')
  })
})

describe('beside cbor-x', () => {
  const theirs = new Encoder({ useRecords: false })
  // It encodes -0 as 0, and decodes integers beyond 32 bits as bigints.
  const plainNumber = number.map(value => (value === 0 || Number.isSafeInteger(value) ? value >> 0 : value))
  const plainKey = fc.string({ unit: 'grapheme' }).filter(name => name !== '__proto__')
  const plain = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, undefined, true, false),
      plainNumber,
      fc.string({ unit: 'binary' }),
      // It decodes seconds beyond 32 bits as bigints, and then fails.
      fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
      fc.array(tie('value')),
      fc.dictionary(plainKey, tie('value'), { noNullPrototype: true }),
    ),
  })).value

  test('it decodes what we encode to the same', () => {
    fc.assert(
      fc.property(plain, value => {
        same(theirs.decode(encode(value)), value)
      }),
      { numRuns: 500 },
    )
  })

  test('we decode what it encodes to the same', () => {
    fc.assert(
      fc.property(plain, value => {
        same(decode(theirs.encode(value)), value)
      }),
      { numRuns: 500 },
    )
  })

  test('bigints, byte strings, sets, maps and typed arrays mean the same to it', () => {
    const big = 2n ** 100n
    expect(decodeTheirs(encode([big, -big, 1n]))).toEqual([big, -big, 1n])
    expect(new Uint8Array(decodeTheirs(encode(new Uint8Array([1, 2, 3]))))).toEqual(new Uint8Array([1, 2, 3]))
    expect(decodeTheirs(encode(new Set([1])))).toEqual(new Set([1]))
    expect(decodeTheirs(encode(new Map([[1, 2]])))).toEqual(new Map([[1, 2]]))
    expect(decodeTheirs(encode(new Float64Array([1.5, 2])))).toEqual(new Float64Array([1.5, 2]))
    expect(decode(theirs.encode(new Float32Array([1.5, 2])))).toEqual(new Float32Array([1.5, 2]))
    expect(decode(theirs.encode(new Set([1])))).toEqual(new Set([1]))
  })
})
