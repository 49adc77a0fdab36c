import type { Clock } from '../core/time.js'
import type { Batch } from './batch.js'
import { ChunkFlight, type LargeFrame } from './large-frame.js'
import { chunkBatchesPerTurn } from './limits.js'

export interface LargeSenderHandler {
  /** The last of it is with the connection. */
  sent(frame: LargeFrame): void
  /** Its message was abandoned on the way, or is to be sent anew. */
  givenUp(frame: LargeFrame): void
  /** Other frames may leave again. */
  free(): void
}

/** Sends large frames of a lane, one at a time, as connection and window allow: other lanes have their turn between. */
export class LargeSender {
  readonly #batch: Batch
  readonly #clock: Clock
  readonly #handler: LargeSenderHandler
  readonly #flight = new ChunkFlight()
  #frame: LargeFrame | undefined
  #pumping = false

  constructor(batch: Batch, clock: Clock, handler: LargeSenderHandler) {
    this.#batch = batch
    this.#clock = clock
    this.#handler = handler
  }

  /** The one that is under way. */
  get frame(): LargeFrame | undefined {
    return this.#frame
  }

  open(window: number): void {
    this.#flight.open(window)
  }

  /** What is under way is lost. */
  close(): void {
    this.#frame = undefined
  }

  /** Begins with a frame, when none is under way. */
  send(frame: LargeFrame): void {
    this.#frame = frame
    this.pump()
  }

  /** The peer has taken `total` bytes of chunks. */
  taken(total: number): void {
    this.#flight.taken(total)
    this.pump()
  }

  /** Sends the next chunks, then lets the other lanes have their turn. */
  pump(): void {
    if (this.#pumping) return
    for (let count = 0; count < chunkBatchesPerTurn; count++) {
      const frame = this.#frame
      if (frame === undefined || !this.#batch.writable || this.#batch.connection === undefined) return
      if (frame.abandoned) {
        this.giveUp(frame)
        return this.#handler.free()
      }
      if (!this.#flight.hasRoom) return
      const isLast = frame.writeChunks(this.#batch.frames, this.#flight)
      this.#batch.flush()
      if (!isLast) continue
      this.#frame = undefined
      this.#handler.sent(frame)
      return this.#handler.free()
    }
    this.#pumping = true
    this.#clock.defer(() => {
      this.#pumping = false
      this.pump()
    })
  }

  giveUp(frame: LargeFrame): void {
    this.#frame = undefined
    this.#handler.givenUp(frame)
  }
}
