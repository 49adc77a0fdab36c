import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { identify } from '../../src/pool/hash.js'
import { createPools, type PoolChange, type PoolSpec, type PurePools } from '../../src/pool/pool.js'
import { type NaiveNode, naiveAllocation } from '../support/naive-allocation.js'

const types = ['worker', 'logger', 'manager'] as const
const names = Array.from({ length: 6 }, (_, index) => `n${index}`)
const topics = ['zeek/cluster/pool/worker', 'zeek/cluster/pool/logger', 'a', 'b', 'c']

type Step =
  | { readonly type: 'join'; readonly name: string; readonly of: (typeof types)[number] }
  | { readonly type: 'leave' | 'up' | 'down' | 'leaving'; readonly name: string }
  | { readonly type: 'register'; readonly spec: PoolSpec }
  | { readonly type: 'unregister'; readonly topic: string }
  | { readonly type: 'read'; readonly topic: string }

const name = fc.constantFrom(...names)
const topic = fc.constantFrom(...topics)
const spec: fc.Arbitrary<PoolSpec> = fc
  .record({
    ...{ topic, nodeType: fc.constantFrom('worker', 'worker', 'logger'), exclusive: fc.boolean() },
    maxNodes: fc.constantFrom(undefined, 0, 1, 2, 3),
    allocation: fc.constantFrom('rendezvous', 'sorted'),
    ...{ refill: fc.boolean(), includeSelf: fc.boolean(), hash: fc.constantFrom('fmix32-v1', 'zeek-7.1') },
  })
  .map(each => ({ ...each, exclusive: each.exclusive && each.maxNodes !== undefined }))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('join'), name, of: fc.constantFrom(...types) }),
  fc.record({ type: fc.constantFrom('up', 'up', 'down', 'leave', 'leaving'), name }),
  fc.record({ type: fc.constant('register'), spec }),
  fc.record({ type: fc.constantFrom('unregister', 'read'), topic }),
)
/** Not from nothing: most nodes are there, and alive. */
const beginning = names.slice(1).flatMap((each, index): Step[] => [
  { type: 'join', name: each, of: index === 4 ? 'logger' : 'worker' },
  { type: 'up', name: each },
])
const steps = fc.array(step, { minLength: 5, maxLength: 30 }).map(all => [...beginning, ...all])

function take(pools: PurePools, step: Step): void {
  if (step.type === 'join') pools.nodeJoined({ name: step.name, type: step.of })
  else if (step.type === 'leave') pools.nodeLeft(step.name)
  else if (step.type === 'up') pools.nodeUp(step.name)
  else if (step.type === 'down') pools.nodeDown(step.name)
  else if (step.type === 'leaving') pools.nodeLeaving(step.name, 0)
  else if (step.type === 'unregister') pools.unregister(step.topic)
  else if (step.type === 'read') pools.registered.get(step.topic)?.hrw('key')
  else if (step.type === 'register') {
    try {
      pools.unregister(step.spec.topic)
      pools.register(step.spec)
    } catch {
      // It is not for a random spec to be right.
    }
  }
}

/** What is left of the nodes after the steps. */
function nodesAfter(done: readonly Step[]): NaiveNode[] {
  const known = new Map<string, { type: string | undefined; up: boolean; leaving: boolean }>()
  for (const step of done) {
    if (!('name' in step)) continue
    const fresh = { type: undefined, up: step.name === 'n0', leaving: false }
    const node = known.get(step.name) ?? fresh
    if (step.type === 'join') known.set(step.name, { ...node, type: step.of, up: node.up || step.name === 'n0' })
    else if (step.type === 'up') known.set(step.name, { ...node, up: true })
    else if (known.has(step.name)) {
      if (step.type === 'leaving') known.set(step.name, { ...node, leaving: true })
      else {
        const next = step.type === 'down' ? { ...node, up: false } : { ...node, type: undefined }
        // A stranger is forgotten with its life.
        if (next.type === undefined && !next.up) known.delete(step.name)
        else known.set(step.name, next)
      }
    }
  }
  return [...known].flatMap(([each, { type, up, leaving }]) =>
    type === undefined ? [] : [{ name: each, type, alive: up && !leaving }],
  )
}

describe('what pools keep up step by step', () => {
  test('has a manager among loggers also when it becomes one', () => {
    const pools = createPools({ self: 'n0', managerIsLogger: true })
    pools.register({ topic: 'few', nodeType: 'logger', maxNodes: 1 })
    for (const type of ['manager', 'logger', 'manager']) {
      pools.nodeJoined({ name: 'n0', type })
      expect([pools.logger.aliveCount, pools.registered.get('few')?.aliveCount, type]).toEqual([1, 1, type])
      pools.nodeJoined({ name: 'n1', type: 'logger' })
      expect([...pools.logger.nodes.keys()]).toEqual(['n0', 'n1'])
      pools.nodeLeft('n1')
    }
  })

  test.each([false, true])('is what would be made anew, at every step (managerIsLogger: %s)', managerIsLogger => {
    fc.assert(
      fc.property(steps, all => {
        const pools = createPools({ self: 'n0', managerIsLogger })
        const changes = new Map<string, { living: string[]; epoch: number }>()
        const listened = new WeakSet<object>()
        for (const [index, each] of all.entries()) {
          take(pools, each)
          const nodes = nodesAfter(all.slice(0, index + 1))
          const specs = [...pools.registered.values()].map(({ spec }) => spec)
          const expected = naiveAllocation(specs, nodes, managerIsLogger)
          for (const pool of pools.registered.values()) {
            const { topic: of, includeSelf } = pool.spec
            const there = expected.get(of) ?? []
            const living = there.filter(({ alive }) => alive)
            const sites = living.filter(({ name: each }) => includeSelf || each !== 'n0').map(({ name: each }) => each)
            expect(pool.nodeList.map(({ name: each, alive }) => [each, alive])).toEqual(
              there.map(({ name: each, alive }) => [each, alive]),
            )
            const identities = pool.nodeList.map(({ name: each, alias, siteId }) => ({ name: each, alias, siteId }))
            expect(identities).toEqual(
              identify(
                pool.spec.hash,
                there.map(node => node.name),
              ),
            )
            expect([pool.aliveCount, [...pool.nodes.keys()]]).toEqual([living.length, there.map(node => node.name)])
            expect([...pool.sites.values()].map(({ name: each }) => each)).toEqual(sites)
            // Who listens has heard of every change, from the first to the last.
            const heard = changes.get(of)
            if (listened.has(pool)) expect(heard).toEqual({ living: [...sites].sort(), epoch: pool.epoch })
            if (listened.has(pool)) continue
            listened.add(pool)
            changes.set(of, { living: [...sites].sort(), epoch: pool.epoch })
            pool.events.on('changed', change => changes.set(of, merged(changes.get(of), change)))
          }
        }
      }),
      { numRuns: 120, seed: 3 },
    )
  })
})

function merged(known: { living: string[]; epoch: number } | undefined, change: PoolChange): typeof known & object {
  const { added, removed, before, after, epoch } = change
  expect([known?.living, (known?.epoch ?? 0) + 1]).toEqual([[...before].sort(), epoch])
  expect(after.filter(each => !before.includes(each))).toEqual(added)
  expect(before.filter(each => !after.includes(each))).toEqual(removed)
  return { living: [...after].sort(), epoch }
}
