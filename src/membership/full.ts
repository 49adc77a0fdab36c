import { unreachable } from '../core/invariant.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import { Downtimes } from './downtimes.js'
import { Farewells } from './farewells.js'
import { entriesPerMessage, type FullMessage, type MemberEntry, parseFullMessage } from './full-messages.js'
import { type FullMembershipOptions, resolveFullOptions } from './full-options.js'
import { Isolation } from './isolation.js'
import { MemberTable } from './member-table.js'
import { newsOf, welcomeOf } from './news.js'
import type { Admission, MembershipEffect, MembershipInput, MembershipState, MembershipStrategy } from './strategy.js'
import { compareSummary, type Summary, summarize } from './summary.js'

type Effects = MembershipEffect<FullMessage>[]

/**
 * Everybody knows everybody and is connected with everybody. What changed spreads at once, by rumour: each node passes
 * news on to a few others when it first hears it (Demers et al., "Epidemic algorithms for replicated database
 * maintenance", 1987). Hashes of the views are compared with one random peer a second, and whatever rumour missed is
 * mended; so an idle cluster of any size sends one small message per node and second. A node that is down stays a
 * member.
 */
export class FullMembership implements MembershipStrategy<FullMessage> {
  readonly capabilities: readonly string[] = ['full-membership']
  readonly #options: Required<FullMembershipOptions>
  readonly #table: MemberTable
  readonly #up = new Set<NodeName>()
  readonly #downtimes: Downtimes
  /** What was learnt and not yet passed on, with who told. */
  readonly #news = new Map<NodeName, NodeName | undefined>()
  readonly #farewells: Farewells
  #self: NodeSpec | undefined
  #departed = false
  readonly #isolation: Isolation

  constructor(options: FullMembershipOptions) {
    this.#options = resolveFullOptions(options)
    const { tombstoneAge, removeDownAfter, leaveTimeout, members } = this.#options
    this.#downtimes = new Downtimes(removeDownAfter)
    this.#table = new MemberTable(members)
    this.#farewells = new Farewells(leaveTimeout)
    this.#isolation = new Isolation(tombstoneAge)
  }

  /** What is known of every name. For reading. */
  get table(): MemberTable {
    return this.#table
  }

  /** This node has left, or was removed: it takes no part until its next life. */
  get departed(): boolean {
    return this.#departed
  }

