import { describe, expect, test } from 'vitest'
import {
  clientServer,
  fullMesh,
  hyParView,
  NoRouteError,
  PartitionedError,
  type PeerServiceManager,
  UnknownOutcomeError,
} from '../../src/index.js'
import { Cluster, type MakeManager, record } from '../support/cluster.js'
import { graph, hear, line, type Row, range, relayed } from '../support/relays.js'

describe('faults', () => {
  test('a cut is not got round: it is a fault of the two', async () => {
    const cluster = new Cluster({ make: fullMesh, network: { latency: 1 } })
    const [a, , c] = (await cluster.mesh(['a', 'b', 'c'])) as unknown as Row
    hear(c)
    const ref = await cluster.settle(c.injectPartition('c', 0))
    await cluster.until(() => !a.isConnected('c'))
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 1, relayed))).toBeInstanceOf(PartitionedError)
    await cluster.settle(a.resolvePartition(ref))
    await cluster.until(() => a.isConnected('c'))
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
  })

  test('a cut between relays carries no circuit; when it is healed there is a way again', async () => {
    const { cluster, row } = await line(4)
    const [a, b, c] = row
    const d = row[3] as PeerServiceManager
    const heard = hear(d)
    await cluster.settle(a.forwardMessage('d', 'inbox', 1, relayed))
    await cluster.until(() => heard.length === 1)
    const ref = await cluster.settle(c.injectPartition('c', 0))
    await cluster.until(() => !a.isConnected('d') && !b.isConnected('c'))
    expect(await cluster.failure(a.forwardMessage('d', 'inbox', 2, relayed))).toBeInstanceOf(NoRouteError)
    await cluster.settle(c.resolvePartition(ref))
    await cluster.until(() => b.isConnected('c'))
    await cluster.settle(a.forwardMessage('d', 'inbox', 3, relayed))
    await cluster.until(() => heard.length === 2)
    expect(heard).toEqual([1, 3])
  })

  test('a peer that is reached through others can be cut off like any other', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.until(() => !c.isConnected('a'))
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 2, relayed))).toBeInstanceOf(PartitionedError)
    await cluster.settle(a.resolvePartition(ref))
    await cluster.until(() => a.isConnected('b'))
    await cluster.settle(a.forwardMessage('c', 'inbox', 3, relayed))
  })

  test.each(['forward', 'receive'] as const)('an interposition that drops at a relay (%s) closes', async where => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.until(() => heard.length === 1)
    let dropped = 0
    const fault = b.interpose(({ kind, direction, message }) => {
      const drops = kind === 'relay' && direction === where && message instanceof Uint8Array && dropped++ < 1
      return { type: drops ? 'drop' : 'pass' }
    })
    const downs = record(c, 'down')
    a.castMessage('c', 'inbox', 2, relayed)
    await cluster.until(() => downs.length === 1 || b.counters().circuitsBroken > 0)
    fault[Symbol.dispose]()
    await cluster.settle(a.forwardMessage('c', 'inbox', 3, { ...relayed, ack: true, whenDown: 'wait' }))
    expect(heard).toEqual(heard.includes(2) ? [1, 2, 3] : [1, 3])
  })

  test('interpositions that delay and duplicate at a relay neither reorder nor double anything', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    let passages = 0
    b.interpose(({ kind }) => {
      if (kind !== 'relay') return { type: 'pass' }
      passages++
      if (passages % 3 === 0) return { type: 'duplicate' }
      return passages % 2 === 0 ? { type: 'delay', by: 40 - (passages % 7) * 5 } : { type: 'pass' }
    })
    for (const number of range(40)) {
      a.castMessage('c', 'inbox', number, relayed)
      await cluster.pass(5)
    }
    await cluster.until(() => heard.length === 40)
    expect(heard).toEqual(range(40))
  })
})

