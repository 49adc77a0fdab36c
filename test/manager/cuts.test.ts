import { describe, expect, test } from 'vitest'
import type { PeerServiceManager } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'

describe('a cut between two nodes', () => {
  test('stops what the overlay says, where it is said', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.until(() => b.partitions().length === 1)
    const before = [a.counters().faulted, b.counters().faulted]
    await cluster.pass(60_000)
    expect([a.counters().faulted, b.counters().faulted]).toEqual(before)
    await cluster.settle(b.resolvePartition(ref))
  })

  test('stops what the overlay said before the other end knew of it', async () => {
    const cluster = new Cluster({ network: { latency: 100 } })
    const [a, b] = await cluster.pair()
    const c = await cluster.start('c')
    const joined = cluster.settle(c.join(b.spec))
    await cluster.until(() => b.members().length === 3)
    // The news of c is on its way to a.
    await cluster.pass(50)
    const ref = await cluster.settle(a.injectPartition('a', 0))
    expect(a.members()).toEqual(['a', 'b'])
    await cluster.pass(300)
    await joined
    expect(a.members()).toEqual(['a', 'b'])
    expect(a.counters().faulted).toBeGreaterThan(0)
    await cluster.settle(a.resolvePartition(ref))
    await cluster.until(() => a.members().length === 3)
  })
})

describe('the origin of a partition', () => {
  test('is waited for for five seconds', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    cluster.split('a', 'b')
    cluster.sever('a', 'b')
    const failure = cluster.failure(a.injectPartition('b', 0))
    const from = cluster.clock.now()
    expect(await failure).toMatchObject({ code: 'ERR_UNREACHABLE' })
    expect(cluster.clock.now() - from).toBe(5_000)
  })

  test('that has answered is not waited for any more', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    await cluster.pass(10_000)
    const before = cluster.clock.pending
    for (let count = 0; count < 20; count++) {
      const ref = await cluster.settle(a.injectPartition('a', 0))
      await cluster.settle(a.resolvePartition(ref))
    }
    expect(cluster.clock.pending).toBeLessThan(before + 10)
  })
})

describe('what is on its way when a cut is made', () => {
  test('is not delivered', async () => {
    const cluster = new Cluster({ network: { latency: 100 } })
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    a.register('x', message => void heard.push(message))
    await cluster.settle(b.forwardMessage('a', 'x', 1))
    await cluster.pass(50)
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.pass(300)
    expect([heard, a.counters().faulted > 0]).toEqual([[], true])
    await cluster.settle(a.resolvePartition(ref))
    await cluster.pass(300)
    await cluster.settle(b.forwardMessage('a', 'x', 2))
    await cluster.pass(300)
    expect(heard).toEqual([2])
  })

  test('is stopped when it is a reply, too', async () => {
    const cluster = new Cluster({ network: { latency: 100 } })
    const [a, b] = await cluster.pair()
    b.register('echo', (message: number) => message)
    const asked = cluster.failure(a.request('b', 'echo', 1))
    await cluster.pass(150)
    const { faulted } = a.counters()
    const ref = await cluster.settle(a.injectPartition('a', 0))
    expect(await asked).toMatchObject({ code: 'ERR_PARTITIONED', outcome: 'unknown' })
    await cluster.pass(60)
    expect([a.counters().faulted - faulted, a.counters().lateReplies]).toEqual([1, 0])
    await cluster.settle(a.resolvePartition(ref))
  })
})

/** A server that answers when what is returned is called. */
function answerLater(node: PeerServiceManager, server: string): () => void {
  const answers: (() => void)[] = []
  node.register(server, () => new Promise<number>(resolve => void answers.push(() => resolve(1))))
  return () => {
    for (const answer of answers) answer()
  }
}

describe('a reply', () => {
  test('does not go through a cut that was made while the question was worked on', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const finish = answerLater(b, 'slow')
    const asked = cluster.failure(a.request('b', 'slow', 0))
    await cluster.pass(10)
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.until(() => b.partitions().length === 1)
    expect(await asked).toMatchObject({ code: 'ERR_PARTITIONED', outcome: 'unknown' })
    const before = b.counters().faulted
    finish()
    await cluster.pass(10)
    // Here arrives but the word that there will be no answer, and is dropped.
    expect([a.counters().faulted, a.counters().lateReplies, b.counters().faulted]).toEqual([1, 0, before + 1])
    await cluster.settle(a.resolvePartition(ref))
  })

  test('is not waited for where a cut dropped the question that was healed before the asker heard of it', async () => {
    await using net = simulate({
      nodes: ['a', 'b', 'c'],
      setup: node => void node.register('echo', (message: unknown) => message),
    })
    await net.settle()
    const [a, b, c] = [net.node('a'), net.node('b'), net.node('c')]
    const fromB = net.partition('b', 'a', { direction: 'forth' })
    const ref = await net.settle(b.injectPartition('b', 0))
    const asked = a.request('b', 'echo', 1).catch((error: unknown) => error)
    await net.until(() => b.counters().faulted === 1)
    // What a hears of it, it hears from c: that it is over.
    await net.settle(c.resolvePartition(ref))
    await net.pass(10)
    fromB[Symbol.dispose]()
    expect(await net.settle(asked)).toMatchObject({ code: 'ERR_PARTITIONED', node: 'b' })
    expect(a.counters().faulted).toBe(0)
  })

  test('does not go out on a later connection than its question came in on', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const finish = answerLater(b, 'slow')
    const asked = cluster.failure(a.request('b', 'slow', 0))
    await cluster.pass(10)
    cluster.sever('a', 'b')
    expect(await asked).toMatchObject({ code: 'ERR_UNKNOWN_OUTCOME' })
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
    finish()
    await cluster.pass(1_000)
    expect(a.counters().lateReplies).toBe(0)
  })
})
