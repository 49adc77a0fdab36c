import { FrameKind } from '../codec/codec.js'
import { RemovedError, StaleIncarnationError } from '../core/errors.js'
import { byName } from '../core/name.js'
import { type Incarnation, incarnationAfter, type NodeName, type NodeSpec, newIncarnation } from '../core/node.js'
import type { SendOutcome } from '../core/send-outcome.js'
import { Interpositions, type Outcome, type Passage } from '../fault/interposition.js'
import { BatchBuffers } from '../link/batch-buffers.js'
import { Flusher } from '../link/flusher.js'
import type { HandshakeIdentity } from '../link/handshake.js'
import { LinkHub } from '../link/hub.js'
import type { Waiting } from '../link/queue.js'
import type { MembershipStrategy } from '../membership/strategy.js'
import { Acknowledgements } from './acknowledgements.js'
import { Arrivals } from './arrivals.js'
import { Broadcaster } from './broadcaster.js'
import { supports } from './capabilities.js'
import { CausalLabels } from './causal-labels.js'
import type { Counters } from './counters.js'
import { Delays } from './delays.js'
import { Faults } from './faults.js'
import { identify } from './identity.js'
import { Joiner } from './joiner.js'
import { LinkEvents } from './link-events.js'
import { LocalServers } from './local-servers.js'
import { Monitoring } from './monitoring.js'
import { NodeMonitors } from './node-monitors.js'
import type { Settings } from './options.js'
import type { Overlay } from './overlay.js'
import { OverlayPort } from './overlay-port.js'
import { Registry } from './registry.js'
import { withCircuits } from './relay-transport.js'
import { Relayer } from './relayer.js'
import { Reporter } from './reporter.js'
import { Requester } from './requester.js'
import { Seeker } from './seeker.js'
import { Sender } from './sender.js'
import { departed, lifeOver } from './stopping.js'
import { dropReasonOf } from './unawaited.js'
import { Watchers } from './watchers.js'

/** No later incarnation is taken on the word of somebody who proves nothing. */
const heardIncarnationMax = 2 ** 52

