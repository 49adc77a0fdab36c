import { SeededRandom } from '../../src/core/random.js'
import { ScampMembership, scampRole } from '../../src/membership/scamp.js'
import type { ScampMessage } from '../../src/membership/scamp-messages.js'
import type { ScampMembershipOptions } from '../../src/membership/scamp-options.js'
import type { MembershipEffect } from '../../src/membership/strategy.js'
import { DrivenMachine, peersOf } from './driven-machine.js'

/** A node of a SCAMP overlay. */
export const scampPeer: ReturnType<typeof peersOf> = peersOf(scampRole)

export class ScampMachine extends DrivenMachine<ScampMessage, ScampMembership> {
  constructor(options: Partial<ScampMembershipOptions> = {}, seed = 1) {
    super(new ScampMembership({ random: new SeededRandom(seed), ...options }), scampRole)
  }

  join(name: string): MembershipEffect<ScampMessage>[] {
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

  round(after = 10_000): MembershipEffect<ScampMessage>[] {
    return this.timer('round', after)
  }

  get view(): string[] {
    return this.others
  }

  get inView(): unknown {
    return this.machine.state().inView
  }
}

/** As many names, with a prefix. */
export function many(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(2, '0')}`)
}
