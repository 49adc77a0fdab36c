import { MalformedError } from '../codec/value-decoder.js'

/**
 * A large frame of a peer, as it comes together from its chunks. Each byte is copied once, out of the batch that it
 * came with, into a buffer of the frame's own; that grows with what has come, not with what was announced.
 */
export class Gathering {
  readonly #most: number
  #bytes: Buffer | undefined
  /** Of a frame that was given up: who begins and gives up without end has nothing set aside each time. */
  #spare: Buffer | undefined
  #total = 0
  #filled = 0

  /** `most`: the largest frame that is taken, in bytes. */
  constructor(most: number) {
    this.#most = most
  }

  /** A frame of `total` bytes begins. */
  begin(total: number): void {
    if (this.#bytes !== undefined) throw new MalformedError('a large frame within another')
    if (total > this.#most) throw new MalformedError('chunks of a message larger than this node takes')
    const needed = Math.min(total, firstBytes)
    const spare = this.#spare
    this.#spare = undefined
    if (spare === undefined) this.#bytes = Buffer.allocUnsafeSlow(needed)
    else this.#bytes = spare.length >= needed ? spare : Buffer.allocUnsafeSlow(firstBytes)
    this.#total = total
    this.#filled = 0
  }

  /** What came so far is given up. */
  giveUp(): void {
    if (this.#bytes !== undefined && this.#bytes.length <= firstBytes) this.#spare = this.#bytes
    this.#bytes = undefined
  }

  /** Takes what `bytes` holds from `start` to `end`. Returns the frame when that is whole. */
  add(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const filled = this.#filled + end - start
    if (this.#bytes === undefined) throw new MalformedError('a chunk of nothing that began')
    if (start >= end) throw new MalformedError('an empty chunk')
    if (filled > this.#total) throw new MalformedError('more chunks than were announced')
    const whole = filled > this.#bytes.length ? this.#grow(this.#bytes, filled) : this.#bytes
    whole.set(bytes.subarray(start, end), this.#filled)
    this.#filled = filled
    if (filled < this.#total) return undefined
    this.#bytes = undefined
    if (whole.length === filled) return whole
    this.#spare = whole
    return new Uint8Array(whole.subarray(0, filled))
  }

  #grow(from: Buffer, needed: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(Math.min(this.#total, Math.max(needed, from.length * growth)))
    from.copy(bytes, 0, 0, this.#filled)
    this.#bytes = bytes
    return bytes
  }
}

/** So much is set aside upon the word of a peer alone. */
const firstBytes = 1_048_576
/** Most frames grow once: what was copied before has to be copied again. */
const growth = 16
