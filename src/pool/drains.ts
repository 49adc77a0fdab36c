import { membershipChannel } from '../core/channel.js'
import type { Millis } from '../core/time.js'
import type { PeerServiceManager } from '../manager/manager.js'
import { SettledLater } from '../manager/settled-later.js'
import { ask } from './ask.js'
import type { DrainMessage } from './pool-messages.js'
import type { PoolTraffic } from './pool-traffic.js'

const drain: DrainMessage = { type: 'drain' }

/**
 * Who leaves waits for what others had sent to it before they knew, and they alone can tell when that has arrived. They
 * are asked by a message of its own: the answer may take as long as a handler, and what is told of pools does not wait.
 */
export class Drains {
  readonly #manager: PeerServiceManager
  readonly #traffic: PoolTraffic
  /** The nodes that wait for an answer whose question keeps no credit. */
  readonly #waiting = new Set<string>()

  constructor(manager: PeerServiceManager, traffic: PoolTraffic) {
    this.#manager = manager
    this.#traffic = traffic
  }

  /** Resolves when all that these nodes had sent here has arrived, or never will, or at that time of the clock. */
  async ask(nodes: Iterable<string>, until: Millis): Promise<void> {
    const route = { channel: membershipChannel }
    await Promise.all([...nodes].map(node => ask(this.#manager, node, drain, route, until)))
  }

  /** A node asks. The first of its questions that wait for an answer keeps no credit, so that nothing waits for it. */
  answer(node: string): Promise<void> | SettledLater {
    const arrived = this.#traffic.flush(node)
    if (this.#waiting.has(node)) return arrived
    this.#waiting.add(node)
    return new SettledLater(arrived.finally(() => this.#waiting.delete(node)))
  }
}
