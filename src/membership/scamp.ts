import { unreachable } from '../core/invariant.js'
import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant } from '../core/time.js'
import { Farewells, goodbye } from './farewells.js'
import { parseScampMessage, type ScampMessage } from './scamp-messages.js'
import { resolveScampOptions, type ScampMembershipOptions } from './scamp-options.js'
import { type ScampEffects, ScampPeers, silentRounds } from './scamp-peers.js'
import type { Admission, MembershipInput, MembershipState, MembershipStrategy } from './strategy.js'
import { Subscriptions, tagsMax } from './subscriptions.js'

/** What the specs of its nodes say that they are. */
export const scampRole = 'scamp'

/**
 * Partial views that grow with the logarithm of the overlay, though no node knows how large it is (Ganesh, Kermarrec
 * and Massoulié, "Peer-to-peer membership management for gossip-based protocols", IEEE Transactions on Computers,
 * 2003). Beyond the paper: walks end; renewals aim at the size that the paper proves; an overlay of a few nodes is a
 * mesh; who was lost in a partition is called until it answers.
 */
export class ScampMembership implements MembershipStrategy<ScampMessage> {
  readonly capabilities: readonly string[] = []
  readonly #options: Required<ScampMembershipOptions>
  readonly #peers: ScampPeers
  readonly #subscriptions: Subscriptions
  readonly #farewells: Farewells
  #self: NodeSpec | undefined
  #departed = false
  /** When somebody last said that it holds this node. */
  #heardAt: Instant = 0
  /** When this node last subscribed through one that it had lost. */
  #foundAt: Instant | undefined

  constructor(options: ScampMembershipOptions) {
    this.#options = resolveScampOptions(options)
    this.#peers = new ScampPeers(this.#options)
    this.#subscriptions = new Subscriptions(this.#peers, this.#options)
    this.#farewells = new Farewells(this.#options.leaveTimeout)
  }

