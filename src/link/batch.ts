import type { FrameKind } from '../codec/codec.js'
import type { Connection } from '../transport/transport.js'
import { FrameWriter } from './frame-writer.js'
import { batchBytes } from './limits.js'
import type { OutboundSettings } from './outbound-settings.js'

/**
 * The batch of a lane, and the connection that it goes to: when it is large enough, or when what runs has ended. What
 * finds the connection full stays here, within bounds: control frames alone are written then.
 */
export class Batch {
  readonly frames: FrameWriter
  readonly #settings: OutboundSettings
  #connection: Connection | undefined
  #writable = true
  #marked = false
  /** Full batches of control frames that the connection did not take, in order. */
  readonly #sealed: Uint8Array[] = []
  #sealedBytes = 0
  /** Called when a stalled peer has let too many control frames pile up. */
  overflowed: () => void = () => {}

  constructor(settings: OutboundSettings) {
    this.#settings = settings
    this.frames = new FrameWriter(settings.clock, settings.sequences, settings.tracker, settings.buffers)
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Whether the connection takes more. */
  get writable(): boolean {
    return this.#writable
  }

  open(connection: Connection): void {
    this.#connection = connection
  }

  /** What is here is lost. */
  close(): void {
    this.#connection = undefined
    this.frames.clear()
    this.#writable = true
    this.#sealed.length = 0
    this.#sealedBytes = 0
  }

  /** Ends a frame that was begun at `start`. */
  end(start: number): void {
    this.frames.end(start)
    if (this.frames.bytes.position >= batchBytes) this.flush()
    else this.#mark()
  }

  /** A frame that is written even if the connection takes no more. */
  control(kind: FrameKind, body: Uint8Array): void {
    const start = this.frames.begin(kind)
    this.frames.bytes.bytes(body)
    this.#endControl(start)
  }

  /** One that holds numbers. */
  controlNumbers(kind: FrameKind, value: number, another?: number): void {
    const start = this.frames.begin(kind)
    this.frames.bytes.varint(value)
    if (another !== undefined) this.frames.bytes.varint(another)
    this.#endControl(start)
  }

  /** The connection has room again. */
  drained(): void {
    this.#writable = true
    this.flush()
  }

  /** Hands the batch to the connection. */
  flush(): void {
    this.#marked = false
    if (this.#connection === undefined) return
    while (this.#writable && this.#sealed.length > 0) {
      const sealed = this.#sealed.shift() as Uint8Array
      this.#sealedBytes -= sealed.length
      this.#writable = this.#connection.send(sealed, this.#settings.buffers.release)
    }
    if (!this.#writable || this.frames.bytes.position === 0) return
    this.#writable = this.frames.sendTo(this.#connection, this.#settings.buffers.release)
  }

  #endControl(start: number): void {
    // Each batch stays below what the peer takes in one piece, however many control frames pile up.
    if (this.#writable) return this.end(start)
    this.frames.end(start)
    if (this.frames.bytes.position >= batchBytes) {
      this.#sealedBytes += this.frames.bytes.position
      this.#sealed.push(this.frames.take())
    }
    if (this.#sealedBytes + this.frames.bytes.position > this.#settings.controlBytes) this.overflowed()
  }

  #mark(): void {
    if (this.#marked) return
    this.#marked = true
    this.#settings.flusher.mark(this)
  }
}
