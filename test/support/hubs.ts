import { CloseCode } from '../../src/codec/codec.js'
import { payloadOf } from '../../src/codec/value-bytes.js'
import type { ChannelMap, ChannelName, ChannelOptions } from '../../src/core/channel.js'
import { type NodeName, type NodeSpec, nodeNameBytesMax } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { BatchBuffers } from '../../src/link/batch-buffers.js'
import { Flusher } from '../../src/link/flusher.js'
import type { HandshakeIdentity, Refusal } from '../../src/link/handshake.js'
import { LinkHub } from '../../src/link/hub.js'
import type { HubHandler } from '../../src/link/hub-handler.js'
import type { IncomingExtra } from '../../src/link/inbound.js'
import type { Lane } from '../../src/link/lane.js'
import { defaultLimits, type Limits } from '../../src/link/limits.js'
import type { Link } from '../../src/link/link.js'
import { Written } from '../../src/link/outbound-settings.js'
import type { Tracker, Waiting } from '../../src/link/queue.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/transport/memory.js'
import { encoded, identity } from './handshake-ends.js'
import { Wiretap } from './wiretap.js'

export interface HubNodeOptions {
  readonly incarnation?: number
  readonly secrets?: readonly string[]
  readonly channels?: Readonly<Record<string, ChannelOptions>>
  readonly limits?: Partial<Limits>
  readonly listens?: boolean
  readonly seed?: number
}

/** One network and one clock. */
export class World {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly network: MemoryNetwork
  /** Nobody's `tick` is called while this is set. */
  frozen = false

  constructor(options: MemoryNetworkOptions = {}) {
    this.network = new MemoryNetwork(this.clock, options)
  }

  pass(millis: number): Promise<void> {
    return this.clock.advanceAsync(millis)
  }

  async node(name: string, options: HubNodeOptions = {}): Promise<HubNode> {
    const node = new HubNode(this, name, options)
    await node.start()
    return node
  }

  /** Two nodes that want each other, with all their lanes open. */
  async pair(one: HubNodeOptions = {}, other: HubNodeOptions = {}): Promise<readonly [HubNode, HubNode]> {
    const a = await this.node('a', { seed: 1, ...one })
    const b = await this.node('b', { seed: 2, ...other })
    a.want(b)
    b.want(a)
    await this.pass(3_000)
    return [a, b]
  }
}

/** A hub, and a handler that writes down what it is told. */
export class HubNode implements HubHandler {
  readonly name: string
  readonly world: World
  readonly wire: Wiretap
  readonly hub: LinkHub
  /** `up b`, `down b lost`, `open b default/1`, ... */
  readonly log: string[] = []
  readonly received: { readonly lane: string; readonly server: string; readonly payload: unknown }[] = []
  /** Set: what a message returns, so that its credit stays out. */
  pending: (() => PromiseLike<unknown>) | undefined
  judge: (peer: NodeSpec) => Refusal | undefined = () => undefined
  identity: HandshakeIdentity
  readonly interposed = false
  readonly #options: HubNodeOptions
  #order = 0

  constructor(world: World, name: string, options: HubNodeOptions) {
    const { channels = { default: { parallelism: 2 } }, limits, seed = 1, listens = true } = options
    this.name = name
    this.world = world
    this.#options = options
    this.wire = new Wiretap(world.network.transport(name))
    const declared: Record<string, ChannelOptions> = { membership: {}, ...channels }
    const channelMap: ChannelMap = Object.fromEntries(
      Object.entries(declared).map(([key, { parallelism = 1 }]) => [key, { parallelism, compression: false }]),
    )
    const all = { ...defaultLimits, ...limits }
    this.identity = identity(name, {
      ...{ incarnation: options.incarnation ?? 1_000, channels: channelMap, secrets: options.secrets ?? [] },
      ...{ addresses: listens ? [`memory://${name}:1`] : [], limits: all },
    })
    const { clock } = world
    const random = new SeededRandom(seed)
    const valueLimits = { depth: 64, items: 1_000_000 }
    this.hub = new LinkHub({
      identity: () => this.identity,
      settings: {
        ...{ clock, random, limits: all, valueLimits, peerValueLimits: valueLimits, channels, channelMap },
        ...{ heartbeat: {}, flusher: new Flusher(clock), buffers: new BatchBuffers() },
      },
      transport: this.wire,
      entropy: { bytes: count => Uint8Array.from({ length: count }, () => Math.floor(random.next() * 256)) },
      handler: this,
      mutualTls: false,
    })
  }

  get spec(): NodeSpec {
    return this.identity.spec
  }

