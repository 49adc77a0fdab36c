import { expect, test } from 'vitest'
import {
  type HyParViewOptions,
  hyParView,
  InvalidOptionError,
  type MembershipEffect,
  type MembershipInput,
  type MembershipStrategy,
  type NodeName,
  type NodeSpec,
  peerService,
} from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'

/** Connects with whom it joins, and writes down what it hears of round trips. */
class Listener implements MembershipStrategy<never> {
  readonly capabilities = []
  readonly heard: { readonly node: NodeName; readonly millis: number }[] = []
  #self: NodeSpec | undefined

  step(input: MembershipInput<never>, _now: number, out: MembershipEffect<never>[]): void {
    if (input.type === 'start') this.#self = input.self
    if (input.type === 'rtt') this.heard.push(input)
    if (input.type !== 'join') return
    out.push({ type: 'connect', peer: input.peer })
    out.push({ type: 'notify', event: { type: 'joined', peer: input.peer.name } })
  }

  members = (): readonly NodeSpec[] => (this.#self === undefined ? [] : [this.#self])
  route = (): readonly NodeSpec[] => []
  parse = (): undefined => undefined
  admit = (): undefined => undefined
  state = (): { members: readonly NodeName[] } => ({ members: [] })
}

test('a strategy hears how long the round trip to a peer takes, smoothed, at both ends', async () => {
  const strategies = new Map([
    ['a', new Listener()],
    ['b', new Listener()],
  ])
  await using net = simulate({
    nodes: ['a', 'b'],
    latency: { least: 10, mean: 10, tail: 0 },
    manager: options => peerService(strategies.get(options.name ?? '') ?? new Listener(), { ...options, seeds: [] }),
    seeds: () => [],
  })
  await net.settle()
  await net.settle(net.node('a').join(net.node('b').spec))
  await net.pass(10_000)
  for (const [name, peer] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const heard = strategies.get(name)?.heard ?? []
    expect(heard.length).toBeGreaterThan(3)
    for (const { node, millis } of heard) {
      expect(node).toBe(peer)
      expect(millis).toBeGreaterThanOrEqual(19)
      expect(millis).toBeLessThan(60)
    }
  }
  const before = strategies.get('a')?.heard.at(-1)?.millis ?? 0
  net.slowNetwork(5)
  await net.pass(30_000)
  const after = strategies.get('a')?.heard.at(-1)?.millis
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
