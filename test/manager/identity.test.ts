import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/codec/codec.js'
import { encodeClose } from '../../src/codec/handshake-frames.js'
import { newIncarnation } from '../../src/core/node.js'
import { staticMesh } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

/** Somebody dials the node, and says that it is stale: such an incarnation is known. */
async function sayStale(cluster: Cluster, at: string, known: number): Promise<void> {
  const handler = { received: () => {}, drained: () => {}, closed: () => {} }
  const { signal } = new AbortController()
  const dialling = cluster.transport('stranger').dial({ url: `memory://${at}:1` }, handler, signal)
  const connection = await cluster.settle(dialling)
  connection.send(encodeClose(CloseCode.staleIncarnation, 'you are stale', known))
  await cluster.pass(1_000)
}

describe('a node that nobody has met', () => {
  test('is moved to no earlier incarnation by what anybody says', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const { incarnation } = a.spec
    await sayStale(cluster, 'a', incarnation - 1_000)
    expect(a.spec.incarnation).toBe(incarnation)
  })

  test('is moved to no incarnation after which hardly any is left', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const { incarnation } = a.spec
    for (const known of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 2 ** 52 + 1]) {
      await sayStale(cluster, 'a', known)
      expect(a.spec.incarnation).toBe(incarnation)
    }
  })

  test('looks for no way of its last life when it takes a later incarnation: what waited for one ends', async () => {
    const cluster = new Cluster({ make: staticMesh })
    const a = await cluster.start('a')
    const { incarnation } = a.spec
    const ends: string[] = []
    const options = { transitive: true, whenDown: 'wait' } as const
    void a.forwardMessage('x', 'inbox', 1, options).catch(({ code }) => ends.push(code))
    await cluster.pass(20_000)
    expect(ends).toEqual([])
    await sayStale(cluster, 'a', incarnation + 1_000)
    expect(a.spec.incarnation).toBeGreaterThan(incarnation + 1_000)
    expect(ends).toEqual(['ERR_NO_ROUTE'])
    // Nor does it once there would be one.
    const x = await cluster.start('x')
    const relay = await cluster.start('relay')
    await cluster.settle(x.syncJoin(relay.spec))
    await cluster.settle(a.syncJoin(relay.spec))
    await cluster.pass(60_000)
    expect([a.isConnected('x'), a.connections().filter(({ node }) => node === 'x')]).toEqual([false, []])
  })

  test('is one again when it starts anew, whomever it met before', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.settle(b.stop())
    await cluster.settle(a.stop())
    // Another start of b, with a clock that goes ahead, is known to c.
    const wall = cluster.clock.wall()
    cluster.clock.setWall(new Date('2030-01-01T00:00:00Z'))
    const c = await cluster.start('c')
    const later = await cluster.start('b', { listen: { host: 'b2' } })
    await cluster.settle(later.syncJoin(c.spec))
    await cluster.settle(later.stop())
    cluster.clock.setWall(wall)
    await cluster.settle(b.start())
    const told = record(b, 'superseded')
    await cluster.settle(b.syncJoin(c.spec))
    expect([b.spec.incarnation > newIncarnation(new Date('2029-01-01'), { next: () => 0 }), told]).toEqual([true, []])
  })
})

describe('a node of whose name there is a later start', () => {
  test('says so once, however many tell it, and dials nobody whom it hears of afterwards', async () => {
    const cluster = new Cluster()
    const [b] = await cluster.mesh(['b', 'c', 'd', 'e'])
    const first = await cluster.start('x')
    if (b === undefined) throw new Error('a mesh has nodes')
    await cluster.settle(first.syncJoin(b.spec))
    await cluster.until(() => ['c', 'd', 'e'].every(name => first.isFullyConnected(name)))
    const told = record(first, 'superseded')
    // d and e do not hear of the later start as yet.
    for (const near of ['b', 'c', 'x2']) for (const far of ['d', 'e']) cluster.split(near, far)
    await cluster.pass(1_000)
    const second = await cluster.start('x', { listen: { host: 'x2' } })
    await cluster.settle(second.join(b.spec))
    await cluster.until(() => told.length > 0)
    const f = await cluster.start('f')
    await cluster.settle(f.join('memory://d:1'))
    await cluster.pass(5_000)
    expect(first.connections().filter(({ node, state }) => node === 'f' && state !== 'closed')).toEqual([])
    cluster.heal()
    await cluster.pass(60_000)
    expect(told).toEqual([['superseded', second.spec.incarnation]])
  })
})

describe('a join of a later life', () => {
  test('does not wait for the end of the connections with the life before', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    // Nobody tells a that this b is gone.
    cluster.stall('a', 'b')
    cluster.stall('b', 'a')
    const later = await cluster.start('b', { listen: { host: 'b2' } })
    expect(a.isConnected('b')).toBe(true)
    await cluster.settle(a.join(later.spec), 1_000)
    expect(later.members()).toEqual(['a', 'b'])
  })
})

describe('a node whose clock was set back, and that greets several at a time', () => {
  test('is known to nobody in the life that one of them refused', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [b] = await cluster.mesh(['b', 'x'])
    const c = await cluster.start('c')
    const x = await cluster.start('y')
    if (b === undefined) throw new Error('a mesh has nodes')
    await cluster.settle(x.syncJoin(b.spec))
    await cluster.settle(x.stop())
    cluster.clock.setWall(new Date('2025-01-01T00:00:00Z'))
    const told = record(c, 'up', 'down')
    const again = await cluster.start('y', { seeds: [...b.spec.addresses, ...c.spec.addresses] })
    await cluster.until(() => c.isFullyConnected('y') && c.members().length === 4)
    await cluster.pass(10_000)
    expect(again.spec.incarnation).toBeGreaterThan(x.spec.incarnation)
    expect(told.filter(([, node]) => node === 'y')).toEqual([['up', 'y']])
  })
})

describe('a node that several refuse at a time', () => {
  test('says once that a later start of its name lives', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [first, b] = await cluster.mesh(['a', 'b', 'c', 'd', 'e'])
    if (first === undefined || b === undefined) throw new Error('a mesh has nodes')
    const told = record(first, 'superseded')
    await cluster.pass(1_000)
    const second = await cluster.start('a', { listen: { host: 'a2' } })
    await cluster.settle(second.join(b.spec))
    await cluster.pass(60_000)
    expect(told).toEqual([['superseded', second.spec.incarnation]])
  })
})

describe('a node that is removed', () => {
  test('says so once, and ends what it was joining, with the reason', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.mesh(['a', 'b', 'c'])
    const d = await cluster.start('d')
    if (a === undefined) throw new Error('a mesh has nodes')
    await cluster.settle(d.syncJoin(a.spec))
    await cluster.until(() => ['b', 'c'].every(name => d.isFullyConnected(name)))
    const told = record(d, 'removed')
    const ended = cluster.failure(d.join('memory://nobody:1'))
    await cluster.settle(a.leave('d'))
    expect(await ended).toMatchObject({ code: 'ERR_REMOVED' })
    await cluster.pass(10_000)
    expect([told, d.members(), d.connections()]).toEqual([[['removed']], ['d'], []])
  })

  test('is forgotten by those who had connected with it, however they had', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.settle(a.connect(b.spec))
    await cluster.settle(a.leave('b'))
    await cluster.pass(5_000)
    expect([a.connections(), a.isConnected('b')]).toEqual([[], false])
  })
})

describe('a leave', () => {
  test('ends when the node stops before the others have taken note', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    cluster.split('a', 'b')
    const left = a.leave()
    await cluster.settle(a.stop(), 500)
    await cluster.settle(left, 500)
  })
})
