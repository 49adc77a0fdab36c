import type { Buffers } from '../codec/byte-writer.js'
import { largeBuffers } from '../codec/large-buffers.js'
import { chunkedAbove } from './limits.js'

/** What most batches fit into: one of small messages, and one message or some chunks alone. */
const bufferBytes = chunkedAbove + 4_096

/** Buffers for the batches of all lanes of a node, used again once a transport has let go of them. */
export class BatchBuffers implements Buffers {
  readonly #spare: Buffer[] = []

  /** A buffer of at least `bytes`. */
  allocate(bytes: number): Buffer {
    if (bytes > bufferBytes) return largeBuffers.allocate(bytes)
    if (bytes < pooledFrom) return Buffer.allocUnsafeSlow(bytes)
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(bufferBytes)
  }

  /** Takes back the buffer that a batch was written into, when nobody reads it any more. */
  readonly release = (batch: Uint8Array): void => {
    if (batch.buffer.byteLength !== bufferBytes) return largeBuffers.release(batch)
    if (this.#spare.length < spareBuffersMax) this.#spare.push(Buffer.from(batch.buffer))
  }
}

/** Smaller ones are made anew: there may be very many lanes, each with a few bytes to send. */
const pooledFrom = 16_384
/** As many as a transport lets wait by default, in batches of 32 KiB. */
const spareBuffersMax = 32
