import { InvalidOptionError } from '../core/errors.js'
import { checkKeys } from '../core/option-keys.js'
import { SeededRandom } from '../core/random.js'
import type {
  Address,
  Connection,
  ConnectionHandler,
  ConnectionSecurity,
  ListenAddress,
  Listener,
  Transport,
} from './transport.js'

/** When connections are dropped. The names are those of Wallaroo's Spike. */
export interface SpikeOptions {
  /** The chance that an operation drops its connection, from 0 to 1. Default 0.001. */
  readonly prob?: number
  /**
   * The operation of a connection that may drop it first: smaller ones are safe, so that there is progress. 0 and 1:
   * any may, the dial included. Default 10, with which a handshake always gets through.
   */
  readonly margin?: number
  /** A whole number. Equal seeds drop equal operations. */
  readonly seed: number
}

/** Puts a dropper of connections before a transport. Throws an `InvalidOptionError`. */
export function spike(transport: Transport, options: SpikeOptions): Spike {
  return new Spike(transport, options)
}

/**
 * A transport that drops connections by chance, in the manner of Wallaroo's Spike (its release 0.4.3).
 *
 * An operation is a dial, its success, a connection that is accepted, a chunk that is sent, and a chunk that is
 * received; failed dials, ends, pauses and drains are none. Each connection throws dice of its own, given to it in the
 * order in which connections are begun, once for each operation: so the seed and the operations of a connection alone
 * decide which of them drops it. A chunk that was received is handed on all the same; one that was to be sent is lost.
 * The owner is told as if the network had lost the connection.
 */
export class Spike implements Transport {
  readonly schemes: readonly string[]
  readonly #transport: Transport
  readonly #prob: number
  readonly #margin: number
  readonly #random: SeededRandom
  #drops = 0

  constructor(transport: Transport, options: SpikeOptions) {
    checkKeys('options', options, ['prob', 'margin', 'seed'])
    const { prob = 0.001, margin = 10, seed } = options
    if (!(typeof prob === 'number' && prob >= 0 && prob <= 1)) {
      throw new InvalidOptionError('prob', 'a number from 0 to 1', prob)
    }
    if (!(Number.isSafeInteger(margin) && margin >= 0)) throw new InvalidOptionError('margin', 'a whole number', margin)
    if (!Number.isSafeInteger(seed)) throw new InvalidOptionError('seed', 'a whole number', seed)
    this.schemes = transport.schemes
    this.#transport = transport
    this.#prob = prob
    this.#margin = margin
    this.#random = new SeededRandom(seed)
  }

  /** Connections dropped so far, dials included. */
  get drops(): number {
    return this.#drops
  }

  listen(address: ListenAddress, accept: (connection: Connection) => ConnectionHandler): Promise<Listener> {
    return this.#transport.listen(address, inner => {
      const end = new SpikedEnd(this.#dice())
      end.owner = accept(end.attach(inner))
      end.opened()
      return end
    })
  }

  async dial(address: Address, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted()
    const dice = this.#dice()
    if (dice()) throw dropped()
    const end = new SpikedEnd(dice)
    end.owner = handler
    const connection = end.attach(await this.#transport.dial(address, end, signal))
    end.opened()
    return connection
  }

  #dice(): () => boolean {
    const random = this.#random.fork()
    let operations = 0
    return () => {
      operations++
      // Thrown below the margin too, as Wallaroo does: another margin does not change what comes after it.
      const hit = random.next() < this.#prob && operations >= this.#margin
      if (hit) this.#drops++
      return hit
    }
  }
}

/**
 * ```text
 * open ──── the dice ────> dropped ──> ended
 *  └── the owner, the peer or the network ──┘
 * ```
 */
type Phase = 'open' | 'dropped' | 'ended'

/** Stands between a connection and its owner, and throws the dice for each operation. */
class SpikedEnd implements ConnectionHandler {
  /** Set before anything is received. */
  owner: ConnectionHandler | undefined
  readonly #dice: () => boolean
  #inner: Connection | undefined
  #phase: Phase = 'open'

  constructor(dice: () => boolean) {
    this.#dice = dice
  }

  /** Returns what the owner is given of the connection. */
  attach(inner: Connection): Connection {
    this.#inner = inner
    return new SpikedConnection(inner, this)
  }

  /** The connection is there, and its owner too. */
  opened(): void {
    // What came with the answer to a dial may have dropped it already.
    if (this.#phase === 'dropped') this.#inner?.destroy()
    else this.operate()
  }

  /** One operation. Whether the connection survives it. */
  operate(): boolean {
    if (this.#phase !== 'open') return false
    if (!this.#dice()) return true
    this.#phase = 'dropped'
    this.#inner?.destroy()
    return false
  }

  /** The owner ends the connection itself. */
  end(): void {
    this.#phase = 'ended'
  }

  received(chunk: Uint8Array): void {
    if (this.#phase !== 'open') return
    const hit = this.#dice()
    // Before the chunk is handed on, so that nothing which answers it is sent any more.
    if (hit) this.#phase = 'dropped'
    this.owner?.received(chunk)
    if (hit) this.#inner?.destroy()
  }

  drained(): void {
    if (this.#phase === 'open') this.owner?.drained()
  }

  closed(error?: Error): void {
    const why = this.#phase === 'dropped' ? dropped() : error
    this.#phase = 'ended'
    this.owner?.closed(why)
  }
}

/** What the owner sees of a connection. */
class SpikedConnection implements Connection {
  readonly remote: string
  readonly security?: ConnectionSecurity
  readonly #inner: Connection
  readonly #end: SpikedEnd

  constructor(inner: Connection, end: SpikedEnd) {
    this.remote = inner.remote
    if (inner.security !== undefined) this.security = inner.security
    this.#inner = inner
    this.#end = end
  }

  send(chunk: Uint8Array, release?: (chunk: Uint8Array) => void, more?: boolean): boolean {
    return this.#end.operate() && this.#inner.send(chunk, release, more)
  }

  admit(): void {
    this.#inner.admit()
  }

  pause(): void {
    this.#inner.pause()
  }

  resume(): void {
    this.#inner.resume()
  }

  close(reason?: string): void {
    this.#end.end()
    this.#inner.close(reason)
  }

  destroy(): void {
    this.#end.end()
    this.#inner.destroy()
  }
}

/** As a system's network says it of a connection that was lost. */
function dropped(): Error {
  return Object.assign(new Error('ECONNRESET: dropped on purpose'), { code: 'ECONNRESET' })
}
