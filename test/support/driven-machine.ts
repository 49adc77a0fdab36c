import type { NodeName, NodeSpec } from '../../src/core/node.js'
import type { MembershipEffect, MembershipInput, MembershipStrategy } from '../../src/membership/strategy.js'
import { specOf } from './membership-bus.js'

/** Nodes of an overlay: what their specs say that they are. */
export function peersOf(role: string): (name: string, incarnation?: number, more?: Partial<NodeSpec>) => NodeSpec {
  return (name, incarnation = 1, more = {}) => specOf(name, incarnation, { role, ...more })
}

/** One machine, `me`, that is told what happens by hand. */
export class DrivenMachine<Message, Strategy extends MembershipStrategy<Message>> {
  readonly machine: Strategy
  readonly self: NodeSpec
  readonly connected: Set<string> = new Set()
  /** Whom it wants to be connected with, from its effects. */
  readonly wanted: Set<string> = new Set()
  now = 0
  readonly #peerOf: ReturnType<typeof peersOf>

  constructor(machine: Strategy, role: string, more: Partial<NodeSpec> = {}) {
    this.machine = machine
    this.#peerOf = peersOf(role)
    this.self = this.#peerOf('me', 5, more)
    this.step({ type: 'start', self: this.self })
  }

  step(input: MembershipInput<Message>): MembershipEffect<Message>[] {
    const out: MembershipEffect<Message>[] = []
    this.machine.step(input, this.now, out)
    for (const effect of out) {
      if (effect.type === 'connect') this.wanted.add(effect.peer.name)
      if (effect.type === 'disconnect') this.wanted.delete(effect.node)
    }
    return out
  }

  up(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): MembershipEffect<Message>[] {
    this.connected.add(name)
    return this.step({ type: 'up', peer: this.#peerOf(name, incarnation, more) })
  }

  down(name: string): MembershipEffect<Message>[] {
    this.connected.delete(name)
    return this.step({ type: 'down', node: name as NodeName })
  }

  /** The peer says something; it is connected for it. */
  hear(name: string, message: Message, more: Partial<NodeSpec> = {}): MembershipEffect<Message>[] {
    const before = this.connected.has(name) ? [] : this.up(name, 1, more)
    return [...before, ...this.step({ type: 'message', from: this.#peerOf(name, 1, more), message })]
  }

  timer(timer: string, after = 0): MembershipEffect<Message>[] {
    this.now += after
    return this.step({ type: 'timer', timer })
  }

  /** Whom it counts as members, beside itself. */
  get others(): string[] {
    const names: string[] = this.machine.members().map(({ name }) => name)
    return names.filter(name => name !== 'me')
  }
}

/** The messages of one type, and to whom. */
export function messagesOf<Message extends { readonly type: string }, Type extends Message['type']>(
  effects: readonly MembershipEffect<Message>[],
  type: Type,
): { to: string; message: Extract<Message, { readonly type: Type }> }[] {
  const isOfType = (message: Message): message is Extract<Message, { readonly type: Type }> => message.type === type
  return effects.flatMap(effect =>
    effect.type === 'send' && isOfType(effect.message) ? [{ to: effect.to, message: effect.message }] : [],
  )
}
