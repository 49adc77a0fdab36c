import { describe, expect, test } from 'vitest'
import { Cluster } from '../support/cluster.js'

const wide = { limits: { peers: 100 } }

describe('a peer', () => {
  test('that forgot the link numbers its messages anew, and is heard', async () => {
    const cluster = new Cluster()
    const [a, b] = [await cluster.start('a'), await cluster.start('b')]
    const heard: unknown[] = []
    a.register('sink', message => void heard.push(message))
    // Only a wants the connection, so b forgets a stranger that is gone.
    await cluster.settle(a.connect(b.spec))
    for (const message of [1, 2, 3]) await cluster.settle(b.forwardMessage('a', 'sink', message))
    await cluster.until(() => heard.length === 3)
    cluster.split('a', 'b')
    cluster.sever('a', 'b')
    await cluster.until(() => b.connections().length === 0)
    cluster.heal()
    await cluster.until(() => b.isFullyConnected('a') && a.isFullyConnected('b'))
    await cluster.settle(b.forwardMessage('a', 'sink', 4))
    await cluster.until(() => heard.length === 4)
    expect(heard).toEqual([1, 2, 3, 4])
    expect(a.counters().duplicates).toBe(0)
  })

  test('is dialled at each of its addresses in turn', async () => {
    const cluster = new Cluster()
    const b = await cluster.start('b', { advertise: ['memory://nowhere:1', 'memory://b:1'] })
    const a = await cluster.start('a', { advertise: [] })
    await cluster.settle(a.syncJoin('memory://b:1'))
    cluster.sever('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
  })

  test('at the address of a seed is joined, whoever it is by then', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { listen: { host: 'seed', port: 1 } })
    const c = await cluster.start('c', { seeds: ['memory://seed:1'] })
    await cluster.until(() => c.members().length === 2)
    await cluster.settle(a.stop())
    const z = await cluster.start('z', { listen: { host: 'seed', port: 1 } })
    await cluster.until(() => c.members().includes(z.name) && z.members().includes(c.name))
  })
})

describe('what a node waits for', () => {
  test('leaves no timer behind once it is over', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    b.register('echo', (message: number) => message)
    await cluster.pass(10_000)
    const before = cluster.clock.pending
    const asked = Array.from({ length: 200 }, (_, index) => a.request('b', 'echo', index, { timeout: 3_600_000 }))
    await cluster.settle(Promise.all(asked))
    await cluster.pass(10_000)
    expect(cluster.clock.pending).toBeLessThan(before + 20)
  })

  test('is no more than as many blocked calls as may wait', async () => {
    const cluster = new Cluster({ options: { limits: { queueBytes: 2_000, windowBytes: 1_024, blockedCalls: 10 } } })
    const [a, b] = await cluster.pair()
    b.register('sink', () => new Promise(() => {}))
    const ends: string[] = []
    for (let index = 0; index < 200; index++) {
      a.forwardMessage('b', 'sink', 'x'.repeat(200)).catch((error: { code: string }) => ends.push(error.code))
    }
    await cluster.pass(100)
    expect(new Set(ends)).toEqual(new Set(['ERR_OVERFLOW']))
    const waiting = a.connections().find(({ channel }) => channel === 'default')
    expect(waiting?.queuedMessages).toBeLessThanOrEqual(10 + 2)
    expect(waiting?.queuedMessages).toBeGreaterThanOrEqual(10)
    expect(waiting?.queuedBytes).toBeLessThanOrEqual(2_000)
  })

  test('ends when a join follows a leave at once', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b] = await cluster.pair()
    const left = b.leave()
    const joined = b.join(a.spec)
    await cluster.settle(left)
    await cluster.settle(joined)
    await cluster.until(() => a.isFullyConnected('b') && a.members().length === 2 && b.members().length === 2)
  })

  test.each(['syncJoin', 'connect'] as const)(
    'ends when the peer leaves before all lanes are open (%s)',
    async call => {
      const cluster = new Cluster({ network: { latency: 20 }, options: { channels: { data: { parallelism: 8 } } } })
      const [a, b] = [await cluster.start('a'), await cluster.start('b')]
      const ended = cluster.failure(a[call](b.spec))
      await cluster.until(() => b.isConnected('a'))
      await cluster.settle(b.leave())
      expect(await ended).toMatchObject({ code: 'ERR_REMOVED', peer: 'b' })
      await cluster.settle(b.syncJoin(a.spec))
      expect(a.isFullyConnected('b')).toBe(true)
    },
  )
})

describe('limits.peers', () => {
  test('holds also for a member that comes back when its place was taken', async () => {
    const cluster = new Cluster({ options: { limits: { peers: 2 } } })
    const a = await cluster.start('a')
    const [x, y, z] = [cluster.node('x', wide), cluster.node('y', wide), cluster.node('z', wide)]
    for (const node of [x, y]) {
      await cluster.settle(node.start())
      await cluster.settle(node.join(a.spec))
    }
    await cluster.settle(x.stop())
    await cluster.settle(z.start())
    await cluster.settle(z.join(a.spec))
    await cluster.settle(x.start())
    await cluster.pass(10_000)
    const connected = new Set(a.connections().flatMap(({ node, state }) => (state === 'open' ? [node] : [])))
    expect([...connected].sort()).toEqual(['y', 'z'])
  })
})
