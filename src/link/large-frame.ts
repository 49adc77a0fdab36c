import { ChunkFlag, FrameKind } from '../codec/codec.js'
import { EncodeError } from '../core/errors.js'
import type { FrameWriter } from './frame-writer.js'
import { chunkBytes, chunksPerBatch, creditOverheadBytes } from './limits.js'
import type { Waiting } from './queue.js'

/** A frame too large for a batch, on its way in chunks: its kind, its fixed fields and its payload, in a row. */
export class LargeFrame {
  /** The message that it carries; undefined for other frames. */
  readonly entry: Waiting | undefined
  readonly #head: Uint8Array
  readonly #body: Uint8Array
  #offset = 0

  constructor(head: Uint8Array, body: Uint8Array, entry?: Waiting) {
    this.#head = head
    this.#body = body
    this.entry = entry
  }

  /** What it takes of the credit: the same as the peer counts when the frame is whole. */
  get cost(): number {
    return this.#total - 1 + creditOverheadBytes
  }

  get #total(): number {
    return this.#head.length + this.#body.length
  }

  /** Whether its message was abandoned on the way. */
  get abandoned(): boolean {
    return this.entry?.gone === true
  }

  /** Writes the next few chunks, each to travel on its own, while there is room. Returns whether that was all. */
  writeChunks(frames: FrameWriter, flight: ChunkFlight): boolean {
    for (let count = 0; count < chunksPerBatch && this.#offset < this.#total && flight.hasRoom; count++) {
      flight.sent(this.#writeChunk(frames))
    }
    return this.#offset === this.#total
  }

  /** Returns how many bytes of the frame it wrote. */
  #writeChunk(frames: FrameWriter): number {
    const from = this.#offset
    const until = Math.min(from + chunkBytes, this.#total)
    const head = this.#head
    frames.separate()
    const start = frames.begin(FrameKind.chunk)
    frames.bytes.u8(from === 0 ? ChunkFlag.first : ChunkFlag.next)
    if (from === 0) frames.bytes.varint(this.#total)
    if (from < head.length) frames.bytes.bytes(head.subarray(from, until))
    if (until > head.length) {
      frames.bytes.bytes(this.#body.subarray(Math.max(0, from - head.length), until - head.length))
    }
    frames.end(start)
    this.#offset = until
    return until - from
  }
}

/**
 * What is under way in chunks on a connection: as much as the peer's window. It comes back as soon as the peer has put
 * it together with what came before, whatever its handlers do: a frame that has begun can always be finished.
 */
export class ChunkFlight {
  #window = 0
  #sent = 0
  #taken = 0

  /** A connection opens. */
  open(window: number): void {
    this.#window = window
    this.#sent = 0
    this.#taken = 0
  }

  /** Whether a further chunk may leave. */
  get hasRoom(): boolean {
    return this.#sent - this.#taken < this.#window
  }

  sent(bytes: number): void {
    this.#sent += bytes
  }

  /** The peer has taken `total` bytes since the connection opened. */
  taken(total: number): void {
    this.#taken = total
  }
}

export function tooLarge(bytes: number, most: number): EncodeError {
  return new EncodeError(`it takes ${bytes} bytes and limits.messageBytes is ${most}, here or at the peer`)
}
