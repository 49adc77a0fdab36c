import { FrameKind, Release } from '../codec/codec.js'
import type { ChannelMap } from '../core/channel.js'
import { NotConnectedError } from '../core/errors.js'
import { NoRouteError } from '../core/no-route-error.js'
import { type Incarnation, isNodeName, type NodeName } from '../core/node.js'
import type { Clock, Millis } from '../core/time.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import { outlasts, type Waiting } from '../link/queue.js'
import { isPermanent } from '../link/refusals.js'
import { maySeek, type PeerFacts, Retention, type RetentionEffect, type RetentionInput } from '../link/retention.js'
import type { Counters } from './counters.js'

export interface SeekerContext {
  readonly hub: LinkHub
  readonly clock: Clock
  readonly limits: Limits
  readonly channelMap: ChannelMap
  readonly counters: Counters
  /** A peer that is away is held no longer than that for messages that wait for it. */
  readonly heldFor: Millis
  /** Requests to that node without an answer. */
  pending(node: NodeName): number
  /** Whether there may be nodes in its cluster that this node does not know. */
  isPartial(): boolean
}

/** Where a way is missing, and why. */
interface Failure {
  readonly lanes: readonly Lane[]
  readonly error: Error
}

/** Looks for ways to peers, and keeps those that are in use: does what {@link Retention} decides. */
export class Seeker {
  readonly #context: SeekerContext
  readonly #retention: Retention<Link>
  readonly #effects: RetentionEffect<Link>[] = []
  /** Cancels the ends of searches. */
  readonly #searches = new Map<Link, () => void>()

  constructor(context: SeekerContext) {
    this.#context = context
    this.#retention = new Retention(context.heldFor)
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
    if (!isRelayable) return new NotConnectedError(node, 'stranger')
    const fix = 'join it first, or pass transitive: true to go through others'
    return new NotConnectedError(node, 'stranger', `is not a member: ${fix}`)
  }

