import type { Acknowledgement } from '../codec/acknowledgement-frame.js'
import { UnknownOutcomeError } from '../core/errors.js'
import { isHeld } from '../fault/interposition.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'
import type { Waiting } from '../link/queue.js'
import { AckedArrivals } from './acked-arrivals.js'
import { Inboxes } from './inboxes.js'
import type { IncomingContext } from './incoming.js'
import { Outboxes } from './outboxes.js'

export interface AcknowledgementsContext extends IncomingContext {
  readonly hub: LinkHub
  /** Peers of which it is remembered what they sent. */
  readonly peers: number
}

/** Both ends of messages with `ack`, and what the links tell them. */
export class Acknowledgements {
  readonly outboxes: Outboxes
  readonly arrivals: AckedArrivals
  readonly #inboxes: Inboxes
  readonly #context: AcknowledgementsContext

  constructor(context: AcknowledgementsContext) {
    this.#context = context
    this.outboxes = new Outboxes(context.clock)
    this.#inboxes = new Inboxes(context.peers)
    this.arrivals = new AckedArrivals({ ...context, inboxes: this.#inboxes })
  }

  /** The peer tells what it has settled. */
  acknowledged(lane: Lane, acknowledgement: Acknowledgement): void {
    const { counters, interpositions, delays } = this.#context
    const { link, channel } = lane
    // When the cut is healed everything is sent again.
    if (link.state.phase === 'cut') return counters.add('faulted')
    if (!interpositions.active) return this.outboxes.acknowledged(lane, acknowledgement)
    const outcome = this.#context.judge({
      ...{ direction: 'receive', peer: link.name, channel: channel.name, kind: 'ack' },
      ...{ server: undefined, message: undefined },
    })
    if (outcome.copies === 0) {
      counters.add('faulted')
      return this.outboxes.missed(lane)
    }
    lane.heard()
    const { incarnation } = link.spec
    const goOn = (): void => {
      // Held for long, it may speak for a life that is over.
      if (link.spec.incarnation === incarnation) this.outboxes.acknowledged(lane, acknowledgement)
    }
    if (!isHeld(outcome)) goOn()
    else if (delays.hold(outcome, goOn) === undefined) this.outboxes.missed(lane)
  }

  /** The peer numbers the streams of this lane anew. */
  renumbered(lane: Lane): void {
    this.#inboxes.forget(lane)
  }

  healed(link: Link): void {
    this.outboxes.healed(link)
    this.arrivals.healed(link)
  }

  /** What was sent to a peer, and will not be acknowledged any more, ends. */
  lost(link: Link, because: string): void {
    for (const { settler } of this.outboxes.end(link))
      settler?.failed(new UnknownOutcomeError(link.name, 'message', because))
  }

  /** The node stops: takes out what was sent to that peer. */
  takeAll(link: Link): Waiting[] {
    return this.outboxes.end(link)
  }

  /** A life of this node ends: what it took of others is forgotten. */
  clear(): void {
    this.arrivals.clear()
  }
}
