import { unreachable } from '../core/invariant.js'
import type { Clock, Millis } from '../core/time.js'
import type { MemoryLink, Parcel } from './memory-link.js'
import type { Connection, ConnectionHandler } from './transport.js'

export interface MemoryConnectionOptions {
  readonly remote: string
  readonly clock: Clock
  readonly outgoing: MemoryLink
  readonly incoming: MemoryLink
  readonly highWaterMark: number
  readonly lowWaterMark: number
  readonly closeTimeout: Millis
  /** Told when this end is over. */
  readonly ended: () => void
}

/**
 * ```text
 * open ── close() ──> closing ── end | reset | timeout ──> closed
 *  ├───── destroy() ──> closed (told at the end of the turn)
 *  └───── end | reset ──> closed
 * ```
 */
type Phase = 'open' | 'closing' | 'closed'

/** One end of a memory connection, over a link in each direction. */
export class MemoryConnection implements Connection {
  readonly remote: string
  readonly #clock: Clock
  readonly #outgoing: MemoryLink
  readonly #incoming: MemoryLink
  readonly #highWaterMark: number
  readonly #lowWaterMark: number
  readonly #closeTimeout: Millis
  readonly #ended: () => void
  readonly #handler: ConnectionHandler
  #phase: Phase = 'open'
  #blocked = false
  #cancelTimeout: (() => void) | undefined

  constructor(options: MemoryConnectionOptions, own: (connection: Connection) => ConnectionHandler) {
    this.remote = options.remote
    this.#clock = options.clock
    this.#outgoing = options.outgoing
    this.#incoming = options.incoming
    this.#highWaterMark = options.highWaterMark
    this.#lowWaterMark = options.lowWaterMark
    this.#closeTimeout = options.closeTimeout
    this.#ended = options.ended
    this.#incoming.receiver(parcel => this.#receive(parcel))
    this.#outgoing.sender(() => this.#consumed())
    this.#handler = own(this)
  }

  /** Whether nothing is to come of this end but, at most, its handler's `closed`. */
  get ended(): boolean {
    return this.#phase === 'closed'
  }

  send(chunk: Uint8Array): boolean {
    if (this.#phase !== 'open') return false
    this.#outgoing.send({ type: 'chunk', bytes: new Uint8Array(chunk) })
    if (this.#outgoing.waiting <= this.#highWaterMark) return true
    this.#blocked = true
    return false
  }

  admit(): void {}

  pause(): void {
    if (this.#phase === 'open') this.#incoming.pause()
  }

  resume(): void {
    this.#incoming.resume()
  }

  close(reason?: string): void {
    if (this.#phase !== 'open') return
    this.#phase = 'closing'
    this.#outgoing.send({ type: 'end', reason })
    // What still comes is of no interest, but the other end's goodbye stands behind it.
    this.#incoming.resume()
    this.#cancelTimeout = this.#clock.schedule(this.#closeTimeout, () => {
      this.#outgoing.reset()
      this.#end(new Error('the other end did not close in time'))
    })
  }

  destroy(): void {
    if (this.#phase === 'closed') return
    this.#release()
    this.#outgoing.reset()
    this.#clock.defer(() => this.#handler.closed())
  }

  #receive(parcel: Parcel): void {
    if (this.#phase === 'closed') return
    switch (parcel.type) {
      case 'chunk':
        if (this.#phase === 'open') this.#handler.received(parcel.bytes)
        break
      case 'end':
        if (this.#phase === 'open') this.#answerEnd()
        this.#end(parcel.reason ? new Error(`the other end closed: ${JSON.stringify(parcel.reason)}`) : undefined)
        break
      case 'reset':
        this.#end(new Error('the other end dropped the connection'))
        break
      case 'open':
      case 'refuse':
        // Both belong to dialling, which is over.
        break
      default:
        unreachable(parcel)
    }
  }

  /** The other end no longer listens: what is on its way there is lost, as the caller of `close` over there wished. */
  #answerEnd(): void {
    this.#outgoing.clear()
    this.#outgoing.send({ type: 'end', reason: undefined })
  }

  #consumed(): void {
    if (!this.#blocked || this.#phase !== 'open' || this.#outgoing.waiting > this.#lowWaterMark) return
    this.#blocked = false
    this.#handler.drained()
  }

  #end(error?: Error): void {
    this.#release()
    this.#handler.closed(error)
  }

  #release(): void {
    this.#phase = 'closed'
    this.#cancelTimeout?.()
    this.#incoming.clear()
    this.#ended()
  }
}
