import {
  fullMesh,
  hyParView,
  type PeerServiceManager,
  type PeerServiceOptions,
  SeededRandom,
  type Transport,
} from 'maquis'
import { MemoryNetwork, SimulatedClock } from 'maquis/testing'
import { carryOut } from '../remote.js'

// A process in which a cluster of whole nodes runs on simulated time, and does nothing.

/** A cluster comes to rest for so many milliseconds, and is then watched for as many. HyParView shuffles each 10 s. */
const overlays = {
  'full mesh': { make: fullMesh, millis: 10_000 },
  HyParView: { make: hyParView, millis: 20_000 },
} as const

export type OverlayName = keyof typeof overlays

export interface Cluster {
  readonly overlay: OverlayName
  readonly nodes: number
}

/** What each node sends in a second, on average: batches, and the bytes in them. */
export interface Traffic extends Cluster {
  readonly batches: number
  readonly bytes: number
  /** Peers that a node is connected with, on average. */
  readonly peers: number
}

/** Nodes join one after another, this far apart; simulated. */
const joinMillis = 20
const latencyMillis = 1

const tasks = {
  async idle({ overlay, nodes: count }: Cluster): Promise<Traffic> {
    const { make, millis } = overlays[overlay]
    const clock = new SimulatedClock({ base: new Date('2026-01-01T00:00:00Z') })
    const network = new MemoryNetwork(clock, { latency: latencyMillis })
    const random = new SeededRandom(count)
    const sent: Sent = { batches: 0, bytes: 0 }
    const nodes: PeerServiceManager[] = []
    for (let index = 0; index < count; index++) {
      const name = `n${index}`
      // Any of those that are there, as in a cluster that has several seeds.
      const seeds = index === 0 ? [] : [`memory://n${Math.floor(random.next() * index)}:1`]
      const options: PeerServiceOptions = {
        ...{ name, clock, seeds, listen: { host: name, port: 1 }, random: random.fork() },
        ...{ transport: network.transport(name), wrapTransport: transport => metered(transport, sent) },
      }
      nodes.push(await make(options).start())
      await clock.advanceAsync(joinMillis)
    }
    await clock.advanceAsync(millis)
    Object.assign(sent, { batches: 0, bytes: 0 })
    await clock.advanceAsync(millis)
    const { batches, bytes } = sent
    const per = (count * millis) / 1_000
    const peers = nodes.reduce((sum, node) => sum + node.members().length - 1, 0) / count
    return { overlay, nodes: count, peers, batches: batches / per, bytes: bytes / per }
  },
}

export type TrafficTasks = typeof tasks

carryOut(tasks)

interface Sent {
  batches: number
  bytes: number
}

/** Counts what arrives, which is all that was sent. */
function metered(transport: Transport, sent: Sent): Transport {
  type Handler = Parameters<Transport['dial']>[1]
  const meter = (handler: Handler): Handler => ({
    received(chunk) {
      sent.batches++
      sent.bytes += chunk.length
      handler.received(chunk)
    },
    drained: () => handler.drained(),
    closed: error => handler.closed(error),
  })
  return {
    schemes: transport.schemes,
    listen: (address, accept) => transport.listen(address, connection => meter(accept(connection))),
    dial: (address, handler, signal) => transport.dial(address, meter(handler), signal),
  }
}
