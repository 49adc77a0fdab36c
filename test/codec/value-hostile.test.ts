import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../src/codec/byte-writer.js'
import { decodeValue, MalformedError } from '../../src/codec/value-decoder.js'
import { encodeValue, UnencodableError } from '../../src/codec/value-encoder.js'

function encode(value: unknown): Uint8Array {
  const writer = new ByteWriter(16)
  encodeValue(writer, value)
  return writer.take()
}

function decode(bytes: Uint8Array): unknown {
  return decodeValue(bytes, 0, bytes.length)
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

/** Why `bytes` are refused, undefined when they are a value. Anything but a MalformedError is thrown. */
function refusal(bytes: Uint8Array): string | undefined {
  try {
    decode(bytes)
  } catch (error) {
    if (error instanceof MalformedError) return error.message
    throw error
  }
  return undefined
}

function head(major: number, argument: number): number[] {
  return [(major << 5) | 26, argument >>> 24, (argument >>> 16) & 0xff, (argument >>> 8) & 0xff, argument & 0xff]
}

const samples: unknown[] = [
  { to: 'orders', seq: 123, body: 'x'.repeat(40) },
  { a: [1, -1, 300, -70_000, 2 ** 40, 1.5, -0], b: { c: null, d: undefined, e: true, f: false } },
  new Map<unknown, unknown>([
    [{ k: 1 }, new Set(['a', 2n])],
    ['x', new Date(1_763_712_000_123)],
  ]),
  [2n ** 100n, -(2n ** 200n), new Uint8Array(30), new Float64Array([1, 2]), new Int16Array([1, -2])],
  { grüße: 'schöne Tage 🎉', lang: 'ü'.repeat(300), ['__proto__']: 1, 7: 'seven' },
  Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key-${index}`, [index]])),
]

describe('what no encoder of ours writes is refused', () => {
  test.each([
    ['an array of 2^25 items in 5 bytes', '9a02000000', 'a length beyond the end'],
    ['the same four times over', '9a02000000 9a02000000 9a02000000 9a02000000', 'a length beyond the end'],
    ['an array of 2^32 - 1 items', '9affffffff', 'a length beyond the end'],
    ['an array of 2^53 items', '9b0020000000000000', '2^53'],
    ['an array of 2^64 - 1 items', '9bffffffffffffffff', '2^53'],
    ['a map that needs more than there is', 'a3 6161 01 6162', 'a length beyond the end'],
    ['a text beyond the end', '7a00010000 61', 'a length beyond the end'],
    ['bytes beyond the end', '5a7fffffff 61', 'a length beyond the end'],
    ['an indefinite array', '9f0102ff', 'an indefinite length'],
    ['an indefinite map', 'bf616101ff', 'an indefinite length'],
    ['an indefinite text', '7f6161ff', 'an indefinite length'],
    ['indefinite bytes', '5f4161ff', 'an indefinite length'],
    ['a break', 'ff', 'a simple value'],
    ['a reserved initial byte', '1c', 'a reserved initial byte'],
    ['a simple value in two bytes', 'f8ff', 'a simple value'],
    ['false in two bytes', 'f814', 'a simple value'],
    ['an unassigned simple value', 'e0', 'a simple value'],
    ['an integer beyond 2^53 - 1', '1b0020000000000000', '2^53'],
    ['a bigint of 65 bytes', `c25841${'01'.repeat(65)}`, 'a bigint that is too long'],
    ['a bigint of text', 'c26131', 'a tag on something else'],
    ['a bigint of a bigint', 'c2c24101', 'a tag on something else'],
    ['a date as text (tag 0)', 'c06161', 'a tag that is not allowed'],
    ['a date of text', 'c16161', 'a date that is not a number'],
    ['a date of true', 'c1f5', 'a date that is none'],
    ['a date of NaN', 'c1f97e00', 'a date that is none'],
    ['a date beyond what dates can say', 'c1fb7e37e43c8800759c', 'a date that is none'],
    ['a set of a map', 'd90102a0', 'a tag on something else'],
    ['a map of an array', 'd9010380', 'a tag on something else'],
    ['tag 259 on an integer, which once turned later values into maps', 'd9010301', 'a tag on something else'],
    ['a typed array with a part of an element', 'd85643010203', 'a part of an element'],
    ['a typed array of numbers', 'd8568101', 'a tag on something else'],
    ['a big endian typed array', 'd85248 0000000000000000', 'a tag that is not allowed'],
    ['a tag at the end', 'd85a', 'a tag'],
    ['a key twice', 'a2 6161 01 6161 02', 'a key that comes twice'],
    ['a key twice, with an object in between', 'a2 6161 a1616101 6161 02', 'a key that comes twice'],
    ['a key twice, once in a wider head', 'a2 6161 01 780161 02', 'a key that comes twice'],
    ['an index twice', 'a2 6130 01 6130 02', 'a key that comes twice'],
    ['__proto__ twice', 'a2 695f5f70726f746f5f5f 01 695f5f70726f746f5f5f 02', 'a key that comes twice'],
    ['an undefined key twice', 'a2 6161 f7 6161 f7', 'a key that comes twice'],
    ['an item of a Set twice', 'd90102 82 01 01', 'an item that comes twice'],
    ['0 and -0 in a Set', 'd90102 82 00 f98000', 'an item that comes twice'],
    ['a key of a Map twice', 'd90103 a2 f6 01 f6 02', 'a key that comes twice'],
    ['a number as a key of an object', 'a10102', 'key that is not a string'],
    ['an object as a key of an object', 'a1a002', 'key that is not a string'],
    ['a text that is not UTF-8', '61ff', 'not UTF-8'],
    ['an overlong text', '62c080', 'not UTF-8'],
    ['a surrogate in UTF-8', '63eda080', 'not UTF-8'],
    ['a cut character', '61c3', 'not UTF-8'],
    ['a key that is not UTF-8', 'a161ff01', 'not UTF-8'],
    ['a long text that is not UTF-8', `7840${'61'.repeat(63)}ff`, 'not UTF-8'],
    ['two values', '0000', 'bytes after the value'],
    ['nothing', '', 'an end in the middle'],
  ])('%s', (_, bytes, message) => {
    expect(refusal(hex(bytes))).toContain(message)
  })

  test('a tag that is not on the list', () => {
    const refused = [
      0, 4, 5, 6, 14, 15, 24, 27, 28, 29, 51, 64, 65, 67, 73, 84, 87, 256, 257, 260, 55_799, 57_337, 57_343,
    ]
    for (const tag of refused) {
      for (const content of ['00', '4100', '6161', '80', 'a0', '826161616200']) {
        expect(refusal(Uint8Array.of(...head(6, tag), ...hex(content))), `tag ${tag}`).toContain(
          'a tag that is not allowed',
        )
      }
    }
  })

  test('nesting, however deep and of whatever', () => {
    for (const opening of ['81', 'a16161', 'd9010281', 'd90103a100', 'd90103a1', 'd90102', 'c1', 'c2']) {
      for (const depth of [65, 5000, 200_000]) {
        const bytes = Buffer.from(`${opening.repeat(depth)}00`, 'hex')
        expect(refusal(bytes)).toMatch(/too deep|something else|not a number|beyond the end/)
      }
    }
  })

  test('items that were promised more often than there are bytes, before room is made for them', () => {
    const levels = Array.from({ length: 40 }, () => head(4, 900)).flat()
    expect(refusal(Uint8Array.of(...levels, ...new Uint8Array(900)))).toContain('more items')
  })

  test('tiny byte strings without end, each of which costs a hundred times its size', () => {
    for (const item of ['40', '4100', 'd84840']) {
      const count = 10_000
      const bytes = Uint8Array.of(...head(4, count), ...hex(item.repeat(count)))
      expect(refusal(bytes)).toContain('tiny byte strings')
    }
  })

  test('a value that goes on after the bytes it was said to have', () => {
    const bytes = encode([1, 2, 'abc'])
    expect(() => decodeValue(bytes, 0, bytes.length - 1)).toThrow(MalformedError)
    expect(decodeValue(Uint8Array.of(9, ...bytes, 9), 1, bytes.length + 1)).toEqual([1, 2, 'abc'])
  })
})

describe('what others write differently is accepted', () => {
  test.each([
    ['a wider head than needed', '1b0000000000000001', 1],
    ['an array with a wider head', '9a0000000101', [1]],
    ['half precision', 'f93c00', 1],
    ['a subnormal half', 'f90001', 2 ** -24],
    ['the largest half', 'f97bff', 65_504],
    ['a negative half', 'f9c400', -4],
    ['an infinite half', 'f9fc00', -Infinity],
    ['NaN as a half', 'f97e00', Number.NaN],
    ['single precision', 'fa47c35000', 100_000],
    ['a whole number as a float', 'fb3ff0000000000000', 1],
    ['a bigint with leading zeros', 'c2420001', 1n],
    ['a bigint of nothing', 'c240', 0n],
    ['the least negative bigint', 'c340', -1n],
    ['the largest safe integer', '1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['U+FFFD itself', '63efbfbd', '\ufffd'],
    ['a byte order mark, kept', '64efbbbf61', '\ufeffa'],
  ])('%s', (_, bytes, value) => {
    expect(decode(hex(bytes))).toStrictEqual(value)
  })
})

describe('numbers that were chosen to collide', () => {
  // As V8 hashes 64 bits, in the plainest way; only the lower bits matter.
  const mask = 2n ** 64n - 1n
  function hash64(key: bigint): bigint {
    let hash = (~key + (key << 18n)) & mask
    hash ^= hash >> 31n
    hash = (hash * 21n) & mask
    hash ^= hash >> 11n
    hash = (hash + (hash << 6n)) & mask
    return hash ^ (hash >> 22n)
  }
  function hash32(key: number): number {
    let hash = (~key + (key << 15)) | 0
    hash ^= hash >>> 12
    hash = (hash + (hash << 2)) | 0
    hash ^= hash >>> 4
    hash = Math.imul(hash, 2057)
    return hash ^ (hash >>> 16)
  }
  function collect<Key>(candidates: (index: number) => Key, collides: (key: Key) => boolean): Key[] {
    const keys: Key[] = []
    for (let index = 0; keys.length < 100; index++) {
      const key = candidates(index)
      if (collides(key)) keys.push(key)
    }
    return keys
  }
  const bits = new DataView(new ArrayBuffer(8))
  function bitsOf(key: number): bigint {
    bits.setFloat64(0, key)
    return bits.getBigUint64(0)
  }

  test.each([
    [
      'integers',
      collect(
        index => index,
        key => (hash32(key) & 0xfff) === 5,
      ),
    ],
    [
      'doubles',
      collect(
        index => index + 0.5,
        key => (hash64(bitsOf(key)) & 0xfffn) === 5n,
      ),
    ],
    [
      'bigints',
      collect(
        index => BigInt(index),
        key => (hash64(key) & 0xfffn) === 5n,
      ),
    ],
    [
      'bigints that differ beyond 64 bits only',
      Array.from({ length: 100 }, (_, index) => -((BigInt(index) << 64n) | 5n)),
    ],
  ])('do not stall us: %s', (_, keys) => {
    const items = keys.map(key => encode(key))
    const set = Buffer.concat([hex('d90102'), Uint8Array.from(head(4, keys.length)), ...items])
    const map = Buffer.concat([
      hex('d90103'),
      Uint8Array.from(head(5, keys.length)),
      ...items.flatMap(key => [key, hex('00')]),
    ])
    expect(refusal(set)).toContain('chosen to collide')
    expect(refusal(map)).toContain('chosen to collide')
    expect(() => encode(new Set<unknown>(keys))).toThrow(UnencodableError)
    expect(() => encode(new Map(keys.map(key => [key, 0])))).toThrow(UnencodableError)
    expect(decode(encode(keys))).toStrictEqual(keys)
  })

  test('are not those that people have', () => {
    const count = 20_000
    const makers: ((index: number) => number | bigint)[] = [
      index => index,
      index => -index,
      index => index * 1024,
      index => index * 65_536,
      index => 1_763_712_000_000 + index,
      index => 1_763_712_000_000 + index * 60_000,
      index => index / 10,
      index => index + 0.5,
      index => 2 ** 40 * index,
      index => BigInt(index),
      index => (BigInt(index) << 32n) + 7n,
    ]
    for (const make of makers) {
      const set = new Set(Array.from({ length: count }, (_, index) => make(index)))
      expect((decode(encode(set)) as Set<unknown>).size).toBe(set.size)
    }
  })
})

describe('whatever bytes come', () => {
  const junk = fc.uint8Array({ maxLength: 64 })

  test('every truncation of a value is refused', () => {
    for (const sample of samples) {
      const bytes = encode(sample)
      for (let end = 0; end < bytes.length; end++) {
        expect(() => decodeValue(bytes, 0, end)).toThrow(MalformedError)
        expect(refusal(bytes.slice(0, end))).toBeDefined()
      }
    }
  })

  test('each of the 256 initial bytes is a value or refused', () => {
    fc.assert(
      fc.property(junk, rest => {
        for (let initial = 0; initial < 256; initial++) refusal(Uint8Array.of(initial, ...rest))
      }),
      { numRuns: 300 },
    )
  })

  test('a value with some bytes changed is a value or refused, and what it becomes can be sent', () => {
    const encoded = samples.map(sample => encode(sample))
    const change = fc.tuple(fc.nat(), fc.nat(255))
    let accepted = 0
    fc.assert(
      fc.property(fc.nat(samples.length - 1), fc.array(change, { minLength: 1, maxLength: 4 }), (which, changes) => {
        const bytes = Uint8Array.from(encoded[which] as Uint8Array)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        if (refusal(bytes) !== undefined) return
        accepted++
        const value = decode(bytes)
        expect(decode(encode(value))).toEqual(value)
      }),
      { numRuns: 5000 },
    )
    expect(accepted).toBeGreaterThan(0)
  })

  test('nobody else notices: prototypes and later values are as they were', () => {
    const before = Reflect.ownKeys(Object.prototype).length
    for (const bytes of ['a1 695f5f70726f746f5f5f a1 61 78 01', 'd9010301', 'd90103 a1', 'a1 6161 ff', 'a2 6161 01']) {
      refusal(hex(bytes))
      expect(decode(encode({ a: { b: 1 }, c: [new Map([[1, 2]])] }))).toStrictEqual({
        a: { b: 1 },
        c: [new Map([[1, 2]])],
      })
    }
    expect(Reflect.ownKeys(Object.prototype)).toHaveLength(before)
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  test('a hundred thousand invented keys, numeric ones too, leave what follows intact', () => {
    const invented = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, index]))
    const numeric = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [String(index * 7919), index]))
    const many = Array.from({ length: 20_000 }, (_, index) => ({
      id: index,
      [`x${index}`]: 1,
      [`y${index % 300}`]: { id: 2 },
    }))
    for (const value of [invented, numeric, many]) expect(decode(encode(value))).toEqual(value)
    const record = decode(encode({ fresh: 1, toString: 2 })) as object
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
    expect(record).toStrictEqual({ fresh: 1, toString: 2 })
  })

  test('two keys that differ in the middle only are told apart', () => {
    for (const key of ['aXb', 'aYb', 'aXb', 'aZb']) expect(decode(encode({ [key]: key }))).toStrictEqual({ [key]: key })
  })
})
