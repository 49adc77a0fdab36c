import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { describePlan, drawPlan, type Plan } from '../../src/testing/histories/plan.js'
import { type FaultName, faultNames, shortened, withoutNode } from '../../src/testing/histories/planned-fault.js'
import { resolveScenario } from '../../src/testing/histories/scenario.js'
import { shrinkPlan } from '../../src/testing/histories/shrink-plan.js'

const nodes = ['n1', 'n2', 'n3'] as NodeName[]
const operations = { read: () => {}, write: () => {} }

function plan(seed: number, faults?: readonly FaultName[], names = nodes): Plan {
  return drawPlan(resolveScenario({ nodes: names, operations, ...(faults && { faults }) }), names, seed)
}

const plans = Array.from({ length: 300 }, (_, index) => plan(index + 1))
const faults = plans.flatMap(({ actions }) => actions.flatMap(action => (action.type === 'fault' ? [action] : [])))

describe('a plan', () => {
  test('follows from its seed, and is plain data', () => {
    expect(plan(7)).toEqual(plan(7))
    expect(plan(7)).not.toEqual(plan(8))
    for (const one of plans) expect(JSON.parse(JSON.stringify(one))).toEqual(one)
  })

  test('is in the order of time, and ends after its last action', () => {
    for (const { actions, heals } of plans) {
      const times = actions.map(({ at }) => at)
      expect(times).toEqual(times.toSorted((one, other) => one - other))
      expect(heals).toBeGreaterThan(times.at(-1) ?? 0)
    }
  })

  test('has every fault and every operation in it, some time', () => {
    expect([...new Set(faults.map(({ fault }) => fault))].sort()).toEqual([...faultNames].sort())
    const names = plans.flatMap(({ actions }) => actions.flatMap(action => ('name' in action ? [action.name] : [])))
    expect([...new Set(names)].sort()).toEqual(['read', 'write'])
  })

  test('often lacks most faults, so that the others show', () => {
    const kinds = plans.map(({ actions }) => new Set(actions.map(action => 'fault' in action && action.fault)).size)
    expect(kinds.filter(count => count <= 4).length).toBeGreaterThan(50)
    expect(kinds.filter(count => count >= 8).length).toBeGreaterThan(10)
  })

  test('has only the faults that it may have, and that so many nodes can', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const some = plan(seed, ['crash', 'bridge']).actions.flatMap(action => ('fault' in action ? [action.fault] : []))
      for (const fault of some) expect(['crash', 'bridge']).toContain(fault)
      for (const action of plan(seed, undefined, ['n1' as NodeName]).actions) {
        if (action.type === 'fault') expect(JSON.stringify(action)).not.toMatch(/n2|n3|undefined/)
      }
    }
    expect(plan(1, []).actions.filter(({ type }) => type === 'fault')).toEqual([])
  })

  test('says what it does, a line for each action', () => {
    const [first = '', ...lines] = describePlan(plan(3)).split('\n')
    expect(first.trim()).toBe('+0.000 s  start n1, n2, n3')
    expect(lines).toHaveLength(plan(3).actions.length + 1)
    const odd = plans.map(describePlan).join('\n')
    expect(odd).not.toMatch(/undefined|NaN|object/)
  })
})

describe('a fault of a plan', () => {
  test('names nobody else when a node is left out, or nothing is left of it', () => {
    for (const fault of faults) {
      const { at: _, type: __, ...planned } = fault
      const rest = withoutNode(planned, 'n2' as NodeName)
      if (rest !== undefined) expect(JSON.stringify(rest)).not.toContain('n2')
      expect(withoutNode(planned, 'n9' as NodeName)).toEqual(planned)
    }
  })

  test('can be made shorter until it takes hardly any time', () => {
    for (const fault of faults) {
      let shorter = shortened(fault)
      for (let round = 0; round < 40; round++) shorter = (shorter && shortened(shorter)) ?? undefined
      expect(shorter).toBeUndefined()
    }
  })
})

describe('a plan that fails', () => {
  const isolates = (one: Plan): boolean =>
    one.actions.some(action => 'fault' in action && action.fault === 'isolate' && action.node === 'n2')

  test('is shrunk to what makes it fail: few actions, few nodes, short faults', async () => {
    const failing = plans.filter(isolates)
    expect(failing.length).toBeGreaterThan(3)
    for (const one of failing) {
      const { actions, nodes: left } = await shrinkPlan(one, async some => isolates(some), 2_000)
      expect(actions).toMatchObject([{ fault: 'isolate', node: 'n2', lasts: 1 }])
      expect(left).toEqual(['n2'])
    }
  })

  test('is shrunk within a number of runs', async () => {
    const [one] = plans.filter(isolates)
    let runs = 0
    const least = await shrinkPlan(
      one as Plan,
      async some => {
        runs++
        return isolates(some)
      },
      5,
    )
    expect(runs).toBeLessThanOrEqual(5)
    expect(isolates(least)).toBe(true)
  })

  test('is left as it is when it fails no more without any of it', async () => {
    const [one] = plans.filter(({ actions }) => actions.length > 10)
    expect(await shrinkPlan(one as Plan, async some => some === one, 2_000)).toBe(one)
  })
})
