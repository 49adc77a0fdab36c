import type { NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { HyParViewMembership, hyParViewRole } from '../../src/membership/hyparview.js'
import type { HyParViewMessage } from '../../src/membership/hyparview-messages.js'
import type { HyParViewMembershipOptions } from '../../src/membership/hyparview-options.js'
import type { MembershipEffect } from '../../src/membership/strategy.js'
import { DrivenMachine, peersOf } from './driven-machine.js'

type Effect = MembershipEffect<HyParViewMessage>

/** A node of a HyParView overlay. */
export const peerOf: ReturnType<typeof peersOf> = peersOf(hyParViewRole)

export class OneMachine extends DrivenMachine<HyParViewMessage, HyParViewMembership> {
  constructor(options: Partial<HyParViewMembershipOptions> = {}, seed = 1, more: Partial<NodeSpec> = {}) {
    super(new HyParViewMembership({ random: new SeededRandom(seed), ...options }), hyParViewRole, more)
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
    return this.others
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

export function disconnected(effects: readonly Effect[]): string[] {
  return effects.flatMap(effect => (effect.type === 'disconnect' ? [effect.node as string] : []))
}
