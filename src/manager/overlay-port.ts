import { CloseCode, FrameKind } from '../codec/codec.js'
import { encodeToBytes } from '../codec/value-bytes.js'
import { RoleError } from '../core/errors.js'
import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import { type Interpositions, isHeld, type Outcome, type Passage } from '../fault/interposition.js'
import type { Refusal } from '../link/handshake.js'
import type { LinkHub } from '../link/hub.js'
import type { Link } from '../link/link.js'
import type { MembershipEvent, MembershipStrategy } from '../membership/strategy.js'
import type { Delays } from './delays.js'
import type { Settings } from './options.js'
import { Overlay, type OverlayHandler } from './overlay.js'
import type { Reporter } from './reporter.js'

/** What happens to a node by its overlay. */
export interface OverlayObserver {
  /** The peer counts this node as a member. */
  joined(peer: NodeName): void
  /** This node has left, and the others were told. */
  left(): void
  /** Somebody removed this node. */
  removed(): void
  /** A later start of this node's name is known. */
  stale(known: Incarnation): void
  isSuperseded(): boolean
  /** There are other members. */
  members(): void
  /** That life of another node has left for good, and all before it. */
  departed(node: NodeName, incarnation: Incarnation): void
}

export interface OverlayPortContext {
  readonly settings: Settings
  readonly hub: LinkHub
  readonly reporter: Reporter
  readonly interpositions: Interpositions
  readonly delays: Delays
  readonly observer: OverlayObserver
  /** The overlay wants that link. */
  wanted(link: Link): void
  /** And does not any more: it is closed unless it is in use. */
  unwanted(link: Link): void
  judge(passage: Passage): Outcome
}

/** Who asked for a leave or a removal. */
interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Between a membership strategy and the links: carries its messages, and opens and closes what it wants. */
export class OverlayPort implements OverlayHandler {
  readonly overlay: Overlay
  readonly #context: OverlayPortContext
  /** Who waits for leaves and removals, by node. */
  readonly #told = new Map<NodeName, Waiter[]>()

  constructor(strategy: MembershipStrategy, context: OverlayPortContext) {
    this.#context = context
    this.overlay = new Overlay(strategy, context.settings.clock, this)
  }

  /** Leaves, or removes a member; resolves when the others were told. */
  leave(node: NodeName): Promise<void> {
    const self = node === this.#context.settings.name
    return new Promise((resolve, reject) => {
      this.#told.set(node, [...(this.#told.get(node) ?? []), { resolve, reject }])
      this.overlay.step(self ? { type: 'leave' } : { type: 'remove', node })
    })
  }

  stop(): void {
    this.overlay.stop()
    for (const { resolve } of [...this.#told.values()].flat()) resolve()
    this.#told.clear()
  }

  /** A membership message arrived. False when it is none. */
  receive(link: Link, value: unknown): boolean {
    const { reporter, interpositions } = this.#context
    if (link.state.phase === 'cut') {
      reporter.counters.add('faulted')
      return true
    }
    if (!interpositions.active) return this.#deliver(link, value)
    const passes = this.#interposed(link, 'receive', value, given => {
      if (!this.#deliver(link, given)) reporter.violation(link.name, 'malformed', 'an interposed membership message')
    })
    if (passes) link.heard()
    return true
  }

  /** Encodes and sends a frame of the overlay or of faults, over whatever lane is open. */
  control(to: NodeName, kind: FrameKind, value: unknown): void {
    const { hub, settings, reporter } = this.#context
    const link = hub.links.get(to)
    if (link === undefined || link.openLanes === 0) return
    const body = encodeToBytes(value, settings.valueLimits)
    if (body.length >= settings.limits.messageBytes) return reporter.warn(`a control message of ${body.length} bytes`)
    // An overlay is of neighbours; a cut concerns everybody.
    const lanes = [link.control, ...link.lanes()].filter(lane => kind === FrameKind.fault || !lane.relayed)
    for (const lane of lanes) if (lane.outbound.control(kind, body)) return
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

  /** What the overlay says of a peer before it is dialled. Of one that was never met nothing but its name is known. */
  refusal(peer: NodeSpec): RoleError | undefined {
    const admission = peer.incarnation === 0 ? undefined : this.overlay.strategy.admit(peer)
    return admission?.type === 'role' ? new RoleError(peer.name, 'us', admission.why) : undefined
  }

  send(to: NodeName, message: unknown): void {
    const { hub, interpositions } = this.#context
    const link = hub.links.get(to)
    if (link === undefined || !link.state.direct) return
    if (!interpositions.active) return this.control(to, FrameKind.strategy, message)
    this.#interposed(link, 'forward', message, given => {
      // It may have been held for long.
      if (link.state.direct) this.control(to, FrameKind.strategy, given)
    })
  }

