import { unreachable } from '../core/invariant.js'
import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant } from '../core/time.js'
import { tagOf } from './active-view.js'
import { isForReserved } from './attempts.js'
import { Farewells, goodbye } from './farewells.js'
import { type Effects, type HyParViewMessage, type Priority, parseHyParViewMessage } from './hyparview-messages.js'
import { type HyParViewMembershipOptions, resolveHyParViewOptions } from './hyparview-options.js'
import { beatTimer, IsletSearch } from './islet-search.js'
import { Neighborhood } from './neighborhood.js'
import { Shuffling } from './shuffling.js'
import type { Admission, MembershipInput, MembershipState, MembershipStrategy } from './strategy.js'
import { XBot } from './xbot.js'

/** Who joins is told of so many nodes. */
const nodesPerWelcome = 16

/** What the specs of its nodes say that they are. */
export const hyParViewRole = 'hyparview'

/**
 * Partial views: a node is connected with a few neighbours, knows some more to replace them by, and no node knows all
 * (Leitão, Pereira and Rodrigues, "HyParView: a membership protocol for reliable gossip-based broadcast", DSN 2007).
 * For thousands of nodes. Beyond the paper: neighbourhoods are confirmed in each round, so that both ends agree on
 * them; a neighbour that is down has a moment to come back, and stays while all others are down, too; islets find
 * each other again ({@link IsletSearch}); slots can be reserved.
 */
export class HyParViewMembership implements MembershipStrategy<HyParViewMessage> {
  readonly capabilities: readonly string[] = []
  readonly #options: Required<HyParViewMembershipOptions>
  readonly #neighborhood: Neighborhood
  readonly #shuffling: Shuffling
  readonly #islets: IsletSearch
  readonly #farewells: Farewells
  readonly #xbot: XBot | undefined
  #self: NodeSpec | undefined
  #departed = false

  constructor(options: HyParViewMembershipOptions) {
    this.#options = resolveHyParViewOptions(options)
    const { leaveTimeout, shuffleInterval, xbot } = this.#options
    this.#neighborhood = new Neighborhood(this.#options)
    this.#shuffling = new Shuffling(this.#neighborhood, this.#options)
    this.#islets = new IsletSearch(this.#neighborhood, shuffleInterval)
    this.#farewells = new Farewells(leaveTimeout)
    const befriend = (peer: NodeSpec, now: Instant, out: Effects): void => this.#befriend(peer, now, out)
    if (xbot !== undefined) this.#xbot = new XBot(this.#neighborhood, this.#options, xbot, befriend)
  }

