import { invariant } from '../core/invariant.js'
import { copied } from './large-buffers.js'
import { writeUtf8 } from './utf8.js'

/** Contents below this are copied out by {@link ByteWriter.take}, so that the buffer can be used again. */
const copyBelow = 16 * 1024

/** What takes this share of a buffer may have it: copied it would take as much again. */
const filled = 3 / 4

/** Room beside something large. */
const spareBytes = 1_024

/** Texts shorter than this are written by hand: a call into the engine costs more than the loop. */
const shortText = 64

/** Up to so many bytes are copied by hand. */
const fewBytes = 256

/** Where a writer has its buffers from. */
export interface Buffers {
  /** A buffer of at least `bytes`, which nobody else uses. */
  allocate(bytes: number): Buffer
  /** The writer needs it no more. */
  release(buffer: Uint8Array): void
}

const newBuffers: Buffers = { allocate: bytes => Buffer.allocUnsafeSlow(bytes), release: () => {} }

/** A buffer that grows, into which a lane writes its batch. Numbers are big endian. */
export class ByteWriter {
  /** What is written is in `0..position`; `ensure` may replace it. */
  buffer: Buffer
  /** Over the same bytes as `buffer`. */
  view: DataView
  position = 0
  readonly #initialBytes: number
  readonly #buffers: Buffers

  constructor(initialBytes: number, buffers: Buffers = newBuffers) {
    invariant(initialBytes > 0, 'a writer starts with room for at least one byte')
    this.#initialBytes = initialBytes
    this.#buffers = buffers
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
    this.view = viewOf(this.buffer)
  }

  /** Makes room for `bytes` more. */
  ensure(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes)
  }

  u8(value: number): void {
    this.ensure(1)
    this.buffer[this.position++] = value
  }

  u16(value: number): void {
    this.ensure(2)
    const { buffer, position } = this
    buffer[position] = value >>> 8
    buffer[position + 1] = value
    this.position = position + 2
  }

  u32(value: number): void {
    this.ensure(4)
    const { buffer, position } = this
    buffer[position] = value >>> 24
    buffer[position + 1] = value >>> 16
    buffer[position + 2] = value >>> 8
    buffer[position + 3] = value
    this.position = position + 4
  }

  /** An unsigned integer up to 2^53 - 1 as LEB128: seven bits a byte, the lowest first. */
  varint(value: number): void {
    this.ensure(8)
    const buffer = this.buffer
    let position = this.position
    let rest = value
    // Beyond 32 bits the shifts would cut the number off.
    while (rest > 0x7fff_ffff) {
      buffer[position++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest > 0x7f) {
      buffer[position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[position++] = rest
    this.position = position
  }

  /** The bytes of `text` without a length; returns how many. A lone surrogate becomes U+FFFD. */
  utf8(text: string): number {
    this.ensure(text.length * 3)
    const { buffer, position } = this
    const length = text.length
    if (length < shortText) {
      let index = 0
      for (; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code > 0x7f) break
        buffer[position + index] = code
      }
      if (index === length) {
        this.position = position + length
        return length
      }
    }
    const written = writeUtf8(buffer, text, position)
    this.position = position + written
    return written
  }

  /** `text` as UTF-8 after its length in bytes as a varint. A lone surrogate becomes U+FFFD. */
  string(text: string): void {
    const length = text.length
    if (length < shortText) {
      this.ensure(1 + length)
      const { buffer, position } = this
      let index = 0
      for (; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code > 0x7f) break
        buffer[position + 1 + index] = code
      }
      if (index === length) {
        buffer[position] = length
        this.position = position + 1 + length
        return
      }
    }
    const size = Buffer.byteLength(text)
    this.varint(size)
    this.ensure(size)
    this.position += writeUtf8(this.buffer, text, this.position)
  }

  /** A copy of `bytes`, without a length. */
  bytes(bytes: Uint8Array): void {
    this.ensure(bytes.length)
    this.buffer.set(bytes, this.position)
    this.position += bytes.length
  }

  /** A copy of what `bytes` has from `start` to `end`, without a length. */
  part(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start
    this.ensure(size)
    this.buffer.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, size), this.position)
    this.position += size
  }

  /** A copy of what another writer has from `start` to its position, without a length. */
  copy({ buffer, view, position }: ByteWriter, start: number): void {
    if (position - start > fewBytes) return this.part(buffer, start, position)
    this.ensure(position - start)
    // A view of so few takes longer to make than the loops take.
    let from = start
    for (; from + 4 <= position; from += 4, this.position += 4) this.view.setInt32(this.position, view.getInt32(from))
    for (; from < position; from++, this.position++) this.buffer[this.position] = buffer[from] as number
  }

  /** Hands over what was written and starts anew. The bytes are the caller's: the writer never touches them again. */
  take(): Uint8Array {
    const length = this.position
    this.position = 0
    if (length < copyBelow) {
      const copy = Buffer.allocUnsafeSlow(length)
      this.buffer.copy(copy, 0, 0, length)
      if (this.buffer.length > copyBelow) {
        this.#buffers.release(this.buffer)
        this.#forget()
      }
      return copy
    }
    const taken = this.buffer.subarray(0, length)
    this.#forget()
    return taken
  }

  /** Takes out what was written from `position` on. It is the caller's: a copy, unless it fills the buffer. */
  cut(position: number): Uint8Array {
    const { buffer } = this
    const size = this.position - position
    this.position = position
    const cut = new Uint8Array(buffer.buffer, buffer.byteOffset + position, size)
    if (size < buffer.length * filled) return copied(cut)
    if (position === 0) this.#forget()
    else this.#moveTo(Math.max(this.#initialBytes, position))
    return cut
  }

  #forget(): void {
    this.buffer = nothing
    this.view = nothingViewed
  }

  /** Forgets what was written after `position`. */
  reset(position: number): void {
    invariant(position >= 0 && position <= this.position, 'a writer is reset to where it has been')
    this.position = position
  }

  #grow(bytes: number): void {
    const needed = this.position + bytes
    const doubled = Math.max(this.#initialBytes, this.buffer.length * 2)
    // What is large takes no more than it needs, and what may follow it: it is likely to be all.
    this.#moveTo(doubled < needed ? needed + spareBytes : doubled)
  }

  /** Goes on in another buffer. */
  #moveTo(capacity: number): void {
    const next = this.#buffers.allocate(capacity)
    this.buffer.copy(next, 0, 0, this.position)
    this.buffer = next
    this.view = viewOf(next)
  }
}

const nothing = Buffer.alloc(0)
const nothingViewed = viewOf(nothing)

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}
