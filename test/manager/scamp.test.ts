import { describe, expect, test } from 'vitest'
import { InvalidOptionError, type PeerServiceManager, scamp } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'
import { forwardToAll, pairsOf } from '../support/partisan.js'

/** Four nodes, which have joined the first. */
async function four(version: 1 | 2): Promise<{ cluster: Cluster; nodes: PeerServiceManager[] }> {
  const cluster = new Cluster({ network: { latency: 5 }, make: options => scamp({ ...options, version }) })
  const nodes: PeerServiceManager[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const node = await cluster.start(name)
    if (nodes[0] !== undefined) await cluster.settle(node.syncJoin(nodes[0].spec))
    nodes.push(node)
  }
  const all = 'a,b,c,d'
  await cluster.until(() => nodes.every(node => node.members().join() === all))
  await cluster.until(() => nodes.every(node => node.members().every(name => node.isFullyConnected(name))))
  return { cluster, nodes }
}

describe.each([1, 2] as const)('a SCAMP overlay of four nodes (version %i)', version => {
  test('is a mesh in which all reach each other, and ten seconds later they still do: connectivity_test', async () => {
    const { cluster, nodes } = await four(version)
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
    await cluster.pass(10_000)
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
  })

  test('hears what one of them sends to all members: gossip_demers_direct_mail_test', async () => {
    const { cluster, nodes } = await four(version)
    const heard = nodes.map((): unknown[] => [])
    for (const [index, node] of nodes.entries()) node.register('mail', message => void heard[index]?.push(message))
    const [first] = nodes as [PeerServiceManager]
    for (const member of first.members()) first.castMessage(member, 'mail', 'hello')
    await cluster.until(() => heard.every(mail => mail.length > 0), 10_000)
    await cluster.pass(1_000)
    expect(heard).toEqual(nodes.map(() => ['hello']))
  })

  test('stays one over many leases', async () => {
    const { cluster, nodes } = await four(version)
    let changes = 0
    for (const node of nodes) node.events.on('members', () => void changes++)
    await cluster.pass(3_600_000)
    expect(changes).toBe(0)
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
  })
})

describe('views that are small against the overlay', () => {
  /** Views are directed, and hold about 2 ln 24, six nodes. */
  const started = async (seed: number) => {
    const heard = new Map<string, string[]>()
    const names = Array.from({ length: 24 }, (_, index) => `n${index + 10}`)
    const net = simulate({
      ...{ nodes: names, seed },
      seeds: name => (name === 'n10' ? [] : ['n10']),
      manager: options => scamp({ ...options, copies: 1 }),
      setup: manager => {
        const its: string[] = []
        heard.set(manager.name, its)
        manager.register('news', (text: string) => void its.push(text))
      },
    })
    await net.pass(60_000)
    return { net, names, heard }
  }

  test.each([1, 2, 3])(
    'carry a broadcast of anybody to everybody once, also against their direction (seed %i)',
    async seed => {
      const { net, names, heard } = await started(seed)
      await using _ = net
      const views = names.map(name => net.node(name).members().length - 1)
      expect(views.some(size => size < names.length / 2)).toBe(true)
      for (const from of names) void net.node(from).broadcast('news', from)
      await net.pass(20_000)
      for (const name of names) {
        expect([...(heard.get(name) ?? [])].sort(), name).toEqual(names.filter(from => from !== name))
      }
    },
  )

  test('a message to who holds the sender goes over the connection that is there', async () => {
    const { net, names } = await started(4)
    await using _ = net
    const [from = '', to = ''] = names.flatMap(name => {
      const others = net.node(name).members()
      const back = others.find(
        other =>
          other !== name &&
          !net
            .node(other)
            .members()
            .includes(name as never),
      )
      return back === undefined ? [] : [back, name]
    })
    expect(net.node(from).members()).not.toContain(to)
    await net.settle(net.node(from).forwardMessage(to, 'news', 'hello'))
  })
})

test.each([
  [{ version: 3 }, 'version'],
  [{ copies: -1 }, 'copies'],
  [{ copies: 17 }, 'copies'],
  [{ lease: 0 }, 'lease'],
  [{ lease: 50_000 }, 'lease'],
  [{ heartbeatInterval: 100_000 }, 'lease'],
  [{ heartbeatInterval: Number.NaN }, 'heartbeatInterval'],
  [{ scamp_c: 5 }, 'options.scamp_c'],
])('options that make no sense are refused: %o', (options, option) => {
  expect(() => scamp(options as never)).toThrow(expect.objectContaining({ option }))
  expect(() => scamp(options as never)).toThrow(InvalidOptionError)
})
