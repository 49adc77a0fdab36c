import { describe, expect, test } from 'vitest'
import type { NodeName, NodeSpec } from '../../src/core/node.js'
import type { Random } from '../../src/core/random.js'
import { FullMembership } from '../../src/membership/full.js'
import type { MembershipEffect, MembershipInput, MembershipStrategy } from '../../src/membership/strategy.js'
import { strategyCases } from '../../src/testing/testing.js'

type Effects = MembershipEffect<unknown>[]

/** A full mesh that does something wrong. */
interface Defect {
  /** Changes what a step wants done. */
  readonly effects?: (effects: Effects, input: MembershipInput<unknown>, self: NodeName) => Effects
  readonly route?: (to: NodeName, members: readonly NodeSpec[], self: NodeName) => readonly NodeSpec[]
}

function broken(name: NodeName, random: Random, { effects, route }: Defect): MembershipStrategy {
  const inner: MembershipStrategy = new FullMembership({ random })
  return {
    capabilities: inner.capabilities,
    members: () => inner.members(),
    route: to => route?.(to, inner.members(), name) ?? inner.route(to),
    parse: value => inner.parse(value),
    admit: peer => inner.admit(peer),
    state: () => inner.state(),
    step: (input, now, out) => {
      const wanted: Effects = []
      inner.step(input, now, wanted)
      out.push(...(effects?.(wanted, input, name) ?? wanted))
    },
  }
}

const twice = (type: 'joined' | 'told'): Defect => ({
  effects: wanted =>
    wanted.flatMap(effect => (effect.type === 'notify' && effect.event.type === type ? [effect, effect] : [effect])),
})

const defects: Readonly<Record<string, readonly [defect: Defect, complaint: string]>> = {
  'joined is told twice': [twice('joined'), 'twice in one step'],
  'told is told twice': [twice('told'), 'twice in one step'],
  'members are told on every timer': [
    {
      effects: (wanted, input) =>
        input.type === 'timer' ? [...wanted, { type: 'notify', event: { type: 'members' } }] : wanted,
    },
    'a timer told of members that had not changed',
  ],
  'told is told before anybody can have heard': [
    {
      effects: (wanted, input, self) =>
        input.type === 'leave' ? [...wanted, { type: 'notify', event: { type: 'told', node: self } }] : wanted,
    },
    'said that it had told before all had heard',
  ],
  'superseded is never told': [
    { effects: wanted => wanted.filter(effect => effect.type !== 'notify' || effect.event.type !== 'superseded') },
    'does not say which life supersedes it',
  ],
  'every way goes over the same other member': [
    { route: (_to, members, self) => members.filter(({ name }) => name !== self).slice(0, 1) },
    'has no way to',
  ],
}

/** What the suite says of a full mesh with that defect. */
function complaints(defect: Defect): string[] {
  return strategyCases.flatMap(({ run }) => {
    try {
      run({ machine: (name, random) => broken(name, random, defect) })
      return []
    } catch (error) {
      return [String(error)]
    }
  })
}

describe('the suite for strategies', () => {
  test.each(Object.entries(defects))('notices when %s', (_what, [defect, complaint]) => {
    expect(complaints(defect).filter(text => text.includes(complaint))).not.toEqual([])
  })
})
