import type { Acknowledgement } from '../codec/acknowledgement-frame.js'
import type { CausalFloor, CausalQuery } from '../codec/causal-frames.js'
import { CloseCode } from '../codec/codec.js'
import type { Close } from '../codec/handshake-frames.js'
import type { ChannelName } from '../core/channel.js'
import { NotConnectedError, UnknownOutcomeError } from '../core/errors.js'
import type { Incarnation, NodeSpec } from '../core/node.js'
import type { Millis } from '../core/time.js'
import type { Passage } from '../fault/interposition.js'
import type { LinkChannel } from '../link/channel.js'
import type { Refusal } from '../link/handshake.js'
import type { HubHandler } from '../link/hub-handler.js'
import type { IncomingExtra } from '../link/inbound.js'
import type { Lane } from '../link/lane.js'
import type { DownReason, Link } from '../link/link.js'
import type { QueueEnd } from '../link/peer-state.js'
import type { Patience, Tracker, Waiting } from '../link/queue.js'
import { unmetLife } from './introductions.js'
import type { Node } from './node.js'

/** What happens on the links of a node, told to those of its parts that it concerns. It decides nothing of its own. */
export class LinkEvents implements HubHandler {
  readonly #node: Node

  constructor(node: Node) {
    this.#node = node
  }

  get interposed(): boolean {
    return this.#node.interpositions.active
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
    const outcome = this.#node.judge(passage)
    // One that comes later is no sign of life: it says what was so when it left.
    return outcome.copies > 0 && outcome.holds.length === 0
  }

  met(link: Link): void {
    this.#node.hub.encourage()
    this.#node.overlay.step({ type: 'up', peer: link.spec })
    this.#node.broadcaster.refresh()
  }

  parted(link: Link): void {
    this.#node.overlay.step({ type: 'down', node: link.name })
    this.#node.broadcaster.down(link.name)
    this.#node.relayer.parted(link)
  }

  up(link: Link): void {
    this.#node.seeker.reached(link)
    this.#node.watchers.tell('up', link.name)
    this.#node.nodeMonitors.up(link.spec)
    this.#node.reporter.emit('up', link.name)
  }

  down(link: Link, reason: DownReason): void {
    this.#node.watchers.tell('down', link.name)
    this.#node.nodeMonitors.down(link.name, reason)
    this.#node.reporter.emit('down', link.name, reason)
  }

  measured(link: Link, millis: Millis): void {
    this.#node.overlay.step({ type: 'rtt', node: link.name, millis })
  }

  channelUp(link: Link, channel: ChannelName): void {
    this.#node.watchers.tell('up', link.name, channel)
  }

  channelDown(link: Link, channel: ChannelName): void {
    this.#node.watchers.tell('down', link.name, channel)
  }

