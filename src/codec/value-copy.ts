import { encodeToBytes } from './value-bytes.js'
import { decodeValue } from './value-decoder.js'
import type { ValueLimits } from './value-encoder.js'

/** A value as a peer would get it, and how many bytes it takes. Throws an `EncodeError` when it cannot travel. */
export function copyValue(value: unknown, limits: ValueLimits): { readonly value: unknown; readonly bytes: number } {
  if (value instanceof Uint8Array) return { value: new Uint8Array(value), bytes: value.length }
  const bytes = encodeToBytes(value, limits)
  return { value: decodeValue(bytes, 0, bytes.length, limits), bytes: bytes.length }
}
