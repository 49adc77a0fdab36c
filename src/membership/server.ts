import { unreachable } from '../core/invariant.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Instant } from '../core/time.js'
import { Attachments } from './attachments.js'
import { parseServerMessage, type ServerMessage } from './client-server-messages.js'
import { FullMembership } from './full.js'
import type { FullMessage } from './full-messages.js'
import { type FullMembershipOptions, resolveFullOptions } from './full-options.js'
import { type Digest, digestOf } from './member-table.js'
import { newsOf, welcomeOf } from './news.js'
import { isClient, isServer, judgeRole } from './roles.js'
import type { Admission, MembershipEffect, MembershipInput, MembershipState, MembershipStrategy } from './strategy.js'

export type ServerMembershipOptions = Omit<FullMembershipOptions, 'satellites'>

type Effects = MembershipEffect<ServerMessage>[]

/**
 * The server's half of an overlay of clients and servers. Servers are a full mesh and gossip about clients as about
 * themselves; clients take no part in that. A client is told of servers alone: of all when it asks or its hash differs,
 * then of what changes.
 */
export class ServerMembership implements MembershipStrategy<ServerMessage> {
  readonly capabilities: readonly string[] = ['full-membership']
  readonly #options: Required<FullMembershipOptions>
  readonly #mesh: FullMembership
  readonly #attachments: Attachments
  /** Those that are connected, members or not. */
  readonly #clients = new Set<NodeName>()
  readonly #servers = new Set<NodeName>()
  /** Servers of whose changes the clients were not yet told. */
  readonly #news = new Set<NodeName>()
  #telling = false
  #self: NodeName | undefined
  #digest: { readonly of: readonly NodeSpec[]; readonly digest: Digest } | undefined

