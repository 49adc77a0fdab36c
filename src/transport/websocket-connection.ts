import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import type { Clock, Millis } from '../core/time.js'
import type { Stranger, StrangerLimit } from './stranger-limits.js'
import type { Connection, ConnectionHandler, ConnectionSecurity } from './transport.js'
import { securityOf } from './websocket-security.js'

export interface WebSocketConnectionOptions {
  readonly socket: WebSocket
  /** The socket below it, TLS or not. */
  readonly stream: Socket
  readonly remote: string
  readonly clock: Clock
  readonly highWaterMark: number
  readonly lowWaterMark: number
  /** Whose limits apply until `admit`; absent when this end dialled, and so chose the other end. */
  readonly stranger?: Stranger
}

/**
 * ```text
 * open ── close() ──> closing ──┐
 *  ├───── destroy() ──> dropped ┼── the socket has closed ──> closed
 *  └───── fault, or the peer ───┘
 * ```
 * A fault is what the peer did wrong; the socket is on its way down then.
 */
type Phase = 'open' | 'closing' | 'dropped' | 'closed'

/** How long a closing handshake may take. */
export const closeTimeout: Millis = 1000

/**
 * After so many bytes other connections have their turn: the system would go on with one that has more to read for
 * megabytes, and small messages of others would wait behind large ones of this.
 */
const turnBytes = 262_144

/** A smaller chunk costs more to compress than it saves. */
const compressFrom = 1024

const orderlyCode = 1000
const orderlyWithReasonCode = 4000
const noCode = 1005
const lostCode = 1006
const notBinaryCode = 1003
const reasonBytes = 123

const plain = { binary: true, compress: false }
const compressed = { binary: true, compress: true }

/** One end of a WebSocket. A chunk is a binary message; nothing else is spoken. */
export class WebSocketConnection implements Connection {
  readonly remote: string
  readonly security?: ConnectionSecurity
  readonly #socket: WebSocket
  readonly #stream: Socket
  readonly #clock: Clock
  readonly #highWaterMark: number
  readonly #lowWaterMark: number
  readonly #compressible: boolean
  readonly #handler: ConnectionHandler
  #stranger: Stranger | undefined
  #admitted = false
  #phase: Phase = 'open'
  #blocked = false
  /**
   * Bytes of which it is not known that they have left. What the system took at once counts until others had their
   * turn: who sends without end lets them have it.
   */
  #waiting = 0
  /** What was sent waits for what is sent next. */
  #corked = false
  /** Bytes that were read since others had their turn. */
  #read = 0
  #isPaused = false
  /** What the peer did wrong. */
  #fault: Error | undefined
  /** Why the network gave up, where it said so. */
  #cause: Error | undefined
  #cancelTimeout: (() => void) | undefined

