import { hashPartitionKey, streamOf } from '../core/stream.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { ask } from './ask.js'
import { Joined } from './joined.js'
import { flush } from './pool-messages.js'
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
  /** What an earlier flush asks about is not asked about again, and may not have arrived: one waits for the other. */
  readonly flushes: Joined
}

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

  /** A message without `ack` was written, of those that are tracked: nothing will tell when it has arrived. */
  unanswered(node: string, { channel = 'default', partitionKey = '', causalLabel }: Route): void {
    const routes = this.#nodes.get(node)?.routes
    // Of a label all come in order, on whatever stream, and may come later than what is behind them on theirs.
    if (causalLabel !== undefined) {
      routes?.set(`label ${causalLabel}`, { channel, partitionKey, causalLabel })
      return
    }
    const { parallelism = 1 } = this.#manager.spec.channels[channel] ?? {}
    const stream = parallelism === 1 ? 0 : streamOf(hashPartitionKey(partitionKey), parallelism)
    routes?.set(`${stream} ${channel}`, { channel, partitionKey })
  }

  /** Resolves when all that was sent to the node so far has arrived, or never will. */
  async flush(node: string): Promise<void> {
    await this.#nodes.get(node)?.flushes.run()
  }

  async #flushRoutes(node: string, sends: UnderWay, routes: Map<string, Route>): Promise<void> {
    await sends.ended()
    const asked = [...routes.values()]
    routes.clear()
    // Behind all others of the stream or label.
    await Promise.all(asked.map(route => ask(this.#manager, node, flush, route)))
  }

  /** The same, for all nodes. */
  async flushAll(): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map(node => this.flush(node)))
  }

  /** The node is down: what was sent to it is not on its way any more. */
  forget(node: string): void {
    this.#nodes.delete(node)
  }

  #of(node: string): Traffic {
    const known = this.#nodes.get(node)
    if (known !== undefined) return known
    const sends = new UnderWay()
    const routes = new Map<string, Route>()
    const traffic: Traffic = { sends, routes, flushes: new Joined(() => this.#flushRoutes(node, sends, routes)) }
    this.#nodes.set(node, traffic)
    return traffic
  }
}
