import { describe, expect, test } from 'vitest'
import { sample } from '../../src/core/random.js'
import type { Incarnation, NodeName, PartitionRef, PeerServiceManager } from '../../src/index.js'
import { type HistoryEvent, judgeHistory, type Simulation, simulate } from '../../src/testing/testing.js'

const histories = Number(process.env.HISTORIES ?? 12)
const firstSeed = Number(process.env.SEED ?? 1)
const names = ['a', 'b', 'c', 'd']
const channels = { data: { parallelism: 2 }, latest: { monotonic: true } }

/** What travels. */
interface Item {
  readonly life: Incarnation
  readonly key: string
  readonly id: number
}

/** A small workload on a small cluster, with most of what can happen to it; the checkers say whether all went well. */
class CheckedHistory {
  readonly #net: Simulation
  readonly #ids = new Map<string, number>()
  readonly #refs: PartitionRef[] = []

  constructor(seed: number) {
    this.#net = simulate({
      seed,
      nodes: names,
      channels,
      setup: (node, { name, clock }) => {
        node.register('sink', (item: Item, { from, channel }) => {
          const { life: fromLife, key, id } = item
          const of = { from: from as NodeName, fromLife, ...content(channel, key, id) }
          this.#net.record({ type: 'delivered', ...this.#head(name), ...of })
        })
        node.events.on('members', listed => {
          // Who left, or was removed, comes back some time.
          if (listed.length === 1) clock.schedule(5_000, () => this.#rejoin(name, node))
        })
      },
    })
  }

  async run(): Promise<readonly HistoryEvent[]> {
    await using net = this.#net
    await net.settle()
    for (let step = 0; step < 60; step++) {
      this.#act()
      await net.pass(net.random.next() * 800)
    }
    net.heal()
    for (const name of names) {
      if (net.isPaused(name)) net.resume(name)
      net.slow(name, 0)
      if (!net.live.includes(name as NodeName)) net.restart(name)
    }
    await net.settle()
    for (let round = 0; round < 5; round++) {
      for (const name of net.live)
        for (const { ref } of net.node(name).partitions()) await net.node(name).resolvePartition(ref)
      await net.pass(2_000)
    }
    await net.settle()
    net.record({ type: 'settled', at: net.clock.now(), live: net.live })
    for (const one of names) for (const other of names) this.#burst(one, other)
    await net.pass(10_000)
    return net.history
  }

  #act(): void {
    const net = this.#net
    const roll = net.random.next()
    const [one = '', other = ''] = sample(net.random, names, 2)
    if (roll < 0.4) this.#burst(one, other)
    else if (roll < 0.45) net.lose(one, other)
    else if (roll < 0.5) net.halfOpen(one, other)
    else if (roll < 0.55) net.partition(one, other)
    else if (roll < 0.6) net.clog(one, other)
    else if (roll < 0.64) net.isolate(one)
    else if (roll < 0.72) net.heal()
    else if (roll < 0.76) net.crash(one, { silent: net.random.next() < 0.5 })
    else if (roll < 0.84) this.#wake(one)
    else if (roll < 0.86) net.pause(one)
    else if (roll < 0.89) this.#leave(one, net.random.next() < 0.7 ? one : other)
    else if (roll < 0.95) this.#inject(one, other)
    else this.#resolve(one)
  }

  #wake(name: string): void {
    if (this.#net.isPaused(name)) this.#net.resume(name)
    else if (!this.#runs(name)) this.#net.restart(name)
  }

  #burst(from: string, to: string): void {
    if (!this.#runs(from)) return
    const { random } = this.#net
    const node = this.#net.node(from)
    for (let count = 0; count < 10; count++) {
      const [channel = ''] = sample(random, Object.keys(channels), 1)
      const key = `k${Math.floor(random.next() * 3)}`
      const { life } = this.#head(from)
      const stream = `${from} ${life} ${to} ${channel} ${key}`
      const id = (this.#ids.get(stream) ?? 0) + 1
      this.#ids.set(stream, id)
      this.#net.record({ type: 'sent', ...this.#head(from), to: to as NodeName, ...content(channel, key, id) })
      const options = { channel, partitionKey: key, ...(random.next() < 0.3 && { whenDown: 'wait' as const }) }
      node.castMessage(to, 'sink', { life, key, id } satisfies Item, options)
    }
  }

  #leave(at: string, leaver: string): void {
    if (!this.#runs(at) || !this.#runs(leaver)) return
    const node = this.#net.node(at)
    const known = node.membersForOrchestration().find(({ name }) => name === leaver)
    if (known === undefined) return
    const whom = { leaver: known.name, leaverLife: known.incarnation }
    this.#net.record({ type: 'leave', ...this.#head(at), ...whom })
    node.leave(leaver).catch(() => {})
  }

  #rejoin(name: string, node: PeerServiceManager): void {
    if (node.members().length > 1) return
    for (const seed of names) if (seed !== name) node.join(`memory://${seed}:1`).catch(() => {})
  }

  #inject(at: string, origin: string): void {
    if (!this.#runs(at)) return
    const injected = this.#net.node(at).injectPartition(origin, Math.floor(this.#net.random.next() * 2))
    injected.then(
      ref => this.#refs.push(ref),
      () => {},
    )
  }

  #resolve(at: string): void {
    const ref = this.#runs(at) ? this.#refs.shift() : undefined
    if (ref !== undefined) void this.#net.node(at).resolvePartition(ref)
  }

  #runs(name: string): boolean {
    return this.#net.live.includes(name as NodeName) && !this.#net.isPaused(name)
  }

  #head(name: string): { at: number; node: NodeName; life: Incarnation } {
    const { name: node, incarnation: life } = this.#net.node(name).spec
    return { at: this.#net.clock.now(), node, life }
  }
}

function content(
  channel: string,
  key: string,
  id: number,
): { channel: string; key: string; id: number; monotonic?: true } {
  return { channel, key, id, ...(channel === 'latest' && { monotonic: true }) }
}

describe('a simulated cluster keeps every promise that a history can show', () => {
  test.each(Array.from({ length: histories }, (_, index) => firstSeed + index))('seed %i', async seed => {
    const history = await new CheckedHistory(seed).run()
    expect(judgeHistory(history)).toEqual([])
    expect(history.filter(({ type }) => type === 'delivered').length).toBeGreaterThan(0)
  })
})
