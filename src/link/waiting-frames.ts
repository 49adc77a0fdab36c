import { ByteWriter } from '../codec/byte-writer.js'
import { FrameKind } from '../codec/codec.js'

/** A frame that no credit holds back, in its turn: a reply, or a large frame of the overlay. */
export interface WaitingFrame {
  readonly head: Uint8Array
  readonly body: Uint8Array
  /** Called when it is with the connection, or never will be. */
  readonly sent: () => void
}

/** Frames that wait for their turn, with what they take. */
export class WaitingFrames {
  readonly #frames: WaitingFrame[] = []
  #bytes = 0

  get length(): number {
    return this.#frames.length
  }

  get bytes(): number {
    return this.#bytes
  }

  push(frame: WaitingFrame): void {
    this.#frames.push(frame)
    this.#bytes += frame.body.length
  }

  shift(): WaitingFrame | undefined {
    const frame = this.#frames.shift()
    if (frame !== undefined) this.#bytes -= frame.body.length
    return frame
  }

  /** None of them will be sent. */
  clear(): void {
    this.#bytes = 0
    for (const frame of this.#frames.splice(0)) frame.sent()
  }
}

/** What precedes the body of a reply, with the kind of its frame. */
export function replyHead(id: number, status: number): Uint8Array {
  const writer = new ByteWriter(16)
  writer.u8(FrameKind.reply)
  writer.varint(id)
  writer.u8(status)
  return writer.take()
}