  constructor(options: ServerMembershipOptions) {
    const satellites = {
      isSeen: (node: NodeName) => this.#isSeen(node),
      concerned: (leaver: NodeSpec) => [...this.#clients].filter(client => isServer(leaver) || client === leaver.name),
    }
    this.#options = resolveFullOptions({ ...options, satellites })
    this.#mesh = new FullMembership(this.#options)
    this.#attachments = new Attachments(this.#options.members)
  }

  members(): readonly NodeSpec[] {
    return this.#mesh.members()
  }

  /** A client that is connected with other servers alone is reached through these. */
  route(to: NodeName): readonly NodeSpec[] {
    const direct = this.#mesh.route(to)
    if (!isClient(direct[0]) || this.#clients.has(to)) return direct
    const servers = this.#attachments.serversOf(to).flatMap(name => this.#mesh.route(name))
    return servers.length > 0 ? servers : direct
  }

  parse(value: unknown): ServerMessage | undefined {
    return parseServerMessage(value)
  }

  admit(peer: NodeSpec): Admission | undefined {
    return judgeRole('server', peer) ?? this.#mesh.admit(peer)
  }

  state(): MembershipState {
    const clients = this.members().filter(isClient)
    return {
      ...this.#mesh.state(),
      role: 'server',
      clients: clients.map(({ name }) => ({ name, servers: this.#serversOf(name) })),
    }
  }

  step(input: MembershipInput<ServerMessage>, now: Instant, out: Effects): void {
    switch (input.type) {
      case 'start':
        for (const part of [this.#clients, this.#servers, this.#news, this.#attachments]) part.clear()
        this.#telling = false
        this.#self = input.self.name
        return this.#stepMesh(input, now, out)
      case 'join':
        return isClient(input.peer) ? this.#joinClient(input.peer, now, out) : this.#stepMesh(input, now, out)
      case 'up':
        return isClient(input.peer) ? this.#clientUp(input.peer, now, out) : this.#serverUp(input.peer, now, out)
      case 'down':
        return this.#peerDown(input.node, now, out)
      case 'message':
        return isClient(input.from)
          ? this.#fromClient(input.from, input.message, now, out)
          : this.#fromServer(input.from, input.message, now, out)
      case 'timer':
        return input.timer === 'tell' ? this.#tell(out) : this.#stepMesh(input, now, out)
      case 'leave':
      case 'remove':
      case 'reserve':
      case 'rtt':
        return this.#stepMesh(input, now, out)
      default:
        return unreachable(input)
    }
  }

  /** A step of the mesh: what it does about a server concerns the clients, and about a client the other servers. */
  #stepMesh(input: MembershipInput<FullMessage>, now: Instant, out: Effects): void {
    const effects: MembershipEffect<FullMessage>[] = []
    this.#mesh.step(input, now, effects)
    for (const effect of effects) {
      out.push(effect)
      if (effect.type === 'connect') {
        if (isServer(effect.peer)) this.#news.add(effect.peer.name)
        this.#tellSoon(out)
      } else if (effect.type === 'disconnect') {
        if (isServer(this.#mesh.table.get(effect.node)?.spec)) this.#news.add(effect.node)
        this.#tellSoon(out)
      } else if (effect.type === 'send' && effect.message.type === 'digest') {
        const message = this.#attachments.check()
        if (message !== undefined) out.push({ type: 'send', to: effect.to, message })
      }
    }
  }

  /** The user joins a client: it is asked to count this server, and told of all. */
  #joinClient(client: NodeSpec, now: Instant, out: Effects): void {
    if (!this.#count(client, now, out)) return
    out.push({ type: 'send', to: client.name, message: { type: 'join', entries: [] } })
    this.#welcome(client.name, out)
  }

  #clientUp(client: NodeSpec, now: Instant, out: Effects): void {
    if (this.#mesh.departed) return
    this.#clients.add(client.name)
    this.#tellSoon(out)
    if (!this.#mesh.table.isMember(client.name)) return
    // A client that has restarted and knows nobody learns from this that it is a member.
    this.#count(client, now, out)
    this.#sendDigest(client.name, out)
  }

  #serverUp(server: NodeSpec, now: Instant, out: Effects): void {
    this.#stepMesh({ type: 'up', peer: server }, now, out)
    if (this.#mesh.departed) return
    this.#servers.add(server.name)
    if (this.#attachments.check() !== undefined) this.#sendClients(server.name, out)
  }

  #peerDown(node: NodeName, now: Instant, out: Effects): void {
    if (this.#clients.delete(node)) this.#tellSoon(out)
    this.#stepMesh({ type: 'down', node }, now, out)
    if (this.#servers.delete(node)) this.#lost(this.#attachments.forget(node), now, out)
  }

  /** What a client says of others is not listened to. */
  #fromClient(from: NodeSpec, message: ServerMessage, now: Instant, out: Effects): void {
    if (message.type === 'noted') return this.#stepMesh({ type: 'message', from, message }, now, out)
    if (this.#mesh.departed) return this.#sayGoodbye(from, now, out)
    switch (message.type) {
      case 'join':
        if (this.#count(from, now, out)) this.#welcome(from.name, out)
        return
      case 'digest':
        return this.#compare(from, message, now, out)
      case 'news':
        if (message.counted) out.push({ type: 'notify', event: { type: 'joined', peer: from.name } })
        return
      case 'leaving': {
        const { name, incarnation } = message.entry.spec
        if (name !== from.name || incarnation !== from.incarnation) return
        const leaving = { type: 'leaving', entry: { spec: from, left: true } } as const
        return this.#stepMesh({ type: 'message', from, message: leaving }, now, out)
      }
      default:
        return
    }
  }

  #fromServer(from: NodeSpec, message: ServerMessage, now: Instant, out: Effects): void {
    if (message.type === 'ask-clients') return this.#sendClients(from.name, out)
    if (message.type !== 'clients') return this.#stepMesh({ type: 'message', from, message }, now, out)
    // Its connection is gone, and with it what it says of its own.
    if (!this.#servers.has(from.name)) return
    this.#lost(this.#attachments.heard(from.name, message), now, out)
    if (message.whole || this.#attachments.agrees(from.name, message)) return
    out.push({ type: 'send', to: from.name, message: { type: 'ask-clients' } })
  }

  /** Clients are no longer connected with some server: those that no other has either are down from now. */
  #lost(clients: readonly NodeName[], now: Instant, out: Effects): void {
    for (const node of clients) {
      if (this.#isClient(node) && !this.#isSeen(node)) this.#stepMesh({ type: 'down', node }, now, out)
    }
  }

  /** Makes a client a member. False when it cannot be one: the table is full, or this node has left. */
  #count(client: NodeSpec, now: Instant, out: Effects): boolean {
    if (this.#mesh.departed) return false
    const entries = [{ spec: client, left: false }]
    const message = { type: 'news', entries, counted: false } as const
    this.#stepMesh({ type: 'message', from: client, message }, now, out)
    return this.#mesh.table.isMember(client.name)
  }

  #compare(from: NodeSpec, theirs: ServerMessage & { type: 'digest' }, now: Instant, out: Effects): void {
    // It counts us, and we had not known: we restarted, or our answer to its join was lost.
    if (theirs.counted) this.#count(from, now, out)
    if (!this.#mesh.table.isMember(from.name)) return
    const ours = this.#serversDigest()
    if (ours.hash === theirs.hash && ours.check === theirs.check) this.#sendDigest(from.name, out)
    else this.#welcome(from.name, out)
  }

  #sayGoodbye(to: NodeSpec, now: Instant, out: Effects): void {
    this.#stepMesh({ type: 'message', from: to, message: { type: 'join', entries: [] } }, now, out)
  }

  /** Tells a client of all servers, also of those that have left: it may have missed that. */
  #welcome(client: NodeName, out: Effects): void {
    const servers = this.#mesh.table.entries().filter(({ spec }) => isServer(spec))
    for (const message of welcomeOf(servers)) out.push({ type: 'send', to: client, message })
  }

  #sendDigest(client: NodeName, out: Effects): void {
    out.push({ type: 'send', to: client, message: { type: 'digest', ...this.#serversDigest(), counted: true } })
  }

  #sendClients(server: NodeName, out: Effects): void {
    for (const message of this.#attachments.whole()) out.push({ type: 'send', to: server, message })
  }

  #tellSoon(out: Effects): void {
    if (this.#telling) return
    this.#telling = true
    out.push({ type: 'arm', timer: 'tell', after: this.#options.gossipDelay })
  }

  /** Tells the clients which servers changed, and the servers which clients came and went. */
  #tell(out: Effects): void {
    this.#telling = false
    const news = newsOf(this.#mesh.table, [...this.#news])
    this.#news.clear()
    if (this.#mesh.departed) return
    const attached = new Set([...this.#clients].filter(name => this.#mesh.table.isMember(name)))
    for (const to of attached) for (const message of news) out.push({ type: 'send', to, message })
    for (const message of this.#attachments.change(attached)) {
      for (const to of this.#servers) out.push({ type: 'send', to, message })
    }
  }

  /** Other servers may say of any name that it is a client of theirs. */
  #isClient(name: NodeName): boolean {
    return isClient(this.#mesh.table.get(name)?.spec)
  }

  #isSeen(name: NodeName): boolean {
    return this.#clients.has(name) || (this.#isClient(name) && this.#attachments.serversOf(name).length > 0)
  }

  /** Where a client is connected, as far as this server can know: here, and at the servers it is connected with. */
  #serversOf(client: NodeName): NodeName[] {
    const others = this.#attachments.serversOf(client)
    return this.#self !== undefined && this.#clients.has(client) ? [...others, this.#self].sort() : others
  }

  #serversDigest(): Digest {
    const of = this.members()
    if (this.#digest?.of !== of) this.#digest = { of, digest: digestOf(of.filter(isServer)) }
    return this.#digest.digest
  }
}
