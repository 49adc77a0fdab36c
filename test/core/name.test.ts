import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byName, isName, isRecord } from '../../src/core/name.js'

describe('a name', () => {
  test.each(['a', ' ', 'node-1@host', 'é', '漢字', '😀', '__proto__', 'x'.repeat(255)])('may be %j', name => {
    expect(isName(name, 255)).toBe(true)
  })

  test.each(['', 'a\0', '\n', '\x1f', '\x7f', 'a\ud83d', '\ude00', '\ude00\ud83d', 'x'.repeat(256)])(
    'may not be %j',
    name => {
      expect(isName(name, 255)).toBe(false)
    },
  )

  test('is measured in bytes of UTF-8', () => {
    for (const character of ['a', 'é', '€', '😀']) {
      const size = new TextEncoder().encode(character).length
      const most = Math.floor(255 / size)
      expect(isName(character.repeat(most), 255)).toBe(true)
      expect(isName(character.repeat(most + 1), 255)).toBe(false)
    }
  })

  test('is what survives UTF-8 unchanged, without control characters, within its bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), fc.integer({ min: 1, max: 16 }), (text, bytesMax) => {
        const bytes = new TextEncoder().encode(text)
        const survives = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) === text
        const plain = Array.from(text).every(character => character >= ' ' && character !== '\u007f')
        expect(isName(text, bytesMax)).toBe(survives && plain && bytes.length > 0 && bytes.length <= bytesMax)
      }),
    )
  })

  test('is ordered by code unit, the same on every machine', () => {
    const names = ['b', 'a', 'Z', 'ä', '10', '9', 'a'].map(name => ({ name }))
    expect(names.sort(byName).map(({ name }) => name)).toEqual(['10', '9', 'Z', 'a', 'a', 'b', 'ä'])
  })
})

describe('a record', () => {
  test('is a plain object, and nothing else', () => {
    expect([{}, { a: 1 }].every(isRecord)).toBe(true)
    const others = [null, undefined, 1, 'a', [], new Map(), new Date(), () => {}, Object.create(null), new (class {})()]
    expect(others.some(isRecord)).toBe(false)
  })
})
