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
  /** A peer that is away stays wanted no longer than that for messages that wait for it. */
  readonly heldFor: Millis
  /** Requests to that node without an answer. */
  pending(node: NodeName): number
  /** Whether there may be nodes in its cluster that this node does not know. */
  isPartial(): boolean
}

/**
 * Relayed connections, and direct ones that the overlay no longer wants, over which nothing went for so long are
 * closed.
 */
const idleMillis: Millis = 60_000
/** A way that breaks, or of which not everybody tells, again and again, is looked for so long. */
const patienceMillis: Millis = 5_000

/** Peers that stay wanted for messages alone: what waits for further ones ends when the overlay lets go of them. */
const heldMax = 64

/** What is known of a peer that is reached through others, if at all, or kept connected for what goes over it. */
interface Sought {
  /** Cancels the end of the search for a way; undefined while there is one. */
  search: (() => void) | undefined
  /** The overlay wanted the connection, and no longer does. */
  released: boolean
  /** It stays wanted nevertheless, for messages that outlast connections. */
  held: boolean
  /** When the last cut between the two was gone. */
  healedAt: Instant
}

/** What went over a link. */
interface Use {
  traffic: number
  /** When that last changed, as far as regular care tells. */
  at: Instant
}

/**
 * Decides for which peers ways through other nodes are kept: those that messages with `transitive` are sent to. And for
 * which peers connections stay that the overlay no longer wants: those that are in use.
 */
