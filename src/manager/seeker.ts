import type { ChannelMap } from '../core/channel.js'
import { NotConnectedError } from '../core/errors.js'
import { NoRouteError } from '../core/no-route-error.js'
import { type Incarnation, isNodeName, type NodeName } from '../core/node.js'
import type { Clock, Instant, Millis } from '../core/time.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import type { Waiting } from '../link/queue.js'
import { isPermanent } from '../link/refusals.js'
import type { Counters } from './counters.js'

export interface SeekerContext {
  readonly hub: LinkHub
  readonly clock: Clock
  readonly limits: Limits
  readonly channelMap: ChannelMap
  readonly counters: Counters
  /** Requests to that node without an answer. */
  pending(node: NodeName): number
  /** Whether there may be nodes in its cluster that this node does not know. */
  isPartial(): boolean
}

/** Relayed connections over which nothing went for so long are closed. */
const idleMillis: Millis = 60_000
/** A way that breaks again and again is looked for so long. */
const patienceMillis: Millis = 5_000

/** What is known of a peer that is reached through others, if at all. */
interface Sought {
  /** When a way began to be looked for; undefined while there is one. */
  since: Instant | undefined
  /** When its traffic last changed. */
  busyAt: Instant
  traffic: number
}

/** Decides for which peers ways through other nodes are kept: those that messages with `transitive` are sent to. */
export class Seeker {
  readonly #context: SeekerContext
  readonly #sought = new Map<Link, Sought>()

  constructor(context: SeekerContext) {
    this.#context = context
  }

  /** The link to a node of which nothing is known. Throws where there can be none. */
  find(node: string): Link {
    const { hub, limits, channelMap } = this.#context
    if (!isNodeName(node)) throw new NotConnectedError(node, 'stranger')
    if (hub.links.size >= limits.peers) throw new NoRouteError(node, 'busy', limits.hops)
    // It is taken to have our channels, so that messages on them can wait for it.
    const unmet = { name: node, incarnation: 0 as Incarnation, version: 0, addresses: [], channels: channelMap }
    return hub.ensure(unmet)
  }

  /** That nothing may go to a node that is no peer, and whether it might with `transitive`. */
  stranger(node: string): NotConnectedError {
    const links = [...this.#context.hub.links.values()]
    const isRelayable = this.#context.isPartial() && links.some(({ state }) => state.direct)
    return new NotConnectedError(node, 'stranger', isRelayable)
  }

  /** A message that may be relayed is for that peer, to which there is no direct connection. False: it may not go. */
  seek(link: Link): boolean {
    const { phase } = link.state
    if (phase === 'cut' || phase === 'left') return false
    if (link.state.sought) return true
    const now = this.#context.clock.now()
    this.#sought.set(link, { since: now, busyAt: now, traffic: 0 })
    link.tell({ type: 'sought', sought: true })
    this.#context.hub.seek(link)
    return true
  }

  /** The cut between the two is gone: a way can be looked for again. */
  healed(link: Link): void {
    if (link.state.sought && !link.state.direct) this.#context.hub.seek(link)
  }

  /** There is a connection. */
  reached(link: Link): void {
    const sought = this.#sought.get(link)
    if (sought !== undefined) sought.since = undefined
  }

  /** A dial through other nodes failed: who waits for it alone is told, unless another way is worth a try. */
  unreached(lane: Lane, error: Error): void {
    const { clock, limits } = this.#context
    const { link } = lane
    const sought = this.#sought.get(link)
    if (sought === undefined || link.state.direct) return
    sought.since ??= clock.now()
    const isFinal = error instanceof NoRouteError || isPermanent(error) || clock.now() - sought.since >= patienceMillis
    // A member that was never connected is waited for, as by other messages.
    if (!isFinal || link.state.verdict === 'send') return
    // Where the peer is reached, it is this channel that others on the way lack.
    const entries = link.openLanes > 0 ? lane.queue.removeWhere(isImpatient) : link.takeQueued(isImpatient)
    this.#context.counters.add('undelivered', entries.length)
    const why =
      error instanceof NoRouteError || isPermanent(error) ? error : new NoRouteError(link.name, 'time', limits.hops)
    for (const { settler } of entries) settler?.failed(why)
    if (link.openLanes === 0 && !this.#isAwaited(link)) this.forget(link)
  }

  /** Nobody seeks it any more: what leads to it through others is closed. */
  forget(link: Link): void {
    this.#sought.delete(link)
    link.tell({ type: 'sought', sought: false })
    for (const lane of [...link.lanes()]) if (lane.relayed) lane.close('disconnected', 'nothing goes over it')
  }

  /** Regular care: ways that nobody uses. */
  tick(): void {
    const { clock, hub } = this.#context
    const now = clock.now()
    for (const [link, sought] of this.#sought) {
      let traffic = 0
      for (const channel of link.channels.values()) traffic += channel.traffic
      if (traffic !== sought.traffic || this.#isAwaited(link)) sought.busyAt = now
      sought.traffic = traffic
      if (hub.links.get(link.name) !== link) this.#sought.delete(link)
      else if (!link.state.sought || now - sought.busyAt >= idleMillis) this.forget(link)
    }
  }

  /** A life of this node ends. */
  clear(): void {
    this.#sought.clear()
  }

  #isAwaited(link: Link): boolean {
    for (const { budget } of link.channels.values()) if (budget.bytes > 0 || budget.blocked > 0) return true
    return this.#context.pending(link.name) > 0
  }
}

/** Whether a message waits for a way, and for nothing else. */
function isImpatient({ transitive, patience, sequence }: Waiting): boolean {
  return transitive === true && patience !== 'always' && sequence === 0
}