  members(): readonly NodeSpec[] {
    if (this.#departed && this.#self !== undefined) return [this.#self]
    return this.#table.members()
  }

  route(to: NodeName): readonly NodeSpec[] {
    const entry = this.#table.get(to)
    return entry === undefined || entry.left ? [] : [entry.spec]
  }

  parse(value: unknown): FullMessage | undefined {
    return parseFullMessage(value)
  }

  admit(peer: NodeSpec): Admission | undefined {
    return this.#table.admit(peer)
  }

  state(): MembershipState {
    const members = this.members()
    return {
      members: members.map(({ name }) => name),
      entries: members.map(({ name, incarnation, version }) => ({ name, incarnation, version })),
      departed: this.#departed,
    }
  }

  step(input: MembershipInput<FullMessage>, now: Instant, out: Effects): void {
    switch (input.type) {
      case 'start':
        return this.#start(input.self, now, out)
      case 'join':
        return this.#join(input.peer, now, out)
      case 'leave':
        return this.#leave(now, out)
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
      case 'rtt':
        return
      default:
        return unreachable(input)
    }
  }

  #start(self: NodeSpec, now: Instant, out: Effects): void {
    this.#self = self
    this.#departed = false
    this.#isolation.reset()
    this.#table.clear()
    for (const map of [this.#up, this.#downtimes, this.#news, this.#farewells]) map.clear()
    this.#table.merge({ spec: self, left: false }, now)
    out.push({ type: 'arm', timer: 'digest', after: this.#jittered(this.#options.digestInterval) })
    out.push({ type: 'arm', timer: 'sweep', after: this.#downtimes.sweepInterval })
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  #join(peer: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    this.#learn([{ spec: peer, left: false }], undefined, now, out)
    const members = this.members()
    const entries = members.slice(0, entriesPerMessage).map(spec => ({ spec, left: false }))
    const further = members.slice(entriesPerMessage).map(({ name }) => name)
    this.#sendNews(peer.name, further, out)
    out.push({ type: 'send', to: peer.name, message: { type: 'join', entries } })
  }

  #leave(now: Instant, out: Effects): void {
    const self = this.#self
    if (self === undefined) return
    const entry = { spec: self, left: true }
    this.#table.merge(entry, now)
    this.#departed = true
    out.push({ type: 'notify', event: { type: 'members' } })
    this.#tellAll(entry, out)
  }

  #remove(node: NodeName, now: Instant, out: Effects): void {
    const known = this.#table.get(node)
    if (known === undefined || known.left) return void out.push({ type: 'notify', event: { type: 'told', node } })
    const entry = { spec: known.spec, left: true }
    this.#tellAll(entry, out)
    this.#learn([entry], undefined, now, out)
    this.#news.delete(node)
  }

  #tellAll(entry: MemberEntry, out: Effects): void {
    const concerned = [...this.#up, ...this.#options.satellites.concerned(entry.spec)]
    for (const to of concerned) out.push({ type: 'send', to, message: { type: 'leaving', entry } })
    this.#farewells.begin(entry.spec.name, concerned, out)
  }

  #peerUp(peer: NodeSpec, now: Instant, out: Effects): void {
    if (this.#departed) return
    const { name } = peer
    this.#up.add(name)
    this.#downtimes.end(name)
    const known = this.#table.get(name)
    if (known === undefined || known.left) return
    this.#learn([{ spec: peer, left: false }], undefined, now, out)
    if (this.#isolation.met(name, now)) this.#askTeacher(out)
    else if (!this.#isolation.lasts) this.#sendDigest(name, out)
  }

  #askTeacher(out: Effects): void {
    const { teacher } = this.#isolation
    const spec = this.#self as NodeSpec
    if (teacher === undefined) return
    out.push({ type: 'send', to: teacher, message: { type: 'join', entries: [{ spec, left: false }] } })
  }

  /** We were away for longer than anybody remembers who left meanwhile: whom the others no longer know has left. */
  #adopt(taught: ReadonlySet<NodeName>, out: Effects): void {
    for (const { name } of this.members()) {
      if (name === this.#self?.name || taught.has(name) || this.#up.has(name)) continue
      if (this.#options.satellites.isSeen(name)) continue
      this.#table.forget(name)
      this.#news.delete(name)
      this.#downtimes.end(name)
      out.push({ type: 'disconnect', node: name, reason: 'unwanted' })
    }
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  #peerDown(node: NodeName, now: Instant, out: Effects): void {
    this.#farewells.down(node, out)
    if (this.#table.isMember(node)) this.#downtimes.begin(node, now)
    if (!this.#up.delete(node)) return
    if (this.#up.size === 0 || this.#isolation.teacher === node) this.#isolation.alone(now)
  }

  #message(from: NodeSpec, message: FullMessage, now: Instant, out: Effects): void {
    if (message.type === 'noted') return this.#farewells.noted(from.name, message.node, out)
    if (this.#departed) return this.#sayGoodbye(from.name, out)
    switch (message.type) {
      case 'join':
        this.#learn([{ spec: from, left: false }, ...message.entries], from.name, now, out)
        return this.#welcome(from.name, out)
      case 'news':
        this.#learn(message.entries, from.name, now, out)
        if (message.counted) out.push({ type: 'notify', event: { type: 'joined', peer: from.name } })
        return this.#taught(from.name, message, out)
      case 'digest':
        return this.#compare(from, message, now, out)
      case 'summary':
        return this.#answerSummary(from.name, message, out)
      case 'want':
        return this.#sendNews(from.name, message.names, out)
      case 'leaving': {
        const { name: node, incarnation } = message.entry.spec
        out.push({ type: 'send', to: from.name, message: { type: 'noted', node, incarnation } })
        return this.#learn([message.entry], from.name, now, out)
      }
      default:
        return unreachable(message)
    }
  }

  #timer(timer: string, now: Instant, out: Effects): void {
    if (timer === 'gossip') return this.#gossip(out)
    if (timer === 'sweep') return this.#sweep(now, out)
    if (timer === 'digest') {
      out.push({ type: 'arm', timer: 'digest', after: this.#jittered(this.#options.digestInterval) })
      const peers = [...this.#up].filter(name => this.#table.isMember(name))
      if (peers[0] !== undefined) this.#isolation.met(peers[0], now)
      if (this.#isolation.lasts) return this.#askTeacher(out)
      for (const name of sample(this.#options.random, peers, 1)) this.#sendDigest(name, out)
      return
    }
    this.#farewells.expired(timer, out)
  }

  #taught(by: NodeName, { entries, counted }: FullMessage & { type: 'news' }, out: Effects): void {
    const names = entries.map(({ spec }) => spec.name)
    const taught = this.#isolation.told(by, names, counted)
    if (taught === undefined) return
    this.#adopt(taught, out)
    this.#sendDigest(by, out)
  }

  /** Merges what was heard, acts on what is new, and passes it on. */
  #learn(entries: readonly MemberEntry[], from: NodeName | undefined, now: Instant, out: Effects): void {
    const self = this.#self
    let changed = false
    for (const entry of entries) {
      const { name } = entry.spec
      if (name === self?.name) {
        if (this.#hearOfSelf(entry, self, from, out)) return
        continue
      }
      if (!this.#table.merge(entry, now)) continue
      changed = true
      this.#news.set(name, from)
      if (entry.left) {
        this.#downtimes.end(name)
        const { incarnation } = entry.spec
        out.push({ type: 'disconnect', node: name, reason: 'left', incarnation })
      } else {
        if (!this.#up.has(name)) this.#downtimes.begin(name, now)
        out.push({ type: 'connect', peer: entry.spec })
      }
    }
    if (!changed) return
    out.push({ type: 'notify', event: { type: 'members' } })
    out.push({ type: 'arm', timer: 'gossip', after: this.#options.gossipDelay })
  }

  /** Only this node raises its own entry: what others say of it is a removal, a later namesake, or old. */
  #hearOfSelf(entry: MemberEntry, self: NodeSpec, from: NodeName | undefined, out: Effects): boolean {
    if (entry.spec.incarnation > self.incarnation) {
      out.push({ type: 'notify', event: { type: 'superseded', known: entry.spec.incarnation } })
      return false
    }
    if (entry.spec.incarnation < self.incarnation || !entry.left) {
      if (entry.spec.incarnation < self.incarnation && from !== undefined) this.#sendNews(from, [self.name], out)
      return false
    }
    this.#departed = true
    this.#news.clear()
    out.push({ type: 'notify', event: { type: 'members' } })
    out.push({ type: 'notify', event: { type: 'removed' } })
    return true
  }

  /** Answers a join with all we know; its last part says that the joiner is counted. */
  #welcome(to: NodeName, out: Effects): void {
    // A full table has not taken it.
    if (!this.#table.isMember(to)) return
    for (const message of welcomeOf(this.#table.members().map(spec => ({ spec, left: false })))) {
      out.push({ type: 'send', to, message })
    }
  }

  #sayGoodbye(to: NodeName, out: Effects): void {
    const self = this.#self as NodeSpec
    out.push({ type: 'send', to, message: { type: 'news', entries: [{ spec: self, left: true }], counted: false } })
  }

  #gossip(out: Effects): void {
    const { random, fanout } = this.#options
    const peers = [...this.#up].filter(name => this.#table.isMember(name))
    const names = [...this.#news]
    this.#news.clear()
    const count = fanout + Math.ceil(Math.log(peers.length + 1))
    for (const to of sample(random, peers, count)) {
      const unknown = names.filter(([name, from]) => name !== to && from !== to).map(([name]) => name)
      this.#sendNews(to, unknown, out)
    }
  }

  #sendNews(to: NodeName, names: readonly NodeName[], out: Effects): void {
    for (const message of newsOf(this.#table, names)) out.push({ type: 'send', to, message })
  }

  #sendDigest(to: NodeName, out: Effects): void {
    const message: FullMessage = { type: 'digest', ...this.#table.digest(), counted: this.#table.isMember(to) }
    out.push({ type: 'send', to, message })
  }

  #compare(from: NodeSpec, theirs: FullMessage & { type: 'digest' }, now: Instant, out: Effects): void {
    // They count us, and we had not known: we restarted, or their answer to a join was lost.
    if (theirs.counted) this.#learn([{ spec: from, left: false }], undefined, now, out)
    if (!this.#table.isMember(from.name) || this.#isolation.lasts) return
    const ours = this.#table.digest()
    if (ours.hash === theirs.hash && ours.check === theirs.check) return
    for (const message of summarize(this.#table)) out.push({ type: 'send', to: from.name, message })
  }

  /** Sends what the sender of a summary lacks, and asks for what we lack. */
  #answerSummary(from: NodeName, summary: Summary, out: Effects): void {
    if (this.#isolation.lasts) return
    const { wanted, lacking } = compareSummary(this.#table, summary)
    this.#sendNews(from, lacking, out)
    if (wanted.length > 0) out.push({ type: 'send', to: from, message: { type: 'want', names: wanted } })
  }

  #sweep(now: Instant, out: Effects): void {
    out.push({ type: 'arm', timer: 'sweep', after: this.#downtimes.sweepInterval })
    const { tombstoneAge, satellites } = this.#options
    this.#table.sweep(now, tombstoneAge)
    for (const spec of this.#downtimes.overdue(this.#table, now)) {
      if (!satellites.isSeen(spec.name)) this.#learn([{ spec, left: true }], undefined, now, out)
    }
  }

  #jittered(interval: Millis): Millis {
    return interval * (0.5 + this.#options.random.next())
  }
}
