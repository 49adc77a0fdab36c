/**
 * About how many bytes a value takes, without encoding it: for messages that wait as they are. It looks at no more than
 * a thousand parts, and takes the rest to be as large as those on average.
 */
export function approximateBytes(value: unknown): number {
  let bytes = 0
  const open: unknown[] = [value]
  let looked = 0
  for (; open.length > 0 && looked < 1_000; looked++) {
    const part = open.pop()
    if (typeof part === 'string') bytes += part.length * 2
    else if (typeof part !== 'object' || part === null) bytes += 9
    else if (ArrayBuffer.isView(part)) bytes += part.byteLength
    else openUp(part, open)
    if (open.length > 100_000) break
  }
  return bytes + open.length * Math.ceil(bytes / looked)
}

/** What the engine takes beside the contents, about. A bigint is as long as one that crosses the wire may be. */
const textBytes = 24
const atomBytes = 9
const bigIntBytes = 80
const objectBytes = 56
const viewBytes = 200
const tableBytes = 240

/**
 * How many bytes a value takes in memory, about, all of its parts counted: for what nobody is to get past a limit. It
 * stops when there are `most`.
 */
export function bytesUpTo(value: unknown, most: number): number {
  let bytes = 0
  const open: unknown[] = [value]
  while (open.length > 0 && bytes < most) {
    const part = open.pop()
    if (typeof part === 'string') bytes += textBytes + part.length * 2
    else if (typeof part !== 'object' || part === null) bytes += typeof part === 'bigint' ? bigIntBytes : atomBytes
    else if (ArrayBuffer.isView(part)) bytes += viewBytes + part.byteLength
    else bytes += openUp(part, open)
  }
  return bytes
}

/** Adds what it is made of to what is still to be looked at. Returns what it takes itself. */
function openUp(part: object, open: unknown[]): number {
  if (part instanceof Map || part instanceof Set) {
    for (const item of part) open.push(item)
    return tableBytes
  }
  if (Array.isArray(part)) for (const item of part) open.push(item)
  else for (const key of Object.keys(part)) open.push(key, (part as Record<string, unknown>)[key])
  return objectBytes
}
