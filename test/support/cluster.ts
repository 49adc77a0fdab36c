import {
  type Connection,
  type ConnectionHandler,
  fullMesh,
  type PeerServiceManager,
  type PeerServiceOptions,
  SeededRandom,
  type Transport,
  type Untyped,
} from '../../src/index.js'
import { MemoryNetwork, type MemoryNetworkOptions, SimulatedClock } from '../../src/testing/testing.js'

/** One end of a connection, at the node `at`. */
interface End {
  readonly at: string
  readonly peer: string
  readonly connection: Connection
}

export interface ClusterOptions {
  readonly network?: MemoryNetworkOptions
  /** For every node; what a node is given of its own counts more. */
  readonly options?: PeerServiceOptions
  /** The overlay. Default: the full mesh. */
  readonly make?: MakeManager
}

/** A factory of managers, such as `fullMesh`. */
export type MakeManager = <Servers>(options: PeerServiceOptions) => PeerServiceManager<Servers>

/** Whole managers on one simulated network and clock. Each node listens at a host of its own name. */
export class Cluster {
  readonly clock: SimulatedClock = new SimulatedClock({ base: new Date('2026-01-01T00:00:00Z') })
  readonly #network: MemoryNetwork
  readonly #options: PeerServiceOptions
  readonly #make: MakeManager
  readonly #random = new SeededRandom(7)
  #ends: End[] = []
  readonly #broken = new Set<string>()

  constructor({ network = {}, options = {}, make = fullMesh }: ClusterOptions = {}) {
    this.#network = new MemoryNetwork(this.clock, network)
    this.#options = options
    this.#make = make
  }

  /** A node that was not started. */
  node<Servers = Untyped>(name: string, options: PeerServiceOptions = {}): PeerServiceManager<Servers> {
    const random = this.#random.fork()
    const bytes = this.#random.fork()
    return this.#make<Servers>({
      ...{ name, listen: { host: name, port: 1 }, clock: this.clock, random, transport: this.transport(name) },
      entropy: { bytes: count => Uint8Array.from({ length: count }, () => Math.floor(bytes.next() * 256)) },
      ...this.#options,
      ...options,
    })
  }

  async start<Servers = Untyped>(name: string, options?: PeerServiceOptions): Promise<PeerServiceManager<Servers>> {
    return this.settle(this.node<Servers>(name, options).start())
  }

  /** Started nodes of these names, each fully connected with each. */
  async mesh<Servers = Untyped>(
    names: readonly string[],
    options?: PeerServiceOptions,
  ): Promise<PeerServiceManager<Servers>[]> {
    const nodes: PeerServiceManager<Servers>[] = []
    for (const name of names) nodes.push(await this.start<Servers>(name, options))
    const [first, ...others] = nodes
    for (const other of others) if (first !== undefined) await this.settle(other.syncJoin(first.spec))
    await this.until(() => nodes.every(node => names.every(name => node.isFullyConnected(name))))
    return nodes
  }

  /** Two connected nodes, `a` and `b`. */
  async pair<Servers = Untyped>(
    options?: PeerServiceOptions,
  ): Promise<[PeerServiceManager<Servers>, PeerServiceManager<Servers>]> {
    const [a, b] = await this.mesh<Servers>(['a', 'b'], options)
    if (a === undefined || b === undefined) throw new Error('a mesh of two has two nodes')
    return [a, b]
  }

  /** Lets time pass until `condition` holds; fails after `within` virtual milliseconds. */
  async until(condition: () => boolean, within = 60_000): Promise<void> {
    const deadline = this.clock.now() + within
    const end = await this.clock.runAsync({ until: () => condition() || this.clock.now() > deadline })
    if (!condition()) throw new Error(`not within ${within} ms (${end}): ${String(condition)}`)
  }

  /** Lets time pass until the promise settles, and gives what it settled with. */
  async settle<Value>(promise: Promise<Value>, within = 60_000): Promise<Value> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    await this.until(() => settled, within)
    return promise
  }

  /** Lets time pass until the promise rejects, and gives the reason. */
  async failure(promise: Promise<unknown>, within?: number): Promise<unknown> {
    return this.settle(
      promise.then(
        value => {
          throw new Error(`it did not reject, but resolved with ${String(value)}`)
        },
        (error: unknown) => error,
      ),
      within,
    )
  }

  /** Lets so much time pass. */
  async pass(millis: number): Promise<void> {
    await this.clock.advanceAsync(millis)
  }

  /** Lets everything happen that is due now. */
  async turn(): Promise<void> {
    await this.clock.advanceAsync(0)
  }

  /** Breaks every connection between two nodes, once. */
  sever(one: string, other: string): void {
    for (const { connection } of this.#between(one, other)) connection.destroy()
  }

  /** The ends at `at` of its connections with `peer`, oldest first. */
  ends(at: string, peer: string): Connection[] {
    return this.#between(at, peer)
      .filter(end => end.at === at)
      .map(({ connection }) => connection)
  }

  /** Nothing passes between the two any more: chunks are lost, dials are refused. */
  split(one: string, other: string): void {
    this.#broken.add(`${one} ${other}`).add(`${other} ${one}`)
  }

  /** The network is whole again; connections that lost something are gone. */
  heal(): void {
    for (const pair of this.#broken) {
      const [one = '', other = ''] = pair.split(' ')
      this.sever(one, other)
    }
    this.#broken.clear()
  }

  /** The receiving ends at `at` of what `peer` sends read nothing until they are resumed. */
  stall(at: string, peer: string): { resume(): void } {
    const ends = this.ends(at, peer)
    for (const connection of ends) connection.pause()
    return {
      resume: () => {
        for (const connection of ends) connection.resume()
      },
    }
  }

  /** What a node of that name sees of the network. */
  transport(name: string): Transport {
    const inner = this.#network.transport(name)
    return {
      schemes: inner.schemes,
      listen: (address, accept) =>
        inner.listen(address, connection => {
          const peer = connection.remote.slice('memory://'.length)
          this.#ends.push({ at: name, peer, connection })
          return this.#handler(name, peer, accept(connection), () => connection)
        }),
      dial: async (address, handler, signal) => {
        const { hostname: peer } = new URL(address.url)
        if (this.#broken.has(`${name} ${peer}`)) throw new Error(`no route to ${peer}`)
        let own: Connection | undefined
        const connection = await inner.dial(
          address,
          this.#handler(name, peer, handler, () => own),
          signal,
        )
        own = connection
        this.#ends.push({ at: name, peer, connection })
        return connection
      },
    }
  }

  #between(one: string, other: string): End[] {
    return this.#ends.filter(({ at, peer }) => (at === one && peer === other) || (at === other && peer === one))
  }

  #handler(at: string, peer: string, handler: ConnectionHandler, own: () => Connection | undefined): ConnectionHandler {
    return {
      received: chunk => {
        if (!this.#broken.has(`${peer} ${at}`)) handler.received(chunk)
      },
      drained: () => handler.drained(),
      closed: error => {
        const connection = own()
        this.#ends = this.#ends.filter(end => end.connection !== connection)
        handler.closed(error)
      },
    }
  }
}

/** Everything that the emitter tells under these names, in order. */
export function record(
  node: Pick<PeerServiceManager, 'events'>,
  ...names: readonly Parameters<PeerServiceManager['events']['on']>[0][]
): unknown[][] {
  const told: unknown[][] = []
  for (const name of names) node.events.on(name, (...args: unknown[]) => void told.push([name, ...args]))
  return told
}