  async start(): Promise<void> {
    await this.hub.start(this.#options.listens === false ? undefined : { host: this.name, port: 1 })
    const pulse = (): void => {
      if (!this.world.frozen) this.hub.tick()
      this.world.clock.schedule(500, pulse)
    }
    pulse()
  }

  want(peer: HubNode): Link {
    const link = this.hub.ensure(peer.spec)
    link.tell({ type: 'wanted', wanted: true })
    for (const lane of link.lanes()) this.hub.wantLane(lane)
    return link
  }

  link(peer: { readonly name: string }): Link {
    const link = this.hub.links.get(peer.name as NodeName)
    if (link === undefined) throw new Error(`${this.name} has no link to ${peer.name}`)
    return link
  }

  lane(peer: HubNode, channel = 'default', index = 0): Lane {
    const lane = this.link(peer).channels.get(channel as ChannelName)?.lanes[index]
    if (lane === undefined) throw new Error(`no lane ${channel}/${index}`)
    return lane
  }

  /** Sends as a sender does: at once where nothing stands in the way, else it waits. */
  send(
    lane: Lane,
    server: string,
    message: unknown,
    stream = lane.index,
    options: Partial<Waiting> = {},
  ): Waiting | undefined {
    if (lane.outbound.offer(server, stream, message, options.extra) === Written.sent) return undefined
    const body = message instanceof Uint8Array ? payloadOf(message) : payloadOf(encoded(message), 'encoded')
    const entry: Waiting = {
      ...{ server, stream, body, extra: undefined, settler: undefined, key: undefined, order: ++this.#order },
      ...{
        patience: 'always',
        sequence: 0,
        tracker: undefined,
        bytes: body.end,
        queue: undefined,
        release: undefined,
        gone: false,
      },
      ...options,
    }
    lane.queue.push(entry)
    lane.outbound.drain()
    return entry
  }

  /** What is in the log that begins with `start`. */
  told(start: string): string[] {
    return this.log.filter(line => line.startsWith(start))
  }

  payloads(server: string): unknown[] {
    return this.received.filter(one => one.server === server).map(({ payload }) => payload)
  }

  acknowledged(): void {}
  causalQuery(): void {}
  causalFloor(): void {}
  tracker(): Tracker {
    return untracked
  }
  renumbered(): void {}
  met(): void {}
  parted(): void {}
  unreached(): void {}
  up(link: Link): void {
    this.log.push(`up ${link.name}`)
  }
  down(link: Link, reason: string): void {
    this.log.push(`down ${link.name} ${reason}`)
  }
  measured(): void {}

  channelUp(link: Link, channel: string): void {
    this.log.push(`channel-up ${link.name} ${channel}`)
  }
  channelDown(link: Link, channel: string): void {
    this.log.push(`channel-down ${link.name} ${channel}`)
  }
  restarted(link: Link): void {
    this.log.push(`restarted ${link.name}`)
  }
  failRequests(link: Link, why: string): void {
    this.log.push(`fail-requests ${link.name} ${why}`)
  }
  failQueued(link: Link, entries: readonly Waiting[], why: string): void {
    for (const { server } of entries) this.log.push(`fail-queued ${link.name} ${why} ${server}`)
  }
  failHeld(): void {}
  laneOpened(lane: Lane): void {
    this.log.push(`open ${laneName(lane)}`)
  }
  laneClosed(lane: Lane, reason: string): void {
    this.log.push(`close ${laneName(lane)}: ${reason}`)
  }
  confirmed(): void {}
  message(
    lane: Lane,
    server: string,
    payload: unknown,
    _extra: IncomingExtra | undefined,
  ): PromiseLike<unknown> | undefined {
    this.received.push({ lane: laneName(lane), server, payload })
    return this.pending?.()
  }
  reply(_lane: Lane, id: number, isError: boolean, payload: unknown): void {
    this.received.push({ lane: `reply ${id}`, server: isError ? 'error' : 'reply', payload })
  }
  strategy(link: Link, value: unknown): void {
    this.received.push({ lane: link.name, server: 'strategy', payload: value })
  }
  released(): void {}

  fault(link: Link, value: unknown): void {
    this.received.push({ lane: link.name, server: 'fault', payload: value })
  }
  closedByPeer(lane: Lane, close: { readonly code: number }): void {
    this.log.push(`closed-by-peer ${laneName(lane)} ${codeName(close.code)}`)
  }
  violated(lane: Lane, rule: string, detail: string): void {
    this.log.push(`violated ${laneName(lane)} ${rule}: ${detail}`)
  }
  emptied(lane: Lane): void {
    this.log.push(`emptied ${laneName(lane)}`)
  }
  duplicate(lane: Lane): void {
    this.log.push(`duplicate ${laneName(lane)}`)
  }
  heartbeatPasses(): boolean {
    return true
  }
  admit(peer: NodeSpec): Refusal | undefined {
    return this.judge(peer)
  }
  created(): void {}
  reservedFor(): number {
    return 0
  }
  superseded(known: number): void {
    this.log.push(`superseded ${known}`)
  }
  heardOfLater(known: number): void {
    this.log.push(`heard of later ${known}`)
  }

  refusedAsStale(known: number): void {
    this.log.push(`refused-as-stale ${known}`)
  }
  removedBy(): void {
    this.log.push('removed')
  }
  refused(peer: string, by: string, refusal: Refusal): void {
    this.log.push(`refused ${peer.slice(0, nodeNameBytesMax)} by ${by}: ${codeName(refusal.code)}`)
  }
  retrying(peer: string, _error: Error, _delay: number): void {
    this.log.push(`retrying ${peer}`)
  }
}

function laneName(lane: Lane): string {
  return `${lane.link.name} ${lane.channel.name}/${lane.index}`
}

function codeName(code: number): string {
  return Object.entries(CloseCode).find(([, value]) => value === code)?.[0] ?? String(code)
}

/** Keeps nothing. */
export const untracked: Tracker = {
  lowest: () => undefined,
  greatest: () => undefined,
  sent: () => {},
  giveUp: () => {},
}
