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
    else if (part instanceof Map || part instanceof Set || Array.isArray(part)) for (const item of part) open.push(item)
    else for (const key of Object.keys(part)) open.push(key, (part as Record<string, unknown>)[key])
    if (open.length > 100_000) break
  }
  return bytes + open.length * Math.ceil(bytes / looked)
}
