import type { Incarnation, NodeName, NodeSpec } from '../../../src/core/node.js'
import { SeededRandom } from '../../../src/core/random.js'
import type { Millis } from '../../../src/core/time.js'
import { HyParViewMembership, hyParViewRole } from '../../../src/membership/hyparview.js'
import type { HyParViewMessage } from '../../../src/membership/hyparview-messages.js'
import type { HyParViewMembershipOptions } from '../../../src/membership/hyparview-options.js'
import { ScampMembership, scampRole } from '../../../src/membership/scamp.js'
import type { ScampMessage } from '../../../src/membership/scamp-messages.js'
import type { ScampMembershipOptions } from '../../../src/membership/scamp-options.js'
import type { MembershipEffect, MembershipInput, MembershipStrategy } from '../../../src/membership/strategy.js'
import { Calendar } from './calendar.js'

/** A machine on the bus. */
type OverlayMachine<Message> = MembershipStrategy<Message> & { seeks(seed?: NodeName): boolean }

/** One process on the bus. */
export interface BusNode<Message = unknown> {
  readonly index: number
  readonly spec: NodeSpec
  readonly machine: OverlayMachine<Message>
  /** Each peer that is connected, and the number of the connection. */
  readonly links: Map<number, number>
  readonly wanted: Set<number>
  /** A timer that was armed again has a later number. */
  readonly timers: Map<string, number>
  alive: boolean
  sent: number
}

export interface MachineBusOptions {
  readonly seed: number
  /** What the spec of a node says beside its name. */
  readonly more?: (index: number) => Partial<NodeSpec>
  /** How long a message takes between two nodes. Default 20 ms. */
  readonly latency?: (one: number, other: number) => Millis
}

/** An overlay: what the specs of its nodes say that they are, and a machine of it. */
export interface BusOverlay<Message> {
  readonly role: string
  machine(random: SeededRandom): OverlayMachine<Message>
  /** Whether its machines are told how long a round trip takes. */
  readonly measures?: boolean
}

const redialInterval: Millis = 1_000
/** The end of a peer is noticed within so long. */
const notice: Millis = 500

/**
 * Thousands of machines, without managers: messages are handed on as they are, connections open when both
 * ends live, reach and admit each other, and whoever is wanted is dialled each second. Everything follows from the
 * seed.
 */
export class MachineBus<Message> {
  readonly nodes: BusNode<Message>[] = []
  readonly random: SeededRandom
  readonly calendar: Calendar = new Calendar()
  /** Whether two nodes reach each other, whatever else. */
  reaches: (one: number, other: number) => boolean = () => true
  /** Loses what it picks. */
  loses: (message: Message, from: number, to: number) => boolean = () => false
  readonly #indices = new Map<NodeName, number>()
  readonly #options: MachineBusOptions
  readonly #overlay: BusOverlay<Message>
  readonly #latency: (one: number, other: number) => Millis
  #links = 0
  #arms = 0

  constructor(overlay: BusOverlay<Message>, options: MachineBusOptions) {
    this.#overlay = overlay
    this.#options = options
    this.#latency = options.latency ?? (() => 20)
    this.random = new SeededRandom(options.seed)
  }

  get now(): number {
    return this.calendar.now
  }

  node(index: number): BusNode<Message> {
    return this.nodes[index] as BusNode<Message>
  }

  get survivors(): BusNode<Message>[] {
    return this.nodes.filter(({ alive }) => alive)
  }