  created(link: Link): void {
    this.#node.causal.ended(link.name, link.spec.incarnation - 1)
    if (this.#node.faults.cutsOff(link.spec)) link.tell({ type: 'cut', cut: true })
  }

  restarted(link: Link): void {
    const { incarnation } = link.spec
    this.#node.seeker.restarted(link)
    // What waited for a life that was never met may wait for any; what is for the one that ended does not, nor what
    // has its place in the causal order of messages to that.
    const isMeant = ({ extra: { causal, life } = {} }: Patience): boolean => {
      return causal !== undefined || (life !== undefined && life !== incarnation)
    }
    // It was met: what waited for that goes on, with a number, in the order in which it was sent.
    const introduced = link.takeQueued(({ extra }) => extra?.life === unmetLife)
    for (const { settler } of introduced.sort((one, other) => one.order - other.order)) {
      settler?.failed(new NotConnectedError(link.name, 'restarted'))
    }
    const meant = link.takeQueued(isMeant)
    if (meant.length > 0) this.failQueued(link, meant, 'restarted')
    this.failHeld(link, isMeant, 'restarted')
    this.#node.causal.ended(link.name, incarnation - 1)
    this.#node.monitoring.restarted(link)
    this.#node.acknowledgements.lost(link, because.restarted)
    this.#node.faults.step({ type: 'restarted', node: link.name })
  }

  failRequests(link: Link, why: 'down' | 'cut' | 'left'): void {
    this.#node.requester.peerEnded(link, why)
    this.#node.monitoring.peerEnded(link, why)
  }

  failQueued(link: Link, entries: readonly Waiting[], why: QueueEnd): void {
    const { name } = link
    this.#node.counters.add('undelivered', entries.length)
    for (const { settler, sequence, transitive } of entries) {
      if (sequence > 0) settler?.failed(new UnknownOutcomeError(name, 'message', because[why]))
      // Nobody need join what is reached through others.
      else if (why === 'stranger' && transitive === true) settler?.failed(this.#node.seeker.lost(name))
      else settler?.failed(new NotConnectedError(name, why))
    }
    if (why !== 'left') return
    this.#node.acknowledgements.lost(link, because.left)
    this.#node.causal.ended(name, link.spec.incarnation)
  }

  failHeld(link: Link, isOver: (message: Patience) => boolean, why: QueueEnd): void {
    const count = this.#node.sender.heldBack.end(link, isOver, () => new NotConnectedError(link.name, why))
    this.#node.counters.add('undelivered', count)
  }

  laneOpened(lane: Lane): void {
    this.#node.greeted()
    const { link } = lane
    this.#node.broadcaster.laneOpened(link.name, lane.channel.name)
    // A peer that lost its connections begins with this lane, also where nobody here was told of the loss.
    if (lane === link.control || link.openLanes === 1) {
      this.#node.faults.step({ type: 'connected', peer: link.spec })
      this.#node.monitoring.connected(link)
    }
    this.#node.joiner.progress()
  }

  laneClosed(lane: Lane): void {
    this.#node.acknowledgements.outboxes.laneClosed(lane)
    this.#node.requester.laneClosed(lane)
    this.#node.relayer.laneClosed(lane)
    this.#node.causal.laneClosed(lane)
    this.#node.seeker.laneClosed(lane.link)
    this.#node.joiner.progress()
  }

  confirmed(): void {
    this.#node.joiner.progress()
  }

  message(
    lane: Lane,
    server: string,
    payload: unknown,
    extra: IncomingExtra | undefined,
  ): PromiseLike<unknown> | undefined {
    return this.#node.arrivals.message(lane, server, payload, extra)
  }

  acknowledged(lane: Lane, acknowledgement: Acknowledgement): void {
    this.#node.acknowledgements.acknowledged(lane, acknowledgement)
  }

  tracker(channel: LinkChannel): Tracker {
    return this.#node.acknowledgements.outboxes.trackerFor(channel)
  }

  renumbered(lane: Lane): void {
    this.#node.acknowledgements.renumbered(lane)
  }

  causalQuery(lane: Lane, query: CausalQuery): void {
    this.#node.causal.asked(lane, query)
  }

  causalFloor(lane: Lane, floor: CausalFloor): void {
    this.#node.causal.answered(lane, floor)
  }

  reply(lane: Lane, id: number, isError: boolean, payload: unknown): void {
    this.#node.arrivals.reply(lane, id, isError, payload)
  }

  strategy(link: Link, value: unknown): void {
    if (this.#node.port.receive(link, value)) return
    this.#node.reporter.violation(link.name, 'malformed', 'a membership message that cannot be read')
  }

  fault(link: Link, value: unknown): void {
    if (this.#node.interpositions.active) link.heard()
    if (!this.#node.faults.receive(link.spec, value))
      this.#node.reporter.violation(link.name, 'malformed', 'a fault frame that cannot be read')
  }

  released(link: Link, release: number): void {
    this.#node.seeker.released(link, release)
  }

  closedByPeer(lane: Lane, close: Close): void {
    if (close.code === CloseCode.removed) this.#node.removedBy()
    this.#node.reporter.debug(`'${lane.link.name}' closed ${lane.channel.name}/${lane.index}: ${close.text}`)
  }

  violated(lane: Lane, rule: 'malformed' | 'credit', detail: string): void {
    this.#node.reporter.violation(lane.link.name, rule, detail)
  }

  emptied({ link }: Lane): void {
    const why = 'it moved the buffer of its message, and with it what came after: a connection was closed for that'
    this.#node.reporter.failed(`a handler of what '${link.name}' sent`, new Error(why))
  }

  duplicate(): void {
    this.#node.counters.add('duplicates')
  }

  admit(peer: NodeSpec, relayed: boolean): Refusal | undefined {
    const refusal = this.#node.port.admit(peer)
    // Who is reached through others need not be one whom this node would be connected with.
    return relayed && refusal?.code === CloseCode.role ? undefined : refusal
  }

  unreached(lane: Lane, error: Error): void {
    this.#node.seeker.unreached(lane, error)
  }

  reservedFor(peer: NodeSpec): number {
    // A member that is down has not got its slot: it is kept until it is back.
    const connected = [...this.#node.hub.links.values()].filter(link => link.openLanes > 0).map(link => link.spec)
    const taken = new Set([peer, ...connected].map(spec => spec.attributes?.tag))
    return [...this.#node.reserved].filter(tag => !taken.has(tag)).length
  }

  superseded(known: Incarnation): void {
    this.#node.superseded(known)
  }

  refusedAsStale(known: Incarnation): void {
    this.#node.refusedAsStale(known)
  }

  heardOfLater(known: Incarnation): void {
    this.#node.heardOfLater(known)
  }

  removedBy(): void {
    this.#node.removedBy()
  }

  refused(peer: string, by: 'us' | 'peer', refusal: Refusal): void {
    this.#node.reporter.refused(peer, by, refusal)
  }

  retrying(peer: string, error: Error, delay: Millis): void {
    this.#node.reporter.retrying(peer, error, delay)
  }
}

/** Why it is not known what became of a message that was sent and not acknowledged. */
const because: Readonly<Record<QueueEnd, string>> = {
  down: 'it went down',
  restarted: 'it was started anew',
  left: 'it left the cluster',
  stranger: 'it is no peer of this node any more',
}