  connect(peer: NodeSpec): void {
    const { hub, settings, observer, reporter } = this.#context
    if (peer.name === settings.name || observer.isSuperseded()) return
    if (!hub.links.has(peer.name) && hub.links.size >= settings.limits.peers) {
      return reporter.warn(`'${peer.name}' is not dialled: limits.peers is reached`)
    }
    const link = hub.ensure(peer)
    this.#context.wanted(link)
    link.tell({ type: 'wanted', wanted: true })
    for (const lane of link.lanes()) hub.wantLane(lane)
  }

  disconnect(node: NodeName, reason: 'left' | 'unwanted', incarnation?: Incarnation): void {
    this.#part(node, reason, incarnation)
    // Also one without a connection here has departed.
    if (reason === 'left' && incarnation !== undefined) this.#context.observer.departed(node, incarnation)
  }

  #part(node: NodeName, reason: 'left' | 'unwanted', incarnation?: Incarnation): void {
    const link = this.#context.hub.links.get(node)
    if (link === undefined) return
    // That an earlier life left is no reason to part with a later one, of which the overlay has yet to hear.
    if (incarnation !== undefined && link.spec.incarnation > incarnation) return
    if (reason === 'unwanted') return this.#context.unwanted(link)
    link.pinned = false
    link.tell({ type: 'left' })
    link.close('removed', 'it has left')
  }

  notify(event: MembershipEvent): void {
    const { observer, settings, reporter } = this.#context
    switch (event.type) {
      case 'members': {
        const members = this.overlay.strategy.members()
        observer.members()
        return reporter.emit(
          'members',
          members.map(({ name }) => name),
        )
      }
      case 'joined':
        return observer.joined(event.peer)
      case 'told': {
        const waiting = this.#take(event.node)
        if (event.node === settings.name) observer.left()
        for (const { resolve } of waiting) resolve()
        return
      }
      case 'denied':
        for (const { reject } of this.#take(event.node)) reject(new RoleError(event.node, 'us', event.why))
        return
      case 'removed':
        return observer.removed()
      case 'superseded':
        return observer.stale(event.known)
    }
  }

  /** Those who wait until it was told that a node left, or was removed. */
  #take(leaver: NodeName): readonly Waiter[] {
    const waiting = this.#told.get(leaver) ?? []
    this.#told.delete(leaver)
    return waiting
  }

  #deliver(link: Link, value: unknown): boolean {
    const message = this.overlay.strategy.parse(value)
    if (message === undefined) return false
    this.overlay.step({ type: 'message', from: link.spec, message })
    return true
  }

  /** Does what the interpositions make of a membership message. Whether any of it goes on. */
  #interposed(
    link: Link,
    direction: Passage['direction'],
    value: unknown,
    deliver: (message: unknown) => void,
  ): boolean {
    const { reporter } = this.#context
    const { name: channel } = link.control.channel
    const passage: Passage = {
      ...{ direction, peer: link.name, channel, kind: 'membership', server: undefined, message: value },
    }
    const outcome = this.#context.judge(passage)
    const all = (): void => {
      for (let copy = 0; copy < outcome.copies; copy++) deliver(outcome.message)
    }
    const held = isHeld(outcome)
    const goes = outcome.copies > 0 && (!held || this.#context.delays.hold(outcome, all) !== undefined)
    if (!goes) reporter.counters.add('faulted')
    else if (!held) all()
    return goes
  }
}
