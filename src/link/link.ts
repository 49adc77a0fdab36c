import type { Acknowledgement } from '../codec/acknowledgement-frame.js'
import type { CausalFloor, CausalQuery } from '../codec/causal-frames.js'
import type { Close } from '../codec/handshake-frames.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import {
  type ChannelMap,
  type ChannelName,
  type ChannelOptions,
  membershipChannel,
  negotiateChannels,
} from '../core/channel.js'
import { compareSpecs, type NodeName, type NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import type { Clock, Instant, Millis } from '../core/time.js'
import type { BatchBuffers } from './batch-buffers.js'
import { LinkChannel } from './channel.js'
import type { Flusher } from './flusher.js'
import { Heartbeat, type HeartbeatEffect, type HeartbeatOptions } from './heartbeat.js'
import type { IncomingExtra } from './inbound.js'
import type { Lane } from './lane.js'
import type { LaneDialler } from './lane-dialler.js'
import type { Limits } from './limits.js'
import { type PeerEffect, type PeerInput, PeerState, type QueueEnd } from './peer-state.js'
import { outlasts, type Patience, type Tracker, type Waiting } from './queue.js'

/** Why a peer is no longer up. */
export type DownReason = 'lost' | 'cut' | 'left' | 'restarted'

/** Who is told what happens on the links of a node. Everything is told synchronously, in order. */
export interface LinkHandler {
  up(link: Link): void
  down(link: Link, reason: DownReason): void
  /** The first connection that leads through no other node is open: told before `up`, if that is told too. */
  met(link: Link): void
  /** The last of these is gone, or cut: told before `down`, if that is told too. */
  parted(link: Link): void
  /** The round trip to the peer was measured anew, on its control lane. */
  measured(link: Link, millis: Millis): void
  channelUp(link: Link, channel: ChannelName): void
  channelDown(link: Link, channel: ChannelName): void
  /** A new incarnation takes the old one's place: what belonged to the old one ends. */
  restarted(link: Link): void
  /** Requests without an answer end. */
  failRequests(link: Link, why: 'down' | 'cut' | 'left'): void
  /** Messages that waited here end. */
  failQueued(link: Link, entries: readonly Waiting[], why: QueueEnd): void
  /** Messages that wait for the peer elsewhere end, too, as far as `isOver` says so. */
  failHeld(link: Link, isOver: (message: Patience) => boolean, why: QueueEnd): void
  laneOpened(lane: Lane): void
  laneClosed(lane: Lane, reason: string): void
  /** The other end has opened the lane too. */
  confirmed(lane: Lane): void
  message(
    lane: Lane,
    server: string,
    payload: unknown,
    extra: IncomingExtra | undefined,
  ): PromiseLike<unknown> | undefined
  reply(lane: Lane, id: number, isError: boolean, payload: unknown): void
  acknowledged(lane: Lane, acknowledgement: Acknowledgement): void
  causalQuery(lane: Lane, query: CausalQuery): void
  causalFloor(lane: Lane, floor: CausalFloor): void
  /** Who keeps what is sent over a channel until it is acknowledged. */
  tracker(channel: LinkChannel): Tracker
  /** The peer begins to number the streams of this lane anew: it forgot what it sent before. */
  renumbered(lane: Lane): void
  strategy(link: Link, value: unknown): void
  fault(link: Link, value: unknown): void
  /** The peer asks whether all may be closed, or says that it may not: see {@link Release}. */
  released(link: Link, release: number): void
  closedByPeer(lane: Lane, close: Close): void
  violated(lane: Lane, rule: 'malformed' | 'credit', detail: string): void
  emptied(lane: Lane): void
  duplicate(lane: Lane): void
  /** Whether any interposition wants to see heartbeats: then nothing else counts as a sign of life. */
  readonly interposed: boolean
  heartbeatPasses(link: Link, direction: 'forward' | 'receive'): boolean
}

/** What the links of one node share. */
export interface LinkSettings {
  readonly clock: Clock
  readonly random: Random
  readonly flusher: Flusher
  readonly buffers: BatchBuffers
  readonly limits: Limits
  /** For values of our own. */
  readonly valueLimits: ValueLimits
  /** For values of peers: wider where peers are trusted. */
  readonly peerValueLimits: ValueLimits
  readonly channels: Readonly<Record<string, ChannelOptions>>
  readonly heartbeat: HeartbeatOptions
  /** What our own spec tells of our channels. */
  readonly channelMap: ChannelMap
}

/** Everything between this node and one peer, across the peer's incarnations. */
export class Link {
  readonly name: NodeName
  readonly settings: LinkSettings
  readonly handler: LinkHandler
  readonly #dialler: LaneDialler
  readonly state: PeerState = new PeerState()
  /** The user asked for a connection without membership. */
  pinned = false
  /** It was asked whether all connections may be closed: nothing is dialled, and messages are kept back. */
  asked = false
  /** When it was last up or cut off, or a life of it became known; when it became known, if neither ever was. */
  awaySince: Instant
  #spec: NodeSpec
  #channels: ReadonlyMap<ChannelName, LinkChannel>
  readonly #stale: NodeSpec[] = []
  #openLanes = 0
  /** How many of them lead through other nodes. */
  #relayedLanes = 0
  readonly #heartbeat: Heartbeat
  #tickedAt: Instant
  readonly #effects: PeerEffect[] = []
  readonly #beats: HeartbeatEffect[] = []

  constructor(spec: NodeSpec, settings: LinkSettings, handler: LinkHandler, dialler: LaneDialler) {
    this.name = spec.name
    this.settings = settings
    this.handler = handler
    this.#dialler = dialler
    this.#spec = spec
    this.#channels = this.#negotiate()
    this.#heartbeat = new Heartbeat(settings.heartbeat)
    this.#tickedAt = this.awaySince = settings.clock.now()
  }

  /** Takes the specs out that a newer one replaced, oldest first. */
  takeStale(): NodeSpec[] {
    return this.#stale.splice(0)
  }

  /** The newest spec known of it. */
  get spec(): NodeSpec {
    return this.#spec
  }

  /** The negotiated channels. */
  get channels(): ReadonlyMap<ChannelName, LinkChannel> {
    return this.#channels
  }

  /** The lane that carries the overlay's own messages, and is opened first. */
  get control(): Lane {
    return (this.#channels.get(membershipChannel) as LinkChannel).lanes[0] as Lane
  }

  get openLanes(): number {
    return this.#openLanes
  }

  /** Open lanes that lead through no other node. */
  get directLanes(): number {
    return this.#openLanes - this.#relayedLanes
  }

  /** Every negotiated lane is open here, and known to be open there; none leads through other nodes. */
  get complete(): boolean {
    for (const channel of this.#channels.values()) {
      for (const lane of channel.lanes) if (lane.phase !== 'open' || !lane.confirmed || lane.relayed) return false
    }
    return true
  }

  *lanes(): Iterable<Lane> {
    for (const channel of this.#channels.values()) yield* channel.lanes
  }

  /** Takes a newer spec. A new incarnation ends everything that belonged to the old one. */
  learn(spec: NodeSpec): void {
    if (compareSpecs(spec, this.#spec) <= 0) return
    const restarted = spec.incarnation !== this.#spec.incarnation
    this.#stale.push(this.#spec)
    if (this.#stale.length > staleSpecsMax) this.#stale.shift()
    this.#spec = spec
    if (restarted) this.#restart()
  }

  /** Tells the state machine what happened, and does what follows. */
  tell(input: PeerInput): void {
    const effects = this.#effects
    const start = effects.length
    const { phase, direct: wasDirect } = this.state
    const wasCut = phase === 'cut'
    const now = this.settings.clock.now()
    this.state.step(input, now, effects)
    const isCut = this.state.phase === 'cut'
    if (wasCut || phase === 'up' || input.type === 'restarted') this.awaySince = now
    if (isCut !== wasCut) for (const lane of this.lanes()) lane.outbound.hold(isCut || this.asked)
    const following = effects.splice(start)
    if (this.state.direct !== wasDirect) this.handler[wasDirect ? 'parted' : 'met'](this)
    for (const effect of following) this.#carryOut(effect)
  }

  /** Something of the peer arrived. */
  heard(): void {
    this.#heartbeat.step(heardInput, this.settings.clock.now(), this.#beats)
  }

  /** Whether whatever arrives is a sign of life; else only what passes the interpositions is. */
  listens(): boolean {
    return !this.handler.interposed
  }

  heartbeatPasses(direction: 'forward' | 'receive'): boolean {
    return !this.handler.interposed || this.handler.heartbeatPasses(this, direction)
  }

  /** Regular care: heartbeats over idle peers, and lanes that alone fell silent. */
  tick(): void {
    const now = this.settings.clock.now()
    const { interval = 1_000, timeout = 4_000 } = this.settings.heartbeat
    // While this process stalled no lane was silent.
    const stalled = Math.max(0, now - this.#tickedAt - interval)
    this.#tickedAt = now
    if (this.#openLanes === 0) return
    for (const lane of this.lanes()) {
      if (lane.phase !== 'open') continue
      lane.heardAt = Math.min(now, lane.heardAt + stalled)
      // A ping that a fault took away must be asked again before the peer counts as silent.
      lane.tick(now, timeout / 2)
      if (now - lane.heardAt >= idleLaneFactor * interval) lane.ping()
      if (now - lane.heardAt >= idleLaneFactor * (interval + timeout))
        lane.close('silence', 'nothing arrives on this lane')
    }
    this.#heartbeat.step(tickInput, now, this.#beats)
    for (const beat of this.#beats.splice(0)) {
      if (beat.type === 'ping') this.#ping()
      else this.close('silence', `nothing was heard for ${Math.round(beat.for)} ms`)
    }
  }

  /** Closes every connection, or those of the lanes that `chosen` picks, and stops trying to open more. */
  close(code: Parameters<Lane['close']>[0], text: string, chosen: (lane: Lane) => boolean = all): void {
    for (const lane of this.lanes()) {
      // Also where a connection stays: a further one is not wanted in its place.
      lane.attempt?.cancel()
      lane.attempt = undefined
      lane.cancelRetry()
      if (chosen(lane)) lane.close(code, text)
    }
    // Where the lane was closed before, nothing else asks for it again.
    this.#dialler.laneClosed(this.control)
  }

  /** Takes out the messages that wait: all, or those that `wanted` picks. */
  takeQueued(wanted: (entry: Waiting) => boolean = all): Waiting[] {
    const taken: Waiting[] = []
    for (const lane of this.lanes()) for (const entry of lane.queue.removeWhere(wanted)) taken.push(entry)
    return taken
  }

  laneOpened(lane: Lane): void {
    const { channel } = lane
    const wasUp = this.state.phase === 'up'
    this.#openLanes++
    if (lane.relayed) this.#relayedLanes++
    channel.open++
    if (this.#openLanes === 1) this.#heartbeat.step(startInput, this.settings.clock.now(), this.#beats)
    this.#tellLanes()
    if (wasUp && channel.open === 1) this.handler.channelUp(this, channel.name)
    // Whoever was told may have closed it.
    if (lane.phase !== 'open') return
    this.handler.laneOpened(lane)
    if (lane === this.control) for (const other of this.lanes()) this.#dialler.wantLane(other)
  }

  /** A direct connection has taken the place of the lane's relayed one. */
  laneMoved(lane: Lane): void {
    this.#relayedLanes--
    this.#tellLanes()
    // Whoever was told may have closed it.
    if (lane.phase !== 'open') return
    this.handler.laneOpened(lane)
    if (lane === this.control) for (const other of this.lanes()) this.#dialler.wantLane(other)
  }

  laneClosed(lane: Lane, wasOpen: boolean, reason: string): void {
    if (wasOpen) {
      lane.channel.open--
      this.#openLanes--
      if (lane.relayed) this.#relayedLanes--
      this.handler.laneClosed(lane, reason)
      if (lane.channel.open === 0 && this.state.phase === 'up') this.handler.channelDown(this, lane.channel.name)
      this.#tellLanes()
    }
    this.#dialler.laneClosed(lane)
  }

  #tellLanes(): void {
    this.tell({ type: 'lanes', open: this.#openLanes, relayed: this.#relayedLanes })
  }

  /** Any open lane will do; the control lane first. */
  #ping(): void {
    if (this.control.phase === 'open') return this.control.ping()
    for (const lane of this.lanes()) if (lane.phase === 'open') return lane.ping()
  }

  #restart(): void {
    const before = this.#channels
    for (const channel of before.values()) {
      if (channel.open > 0 && this.state.phase === 'up') this.handler.channelDown(this, channel.name)
      channel.open = 0
    }
    this.#openLanes = this.#relayedLanes = 0
    // A cut ends with the old life, which must not come up by that.
    this.tell({ type: 'restarted' })
    this.handler.restarted(this)
    for (const lane of [...before.values()].flatMap(({ lanes }) => lanes)) this.#retire(lane)
    this.#channels = this.#negotiate()
    for (const channel of before.values()) this.#requeue(channel)
    // The connection that told of this life may not be the control lane's, or not be for us at all.
    this.#dialler.laneClosed(this.control)
  }

  /** A lane of the old incarnation: whatever still happens to its connection concerns nobody. */
  #retire(lane: Lane): void {
    lane.attempt?.cancel()
    lane.attempt = undefined
    lane.cancelRetry()
    lane.retired = true
    lane.close('replaced', 'a newer incarnation of this node is known')
  }

  /** What waited for a node that was never reached goes on waiting for its next life. */
  #requeue({ name, lanes }: LinkChannel): void {
    const channel = this.#channels.get(name)
    for (const { queue } of lanes) {
      if (channel === undefined) this.handler.failQueued(this, queue.removeWhere(all), 'restarted')
      else queue.moveTo(({ stream }) => channel.laneOf(stream).queue)
    }
  }

  #carryOut(effect: PeerEffect): void {
    switch (effect.type) {
      case 'up':
        this.handler.up(this)
        // Lanes that opened behind a cut come up with the peer.
        for (const channel of this.#channels.values()) {
          if (channel.open > 0) this.handler.channelUp(this, channel.name)
        }
        return
      case 'down':
        for (const channel of this.#channels.values()) {
          if (channel.open > 0) this.handler.channelDown(this, channel.name)
        }
        return this.handler.down(this, effect.reason)
      case 'fail-requests':
        this.handler.failRequests(this, effect.why)
        // Whoever asked was told that it is not carried out.
        if (effect.why === 'cut') this.takeQueued(({ extra }) => extra?.request !== undefined)
        return
      case 'fail-queued': {
        // Another way is looked for: what may take it, and was not sent, is told of when there is none.
        const isSought = this.state.sought && this.state.phase === 'down'
        const isOver = (entry: Patience): boolean =>
          ends[effect.why](entry) && !(isSought && entry.transitive === true && entry.sequence === 0)
        this.handler.failQueued(this, this.takeQueued(isOver), effect.why)
        return this.handler.failHeld(this, isOver, effect.why)
      }
    }
  }

  #negotiate(): Map<ChannelName, LinkChannel> {
    const shared = negotiateChannels(this.settings.channelMap, this.#spec.channels)
    const channels = new Map<ChannelName, LinkChannel>()
    for (const [name, spec] of shared) {
      const peerStreams = this.#spec.channels[name]?.parallelism ?? 1
      channels.set(name, new LinkChannel(this, name, spec, peerStreams))
    }
    if (!channels.has(membershipChannel)) {
      channels.set(
        membershipChannel,
        new LinkChannel(this, membershipChannel, { parallelism: 1, compression: false }, 1),
      )
    }
    return channels
  }
}

/** A lane alone is asked, and given up, so many times more slowly than a peer: others speak for the peer meanwhile. */
const idleLaneFactor = 5
/** Replaced specs of a peer that are remembered, for `connect` to prune. */
const staleSpecsMax = 8
const heardInput = { type: 'heard' } as const
const startInput = { type: 'start' } as const
const tickInput = { type: 'tick' } as const
const all = (): true => true
/** The messages that end. What was sent to a life that is over is not for the next. */
const ends: Readonly<Record<QueueEnd, (entry: Patience) => boolean>> = {
  down: entry => !outlasts(entry),
  restarted: ({ patience, sequence }) => (patience !== 'always' && patience !== 'unsent') || sequence > 0,
  left: all,
  stranger: all,
}
