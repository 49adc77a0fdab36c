import { NotConnectedError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import type { Settler } from '../link/queue.js'
import type { Outgoing } from './outgoing.js'

/** The life of a node that was never met. */
export const unmetLife = 0

/**
 * What waits in the place of a message of a causal label whose node was never met: its number among those of the label
 * holds for one life of a node, which only the way there tells. It is for no life that there is, so it never leaves:
 * when the first is known it ends as meant for another, and the message goes to `sender`, with all that it asks for.
 */
export function introductionOf(
  outgoing: Outgoing,
  settler: Settler,
  clock: Clock,
  sender: { submit(outgoing: Outgoing): void },
): Outgoing {
  const { causalLabel: _, ...options } = outgoing.options ?? {}
  const again = (): void => {
    try {
      sender.submit(outgoing)
    } catch (error) {
      settler.failed(error as Error)
    }
  }
  const failed = (error: Error): void => {
    const isMet = error instanceof NotConnectedError && error.reason === 'restarted'
    // The link is being made anew.
    if (isMet) clock.defer(again)
    else settler.failed(error)
  }
  const waiting: Settler = { sent: () => settler.sent(), failed, awaited: settler.awaited !== false }
  return { ...outgoing, options, extra: { ...outgoing.extra, life: unmetLife }, settler: waiting }
}
