import type { ConnectionLimits } from '../codec/handshake-frames.js'
import { decodeValue } from '../codec/value-decoder.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { EncodeError } from '../core/errors.js'
import { tooLarge } from './large-frame.js'
import type { MessageExtra, Waiting } from './queue.js'

/** What of messages both ends of a connection take: of two limits the smaller one counts. */
export class AgreedLimits {
  readonly #ours: { readonly valueLimits: ValueLimits; readonly messageBytes: number }
  #messageBytes = 0
  #values: ValueLimits
  #isNarrower = false

  constructor(ours: { readonly valueLimits: ValueLimits; readonly messageBytes: number }) {
    this.#ours = ours
    this.#values = ours.valueLimits
  }

  /** The largest message, whole; 0 before there was a connection. */
  get messageBytes(): number {
    return this.#messageBytes
  }

  get values(): ValueLimits {
    return this.#values
  }

  /** A connection is open to a peer that takes so much. */
  agree({ messageBytes, depth }: Pick<ConnectionLimits, 'messageBytes' | 'depth'>): void {
    const { valueLimits } = this.#ours
    this.#messageBytes = Math.min(messageBytes, this.#ours.messageBytes)
    this.#isNarrower = depth < valueLimits.depth
    this.#values = this.#isNarrower ? { ...valueLimits, depth } : valueLimits
  }

  /** Whether a value that was encoded before has to be looked at: with a peer that takes less than this node. */
  mayExceed(extra: MessageExtra | undefined): boolean {
    return this.#isNarrower && extra?.clock !== undefined
  }

  /** Why an encoded message of that size cannot go: the peer would close the connection, each time it is sent again. */
  refusalOf({ body, extra }: Waiting, size: number): EncodeError | undefined {
    if (size > this.#messageBytes) return tooLarge(size, this.#messageBytes)
    if (!this.#isNarrower) return undefined
    if (body.type === 'encoded' && !this.#fits(body.bytes, body.start, body.end)) return this.#tooDeep('it')
    const clock = extra?.clock
    return clock === undefined || this.#fits(clock, 0, clock.length) ? undefined : this.#tooDeep(`the option 'clock'`)
  }

  /** What decodes under the limits of both is no deeper than they allow. */
  #fits(bytes: Uint8Array, start: number, end: number): boolean {
    try {
      decodeValue(bytes, start, end, this.#values)
      return true
    } catch {
      return false
    }
  }

  #tooDeep(what: string): EncodeError {
    return new EncodeError(`${what} nests too deep and limits.depth is ${this.#values.depth} at the peer`)
  }
}
