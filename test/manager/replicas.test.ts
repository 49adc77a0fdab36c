import { describe, expect, test } from 'vitest'
import type { PeerServiceManager, ReplicatedStore } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

/** A set that only grows; its digest is all of it. */
class Words implements ReplicatedStore<string, readonly string[]> {
  readonly words = new Set<string>()

  merge(word: string): void {
    this.words.add(word)
  }

  digest(): readonly string[] {
    return [...this.words]
  }

  missing(digest: readonly string[]): readonly string[] {
    return [...this.words].filter(word => !digest.includes(word))
  }
}

/** Values by key; its digest are the keys. What is forbidden is refused when it is merged. */
class Entries implements ReplicatedStore<readonly [string, unknown], readonly string[]> {
  readonly entries = new Map<string, unknown>()
  digests = 0

  merge([key, value]: readonly [string, unknown]): void {
    if (key.startsWith('never')) throw new Error('planted')
    this.entries.set(key, value)
  }

  digest(): readonly string[] {
    this.digests++
    return [...this.entries.keys()]
  }

  missing(digest: readonly string[]): readonly (readonly [string, unknown])[] {
    const has = new Set(digest)
    return [...this.entries].filter(([key]) => !has.has(key))
  }
}

/** Stores of two nodes of which the second takes messages of at most so many bytes. */
async function entriesOfTwo(messageBytes = 67_108_864): Promise<{
  cluster: Cluster
  nodes: readonly [PeerServiceManager, PeerServiceManager]
  stores: readonly [Entries, Entries]
  failures: unknown[]
}> {
  const cluster = new Cluster()
  const nodes = [await cluster.start('a'), await cluster.start('b', { limits: { messageBytes } })] as const
  const stores = [new Entries(), new Entries()] as const
  const failures: unknown[] = []
  for (const [index, node] of nodes.entries()) {
    node.events.on('handler-error', ({ error }) => failures.push(error))
    node.replicate('entries', stores[index] as Entries, { interval: 1_000 })
  }
  await cluster.settle(nodes[1].syncJoin(nodes[0].spec))
  return { cluster, nodes, stores, failures }
}

const names = ['a', 'b', 'c']

describe('a replicated store', () => {
  test('is told what is broadcast, and gives a newcomer all that it has', async () => {
    const cluster = new Cluster()
    const nodes = await cluster.mesh(names)
    const stores = nodes.map(node => {
      const store = new Words()
      node.replicate('words', store)
      return store
    })
    const [a] = nodes
    if (a === undefined) throw new Error('there is a first node')
    stores[0]?.words.add('one')
    await cluster.settle(a.broadcast('words', 'one'))
    await cluster.until(() => stores.every(({ words }) => words.has('one')), 1_000)
    const z = await cluster.start('z')
    const late = new Words()
    late.words.add('two')
    z.replicate('words', late)
    await cluster.settle(z.syncJoin(a.spec))
    await cluster.until(() => [...stores, late].every(({ words }) => words.size === 2), 120_000)
  })

  test('is alike again after a partition that outlasted whatever was kept', async () => {
    const cluster = new Cluster()
    const nodes = await cluster.mesh(names)
    const stores = nodes.map(node => {
      const store = new Words()
      node.replicate('words', store, { interval: 1_000 })
      return store
    })
    for (const one of names.slice(0, 2)) cluster.split(one, 'c')
    await cluster.pass(10_000)
    for (const [index, store] of stores.entries()) store.merge(`of ${names[index]}`)
    await cluster.pass(300_000)
    expect(stores[2]?.words.size).toBe(1)
    cluster.heal()
    await cluster.until(() => stores.every(({ words }) => words.size === 3))
  })

  test('that throws is told of, and others go on', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const told: unknown[] = []
    a.events.on('handler-error', failure => told.push(failure))
    const broken = new Words()
    broken.missing = () => {
      throw new Error('planted')
    }
    a.replicate('words', broken, { interval: 100 })
    const store = new Words()
    b.replicate('words', store, { interval: 100 })
    await cluster.until(() => told.length > 0)
    expect(a.isFullyConnected('b')).toBe(true)
  })

  test.for<[what: string, count: number, make: () => unknown]>([
    ['beyond 1,000 in number', 2_500, () => 1],
    ['larger together than any message may be', 60, () => new Uint8Array(3_000)],
    ['larger together than what is sent at a time', 40, () => new Uint8Array(90_000)],
    ['of more parts together than any value may have', 900, () => Array.from({ length: 1_200 }, () => 0)],
  ])('catches up with items %s, both ways, within a few rounds', async ([what, count, make]) => {
    const isSmall = what.includes('any message')
    const { cluster, stores, failures } = await entriesOfTwo(isSmall ? 20_000 : undefined)
    for (const [index, { entries }] of stores.entries()) {
      for (let item = 0; item < count; item++) entries.set(`${index} ${item}`, make())
    }
    await cluster.until(() => stores.every(({ entries }) => entries.size === 2 * count), 10_000)
    expect(stores[0].entries.get('1 0')).toEqual(make())
    expect(failures).toEqual([])
  })

  test('leaves out an item that cannot travel, tells of it, and gives all others', async () => {
    const { cluster, nodes, stores, failures } = await entriesOfTwo(20_000)
    const [{ entries }, other] = stores
    entries.set('large', new Uint8Array(30_000))
    entries.set('a function', () => 1)
    for (let item = 0; item < 20; item++) entries.set(`small ${item}`, new Uint8Array(5_000))
    await cluster.until(() => other.entries.size === 20, 10_000)
    await cluster.until(() => failures.length > 0)
    expect(failures[0]).toMatchObject({
      code: 'ERR_ENCODE',
      message: expect.stringContaining('limits.messageBytes at both ends'),
    })
    expect(nodes[0].counters().itemsSkipped).toBeGreaterThanOrEqual(2)
    expect(other.entries.has('large')).toBe(false)
  })

  test('that refuses what it is given is not asked again before the next exchange', async () => {
    const { cluster, stores } = await entriesOfTwo()
    for (let item = 0; item < 1_500; item++) stores[0].entries.set(`never ${item}`, 0)
    await cluster.pass(3_000)
    // At most six exchanges of each node, of two rounds.
    expect(stores[1].digests).toBeLessThan(30)
  })

  test('is told of as malformed where a peer sends items that are none', async () => {
    const { cluster, nodes } = await entriesOfTwo()
    const [a, b] = nodes
    const violations: unknown[] = []
    b.events.on('violation', violation => violations.push(violation))
    for (const items of [Uint8Array.of(0, 0), Uint8Array.of(0, 0, 0, 9, 1), Uint8Array.of(0, 0, 0, 1, 0xff)]) {
      await cluster.settle(a.request('b', 'entries:exchange', { items }))
    }
    expect(violations).toHaveLength(3)
  })

  test('ends when it is disposed, and its names are free again', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    a.replicate('words', new Words())[Symbol.dispose]()
    using again = a.replicate('words', new Words())
    expect(again).toBeDefined()
    expect(() => a.replicate('words', new Words())).toThrow(expect.objectContaining({ code: 'ERR_SERVER_EXISTS' }))
    expect(() => a.replicate('others', {} as Words)).toThrow('store.merge')
    const none: Words[] = []
    expect(() => a.replicate('others', none[0] as Words)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    )
    expect(() => a.replicate('others', new Words(), { channel: 'none' })).toThrow('no channel')
    expect(() => a.replicate('others', new Words(), { interval: 0 })).toThrow('interval')
  })
})
