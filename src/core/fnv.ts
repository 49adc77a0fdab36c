const basis32 = 0x811c9dc5
const prime32 = 0x01000193
/** What stands in UTF-8 for half a surrogate pair. */
const replacement = 0xfffd

/**
 * FNV-1a, 32 bit, over bytes, or over a text's UTF-8 (Fowler, Noll and Vo). From 0 to 2^32 - 1. With another `start`
 * it is another hash. A text costs no allocation.
 */
export function fnv1a32(data: string | Uint8Array, start: number = basis32): number {
  return (typeof data === 'string' ? hashText(data, start) : hashBytes(data, start)) >>> 0
}

function hashBytes(bytes: Uint8Array, start: number): number {
  let hash = start
  for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ (bytes[index] as number), prime32)
  return hash
}

function hashText(text: string, start: number): number {
  let hash = start
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      hash = Math.imul(hash ^ unit, prime32)
    } else if (unit < 0x800) {
      hash = Math.imul(hash ^ (0xc0 | (unit >> 6)), prime32)
      hash = Math.imul(hash ^ (0x80 | (unit & 0x3f)), prime32)
    } else if (unit >= 0xd800 && unit < 0xe000) {
      const point = text.codePointAt(index) as number
      if (point > 0xffff) index++
      hash = hashWide(hash, point > 0xffff ? point : replacement)
    } else {
      hash = hashWide(hash, unit)
    }
  }
  return hash
}

function hashWide(start: number, point: number): number {
  let hash = start
  if (point > 0xffff) {
    hash = Math.imul(hash ^ (0xf0 | (point >> 18)), prime32)
    hash = Math.imul(hash ^ (0x80 | ((point >> 12) & 0x3f)), prime32)
  } else {
    hash = Math.imul(hash ^ (0xe0 | (point >> 12)), prime32)
  }
  hash = Math.imul(hash ^ (0x80 | ((point >> 6) & 0x3f)), prime32)
  return Math.imul(hash ^ (0x80 | (point & 0x3f)), prime32)
}
