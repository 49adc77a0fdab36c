import { abortReason, onAbort } from '../core/abort.js'
import { InvalidOptionError } from '../core/errors.js'
import { checkKeys } from '../core/option-keys.js'
import type { Clock, Millis } from '../core/time.js'
import { hostAndPort } from './host-and-port.js'
import { MemoryConnection } from './memory-connection.js'
import { MemoryLink, type MemoryPath } from './memory-link.js'
import { MemoryWire } from './memory-wire.js'
import type { Address, Connection, ConnectionHandler, ListenAddress, Listener, Transport } from './transport.js'

/** What a network does between two hosts: asked anew for everything that travels. */
export interface NetworkConditions {
  /** How long the next parcel takes, one way. On one connection it never overtakes the one before it. */
  latency(from: string, to: string): Millis
  /** Whether nothing arrives for now. Call {@link MemoryNetwork.wake} when it ends. */
  holds(from: string, to: string): boolean
  /** What becomes of a dial that arrives. */
  dial(from: string, to: string): 'pass' | 'refuse' | 'hang'
}

/** How a memory network behaves. */
export interface MemoryNetworkOptions {
  /** How long everything takes from one end to the other. Default 0: the next turn. */
  readonly latency?: Millis
  /** What the network does between two hosts. Default: it carries everything after `latency`. */
  readonly conditions?: NetworkConditions
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
  readonly #options: Omit<Required<MemoryNetworkOptions>, 'latency'>
  readonly #listeners = new Map<string, Accept>()
  readonly #wires = new Set<MemoryWire>()
  #nextPort = 1

  /** @throws `InvalidOptionError` an option is none. */
  constructor(clock: Clock, options: MemoryNetworkOptions = {}) {
    checkKeys('options', options, ['latency', 'highWaterMark', 'lowWaterMark', 'closeTimeout', 'conditions'])
    const { latency = 0, highWaterMark = 1_048_576, lowWaterMark = 262_144, closeTimeout = 1000 } = options
    const { conditions = { latency: () => latency, holds: () => false, dial: () => 'pass' } } = options
    this.#clock = clock
    this.#options = { conditions, highWaterMark, lowWaterMark, closeTimeout }
  }

  /**
   * The connections that exist, and the dials under way, oldest first.
   *
   * @internal
   */
  get wires(): readonly MemoryWire[] {
    return [...this.#wires]
  }

  /** The conditions changed: whatever was held back is looked at again. */
  wake(): void {
    for (const wire of this.#wires) wire.wake()
  }

  /** Nobody listens at the host any more. */
  unlisten(host: string): void {
    for (const place of this.#listeners.keys()) if (hostOf(place) === host) this.#listeners.delete(place)
  }

  /**
   * The network forgets a connection whose ends will never be told of anything.
   *
   * @internal
   */
  forget(wire: MemoryWire): void {
    this.#wires.delete(wire)
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
    const place = placeOf(address)
    const wire = this.#wire(from, hostOf(place))
    const { forth, back } = wire
    return new Promise((resolve, reject) => {
      const unlisten = onAbort(signal, () => {
        back.receiver(() => {})
        forth.reset()
        this.#wires.delete(wire)
        reject(abortReason(signal))
      })
      back.receiver(({ type }) => {
        unlisten()
        if (type === 'open') {
          wire.near = this.#connection(address.url, forth, back, () => handler, wire)
          return resolve(wire.near)
        }
        this.#wires.delete(wire)
        reject(failure('ECONNREFUSED', `nobody listens on ${address.url}`))
      })
      forth.receiver(({ type }) => {
        if (type === 'open') this.#accept(wire, place)
      })
      forth.send({ type: 'open' })
    })
  }

  #wire(from: string, to: string): MemoryWire {
    const path = (one: string, other: string): MemoryPath => ({
      latency: () => this.#options.conditions.latency(one, other),
      holds: () => this.#options.conditions.holds(one, other),
    })
    const forth = new MemoryLink(this.#clock, path(from, to))
    const wire = new MemoryWire(from, to, forth, new MemoryLink(this.#clock, path(to, from)))
    this.#wires.add(wire)
    return wire
  }

  /** The far end of a dial: its outgoing link is the dialler's incoming one. */
  #accept(wire: MemoryWire, place: string): void {
    const { from, to, forth, back } = wire
    const accept = this.#listeners.get(place)
    const verdict = this.#options.conditions.dial(from, to)
    if (verdict === 'hang') return
    if (accept === undefined || verdict === 'refuse') return back.send({ type: 'refuse' })
    back.send({ type: 'open' })
    wire.far = this.#connection(`memory://${from}`, back, forth, accept, wire)
  }

  #connection(
    remote: string,
    outgoing: MemoryLink,
    incoming: MemoryLink,
    own: Accept,
    wire: MemoryWire,
  ): MemoryConnection {
    const ended = (): void => {
      if (wire.over) this.#wires.delete(wire)
    }
    return new MemoryConnection({ ...this.#options, remote, clock: this.#clock, outgoing, incoming, ended }, own)
  }
}

type Accept = (connection: Connection) => ConnectionHandler

function placeOf({ url }: Address): string {
  const { protocol, host } = URL.canParse(url) ? new URL(url) : { protocol: '', host: '' }
  if (protocol !== 'memory:') throw new InvalidOptionError('address', 'a memory:// URL', url)
  return host
}

/** A place without its port. */
function hostOf(place: string): string {
  return place.slice(0, place.lastIndexOf(':'))
}

/** As a system's network would say it. */
function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
