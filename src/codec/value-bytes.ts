import { EncodeError } from '../core/errors.js'
import { classable, textOf } from '../core/thrown.js'
import { ByteWriter } from './byte-writer.js'
import { copied, largeBuffers } from './large-buffers.js'
import { encodeValue, UnencodableError, type ValueLimits } from './value-encoder.js'

/**
 * What a message carries: bytes of its caller as they are, a copy of such bytes, or an encoded value. It may lie among
 * others: a view of a small one would take more than the value.
 */
export interface Payload {
  readonly type: 'bytes' | 'copy' | 'encoded'
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** All of those bytes. */
export function payloadOf(bytes: Uint8Array, type: Payload['type'] = 'bytes'): Payload {
  return { type, bytes, start: 0, end: bytes.length }
}

/** Bytes of a caller that have to wait. Who does not wait for them is not told when they are its own again. */
export function bytesFor(bytes: Uint8Array, awaited: boolean): Payload {
  return awaited ? payloadOf(bytes) : payloadOf(copied(bytes), 'copy')
}

/** A value on its own. Throws an {@link EncodeError} when it cannot travel. */
export function encodeToBytes(value: unknown, limits: ValueLimits): Uint8Array {
  return bytesOf(encodeToSlab(value, limits))
}

/** A view of it. */
export function bytesOf({ bytes, start, end }: Pick<Payload, 'bytes' | 'start' | 'end'>): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}

/** A value on its own, or, where it is small, among others. Throws an {@link EncodeError} when it cannot travel. */
export function encodeToSlab(value: unknown, limits: ValueLimits): Payload {
  const writer = lent.take()
  const start = writer.position
  try {
    encodeValue(writer, value, limits)
  } catch (error) {
    writer.reset(start)
    lent.put(writer)
    throw encodeError(error)
  }
  const { buffer, position } = writer
  const isSlab = buffer.length === slabBytes
  const size = position - start
  if (isSlab && size <= slabPartBytes) {
    lent.put(writer)
    return { type: 'encoded', bytes: buffer, start, end: position }
  }
  const bytes = writer.cut(start)
  writer.reset(isSlab ? start : 0)
  // A buffer that grew serves again while values are large.
  if (isSlab || size > slabBytes) lent.put(writer)
  return { type: 'encoded', bytes, start: 0, end: size }
}

/** A copy of an encoded value, which `from` has from `start` on: among others where it is small. */
export function copyToSlab(from: ByteWriter, start: number): Payload {
  const size = from.position - start
  if (size > slabPartBytes) {
    return payloadOf(copied(bytesOf({ bytes: from.buffer, start, end: from.position })), 'encoded')
  }
  // Never the lent one: that may have grown, and is written over then.
  if (copies.position + size > slabBytes) copies = new ByteWriter(slabBytes)
  const at = copies.position
  copies.copy(from, start)
  return { type: 'encoded', bytes: copies.buffer, start: at, end: copies.position }
}

/**
 * Lends one writer again and again. Small values follow each other in its buffer, and are handed out as parts of it, as
 * Node's own small buffers are; of a buffer that grew they are copied out, so that nobody keeps it alive. What encoding
 * calls (a getter) may encode too, and gets a writer of its own.
 */
const lent = {
  writer: undefined as ByteWriter | undefined,
  take(): ByteWriter {
    const writer = this.writer
    this.writer = undefined
    return writer === undefined || writer.position > slabBytes - slabRestBytes
      ? new ByteWriter(slabBytes, largeBuffers)
      : writer
  },
  put(writer: ByteWriter): void {
    if (writer.buffer.length <= scratchBytesMax) this.writer = writer
  },
}
const slabBytes = 8_192
/** What is larger is copied out: a small value that is kept would keep it alive. */
const slabPartBytes = 2_048
let copies = new ByteWriter(slabBytes)
/** With less than this left the next value, whose size is not known yet, begins another buffer. */
const slabRestBytes = 512
const scratchBytesMax = 1_048_576

/** What a caller is told when encoding threw. */
export function encodeError(thrown: unknown): Error {
  const error = classable(thrown)
  if (error instanceof UnencodableError) return new EncodeError(error.message)
  return error instanceof Error ? error : new EncodeError(textOf(error))
}
