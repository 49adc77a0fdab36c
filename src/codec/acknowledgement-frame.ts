import { ByteReader } from './byte-reader.js'
import type { ByteWriter } from './byte-writer.js'
import { decodeValue, MalformedError } from './value-decoder.js'
import type { ValueLimits } from './value-encoder.js'

/** What a receiver has settled of a stream of messages that are to be acknowledged. */
export interface Acknowledgement<Report = unknown> {
  readonly stream: number
  /** Every number up to this is settled, but those that are `open`. */
  readonly upTo: number
  /** The first and the last number of each run up to `upTo` that is not settled yet, or was told of before; rising. */
  readonly open: readonly number[]
  /** Send again what is not. */
  readonly again: boolean
  /** Numbers that were refused, and why. */
  readonly refusals: readonly (readonly [number: number, report: Report])[]
}

/** Refusals that one frame may carry. */
export const refusalsPerFrame = 256

/** Runs of open numbers that one frame may name. */
export const runsPerFrame = 1_024

/** Writes the body of a frame. The reports are encoded values. */
export function writeAcknowledgement(writer: ByteWriter, acknowledgement: Acknowledgement<Uint8Array>): void {
  const { stream, upTo, open, again, refusals } = acknowledgement
  writer.varint(stream)
  writer.varint(upTo)
  writer.varint(refusals.length * 2 + (again ? 1 : 0))
  for (const [number, report] of refusals) {
    writer.varint(number)
    writer.varint(report.length)
    writer.bytes(report)
  }
  writer.varint(open.length / 2)
  let last = 0
  for (const number of open) {
    writer.varint(number - last)
    last = number
  }
}

/** Reads the body of a frame of a peer. Throws a {@link MalformedError}. */
export function parseAcknowledgement(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: ValueLimits,
): Acknowledgement {
  const reader = new ByteReader(bytes, start, end)
  const stream = reader.varint()
  const upTo = reader.varint()
  const packed = reader.varint()
  const count = Math.floor(packed / 2)
  if (count > refusalsPerFrame) throw new MalformedError(`${count} refusals`)
  const refusals: (readonly [number, unknown])[] = []
  while (refusals.length < count && reader.ok) {
    const number = reader.varint()
    const report = reader.bytes(reader.varint())
    if (reader.ok) refusals.push([number, decodeValue(report, 0, report.length, limits)])
  }
  const open: number[] = []
  const runs = reader.varint()
  if (runs > runsPerFrame) throw new MalformedError(`${runs} runs of open numbers`)
  for (let last = 0; open.length < 2 * runs && reader.ok; ) {
    last += reader.varint()
    open.push(last)
  }
  if (!reader.ok) throw new MalformedError('an acknowledgement is cut off')
  return { stream, upTo, open, again: packed % 2 === 1, refusals }
}
