import { fnv1a32 } from './fnv.js'

/**
 * The stream of a partition key: FNV-1a (32 bit, over the UTF-8 bytes of the key; a number is hashed as its decimal
 * text), finished with MurmurHash3's fmix32. Both ends of a wire need not agree on it, but a node must keep it across
 * versions, so that keys stay where they were: it is fixed in docs/protocol.md.
 */
export function hashPartitionKey(key: string | number): number {
  const text = typeof key === 'string' ? key : String(key)
  return finishHash(fnv1a32(text))
}

/** Which of `streams` a hashed key belongs to. */
export function streamOf(hash: number, streams: number): number {
  return hash % streams
}

/** MurmurHash3's fmix32: every bit of a hash comes to depend on every other. */
export function finishHash(hash: number): number {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
