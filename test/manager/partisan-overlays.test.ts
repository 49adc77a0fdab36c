import { describe, expect, test } from 'vitest'
import { clientServer, type PeerServiceManager, RoleError, staticMesh } from '../../src/index.js'
import { Cluster, type MakeManager } from '../support/cluster.js'
import { forwardToAll, openLanes, pairsOf } from '../support/partisan.js'

/** Started nodes of an overlay. */
async function startAll(names: readonly string[], make: MakeManager) {
  const cluster = new Cluster({ network: { latency: 5 }, make })
  const nodes: PeerServiceManager[] = []
  for (const name of names) nodes.push(await cluster.start(name))
  return { cluster, nodes }
}

/** Who lists whom. */
function views(nodes: readonly PeerServiceManager[]): Record<string, string> {
  return Object.fromEntries(nodes.map(node => [node.name, node.members().join()]))
}

describe('clients and servers', () => {
  const all = 'c1,c2,c3,s1,s2'
  const known = { s1: all, s2: all, c1: 'c1,s1,s2', c2: 'c2,s1,s2', c3: 'c3,s1,s2' }
  const isServer = (name = ''): boolean => name.startsWith('s')
  const make: MakeManager = options => clientServer({ ...options, role: isServer(options.name) ? 'server' : 'client' })

  /** Two servers and three clients. In Partisan each has to join each, both ways; here each joins one server. */
  async function five(): Promise<{ cluster: Cluster; nodes: PeerServiceManager[] }> {
    const { cluster, nodes } = await startAll(Object.keys(known), make)
    const [server, ...others] = nodes as [PeerServiceManager, ...PeerServiceManager[]]
    await cluster.settle(Promise.all(others.map(node => node.syncJoin(server.spec))))
    await cluster.until(() => JSON.stringify(views(nodes)) === JSON.stringify(known))
    await cluster.until(() => nodes.every(node => node.members().every(name => node.isFullyConnected(name))))
    return { cluster, nodes }
  }

  test('know what is theirs to know, and reach whom they know: client_server_manager_test', async () => {
    const { cluster, nodes } = await five()
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
    await cluster.pass(30_000)
    expect(views(nodes)).toEqual(known)
    for (const node of nodes) {
      const peers = node.members().filter(name => name !== node.name)
      expect(openLanes(node)).toEqual(Object.fromEntries(peers.map(name => [name, { default: 1, membership: 1 }])))
    }
  })

  test('are refused where two clients meet: both hear why, and no socket is left', async () => {
    const { cluster, nodes } = await five()
    const [one, other] = nodes.filter(({ name }) => !isServer(name)) as [PeerServiceManager, PeerServiceManager]
    for (const peer of [other.spec, `memory://${other.name}:1`]) {
      expect(await cluster.failure(one.join(peer))).toBeInstanceOf(RoleError)
    }
    await cluster.turn()
    expect([one, other].map(node => node.counters().refused)).toEqual([1, 1])
    await cluster.pass(30_000)
    expect(cluster.ends(one.name, other.name)).toEqual([])
    expect(views(nodes)).toEqual(known)
  })

  test('find each other again when a server restarts: nobody has to join anew', async () => {
    const { cluster, nodes } = await five()
    const [server] = nodes as [PeerServiceManager]
    await cluster.settle(server.stop())
    await cluster.pass(10_000)
    await cluster.settle(server.start())
    await cluster.until(() => JSON.stringify(views(nodes)) === JSON.stringify(known))
    await cluster.until(() => nodes.every(node => node.members().every(name => node.isFullyConnected(name))))
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
  })
})

describe('a static mesh', () => {
  test('starts, has just the members that it was given, and connects them again when they are lost', async () => {
    const names = ['a', 'b', 'c']
    const peers = Object.fromEntries(names.map(name => [name, `memory://${name}:1`]))
    const { cluster, nodes } = await startAll(names, options => staticMesh({ ...options, peers }))
    const whole = (): boolean => nodes.every(node => names.every(name => node.isFullyConnected(name)))
    await cluster.until(whole)
    expect(views(nodes)).toEqual({ a: 'a,b,c', b: 'a,b,c', c: 'a,b,c' })
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
    cluster.sever('a', 'b')
    await cluster.until(() => !whole())
    await cluster.until(whole)
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
  })
})
