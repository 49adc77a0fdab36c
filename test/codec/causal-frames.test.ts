import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/codec/byte-reader.js'
import {
  causalBytesMax,
  encodeCausalField,
  encodeCausalFloor,
  encodeCausalQuery,
  parseCausalField,
  parseCausalFloor,
  parseCausalQuery,
} from '../../src/codec/causal-frames.js'
import type { Incarnation, Life, NodeName } from '../../src/core/node.js'

const life = (name: string, incarnation: number): Life => ({
  name: name as NodeName,
  incarnation: incarnation as Incarnation,
})
const field = {
  label: 'chat',
  number: 3,
  dependencies: [
    { from: life('a', 1_000), to: life('b', 2_000), number: 7, age: 0 },
    { from: life('b', 2_000), to: life('a', 1_000), number: 300, age: 120 },
  ],
}

describe('the causal field of a message', () => {
  test('is as documented', () => {
    expect(Buffer.from(encodeCausalField(field)).toString('hex')).toBe(
      ['0463686174', '03', '02', '0161', 'e807', '0162', 'd00f', '02', '00010700', '0100ac0278'].join(''),
    )
  })

  test('is read as it was written', () => {
    const lives = fc.record({
      name: fc.stringMatching(/^[a-z😀]{1,20}$/u),
      incarnation: fc.nat({ max: 2 ** 40 }),
    }) as unknown as fc.Arbitrary<Life>
    const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    const fields = fc.record({
      label: fc.stringMatching(/^[a-z]{1,64}$/),
      number,
      dependencies: fc.array(fc.record({ from: lives, to: lives, number, age: fc.nat({ max: 120 }) })),
    })
    fc.assert(
      fc.property(fields, given => {
        expect(parseCausalField(encodeCausalField(given))).toEqual(given)
      }),
      {
        seed: 5,
        numRuns: 200,
      },
    )
  })

  test('is none when it is cut off, longer than it says, or means nothing', () => {
    const bytes = encodeCausalField(field)
    for (let length = 0; length < bytes.length; length++) {
      expect(parseCausalField(bytes.subarray(0, length))).toBeUndefined()
    }
    expect(parseCausalField(Uint8Array.of(...bytes, 0))).toBeUndefined()
    expect(parseCausalField(encodeCausalField({ ...field, number: 0 }))).toBeUndefined()
    expect(parseCausalField(encodeCausalField({ ...field, label: '' }))).toBeUndefined()
    expect(parseCausalField(encodeCausalField({ ...field, label: 'x'.repeat(65) }))).toBeUndefined()
    const [dependency] = field.dependencies
    for (const wrong of [
      { number: 0 },
      { from: life('a\n', 1) },
      { to: life('', 1) },
      { to: life('b', 2 ** 53 - 1) },
    ]) {
      const dependencies = [{ ...(dependency as (typeof field.dependencies)[0]), ...wrong }]
      expect(parseCausalField(encodeCausalField({ ...field, dependencies }))).toBeUndefined()
    }
    // A place that no life has.
    expect(parseCausalField(Buffer.from('0463686174030101 61e8070100050700'.replace(' ', ''), 'hex'))).toBeUndefined()
    const dependencies = Array.from({ length: 2_000 }, (_, index) => ({
      ...{ from: life(`node ${index}`, 1), to: life('b', 1), number: 1, age: 0 },
    }))
    const large = encodeCausalField({ ...field, dependencies })
    expect(large.length).toBeGreaterThan(causalBytesMax)
    expect(parseCausalField(large)).toBeUndefined()
  })

  test.each(['00', '046368617403ffffffffffff01', '04636861740300ffffffffffff01'])(
    'costs nothing when it lies: %s',
    hex => {
      expect(parseCausalField(Buffer.from(hex, 'hex'))).toBeUndefined()
    },
  )
})

describe('queries and their answers', () => {
  test('are read as they were written, and are none when they are cut off', () => {
    const query = { round: 5, label: 'chat' }
    const floor = { ...query, lanes: 3, floor: 1_000, last: 999 }
    const [asked, told] = [encodeCausalQuery(query), encodeCausalFloor(floor)]
    expect(parseCausalQuery(new ByteReader(asked))).toEqual(query)
    expect(parseCausalFloor(new ByteReader(told))).toEqual(floor)
    expect(parseCausalQuery(new ByteReader(asked, 0, asked.length - 1))).toBeUndefined()
    expect(parseCausalFloor(new ByteReader(told, 0, told.length - 1))).toBeUndefined()
    expect(parseCausalFloor(new ByteReader(encodeCausalFloor({ ...floor, floor: 0 })))).toBeUndefined()
    expect(parseCausalFloor(new ByteReader(encodeCausalFloor({ ...floor, lanes: 0 })))).toBeUndefined()
    expect(parseCausalFloor(new ByteReader(encodeCausalFloor({ ...floor, floor: 1_001 })))).toBeUndefined()
  })
})
