import { isIPv4, isIPv6 } from 'node:net'

/** An IPv4 address as 4 bytes, an IPv6 one as 16; undefined where the text is neither. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  // A zone is not part of an address in Zeek.
  if (!isIPv6(text) || text.includes('%')) return undefined
  const bytes = bytesOf(text)
  // Zeek keeps IPv4 addresses as mapped ones, so it cannot tell the two apart.
  return isMapped(bytes) ? bytes.subarray(12) : bytes
}

/** The canonical text of an address: that of `inet_ntop`. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  const run = longestZeros(groups)
  if (run.start === 0 && run.length === 6) return `::${bytes.subarray(12).join('.')}`
  const hex = groups.map(group => group.toString(16))
  if (run.length < 2) return hex.join(':')
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`
}

/** The first `length` bits; the rest is zero. */
export function masked(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8))
    return byte & (0xff00 >> bits)
  })
}

/** Of an IPv6 address that is one: groups of hexadecimal digits, `::` at most once, perhaps an IPv4 tail. */
function bytesOf(text: string): Uint8Array {
  const tail = /[\d.]+$/.exec(text)?.[0] ?? ''
  const four = tail.includes('.') ? Array.from(tail.split('.'), Number) : []
  const hex = four.length > 0 ? text.slice(0, text.length - tail.length) : text
  const [front = '', back] = hex.split('::')
  const end = [...groupsOf(back ?? ''), ...four]
  const begin = groupsOf(front)
  const bytes = new Uint8Array(16)
  bytes.set(begin)
  if (back === undefined) bytes.set(four, begin.length)
  else bytes.set(end, 16 - end.length)
  return bytes
}

function groupsOf(text: string): number[] {
  const groups = text.split(':').filter(group => group !== '')
  return groups.flatMap(group => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
  }
  return best
}
