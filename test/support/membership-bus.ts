import type { Incarnation, NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { FullMembership } from '../../src/membership/full.js'
import type { FullMessage } from '../../src/membership/full-messages.js'
import type { FullMembershipOptions } from '../../src/membership/full-options.js'
import type {
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipStrategy,
} from '../../src/membership/strategy.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'

/** One life of a machine on the bus, and what it was asked to do. */
export class BusNode<Message> {
  readonly name: NodeName
  readonly spec: NodeSpec
  readonly machine: MembershipStrategy<Message>
  readonly events: MembershipEvent[] = []
  readonly wanted: Set<NodeName> = new Set()
  readonly connected: Set<NodeName> = new Set()
  readonly timers: Map<string, () => void> = new Map()
  alive = true

  constructor(spec: NodeSpec, machine: MembershipStrategy<Message>) {
    this.name = spec.name
    this.spec = spec
    this.machine = machine
  }

  get members(): readonly NodeName[] {
    return this.machine.members().map(({ name }) => name)
  }

  has(type: MembershipEvent['type']): boolean {
    return this.events.some(event => event.type === type)
  }
}

/** Makes the machine of one life of a node. */
type MakeMachine<Message> = (spec: NodeSpec, random: SeededRandom) => MembershipStrategy<Message>

/**
 * Membership machines on a bus: messages take a millisecond, whoever wants a connection gets one when both are
 * reachable and the other has an address, and a lost connection is noticed at once on both sides.
 */
export class MembershipBus<Message> {
  readonly clock: SimulatedClock = new SimulatedClock()
  /** Every message that was sent. */
  readonly sent: {
    readonly at: number
    readonly from: NodeName
    readonly to: NodeName
    readonly message: Message
  }[] = []
  /** Loses what it picks. */
  loses: (from: NodeName, to: NodeName, message: Message) => boolean = () => false
  readonly nodes: Map<NodeName, BusNode<Message>> = new Map()
  readonly #random: SeededRandom
  readonly #make: MakeMachine<Message>
  readonly #apart = new Set<string>()
  #dialling = false

  constructor(make: MakeMachine<Message>, seed = 1) {
    this.#make = make
    this.#random = new SeededRandom(seed)
  }

  node(name: string): BusNode<Message> {
    const found = this.nodes.get(name as NodeName)
    if (found === undefined) throw new Error(`no node ${name}`)
    return found
  }

  start(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): BusNode<Message> {
    const before = this.nodes.get(name as NodeName)
    if (before?.alive === true) this.crash(name)
    const spec = specOf(name, incarnation, more)
    const node = new BusNode(spec, this.#make(spec, this.#random.fork()))
    this.nodes.set(spec.name, node)
    this.step(node, { type: 'start', self: spec })
    this.#reconnect()
    return node
  }

  crash(name: string): void {
    const node = this.node(name)
    for (const peer of [...node.connected]) this.disconnect(name, peer)
    node.alive = false
    this.nodes.delete(node.name)
  }

  /** As a user's join does: connects, and asks when the connection is open. */
  join(name: string, peer: string): void {
    const node = this.node(name)
    this.#connect(node, this.node(peer))
    this.step(node, { type: 'join', peer: this.node(peer).spec })
  }

  /** Nodes of different groups do not reach each other. */
  split(...groups: readonly (readonly string[])[]): void {
    for (const [index, group] of groups.entries()) {
      for (const other of groups.slice(index + 1).flat()) {
        for (const one of group) {
          this.#apart.add(`${one} ${other}`).add(`${other} ${one}`)
          this.disconnect(one, other)
        }
      }
    }
  }

  heal(): void {
    this.regroup()
  }

  /** From now, exactly the nodes of one group, or of none, reach each other. */
  regroup(...groups: readonly (readonly string[])[]): void {
    this.#apart.clear()
    this.split(...groups)
    this.#reconnect()
  }

  disconnect(one: string, other: string): void {
    for (const [name, peer] of [
      [one, other],
      [other, one],
    ]) {
      const node = this.nodes.get(name as NodeName)
      this.#redial()
      if (node?.connected.delete(peer as NodeName)) this.step(node, { type: 'down', node: peer as NodeName })
    }
  }

  run(millis: number): void {
    this.clock.advance(millis)
  }

  step(node: BusNode<Message>, input: MembershipInput<Message>): void {
    if (!node.alive) return
    const out: MembershipEffect<Message>[] = []
    node.machine.step(input, this.clock.now(), out)
    for (const effect of out) this.#carryOut(node, effect)
  }

  /** Whether all nodes that are alive agree on the members. */
  agreeOn(...members: readonly string[]): boolean {
    const expected = JSON.stringify([...members].sort())
    return [...this.nodes.values()].every(node => JSON.stringify(node.members) === expected)
  }

  #carryOut(node: BusNode<Message>, effect: MembershipEffect<Message>): void {
    switch (effect.type) {
      case 'send': {
        const { to, message } = effect
        if (!node.connected.has(to)) return
        const copy: unknown = structuredClone(message)
        const parsed = (this.nodes.get(to) ?? node).machine.parse(copy)
        if (parsed === undefined) throw new Error(`a machine sends what it does not read: ${JSON.stringify(message)}`)
        this.sent.push({ at: this.clock.now(), from: node.name, to, message })
        if (!this.loses(node.name, to, message)) this.clock.schedule(1, () => this.#arrive(node, to, parsed))
        return
      }
      case 'connect':
        node.wanted.add(effect.peer.name)
        return this.#redial()
      case 'disconnect':
        node.wanted.delete(effect.node)
        this.clock.schedule(1, () => {
          // Who has left, and is dialled on, is disconnected first.
          if (effect.reason === 'left' || !node.wanted.has(effect.node)) this.disconnect(node.name, effect.node)
        })
        return
      case 'arm': {
        node.timers.get(effect.timer)?.()
        const cancel = this.clock.schedule(effect.after, () => this.step(node, { type: 'timer', timer: effect.timer }))
        node.timers.set(effect.timer, cancel)
        return
      }
      case 'notify':
        node.events.push(effect.event)
        if (effect.event.type === 'removed') this.#alone(node)
        if (effect.event.type === 'told' && effect.event.node === node.name) this.#alone(node)
        return
    }
  }

  #arrive(from: BusNode<Message>, to: NodeName, message: Message): void {
    const node = this.nodes.get(to)
    if (node?.connected.has(from.name) && this.nodes.get(from.name) === from) {
      this.step(node, { type: 'message', from: from.spec, message })
    }
  }

  #alone(node: BusNode<Message>): void {
    node.wanted.clear()
    for (const peer of [...node.connected]) this.disconnect(node.name, peer)
  }

  #redial(): void {
    if (this.#dialling) return
    this.#dialling = true
    this.clock.schedule(1, () => {
      this.#dialling = false
      this.#reconnect()
    })
  }

  #reconnect(): void {
    for (const node of [...this.nodes.values()]) {
      for (const name of [...node.wanted]) {
        const peer = this.nodes.get(name)
        if (peer === undefined || node.connected.has(name) || peer.spec.addresses.length === 0) continue
        this.#connect(node, peer)
      }
    }
  }

  #connect(node: BusNode<Message>, peer: BusNode<Message>): void {
    if (this.#apart.has(`${node.name} ${peer.name}`) || node.connected.has(peer.name)) return
    const refusals = [
      [node, peer],
      [peer, node],
    ] as const
    for (const [judge, judged] of refusals) {
      const refusal = judge.machine.admit(judged.spec)
      if (refusal === undefined) continue
      if (refusal.type === 'removed') {
        this.step(judged, { type: 'leave' })
        this.#alone(judged)
      }
      return
    }
    node.connected.add(peer.name)
    peer.connected.add(node.name)
    this.step(node, { type: 'up', peer: peer.spec })
    this.step(peer, { type: 'up', peer: node.spec })
  }
}

/** A bus of full membership machines. */
export class Bus extends MembershipBus<FullMessage> {
  constructor(options: Partial<FullMembershipOptions> = {}, seed = 1) {
    super((_spec, random) => new FullMembership({ random, ...options }), seed)
  }
}

export function specOf(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): NodeSpec {
  return {
    ...{ name: name as NodeName, incarnation: incarnation as Incarnation, version: 0, channels: {} },
    ...{ addresses: [`memory://${name}:1`], ...more },
  }
}
