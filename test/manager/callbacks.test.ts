import { describe, expect, test } from 'vitest'
import type { Interposition, PeerServiceManager, ReplicatedStore } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

const reject = (): unknown => Promise.reject(new Error('mine'))

/** The places of which a node was told that the user's code failed there. */
function failuresOf(node: PeerServiceManager): Set<string> {
  const told = new Set<string>()
  node.events.on('handler-error', ({ where }) => void told.add(where))
  return told
}

describe('what an asynchronous callback rejects with', () => {
  test('of listeners is told, and holds neither the node nor other listeners up', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const told = failuresOf(a)
    const dropped: unknown[] = []
    a.events.on('dropped', reject)
    a.events.on('dropped', () => {
      throw new Error('mine')
    })
    a.events.on('dropped', ({ server }) => void dropped.push(server))
    a.castMessage('nobody', 'x', 1)
    await cluster.turn()
    expect([told, dropped]).toEqual([new Set(["a listener of 'dropped'"]), ['x']])
    expect(a.counters().handlerErrors).toBe(2)
  })

  test('of a listener of such failures is logged', async () => {
    const lines: string[] = []
    const cluster = new Cluster()
    const logger = { debug() {}, info() {}, warn() {}, error: (line: string) => void lines.push(line) }
    const a = await cluster.start('a', { logger })
    a.events.on('handler-error', reject)
    a.register('x', reject)
    a.castMessage('a', 'x', 1)
    await cluster.turn()
    expect(lines).toEqual([
      expect.stringContaining(`server 'x' threw`),
      expect.stringContaining(`a listener of 'handler-error' threw`),
    ])
  })

  test('of a logger is counted', async () => {
    const cluster = new Cluster()
    const logger = { debug: reject, info: reject, warn: reject, error: reject }
    const a = await cluster.start('a', { logger })
    const before = a.counters().handlerErrors
    a.register('x', reject)
    a.castMessage('a', 'x', 1)
    await cluster.turn()
    expect(a.counters().handlerErrors - before).toBe(2)
  })

  test('of an interposition is told, and the message passes', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const told = failuresOf(a)
    a.interpose(reject as unknown as Interposition)
    a.castMessage('b', 'x', 1)
    await cluster.turn()
    expect([heard, told]).toEqual([[1], new Set(['an interposition', 'what an interposition waits for'])])
  })

  test.each(['merge', 'digest', 'missing'] as const)('of a store is told: %s', async method => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const merged: unknown[] = []
    const store = (name: string): ReplicatedStore => ({
      merge: item => void merged.push(item),
      digest: () => name,
      missing: () => [1, 2],
    })
    const told = [failuresOf(a), failuresOf(b)]
    a.replicate('words', { ...store('a'), [method]: reject }, { interval: 100 })
    b.replicate('words', { ...store('b'), [method]: () => reject() }, { interval: 100 })
    await cluster.pass(1_000)
    expect(told).toEqual([new Set(["the store of 'words:exchange'"]), new Set(["the store of 'words:exchange'"])])
    if (method !== 'merge') expect(merged).toEqual([])
  })

  test('of a monotonic channel is nobody’s, and its key is refused', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair({ channels: { default: {}, last: { monotonic: reject as never } } })
    cluster.stall('b', 'a')
    const send = async (): Promise<void> => {
      // More than a connection takes at once.
      for (let count = 0; count < 200; count++) {
        await a.forwardMessage('b', 'x', new Uint8Array(100_000), { channel: 'last' })
      }
    }
    expect(await cluster.failure(send())).toMatchObject({ code: 'ERR_INVALID_OPTION', option: 'monotonic' })
  })
})

describe('a listener', () => {
  test('ends as it began: by its function, by its emitter, or after the first event', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const told: string[] = []
    const listen = (name: string) => (): void => void told.push(name)
    const [on, once, off] = [listen('on'), listen('once'), listen('off')]
    a.events.on('dropped', on).addListener('dropped', off).once('dropped', once)
    a.events.once('dropped', off)
    a.events.off('dropped', off)
    const drops = record(a, 'dropped')
    a.castMessage('nobody', 'x', 1)
    a.castMessage('nobody', 'x', 1)
    expect([told, drops.length]).toEqual([['on', 'once', 'on'], 2])
    a.events.removeListener('dropped', on)
    a.castMessage('nobody', 'x', 1)
    expect(told).toEqual(['on', 'once', 'on'])
    a.events.removeAllListeners()
    a.castMessage('nobody', 'x', 1)
    expect([drops.length, a.events.listenerCount('dropped')]).toEqual([3, 0])
  })
})

describe('a store that takes its time', () => {
  test('is waited for', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const items = [new Set(['of a']), new Set(['of b'])]
    for (const [index, node] of [a, b].entries()) {
      const own = items[index] as Set<string>
      const store: ReplicatedStore<string, string[]> = {
        merge: async item => void own.add(item),
        digest: async () => [...own],
        missing: async known => [...own].filter(item => !known.includes(item)),
      }
      node.replicate('words', store, { interval: 100 })
    }
    await cluster.until(() => items.every(({ size }) => size === 2))
    expect(a.counters().handlerErrors + b.counters().handlerErrors).toBe(0)
  })
})
