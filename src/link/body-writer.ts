import { encodeToSlab, type Payload, payloadOf } from '../codec/value-bytes.js'
import type { FrameWriter } from './frame-writer.js'
import { tooLarge } from './large-frame.js'
import { chunkedAbove } from './limits.js'
import type { OutboundSettings } from './outbound-settings.js'

/** Writes what messages and replies carry. A value that one frame cannot hold is encoded once all the same. */
export class BodyWriter {
  readonly #frames: FrameWriter
  readonly #settings: OutboundSettings
  /** What {@link write} encoded last and found too large, for {@link encode}. */
  #overgrown: { readonly value: unknown; readonly encoded: Payload } | undefined

  constructor(frames: FrameWriter, settings: OutboundSettings) {
    this.#frames = frames
    this.#settings = settings
  }

  /** Another value is about to be written: it may be the same object, with other contents. */
  forget(): void {
    this.#overgrown = undefined
  }

  /** Writes a value into the frame in hand. Returns its size, and takes it back, when that is too much for one. */
  write(value: unknown, messageBytes: number): number | undefined {
    const writer = this.#frames.bytes
    const start = writer.position
    if (value instanceof Uint8Array) writer.bytes(value)
    else this.#frames.value(value, this.#settings.valueLimits)
    const size = writer.position - start
    if (size <= Math.min(chunkedAbove, messageBytes)) return undefined
    this.#overgrown = { value, encoded: payloadOf(writer.cut(start), 'encoded') }
    return size
  }

  /** A value on its own. Throws an `EncodeError` when it cannot travel. */
  encode(value: unknown): Payload {
    const overgrown = this.#overgrown
    this.#overgrown = undefined
    if (overgrown !== undefined && overgrown.value === value) return overgrown.encoded
    const encoded = encodeToSlab(value, this.#settings.valueLimits)
    const size = encoded.end - encoded.start
    if (size > this.#settings.messageBytes) throw tooLarge(size, this.#settings.messageBytes)
    return encoded
  }
}
