/*
 * The engine's own UTF-8 routines, called on any Uint8Array. Node has them on every Buffer without documenting them;
 * the public ones (`toString`, `write`, `TextDecoder`) end in the same routines and cost a small value as much again.
 */
interface BufferRoutines {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number
  utf8Slice(this: Uint8Array, start: number, end: number): string
}
const prototype: object = Buffer.prototype as object
const routines = prototype as BufferRoutines

/**
 * Writes `text` at `offset` and returns how many bytes it took. A lone surrogate becomes U+FFFD. There must be room.
 */
export function writeUtf8(bytes: Uint8Array, text: string, offset: number): number {
  return routines.utf8Write.call(bytes, text, offset, bytes.length - offset)
}

/** The text in `start..end`, with U+FFFD in the place of what is not UTF-8. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return routines.utf8Slice.call(bytes, start, end)
}

/** Whether every surrogate in `text` is half of a pair: only then can UTF-8 carry it. */
export function isWellFormed(text: string): boolean {
  // Part of ES2024, which Node has had since 20 and our `lib` does not know.
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

/** The text of at most 16 bytes when all of it is ASCII: a call into the engine costs more than this. */
export function readShortAscii(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length <= 8) return readTinyAscii(bytes, start, length)
  const head = readTinyAscii(bytes, start, 8)
  const tail = readTinyAscii(bytes, start + 8, length - 8)
  return head === undefined || tail === undefined ? undefined : head + tail
}

function readTinyAscii(bytes: Uint8Array, at: number, length: number): string | undefined {
  const a = length > 0 ? (bytes[at] as number) : 0
  const b = length > 1 ? (bytes[at + 1] as number) : 0
  const c = length > 2 ? (bytes[at + 2] as number) : 0
  const d = length > 3 ? (bytes[at + 3] as number) : 0
  if ((a | b | c | d) > 0x7f) return undefined
  if (length <= 4) {
    switch (length) {
      case 0:
        return ''
      case 1:
        return String.fromCharCode(a)
      case 2:
        return String.fromCharCode(a, b)
      case 3:
        return String.fromCharCode(a, b, c)
      default:
        return String.fromCharCode(a, b, c, d)
    }
  }
  const e = bytes[at + 4] as number
  const f = length > 5 ? (bytes[at + 5] as number) : 0
  const g = length > 6 ? (bytes[at + 6] as number) : 0
  const h = length > 7 ? (bytes[at + 7] as number) : 0
  if ((e | f | g | h) > 0x7f) return undefined
  switch (length) {
    case 5:
      return String.fromCharCode(a, b, c, d, e)
    case 6:
      return String.fromCharCode(a, b, c, d, e, f)
    case 7:
      return String.fromCharCode(a, b, c, d, e, f, g)
    default:
      return String.fromCharCode(a, b, c, d, e, f, g, h)
  }
}
