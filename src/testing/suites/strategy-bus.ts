import { encodeToBytes } from '../../codec/value-bytes.js'
import { decodeValue } from '../../codec/value-decoder.js'
import { defaultValueLimits } from '../../codec/value-encoder.js'
import type { Incarnation, NodeName, NodeSpec } from '../../core/node.js'
import { type Random, SeededRandom } from '../../core/random.js'
import type { Millis } from '../../core/time.js'
import type { OverlayHandler } from '../../manager/overlay.js'
import type { MembershipEvent, MembershipStrategy } from '../../membership/strategy.js'
import { SimulatedClock } from '../simulation/simulated-clock.js'
import { BusNetwork } from './bus-network.js'
import { type BusJoin, type BusPeer, StrategyProcess } from './strategy-process.js'
import { type TellBroken, WatchedStrategy } from './watched-strategy.js'

export interface StrategyBusOptions {
  /** A new machine for a node of that name. */
  readonly machine: (name: NodeName, random: Random) => MembershipStrategy
  /** What the spec of a node tells beside its name and life. Default: nothing. */
  readonly spec?: (name: NodeName) => Partial<NodeSpec>
  /** The only source of chance. Default 1. */
  readonly seed?: number
  /** Messages take at least, and at most, so long. Default 1 to 20 ms. */
  readonly latency?: readonly [least: Millis, most: Millis]
  /** The loss of a connection is noticed within this time, at each end at another moment. Default 500 ms. */
  readonly notice?: Millis
  /** Whether every step of every machine is kept. Default false. */
  readonly records?: boolean
  readonly broken: TellBroken
}

/** A message on the bus. */
export interface BusMessage {
  readonly at: number
  readonly from: NodeName
  readonly to: NodeName
  readonly message: unknown
}

/**
 * Strategies on a simulated bus, each in a shell like a manager's: who is wanted is dialled until a connection opens,
 * handshakes ask both strategies whether they admit the other, messages on a connection keep their order, and what is
 * under way on one that breaks is lost.
 */
export class StrategyBus {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly random: SeededRandom
  /** The latest process of each name. */
  readonly processes: Map<NodeName, StrategyProcess> = new Map()
  /** Every process that ever ran, and the seed of its machine's chance. */
  readonly past: { readonly process: StrategyProcess; readonly seed: number }[] = []
  /** Every message that was sent. */
  readonly sent: BusMessage[] = []
  /** Loses what it picks. */
  loses: (from: NodeName, to: NodeName, message: unknown) => boolean = () => false
  readonly #options: Required<Omit<StrategyBusOptions, 'seed' | 'latency'>>
  readonly #network: BusNetwork
  readonly #lives = new Map<NodeName, number>()
  #events = 0

  constructor({
    seed = 1,
    spec = () => ({}),
    latency = [1, 20],
    notice = 500,
    records = false,
    ...rest
  }: StrategyBusOptions) {
    this.#options = { spec, notice, records, ...rest }
    this.random = new SeededRandom(seed)
    this.#network = new BusNetwork({ clock: this.clock, random: this.random.fork(), latency })
  }

  process(name: string): StrategyProcess {
    const found = this.processes.get(name as NodeName)
    if (found === undefined) throw new Error(`there was never a process '${name}'`)
    return found
  }

  get running(): StrategyProcess[] {
    return [...this.processes.values()].filter(({ running }) => running)
  }

  // What happens to nodes.

