import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

/** Few enough to leave room in the nursery, so that nothing is collected while they are counted. */
const counted = 500
const order = { to: 'orders', seq: 7, body: 'x'.repeat(40) }

/** The optimising compiler works beside these, and has to have been given the time: on a busy machine that is long. */
const roundsMax = 2_000

/**
 * Asserts that one `send` takes fewer than `limit` bytes of the heap, its code compiled: that there is a round without
 * a collection in which it does.
 */
async function expectFewer(limit: number, send: () => unknown, cluster: Cluster): Promise<void> {
  const collections: number[] = []
  const observer = new PerformanceObserver(list => {
    for (const { startTime } of list.getEntries()) collections.push(startTime)
  })
  observer.observe({ entryTypes: ['gc'] })
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < roundsMax && least >= limit; round++) {
    const begun = performance.now()
    const before = process.memoryUsage().heapUsed
    for (let count = 0; count < counted; count++) send()
    const used = process.memoryUsage().heapUsed - before
    const ended = performance.now()
    await cluster.pass(50)
    await setImmediate()
    const collected = used < 0 || collections.some(at => at >= begun && at <= ended)
    if (!collected) least = Math.min(least, used / counted)
  }
  observer.disconnect()
  expect(least).toBeLessThan(limit)
}

async function pair(): Promise<[Cluster, PeerServiceManager]> {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair()
  b.register('orders', () => {})
  b.register('echo', (message: unknown) => message)
  return [cluster, a]
}

/** Counts do not depend on how busy a machine is, as times do. The limits are what was measured, and a quarter more. */
describe('a message takes of its sender', { timeout: 180_000 }, () => {
  test('next to nothing when it is cast', async () => {
    const [cluster, a] = await pair()
    await expectFewer(16, () => a.castMessage('b', 'orders', order), cluster)
  })
  test('next to nothing when it is forwarded: the promise is shared', async () => {
    const [cluster, a] = await pair()
    await expectFewer(16, () => a.forwardMessage('b', 'orders', order), cluster)
  })
  test('what it takes to remember it when it is acknowledged', async () => {
    const [cluster, a] = await pair()
    const ack = { ack: true }
    await expectFewer(980, () => a.forwardMessage('b', 'orders', order, ack), cluster)
  })
  test('what it takes to remember it when it is a request', async () => {
    const [cluster, a] = await pair()
    await expectFewer(1_000, () => a.request('b', 'echo', order), cluster)
  })
})
