import type { NodeName } from '../../core/node.js'
import type { Random } from '../../core/random.js'
import type { Millis } from '../../core/time.js'
import type { SimulatedClock } from '../simulation/simulated-clock.js'

export interface BusNetworkOptions {
  readonly clock: SimulatedClock
  readonly random: Random
  /** Messages take at least, and at most, so long. */
  readonly latency: readonly [least: Millis, most: Millis]
}

/** What lies between the nodes of a bus: connections, each with a number, that keep their order and can break. */
export class BusNetwork {
  readonly #options: BusNetworkOptions
  readonly #apart = new Set<string>()
  /** When the last of what was sent in each direction of a connection arrives. */
  readonly #arrivals = new Map<string, number>()
  readonly #broken = new Set<number>()
  #connections = 0

  constructor(options: BusNetworkOptions) {
    this.#options = options
  }

  /** Nodes of different groups do not reach each other from now, whatever was said before. Gives the pairs. */
  split(groups: readonly (readonly string[])[]): [string, string][] {
    this.#apart.clear()
    const pairs = groups.flatMap((group, index) => {
      const others = groups.slice(index + 1).flat()
      return group.flatMap(one => others.map((other): [string, string] => [one, other]))
    })
    for (const [one, other] of pairs) this.#apart.add(`${one} ${other}`).add(`${other} ${one}`)
    return pairs
  }

  reaches(from: string, to: string): boolean {
    return !this.#apart.has(`${from} ${to}`)
  }

  /** A new connection. */
  open(): number {
    return ++this.#connections
  }

  /** What is under way on the connection is lost, and whatever is sent on it from now. */
  break(connection: number): void {
    this.#broken.add(connection)
  }

  /** Runs `fn` at the far end of the connection, after whatever was sent there before; never on one that breaks. */
  along(connection: number, to: NodeName, fn: () => void): void {
    const { clock } = this.#options
    const direction = `${connection} ${to}`
    const arrival = Math.max(this.#arrivals.get(direction) ?? 0, clock.now() + this.latency())
    this.#arrivals.set(direction, arrival)
    clock.schedule(arrival - clock.now(), () => {
      if (!this.#broken.has(connection)) fn()
    })
  }

  latency(): Millis {
    const { latency, random } = this.#options
    const [least, most] = latency
    return least + random.next() * (most - least)
  }
}
