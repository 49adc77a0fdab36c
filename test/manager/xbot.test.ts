import { expect, test } from 'vitest'
import { type HyParViewOptions, hyParView, InvalidOptionError, type NodeName, peerService } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'
import { Obedient } from '../support/obedient.js'

test('a strategy hears how long the round trip to a peer takes, smoothed, at both ends', async () => {
  const told = new Map<string, { readonly node: NodeName; readonly millis: number }[]>()
  const listener = (name: string): Obedient => {
    const heard: { readonly node: NodeName; readonly millis: number }[] = []
    told.set(name, heard)
    return new Obedient(input => void (input.type === 'rtt' && heard.push(input)))
  }
  await using net = simulate({
    nodes: ['a', 'b'],
    latency: { least: 10, mean: 10, tail: 0 },
    manager: options => peerService(listener(options.name ?? ''), { ...options, seeds: [] }),
    seeds: () => [],
  })
  await net.settle()
  await net.settle(net.node('a').join(net.node('b').spec))
  await net.pass(10_000)
  for (const [name, peer] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const heard = told.get(name) ?? []
    expect(heard.length).toBeGreaterThan(3)
    for (const { node, millis } of heard) {
      expect(node).toBe(peer)
      expect(millis).toBeGreaterThanOrEqual(19)
      expect(millis).toBeLessThan(60)
    }
  }
  const before = told.get('a')?.at(-1)?.millis ?? 0
  net.slowNetwork(5)
  await net.pass(30_000)
  const after = told.get('a')?.at(-1)?.millis
  expect(after).toBeGreaterThan(3 * before)
  const shown = net
    .node('a')
    .connections()
    .map(({ roundTrip }) => roundTrip)
  expect(shown).toContain(after)
})

/** Two sites of five nodes each: 1 ms within a site, 60 ms between them. */
async function sites(xbot: boolean): Promise<{ readonly far: number; readonly whole: boolean }> {
  const site = (host: string): string => host.slice(0, 1)
  const conditions = {
    latency: (from: string, to: string) => (site(from) === site(to) ? 1 : 60),
    holds: () => false,
    dial: () => 'pass' as const,
  }
  const cluster = new Cluster({
    network: { conditions },
    make: options =>
      hyParView({ ...options, activeViewSize: 4, shuffleInterval: 2_000, ...(xbot && { xbot: { interval: 2_000 } }) }),
  })
  const names = ['e1', 'w1', 'e2', 'w2', 'e3', 'w3', 'e4', 'w4', 'e5', 'w5']
  const [first, ...others] = names as [string, ...string[]]
  const nodes = [await cluster.start(first)]
  for (const name of others) {
    const node = await cluster.start(name)
    await cluster.settle(node.join(`memory://${first}:1`))
    nodes.push(node)
  }
  await cluster.pass(30_000)
  const pairs = nodes.flatMap(node =>
    node
      .members()
      .filter(peer => peer !== node.name)
      .map(peer => [node.name, peer]),
  )
  const reached = new Set<string>([first])
  for (const name of reached) for (const [from, to] of pairs) if (from === name && to) reached.add(to)
  const far = pairs.filter(([from = '', to = '']) => site(from) !== site(to)).length / pairs.length
  return { far, whole: reached.size === names.length }
}

test('with xbot neighbours are found nearby, and the overlay stays one', async () => {
  const without = await sites(false)
  const optimized = await sites(true)
  expect(without.whole && optimized.whole).toBe(true)
  expect(optimized.far).toBeLessThan(0.75 * without.far)
})

test('options of xbot that make no sense are refused by name', () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ['xbot', 1],
    ['xbot.interval', { interval: 0 }],
    ['xbot.candidates', { candidates: 17 }],
    ['xbot.unbiased', { unbiased: -1 }],
    ['xbot.unbiased', { unbiased: 5 }],
    ['xbot.often', { often: true }],
  ]
  for (const [option, xbot] of refused) {
    const make = (): unknown => hyParView({ xbot } as HyParViewOptions)
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(option)
  }
  for (const xbot of [true, false, { interval: 1_000, candidates: 1, unbiased: 2 }]) hyParView({ xbot })
})