  /** This node and its neighbours: nobody knows all there are. */
  members(): readonly NodeSpec[] {
    if (this.#self === undefined) return []
    return this.#departed ? [this.#self] : [this.#self, ...this.#neighborhood.active.specs()].sort(byName)
  }

  /** A neighbour itself; whoever else there may be, through any neighbour that is connected. */
  route(to: NodeName): readonly NodeSpec[] {
    if (this.#departed || to === this.#self?.name) return []
    const { active } = this.#neighborhood
    const neighbor = active.get(to)
    return neighbor === undefined ? active.specs().filter(({ name }) => active.get(name)?.up) : [neighbor.spec]
  }

  /** Of the slots one at least is anybody's. */
  get reservable(): number {
    return this.#neighborhood.active.reservable
  }

  parse(value: unknown): HyParViewMessage | undefined {
    return parseHyParViewMessage(value)
  }

  admit(peer: NodeSpec): Admission | undefined {
    if (peer.role !== hyParViewRole) return { type: 'role', why: otherOverlay }
    return this.#neighborhood.lives.admit(peer)
  }

  /** Seeds lead into the overlay, and need not be neighbours for ever: islets find each other without them. */
  seeks(): boolean {
    return this.#neighborhood.active.isolated
  }

  state(): MembershipState {
    const { active, passive, book } = this.#neighborhood
    const neighbors = this.#departed ? [] : active.specs()
    return {
      members: this.members().map(({ name }) => name),
      active: neighbors.map(({ name }) => ({ name, connected: active.get(name)?.up === true })),
      passive: passive.specs().map(({ name }) => name),
      known: book.names(),
      reserved: active.tags,
      departed: this.#departed,
      ...(this.#xbot !== undefined && { exchange: this.#xbot.part }),
      ...(this.#self !== undefined && { root: this.#islets.beacon.mark.root }),
    }
  }

  step(input: MembershipInput<HyParViewMessage>, now: Instant, out: Effects): void {
    switch (input.type) {
      case 'start':
        return this.#start(input.self, now, out)
      case 'join':
        return this.#join(input.peer, now, out)
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
        this.#neighborhood.active.reserve(input.tag)
        return this.#self === undefined || this.#departed ? undefined : this.#neighborhood.fill(now, out)
      case 'rtt':
        return this.#xbot?.measured(input.node, input.millis)
      default:
        return unreachable(input)
    }
  }

  #start(self: NodeSpec, now: Instant, out: Effects): void {
    this.#self = self
    this.#departed = false
    this.#neighborhood.start(self)
    this.#shuffling.clear()
    this.#islets.start(now, out)
    this.#farewells.clear()
    this.#xbot?.start(out)
    this.#armRound(out)
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  #join(peer: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed || !this.#neighborhood.lives.isCurrent(peer)) return
    this.#neighborhood.add(peer, now, out)
    this.#neighborhood.book.pin(peer)
    out.push({ type: 'send', to: peer.name, message: { type: 'join' } })
  }

  #leave(out: Effects): void {
    const self = this.#self
    if (self === undefined) return
    const { up } = this.#neighborhood
    this.#departed = true
    out.push({ type: 'notify', event: { type: 'members' } })
    this.#farewells.tell(self, up, out)
  }

  /** Only a neighbour can be told that it is out. Whoever else knows it hears of it from neighbour to neighbour. */
  #remove(node: NodeName, now: Instant, out: Effects): void {
    if (node === this.#self?.name) return this.#leave(out)
    const { active, up } = this.#neighborhood
    const neighbor = active.get(node)
    if (this.#departed || neighbor === undefined) {
      return void out.push({ type: 'notify', event: { type: 'denied', node, why: removesNeighbors } })
    }
    this.#farewells.tell(neighbor.spec, up, out)
    this.#neighborhood.depart(node, neighbor.spec.incarnation, now, out)
    this.#neighborhood.fill(now, out)
  }

  #peerUp(peer: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    const { active } = this.#neighborhood
    this.#neighborhood.connected(peer, now, out)
    // It may have restarted, or have dropped this node while the connection was lost.
    if (active.has(peer.name)) this.#confirm(peer.name, out)
  }

  #peerDown(node: NodeName, now: Instant, out: Effects): void {
    this.#farewells.down(node, out)
    if (this.#departed) return void this.#neighborhood.up.delete(node)
    if (this.#neighborhood.active.has(node)) this.#islets.alarm()
    this.#neighborhood.disconnected(node, now, out)
    this.#xbot?.down(node, now, out)
  }

  #message(from: NodeSpec, message: HyParViewMessage, now: Instant, out: Effects): void {
    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)
    if (this.#departed) return this.#sayGoodbye(from.name, out)
    const { active, attempts } = this.#neighborhood
    switch (message.type) {
      case 'join':
        return this.#joined(from, now, out)
      case 'counted':
        this.#befriend(from, now, out)
        for (const spec of message.nodes) this.#neighborhood.remember(spec, out)
        if (!active.has(from.name)) return
        return void out.push({ type: 'notify', event: { type: 'joined', peer: from.name } })
      case 'forward-join':
        return this.#forwardJoin(from.name, message, now, out)
      case 'neighbor':
        return this.#asked(from, message.priority, now, out)
      case 'neighbor-reply':
        return message.accepted ? this.#accepted(from, now, out) : this.#neighborhood.refused(from.name, now, out)
      case 'disconnect':
        if (this.#xbot?.parts(from.name, out) === true) return
        return this.#neighborhood.dismissed(from.name, now, out)
      case 'shuffle':
        return this.#shuffling.walk(from.name, message, out)
      case 'shuffle-reply':
        return this.#shuffling.reply(message, out)
      case 'confirm':
        return this.#confirmed(from, message, now, out)
      case 'probe':
        return this.#islets.probed(from.name, out)
      case 'probe-reply':
        return attempts.has(from.name) ? this.#islets.answered(from, message.component, now, out) : undefined
      case 'leaving':
        return this.#leaving(from, message, now, out)
      case 'ping':
        return void out.push({ type: 'send', to: from.name, message: { type: 'pong' } })
      default:
        return this.#exchange(from, message, now, out)
    }
  }

  /** What belongs to an exchange of neighbours. A node without it answers nothing: who asked waits for a while. */
  #exchange(from: NodeSpec, message: ExchangeMessage, now: Instant, out: Effects): void {
    const xbot = this.#xbot
    switch (message.type) {
      case 'pong':
        return xbot?.ponged(from, now, out)
      case 'optimize':
        return xbot?.optimize(from, message, now, out)
      case 'optimized':
        return xbot?.optimized(from, message, now, out)
      case 'replace':
        return xbot?.replace(from, message, now, out)
      case 'replaced':
        return xbot?.replaced(from.name, message, now, out)
      case 'switch':
        return xbot?.switch(from, message, now, out)
      case 'switched':
        return xbot?.switched(from, message, now, out)
      default:
        return unreachable(message)
    }
  }

  #timer(timer: string, now: Instant, out: Effects): void {
    if (timer === 'round') {
      this.#armRound(out)
      if (this.#departed) return
      this.#islets.round(now, out)
      this.#shuffling.begin(out)
      return this.#neighborhood.round(now, out)
    }
    this.#farewells.expired(timer, out)
    if (this.#departed) return
    if (timer === beatTimer) return this.#islets.beat(now, out)
    this.#neighborhood.timer(timer, now, out)
    this.#xbot?.timer(timer, now, out)
    // Whoever did not answer may have been asked for its component.
    this.#islets.probe(now, out)
  }

  /** A node joins here: it gets a place whatever happens, and walks of its name give it further neighbours. */
  #joined(from: NodeSpec, now: Instant, out: Effects): void {
    const { active, book, random } = this.#neighborhood
    const { name } = from
    const isKnown = active.has(name)
    this.#neighborhood.add(from, now, out)
    if (!active.has(name)) return
    const nodes = sample(random, book.sound(name), nodesPerWelcome)
    out.push({ type: 'send', to: name, message: { type: 'counted', nodes } })
    this.#confirm(name, out)
    if (isKnown || from.addresses.length === 0) return
    const message: HyParViewMessage = { type: 'forward-join', peer: from, timeToLive: this.#options.arwl }
    for (const to of active.connected(name)) out.push({ type: 'send', to, message })
  }

  #forwardJoin(
    from: NodeName,
    { peer, timeToLive }: HyParViewMessage & { type: 'forward-join' },
    now: Instant,
    out: Effects,
  ): void {
    const { active, random } = this.#neighborhood
    if (!this.#neighborhood.meet(peer, out)) return
    const left = Math.min(timeToLive, this.#options.arwl)
    const next = left === 0 ? undefined : sample(random, active.connected(from, peer.name), 1)[0]
    if (next === undefined) return this.#invite(peer, now, out)
    // Where there is room anyway the first hop does not leave it to chance: small overlays become meshes at once.
    const isFirst = left === this.#options.arwl && active.room(peer) > 0
    if (left === this.#options.prwl || isFirst) this.#neighborhood.remember(peer, out)
    if (isFirst) this.#invite(peer, now, out)
    const message: HyParViewMessage = { type: 'forward-join', peer, timeToLive: left - 1 }
    out.push({ type: 'send', to: next, message })
  }

  /** Offers a place to a node that has joined, once it is connected. It may have enough neighbours by then. */
  #invite(spec: NodeSpec, now: Instant, out: Effects): void {
    const { active, attempts, up } = this.#neighborhood
    if (active.has(spec.name) || spec.addresses.length === 0) return
    const opening: HyParViewMessage = { type: 'neighbor', priority: 'low' }
    attempts.start({ spec, opening, makesRoom: true }, up.has(spec.name), now, out)
  }

  #asked(from: NodeSpec, priority: Priority, now: Instant, out: Effects): void {
    const { active } = this.#neighborhood
    // Who has no tag is kept by nobody, whatever others say.
    const isTagged = this.#self !== undefined && tagOf(this.#self) !== undefined
    const claims = priority === 'reserved' && isTagged && active.claimable(from.name)
    if (priority === 'high' || claims || active.room(from) > 0) this.#neighborhood.add(from, now, out)
    if (claims) active.claim(from.name)
    const accepted = active.has(from.name)
    out.push({ type: 'send', to: from.name, message: { type: 'neighbor-reply', accepted } })
    if (accepted) this.#confirm(from.name, out)
  }

  #accepted(from: NodeSpec, now: Instant, out: Effects): void {
    const { active, attempts } = this.#neighborhood
    if (active.has(from.name)) return
    const attempt = attempts.get(from.name)
    const isAsked = attempt?.opening.type === 'neighbor'
    // Another may have got the reserved slot meanwhile.
    const isMeant = isAsked && (!isForReserved(attempt.opening) || active.fillsReserved(from))
    const isUrgent = isMeant && (attempt.makesRoom || active.isolated)
    if (isAsked && (isUrgent || active.room(from) > 0)) return this.#befriend(from, now, out)
    // It came too late: the place is taken, or nobody waits for the answer any more.
    out.push({ type: 'send', to: from.name, message: { type: 'disconnect' } })
    this.#neighborhood.refused(from.name, now, out)
  }

  /** Who counts this node as a neighbour is one, or is told that it is not. */
  #confirmed(from: NodeSpec, { component }: HyParViewMessage & { type: 'confirm' }, now: Instant, out: Effects): void {
    const { active } = this.#neighborhood
    if (!active.has(from.name) && active.room(from) > 0) this.#befriend(from, now, out)
    if (active.has(from.name)) return this.#islets.hear(from.name, component, now, out)
    out.push({ type: 'send', to: from.name, message: { type: 'disconnect' } })
  }

