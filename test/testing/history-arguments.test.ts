import { describe, expect, test } from 'vitest'
import { InvalidOptionError, type NodeName } from '../../src/index.js'
import { checkHistories, type Plan, runHistory, type Scenario, searchHistories } from '../../src/testing/testing.js'

/** As a caller may give it whom no compiler checks. */
const mistaken = (value: unknown): never => value as never

const refusalOf = (option: string): unknown => expect.objectContaining({ constructor: InvalidOptionError, option })

describe('a history refuses what cannot be meant', () => {
  const nodes = ['n1', 'n2', 'n3'] as NodeName[]
  const [n1, n2] = nodes
  const [n9, lasts] = ['n9', 100]

  test.each<[string, object]>([
    ['name', { type: 'operation', name: 'renamed', node: n1, seed: 1 }],
    ['node', { type: 'operation', name: 'work', node: n9, seed: 1 }],
    ['seed', { type: 'operation', name: 'work', node: n1 }],
    ['type', { type: 'opration', name: 'work', node: n1, seed: 1 }],
    ['fault', { type: 'fault', fault: 'crsh', node: n1, lasts }],
    ['node', { type: 'fault', fault: 'crash', node: n9, lasts }],
    ['lasts', { type: 'fault', fault: 'crash', node: n1 }],
    ['silent', { type: 'fault', fault: 'crash', node: n1, lasts, silent: true }],
    ['other', { type: 'fault', fault: 'partition', one: [n1], other: [n9], lasts }],
    ['one', { type: 'fault', fault: 'bridge', one: [], other: [n1], lasts }],
    ['every', { type: 'fault', fault: 'flapping', one: [n1], other: [n2], lasts, every: 0 }],
    ['to', { type: 'fault', fault: 'stall', from: n1, to: n9, lasts }],
    ['links[0].from', { type: 'fault', fault: 'swizzle-clog', links: [{ from: n9, to: n1, after: 1, lasts }] }],
    ['operation', { type: 'fault', fault: 'crash-busy', node: n1, operation: 'renamed', seed: 1, events: 1, lasts }],
    ['nodes[0].node', { type: 'fault', fault: 'blackout', nodes: [{ node: n9, lasts }] }],
    ['factor', { type: 'fault', fault: 'slow-network', factor: '2', lasts }],
    ['resolver', { type: 'fault', fault: 'inject-partition', from: n1, origin: n1, ttl: 0, resolver: n9, lasts }],
  ])('in an action of a plan that was kept: %s of %j', async (place, action) => {
    const plan: Plan = { seed: 1, nodes, actions: [mistaken({ at: 1_000, ...action })], heals: 2_000 }
    const scenario = (): Scenario => ({ nodes: 3, operations: { work: () => {} } })
    await expect(runHistory(scenario, 1, plan)).rejects.toEqual(refusalOf(`plan.actions[0].${place}`))
  })

  test.each<[string, Partial<Plan>]>([
    ['plan.nodes', { nodes: [...nodes, mistaken('n9')] }],
    ['plan.nodes', { nodes: [] }],
    ['plan.seed', { seed: mistaken('1') }],
    ['plan.heals', { heals: Number.NaN }],
    ['plan.actions', { actions: mistaken({}) }],
    ['plan.haels', mistaken({ haels: 1 })],
  ])('in a plan that was kept: %s', async (option, change) => {
    const plan: Plan = { ...{ seed: 1, nodes, actions: [], heals: 1_000 }, ...change }
    await expect(runHistory(() => ({ nodes: 3, operations: {} }), 1, plan)).rejects.toEqual(refusalOf(option))
  })

  test.each<[string, Partial<Scenario>]>([
    ['nodes', { nodes: 0 }],
    ['nodes', { nodes: [] }],
    ['seeds', { seeds: () => ['nope'] }],
    ['setup', { setup: mistaken(5) }],
  ])('in a scenario: %s', async (option, change) => {
    await expect(runHistory(() => ({ nodes: 3, operations: {}, ...change }), 1)).rejects.toEqual(refusalOf(option))
  })

  test('where it is made', async () => {
    const make = (): Scenario => ({ nodes: 1, operations: {} })
    await expect(runHistory(mistaken(make()), 1)).rejects.toEqual(refusalOf('make'))
    await expect(
      runHistory(
        mistaken(async () => make()),
        1,
      ),
    ).rejects.toEqual(refusalOf('scenario'))
    const search = (options: object): Promise<unknown> => searchHistories(make, { histories: 1, ...options })
    await expect(search({ progress: 5 })).rejects.toEqual(refusalOf('progress'))
    await expect(search({ shrink: 1 })).rejects.toEqual(refusalOf('shrink'))
    await expect(search({ seed: 'x' })).rejects.toEqual(refusalOf('seed'))
  })

  test.each<[string, Partial<Scenario>]>([
    ['check must be a function that does not return a promise', { check: mistaken(() => Promise.reject(new Error())) }],
    ['check must be a function that throws', { check: mistaken(() => false) }],
    ['atRest must be a function that does not return a promise', { atRest: mistaken(async () => false) }],
    ['settled must be a function that throws', { settled: mistaken(() => false) }],
    ['settled must be a function that throws', { settled: mistaken(async () => false) }],
  ])('in what a promise is checked by, and names the seed: %s', async (text, change) => {
    const make = (): Scenario => ({ nodes: 2, operations: {}, ...change })
    const failure: unknown = await checkHistories(make, { histories: 1, seed: 7 }).catch((error: unknown) => error)
    expect(String(failure)).toContain(text)
    expect(String(failure)).toContain('The history of seed 7 broke a promise')
  })
})