  /** Starts a node: the next one, or another life of one that was. */
  start(index: number = this.nodes.length): BusNode<Message> {
    const before = this.nodes[index]
    if (before?.alive === true) this.crash(index)
    const name = `n${index}` as NodeName
    const spec: NodeSpec = {
      ...{ name, incarnation: ((before?.spec.incarnation ?? 0) + 1) as Incarnation, version: 0, channels: {} },
      ...{ addresses: [`bus://${name}`], role: this.#overlay.role },
      ...this.#options.more?.(index),
    }
    const machine = this.#overlay.machine(this.random.fork())
    const node: BusNode<Message> = {
      ...{ index, spec, machine, links: new Map(), wanted: new Set(), timers: new Map(), alive: true, sent: 0 },
    }
    this.nodes[index] = node
    this.#indices.set(name, index)
    this.step(node, { type: 'start', self: spec })
    return node
  }

  /** Joins as a manager does: connects, then asks. */
  join(index: number, to: number): void {
    const [node, peer] = [this.node(index), this.node(to)]
    if (!node.links.has(to)) this.#connect(node, peer)
    if (node.links.has(to)) this.step(node, { type: 'join', peer: peer.spec })
  }

  leave(index: number): void {
    this.step(this.node(index), { type: 'leave' })
  }

  crash(index: number): void {
    const node = this.node(index)
    node.alive = false
    for (const [peer, link] of node.links) this.#tellDown(this.node(peer), index, link, this.random.next() * notice)
    node.links.clear()
  }

  /** Breaks every connection that `reaches` does not allow any more. */
  cut(): void {
    for (const node of this.survivors) {
      for (const [peer, link] of [...node.links]) {
        if (this.reaches(node.index, peer)) continue
        this.#lost(node, peer, link)
        this.#lost(this.node(peer), node.index, link)
      }
    }
  }

  run(millis: Millis): void {
    this.calendar.run(millis)
  }

  step(node: BusNode<Message>, input: MembershipInput<Message>): void {
    if (!node.alive) return
    const out: MembershipEffect<Message>[] = []
    node.machine.step(input, this.now, out)
    for (const effect of out) this.#carryOut(node, effect)
  }

  #carryOut(node: BusNode<Message>, effect: MembershipEffect<Message>): void {
    switch (effect.type) {
      case 'send':
        return this.#send(node, this.#indexOf(effect.to), effect.message)
      case 'connect': {
        const to = this.#indexOf(effect.peer.name)
        if (node.wanted.has(to)) return
        node.wanted.add(to)
        return this.calendar.after(this.#latency(node.index, to), () => this.#dial(node, to))
      }
      case 'disconnect': {
        const of = this.#indexOf(effect.node)
        node.wanted.delete(of)
        const link = node.links.get(of)
        if (link === undefined) return
        this.#tellDown(this.node(of), node.index, link, this.#latency(node.index, of))
        return this.calendar.after(0, () => this.#lost(node, of, link))
      }
      case 'arm': {
        const armed = ++this.#arms
        node.timers.set(effect.timer, armed)
        const { timer } = effect
        return this.calendar.after(effect.after, () => {
          if (node.timers.get(timer) !== armed) return
          node.timers.delete(timer)
          this.step(node, { type: 'timer', timer })
        })
      }
      case 'notify':
        if (effect.event.type === 'told' && effect.event.node === node.spec.name) this.#alone(node)
        if (effect.event.type === 'removed') this.#alone(node)
    }
  }

  #send(node: BusNode<Message>, to: number, message: Message): void {
    const link = node.links.get(to)
    if (link === undefined) return
    node.sent++
    if (this.loses(message, node.index, to)) return
    const { index, spec } = node
    this.calendar.after(this.#latency(index, to), () => {
      const peer = this.node(to)
      if (peer.links.get(index) === link) this.step(peer, { type: 'message', from: spec, message })
    })
  }

  #dial(node: BusNode<Message>, to: number): void {
    if (!node.alive || !node.wanted.has(to) || node.links.has(to)) return
    this.#connect(node, this.node(to))
    if (!node.links.has(to)) this.calendar.after(redialInterval, () => this.#dial(node, to))
  }

  #connect(node: BusNode<Message>, peer: BusNode<Message>): void {
    if (!peer.alive || !this.reaches(node.index, peer.index) || peer.links.has(node.index)) return
    if (node.machine.admit(peer.spec) !== undefined || peer.machine.admit(node.spec) !== undefined) return
    const link = ++this.#links
    node.links.set(peer.index, link)
    peer.links.set(node.index, link)
    this.step(peer, { type: 'up', peer: node.spec })
    this.step(node, { type: 'up', peer: peer.spec })
    if (this.#overlay.measures === true) this.#measure(node, peer, link)
  }

  /** As links do once they are open. */
  #measure(node: BusNode<Message>, peer: BusNode<Message>, link: number): void {
    const millis = 2 * this.#latency(node.index, peer.index)
    this.calendar.after(millis, () => {
      if (node.links.get(peer.index) !== link || peer.links.get(node.index) !== link) return
      this.step(node, { type: 'rtt', node: peer.spec.name, millis })
      this.step(peer, { type: 'rtt', node: node.spec.name, millis })
    })
  }

  #tellDown(node: BusNode<Message>, of: number, link: number, after: Millis): void {
    this.calendar.after(after, () => this.#lost(node, of, link))
  }

  #lost(node: BusNode<Message>, of: number, link: number): void {
    if (node.links.get(of) !== link) return
    node.links.delete(of)
    this.step(node, { type: 'down', node: this.node(of).spec.name })
    if (node.wanted.has(of)) this.calendar.after(this.random.next() * 100, () => this.#dial(node, of))
  }

  #alone(node: BusNode<Message>): void {
    node.wanted.clear()
    for (const [peer, link] of [...node.links]) {
      this.#tellDown(this.node(peer), node.index, link, this.#latency(node.index, peer))
      this.#lost(node, peer, link)
    }
  }

  #indexOf(name: NodeName): number {
    return this.#indices.get(name) ?? -1
  }
}

export interface OverlayBusOptions extends MachineBusOptions {
  readonly options?: Omit<HyParViewMembershipOptions, 'random'>
}

/** Machines of HyParView. */
export class OverlayBus extends MachineBus<HyParViewMessage> {
  constructor({ options, ...rest }: OverlayBusOptions) {
    const machine = (random: SeededRandom): HyParViewMembership => new HyParViewMembership({ random, ...options })
    super({ role: hyParViewRole, machine, measures: options?.xbot !== undefined }, rest)
  }
}

export interface ScampBusOptions extends MachineBusOptions {
  readonly options?: Omit<ScampMembershipOptions, 'random'>
}

/** Machines of SCAMP. */
export class ScampBus extends MachineBus<ScampMessage> {
  constructor({ options, ...rest }: ScampBusOptions) {
    super({ role: scampRole, machine: random => new ScampMembership({ random, ...options }) }, rest)
  }
}
