import { InvalidOptionError } from '../core/errors.js'
import type { Clock, Millis } from '../core/time.js'
import { hostAndPort } from './host-and-port.js'
import { MemoryConnection } from './memory-connection.js'
import { MemoryLink } from './memory-link.js'
import type { Address, Connection, ConnectionHandler, ListenAddress, Listener, Transport } from './transport.js'

/** How a memory network behaves. */
export interface MemoryNetworkOptions {
  /** How long everything takes from one end to the other. Default 0: the next turn. */
  readonly latency?: Millis
  /** Above this many bytes in flight or unread, `send` returns false. Default 1 MiB. */
  readonly highWaterMark?: number
  /** Below this, `drained` is called. Default 256 KiB. */
  readonly lowWaterMark?: number
  /** How long `close` waits for the other end. Default 1 s. */
  readonly closeTimeout?: Millis
}

/**
 * A network inside one process, on a given clock: on a simulated one it is deterministic. Everyone who shares the
 * network reaches everyone else on it; two networks know nothing of each other.
 *
 * Nobody is a stranger in one's own process, so there are no limits for strangers and `admit` does nothing.
 */
export class MemoryNetwork {
  readonly #clock: Clock
  readonly #options: Required<MemoryNetworkOptions>
  readonly #listeners = new Map<string, Accept>()
  #nextPort = 1

  constructor(
    clock: Clock,
    { latency = 0, highWaterMark = 1_048_576, lowWaterMark = 262_144, closeTimeout = 1000 }: MemoryNetworkOptions = {},
  ) {
    this.#clock = clock
    this.#options = { latency, highWaterMark, lowWaterMark, closeTimeout }
  }

  /** A transport on this network. `host` says where it dials from, for people and for faults. */
  transport(host = 'nowhere'): Transport {
    return {
      schemes: ['memory'],
      listen: async (address, accept) => this.#listen(address, accept),
      dial: async (address, handler, signal) => this.#dial(host, address, handler, signal),
    }
  }

  #listen({ host, port }: ListenAddress, accept: Accept): Listener {
    const place = hostAndPort(host, port === 0 ? this.#freePort(host) : port)
    if (this.#listeners.has(place)) throw failure('EADDRINUSE', `somebody listens on memory://${place} already`)
    this.#listeners.set(place, accept)
    return {
      url: `memory://${place}`,
      close: async () => {
        if (this.#listeners.get(place) === accept) this.#listeners.delete(place)
      },
    }
  }

  #freePort(host: string): number {
    while (this.#listeners.has(hostAndPort(host, this.#nextPort))) this.#nextPort++
    return this.#nextPort++
  }

  #dial(from: string, address: Address, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted()
    const to = placeOf(address)
    const { latency } = this.#options
    const outgoing = new MemoryLink(this.#clock, latency)
    const incoming = new MemoryLink(this.#clock, latency)
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        incoming.receiver(() => {})
        outgoing.reset()
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort, { once: true })
      incoming.receiver(({ type }) => {
        signal.removeEventListener('abort', abort)
        if (type === 'open') resolve(this.#connection(address.url, outgoing, incoming, () => handler))
        else reject(failure('ECONNREFUSED', `nobody listens on ${address.url}`))
      })
      outgoing.receiver(({ type }) => {
        if (type === 'open') this.#accept(`memory://${from}`, to, incoming, outgoing)
      })
      outgoing.send({ type: 'open' })
    })
  }

  /** The far end of a dial: its outgoing link is the dialler's incoming one. */
  #accept(remote: string, place: string, outgoing: MemoryLink, incoming: MemoryLink): void {
    const accept = this.#listeners.get(place)
    outgoing.send({ type: accept === undefined ? 'refuse' : 'open' })
    if (accept !== undefined) this.#connection(remote, outgoing, incoming, accept)
  }

  #connection(remote: string, outgoing: MemoryLink, incoming: MemoryLink, own: Accept): MemoryConnection {
    return new MemoryConnection({ ...this.#options, remote, clock: this.#clock, outgoing, incoming }, own)
  }
}

type Accept = (connection: Connection) => ConnectionHandler

function placeOf({ url }: Address): string {
  const { protocol, host } = URL.canParse(url) ? new URL(url) : { protocol: '', host: '' }
  if (protocol !== 'memory:') throw new InvalidOptionError('address', 'a memory:// URL', url)
  return host
}

/** As a system's network would say it. */
function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