describe('other overlays', () => {
  test('a client reaches another through their server, and a server through another', async () => {
    const make: MakeManager = options =>
      clientServer({ ...options, role: options.name?.[0] === 's' ? 'server' : 'client' })
    const cluster = new Cluster({ make, network: { latency: 1 } })
    const s = await cluster.start('s')
    const c1 = await cluster.start('c1')
    const c2 = await cluster.start('c2')
    await cluster.settle(c1.syncJoin(s.spec))
    await cluster.settle(c2.syncJoin(s.spec))
    c2.register('double', (number: number) => number * 2)
    expect(await cluster.failure(c1.request('c2', 'double', 21))).toMatchObject({ reason: 'stranger' })
    expect(await cluster.settle(c1.request('c2', 'double', 21, relayed))).toBe(42)
    expect([c1.members(), c2.members(), s.members()]).toEqual([
      ['c1', 's'],
      ['c2', 's'],
      ['c1', 'c2', 's'],
    ])
    // One that no server counts is nobody.
    expect(await cluster.failure(c1.request('c3', 'double', 21, relayed))).toMatchObject({ reason: 'unknown' })
    // What clients say to each other is no gossip: neither tells the other of anybody.
    await cluster.pass(30_000)
    expect(c1.members()).toEqual(['c1', 's'])
  })

  test('thirty nodes of which each knows a few reach each other', async () => {
    const cluster = new Cluster({ make: hyParView, network: { latency: 1 } })
    const nodes: PeerServiceManager[] = []
    for (const index of range(30)) {
      const node = await cluster.start(`n${index}`)
      node.register('who', () => node.name)
      const seed = nodes[Math.floor(index / 2)]
      if (seed !== undefined) await cluster.settle(node.join(seed.spec))
      nodes.push(node)
    }
    await cluster.pass(5_000)
    const asked = nodes.map(async (node, index) => {
      const to = `n${(index + 11) % 30}`
      const ask = (): Promise<unknown> =>
        node.request(to, 'who', 0, relayed).catch((error: unknown) => {
          // Neighbours come and go in the beginning.
          if (error instanceof UnknownOutcomeError || error instanceof NoRouteError) return ask()
          throw error
        })
      expect(await ask()).toBe(to)
      expect(node.members().length).toBeLessThan(12)
    })
    await cluster.settle(Promise.all(asked))
    expect(nodes.some(node => node.connections().some(connection => connection.relayed))).toBe(true)
  })
})

test('a question that is held for long by one of two relays does not harm the circuit through the other', async () => {
  const { cluster, node } = await graph([
    ['a', 'b'],
    ['a', 'c'],
    ['d', 'b'],
    ['d', 'c'],
  ])
  const [a, d] = [node('a'), node('d')]
  const heard = hear(d)
  let asked = 0
  node('c').interpose(({ kind, direction, message }) => {
    const isOpen = kind === 'relay' && direction === 'receive' && (message as { type?: string }).type === 'open'
    return isOpen && ++asked === 2 ? { type: 'delay', by: 11_000 } : { type: 'pass' }
  })
  for (const message of range(150)) {
    await cluster.settle(a.forwardMessage('d', 'inbox', message, relayed))
    await cluster.pass(100)
  }
  expect(asked).toBeGreaterThanOrEqual(2)
  await cluster.settle(a.forwardMessage('d', 'inbox', 150, { ...relayed, ack: true }))
  expect(heard).toEqual(range(151))
})

test('a search that nobody ends is given up after a while, and those who wait for it are told', async () => {
  const { cluster, row } = await line(3)
  const [a, b] = row
  const never = new Promise<never>(() => {})
  b.interpose(({ kind, direction }) =>
    kind === 'relay' && direction === 'receive' ? { type: 'hold', until: never } : { type: 'pass' },
  )
  const before = cluster.clock.now()
  const failure = await cluster.failure(a.forwardMessage('c', 'inbox', 1, relayed))
  expect(failure).toMatchObject({ code: 'ERR_NO_ROUTE', node: 'c', reason: 'time' })
  expect(cluster.clock.now() - before).toBeLessThan(16_000)
  await cluster.pass(12_000)
  expect(a.connections().filter(({ node }) => node === 'c')).toEqual([])
})

test('a full mesh asks its neighbours for a member that it has not heard of yet', async () => {
  const cluster = new Cluster({ make: fullMesh, network: { latency: 1 } })
  const [a, b] = await cluster.pair()
  const c = await cluster.start('c')
  const heard = hear(c)
  // What the two tell of members is held up: the third knows them, and they do not know it.
  b.interpose(({ kind, direction, peer }) =>
    kind === 'membership' && direction === 'forward' && peer === 'a' ? { type: 'drop' } : { type: 'pass' },
  )
  await cluster.settle(c.join(b.spec))
  await cluster.until(() => b.isConnected('c'))
  expect(a.members()).toEqual(['a', 'b'])
  await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
  await cluster.until(() => heard.length === 1)
})