  #leaving(
    from: NodeSpec,
    { node, incarnation }: HyParViewMessage & { type: 'leaving' },
    now: Instant,
    out: Effects,
  ): void {
    out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })
    const self = this.#self as NodeSpec
    if (node === self.name) return incarnation === self.incarnation ? this.#removed(from.name, out) : undefined
    if (!this.#neighborhood.depart(node, incarnation, now, out)) return
    // Who leaves tells its neighbours, and that is all. A removal has to reach whoever else counts the removed node.
    if (node !== from.name) {
      const message: HyParViewMessage = { type: 'leaving', node, incarnation }
      for (const to of this.#neighborhood.active.connected(from.name)) out.push({ type: 'send', to, message })
    }
    this.#neighborhood.fill(now, out)
  }

  #removed(by: NodeName, out: Effects): void {
    this.#departed = true
    for (const to of this.#neighborhood.up) if (to !== by) this.#sayGoodbye(to, out)
    out.push({ type: 'notify', event: { type: 'members' } }, { type: 'notify', event: { type: 'removed' } })
  }

  #sayGoodbye(to: NodeName, out: Effects): void {
    out.push({ type: 'send', to, message: goodbye(this.#self as NodeSpec) })
  }

  #befriend(peer: NodeSpec, now: Instant, out: Effects): void {
    const { active } = this.#neighborhood
    if (active.has(peer.name)) return
    this.#neighborhood.add(peer, now, out)
    // Both ends tell each other at once in which component they are: there may be two, of which this makes one.
    if (active.has(peer.name)) this.#confirm(peer.name, out)
  }

  #confirm(to: NodeName, out: Effects): void {
    out.push({ type: 'send', to, message: { type: 'confirm', component: this.#islets.beacon.mark } })
  }

  #armRound(out: Effects): void {
    const after = this.#options.shuffleInterval * (0.5 + this.#options.random.next())
    out.push({ type: 'arm', timer: 'round', after })
  }
}

type ExchangeMessage = Extract<
  HyParViewMessage,
  { readonly type: 'pong' | 'optimize' | 'optimized' | 'replace' | 'replaced' | 'switch' | 'switched' }
>

// The other end reads this text too, so it says the same from both sides.
const otherOverlay = 'one is a node of a HyParView overlay, and the other is not: they run different overlays'
const removesNeighbors = 'a node of a HyParView overlay removes a neighbour, or itself'
