import type { EventEmitter } from 'eventemitter3'
import type { ChannelName } from '../core/channel.js'
import {
  InvalidOptionError,
  ListenError,
  MaquisError,
  NotConnectedError,
  ReservationError,
  StoppedError,
} from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { isNodeName, type NodeName, type NodeSpec } from '../core/node.js'
import { checkKeys } from '../core/option-keys.js'
import type { Clock } from '../core/time.js'
import type { Interposition } from '../fault/interposition.js'
import type { PartitionRef } from '../fault/partition.js'
import type { Link } from '../link/link.js'
import type { MembershipStrategy } from '../membership/strategy.js'
import { keepAlive } from '../runtime/keep-alive.js'
import { reachableUrls } from './addresses.js'
import { supports } from './capabilities.js'
import { checkArray, checkBoolean, checkChannel, checkFunction } from './checks.js'
import type { CounterValues } from './counters.js'
import { Discoverer } from './discoverer.js'
import type { ManagerEvents } from './events.js'
import type { ConnectionInfo, JoinOptions, Watcher, WatchOptions } from './manager.js'
import { checkSignal } from './message-options.js'
import { Messages } from './messages.js'
import { Node } from './node.js'
import { checkPeer, type Logger, type Settings } from './options.js'

/** A peer service over any membership strategy: the public face of a {@link Node}. */
export class PeerService extends Messages {
  readonly #node: Node
  readonly #settings: Settings
  #starting: Promise<this> | undefined
  #stopping: Promise<void> | undefined
  #letGo: (() => void) | undefined
  #port: number | undefined
  #running = false

  constructor(settings: Settings, strategy: MembershipStrategy) {
    const node = new Node(settings, strategy)
    super(node)
    this.#node = node
    this.#settings = settings
  }

  get name(): NodeName {
    return this.#settings.name
  }

  get spec(): NodeSpec {
    return this.#node.spec
  }

  get departed(): boolean {
    return this.#node.departed
  }

  get running(): boolean {
    return this.#running
  }

  get events(): EventEmitter<ManagerEvents> {
    return this.#node.reporter.events
  }

  get clock(): Clock {
    return this.#settings.clock
  }

  get logger(): Logger {
    return this.#node.reporter.logger
  }

  start(): Promise<this> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  stop(): Promise<void> {
    const starting = this.#starting
    if (starting === undefined) return this.#stopping ?? Promise.resolve()
    // A start from now on is another life, which waits for the end of this one.
    this.#starting = undefined
    const stopping = this.#stop(starting).finally(() => {
      if (this.#stopping === stopping) this.#stopping = undefined
    })
    this.#stopping = stopping
    return stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async join(peer: string | NodeSpec, options: JoinOptions = {}): Promise<void> {
    await this.#join(peer, signalOf(options))
  }

  async syncJoin(peer: string | NodeSpec, options: JoinOptions = {}): Promise<void> {
    const signal = signalOf(options)
    await this.#node.joiner.syncJoin(this.#prepare(peer), signal)
  }

  async leave(node: string = this.name): Promise<void> {
    this.#needRunning('leave')
    if (node !== this.name && !this.members().includes(node as NodeName)) throw new NotConnectedError(node, 'stranger')
    await this.#node.leave(node as NodeName)
  }

  members(): readonly NodeName[] {
    return this.membersForOrchestration().map(({ name }) => name)
  }

  membersForOrchestration(): readonly NodeSpec[] {
    const members = this.#node.overlay.strategy.members()
    return members.length > 0 ? members : [this.spec]
  }