  /** That the way to a node was lost, or the search for one given up: there may be another. */
  lost(node: NodeName): NoRouteError {
    return new NoRouteError(node, 'time', this.#context.limits.hops)
  }

  /** A message that may be relayed is for that peer, to which there is no direct connection. False: it may not go. */
  seek(link: Link): boolean {
    const { phase, sought } = link.state
    if (!maySeek(phase)) return false
    if (!sought) this.#step({ type: 'seek', peer: link, facts: this.#factsOf(link) })
    return true
  }

  /** The overlay wants a connection to that peer. */
  wanted(link: Link): void {
    this.#step({ type: 'wanted', peer: link, facts: this.#factsOf(link) })
  }

  /** And does not any more: what is not in use is closed. */
  unwanted(link: Link): void {
    this.#step({ type: 'unwanted', peer: link, facts: this.#factsOf(link) })
  }

  /** A connection is lost. */
  laneClosed(link: Link): void {
    if (link.openLanes === 0) this.#step({ type: 'lost', peer: link, facts: this.#factsOf(link) })
  }

  /** The cut between the two is gone: a way can be looked for again. */
  healed(link: Link): void {
    this.#step({ type: 'healed', peer: link, facts: this.#factsOf(link) })
  }

  /** There is a connection. */
  reached(link: Link): void {
    this.#step({ type: 'reached', peer: link })
  }

  /** A dial through other nodes failed: who waits for it alone is told, unless another try is worth it. */
  unreached(lane: Lane, error: Error): void {
    const { link } = lane
    // Not everybody has answered: the way may be through those who have not.
    const isFinal = error instanceof NoRouteError ? error.reason !== 'time' : isPermanent(error)
    const input = { type: 'unreached', peer: link, facts: this.#factsOf(link), isFinal } as const
    this.#step(input, { lanes: [lane], error })
  }

  /** The peer asks whether the connections may be closed, or says that they may not. */
  released(link: Link, release: number): void {
    const type = release === Release.ask ? 'asked' : 'refused'
    this.#step({ type, peer: link, facts: this.#factsOf(link) })
  }

  /** Another life of it was asked nothing. */
  restarted(link: Link): void {
    this.#step({ type: 'refused', peer: link, facts: this.#factsOf(link) })
  }

  /** Nobody is to reach it any more: what leads to it through others, or was kept for what went over it, is closed. */
  forget(link: Link): void {
    this.#step({ type: 'forget', peer: link, facts: this.#factsOf(link) })
  }

  /** Regular care: ways that nobody uses. */
  tick(): void {
    const { links } = this.#context.hub
    for (const peer of links.values()) {
      if (peer.openLanes > 0) this.#step({ type: 'used', peer, facts: this.#useOf(peer) })
    }
    for (const peer of this.#retention.peers) {
      if (links.get(peer.name) !== peer) this.#step({ type: 'gone', peer })
    }
    for (const peer of this.#retention.kept) this.#step({ type: 'tick', peer, facts: this.#factsOf(peer) })
  }

  /** A life of this node ends. */
  clear(): void {
    for (const peer of this.#retention.peers) {
      this.#step({ type: 'gone', peer })
      peer.tell({ type: 'sought', sought: false })
    }
  }

  /** `failure`: what those who wait for a way are told of; by default that the search took too long. */
  #step(input: RetentionInput<Link>, failure?: Failure): void {
    const effects = this.#effects
    const start = effects.length
    this.#retention.step(input, this.#context.clock.now(), effects)
    for (const effect of effects.splice(start)) this.#carryOut(effect, failure)
  }

  #carryOut(effect: RetentionEffect<Link>, failure: Failure | undefined): void {
    const { peer } = effect
    switch (effect.type) {
      case 'tell':
        return peer.tell(effect.input)
      case 'unpin':
        peer.pinned = false
        return
      case 'look':
        return this.#context.hub.seek(peer)
      case 'arm':
        return this.#arm(peer, effect.after)
      case 'disarm':
        this.#searches.get(peer)?.()
        this.#searches.delete(peer)
        return
      case 'fail':
        this.#fail(peer, effect.held, failure ?? this.#late(peer))
        return this.#step({ type: 'failed', peer, facts: this.#factsOf(peer) })
      case 'release':
        return this.#release(peer)
      case 'close':
        if (effect.direct) return peer.close('disconnected', 'nothing goes over it')
        for (const lane of [...peer.lanes()]) {
          if (lane.relayed) lane.close('disconnected', 'nothing goes over it')
        }
        return
      case 'ask':
        tell(peer, Release.ask)
        return hold(peer, true)
      case 'refuse':
        return tell(peer, Release.refuse)
      case 'resume':
        return hold(peer, false)
      case 'reopen':
        for (const lane of peer.lanes()) this.#context.hub.wantLane(lane)
        return
      case 'part':
        return peer.close('disconnected', 'not wanted', lane => lane.connection === undefined || !lane.relayed)
      case 'count':
        return this.#context.counters.add(effect.what)
    }
  }

  #arm(peer: Link, after: Millis): void {
    const cancel = this.#context.clock.schedule(after, () => {
      this.#searches.delete(peer)
      this.#step({ type: 'expired', peer, facts: this.#factsOf(peer) })
    })
    this.#searches.set(peer, cancel)
  }

  #late(link: Link): Failure {
    const lanes = [...link.lanes()].filter(lane => lane.phase !== 'open')
    return { lanes, error: this.lost(link.name) }
  }

  /** Those who wait for a way, and for nothing else, are told that there is none. */
  #fail(link: Link, held: boolean, { lanes, error }: Failure): void {
    // Where the peer is reached, it is this channel that others on the way lack.
    const isReached = link.openLanes > 0
    // What was sent before its overlay let go of it waits, as for a member that is down.
    // Who gave a time of their own wait as long as that, while there may be a way.
    const isOpenEnded = error instanceof NoRouteError && error.reason === 'time'
    const ends = (entry: Waiting): boolean =>
      isImpatient(entry) && (!held || !outlasts(entry)) && !(isOpenEnded && isTimed(entry))
    const entries = isReached ? lanes.flatMap(lane => lane.queue.removeWhere(ends)) : link.takeQueued(ends)
    this.#context.counters.add('undelivered', entries.length)
    for (const { settler } of entries) settler?.failed(error)
  }

  #release(link: Link): void {
    const entries = link.takeQueued(({ transitive }) => transitive !== true)
    this.#context.counters.add('undelivered', entries.length)
    for (const { settler } of entries) settler?.failed(this.stranger(link.name))
  }

  #factsOf(link: Link): PeerFacts {
    const { phase, verdict, wanted, sought, direct } = link.state
    return {
      ...{
        phase,
        verdict,
        wanted,
        sought,
        direct,
        pinned: link.pinned,
        open: link.openLanes > 0,
        moving: isMoving(link),
      },
      ...{ ...this.#useOf(link), owed: isOwed(link), relayable: isRelayable(link), awaySince: link.awaySince },
    }
  }

  #useOf(link: Link): Pick<PeerFacts, 'traffic' | 'awaited'> {
    return { traffic: trafficOf(link), awaited: this.#isAwaited(link) }
  }

  #isAwaited(link: Link): boolean {
    for (const { budget } of link.channels.values()) {
      if (budget.bytes > 0 || budget.pinned > 0 || budget.blocked > 0) return true
    }
    for (const lane of link.lanes()) if (lane.handling) return true
    return this.#context.pending(link.name) > 0
  }
}

/** On one lane: where nothing goes over any of them, nothing can overtake it. */
function tell(link: Link, release: number): void {
  for (const { phase, outbound } of link.lanes()) {
    if (phase === 'open') return void outbound.controlNumbers(FrameKind.release, release)
  }
}

/** Keeps messages back on all lanes, or lets them go on. */
function hold(link: Link, asked: boolean): void {
  link.asked = asked
  const isCut = link.state.phase === 'cut'
  for (const { outbound } of link.lanes()) outbound.hold(asked || isCut)
}

function isMoving(link: Link): boolean {
  for (const { moving } of link.lanes()) if (moving) return true
  return false
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

function trafficOf({ channels }: Link): number {
  let traffic = 0
  for (const channel of channels.values()) traffic += channel.traffic
  return traffic
}

/** Whether its caller said until when it may wait. */
function isTimed({ extra }: Waiting): boolean {
  return extra?.expires !== undefined
}

/** Whether a message waits for a way, and for nothing else. */
function isImpatient({ transitive, patience, sequence }: Waiting): boolean {
  return transitive === true && patience !== 'always' && patience !== 'unsent' && sequence === 0
}