  /** Starts a node: in a new process, or, with `again`, in the one that was stopped. */
  start(name: string, { again = false }: { readonly again?: boolean } = {}): StrategyProcess {
    const before = this.processes.get(name as NodeName)
    if (before?.running === true) this.stop(name)
    const process = again && before !== undefined ? before : this.#process(name as NodeName)
    process.begin(this.#nextLife(process.name))
    return process
  }

  /** Stops the node in order: its connections are closed after what was sent on them. */
  stop(name: string): void {
    const process = this.process(name)
    process.running = false
    process.overlay.stop()
    this.#closeAll(process)
  }

  /** The process is gone: the others notice by their connections, and what is under way on these is lost. */
  kill(name: string): void {
    const process = this.process(name)
    process.running = false
    process.overlay.stop()
    for (const peer of process.peers.keys()) this.lose(name, peer)
    process.peers.clear()
    process.joins.clear()
  }

  /** Joins until it is counted, or leaves. A node that has left begins a new life for it. */
  join(name: string, peer: string): void {
    const process = this.process(name)
    if (process.departed) {
      this.#closeAll(process)
      process.begin(this.#nextLife(process.name))
    }
    if ([...process.joins].some(join => join.peer === peer)) return
    const join: BusJoin = { peer: peer as NodeName, asked: undefined }
    process.joins.add(join)
    this.#pursue(process, join)
  }

  leave(name: string): void {
    const process = this.process(name)
    process.departed = true
    process.joins.clear()
    process.step({ type: 'leave' })
  }

  remove(at: string, node: string): void {
    this.process(at).step({ type: 'remove', node: node as NodeName })
  }

  // What happens to the network.

  /** Nodes of different groups do not reach each other from now, whatever was said before. */
  split(...groups: readonly (readonly string[])[]): void {
    for (const [one, other] of this.#network.split(groups)) this.lose(one, other)
  }

  heal(): void {
    this.#network.split([])
  }

  /** Breaks the connection between two nodes, if there is one. */
  lose(one: string, other: string): void {
    for (const [at, of] of [
      [one, other],
      [other, one],
    ] as const) {
      const process = this.processes.get(at as NodeName)
      const connection = process?.peers.get(of as NodeName)?.connection
      if (process === undefined || connection === undefined) continue
      this.#network.break(connection)
      const noticed = this.random.next() * this.#options.notice
      this.clock.schedule(noticed, () => this.#lost(process, of as NodeName, connection))
    }
  }

  /** Throws when there is no end of messages, or of timers, in that time. */
  run(millis: Millis): void {
    const end = this.clock.now() + millis
    while ((this.clock.next ?? Number.POSITIVE_INFINITY) <= end) {
      if (++this.#events > eventsMax + 10 * this.clock.now()) this.#endless()
      this.clock.step()
    }
    this.clock.advance(Math.max(end - this.clock.now(), 0))
  }

  /** Lets time pass until `condition` holds, at most so long. Whether it does. */
  until(condition: () => boolean, within: Millis): boolean {
    const end = this.clock.now() + within
    while (!condition() && this.clock.now() < end) this.run(10)
    return condition()
  }

  #endless(): never {
    const counts = `${this.sent.length} messages and ${this.#events} events`
    throw new Error(`messages without end: ${counts} in ${Math.round(this.clock.now())} ms`)
  }

  #nextLife(name: NodeName): Incarnation {
    const life = (this.#lives.get(name) ?? 0) + 1
    this.#lives.set(name, life)
    return life as Incarnation
  }

  #process(name: NodeName): StrategyProcess {
    const { machine, spec, broken, records } = this.#options
    const seed = Math.floor(this.random.next() * 2 ** 32)
    const tell: TellBroken = (rule, how) => broken(rule, `${name} at ${Math.round(this.clock.now())} ms: ${how}`)
    const strategy = new WatchedStrategy(machine(name, new SeededRandom(seed)), tell, { records })
    const plain = { name, incarnation: 0 as Incarnation, version: 0, addresses: [`bus://${name}`], channels: {} }
    const process = new StrategyProcess({ ...plain, ...spec(name) }, strategy, this.clock, self => this.#shell(self))
    this.processes.set(name, process)
    this.past.push({ process, seed })
    return process
  }

  #shell(process: StrategyProcess): OverlayHandler {
    return {
      send: (to, message) => this.#send(process, to, message),
      connect: peer => {
        if (peer.name === process.name || process.superseded !== undefined) return
        this.#meet(process, peer).wanted = true
        this.#dial(process, peer.name, 0)
      },
      disconnect: (node, _reason, incarnation) => {
        const peer = process.peers.get(node)
        if (peer === undefined || (incarnation !== undefined && peer.spec.incarnation > incarnation)) return
        peer.wanted = false
        this.#close(process, node)
      },
      notify: event => this.#notify(process, event),
    }
  }

  #notify(process: StrategyProcess, event: MembershipEvent): void {
    process.events.push(event)
    switch (event.type) {
      case 'joined':
        for (const join of process.joins) if (join.peer === event.peer) process.joins.delete(join)
        return
      case 'told':
        if (event.node === process.name) this.#closeAll(process)
        return
      case 'removed':
        return this.#removed(process)
      case 'superseded':
        process.superseded = event.known
        process.joins.clear()
        for (const peer of process.peers.values()) peer.wanted = false
        return
      default:
        return
    }
  }

  #removed(process: StrategyProcess): void {
    if (process.departed) return
    process.departed = true
    process.step({ type: 'leave' })
    this.#closeAll(process)
  }

  // Messages.

  #send(process: StrategyProcess, to: NodeName, message: unknown): void {
    const connection = process.peers.get(to)?.connection
    if (connection === undefined || !process.running) return
    if (this.sent.length >= messagesMax + this.clock.now()) this.#endless()
    this.sent.push({ at: this.clock.now(), from: process.name, to, message })
    const bytes = this.#encode(process, message)
    if (bytes === undefined || this.loses(process.name, to, message)) return
    const { spec } = process
    this.#network.along(connection, to, () => this.#arrive(to, spec, connection, bytes))
  }

