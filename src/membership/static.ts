import { invariant, unreachable } from '../core/invariant.js'
import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import { Downtimes } from './downtimes.js'
import { Farewells, goodbye } from './farewells.js'
import { MemberTable } from './member-table.js'
import { parseStaticMessage, type StaticMessage } from './static-messages.js'
import type { Admission, MembershipEffect, MembershipInput, MembershipState, MembershipStrategy } from './strategy.js'

/** What nodes of a static mesh call their part: a node of another overlay does not understand them. */
export const staticRole = 'static'

export interface StaticMembershipOptions {
  /**
   * The peers there are, and no others: the mesh is closed. One that was never met has incarnation 0. Left out, the
   * mesh is open: whoever is joined, or joins, is a member.
   */
  readonly peers?: readonly NodeSpec[] | undefined
  /** How long an open mesh remembers that a node left. Default 24 h. */
  readonly tombstoneAge?: Millis
  /** An open mesh removes a member with a generated name after it was down so long. Default 1 h. */
  readonly removeDownAfter?: Millis
  /** Who leaves waits at most so long for the others to take note. Default 1,000 ms. */
  readonly leaveTimeout?: Millis
  /** Names that are kept; further ones are not taken. Default 16,384. */
  readonly members?: number
}

type Effects = MembershipEffect<StaticMessage>[]

/**
 * Members are whom one was given, or whom one joined; nothing is gossiped, so membership is a matter between two nodes.
 * In a closed mesh those that were given are members whatever they do: one that leaves ends its life, is down, and is
 * taken back in its next.
 */
export class StaticMembership implements MembershipStrategy<StaticMessage> {
  readonly capabilities: readonly string[]
  readonly #listed: ReadonlyMap<NodeName, NodeSpec> | undefined
  readonly #tombstoneAge: Millis
  /** This node, and its peers in the lives that it knows. */
  readonly #table: MemberTable
  readonly #farewells: Farewells
  readonly #up = new Set<NodeName>()
  readonly #downtimes: Downtimes
  #self: NodeSpec | undefined
  #departed = false

  constructor({
    peers,
    tombstoneAge = 24 * 3_600_000,
    removeDownAfter = 3_600_000,
    leaveTimeout = 1_000,
    members = 16_384,
  }: StaticMembershipOptions = {}) {
    this.#listed = peers && new Map(peers.map(peer => [peer.name, peer]))
    this.capabilities = peers === undefined ? [] : ['full-membership']
    this.#tombstoneAge = tombstoneAge
    this.#downtimes = new Downtimes(removeDownAfter)
    this.#table = new MemberTable(Math.max(members, (peers?.length ?? 0) + 1))
    this.#farewells = new Farewells(leaveTimeout)
  }

