import { OverflowError } from '../core/errors.js'
import type { Millis } from '../core/time.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { type DrainMessage, type FlushMessage, poolServer } from './pool-messages.js'

/** Milliseconds after which a node is asked again that could not be asked because of a full queue. */
const askAgainAfter = 50

/**
 * Asks the pools of a node. Resolves when they have answered, or never will (the node is gone, or has none). A full
 * queue is no reason not to ask, but to ask later, before that time of the clock.
 */
export async function ask(
  manager: PeerServiceManager,
  node: string,
  question: DrainMessage | FlushMessage,
  route: Pick<ForwardOptions, 'channel' | 'partitionKey' | 'causalLabel'>,
  until: () => Millis = () => Number.POSITIVE_INFINITY,
): Promise<void> {
  const { clock } = manager
  const ack = { when: 'handled', onDown: 'reject' } as const
  while (clock.now() < until()) {
    try {
      return await manager.forwardMessage(node, poolServer, question, { ...route, ack })
    } catch (error) {
      if (!(error instanceof OverflowError)) return
    }
    await new Promise<void>(resolve => void clock.schedule(askAgainAfter, resolve))
  }
}
