/** Each frame is behind its length. */
export const lengthBytes = 4

/** Makes frames, none of them empty, of a stream of bytes. Only what came in several chunks is copied, once. */
export class Frames {
  readonly #read: (frame: Buffer) => void
  /** What is here of a frame that was cut, and how long that is with its length before it, as far as that is known. */
  #parts: Buffer[] = []
  #length = 0
  #needed = lengthBytes

  constructor(read: (frame: Buffer) => void) {
    this.#read = read
  }

  take(chunk: Buffer): void {
    let at = 0
    while (this.#length > 0 && at < chunk.length) at = this.#complete(chunk, at)
    while (chunk.length - at >= lengthBytes) {
      const end = at + lengthBytes + chunk.readUInt32LE(at)
      if (end > chunk.length) return this.#keep(chunk.subarray(at), end - at)
      this.#read(chunk.subarray(at + lengthBytes, end))
      at = end
    }
    if (at < chunk.length) this.#keep(chunk.subarray(at), lengthBytes)
  }

  /** Adds what the cut frame lacks. Returns where in the chunk that ends. */
  #complete(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#needed - this.#length)
    this.#parts.push(chunk.subarray(at, end))
    this.#length += end - at
    if (this.#length < this.#needed) return end
    const bytes = Buffer.concat(this.#parts, this.#length)
    if (this.#needed === lengthBytes) {
      this.#keep(bytes, lengthBytes + bytes.readUInt32LE())
    } else {
      this.#parts = []
      this.#length = 0
      this.#read(bytes.subarray(lengthBytes))
    }
    return end
  }

  #keep(part: Buffer, needed: number): void {
    this.#parts = [part]
    this.#length = part.length
    this.#needed = needed
  }
}