  constructor(options: WebSocketConnectionOptions, own: (connection: Connection) => ConnectionHandler) {
    const { socket, stream, stranger } = options
    const security = securityOf(stream)
    this.remote = options.remote
    if (security !== undefined) this.security = security
    this.#socket = socket
    this.#stream = stream
    this.#clock = options.clock
    this.#highWaterMark = options.highWaterMark
    this.#lowWaterMark = options.lowWaterMark
    this.#compressible = socket.extensions.includes('permessage-deflate')
    this.#stranger = stranger
    stream.setNoDelay(true)
    stream.on('error', error => {
      this.#cause ??= error
    })
    // Before the WebSocket sees the bytes, so that what is over the limit is not delivered any more.
    if (stranger !== undefined) stream.prependListener('data', this.#countBytes)
    socket.on('message', (data, isBinary) => this.#received(data, isBinary))
    socket.on('error', error => {
      this.#fault ??= error
    })
    socket.on('close', (code, reason) => this.#closed(code, reason))
    this.#handler = own(this)
  }

  send(chunk: Uint8Array, release?: (chunk: Uint8Array) => void, more = false): boolean {
    if (!this.#isOpen) return false
    const compress = this.#compressible && this.#admitted && chunk.length >= compressFrom
    this.#waiting += chunk.length
    // A call into the system for each chunk costs the sender, and wakes the receiver for each.
    if (more && !this.#corked) this.#stream.cork()
    this.#socket.send(chunk, compress ? compressed : plain, this.#sentOf(chunk, release))
    if (!more && this.#corked) this.#stream.uncork()
    this.#corked = more
    if (this.#waiting <= this.#highWaterMark) return true
    this.#blocked = true
    return false
  }

  admit(): void {
    this.#admitted = true
    this.#leaveStrangers()
  }

  pause(): void {
    if (this.#phase !== 'open') return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  close(reason = ''): void {
    if (this.#phase !== 'open') return
    this.#phase = 'closing'
    if (reason === '') this.#socket.close(orderlyCode)
    else this.#socket.close(orderlyWithReasonCode, cut(reason))
    // What still comes is of no interest, but the peer's goodbye stands behind it.
    this.#socket.resume()
    this.#cancelTimeout = this.#clock.schedule(closeTimeout, () => this.#socket.terminate())
  }

  destroy(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'dropped'
    this.#socket.terminate()
  }

  /** Ends the connection because its peer stayed a stranger. */
  turnAway(limit: StrangerLimit): void {
    this.#fault ??= new Error(`the peer met the limit for strangers: ${limit}`)
    this.#socket.terminate()
  }

  get #isOpen(): boolean {
    return this.#phase === 'open' && this.#fault === undefined && this.#socket.readyState === this.#socket.OPEN
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#phase !== 'open' || this.#fault !== undefined) return
    if (isBinary && data instanceof Uint8Array) {
      this.#handler.received(data)
      this.#read += data.length
      if (this.#read >= turnBytes) this.#yield()
      return
    }
    this.#fault = new Error('the peer sent text')
    this.#socket.close(notBinaryCode)
  }

  #yield(): void {
    this.#read = 0
    if (this.#phase !== 'open') return
    this.#socket.pause()
    this.#clock.defer(() => {
      if (!this.#isPaused) this.#socket.resume()
    })
  }

  /** What is done when the chunk has left. */
  #sentOf(chunk: Uint8Array, release: ((chunk: Uint8Array) => void) | undefined): (error?: Error | null) => void {
    return error => {
      this.#waiting -= chunk.length
      // After an error the socket may still hold them.
      if (!error) release?.(chunk)
      if (!this.#blocked || !this.#isOpen || this.#waiting > this.#lowWaterMark) return
      this.#blocked = false
      this.#handler.drained()
    }
  }

  readonly #countBytes = (): void => {
    this.#stranger?.read(this.#stream.bytesRead)
  }

  #leaveStrangers(): void {
    this.#stranger?.leave()
    this.#stranger = undefined
    this.#stream.off('data', this.#countBytes)
  }

  #closed(code: number, reason: Buffer): void {
    if (this.#phase === 'closed') return
    const error = this.#verdict(code, reason)
    this.#phase = 'closed'
    this.#cancelTimeout?.()
    this.#leaveStrangers()
    this.#handler.closed(error)
  }

  #verdict(code: number, reason: Buffer): Error | undefined {
    if (this.#phase === 'dropped') return undefined
    if (this.#fault !== undefined) return this.#fault
    if (code === lostCode) return this.#cause ?? new Error(this.#phase === 'closing' ? tooLate : lost)
    if (this.#phase === 'closing') return undefined
    if ((code === orderlyCode || code === noCode) && reason.length === 0) return undefined
    return new Error(`the other end closed: ${reason.length === 0 ? code : JSON.stringify(reason.toString())}`)
  }
}

const tooLate = 'the other end did not close in time'
const lost = 'the connection was lost'

/** What fits into a close frame, cut between two characters. */
function cut(reason: string): Buffer {
  const bytes = Buffer.from(reason)
  let end = Math.min(bytes.length, reasonBytes)
  while (end < bytes.length && isContinuation(bytes[end])) end--
  return bytes.subarray(0, end)
}

function isContinuation(byte = 0): boolean {
  return (byte & 0xc0) === 0x80
}
