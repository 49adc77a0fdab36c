import { CloseCode, FrameKind } from '../codec/codec.js'
import type { Close } from '../codec/handshake-frames.js'
import type { ChannelName } from '../core/channel.js'
import { NotConnectedError } from '../core/errors.js'
import { byName } from '../core/name.js'
import { type Incarnation, incarnationAfter, type NodeName, type NodeSpec, newIncarnation } from '../core/node.js'
import type { Millis } from '../core/time.js'
import { Interpositions, type Outcome, type Passage } from '../fault/interposition.js'
import { Flusher } from '../link/flusher.js'
import type { HandshakeIdentity, Refusal } from '../link/handshake.js'
import { type HubHandler, LinkHub } from '../link/hub.js'
import type { IncomingExtra } from '../link/inbound.js'
import type { Lane } from '../link/lane.js'
import type { DownReason, Link } from '../link/link.js'
import { encodeToBytes } from '../link/outbound.js'
import type { Waiting } from '../link/queue.js'
import type { MembershipEvent, MembershipStrategy } from '../membership/strategy.js'
import { Arrivals } from './arrivals.js'
import type { Counters } from './counters.js'
import { Faults } from './faults.js'
import { identify } from './identity.js'
import { Joiner } from './joiner.js'
import { LocalServers } from './local-servers.js'
import type { Settings } from './options.js'
import { Overlay, type OverlayHandler } from './overlay.js'
import { Registry } from './registry.js'
import { Reporter } from './reporter.js'
import { Requester } from './requester.js'
import { Sender } from './sender.js'
import { Watchers } from './watchers.js'

/** Composes the parts of a node and tells each what happened in the others. It decides nothing of its own. */
export class Node implements HubHandler, OverlayHandler {
  readonly settings: Settings
  readonly reporter: Reporter
  readonly interpositions: Interpositions = new Interpositions()
  readonly watchers: Watchers
  readonly registry: Registry
  readonly hub: LinkHub
  readonly overlay: Overlay
  readonly sender: Sender
  readonly requester: Requester
  readonly local: LocalServers
  readonly joiner: Joiner
  readonly faults: Faults
  readonly reserved: Set<string> = new Set()
  readonly #arrivals: Arrivals
  #identity: HandshakeIdentity
  /** Some handshake of this incarnation was completed: the incarnation is known, and is never raised again. */
  #greeted = false
  #superseded = false
  #departed = false
  #cancelPulse: (() => void) | undefined
  /** Resolves leaves and removals, by node. */
  readonly #told = new Map<NodeName, (() => void)[]>()

