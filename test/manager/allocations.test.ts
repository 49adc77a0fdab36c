import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

/** Few enough to leave room in the nursery, so that nothing is collected while they are counted. */
const counted = 500
const order = { to: 'orders', seq: 7, body: 'x'.repeat(40) }

/** The bytes of the heap that one `send` takes, its code compiled: the least of many rounds without a collection. */
async function bytesEach(send: () => unknown, cluster: Cluster): Promise<number> {
  const collections: number[] = []
  const observer = new PerformanceObserver(list => {
    for (const { startTime } of list.getEntries()) collections.push(startTime)
  })
  observer.observe({ entryTypes: ['gc'] })
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 80; round++) {
    const begun = performance.now()
    const before = process.memoryUsage().heapUsed
    for (let count = 0; count < counted; count++) send()
    const used = process.memoryUsage().heapUsed - before
    const ended = performance.now()
    await cluster.pass(50)
    await setImmediate()
    if (!collections.some(at => at >= begun && at <= ended)) least = Math.min(least, used / counted)
  }
  observer.disconnect()
  return least
}

async function pair(): Promise<[Cluster, PeerServiceManager]> {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair()
  b.register('orders', () => {})
  b.register('echo', (message: unknown) => message)
  return [cluster, a]
}

/** Counts do not depend on how busy a machine is, as times do. The limits are what was measured, and a quarter more. */
describe('a message takes of its sender', () => {
  test('next to nothing when it is cast', async () => {
    const [cluster, a] = await pair()
    expect(await bytesEach(() => a.castMessage('b', 'orders', order), cluster)).toBeLessThan(16)
  })
  test('next to nothing when it is forwarded: the promise is shared', async () => {
    const [cluster, a] = await pair()
    expect(await bytesEach(() => a.forwardMessage('b', 'orders', order), cluster)).toBeLessThan(16)
  })
  test('what it takes to remember it when it is acknowledged', async () => {
    const [cluster, a] = await pair()
    const ack = { ack: true }
    expect(await bytesEach(() => a.forwardMessage('b', 'orders', order, ack), cluster)).toBeLessThan(980)
  })
  test('what it takes to remember it when it is a request', async () => {
    const [cluster, a] = await pair()
    expect(await bytesEach(() => a.request('b', 'echo', order), cluster)).toBeLessThan(1_000)
  })
})