export class Seeker {
  readonly #context: SeekerContext
  readonly #sought = new Map<Link, Sought>()
  readonly #uses = new Map<Link, Use>()

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
    this.#search(link, this.#noted(link))
    this.#uses.set(link, { traffic: trafficOf(link), at: now })
    link.tell({ type: 'sought', sought: true })
    this.#context.hub.seek(link)
    return true
  }

  /**
   * The overlay wants no connection to that peer any more. `open`: something goes over what is open, which stays until
   * nothing did for a while. `wanted`: messages that outlast connections are not settled, and it is dialled until they
   * are.
   */
  keep(link: Link): 'no' | 'open' | 'wanted' {
    const { phase, wanted, sought } = link.state
    const isOpen = phase === 'up' && (wanted || link.pinned) && this.#isUsed(link, this.#context.clock.now())
    const isHeld = wanted && isOwed(link) && this.#isFree
    if (!isOpen && !isHeld) return 'no'
    const noted = this.#noted(link)
    noted.released = true
    if (isOpen && !sought) link.tell({ type: 'sought', sought: true })
    if (!isHeld) return 'open'
    noted.held = true
    this.#seekAnew(link)
    return 'wanted'
  }

  /** A connection is lost. The last one, of a peer that the other end alone wanted, may be needed all the same. */
  laneClosed(link: Link): void {
    if (link.openLanes > 0) return
    // It stayed for what went over it: that does not all go through other nodes.
    const isKept = link.state.sought && this.#sought.get(link)?.released === true
    if (isKept && !isRelayable(link)) link.tell({ type: 'sought', sought: false })
    const { phase, wanted, sought } = link.state
    const isKnown = wanted || sought || link.pinned || phase === 'left'
    if (isKnown || !isOwed(link) || !this.#isFree) return
    const noted = this.#noted(link)
    noted.released = true
    noted.held = true
    link.tell({ type: 'wanted', wanted: true })
    this.#seekAnew(link)
  }

  /** The overlay wants a connection to that peer. */
  wanted(link: Link): void {
    const sought = this.#sought.get(link)
    if (sought === undefined) return
    sought.released = false
    sought.held = false
    if (!link.state.sought) this.#drop(link)
  }

  /** The cut between the two is gone: a way can be looked for again. */
  healed(link: Link): void {
    const sought = this.#sought.get(link)
    if (sought !== undefined) sought.healedAt = this.#context.clock.now()
    if (link.state.sought && !link.state.direct) this.#context.hub.seek(link)
  }

  /** There is a connection. */
  reached(link: Link): void {
    const sought = this.#sought.get(link)
    sought?.search?.()
    if (sought !== undefined) sought.search = undefined
  }

  /** A dial through other nodes failed: who waits for it alone is told, unless another try is worth it. */
  unreached(lane: Lane, error: Error): void {
    const { link } = lane
    const sought = this.#sought.get(link)
    if (sought === undefined || link.state.direct) return
    this.#search(link, sought)
    // Not everybody has answered: the way may be through those who have not.
    const isFinal = error instanceof NoRouteError ? error.reason !== 'time' : isPermanent(error)
    if (isFinal) this.#fail(link, [lane], error)
  }

  /** Those who wait for a way, and for nothing else, are told that there is none. `lanes`: where it is missing. */
  #fail(link: Link, lanes: readonly Lane[], error: Error): void {
    // A member that was never connected is waited for, as by other messages.
    if (link.state.verdict === 'send') return
    // Where the peer is reached, it is this channel that others on the way lack.
    const isReached = link.openLanes > 0
    // What was sent before its overlay let go of it waits, as for a member that is down.
    const isHeld = this.#sought.get(link)?.held === true
    const ends = (entry: Waiting): boolean => isImpatient(entry) && (!isHeld || entry.patience === 'up')
    const entries = isReached ? lanes.flatMap(lane => lane.queue.removeWhere(ends)) : link.takeQueued(ends)
    this.#context.counters.add('undelivered', entries.length)
    for (const { settler } of entries) settler?.failed(error)
    if (link.openLanes === 0 && !this.#isAwaited(link)) this.forget(link)
  }

  #noted(link: Link): Sought {
    const known = this.#sought.get(link)
    if (known !== undefined) return known
    const sought: Sought = { search: undefined, released: false, held: false, healedAt: 0 }
    this.#sought.set(link, sought)
    return sought
  }

  /** A search is under way: it ends after a while. */
  #search(link: Link, sought: Sought): void {
    const { clock, limits } = this.#context
    sought.search ??= clock.schedule(patienceMillis, () => {
      sought.search = undefined
      const missing = [...link.lanes()].filter(lane => lane.phase !== 'open')
      if (!link.state.direct) this.#fail(link, missing, new NoRouteError(link.name, 'time', limits.hops))
    })
  }

  /** Nobody seeks it any more: what leads to it through others, or was kept for what went over it, is closed. */
  forget(link: Link): void {
    const sought = this.#sought.get(link)
    this.#drop(link)
    if (sought?.held === true) link.tell({ type: 'wanted', wanted: false })
    const released = sought?.released === true && !link.state.wanted && !link.pinned
    link.tell({ type: 'sought', sought: false })
    for (const lane of [...link.lanes()])
      if (lane.relayed || released) lane.close('disconnected', 'nothing goes over it')
  }

  /** Regular care: ways that nobody uses. */
  tick(): void {
    const { clock, hub } = this.#context
    const now = clock.now()
    for (const link of hub.links.values()) if (link.openLanes > 0) this.#isUsed(link, now)
    for (const link of this.#uses.keys()) if (hub.links.get(link.name) !== link) this.#uses.delete(link)
    for (const [link, sought] of [...this.#sought]) {
      if (hub.links.get(link.name) !== link) this.#drop(link)
      else if (sought.released && this.#hold(link, sought, now)) continue
      else if (!link.state.sought || !this.#isUsed(link, now)) this.forget(link)
    }
  }

  /** A life of this node ends. */
  clear(): void {
    for (const link of [...this.#sought.keys()]) this.#drop(link)
    this.#uses.clear()
  }

  /** Whether a peer of which the overlay let go is dialled for what it owes, from now on or as before. */
  #hold(link: Link, sought: Sought, now: Instant): boolean {
    const { phase, wanted } = link.state
    const { held } = sought
    if (!held && (wanted || link.pinned || phase === 'left' || !this.#isFree)) return false
    const since = phase === 'up' || phase === 'cut' ? now : Math.max(sought.healedAt, lostAt(link))
    if (!isOwed(link) || now - since >= this.#context.heldFor) {
      if (!held) return false
      sought.held = false
      link.tell({ type: 'wanted', wanted: false })
      // Where something is open it stays for a while.
      if (phase !== 'up') this.forget(link)
      return true
    }
    sought.held = true
    if (!wanted) link.tell({ type: 'wanted', wanted: true })
    if (!link.state.direct) this.#seekAnew(link)
    return true
  }

  get #isFree(): boolean {
    let held = 0
    for (const sought of this.#sought.values()) if (sought.held) held++
    return held < heldMax
  }

  /** Where messages that may go through other nodes wait, a way is looked for. */
  #seekAnew(link: Link): void {
    if (isRelayable(link)) this.seek(link)
  }

  #drop(link: Link): void {
    this.#sought.get(link)?.search?.()
    this.#sought.delete(link)
  }

  /** Whether something goes over it, is about to, or did a while ago. */
  #isUsed(link: Link, now: Instant): boolean {
    const use = this.#uses.get(link) ?? { traffic: 0, at: Number.NEGATIVE_INFINITY }
    const traffic = trafficOf(link)
    if (traffic !== use.traffic || this.#isAwaited(link)) use.at = now
    use.traffic = traffic
    this.#uses.set(link, use)
    return now - use.at < idleMillis
  }

  #isAwaited(link: Link): boolean {
    for (const { budget } of link.channels.values()) {
      if (budget.bytes > 0 || budget.pinned > 0 || budget.blocked > 0) return true
    }
    for (const lane of link.lanes()) if (lane.handling) return true
    return this.#context.pending(link.name) > 0
  }
}

/** Whether messages that outlast connections are not settled. */
function isOwed({ channels }: Link): boolean {
  for (const { budget, lanes } of channels.values()) {
    if (budget.pinned > 0 || lanes.some(({ queue }) => queue.some(outlasts))) return true
  }
  return false
}

/** Whether messages wait that may go through other nodes. */
function isRelayable(link: Link): boolean {
  for (const { queue } of link.lanes()) if (queue.some(({ transitive }) => transitive === true)) return true
  return false
}

function outlasts({ patience }: Waiting): boolean {
  return patience !== 'up'
}

/** When its last connection was lost. */
function lostAt(link: Link): Instant {
  let at: Instant = 0
  for (const { closedAt } of link.lanes()) at = Math.max(at, closedAt)
  return at
}

function trafficOf({ channels }: Link): number {
  let traffic = 0
  for (const channel of channels.values()) traffic += channel.traffic
  return traffic
}

/** Whether a message waits for a way, and for nothing else. */
function isImpatient({ transitive, patience, sequence }: Waiting): boolean {
  return transitive === true && patience !== 'always' && sequence === 0
}
