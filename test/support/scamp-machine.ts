import type { NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { ScampMembership, scampRole } from '../../src/membership/scamp.js'
import type { ScampMessage } from '../../src/membership/scamp-messages.js'
import type { ScampMembershipOptions } from '../../src/membership/scamp-options.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { specOf } from './membership-bus.js'

type Effect = MembershipEffect<ScampMessage>

/** A node of a SCAMP overlay. */
export function scampPeer(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): NodeSpec {
  return specOf(name, incarnation, { role: scampRole, ...more })
}

/** One machine, `me`, that is told what happens by hand. */
export class ScampMachine {
  readonly machine: ScampMembership
  readonly self: NodeSpec = scampPeer('me', 5)
  readonly connected: Set<string> = new Set()
  /** Whom it wants to be connected with, from its effects. */
  readonly wanted: Set<string> = new Set()
  now = 0

  constructor(options: Partial<ScampMembershipOptions> = {}, seed = 1) {
    this.machine = new ScampMembership({ random: new SeededRandom(seed), ...options })
    this.step({ type: 'start', self: this.self })
  }

  step(input: MembershipInput<ScampMessage>): Effect[] {
    const out: Effect[] = []
    this.machine.step(input, this.now, out)
    for (const effect of out) {
      if (effect.type === 'connect') this.wanted.add(effect.peer.name)
      if (effect.type === 'disconnect') this.wanted.delete(effect.node)
    }
    return out
  }

  up(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): Effect[] {
    this.connected.add(name)
    return this.step({ type: 'up', peer: scampPeer(name, incarnation, more) })
  }

  down(name: string): Effect[] {
    this.connected.delete(name)
    return this.step({ type: 'down', node: name as NodeName })
  }

  /** The peer says something; it is connected for it. */
  hear(name: string, message: ScampMessage, more: Partial<NodeSpec> = {}): Effect[] {
    const before = this.connected.has(name) ? [] : this.up(name, 1, more)
    return [...before, ...this.step({ type: 'message', from: scampPeer(name, 1, more), message })]
  }

  join(name: string): Effect[] {
    const before = this.connected.has(name) ? [] : this.up(name)
    return [...before, ...this.step({ type: 'join', peer: scampPeer(name) })]
  }

  /** Copies of subscriptions of these come to the end of their walks here; they are connected. */
  hold(...names: readonly string[]): void {
    for (const name of names) {
      if (!this.connected.has(name)) this.up(name)
      const subscriber = scampPeer(name)
      this.hear(name, { type: 'subscription', subscriber, sequence: 1, timeToLive: 0 })
    }
  }

  round(after = 10_000): Effect[] {
    this.now += after
    return this.step({ type: 'timer', timer: 'round' })
  }

  get view(): string[] {
    const names: string[] = this.machine.members().map(({ name }) => name)
    return names.filter(name => name !== 'me')
  }

  get inView(): unknown {
    return this.machine.state().inView
  }
}

/** As many names, with a prefix. */
export function many(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(2, '0')}`)
}

/** The messages of one type, and to whom. */
export function scampMessages<Type extends ScampMessage['type']>(
  effects: readonly Effect[],
  type: Type,
): { to: string; message: Extract<ScampMessage, { readonly type: Type }> }[] {
  return effects.flatMap(effect =>
    effect.type === 'send' && effect.message.type === type
      ? [{ to: effect.to, message: effect.message as Extract<ScampMessage, { readonly type: Type }> }]
      : [],
  )
}
