import type { NodeName } from '../core/node.js'
import type { Clock } from '../core/time.js'
import type { Connection, ConnectionHandler, ConnectionSecurity } from '../transport/transport.js'

export interface CircuitConnectionOptions {
  /** The other end. */
  readonly node: NodeName
  readonly clock: Clock
  /** Sends a chunk along the circuit; `sent` is called when it is with the next node, or never will be. */
  write(chunk: Uint8Array, sent: () => void): void
  /** Closes the circuit; `drop`: with all that waits to be sent. */
  close(reason: string, drop: boolean): void
}

/** Above this many bytes that wait for the next node, `send` returns false. */
const highWaterMark = 262_144
/** Below this, `drained` is called. */
const lowWaterMark = 65_536

/** A chunk that came while its reader paused; `taken` returns the credit of the node that it came from. */
interface Held {
  readonly chunk: Uint8Array
  readonly taken: () => void
}

/** One end of a circuit, as a connection like any other. */
export class CircuitConnection implements Connection {
  readonly remote: string
  readonly relayed = true
  /** Neighbours have shown each other certificates: those on the way vouch for who the other end is. */
  readonly security: ConnectionSecurity
  readonly #options: CircuitConnectionOptions
  readonly #held: Held[] = []
  #handler: ConnectionHandler | undefined
  #open = true
  #waiting = 0
  #blocked = false
  #paused = false

  constructor(options: CircuitConnectionOptions) {
    this.#options = options
    this.remote = `relay:${options.node}`
    this.security = { names: [options.node], exporter: undefined }
  }

  /** Gives it its owner. */
  own(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  send(chunk: Uint8Array): boolean {
    if (!this.#open) return false
    const { length } = chunk
    this.#waiting += length
    let within = true
    this.#options.write(chunk, () => {
      this.#waiting -= length
      this.#relieve(within)
    })
    within = false
    if (this.#waiting > highWaterMark) this.#blocked = true
    return !this.#blocked
  }

  admit(): void {}

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    while (!this.#paused && this.#open) {
      const next = this.#held.shift()
      if (next === undefined) return
      next.taken()
      this.#handler?.received(next.chunk)
    }
  }

  close(reason = 'closed'): void {
    this.#end(reason, false)
  }

  destroy(): void {
    this.#end('destroyed', true)
  }

  /** A chunk came. Resolves when its reader has taken it, if that is later. */
  received(chunk: Uint8Array): PromiseLike<void> | undefined {
    if (!this.#open) return undefined
    if (this.#paused || this.#held.length > 0) {
      return new Promise(taken => this.#held.push({ chunk, taken }))
    }
    this.#handler?.received(chunk)
    return undefined
  }

  /** The circuit was closed, not by this end. */
  ended(reason: string): void {
    if (!this.#open) return
    this.#release()
    this.#handler?.closed(new Error(reason))
  }

  #end(reason: string, drop: boolean): void {
    if (!this.#open) return
    this.#release()
    this.#options.close(reason, drop)
    this.#options.clock.defer(() => this.#handler?.closed())
  }

  #release(): void {
    this.#open = false
    for (const { taken } of this.#held.splice(0)) taken()
  }

  /** The owner is never called from within its own call. */
  #relieve(within: boolean): void {
    if (!this.#blocked || !this.#open || this.#waiting > lowWaterMark) return
    this.#blocked = false
    if (within) this.#options.clock.defer(() => this.#handler?.drained())
    else this.#handler?.drained()
  }
}
