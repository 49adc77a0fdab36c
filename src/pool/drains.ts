import { membershipChannel } from '../core/channel.js'
import { OverflowError } from '../core/errors.js'
import type { Millis } from '../core/time.js'
import type { PeerServiceManager } from '../manager/manager.js'
import { SettledLater } from '../manager/settled-later.js'
import { type DrainMessage, poolServer } from './pool-messages.js'
import type { PoolTraffic } from './pool-traffic.js'

const drain: DrainMessage = { type: 'drain' }
/** Milliseconds after which a node is asked again that could not be asked because of a full queue. */
const askAgainAfter = 50

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
    await Promise.all([...nodes].map(node => this.#ask(node, until)))
  }

  async #ask(node: string, until: Millis): Promise<void> {
    const { clock } = this.#manager
    const ack = { when: 'handled', onDown: 'reject' } as const
    while (clock.now() < until) {
      const timeout = until - clock.now()
      try {
        return await this.#manager.forwardMessage(node, poolServer, drain, { channel: membershipChannel, ack, timeout })
      } catch (error) {
        // It is not there any more, or has no pools, or the time is over.
        if (!(error instanceof OverflowError)) return
      }
      await new Promise<void>(resolve => void clock.schedule(askAgainAfter, resolve))
    }
  }

  /** A node asks. The first of its questions that wait for an answer keeps no credit, so that nothing waits for it. */
  answer(node: string): Promise<void> | SettledLater {
    const arrived = this.#traffic.flush(node)
    if (this.#waiting.has(node)) return arrived
    this.#waiting.add(node)
    return new SettledLater(arrived.finally(() => this.#waiting.delete(node)))
  }
}
