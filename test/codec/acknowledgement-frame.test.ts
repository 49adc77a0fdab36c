import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Acknowledgement,
  parseAcknowledgement,
  refusalsPerFrame,
  runsPerFrame,
  writeAcknowledgement,
} from '../../src/codec/acknowledgement-frame.js'
import { ByteWriter } from '../../src/codec/byte-writer.js'
import { encodeToBytes } from '../../src/codec/value-bytes.js'
import { MalformedError } from '../../src/codec/value-decoder.js'
import { defaultValueLimits } from '../../src/codec/value-encoder.js'

function written({ refusals, ...rest }: Acknowledgement): Uint8Array {
  const writer = new ByteWriter(16)
  const encoded = refusals.map(([number, report]) => [number, encodeToBytes(report, defaultValueLimits)] as const)
  writeAcknowledgement(writer, { ...rest, refusals: encoded })
  return writer.take()
}

const parse = (bytes: Uint8Array, start = 0, end = bytes.length): Acknowledgement =>
  parseAcknowledgement(bytes, start, end, defaultValueLimits)

const acknowledgements: fc.Arbitrary<Acknowledgement> = fc.record({
  stream: fc.nat(63),
  upTo: fc.maxSafeNat(),
  open: fc
    .uniqueArray(fc.nat(1_000_000), { maxLength: 8 })
    .map(numbers => numbers.slice(numbers.length % 2).sort((one, other) => one - other)),
  again: fc.boolean(),
  refusals: fc.array(fc.tuple(fc.maxSafeNat(), fc.oneof(fc.string(), fc.record({ code: fc.string() }))), {
    maxLength: 5,
  }),
})

describe('an acknowledgement', () => {
  test('is laid out as the protocol says', () => {
    const bytes = written({ stream: 1, upTo: 300, open: [7, 9, 200, 200], again: true, refusals: [[299, 'no']] })
    expect(Buffer.from(bytes).toString('hex')).toBe('01ac0203ab0203626e6f020702bf0100')
  })

  test('is read as it was written, wherever it stands', () => {
    fc.assert(
      fc.property(acknowledgements, fc.nat(9), (acknowledgement, at) => {
        const bytes = written(acknowledgement)
        const batch = Buffer.concat([Buffer.alloc(at, 0xff), bytes, Buffer.alloc(3, 0xff)])
        expect(parse(batch, at, at + bytes.length)).toEqual(acknowledgement)
      }),
    )
  })

  test('may grow at its end', () => {
    const bytes = written({ stream: 0, upTo: 1, open: [], again: false, refusals: [] })
    expect(parse(Buffer.concat([bytes, Uint8Array.of(7)])).upTo).toBe(1)
  })

  test('that is cut off is malformed', () => {
    const bytes = written({
      stream: 1,
      upTo: 300,
      open: [1, 2],
      again: true,
      refusals: [
        [299, 'no'],
        [300, { code: 'x' }],
      ],
    })
    for (let end = 0; end < bytes.length; end++) expect(() => parse(bytes, 0, end)).toThrow(MalformedError)
  })

  test('of more refusals than a frame may carry is malformed', () => {
    const refusals = (count: number): Acknowledgement['refusals'] =>
      Array.from({ length: count }, (_, number) => [number, undefined] as const)
    const head = { stream: 0, upTo: 1_000, open: [], again: false }
    expect(parse(written({ ...head, refusals: refusals(refusalsPerFrame) })).refusals).toHaveLength(refusalsPerFrame)
    expect(() => parse(written({ ...head, refusals: refusals(refusalsPerFrame + 1) }))).toThrow('257 refusals')
  })

  test('of more runs of open numbers than a frame may name is malformed', () => {
    const open = (runs: number): number[] => Array.from({ length: 2 * runs }, (_, at) => at + 1)
    const head = { stream: 0, upTo: 10_000, again: false, refusals: [] }
    expect(parse(written({ ...head, open: open(runsPerFrame) })).open).toEqual(open(runsPerFrame))
    expect(() => parse(written({ ...head, open: open(runsPerFrame + 1) }))).toThrow('1025 runs of open numbers')
  })

  test('is a value or a malformed one, whatever a peer sends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        try {
          parse(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError)
        }
      }),
    )
  })
})