  members(): readonly NodeSpec[] {
    if (this.#departed && this.#self !== undefined) return [this.#self]
    if (this.#listed === undefined || this.#self === undefined) return this.#table.members()
    const names = new Set([this.#self.name, ...this.#listed.keys()])
    return [...names].map(name => this.#specOf(name)).sort(byName)
  }

  /** A member itself; whoever else there may be in an open mesh, through any that is connected. */
  route(to: NodeName): readonly NodeSpec[] {
    const members = this.members()
    const found = members.filter(({ name }) => name === to)
    return found.length > 0 || this.#listed !== undefined ? found : members.filter(({ name }) => this.#up.has(name))
  }

  parse(value: unknown): StaticMessage | undefined {
    return parseStaticMessage(value)
  }

  admit(peer: NodeSpec): Admission | undefined {
    if (peer.role !== staticRole) return { type: 'role', why: otherOverlay }
    if (this.#listed?.has(peer.name) === false) return { type: 'role', why: notListed }
    return this.#table.admit(peer)
  }

  state(): MembershipState {
    const members = this.members()
    return {
      members: members.map(({ name }) => name),
      entries: members.map(({ name, incarnation, version }) => ({ name, incarnation, version })),
      departed: this.#departed,
      closed: this.#listed !== undefined,
      left: members.map(({ name }) => name).filter(name => this.#table.get(name)?.left === true),
    }
  }

  step(input: MembershipInput<StaticMessage>, now: Instant, out: Effects): void {
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
        return input.timer === 'sweep' ? this.#sweep(now, out) : this.#farewells.expired(input.timer, out)
      case 'reserve':
      case 'rtt':
        return
      default:
        return unreachable(input)
    }
  }

  #start(self: NodeSpec, now: Instant, out: Effects): void {
    this.#self = self
    this.#departed = false
    for (const part of [this.#table, this.#farewells, this.#up, this.#downtimes]) part.clear()
    this.#table.merge({ spec: self, left: false }, now)
    for (const spec of this.#listed?.values() ?? []) {
      if (spec.name === self.name) continue
      this.#table.merge({ spec, left: false }, now)
      out.push({ type: 'connect', peer: spec })
    }
    if (this.#listed === undefined) out.push({ type: 'arm', timer: 'sweep', after: this.#downtimes.sweepInterval })
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  #join(peer: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    this.#count(peer, now, out)
    out.push({ type: 'send', to: peer.name, message: { type: 'join' } })
  }

  #leave(out: Effects): void {
    const self = this.#self
    if (self === undefined) return
    this.#depart(undefined, out)
    this.#farewells.begin(self.name, this.#up, out)
  }

  #remove(node: NodeName, now: Instant, out: Effects): void {
    if (node === this.#self?.name) return this.#leave(out)
    const known = this.#table.get(node)
    if (known === undefined || known.left) return void out.push({ type: 'notify', event: { type: 'told', node } })
    this.#farewells.tell(known.spec, this.#up.has(node) ? [node] : [], out)
    this.#gone(known.spec, now, out)
  }

  #peerUp(peer: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    const { name } = peer
    this.#up.add(name)
    this.#downtimes.end(name)
    if (this.#listed === undefined && !this.#table.isMember(name)) return
    // One that has restarted and knows nobody learns from this that it is a member.
    if (this.#count(peer, now, out)) out.push({ type: 'send', to: name, message: { type: 'counted' } })
  }

  #peerDown(node: NodeName, now: Instant, out: Effects): void {
    this.#farewells.down(node, out)
    if (this.#up.delete(node) && this.#table.isMember(node)) this.#downtimes.begin(node, now)
  }

  #message(from: NodeSpec, message: StaticMessage, now: Instant, out: Effects): void {
    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)
    if (this.#departed) return this.#sayGoodbye(from.name, out)
    switch (message.type) {
      case 'join':
        if (this.#count(from, now, out)) out.push({ type: 'send', to: from.name, message: { type: 'counted' } })
        return
      case 'counted':
        if (!this.#count(from, now, out)) return
        return void out.push({ type: 'notify', event: { type: 'joined', peer: from.name } })
      case 'leaving':
        return this.#leaving(from, message, now, out)
      default:
        return unreachable(message)
    }
  }

  /** Nobody speaks for others here: a peer leaves, or removes this node. */
  #leaving(
    from: NodeSpec,
    { node, incarnation }: StaticMessage & { type: 'leaving' },
    now: Instant,
    out: Effects,
  ): void {
    const leaver = [from, this.#self].find(spec => spec?.name === node && spec.incarnation === incarnation)
    if (leaver === undefined) return
    out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })
    if (leaver === from) return this.#gone(from, now, out)
    this.#depart(from.name, out)
    out.push({ type: 'notify', event: { type: 'removed' } })
  }

  /** Makes a peer a member, in this life of it. False when it cannot be one: it has left, or the table is full. */
  #count(peer: NodeSpec, now: Instant, out: Effects): boolean {
    const { name } = peer
    if (this.#table.merge({ spec: peer, left: false }, now)) {
      if (!this.#up.has(name)) this.#downtimes.begin(name, now)
      out.push({ type: 'connect', peer })
      out.push({ type: 'notify', event: { type: 'members' } })
    }
    return this.#table.isMember(name)
  }

  /** This life of a peer has ended. One that was given is dialled on: its next life may come any time. */
  #gone(spec: NodeSpec, now: Instant, out: Effects): void {
    if (!this.#table.merge({ spec, left: true }, now)) return
    this.#downtimes.end(spec.name)
    out.push({ type: 'disconnect', node: spec.name, reason: 'left', incarnation: spec.incarnation })
    if (this.#listed === undefined) out.push({ type: 'notify', event: { type: 'members' } })
    else out.push({ type: 'connect', peer: spec })
  }

  /** This node takes no part until its next life. All are told but who knows it already. */
  #depart(known: NodeName | undefined, out: Effects): void {
    this.#departed = true
    out.push({ type: 'notify', event: { type: 'members' } })
    for (const to of this.#up) if (to !== known) this.#sayGoodbye(to, out)
  }

  #sayGoodbye(to: NodeName, out: Effects): void {
    out.push({ type: 'send', to, message: goodbye(this.#self as NodeSpec) })
  }

  #sweep(now: Instant, out: Effects): void {
    out.push({ type: 'arm', timer: 'sweep', after: this.#downtimes.sweepInterval })
    this.#table.sweep(now, this.#tombstoneAge)
    // A restarted node that was dialled may have missed that it is a member: nobody else would tell it.
    const members = [...this.#up].filter(name => this.#table.isMember(name))
    for (const to of members) out.push({ type: 'send', to, message: { type: 'counted' } })
    for (const spec of this.#downtimes.overdue(this.#table, now)) this.#gone(spec, now, out)
  }

  #specOf(name: NodeName): NodeSpec {
    const entry = this.#table.get(name)
    invariant(entry !== undefined, 'who was given is known')
    return entry.spec
  }
}

// The other end reads these texts too, so they say the same from both sides.
const otherOverlay = 'one is a node of a static mesh, and the other is not: they run different overlays'
const notListed = 'a static mesh that was given its peers takes nobody else, and this pair was not given'