  async updateMembers(members: readonly (string | NodeSpec)[], options: JoinOptions = {}): Promise<void> {
    this.#needRunning('updateMembers')
    const signal = signalOf(options)
    checkArray('members', members)
    if (members.length === 0) return
    const { schemes } = this.#settings.transport
    const known = this.membersForOrchestration()
    const named = members.map(member => {
      const found = known.find(({ name, addresses }) => name === member || addresses.includes(member as string))
      return found ?? checkPeer('members', member, schemes)
    })
    const wanted = new Set(named.map(member => (typeof member === 'string' ? member : member.name)))
    const isMissing = (member: string | NodeSpec): boolean =>
      typeof member === 'string' || !known.some(({ name }) => name === member.name)
    const joins = Promise.all(named.filter(isMissing).map(member => this.#join(member, signal)))
    // Only who answers at an address tells which member that is: with addresses, nobody is removed before that.
    if (named.some(member => typeof member === 'string')) {
      for (const link of await joins) if (link !== undefined) wanted.add(link.name)
    }
    const surplus = known.filter(({ name }) => name !== this.name && !wanted.has(name))
    await Promise.all([joins, ...surplus.map(({ name }) => this.leave(name))])
  }

  getLocalState(): unknown {
    return this.#node.overlay.strategy.state()
  }

  decode(state: unknown): readonly NodeName[] {
    const members: unknown = isRecord(state) ? state.members : undefined
    if (!Array.isArray(members)) throw new InvalidOptionError('state', 'what getLocalState() gave')
    return members.filter(isNodeName)
  }

  reserve(tag: string): void {
    if (!isNodeName(tag)) throw new InvalidOptionError('tag', '1 to 255 bytes of text', tag)
    const { reserved, overlay } = this.#node
    if (reserved.has(tag)) return
    if (reserved.size >= this.#settings.maxReserved) throw new ReservationError(tag, this.#settings.maxReserved)
    const { reservable = reserved.size + 1 } = overlay.strategy
    if (reserved.size >= reservable) {
      const fewer = `one of at most ${reservable} tags, as there are no more places to keep: raise activeViewSize`
      throw new InvalidOptionError('tag', fewer, tag)
    }
    reserved.add(tag)
    overlay.step({ type: 'reserve', tag })
  }

  supportsCapability(name: string): boolean {
    return supports(name, this.#node.overlay.strategy.capabilities)
  }

  connections(): readonly ConnectionInfo[] {
    const all: ConnectionInfo[] = []
    for (const link of this.#node.hub.links.values()) {
      for (const lane of link.lanes()) {
        const { channel, index, phase, attempt, queue, roundTrip, relayed } = lane
        all.push({
          ...{ node: link.name, channel: channel.name, lane: index, roundTrip, relayed },
          state: phase === 'closed' && attempt !== undefined ? 'opening' : phase,
          queuedMessages: queue.length,
          queuedBytes: channel.budget.bytes,
        })
      }
    }
    return all
  }

  isConnected(node: string, channel?: string): boolean {
    if (node === this.name) return true
    const link = this.#node.hub.links.get(node as NodeName)
    if (link?.state.phase !== 'up') return false
    return channel === undefined || (link.channels.get(channel as ChannelName)?.open ?? 0) > 0
  }

  isFullyConnected(node: string): boolean {
    if (node === this.name) return true
    const link = this.#node.hub.links.get(node as NodeName)
    return link?.state.phase === 'up' && [...link.lanes()].every(({ phase }) => phase === 'open')
  }

  async connect(
    peer: string | NodeSpec,
    options: JoinOptions & { readonly prune?: boolean } = {},
  ): Promise<readonly NodeSpec[]> {
    this.#needRunning('connect')
    const signal = signalOf(options, 'prune')
    const { prune = false } = options
    checkBoolean('prune', prune)
    const link = await this.#node.joiner.connect(checkPeer('peer', peer, this.#settings.transport.schemes), signal)
    if (link === undefined || !prune) return []
    return link.takeStale()
  }

  disconnect(nodes: string | readonly string[], fn?: (node: NodeName) => void): Promise<void> {
    const all = typeof nodes === 'string' ? [nodes] : nodes
    checkArray('nodes', all)
    for (const node of all) {
      const link = this.#node.hub.links.get(node as NodeName)
      if (link !== undefined) {
        link.pinned = false
        this.#node.seeker.forget(link)
        link.close('disconnected', 'asked to disconnect')
      }
      if (fn !== undefined) this.#node.watchers.call(fn, node as NodeName)
    }
    return Promise.resolve()
  }

  onUp(node: string, fn: Watcher, options: WatchOptions = {}): Disposable {
    const { watchers, hub } = this.#node
    this.#checkWatch(fn, options)
    const channel = options.channel as ChannelName | undefined
    const registration = watchers.add('up', node, fn, options)
    for (const link of [...hub.links.values()]) {
      if ((node === '*' || node === link.name) && this.isConnected(link.name, channel)) {
        watchers.call(fn, link.name, channel)
      }
    }
    return registration
  }

  onDown(node: string, fn: Watcher, options: WatchOptions = {}): Disposable {
    this.#checkWatch(fn, options)
    return this.#node.watchers.add('down', node, fn, options)
  }

  async injectPartition(origin: string | NodeSpec, ttl: number): Promise<PartitionRef> {
    this.#needRunning('injectPartition')
    const name: unknown = isRecord(origin) ? origin.name : origin
    if (!isNodeName(name)) throw new InvalidOptionError('origin', 'the name of a node, or its spec', origin)
    return this.#node.faults.inject(name, ttl)
  }

  async resolvePartition(ref: PartitionRef): Promise<void> {
    this.#node.faults.resolve(ref)
  }

  partitions(): readonly { readonly ref: PartitionRef; readonly node: NodeSpec }[] {
    return this.#node.faults.list()
  }

  interpose(fn: Interposition): Disposable {
    if (typeof fn !== 'function') throw new InvalidOptionError('interposition', 'a function', fn)
    return this.#node.interpositions.add(fn)
  }

  counters(): CounterValues {
    return this.#node.counters.snapshot()
  }

  async #start(): Promise<this> {
    await this.#stopping
    const { advertise } = this.#settings
    const url = await this.#listen()
    this.#running = true
    if (this.#settings.keepAlive) this.#letGo = keepAlive()
    this.#node.begin(advertise ?? (url === undefined ? [] : reachableUrls(url)))
    this.#seed()
    return this
  }

  /** Listens again where it listened before, if it may choose: there its peers look for it. */
  async #listen(): Promise<string | undefined> {
    const { hub } = this.#node
    const { listen } = this.#settings
    const last = this.#port
    if (listen?.port === 0 && last !== undefined) {
      const again = await hub.start({ ...listen, port: last }).catch(() => undefined)
      if (again !== undefined) return again
    }
    try {
      const url = await hub.start(listen)
      this.#port = url === undefined ? undefined : Number(/:(\d+)$/.exec(url)?.[1])
      return url
    } catch (error) {
      throw error instanceof MaquisError ? error : new ListenError(listen?.host ?? '', listen?.port ?? 0, error)
    }
  }

  async #stop(starting: Promise<this>): Promise<void> {
    await starting.catch(() => {})
    if (!this.#running) return
    this.#running = false
    this.#letGo?.()
    this.#node.end(outcome => new StoppedError(this.name, 'it was stopped', outcome))
    await this.#node.hub.stop('the node stops')
  }

  async #join(peer: string | NodeSpec, signal: AbortSignal | undefined): Promise<Link | undefined> {
    return this.#node.joiner.join(this.#prepare(peer), signal)
  }

  /** Checks a peer to be joined. A node that has left begins a new life for it. */
  #prepare(peer: string | NodeSpec): string | NodeSpec {
    this.#needRunning('join')
    const checked = checkPeer('peer', peer, this.#settings.transport.schemes)
    if (this.#node.departed) {
      this.#node.begin()
      this.#seed()
    }
    return checked
  }

  #checkWatch(fn: unknown, options: WatchOptions): void {
    checkFunction('fn', fn)
    checkKeys('options', options, ['channel'])
    const { channel } = options
    if (channel !== undefined) checkChannel(channel, this.#settings)
  }

  /** Seeds, and what a discovery finds, are joined in the background, for ever. */
  #seed(): void {
    const { hub, joiner, reporter, overlay } = this.#node
    const { seeds, discovery, discoveryInterval: interval, clock, random, transport } = this.#settings
    const isMember = ({ name, directLanes }: Link): boolean => directLanes > 0 && this.members().includes(name)
    const sought = (link: Link | undefined): boolean =>
      overlay.strategy.seeks?.(link?.name) ?? (link === undefined || !isMember(link))
    for (const seed of seeds) void joiner.keep(seed, sought)
    if (discovery === undefined) return
    const self = (): NodeSpec => this.spec
    const { schemes } = transport
    void new Discoverer({ discovery, interval, schemes, hub, joiner, clock, random, reporter, self, sought }).run()
  }

  #needRunning(what: string): void {
    if (!this.#running) throw new StoppedError(this.name, `${what}() needs a running node`)
  }
}

function signalOf(options: JoinOptions, ...further: readonly string[]): AbortSignal | undefined {
  checkKeys('options', options, ['signal', ...further])
  const { signal } = options
  if (signal !== undefined) checkSignal(signal)
  return signal
}
