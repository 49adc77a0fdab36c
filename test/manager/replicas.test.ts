import { describe, expect, test } from 'vitest'
import type { ReplicatedStore } from '../../src/index.js'
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

  test('ends when it is disposed, and its names are free again', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    a.replicate('words', new Words())[Symbol.dispose]()
    using again = a.replicate('words', new Words())
    expect(again).toBeDefined()
    expect(() => a.replicate('words', new Words())).toThrow(expect.objectContaining({ code: 'ERR_SERVER_EXISTS' }))
    expect(() => a.replicate('others', {} as Words)).toThrow('store.merge')
    expect(() => a.replicate('others', new Words(), { channel: 'none' })).toThrow('no channel')
    expect(() => a.replicate('others', new Words(), { interval: 0 })).toThrow('interval')
  })
})