/** Composes the parts of a node and tells each what happened in the others. It decides nothing of its own. */
export class Node {
  readonly settings: Settings
  readonly reporter: Reporter
  readonly interpositions: Interpositions
  readonly watchers: Watchers
  readonly nodeMonitors: NodeMonitors
  readonly monitoring: Monitoring
  readonly registry: Registry
  readonly hub: LinkHub
  readonly sender: Sender
  readonly requester: Requester
  readonly local: LocalServers
  readonly broadcaster: Broadcaster
  readonly relayer: Relayer
  readonly seeker: Seeker
  readonly joiner: Joiner
  readonly faults: Faults
  readonly reserved: Set<string> = new Set()
  readonly acknowledgements: Acknowledgements
  readonly causal: CausalLabels
  readonly arrivals: Arrivals
  readonly port: OverlayPort
  readonly #delays: Delays
  #identity: HandshakeIdentity
  /** Some handshake of this incarnation was completed: the incarnation is known, and is never raised again. */
  #greeted = false
  #superseded = false
  /** The next life of this process has to be later, whatever its clock says. */
  #supersededBy: Incarnation = 0 as Incarnation
  #departed = false
  #cancelPulse: (() => void) | undefined
  constructor(settings: Settings, strategy: MembershipStrategy) {
    this.settings = settings
    this.reporter = new Reporter(settings.logger)
    this.#identity = identify(settings, 0 as Incarnation, [])
    const { clock, random, limits, valueLimits, peerValueLimits, channels, channelMap, heartbeat } = settings
    const { reporter } = this
    const interpositions = new Interpositions(error => reporter.failed('what an interposition waits for', error))
    this.interpositions = interpositions
    const { counters } = reporter
    const self = (): NodeSpec => this.spec
    const delays = new Delays(clock)
    this.#delays = delays
    const judge = (passage: Passage): Outcome => this.judge(passage)
    this.watchers = new Watchers(error => reporter.failed('a watcher', error))
    this.nodeMonitors = new NodeMonitors(error => reporter.failed('a monitor of nodes', error))
    this.registry = new Registry(() => settings.name, clock, {
      unregistered: server => this.monitoring.unregistered(server),
      noSuchServer: (server, { from, channel }) => this.#refusedMessage('no-such-server', from, channel, server),
      schemaRefused: (server, { from, channel }) => this.#refusedMessage('schema', from, channel, server),
      handlerFailed: (server, error, answered) => reporter.failed(`server '${server}'`, error, answered),
      expired: () => this.counters.add('expired'),
    })
    const flusher = new Flusher(clock)
    const buffers = new BatchBuffers()
    this.hub = new LinkHub({
      identity: () => this.#identity,
      settings: {
        ...{ clock, random, limits, valueLimits, peerValueLimits, channels, channelMap, heartbeat },
        ...{ flusher, buffers },
      },
      transport: withCircuits(settings.transport, (...dial) => this.relayer.dial(...dial)),
      entropy: settings.entropy,
      handler: new LinkEvents(this),
      mutualTls: settings.mutualTls,
    })
    const { hub, registry } = this
    this.port = new OverlayPort(strategy, {
      ...{ settings, hub, reporter, interpositions, delays, judge },
      wanted: link => this.seeker.wanted(link),
      unwanted: link => this.seeker.unwanted(link),
      observer: {
        joined: peer => this.joiner.joined(peer),
        left: () => this.#alone(departed(settings.name)),
        removed: () => this.removedBy(),
        stale: known => this.refusedAsStale(known),
        isSuperseded: () => this.#superseded,
        members: () => this.broadcaster.refresh(),
        departed: (node, incarnation) => this.causal.ended(node, incarnation),
      },
    })
    const channelNames = Object.keys(settings.channelMap)
    this.causal = new CausalLabels({
      ...{ hub, clock, counters, self, peers: limits.peers },
      missed: (label, count) => reporter.emit('causal-gap', { label, count }),
    })
    const { causal } = this
    this.acknowledgements = new Acknowledgements({
      ...{ hub, causal, registry, interpositions, delays, counters, clock, valueLimits, peers: limits.peers, judge },
    })
    this.seeker = new Seeker({
      ...{ hub, clock, limits, counters, channelMap, pending: node => this.requester.pending(node) },
      heldFor: settings.removeDownAfter,
      isPartial: () => !supports('full-membership', this.overlay.strategy.capabilities),
    })
    this.sender = new Sender({
      seeker: this.seeker,
      ...{ causal, hub, clock, limits, valueLimits, interpositions, delays, counters, channelNames, judge },
      lost: (error, ...where) => reporter.dropped(dropReasonOf(error), 'forward', ...where),
    })
    this.requester = new Requester({ sender: this.sender, clock, limits, valueLimits, counters })
    this.local = new LocalServers({ causal, self, registry, clock, limits, valueLimits, counters, channelNames })
    this.monitoring = new Monitoring({
      ...{ self, hub, sender: this.sender, registry, local: this.local, reporter, clock, limits },
    })
    this.joiner = new Joiner({
      ...{ hub, clock, random, self, superseded: () => this.#superseded },
      retrying: (peer, error, delay) => reporter.retrying(peer, error, delay),
      refusal: peer => this.port.refusal(peer),
      ask: peer => this.overlay.step({ type: 'join', peer }),
    })
    this.faults = new Faults({
      ...{ clock, self, allowRemote: settings.allowRemoteFaults, peers: () => this.peers() },
      send: (to, frame) => this.port.control(to, FrameKind.fault, frame),
      cut: (node, ref, first) => {
        if (first) this.hub.links.get(node.name)?.tell({ type: 'cut', cut: true })
        reporter.emit('partition', { ref, node })
      },
      heal: (node, ref, last) => {
        if (last) this.#heal(node.name)
        reporter.emit('heal', { ref, node })
      },
    })
    this.broadcaster = new Broadcaster({
      ...{ self, hub, sender: this.sender, registry, reporter, clock, random, limits, valueLimits, peerValueLimits },
      ...{ channelNames, route: to => this.overlay.strategy.route(to) },
    })
    this.relayer = new Relayer({
      ...{ self, hub, sender: this.sender, reporter, clock, limits, interpositions, delays, judge },
      strategy: () => strategy,
    })
    this.arrivals = new Arrivals({
      acked: this.acknowledgements.arrivals,
      causal,
      lost: (...drop) => reporter.dropped(...drop),
      broadcast: (link, channel, message) => this.broadcaster.receive(link, channel, message),
      relay: (lane, message) => this.relayer.arrivals.receive(lane, message),
      ...{ registry, requester: this.requester, interpositions, delays, counters, clock, valueLimits, judge },
      managerMessage: ({ from, channel }, message) => reporter.emit('message', { from, channel, message }),
    })
  }

  get counters(): Counters {
    return this.reporter.counters
  }

  get spec(): NodeSpec {
    return this.#identity.spec
  }

  get overlay(): Overlay {
    return this.port.overlay
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
    const last = Math.max(this.spec.incarnation, this.#supersededBy) as Incarnation
    const now = newIncarnation(clock.wall(), random)
    // Whatever still belongs to the old life must not speak for, or to, the new one.
    const ended = (): Error => lifeOver(this.settings.name)
    this.#delays.stop(ended)
    this.monitoring.stop(ended)
    this.local.forget(ended)
    this.registry.forget()
    this.sender.heldBack.stop(ended)
    this.acknowledgements.clear()
    this.hub.clear('a new life of this node begins')
    this.faults.start()
    this.#live(now > last ? now : incarnationAfter(last, random), addresses)
  }

  /** Regular care of the links: twice in each heartbeat interval. */
  #pulse(): void {
    const { clock, heartbeat } = this.settings
    this.#cancelPulse?.()
    this.#cancelPulse = clock.schedule((heartbeat.interval ?? 1_000) / 2, () => {
      this.hub.tick()
      this.joiner.progress()
      this.relayer.tick()
      this.seeker.tick()
      this.#pulse()
    })
  }

  /** Leaves, or removes a member; resolves when the others were told. */
  leave(node: NodeName): Promise<void> {
    if (node === this.spec.name) this.#departed = true
    return this.port.leave(node)
  }

  /** Ends what is pending, with `error`. */
  end(error: (outcome?: SendOutcome) => Error): void {
    this.joiner.stop(error())
    this.requester.stop(error)
    this.monitoring.stop(error)
    this.#delays.stop(error)
    this.local.stop(error)
    this.registry.forget()
    this.faults.stop(error)
    this.sender.heldBack.stop(error)
    this.causal.clear(error)
    this.acknowledgements.clear()
    for (const link of this.hub.links.values()) {
      fail([...link.takeQueued(), ...this.acknowledgements.takeAll(link)], error)
    }
    this.port.stop()
    this.broadcaster.reset()
    this.relayer.reset()
    this.seeker.clear()
    this.#cancelPulse?.()
  }

  judge(passage: Passage): Outcome {
    return this.reporter.judge(this.interpositions, passage)
  }

  superseded(known: Incarnation): void {
    this.#supersededBy = known
    if (this.#superseded) return
    this.#superseded = true
    this.reporter.warn(`superseded: a later start of '${this.spec.name}' lives; two nodes use one name`)
    for (const link of this.hub.links.values()) {
      link.pinned = false
      link.tell({ type: 'wanted', wanted: false })
      this.seeker.forget(link)
    }
    this.joiner.stop(new StaleIncarnationError('a peer', 'peer', known))
    this.reporter.emit('superseded', known)
  }

  refusedAsStale(known: Incarnation): void {
    if (known < this.spec.incarnation) return
    if (this.#greeted) return this.superseded(known)
    // Our clock was set back: nobody has met this incarnation, so it may still become a later one.
    this.#live(incarnationAfter(known, this.settings.random), this.spec.addresses)
    this.hub.renew()
  }

  heardOfLater(known: Incarnation): void {
    // Taking a later incarnation harms nobody, as long as nobody has met this one.
    // The bound, about the year 2109, leaves room to count upwards from.
    if (!this.#greeted && known <= heardIncarnationMax) this.refusedAsStale(known)
  }

  removedBy(): void {
    if (this.#departed) return
    this.#departed = true
    this.overlay.step({ type: 'leave' })
    this.#alone(new RemovedError('the cluster', 'peer'))
    this.reporter.emit('removed')
  }

  /** Some handshake of this incarnation was completed. */
  greeted(): void {
    this.#greeted = true
  }

  #heal(peer: NodeName): void {
    const link = this.hub.links.get(peer)
    if (link === undefined) return
    link.tell({ type: 'cut', cut: false })
    this.acknowledgements.healed(link)
    this.seeker.healed(link)
    this.monitoring.connected(link)
  }

  /** Out of the cluster: no links, no seeds. */
  #alone(why: Error): void {
    this.joiner.stop(why)
    this.hub.clear('it has left the cluster')
  }

  #live(incarnation: Incarnation, addresses: readonly string[]): void {
    const ended = (outcome?: SendOutcome): Error => lifeOver(this.settings.name, outcome)
    this.causal.clear(ended)
    for (const link of this.hub.links.values()) {
      fail(
        link.takeQueued(({ extra }) => extra?.causal !== undefined),
        ended,
      )
    }
    this.#identity = identify(this.settings, incarnation, addresses)
    this.#greeted = false
    this.#superseded = false
    this.#departed = false
    this.port.stop()
    this.broadcaster.reset()
    this.relayer.reset()
    this.seeker.clear()
    this.overlay.step({ type: 'start', self: this.spec })
    this.#pulse()
  }

  #refusedMessage(reason: 'no-such-server' | 'schema', ...where: readonly [string, string, string]): void {
    this.counters.add(reason === 'schema' ? 'schemaRefused' : 'noSuchServer')
    this.reporter.dropped(reason, 'receive', ...where)
  }
}

/** Nothing that waits, or was not acknowledged, goes on. */
function fail(entries: readonly Waiting[], error: (outcome: SendOutcome) => Error): void {
  for (const { settler, sequence } of entries) settler?.failed(error(sequence > 0 ? 'unknown' : 'not-sent'))
}