  /** This node and its partial view: nobody knows all there are. */
  members(): readonly NodeSpec[] {
    if (this.#self === undefined) return []
    return this.#departed ? [this.#self] : [this.#self, ...this.#peers.view.specs()].sort(byName)
  }

  /** A node that is held, or connected, itself; whoever else there may be, through any that is held and connected. */
  route(to: NodeName): readonly NodeSpec[] {
    if (this.#departed || to === this.#self?.name) return []
    const { view, up } = this.#peers
    const known = view.get(to)?.spec ?? up.get(to)
    return known === undefined ? view.specs().filter(({ name }) => up.has(name)) : [known]
  }

  parse(value: unknown): ScampMessage | undefined {
    return parseScampMessage(value)
  }

  admit(peer: NodeSpec): Admission | undefined {
    if (peer.role !== scampRole) return { type: 'role', why: otherOverlay }
    return this.#peers.lives.admit(peer)
  }

  /** Seeds lead into the overlay, and need not be held for ever, unless it is so small that everybody is. */
  seeks(seed: NodeName | undefined): boolean {
    const { view, isSmall } = this.#peers
    return view.isolated || (isSmall && (seed === undefined || !view.has(seed)))
  }

  get reservable(): number {
    return tagsMax
  }

  state(): MembershipState {
    const { view, holders, lost, up } = this.#peers
    const held = this.#departed ? [] : view.specs()
    const { estimate } = this.#subscriptions.size
    return {
      members: this.members().map(({ name }) => name),
      view: held.map(({ name }) => ({ name, connected: up.has(name) })),
      inView: this.#departed ? [] : [...holders.keys()].sort(),
      lost: [...lost.keys()],
      reserved: this.#subscriptions.tags,
      departed: this.#departed,
      ...(estimate !== undefined && { estimatedSize: Math.round(estimate) + 1 }),
    }
  }

  step(input: MembershipInput<ScampMessage>, now: Instant, out: ScampEffects): void {
    switch (input.type) {
      case 'start':
        return this.#start(input.self, now, out)
      case 'join':
        return this.#departed ? undefined : this.#subscriptions.join(input.peer, now, out)
      case 'leave':
        return this.#leave(out)
      case 'remove':
        return this.#remove(input.node, now, out)
      case 'up':
        return this.#peerUp(input.peer, now, out)
      case 'down':
        return this.#peerDown(input.node, now, out)
      case 'message':
        return this.#message(input.from, input.message, now, out)
      case 'timer':
        return this.#timer(input.timer, now, out)
      case 'reserve':
        return this.#subscriptions.reserve(input.tag)
      case 'rtt':
        return
      default:
        return unreachable(input)
    }
  }

  #start(self: NodeSpec, now: Instant, out: ScampEffects): void {
    this.#self = self
    this.#departed = false
    this.#heardAt = now
    this.#foundAt = undefined
    this.#peers.start(self)
    this.#subscriptions.start(now)
    this.#farewells.clear()
    this.#armRound(out)
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  #leave(out: ScampEffects): void {
    const self = this.#self
    if (self === undefined) return
    const up = [...this.#peers.up.keys()]
    const places = this.#placesLeft()
    this.#departed = true
    out.push({ type: 'notify', event: { type: 'members' } })
    for (const to of up) this.#sayGoodbye(to, out, places.get(to))
    this.#farewells.begin(self.name, up, out)
  }

  /**
   * Whom those that hold this node hold instead (SCAMP, 3.2): one of its view each, but c + 1 of them nobody. So the
   * views of the others keep the size that they would have had without this node.
   */
  #placesLeft(): Map<NodeName, NodeSpec> {
    const { holders, view, up, random } = this.#peers
    const places = new Map<NodeName, NodeSpec>()
    if (this.#options.version === 1) return places
    const heirs = view.specs().filter(({ name, addresses }) => up.has(name) && addresses.length > 0)
    const replacing = sample(random, [...holders.keys()], Math.max(0, holders.size - this.#options.copies - 1))
    for (const holder of replacing) {
      const [instead] = sample(random, heirs, 1)
      if (instead !== undefined && instead.name !== holder) places.set(holder, instead)
    }
    return places
  }

  /** Only who is connected can be told that it is out. Whoever else knows it hears of it from node to node. */
  #remove(node: NodeName, now: Instant, out: ScampEffects): void {
    if (node === this.#self?.name) return this.#leave(out)
    const { view, up } = this.#peers
    const spec = view.get(node)?.spec ?? up.get(node)
    if (this.#departed || spec === undefined) {
      return void out.push({ type: 'notify', event: { type: 'denied', node, why: removesKnown } })
    }
    this.#farewells.tell(spec, [...up.keys()], out)
    this.#peers.depart(node, spec.incarnation, now, out)
  }

  #peerUp(peer: NodeSpec, now: Instant, out: ScampEffects): void {
    if (this.#departed) return
    const { up, lost } = this.#peers
    if (up.size === 0) this.#heardAt = now
    this.#peers.connected(peer, out)
    this.#subscriptions.connected(peer, out)
    if (lost.delete(peer.name)) this.#found(peer, now, out)
  }

  #peerDown(node: NodeName, now: Instant, out: ScampEffects): void {
    this.#farewells.down(node, out)
    this.#peers.disconnected(node, now, out)
  }

  /**
   * One of those that were lost is back. There may have been two overlays since: a subscription makes them one. Where
   * many come back one of them is enough.
   */
  #found(peer: NodeSpec, now: Instant, out: ScampEffects): void {
    if (this.#foundAt !== undefined && now - this.#foundAt < this.#options.lease) return
    this.#foundAt = now
    this.#subscriptions.subscribe(peer, now, out)
  }

  #message(from: NodeSpec, message: ScampMessage, now: Instant, out: ScampEffects): void {
    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)
    if (this.#departed) return this.#sayGoodbye(from.name, out)
    switch (message.type) {
      case 'join':
      case 'subscribe':
        if (!this.#peers.meet(from, out)) return
        out.push({ type: 'send', to: from.name, message: { type: 'counted', ...this.#peers.told(from.name) } })
        return message.type === 'subscribe' ? this.#subscriptions.asked(from, message.sequence, now, out) : undefined
      case 'counted':
        for (const spec of message.view ?? []) this.#subscriptions.hold(spec, 0, now, out)
        this.#subscriptions.answered()
        return void out.push({ type: 'notify', event: { type: 'joined', peer: from.name } })
      case 'indirection':
        return this.#subscriptions.indirect(message, now, out)
      case 'contact':
        return this.#subscriptions.contacted(from, message.sequence, now, out)
      case 'subscription':
        return this.#subscriptions.pass(message, now, out)
      case 'holding':
        return this.#held(from, message.view, now, out)
      case 'leaving':
        return this.#leaving(from, message, now, out)
      default:
        return unreachable(message)
    }
  }

  /**
   * A peer holds this node. Who holds nobody that is connected subscribes through it. In a small overlay, and so both
   * ends have to find it, everybody holds everybody.
   */
  #held(from: NodeSpec, view: readonly NodeSpec[] | undefined, now: Instant, out: ScampEffects): void {
    if (!this.#peers.meet(from, out)) return
    this.#heardAt = now
    this.#peers.held(from.name, now)
    if (this.#peers.view.isolated) return this.#subscriptions.subscribe(from, now, out)
    if (view === undefined || !this.#peers.isSmall) return
    for (const spec of [from, ...view])
      if (!this.#peers.view.has(spec.name)) this.#subscriptions.hold(spec, 0, now, out)
  }

  #timer(timer: string, now: Instant, out: ScampEffects): void {
    if (timer !== 'round') return this.#farewells.expired(timer, out)
    this.#armRound(out)
    if (this.#departed) return
    this.#peers.round(now, out)
    this.#subscriptions.renew(now, out)
    this.#checkIsolation(now, out)
    this.#callLost(now, out)
    for (const to of this.#peers.view.connected()) this.#peers.tell(to, out)
  }

  /** Whom nobody holds hears no heartbeat, and subscribes again (SCAMP, 3.3). */
  #checkIsolation(now: Instant, out: ScampEffects): void {
    const { view } = this.#peers
    if (view.isolated || now - this.#heardAt < silentRounds * this.#options.heartbeatInterval) return
    this.#heardAt = now
    this.#subscriptions.again(now, out)
  }

  /** One that was lost is called in each round: the one that was called least lately. */
  #callLost(now: Instant, out: ScampEffects): void {
    const { lost } = this.#peers
    for (const [name, spec] of lost) {
      lost.delete(name)
      lost.set(name, spec)
      return this.#peers.call(spec, now, out)
    }
  }

  #leaving(
    from: NodeSpec,
    { node, incarnation, instead }: ScampMessage & { type: 'leaving' },
    now: Instant,
    out: ScampEffects,
  ): void {
    out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })
    const self = this.#self as NodeSpec
    if (node === self.name) return incarnation === self.incarnation ? this.#removed(from.name, out) : undefined
    const held = this.#peers.view.get(node)
    if (!this.#peers.depart(node, incarnation, now, out)) return
    if (node === from.name) {
      const isHeir = held !== undefined && instead !== undefined && !this.#peers.view.has(instead.name)
      return isHeir ? void this.#peers.keep({ spec: instead, sequence: 0, until: held.until }, out) : undefined
    }
    // Who leaves tells those that hold it, and that is all. A removal has to reach whoever else holds the removed node.
    const message: ScampMessage = { type: 'leaving', node, incarnation }
    for (const to of this.#peers.up.keys()) if (to !== from.name) out.push({ type: 'send', to, message })
  }

  #removed(by: NodeName, out: ScampEffects): void {
    this.#departed = true
    for (const to of this.#peers.up.keys()) if (to !== by) this.#sayGoodbye(to, out)
    out.push({ type: 'notify', event: { type: 'members' } }, { type: 'notify', event: { type: 'removed' } })
  }

  #sayGoodbye(to: NodeName, out: ScampEffects, instead?: NodeSpec): void {
    out.push({ type: 'send', to, message: { ...goodbye(this.#self as NodeSpec), ...(instead && { instead }) } })
  }

  #armRound(out: ScampEffects): void {
    out.push({
      type: 'arm',
      timer: 'round',
      after: this.#options.heartbeatInterval * (0.5 + this.#options.random.next()),
    })
  }
}

// The other end reads this text too, so it says the same from both sides.
const otherOverlay = 'one is a node of a SCAMP overlay, and the other is not: they run different overlays'
const removesKnown = 'a node of a SCAMP overlay removes one that it is connected with or has in its view, or itself'
