import { unreachable } from '../core/invariant.js'
import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { type Random, sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import { type ClientMessage, parseClientMessage } from './client-server-messages.js'
import { Farewells } from './farewells.js'
import type { MemberEntry } from './full-messages.js'
import { Listings } from './listings.js'
import { MemberTable } from './member-table.js'
import { judgeRole } from './roles.js'
import type { Admission, MembershipEffect, MembershipInput, MembershipState, MembershipStrategy } from './strategy.js'

export interface ClientMembershipOptions {
  readonly random: Random
  /** How often what is known of the servers is compared with a random one of them. Default 5,000 ms. */
  readonly checkInterval?: Millis
  /**
   * How long servers may take to agree on a server. After that one that cannot be reached and that none counts any more
   * is forgotten, and one that has left, but is still counted, is believed to be a member. Default 10,000 ms.
   */
  readonly settleAfter?: Millis
  /** How long it is remembered that a server left. Default 24 h. */
  readonly tombstoneAge?: Millis
  /** Who leaves waits at most so long for the servers to take note. Default 1,000 ms. */
  readonly leaveTimeout?: Millis
  /** Names of servers that are kept; further ones are not taken. Default 16,384. */
  readonly members?: number
}

type Effects = MembershipEffect<ClientMessage>[]

/**
 * The client's half of an overlay of clients and servers. It knows the servers and itself and is connected with all of
 * them, so that the loss of one is no loss of the cluster; it tells nobody of anybody but itself.
 */
export class ClientMembership implements MembershipStrategy<ClientMessage> {
  readonly capabilities: readonly string[] = []
  readonly #random: Random
  readonly #checkInterval: Millis
  readonly #settleAfter: Millis
  readonly #tombstoneAge: Millis
  /** The servers. */
  readonly #table: MemberTable
  readonly #listings: Listings
  readonly #farewells: Farewells
  readonly #up = new Set<NodeName>()
  #self: NodeSpec | undefined
  #departed = false

  constructor({
    random,
    checkInterval = 5_000,
    settleAfter = 10_000,
    tombstoneAge = 24 * 3_600_000,
    leaveTimeout = 1_000,
    members = 16_384,
  }: ClientMembershipOptions) {
    this.#random = random
    this.#checkInterval = checkInterval
    this.#settleAfter = settleAfter
    this.#tombstoneAge = tombstoneAge
    this.#table = new MemberTable(members)
    this.#listings = new Listings(settleAfter)
    this.#farewells = new Farewells(leaveTimeout)
  }

  members(): readonly NodeSpec[] {
    const servers = this.#departed ? [] : this.#table.members()
    return this.#self === undefined ? servers : [...servers, this.#self].sort(byName)
  }

  /** A server itself; whoever else there may be, through any server that is connected. */
  route(to: NodeName): readonly NodeSpec[] {
    const found = this.members().find(({ name }) => name === to)
    return found === undefined ? this.members().filter(({ name }) => this.#up.has(name)) : [found]
  }

  parse(value: unknown): ClientMessage | undefined {
    return parseClientMessage(value, this.#self?.name)
  }

  admit(peer: NodeSpec): Admission | undefined {
    return judgeRole('client', peer) ?? this.#table.admit(peer)
  }

  state(): MembershipState {
    const servers = this.members().filter(({ name }) => name !== this.#self?.name)
    return {
      members: this.members().map(({ name }) => name),
      departed: this.#departed,
      role: 'client',
      servers: servers.map(({ name }) => ({ name, connected: this.#up.has(name) })),
    }
  }

  step(input: MembershipInput<ClientMessage>, now: Instant, out: Effects): void {
    switch (input.type) {
      case 'start':
        return this.#start(input.self, out)
      case 'join':
        return this.#join(input.peer, now, out)
      case 'leave':
        return this.#leave(out)
      case 'remove':
        if (input.node === this.#self?.name) return this.#leave(out)
        return void out.push({ type: 'notify', event: { type: 'denied', node: input.node, why: removesNobody } })
      case 'up':
        return this.#serverUp(input.peer, now, out)
      case 'down':
        return this.#serverDown(input.node, out)
      case 'message':
        return this.#message(input.from, input.message, now, out)
      case 'timer':
        return input.timer === 'check' ? this.#check(now, out) : this.#farewells.expired(input.timer, out)
      case 'reserve':
      case 'rtt':
        return
      default:
        return unreachable(input)
    }
  }

  #start(self: NodeSpec, out: Effects): void {
    this.#self = self
    this.#departed = false
    for (const part of [this.#table, this.#listings, this.#farewells, this.#up]) part.clear()
    this.#armCheck(out)
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  #join(server: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    this.#learn([{ spec: server, left: false }], now, out)
    this.#listings.asked(server.name)
    out.push({ type: 'send', to: server.name, message: { type: 'join', entries: [] } })
  }

  #leave(out: Effects): void {
    const self = this.#self
    if (self === undefined) return
    this.#departed = true
    out.push({ type: 'notify', event: { type: 'members' } })
    for (const to of this.#up) this.#sayGoodbye(to, out)
    this.#farewells.begin(self.name, this.#up, out)
  }

  #serverUp(server: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    this.#up.add(server.name)
    if (!this.#table.isMember(server.name)) return
    this.#learn([{ spec: server, left: false }], now, out)
    this.#ask(server.name, out)
  }

  #serverDown(node: NodeName, out: Effects): void {
    this.#up.delete(node)
    this.#listings.down(node)
    this.#farewells.down(node, out)
  }

  #message(from: NodeSpec, message: ClientMessage, now: Instant, out: Effects): void {
    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)
    if (this.#departed) return this.#sayGoodbye(from.name, out)
    switch (message.type) {
      case 'join':
        this.#learn([{ spec: from, left: false }], now, out)
        return void out.push({ type: 'send', to: from.name, message: { type: 'news', entries: [], counted: true } })
      case 'news':
        return this.#news(from.name, message, now, out)
      case 'digest':
        return this.#compare(from, message, now, out)
      case 'leaving': {
        const { name: node, incarnation } = message.entry.spec
        out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })
        return this.#learn([message.entry], now, out)
      }
      default:
        return unreachable(message)
    }
  }

  #news(from: NodeName, { entries, counted }: ClientMessage & { type: 'news' }, now: Instant, out: Effects): void {
    const listed = entries.filter(({ left }) => !left).map(({ spec }) => spec.name)
    this.#listings.heard(from, listed, counted)
    // Who removed it may be gone, and no server have heard of it: then the client follows the servers.
    for (const name of listed) this.#table.forgetLeft(name, now, this.#settleAfter)
    this.#learn(entries, now, out)
    if (counted && !this.#departed) out.push({ type: 'notify', event: { type: 'joined', peer: from } })
  }

  #compare(from: NodeSpec, theirs: ClientMessage & { type: 'digest' }, now: Instant, out: Effects): void {
    const wasMember = this.#table.isMember(from.name)
    // It counts us, and we had not known: we restarted, or its answer to a join was lost.
    if (theirs.counted) this.#learn([{ spec: from, left: false }], now, out)
    if (!this.#table.isMember(from.name)) return
    const ours = this.#table.digest()
    if (ours.hash === theirs.hash && ours.check === theirs.check) {
      const names = this.#table.members().map(({ name }) => name)
      this.#listings.heard(from.name, names, true)
    } else if (!wasMember) this.#ask(from.name, out)
  }

  /** Merges what was heard of servers, or of this node itself, and acts on what is new. */
  #learn(entries: readonly MemberEntry[], now: Instant, out: Effects): void {
    let changed = false
    for (const entry of entries) {
      const { name, incarnation } = entry.spec
      if (name === this.#self?.name) {
        if (this.#hearOfSelf(entry, this.#self, out)) return
        continue
      }
      const wasMember = this.#table.isMember(name)
      if (!this.#table.merge(entry, now)) continue
      changed ||= wasMember || !entry.left
      if (!entry.left) out.push({ type: 'connect', peer: entry.spec })
      else if (wasMember || this.#up.has(name)) {
        out.push({ type: 'disconnect', node: name, reason: 'left', incarnation })
      }
    }
    if (changed) out.push({ type: 'notify', event: { type: 'members' } })
  }

  /** What a server says of this node is its removal, a later namesake, or old. */
  #hearOfSelf({ spec, left }: MemberEntry, self: NodeSpec, out: Effects): boolean {
    if (spec.incarnation > self.incarnation) {
      out.push({ type: 'notify', event: { type: 'superseded', known: spec.incarnation } })
      return false
    }
    if (spec.incarnation < self.incarnation || !left) return false
    this.#departed = true
    out.push({ type: 'notify', event: { type: 'members' } })
    out.push({ type: 'notify', event: { type: 'removed' } })
    return true
  }

  /** Asks a server for whatever it knows better. */
  #ask(server: NodeName, out: Effects): void {
    this.#listings.asked(server)
    out.push({ type: 'send', to: server, message: { type: 'digest', ...this.#table.digest(), counted: true } })
  }

  #sayGoodbye(to: NodeName, out: Effects): void {
    const spec = this.#self as NodeSpec
    out.push({ type: 'send', to, message: { type: 'leaving', entry: { spec, left: true } } })
  }

  #check(now: Instant, out: Effects): void {
    this.#armCheck(out)
    this.#table.sweep(now, this.#tombstoneAge)
    if (this.#departed) return
    const servers = [...this.#up].filter(name => this.#table.isMember(name))
    for (const name of sample(this.#random, servers, 1)) this.#ask(name, out)
    this.#forgetUnlisted(now, out)
  }

  /** All servers may have been replaced by others: those that are gone nobody will tell of. */
  #forgetUnlisted(now: Instant, out: Effects): void {
    const absent = this.#table.members().filter(({ name }) => !this.#up.has(name))
    const unlisted = this.#listings.unlisted(
      absent.map(({ name }) => name),
      now,
    )
    for (const node of unlisted) {
      this.#table.forget(node)
      out.push({ type: 'disconnect', node, reason: 'unwanted' })
    }
    if (unlisted.length > 0) out.push({ type: 'notify', event: { type: 'members' } })
  }

  #armCheck(out: Effects): void {
    out.push({ type: 'arm', timer: 'check', after: this.#checkInterval * (0.5 + this.#random.next()) })
  }
}

const removesNobody = 'a client removes nobody but itself; ask a server to do it'
