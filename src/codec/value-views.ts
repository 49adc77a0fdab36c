import { markAsUntransferable } from 'node:worker_threads'

/** Byte strings below this are copied: a view would be as dear. */
const viewFrom = 1_024

/** The size of Node's shared pool, which small buffers are cut from. It is not always `Buffer.poolSize`. */
const poolBytes = Buffer.allocUnsafe(1).buffer.byteLength

/**
 * Whether a byte string of `length` should be a view of what it came in. That saves copying, but keeps all of it alive:
 * at most 64 times the string's own size, and never the shared pool, which others write to.
 */
export function isWorthAView(source: Uint8Array, length: number): boolean {
  if (length < viewFrom) return false
  const kept = source.buffer.byteLength
  return kept !== poolBytes && kept <= length * 64
}

/** The bytes from `start` to `end` as a plain Uint8Array, whatever they came in: a view where it is worth it. */
export function viewOrCopy(source: Uint8Array, start: number, end: number): Uint8Array {
  if (isWorthAView(source, end - start)) return sharedView(source, start, end)
  const copy = new Uint8Array(end - start)
  copy.set(source.subarray(start, end))
  return copy
}

/** A view, for whoever is handed a message. There is no other way to a part of what a peer sent. */
export function sharedView(source: Uint8Array, start: number, end: number): Uint8Array {
  const { buffer } = source
  // Others have parts of it, too: who moved it to another thread would take theirs away.
  markAsUntransferable(buffer)
  return new Uint8Array(buffer, source.byteOffset + start, end - start)
}
