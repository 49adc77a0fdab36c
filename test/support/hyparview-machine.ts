import type { NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { HyParViewMembership, hyParViewRole } from '../../src/membership/hyparview.js'
import type { HyParViewMessage } from '../../src/membership/hyparview-messages.js'
import type { HyParViewMembershipOptions } from '../../src/membership/hyparview-options.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { specOf } from './membership-bus.js'

type Effect = MembershipEffect<HyParViewMessage>

/** A node of a HyParView overlay. */
export function peerOf(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): NodeSpec {
  return specOf(name, incarnation, { role: hyParViewRole, ...more })
}

/** One machine, `me`, that is told what happens by hand. */
export class OneMachine {
  readonly machine: HyParViewMembership
  readonly self: NodeSpec
  readonly connected: Set<string> = new Set()
  /** Whom it wants to be connected with, from its effects. */
  readonly wanted: Set<string> = new Set()
  now = 0

  constructor(options: Partial<HyParViewMembershipOptions> = {}, seed = 1) {
    this.machine = new HyParViewMembership({ random: new SeededRandom(seed), ...options })
    this.self = peerOf('me', 5)
    this.step({ type: 'start', self: this.self })
  }

  step(input: MembershipInput<HyParViewMessage>): Effect[] {
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
    return this.step({ type: 'up', peer: peerOf(name, incarnation, more) })
  }

  down(name: string): Effect[] {
    this.connected.delete(name)
    return this.step({ type: 'down', node: name as NodeName })
  }

  /** The peer says something; it is connected for it. */
  hear(name: string, message: HyParViewMessage, more: Partial<NodeSpec> = {}): Effect[] {
    const before = this.connected.has(name) ? [] : this.up(name, 1, more)
    return [...before, ...this.step({ type: 'message', from: peerOf(name, 1, more), message })]
  }

  timer(timer: string, after = 0): Effect[] {
    this.now += after
    return this.step({ type: 'timer', timer })
  }

  /** These become neighbours. */
  befriend(...names: readonly string[]): void {
    for (const name of names) this.hear(name, { type: 'neighbor', priority: 'high' })
  }

  /** These become known, as by a shuffle. */
  meet(...nodes: readonly NodeSpec[]): Effect[] {
    return this.step({
      type: 'message',
      from: peerOf(this.active[0] ?? 'x'),
      message: { type: 'shuffle-reply', nodes, path: [] },
    })
  }

  get active(): string[] {
    return this.machine
      .members()
      .map(({ name }) => name as string)
      .filter(name => name !== 'me')
  }

  get passive(): string[] {
    return [...(this.machine.state().passive as string[])].sort()
  }
}

/** What was sent, as `type -> to`. */
export function sent(effects: readonly Effect[], type?: HyParViewMessage['type']): string[] {
  return effects.flatMap(effect =>
    effect.type === 'send' && (type === undefined || effect.message.type === type)
      ? [`${effect.message.type} -> ${effect.to}`]
      : [],
  )
}

/** The messages of a type, with whom they went to. */
export function messages<Type extends HyParViewMessage['type']>(
  effects: readonly Effect[],
  type: Type,
): { readonly to: string; readonly message: HyParViewMessage & { readonly type: Type } }[] {
  return effects.flatMap(effect =>
    effect.type === 'send' && effect.message.type === type
      ? [{ to: effect.to, message: effect.message as HyParViewMessage & { readonly type: Type } }]
      : [],
  )
}

export function disconnected(effects: readonly Effect[]): string[] {
  return effects.flatMap(effect => (effect.type === 'disconnect' ? [effect.node as string] : []))
}
