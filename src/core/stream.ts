/**
 * The stream of a partition key: FNV-1a (32 bit, over the UTF-8 bytes of the key; a number is hashed as its decimal
 * text), finished with MurmurHash3's fmix32. Both ends of a wire need not agree on it, but a node must keep it across
 * versions, so that keys stay where they were: it is fixed in docs/protocol.md.
 */
export function hashPartitionKey(key: string | number): number {
  const text = typeof key === 'string' ? key : String(key)
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      hash = Math.imul(hash ^ unit, 0x01000193)
    } else if (unit < 0x800) {
      hash = Math.imul(hash ^ (0xc0 | (unit >> 6)), 0x01000193)
      hash = Math.imul(hash ^ (0x80 | (unit & 0x3f)), 0x01000193)
    } else if (unit >= 0xd800 && unit < 0xe000) {
      const point = text.codePointAt(index) as number
      if (point > 0xffff) index++
      hash = hashWide(hash, point > 0xffff ? point : replacement)
    } else {
      hash = hashWide(hash, unit)
    }
  }
  return finishHash(hash)
}

/** Which of `streams` a hashed key belongs to. */
export function streamOf(hash: number, streams: number): number {
  return hash % streams
}

/** What stands in UTF-8 for half a surrogate pair. */
const replacement = 0xfffd

function hashWide(start: number, point: number): number {
  let hash = start
  if (point > 0xffff) {
    hash = Math.imul(hash ^ (0xf0 | (point >> 18)), 0x01000193)
    hash = Math.imul(hash ^ (0x80 | ((point >> 12) & 0x3f)), 0x01000193)
  } else {
    hash = Math.imul(hash ^ (0xe0 | (point >> 12)), 0x01000193)
  }
  hash = Math.imul(hash ^ (0x80 | ((point >> 6) & 0x3f)), 0x01000193)
  return Math.imul(hash ^ (0x80 | (point & 0x3f)), 0x01000193)
}

/** MurmurHash3's fmix32: every bit of a hash comes to depend on every other. */
export function finishHash(hash: number): number {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
