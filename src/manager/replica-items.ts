import { encodeToBytes } from '../codec/value-bytes.js'
import { decodeValue, MalformedError } from '../codec/value-decoder.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { EncodeError } from '../core/errors.js'

/** Items that one copy of a store sends another at a time. */
const itemsMax = 1_000
/** Their bytes at a time; one larger item travels alone. */
const batchBytes = 1_048_576
/** What precedes each item: its length. */
const lengthBytes = 4

/** Items on their way to another copy, each encoded on its own: so the bounds of a value are those of each item. */
export interface ItemBatch {
  readonly bytes: Uint8Array
  readonly count: number
  /** Others did not fit. */
  readonly more: boolean
  /** How many can travel with no message, and why the first cannot. */
  readonly skipped: number
  readonly why: Error | undefined
}

/** An item of another copy, or why it is none. */
export type UnpackedItem = { readonly item: unknown; readonly error?: never } | { readonly error: MalformedError }

/** As many of the items as go into `room` bytes. An item that cannot travel is left out, and holds no other up. */
export function packItems(items: Iterable<unknown>, room: number, limits: ValueLimits): ItemBatch {
  const packed: Uint8Array[] = []
  let size = 0
  let more = false
  let skipped = 0
  let why: Error | undefined
  for (const item of items) {
    more = packed.length >= itemsMax
    if (more) break
    const encoded = encodedItem(item, room - lengthBytes, limits)
    if (encoded instanceof Error) {
      skipped++
      why ??= encoded
      continue
    }
    more = size > 0 && size + lengthBytes + encoded.length > Math.min(room, batchBytes)
    if (more) break
    packed.push(encoded)
    size += lengthBytes + encoded.length
  }
  return { bytes: joined(packed, size), count: packed.length, more, skipped, why }
}

/**
 * The items of a batch, one after the other; in the place of one that does not decode, why, which holds no other up.
 * Throws a {@link MalformedError} where it is not known where the next begins.
 */
export function* unpackItems(batch: Uint8Array, limits: ValueLimits): Generator<UnpackedItem, void, void> {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  for (let at = 0; at < batch.length; ) {
    if (batch.length - at < lengthBytes) throw new MalformedError('an end in the middle of a length')
    const start = at + lengthBytes
    at = start + view.getUint32(at)
    if (at > batch.length) throw new MalformedError('a length beyond the end')
    yield unpacked(batch, start, at, limits)
  }
}

function unpacked(batch: Uint8Array, start: number, end: number, limits: ValueLimits): UnpackedItem {
  try {
    return { item: decodeValue(batch, start, end, limits) }
  } catch (error) {
    if (error instanceof MalformedError) return { error }
    throw error
  }
}

function encodedItem(item: unknown, room: number, limits: ValueLimits): Uint8Array | Error {
  try {
    const encoded = encodeToBytes(item, limits)
    if (encoded.length <= room) return encoded
    const fix = 'make items smaller, or raise limits.messageBytes at both ends'
    return new EncodeError(`an item takes ${encoded.length} bytes and ${room} are left for it: ${fix}`)
  } catch (error) {
    // What `encodeToBytes` throws is an error, also where a getter of the item threw something else.
    return error as Error
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const part of parts) {
    view.setUint32(at, part.length)
    bytes.set(part, at + lengthBytes)
    at += lengthBytes + part.length
  }
  return bytes
}
