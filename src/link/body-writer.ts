import { encodeToSlab, type Payload, payloadOf } from '../codec/value-bytes.js'
import type { AgreedLimits } from './agreed-limits.js'
import type { FrameWriter } from './frame-writer.js'
import { tooLarge } from './large-frame.js'
import { chunkedAbove } from './limits.js'

/** Writes what messages and replies carry. A value that one frame cannot hold is encoded once all the same. */
export class BodyWriter {
  readonly #frames: FrameWriter
  readonly #messageBytes: number
  readonly #agreed: AgreedLimits
  /** What was encoded last, and cannot leave in the frame that it was written into. */
  #aside: { readonly value: unknown; readonly encoded: Payload } | undefined

  /** `messageBytes`: what this node may send, before it is known what the peer takes. */
  constructor(frames: FrameWriter, messageBytes: number, agreed: AgreedLimits) {
    this.#frames = frames
    this.#messageBytes = messageBytes
    this.#agreed = agreed
  }

  /** Another value is about to be written: it may be the same object, with other contents. */
  forget(): void {
    this.#aside = undefined
  }

  /** Writes a value into the frame in hand. Returns its size, and takes it back, when that is too much for one. */
  write(value: unknown): number | undefined {
    const writer = this.#frames.bytes
    const start = writer.position
    if (value instanceof Uint8Array) writer.bytes(value)
    else this.#frames.value(value, this.#agreed.values)
    const size = writer.position - start
    if (size <= Math.min(chunkedAbove, this.#agreed.messageBytes)) return undefined
    this.setAside(value, start)
    return size
  }

  /** Takes a value that was written from `start` on back out of the frame, for {@link encode}. */
  setAside(value: unknown, start: number): void {
    this.#aside = { value, encoded: payloadOf(this.#frames.bytes.cut(start), 'encoded') }
  }

  /** A value on its own. Throws an `EncodeError` when it cannot travel. */
  encode(value: unknown): Payload {
    const aside = this.#aside
    this.#aside = undefined
    if (aside !== undefined && aside.value === value) return aside.encoded
    const encoded = encodeToSlab(value, this.#agreed.values)
    const size = encoded.end - encoded.start
    if (size > this.#messageBytes) throw tooLarge(size, this.#messageBytes)
    return encoded
  }
}
