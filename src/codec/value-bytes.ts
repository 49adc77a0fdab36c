import { EncodeError } from '../core/errors.js'
import { classable, textOf } from '../core/thrown.js'
import { ByteWriter } from './byte-writer.js'
import { encodeValue, UnencodableError, type ValueLimits } from './value-encoder.js'

/** A value on its own, in exactly its size. Throws an {@link EncodeError} when it cannot travel. */
export function encodeToBytes(value: unknown, limits: ValueLimits): Uint8Array {
  const writer = scratch.take()
  try {
    encodeValue(writer, value, limits)
    const bytes = Buffer.allocUnsafe(writer.position)
    writer.buffer.copy(bytes, 0, 0, writer.position)
    return bytes
  } catch (error) {
    throw encodeError(error)
  } finally {
    scratch.put(writer)
  }
}

/** Lends one buffer again and again. What encoding calls (a getter) may encode too, and gets a buffer of its own. */
const scratch = {
  writer: new ByteWriter(4_096) as ByteWriter | undefined,
  take(): ByteWriter {
    const writer = this.writer ?? new ByteWriter(4_096)
    this.writer = undefined
    return writer
  },
  put(writer: ByteWriter): void {
    writer.reset(0)
    if (writer.buffer.length <= scratchBytesMax) this.writer = writer
  },
}
const scratchBytesMax = 1_048_576

/** What a caller is told when encoding threw. */
export function encodeError(thrown: unknown): Error {
  const error = classable(thrown)
  if (error instanceof UnencodableError) return new EncodeError(error.message)
  return error instanceof Error ? error : new EncodeError(textOf(error))
}
