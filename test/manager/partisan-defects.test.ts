import { describe, expect, test } from 'vitest'
import type { PeerServiceManager, Transport } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

// What docs/partisan.md says that is otherwise here than in Partisan, where no other test shows it.

/** Dials to nobody are answered by nobody: each hangs until it is given up. */
function hanging(inner: Transport): Transport {
  return {
    ...inner,
    dial: (address, handler, signal) => {
      if (!address.url.includes('nobody')) return inner.dial(address, handler, signal)
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('nobody answered')))
      })
    },
  }
}

test('joins that nobody answers hold up neither messages, nor requests, nor another join', async () => {
  const cluster = new Cluster({ network: { latency: 5 } })
  const a = await cluster.start('a', { transport: hanging(cluster.transport('a')) })
  const b = await cluster.start('b')
  b.register('echo', (message: unknown) => message)
  const controller = new AbortController()
  const options = { signal: controller.signal }
  const vain = Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => a.join(`memory://nobody${index}:1`, options)),
  )
  await cluster.settle(a.syncJoin(b.spec), 200)
  for (let round = 0; round < 100; round++) {
    const began = cluster.clock.now()
    expect(await cluster.settle(a.request('b', 'echo', round))).toBe(round)
    expect(cluster.clock.now() - began).toBe(10)
    await cluster.pass(100)
  }
  expect(a.members()).toEqual(['a', 'b'])
  controller.abort()
  await cluster.settle(vain)
})

test('all lanes to a peer open together, however many they are', async () => {
  const cluster = new Cluster({ network: { latency: 5 }, options: { channels: { data: { parallelism: 32 } } } })
  const [a, b] = [await cluster.start('a'), await cluster.start('b')]
  await cluster.settle(a.syncJoin(b.spec), 200)
  expect(a.connections().filter(({ channel, state }) => channel === 'data' && state === 'open')).toHaveLength(32)
})

describe('a reserved slot', () => {
  /** A node that takes two peers, one of them with the tag `vip`. */
  async function host() {
    const cluster = new Cluster()
    const a = await cluster.start('a', { limits: { peers: 2 } })
    a.reserve('vip')
    const connected = (): string[] => ['o', 'p', 'v', 'w'].filter(name => a.isConnected(name))
    const vip = (name: string): Promise<PeerServiceManager> => cluster.start(name, { attributes: { tag: 'vip' } })
    return { cluster, a, connected, vip }
  }

  test('is free again for whoever bears its tag, once the peer that had it is gone', async () => {
    const { cluster, a, connected, vip } = await host()
    const [o, v, w] = [await cluster.start('o'), await vip('v'), await vip('w')]
    for (const node of [o, v]) await cluster.settle(node.connect(a.spec))
    await cluster.settle(v.stop())
    await cluster.settle(w.connect(a.spec))
    expect(connected()).toEqual(['o', 'w'])
  })

  test('is kept for a member that is down', async () => {
    const { cluster, a, connected, vip } = await host()
    const wide = { limits: { peers: 10 } }
    const [o, p, v] = [await cluster.start('o', wide), await cluster.start('p', wide), await vip('v')]
    await cluster.settle(v.join(a.spec))
    await cluster.settle(o.connect(a.spec))
    await cluster.settle(v.stop())
    await cluster.until(() => connected().join() === 'o')
    const controller = new AbortController()
    const refused = cluster.failure(p.connect(a.spec, { signal: controller.signal }))
    await cluster.pass(10_000)
    expect(connected()).toEqual(['o'])
    await cluster.settle(v.start())
    await cluster.until(() => connected().join() === 'o,v')
    controller.abort()
    await refused
  })
})

describe('a request', () => {
  test('that is not answered holds up no other, and its late answer is taken for nobody else’s', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const finish: ((answer: string) => void)[] = []
    b.register('slow', () => new Promise<string>(resolve => finish.push(resolve)))
    b.register('quick', () => 'quick')
    await cluster.failure(a.request('b', 'slow', 1, { timeout: 100 }))
    expect(await cluster.settle(a.request('b', 'quick', 2))).toBe('quick')
    const again = a.request('b', 'slow', 3)
    await cluster.turn()
    finish[0]?.('late')
    await cluster.pass(1_000)
    finish[1]?.('in time')
    expect(await cluster.settle(again)).toBe('in time')
  })

  test('may ask the asker back before it answers', async () => {
    const cluster = new Cluster()
    const nodes = await cluster.pair()
    for (const node of nodes) {
      node.register('depth', async (depth: number, { from }) => {
        return depth === 0 ? 'bottom' : node.request(from, 'depth', depth - 1)
      })
    }
    expect(
      await cluster.settle(Promise.all(nodes.map(node => node.request(node === nodes[0] ? 'b' : 'a', 'depth', 20)))),
    ).toEqual(['bottom', 'bottom'])
  })
})
