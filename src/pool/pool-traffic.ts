import { OverflowError } from '../core/errors.js'
import { hashPartitionKey, streamOf } from '../core/stream.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { type FlushMessage, poolServer } from './pool-messages.js'
import { UnderWay } from './under-way.js'

/** Where messages of a stream, or of a causal label, go. */
type Route = Pick<ForwardOptions, 'channel' | 'partitionKey' | 'causalLabel'>

interface Traffic {
  readonly sends: UnderWay
  /**
   * A route of each stream, and of each causal label, that carried a message without `ack`: at most as many as all
   * channels have streams and a node has labels.
   */
  readonly routes: Map<string, Route>
  /** Ends when all has arrived that was asked about so far. */
  flushed: Promise<unknown>
}

const flush: FlushMessage = { type: 'flush' }
/** Milliseconds after which a flush that met a full queue is sent again. */
const flushAgainAfter = 50

/** What is on its way from the pools of this node to those of others, and its own, so that it can be waited for. */
export class PoolTraffic {
  readonly #manager: PeerServiceManager
  readonly #nodes = new Map<string, Traffic>()

  constructor(manager: PeerServiceManager) {
    this.#manager = manager
  }

  /** A message is sent: until it was acknowledged, or, where it is not to be, until it was written. */
  track(node: string, sending: Promise<void>): Promise<void> {
    return this.#of(node).sends.track(sending)
  }

  /** A message without `ack` goes to the node: nothing will tell when it has arrived. */
  unanswered(node: string, { channel = 'default', partitionKey = '', causalLabel }: Route): void {
    const { spec } = this.#manager
    // Of a label all come in order, on whatever stream, and may come later than what is behind them on theirs.
    if (causalLabel !== undefined) {
      this.#of(node).routes.set(`label ${causalLabel}`, { channel, partitionKey, causalLabel })
      return
    }
    const { parallelism = 1 } = spec.channels[channel] ?? {}
    const stream = parallelism === 1 ? 0 : streamOf(hashPartitionKey(partitionKey), parallelism)
    this.#of(node).routes.set(`${stream} ${channel}`, { channel, partitionKey })
  }

  /** Resolves when all that was sent to the node so far has arrived, or never will. */
  async flush(node: string): Promise<void> {
    const traffic = this.#nodes.get(node)
    if (traffic === undefined) return
    // What an earlier flush asks about is not asked about again, and may not have arrived.
    traffic.flushed = Promise.all([traffic.flushed, this.#flushRoutes(node, traffic)])
    await traffic.flushed
  }

  async #flushRoutes(node: string, { sends, routes }: Traffic): Promise<void> {
    await sends.ended()
    const asked = [...routes.values()]
    routes.clear()
    await Promise.all(asked.map(route => this.#flushRoute(node, route)))
  }

  /** Behind all others of the stream or label, and answered. A full queue is no reason not to ask, but to ask later. */
  async #flushRoute(node: string, route: Route): Promise<void> {
    const ack = { when: 'given', onDown: 'reject' } as const
    const { clock } = this.#manager
    for (;;) {
      try {
        return await this.#manager.forwardMessage(node, poolServer, flush, { ...route, ack })
      } catch (error) {
        // One of us is not there any more: nothing will arrive.
        if (!(error instanceof OverflowError)) return
      }
      await new Promise<void>(resolve => void clock.schedule(flushAgainAfter, resolve))
    }
  }

  /** The same, for all nodes. */
  async flushAll(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map(node => this.flush(node)))
  }

  /** The node is down: nothing of what was sent to it is on its way any more. */
  forget(node: string): void {
    this.#nodes.delete(node)
  }

  #of(node: string): Traffic {
    const known = this.#nodes.get(node)
    if (known !== undefined) return known
    const traffic: Traffic = { sends: new UnderWay(), routes: new Map(), flushed: Promise.resolve() }
    this.#nodes.set(node, traffic)
    return traffic
  }
}
