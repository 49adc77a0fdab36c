import { describe, expect, test } from 'vitest'
import { type PeerServiceManager, SeededRandom } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

const channels = { data: { parallelism: 4 } }

interface Numbered {
  readonly key: string
  readonly count: number
}

/** The numbers of each key, in the order they arrived. */
function hear(node: PeerServiceManager): Map<string, number[]> {
  const heard = new Map<string, number[]>()
  node.register('log', ({ key, count }: Numbered) => {
    heard.set(key, [...(heard.get(key) ?? []), count])
  })
  return heard
}

const isRising = (counts: readonly number[]): boolean =>
  counts.every((count, index) => index === 0 || count > (counts[index - 1] as number))

describe('messages of one key', () => {
  test('arrive in order, all of them, whatever their size and however they are sent', async () => {
    const cluster = new Cluster({ options: { channels }, network: { latency: 5 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b)
    const sizes = [0, 10, 70_000, 200_000]
    const sent: Promise<unknown>[] = []
    for (let count = 0; count < 100; count++) {
      const key = `key ${count % 7}`
      const message = { key, count, padding: new Uint8Array(sizes[count % sizes.length] as number) }
      const options = { channel: 'data', partitionKey: key }
      if (count % 3 === 0) a.castMessage('b', 'log', message, options)
      else if (count % 3 === 1) sent.push(a.forwardMessage('b', 'log', message, options))
      else sent.push(a.request('b', 'log', message, options))
    }
    await cluster.settle(Promise.all(sent))
    await cluster.until(() => [...heard.values()].flat().length === 100)
    expect(heard.size).toBe(7)
    for (const counts of heard.values()) expect(isRising(counts)).toBe(true)
  })

  test('wait for their own lane, while others pass on theirs', async () => {
    const cluster = new Cluster({ options: { channels } })
    const [a, b] = await cluster.pair()
    const heard = hear(b)
    // One lane of the channel is gone; the messages of its keys wait, and no other lane takes them.
    const lanes = cluster.ends('a', 'b').slice(-1)
    for (const end of lanes) end.destroy()
    await cluster.turn()
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`)
    for (const key of keys)
      for (const count of [1, 2, 3])
        void a.forwardMessage('b', 'log', { key, count }, { channel: 'data', partitionKey: key })
    await cluster.turn()
    const passed = heard.size
    expect(passed).toBeGreaterThan(10)
    expect(passed).toBeLessThan(40)
    await cluster.until(() => heard.size === 40)
    for (const counts of heard.values()) expect(counts).toEqual([1, 2, 3])
  })

  test('stay in order when lanes are lost: some may be missing, none comes twice or late', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const cluster = new Cluster({ options: { channels }, network: { latency: 3 } })
      const random = new SeededRandom(seed)
      const [a, b] = await cluster.pair()
      const heard = hear(b)
      for (let count = 0; count < 300; count++) {
        const key = `k${Math.floor(random.next() * 6)}`
        a.castMessage('b', 'log', { key, count }, { channel: 'data', partitionKey: key, whenDown: 'wait' })
        if (random.next() < 0.3) await cluster.pass(random.next() * 20)
        if (random.next() < 0.08) {
          const ends = cluster.ends(random.next() < 0.5 ? 'a' : 'b', random.next() < 0.5 ? 'a' : 'b')
          ends[Math.floor(random.next() * ends.length)]?.destroy()
        }
      }
      await cluster.until(() => a.isFullyConnected('b'))
      await cluster.pass(2_000)
      for (const counts of heard.values()) expect(isRising(counts), `seed ${seed}`).toBe(true)
      expect([...heard.values()].flat().length).toBeGreaterThan(200)
      expect(b.counters().duplicates).toBe(0)
    }
  })

  test('that wait for a node which was never reached leave in order when it is', async () => {
    const cluster = new Cluster({ network: { latency: 10 } })
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const heard = hear(b)
    await cluster.settle(b.join(a.spec))
    const sent = [1, 2, 3].map(count => a.forwardMessage('b', 'log', { key: 'k', count }))
    await cluster.settle(Promise.all(sent))
    await cluster.until(() => heard.get('k')?.length === 3)
    expect(heard.get('k')).toEqual([1, 2, 3])
  })
})

describe('channels', () => {
  test('do not wait for each other', async () => {
    const cluster = new Cluster({ options: { channels: { bulk: {} }, limits: { windowBytes: 20_000 } } })
    const [a, b] = await cluster.pair()
    const heard = hear(b)
    let finish = (): void => {}
    b.register('slow', () => new Promise<void>(resolve => (finish = resolve)))
    for (let count = 0; count < 10; count++) a.castMessage('b', 'slow', new Uint8Array(10_000), { channel: 'bulk' })
    await cluster.turn()
    await cluster.settle(a.forwardMessage('b', 'log', { key: 'k', count: 1 }), 10)
    await cluster.turn()
    expect(heard.get('k')).toEqual([1])
    expect(a.connections().find(({ channel }) => channel === 'bulk')?.queuedMessages).toBeGreaterThan(5)
    finish()
  })

  test('of different parallelism at both ends use the smaller number of lanes', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { channels: { data: { parallelism: 4 } } })
    const b = await cluster.start('b', { channels: { data: { parallelism: 2 }, more: {} } })
    await cluster.settle(a.syncJoin(b.spec))
    const heard = [hear(a), hear(b)]
    expect(a.connections().filter(({ channel }) => channel === 'data')).toHaveLength(2)
    expect(a.connections().filter(({ channel }) => channel === 'more')).toHaveLength(0)
    for (let count = 0; count < 60; count++) {
      const options = { channel: 'data', partitionKey: count % 9 }
      a.castMessage('b', 'log', { key: `k${count % 9}`, count }, options)
      b.castMessage('a', 'log', { key: `k${count % 9}`, count }, options)
    }
    await cluster.turn()
    for (const each of heard) {
      expect([...each.values()].flat()).toHaveLength(60)
      for (const counts of each.values()) expect(isRising(counts)).toBe(true)
    }
  })
})
