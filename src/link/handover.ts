import { FrameKind, frameHeaderBytes } from '../codec/codec.js'
import type { Clock, Millis } from '../core/time.js'
import type { Connection } from '../transport/transport.js'
import { goesOn } from './inbound.js'
import { handshakeMillis } from './limits.js'

/** What is under way on the former connection has so long to arrive. */
export const handoverMillis: Millis = 3_000

export interface HandoverEvents {
  /** What this end says goes to the new connection from now. */
  goOn(): void
  /** Both ends have said their last on the former connection, and heard that of the other. */
  over(): void
  /** What was under way may be lost: the lane has to begin anew. */
  failed(why: string): void
  /** Nothing was said on the new connection: the former stays. */
  abandoned(): void
}

/**
 * A direct connection takes the place of a relayed one without a gap. Each end says `moved` as its last word on the
 * former connection, and goes on on the new one, whose batches wait at the other end until that word has come. So
 * streams, numbers, credit and requests go on as if there were one connection:
 *
 * ```
 * dialler                                        acceptor
 *   |  former: ... moved                           |
 *   |--------------------------------------------->|
 *   |  new: ready (goes on), then all further      |   from here it says `moved`, and goes on, too
 *   |--------------------------------------------->|
 * ```
 */
export class Handover {
  readonly connection: Connection
  /** Batches that came on the new connection before the last on the former. */
  readonly held: Uint8Array[] = []
  /** This end speaks on the new connection. */
  speaks = false
  readonly #isDialler: boolean
  readonly #clock: Clock
  readonly #events: HandoverEvents
  #heardLast = false
  #cancelTimer: (() => void) | undefined

  constructor(connection: Connection, role: 'dialler' | 'acceptor', clock: Clock, events: HandoverEvents) {
    this.connection = connection
    this.#isDialler = role === 'dialler'
    this.#clock = clock
    this.#events = events
  }

  begin(): void {
    if (this.#isDialler) {
      this.connection.send(readyToGoOn)
      return this.#goOn()
    }
    this.#cancelTimer = this.#clock.schedule(handshakeMillis, () =>
      this.#giveUp('the dialler never said that it is ready'),
    )
  }

  /** A batch arrived on the new connection. */
  received(batch: Uint8Array): void {
    if (this.speaks) return void this.held.push(batch)
    const length = ((batch[1] as number) << 16) | ((batch[2] as number) << 8) | (batch[3] as number)
    const end = frameHeaderBytes + length
    if (batch[0] !== FrameKind.ready || batch.length < end) return this.#giveUp('it is not ready')
    // A dialler that does not go on has lost the former connection: both begin anew.
    if (!goesOn(batch, frameHeaderBytes, end)) return this.#events.failed('the dialler begins anew')
    if (batch.length > end) this.held.push(batch.subarray(end))
    this.#goOn()
  }

  /** The peer said its last on the former connection. */
  peerMoved(): void {
    this.#heardLast = true
    this.#overPerhaps()
  }

  /** The new connection is lost. False: something of this lane may be lost with it. */
  abandon(): boolean {
    if (this.speaks || this.#heardLast) return false
    this.end()
    this.#events.abandoned()
    return true
  }

  /** The lane is closed, or the handover is. */
  end(): void {
    this.#cancelTimer?.()
    this.connection.close('abandoned')
  }

  #goOn(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.schedule(handoverMillis, () =>
      this.#events.failed('what was under way on the connection before did not arrive in time'),
    )
    this.speaks = true
    // Its batches wait at the other end of it, but for those that are here already.
    this.connection.pause()
    this.#events.goOn()
    this.#overPerhaps()
  }

  #giveUp(why: string): void {
    if (!this.abandon()) this.#events.failed(why)
  }

  #overPerhaps(): void {
    if (!this.speaks || !this.#heardLast) return
    this.#cancelTimer?.()
    this.#events.over()
  }
}

const readyToGoOn = Uint8Array.of(FrameKind.ready, 0, 0, 1, 1)