  constructor(settings: Settings, strategy: MembershipStrategy) {
    this.settings = settings
    this.reporter = new Reporter(settings.logger)
    this.#identity = identify(settings, 0 as Incarnation, [])
    const { clock, random, limits, valueLimits, peerValueLimits, channels, channelMap, heartbeat } = settings
    const { reporter, interpositions } = this
    const { counters } = reporter
    const self = (): NodeSpec => this.spec
    const judge = (passage: Passage): Outcome => this.judge(passage)
    this.watchers = new Watchers((error) => reporter.failed('a watcher', error))
    this.registry = new Registry(() => settings.name, {
      noSuchServer: (server, { from, channel }) => this.#refusedMessage('no-such-server', from, channel, server),
      schemaRefused: (server, { from, channel }) => this.#refusedMessage('schema', from, channel, server),
      handlerFailed: (server, error) => reporter.failed(`server '${server}'`, error),
    })
    this.hub = new LinkHub({
      identity: () => this.#identity,
      settings: {
        ...{ clock, random, limits, valueLimits, peerValueLimits, channels, channelMap, heartbeat },
        flusher: new Flusher(clock),
      },
      transport: settings.transport,
      entropy: settings.entropy,
      handler: this,
      mutualTls: settings.mutualTls,
    })
    const { hub, registry } = this
    this.overlay = new Overlay(strategy, clock, this)
    this.sender = new Sender({
      ...{ hub, clock, limits, valueLimits, interpositions, counters, judge },
      channelNames: Object.keys(settings.channelMap),
      dropped: (reason, node, channel, server) => reporter.dropped(reason, 'forward', node, channel, server),
    })
    this.requester = new Requester({ sender: this.sender, clock, limits, valueLimits, counters })
    this.local = new LocalServers({ self, registry, clock, limits, valueLimits })
    this.joiner = new Joiner({
      ...{ hub, clock, random, self, superseded: () => this.#superseded },
      ask: (peer) => this.overlay.step({ type: 'join', peer }),
    })
    this.faults = new Faults({
      ...{ clock, self, allowRemote: settings.allowRemoteFaults, peers: () => this.peers() },
      send: (to, frame) => this.#control(to, FrameKind.fault, frame),
      cut: (node, ref, first) => {
        if (first) this.hub.links.get(node.name)?.tell({ type: 'cut', cut: true })
        reporter.emit('partition', { ref, node })
      },
      heal: (node, ref, last) => {
        if (last) this.hub.links.get(node.name)?.tell({ type: 'cut', cut: false })
        reporter.emit('heal', { ref, node })
      },
    })
    this.#arrivals = new Arrivals({
      ...{ registry, requester: this.requester, interpositions, counters, clock, valueLimits, judge },
      managerMessage: ({ from, channel }, message) => reporter.emit('message', { from, channel, message }),
    })
  }

  get counters(): Counters {
    return this.reporter.counters
  }

  get spec(): NodeSpec {
    return this.#identity.spec
  }

  get departed(): boolean {
    return this.#departed
  }

  /** All members and all who are connected, without this node. */
  peers(): readonly NodeSpec[] {
    const peers = new Map<NodeName, NodeSpec>()
    for (const spec of this.overlay.strategy.members()) peers.set(spec.name, spec)
    for (const link of this.hub.links.values()) if (link.openLanes > 0) peers.set(link.name, link.spec)
    peers.delete(this.spec.name)
    return [...peers.values()].sort(byName)
  }

  /** Begins a life, or, without addresses, goes on with those of the last. */
  begin(addresses: readonly string[] = this.spec.addresses): void {
    const { clock, random } = this.settings
    const last = this.spec.incarnation
    const now = newIncarnation(clock.wall(), random)
    this.#live(now > last ? now : incarnationAfter(last), addresses)
  }

  /** Regular care of the links: twice in each heartbeat interval. */
  #pulse(): void {
    const { clock, heartbeat } = this.settings
    this.#cancelPulse?.()
    this.#cancelPulse = clock.schedule((heartbeat.interval ?? 1_000) / 2, () => {
      this.hub.tick()
      this.#pulse()
    })
  }

  /** Leaves, or removes a member; resolves when the others were told. */
  leave(node: NodeName): Promise<void> {
    const self = node === this.spec.name
    return new Promise((resolve) => {
      this.#told.set(node, [...(this.#told.get(node) ?? []), resolve])
      if (self) this.#departed = true
      this.overlay.step(self ? { type: 'leave' } : { type: 'remove', node })
    })
  }

  /** Ends what is pending, with `error`. */
  end(error: () => Error): void {
    this.joiner.stop()
    this.requester.stop(error)
    for (const link of this.hub.links.values())
      this.#fail(
        link.takeQueued(() => true),
        link,
        error,
      )
    this.overlay.stop()
    this.#cancelPulse?.()
    for (const told of [...this.#told.values()].flat()) told()
    this.#told.clear()
  }

  judge(passage: Passage): Outcome {
    return this.reporter.judge(this.interpositions, passage)
  }

  // What the links tell.

  get interposed(): boolean {
    return this.interpositions.active
  }

  heartbeatPasses(link: Link, direction: 'forward' | 'receive'): boolean {
    const { name: channel } = link.control.channel
    const passage: Passage = {
      direction,
      peer: link.name,
      channel,
      kind: 'heartbeat',
      server: undefined,
      message: undefined,
    }
    return this.judge(passage).copies > 0
  }

  up(link: Link): void {
    this.hub.encourage()
    this.overlay.step({ type: 'up', peer: link.spec })
    this.watchers.tell('up', link.name)
    this.reporter.emit('up', link.name)
  }

  down(link: Link, reason: DownReason): void {
    this.overlay.step({ type: 'down', node: link.name })
    this.watchers.tell('down', link.name)
    this.reporter.emit('down', link.name, reason)
  }

  channelUp(link: Link, channel: ChannelName): void {
    this.watchers.tell('up', link.name, channel)
  }

  channelDown(link: Link, channel: ChannelName): void {
    this.watchers.tell('down', link.name, channel)
  }

  restarted(link: Link): void {
    this.faults.step({ type: 'restarted', node: link.name })
  }

  failRequests(link: Link, why: 'down' | 'cut' | 'left'): void {
    this.requester.peerEnded(link, why)
  }

  failQueued(link: Link, entries: readonly Waiting[], why: 'down' | 'left'): void {
    this.counters.add('undelivered', entries.length)
    const reason = link.state.phase === 'unknown' ? 'stranger' : why
    this.#fail(entries, link, () => new NotConnectedError(link.name, reason))
  }

  laneOpened(lane: Lane): void {
    this.#greeted = true
    const { link } = lane
    if (link.openLanes === 1) this.faults.step({ type: 'connected', peer: link.spec })
    this.joiner.progress()
  }

  laneClosed(lane: Lane): void {
    this.requester.laneClosed(lane)
    this.joiner.progress()
  }

  confirmed(): void {
    this.joiner.progress()
  }

  message(
    lane: Lane,
    server: string,
    payload: unknown,
    extra: IncomingExtra | undefined,
  ): PromiseLike<unknown> | undefined {
    return this.#arrivals.message(lane, server, payload, extra)
  }

  reply(lane: Lane, id: number, isError: boolean, payload: unknown): void {
    this.#arrivals.reply(lane, id, isError, payload)
  }

  strategy(link: Link, value: unknown): void {
    if (link.state.phase === 'cut') return this.counters.add('faulted')
    const { strategy } = this.overlay
    const deliver = (given: unknown): void => {
      const message = strategy.parse(given)
      if (message === undefined)
        this.reporter.violation(link.name, 'malformed', 'a membership message that cannot be read')
      else this.overlay.step({ type: 'message', from: link.spec, message })
    }
    if (!this.interpositions.active) return deliver(value)
    if (this.#carry(this.#membershipPassage(link, 'receive', value), deliver)) link.heard()
  }

  fault(link: Link, value: unknown): void {
    if (this.interpositions.active) link.heard()
    if (!this.faults.receive(link.spec, value))
      this.reporter.violation(link.name, 'malformed', 'a fault frame that cannot be read')
  }

  closedByPeer(lane: Lane, close: Close): void {
    if (close.code === CloseCode.removed) this.removedBy(lane.link.name)
    this.reporter.debug(`'${lane.link.name}' closed ${lane.channel.name}/${lane.index}: ${close.text}`)
  }

  violated(lane: Lane, rule: 'malformed' | 'credit', detail: string): void {
    this.reporter.violation(lane.link.name, rule, detail)
  }

  duplicate(): void {
    this.counters.add('duplicates')
  }

  admit(peer: NodeSpec): Refusal | undefined {
    const admission = this.overlay.strategy.admit(peer)
    switch (admission?.type) {
      case undefined:
        return undefined
      case 'stale':
        return { code: CloseCode.staleIncarnation, text: 'a later start of this node is known', known: admission.known }
      case 'removed':
        return { code: CloseCode.removed, text: 'this node has left the cluster' }
      case 'role':
        return { code: CloseCode.role, text: admission.why }
    }
  }

  reservedFor(peer: NodeSpec): number {
    const taken = new Set([peer, ...this.peers()].map((spec) => spec.attributes?.tag))
    return [...this.reserved].filter((tag) => !taken.has(tag)).length
  }

  superseded(known: Incarnation): void {
    if (this.#superseded) return
    this.#superseded = true
    this.reporter.warn(`superseded: a later start of '${this.spec.name}' lives; two nodes use one name`)
    for (const link of this.hub.links.values()) link.tell({ type: 'wanted', wanted: false })
    this.joiner.stop()
    this.reporter.emit('superseded', known)
  }

  refusedAsStale(known: Incarnation): void {
    if (known < this.spec.incarnation) return
    if (this.#greeted) return this.superseded(known)
    // Our clock was set back: nobody has met this incarnation, so it may still become a later one.
    this.#live(incarnationAfter(known), this.spec.addresses)
  }

  removedBy(_peer: string): void {
    if (this.#departed) return
    this.#departed = true
    this.overlay.step({ type: 'leave' })
    this.#alone()
    this.reporter.emit('removed')
  }

  refused(peer: string, by: 'us' | 'peer', refusal: Refusal): void {
    this.reporter.refused(peer, by, refusal)
  }

  retrying(peer: string, error: Error, delay: Millis): void {
    this.reporter.retrying(peer, error, delay)
  }

  // What the overlay wants.

  send(to: NodeName, message: unknown): void {
    const link = this.hub.links.get(to)
    if (link === undefined || link.state.phase !== 'up') return
    if (!this.interpositions.active) return this.#control(to, FrameKind.strategy, message)
    this.#carry(this.#membershipPassage(link, 'forward', message), (given) =>
      this.#control(to, FrameKind.strategy, given),
    )
  }

  connect(peer: NodeSpec): void {
    if (peer.name === this.spec.name || this.#superseded) return
    const link = this.hub.ensure(peer)
    if (this.faults.isCut(peer.name)) link.tell({ type: 'cut', cut: true })
    link.tell({ type: 'wanted', wanted: true })
    for (const lane of link.lanes()) this.hub.wantLane(lane)
  }

  disconnect(node: NodeName, reason: 'left' | 'unwanted'): void {
    const link = this.hub.links.get(node)
    if (link === undefined) return
    link.pinned = false
    link.tell(reason === 'left' ? { type: 'left' } : { type: 'wanted', wanted: false })
    link.close(reason === 'left' ? 'removed' : 'disconnected', reason === 'left' ? 'it has left' : 'not wanted')
  }

  notify(event: MembershipEvent): void {
    switch (event.type) {
      case 'members':
        return this.reporter.emit(
          'members',
          this.overlay.strategy.members().map(({ name }) => name),
        )
      case 'joined':
        return this.joiner.joined(event.peer)
      case 'told': {
        const resolve = this.#told.get(event.node) ?? []
        this.#told.delete(event.node)
        if (event.node === this.spec.name) this.#alone()
        for (const one of resolve) one()
        return
      }
      case 'removed':
        this.#departed = true
        this.#alone()
        return this.reporter.emit('removed')
      case 'superseded':
        return this.refusedAsStale(event.known)
    }
  }

  /** Out of the cluster: no links, no seeds. */
  #alone(): void {
    this.joiner.stop()
    this.hub.clear('it has left the cluster')
  }

  #live(incarnation: Incarnation, addresses: readonly string[]): void {
    this.#identity = identify(this.settings, incarnation, addresses)
    this.#greeted = false
    this.#superseded = false
    this.#departed = false
    this.overlay.stop()
    this.overlay.step({ type: 'start', self: this.spec })
    this.#pulse()
  }

  /** Encodes and sends a frame of the overlay or of faults, over whatever lane is open. */
  #control(to: NodeName, kind: FrameKind, value: unknown): void {
    const link = this.hub.links.get(to)
    if (link === undefined || link.openLanes === 0) return
    const body = encodeToBytes(value, this.settings.valueLimits)
    if (body.length >= this.settings.limits.frameBytes)
      return this.reporter.warn(`a control message of ${body.length} bytes`)
    for (const lane of [link.control, ...link.lanes()]) if (lane.outbound.control(kind, body)) return
  }

  #fail(entries: readonly Waiting[], link: Link, error: () => Error): void {
    for (const { settler, server } of entries) {
      if (settler !== undefined) settler.failed(error())
      else this.reporter.dropped('down', 'forward', link.name, '', server)
    }
  }

  #refusedMessage(reason: 'no-such-server' | 'schema', from: string, channel: string, server: string): void {
    this.counters.add(reason === 'schema' ? 'schemaRefused' : 'noSuchServer')
    this.reporter.dropped(reason, 'receive', from, channel, server)
  }

  #membershipPassage(link: Link, direction: Passage['direction'], message: unknown): Passage {
    const { name: channel } = link.control.channel
    return { direction, peer: link.name, channel, kind: 'membership', server: undefined, message }
  }

  /** Does what an interposition made of a membership message. */
  #carry(passage: Passage, deliver: (message: unknown) => void): boolean {
    const { copies, delay, message } = this.judge(passage)
    if (copies === 0) {
      this.counters.add('faulted')
      return false
    }
    const all = (): void => {
      for (let copy = 0; copy < copies; copy++) deliver(message)
    }
    if (delay === 0) all()
    else this.settings.clock.schedule(delay, all)
    return true
  }
}