  #encode(process: StrategyProcess, message: unknown): Uint8Array | undefined {
    try {
      return encodeToBytes(message, defaultValueLimits)
    } catch (error) {
      this.#options.broken('its messages can travel and are read', `${process.name} sends ${String(error)}`)
      return undefined
    }
  }

  #arrive(to: NodeName, from: NodeSpec, connection: number, bytes: Uint8Array): void {
    const process = this.processes.get(to)
    if (process?.running !== true || process.peers.get(from.name)?.connection !== connection) return
    const value = decodeValue(bytes, 0, bytes.length, defaultValueLimits)
    const message = process.strategy.parse(value)
    if (message !== undefined) return process.step({ type: 'message', from, message })
    this.#options.broken('its messages can travel and are read', `${to} cannot read ${JSON.stringify(value)}`)
  }

  // Connections.

  #dial(process: StrategyProcess, to: NodeName, after: Millis): void {
    const peer = process.peers.get(to)
    if (peer === undefined || peer.dialling || peer.connection !== undefined || !process.running) return
    if (peer.spec.addresses.length === 0) return
    peer.dialling = true
    const life = process.spec.incarnation
    this.clock.schedule(after + this.#network.latency(), () => {
      peer.dialling = false
      if (!process.running || process.spec.incarnation !== life || peer.connection !== undefined) return
      if (!peer.wanted && ![...process.joins].some(join => join.peer === to)) return
      if (!this.#greet(process, to)) this.#dial(process, to, 100 + this.random.next() * 400)
    })
  }

  /** A handshake. False when there is nobody, or one of the two does not want the other. */
  #greet(process: StrategyProcess, to: NodeName): boolean {
    const other = this.processes.get(to)
    if (other?.running !== true || !this.#network.reaches(process.name, to)) return false
    if (this.#refuses(other, process) || this.#refuses(process, other)) return false
    const connection = this.#network.open()
    this.#open(other, process.spec, connection)
    this.#open(process, other.spec, connection)
    return true
  }

  /** Whether `judge` does not take the other; who has been removed is told. */
  #refuses(judge: StrategyProcess, judged: StrategyProcess): boolean {
    const admission = judge.strategy.admit(judged.spec)
    if (admission?.type === 'removed') this.#removed(judged)
    if (admission?.type === 'stale') {
      const what = `${judge.name} takes the latest life of ${judged.name} for an old one`
      this.#options.broken('no life of a member comes back after a later one', what)
    }
    return admission !== undefined
  }

  #open(process: StrategyProcess, spec: NodeSpec, connection: number): void {
    const peer = this.#meet(process, spec)
    // Where the loss of the last one was not noticed yet this one takes its place, and nobody is told.
    const wasUp = peer.connection !== undefined
    peer.connection = connection
    if (!wasUp) process.step({ type: 'up', peer: spec })
    for (const join of process.joins) if (join.peer === spec.name) this.#ask(process, join)
  }

  /** A later life of a peer ends the connection with the earlier one. */
  #meet(process: StrategyProcess, spec: NodeSpec): BusPeer {
    const peer = process.peers.get(spec.name) ?? { spec, connection: undefined, wanted: false, dialling: false }
    process.peers.set(spec.name, peer)
    if (spec.incarnation <= peer.spec.incarnation) return peer
    peer.spec = spec
    if (peer.connection === undefined) return peer
    peer.connection = undefined
    process.step({ type: 'down', node: spec.name })
    return peer
  }

  /** This end closes the connection; the other notices after what was sent before. */
  #close(process: StrategyProcess, node: NodeName): void {
    const peer = process.peers.get(node)
    const connection = peer?.connection
    if (peer === undefined || connection === undefined) return
    peer.connection = undefined
    process.step({ type: 'down', node })
    this.#network.along(connection, node, () => {
      const other = this.processes.get(node)
      if (other !== undefined) this.#lost(other, process.name, connection)
    })
  }

  #closeAll(process: StrategyProcess): void {
    process.joins.clear()
    for (const [name, peer] of process.peers) {
      peer.wanted = false
      this.#close(process, name)
    }
    process.peers.clear()
  }

  #lost(process: StrategyProcess, node: NodeName, connection: number): void {
    const peer = process.peers.get(node)
    if (peer?.connection !== connection) return
    peer.connection = undefined
    process.step({ type: 'down', node })
    if (peer.wanted) this.#dial(process, node, 20 + this.random.next() * 100)
  }

  // Joins.

  #pursue(process: StrategyProcess, join: BusJoin): void {
    if (!process.joins.has(join) || !process.running) return
    if (!process.peers.has(join.peer)) this.#meet(process, this.process(join.peer).spec)
    if (process.isUp(join.peer)) this.#ask(process, join)
    else this.#dial(process, join.peer, 0)
    this.clock.schedule(joinInterval, () => this.#pursue(process, join))
  }

  #ask(process: StrategyProcess, join: BusJoin): void {
    const peer = process.peers.get(join.peer)
    if (peer === undefined || (join.asked !== undefined && this.clock.now() - join.asked < joinInterval)) return
    join.asked = this.clock.now()
    process.step({ type: 'join', peer: peer.spec })
  }
}

/** A join that was answered by nobody is asked again after so long. */
const joinInterval: Millis = 1_000
/** And one more for each millisecond: many times what a case needs of machines that do not answer each other always. */
const messagesMax = 20_000
/** And ten more for each millisecond: dials, and timers of machines, are events as well. */
const eventsMax = 200_000
