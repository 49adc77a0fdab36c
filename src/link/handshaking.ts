import { CloseCode } from '../codec/codec.js'
import type { Machine } from '../core/machine.js'
import { waitFor } from '../core/patience.js'
import type { Clock } from '../core/time.js'
import type { Connection, ConnectionHandler } from '../transport/transport.js'
import type { Established, HandshakeEffect, HandshakeInput, Refusal } from './handshake.js'
import type { Lane } from './lane.js'
import { handshakePatienceOf } from './ways.js'

/** Who is told how a handshake ends: exactly one of the two is called, once. */
export interface HandshakeOutcome {
  /** Gives the connection to a lane; undefined when no lane takes it any more. */
  established(connection: Connection, established: Established): Lane | undefined
  failed(refusal: (Refusal & { readonly by: 'us' | 'peer' }) | undefined, error: Error | undefined): void
}

/** Owns a connection from its first byte: runs the handshake, then hands what arrives to the lane. */
export class Handshaking implements ConnectionHandler {
  readonly #machine: Machine<HandshakeInput, HandshakeEffect>
  readonly #clock: Clock
  readonly #outcome: HandshakeOutcome
  #connection: Connection | undefined
  #lane: Lane | undefined
  #over = false
  #cancelTimer: (() => void) | undefined

  constructor(machine: Machine<HandshakeInput, HandshakeEffect>, clock: Clock, outcome: HandshakeOutcome) {
    this.#machine = machine
    this.#clock = clock
    this.#outcome = outcome
  }

  /** The connection is open: the dialler speaks. */
  begin(connection: Connection): void {
    if (this.#over) return connection.destroy()
    this.#connection = connection
    this.#cancelTimer = waitFor(this.#clock, handshakePatienceOf(connection), () => this.#step({ type: 'timeout' }))
    this.#step({ type: 'open', exporter: connection.security?.exporter })
  }

  /** Ends the handshake from this side, without a word. */
  abandon(): void {
    if (this.#end()) this.#connection?.close('abandoned')
  }

  received(chunk: Uint8Array): void {
    const connection = this.#connection
    if (this.#lane !== undefined) this.#lane.received(connection as Connection, chunk)
    else if (connection !== undefined) this.#step({ type: 'chunk', chunk })
  }

  drained(): void {
    this.#lane?.drained(this.#connection as Connection)
  }

  closed(error?: Error): void {
    if (this.#lane !== undefined) {
      this.#lane.lost(this.#connection as Connection, error?.message ?? 'the connection was closed')
    } else if (this.#end()) {
      this.#outcome.failed(undefined, error ?? new Error('the connection was closed during the handshake'))
    }
  }

  /** Dialling failed: there is no connection. */
  unreachable(error: Error): void {
    if (this.#end()) this.#outcome.failed(undefined, error)
  }

  #step(input: HandshakeInput): void {
    if (this.#over) return
    const effects: HandshakeEffect[] = []
    this.#machine.step(input, this.#clock.now(), effects)
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: HandshakeEffect): void {
    const connection = this.#connection as Connection
    switch (effect.type) {
      case 'send':
        connection.send(effect.chunk)
        return
      case 'established': {
        if (!this.#end()) return
        connection.admit()
        this.#lane = this.#outcome.established(connection, effect)
        if (this.#lane === undefined) connection.close('abandoned')
        return
      }
      case 'failed': {
        if (!this.#end()) return
        const { by, code, text, known } = effect
        const refusal = known === undefined ? { by, code, text } : { by, code, text, known }
        connection.close(code === CloseCode.malformed ? text : undefined)
        this.#outcome.failed(refusal, undefined)
        return
      }
    }
  }

  /** Whether this call ended it. */
  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#cancelTimer?.()
    return true
  }
}
