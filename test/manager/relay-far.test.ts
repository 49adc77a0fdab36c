import { describe, expect, test } from 'vitest'
import { clientServer, hyParView, type PeerServiceManager } from '../../src/index.js'
import { Cluster, type MakeManager } from '../support/cluster.js'

/** Two clients of one server: what one sends to the other takes twice as long as `latency`. */
async function clients(
  latency: number,
): Promise<{ cluster: Cluster; ann: PeerServiceManager; bob: PeerServiceManager }> {
  const make: MakeManager = given => clientServer({ ...given, role: given?.name === 's' ? 'server' : 'client' })
  const cluster = new Cluster({ network: { latency }, make })
  const s = await cluster.start('s')
  const [ann, bob] = [await cluster.start('ann'), await cluster.start('bob')]
  for (const client of [ann, bob]) await cluster.settle(client.syncJoin(s.spec))
  await cluster.pass(10_000)
  bob.register('who', () => 'bob')
  return { cluster, ann, bob }
}

describe('a way of which each round trip takes 1.6 s', () => {
  test.each([{ timeout: 30_000 }, { whenDown: 'wait' } as const, {}])('is found (%o)', async options => {
    const { cluster, ann } = await clients(400)
    const answer = ann.request('bob', 'who', 1, { ...options, transitive: true })
    expect(await cluster.settle(answer)).toBe('bob')
  })
})

describe('a node that nobody answers for in time', () => {
  test('is looked for until the time that the caller gave, or for fifteen seconds', async () => {
    const { cluster, ann } = await clients(5)
    // What is asked about it does not come back.
    ann.interpose(({ kind, direction }) =>
      kind === 'relay' && direction === 'receive' ? { type: 'drop' } : { type: 'pass' },
    )
    const began = cluster.clock.now()
    const timed = cluster.failure(ann.request('bob', 'who', 1, { transitive: true, timeout: 25_000 }))
    const untimed = cluster.failure(ann.request('bob', 'who', 1, { transitive: true }))
    expect(await untimed).toMatchObject({ code: 'ERR_NO_ROUTE', reason: 'time' })
    expect(cluster.clock.now() - began).toBeCloseTo(15_000, -2)
    expect(await timed).toMatchObject({ code: 'ERR_DEADLINE' })
    expect(cluster.clock.now() - began).toBeCloseTo(25_000, -2)
  })

  test('is found as soon as there is an answer within that time', async () => {
    const { cluster, ann } = await clients(5)
    const fault = ann.interpose(({ kind }) => (kind === 'relay' ? { type: 'drop' } : { type: 'pass' }))
    const timed = ann.request('bob', 'who', 1, { transitive: true, timeout: 50_000 })
    void timed.catch(() => {})
    await cluster.pass(20_000)
    fault[Symbol.dispose]()
    expect(await cluster.settle(timed, 29_000)).toBe('bob')
  })
})

test('messages for a stranger that the overlay wants for a moment are not told to join it first', async () => {
  const cluster = new Cluster({ network: { latency: 200 }, make: hyParView })
  const nodes: PeerServiceManager[] = []
  for (let index = 0; index < 14; index++) nodes.push(await cluster.start(`p${index}`))
  const [first, ...others] = nodes as [PeerServiceManager, ...PeerServiceManager[]]
  for (const node of nodes) node.register('who', () => node.name)
  for (const other of others) await cluster.settle(other.syncJoin(first.spec))
  await cluster.pass(60_000)
  for (const to of others.filter(({ name }) => !first.isConnected(name))) {
    const answer = first.request(to.name, 'who', 1, { transitive: true, timeout: 30_000 })
    expect(await cluster.settle(answer)).toBe(to.name)
  }
})
