import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { PeerServiceManager, PeerServiceOptions } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

/** Few enough to leave room in the nursery, so that nothing is collected while they are counted. */
const counted = 500
const order = { to: 'orders', seq: 7, body: 'x'.repeat(40) }

/** The optimising compiler works beside these, and has to have been given the time: on a busy machine that is long. */
const roundsMax = 2_000

/** Bytes of the heap that a message takes: until `send` has returned, and from there until all of it is over. */
interface Bytes {
  readonly sent: number
  readonly delivered: number
}

/**
 * Asserts that a message takes fewer bytes than the limits, the code compiled: that there are rounds without a
 * collection in which it does. What buffers hold is not counted, because they are freed at any time.
 */
async function expectFewer(limits: Bytes, send: () => unknown, cluster: Cluster): Promise<void> {
  const collections: number[] = []
  const observer = new PerformanceObserver(list => {
    for (const { startTime } of list.getEntries()) collections.push(startTime)
  })
  observer.observe({ entryTypes: ['gc'] })
  let [sent, delivered] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let round = 0; round < roundsMax && (sent >= limits.sent || delivered >= limits.delivered); round++) {
    const begun = moment()
    for (let count = 0; count < counted; count++) send()
    const handedOver = moment()
    await cluster.pass(50)
    const over = moment()
    // The observer is told of collections in a turn of its own.
    await setImmediate()
    sent = Math.min(sent, bytesBetween(begun, handedOver, collections))
    delivered = Math.min(delivered, bytesBetween(handedOver, over, collections))
  }
  observer.disconnect()
  expect(sent, 'bytes until it was sent').toBeLessThan(limits.sent)
  expect(delivered, 'bytes from there until it was delivered').toBeLessThan(limits.delivered)
}

interface Moment {
  readonly at: number
  readonly heap: number
}

function moment(): Moment {
  return { at: performance.now(), heap: process.memoryUsage().heapUsed }
}

/** What each message took between two moments; infinite where a collection came between them. */
function bytesBetween(from: Moment, to: Moment, collections: readonly number[]): number {
  const used = to.heap - from.heap
  const collected = used < 0 || collections.some(at => at >= from.at && at <= to.at)
  return collected ? Number.POSITIVE_INFINITY : used / counted
}

async function pair(options: PeerServiceOptions = {}): Promise<[Cluster, PeerServiceManager]> {
  const cluster = new Cluster({ options })
  const [a, b] = await cluster.pair()
  b.register('orders', () => {})
  b.register('echo', (message: unknown) => message)
  return [cluster, a]
}

/**
 * Counts do not depend on how busy a machine is, as times do. The limits are the most that was measured, which the
 * tests before change a little, and some 5 % more: not room for many objects.
 */
describe('a message takes', { timeout: 180_000 }, () => {
  test('next to nothing to be cast, and what it is made of to be delivered', async () => {
    const [cluster, a] = await pair()
    await expectFewer({ sent: 16, delivered: 365 }, () => a.castMessage('b', 'orders', order), cluster)
  })
  test('no more where peers are trusted', async () => {
    const [cluster, a] = await pair({ trustPeers: true })
    await expectFewer({ sent: 16, delivered: 365 }, () => a.castMessage('b', 'orders', order), cluster)
  })
  test('a view and no copy where it is bytes', async () => {
    const [cluster, a] = await pair()
    const bytes = new Uint8Array(1_024)
    // Of what is delivered 520 is garbage that is made on purpose, half of the frame, to bring collections forward.
    await expectFewer({ sent: 32, delivered: 340 + 520 }, () => a.castMessage('b', 'orders', bytes), cluster)
  })
  test('no more to be forwarded than to be cast: the promise is shared', async () => {
    const [cluster, a] = await pair()
    await expectFewer({ sent: 16, delivered: 380 }, () => a.forwardMessage('b', 'orders', order), cluster)
  })
  test('what it takes to remember it when it is acknowledged', async () => {
    const [cluster, a] = await pair()
    const ack = { ack: true }
    await expectFewer({ sent: 600, delivered: 730 }, () => a.forwardMessage('b', 'orders', order, ack), cluster)
  })
  test('what it takes to remember it when it is a request', async () => {
    const [cluster, a] = await pair()
    await expectFewer({ sent: 830, delivered: 850 }, () => a.request('b', 'echo', order), cluster)
  })
})
