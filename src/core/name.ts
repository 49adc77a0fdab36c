/** Whether `text` can name a node, channel or server: 1 to `bytesMax` bytes of UTF-8 without control characters. */
export function isName(text: string, bytesMax: number): boolean {
  if (text.length === 0 || text.length > bytesMax) return false
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (code < 0x20 || code === 0x7f || (code >= 0xd800 && code <= 0xdfff)) return false
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes <= bytesMax
}

/** Orders by name, by code unit: the same on every machine. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

/** Whether `value` is a plain object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
