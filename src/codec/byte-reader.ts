/**
 * Reads a fixed layout from bytes that nobody vouches for. Running past the end, or reading a number or text that is
 * none, makes every later read yield zero and {@link ok} false: check it once, at the end.
 */
export class ByteReader {
  ok = true
  position: number
  readonly #bytes: Uint8Array
  readonly #end: number

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.position = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.position
  }

  u8(): number {
    if (this.position >= this.#end) return this.#fail()
    return this.#bytes[this.position++] as number
  }

  u32(): number {
    if (this.remaining < 4) return this.#fail()
    let value = 0
    for (let count = 0; count < 4; count++) value = value * 256 + (this.#bytes[this.position++] as number)
    return value
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.#fail()
      scale *= 128
    }
    return this.#fail()
  }

  /** A view of the next `count` bytes. */
  bytes(count: number): Uint8Array {
    if (!this.ok || count > this.remaining) {
      this.#fail()
      return empty
    }
    const view = this.#bytes.subarray(this.position, this.position + count)
    this.position += count
    return view
  }

  /** A varint length and as much UTF-8, at most `bytesMax`. */
  string(bytesMax: number): string {
    const length = this.varint()
    if (length > bytesMax) this.#fail()
    const view = this.bytes(length)
    if (!this.ok) return ''
    try {
      return decoder.decode(view)
    } catch {
      this.#fail()
      return ''
    }
  }

  #fail(): 0 {
    this.ok = false
    this.position = this.#end
    return 0
  }
}

const empty = new Uint8Array(0)
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
