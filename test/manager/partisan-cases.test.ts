import { describe, expect, test } from 'vitest'
import type {
  ForwardOptions,
  Interposition,
  Passage,
  PeerServiceManager,
  PeerServiceOptions,
  ServerRef,
} from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { hear } from '../support/hearing.js'
import { forwardToAll, isWhole, joinAll, pairsOf, six } from '../support/partisan.js'

type Six = [
  PeerServiceManager,
  PeerServiceManager,
  PeerServiceManager,
  PeerServiceManager,
  PeerServiceManager,
  PeerServiceManager,
]

/** Six nodes, all connected with all. Partisan counts its nodes from 1; so node 2 is the second here too. */
async function sixNodes(options?: PeerServiceOptions): Promise<{ cluster: Cluster; nodes: Six }> {
  const cluster = new Cluster({ network: { latency: 5 } })
  const nodes = await joinAll(cluster, six, options && { options })
  await cluster.until(() => isWhole(nodes))
  return { cluster, nodes: nodes as Six }
}

const passing = { type: 'pass' } as const

describe('a departure', () => {
  const departures: [string, number][] = [
    ['leave_test', 5],
    ['self_leave_test', 1],
  ]

  /** Node 2 takes a node out of the cluster: the last one, or itself. */
  async function depart(index: number) {
    const { cluster, nodes } = await sixNodes()
    const leaver = nodes[index] as PeerServiceManager
    const others = nodes.filter(node => node !== leaver)
    await cluster.settle(nodes[1].leave(leaver.name))
    await cluster.until(() => others.every(node => !node.members().includes(leaver.name)))
    await cluster.until(() => leaver.members().length === 1)
    return { cluster, nodes, leaver, others }
  }

  test.each(departures)('leaves the others whole, and the leaver alone with itself: %s', async (_which, index) => {
    const { cluster, leaver, others } = await depart(index)
    await cluster.pass(10_000)
    expect(isWhole(others)).toBe(true)
    expect(leaver.members()).toEqual([leaver.name])
    expect(leaver.connections()).toEqual([])
    expect(others.flatMap(node => node.connections()).filter(({ node }) => node === leaver.name)).toEqual([])
    expect(await forwardToAll(cluster, others)).toEqual(pairsOf(others))
  })

  test.each(departures)('ends when the leaver joins again: rejoin_test, after %s', async (_which, index) => {
    const { cluster, nodes, leaver, others } = await depart(index)
    await cluster.settle(leaver.join((others[0] as PeerServiceManager).spec))
    await cluster.until(() => isWhole(nodes))
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
  })
})

describe('a function that was given at node 4 for node 3 is called once', () => {
  test.each<[string, (cluster: Cluster, node: PeerServiceManager) => Promise<void>]>([
    ['stops', (cluster, node) => cluster.settle(node.stop())],
    ['leaves', (cluster, node) => cluster.settle(node.leave())],
    [
      'falls silent',
      async (cluster, node) => {
        for (const name of six) if (name !== node.name) cluster.split(name, node.name)
      },
    ],
  ])('when that node %s: on_down_test', async (_how, end) => {
    const { cluster, nodes } = await sixNodes()
    const downs: string[] = []
    nodes[3].onDown(nodes[2].name, node => void downs.push(node))
    await end(cluster, nodes[2])
    await cluster.until(() => downs.length > 0, 20_000)
    await cluster.pass(30_000)
    expect(downs).toEqual([nodes[2].name])
  })
})

describe('a request', () => {
  test.each<[string, PeerServiceOptions, ForwardOptions]>([
    ['simple', {}, {}],
    ['with_channels', { channels: { rpc: {} } }, { channel: 'rpc' }],
  ])('asks another node what time it is: rpc_test, %s', async (_group, options, forward) => {
    const { cluster, nodes } = await sixNodes(options)
    nodes[3].register('now', () => cluster.clock.wall())
    expect(await cluster.settle(nodes[2].request(nodes[3].name, 'now', undefined, forward))).toBeInstanceOf(Date)
  })

  test('is answered at once or later, and a cast is carried out: otp_test', async () => {
    const { cluster, nodes } = await sixNodes()
    const casts = hear(nodes[1], 'cast')
    nodes[1].register('call', (message: unknown) => ({ answer: message }))
    let reply = (_value: string): void => {}
    nodes[1].register('delayed', () => new Promise<string>(resolve => (reply = resolve)))
    expect(await cluster.settle(nodes[0].request(nodes[1].name, 'call', 1, { timeout: 5_000 }))).toEqual({ answer: 1 })
    const delayed = nodes[0].request(nodes[1].name, 'delayed', 2, { timeout: 5_000 })
    await cluster.pass(1_000)
    reply('at last')
    expect(await cluster.settle(delayed)).toBe('at last')
    nodes[0].castMessage(nodes[1].name, 'cast', 3)
    await cluster.until(() => casts.length > 0)
    expect(casts).toEqual([3])
  })
})

describe('a reference', () => {
  test('to a server may travel in a message, and be answered by who gets it: pid_test', async () => {
    const { cluster, nodes } = await sixNodes()
    const [one, , , four] = nodes
    const answers = hear(one, 'mailbox')
    const received: unknown[] = []
    four.register('store', (ref: Exclude<ServerRef, string>) => {
      received.push(ref)
      four.castMessage(ref, 'got it')
    })
    const self = { node: one.name, name: 'mailbox', incarnation: one.spec.incarnation }
    await cluster.settle(one.forwardMessage(four.name, 'store', self))
    await cluster.until(() => answers.length > 0)
    expect(received).toEqual([self])
    expect(answers).toEqual(['got it'])
  })
})

describe('all pairs', () => {
  test('reach each other, and ten seconds later they still do: connectivity_test', async () => {
    const { cluster, nodes } = await sixNodes()
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
    await cluster.pass(10_000)
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))
  })

  test('hear what one of them sends to all members: gossip_demers_direct_mail_test', async () => {
    const { cluster, nodes } = await sixNodes()
    const heard = nodes.map(node => hear(node, 'mail'))
    for (const member of nodes[0].members()) nodes[0].castMessage(member, 'mail', 'hello')
    await cluster.until(() => heard.every(mail => mail.length > 0), 10_000)
    await cluster.pass(1_000)
    expect(heard).toEqual(six.map(() => ['hello']))
  })
})

describe('an interposition', () => {
  test.each([
    ['forward_interposition_test', 'forward', 2],
    ['receive_interposition_test', 'receive', 3],
  ] as const)('drops a message, and once it is gone lets the next one through: %s', async (_which, direction, at) => {
    const { cluster, nodes } = await sixNodes()
    const [, , three, four] = nodes
    const heard = hear(four, 'store')
    const seen: Passage[] = []
    const fault = nodes[at].interpose(passage => {
      if (passage.kind !== 'message' || passage.direction !== direction) return passing
      seen.push(passage)
      return { type: 'drop' }
    })
    await cluster.settle(three.forwardMessage(four.name, 'store', 1))
    await cluster.pass(1_000)
    expect(heard).toEqual([])
    fault[Symbol.dispose]()
    await cluster.settle(three.forwardMessage(four.name, 'store', 2))
    await cluster.pass(10_000)
    expect(heard).toEqual([2])
    // Partisan's does not know the origin of what it receives.
    const peer = direction === 'forward' ? four.name : three.name
    expect(seen).toEqual([{ direction, peer, channel: 'default', kind: 'message', server: 'store', message: 1 }])
  })

  const later: Interposition = ({ message }) => (message === 'm1' ? { type: 'delay', by: 500 } : passing)
  const other: Interposition = ({ message }) => (message === 'm1' ? { type: 'replace', message: 'm2' } : passing)
  const laterAsOther: Interposition = ({ message }) => (message === 'm2' ? { type: 'delay', by: 500 } : passing)

  test.each<[string, readonly Interposition[], readonly string[], readonly string[]]>([
    ['behind those that follow it', [later], ['m1', 'm2'], ['m2', 'm1']],
    ['and puts another in its place', [other, laterAsOther], ['m1'], ['m2']],
  ])('delays a message %s: forward_delay_interposition_test', async (_what, faults, sent, expected) => {
    const { cluster, nodes } = await sixNodes()
    const [, , three, four] = nodes
    const heard = hear(four, 'store')
    for (const fault of faults) three.interpose(fault)
    const forwarded = Promise.all(sent.map(message => three.forwardMessage(four.name, 'store', message)))
    await cluster.pass(400)
    expect(heard).toEqual(expected.slice(0, -1))
    await cluster.settle(forwarded)
    await cluster.pass(10_000)
    expect(heard).toEqual(expected)
  })
})

describe('an injected partition of one hop', () => {
  test('cuts each node off from all its neighbours: hyparview_manager_partition_test', async () => {
    const { cluster, nodes } = await sixNodes()
    const cutOff = (node: PeerServiceManager): string[] => node.partitions().map(cut => cut.node.name)
    const neighbours = (node: PeerServiceManager): string[] => six.filter(name => name !== node.name)

    const ref = await cluster.settle(nodes[0].injectPartition(nodes[0].name, 1))
    await cluster.pass(1_000)
    for (const node of nodes) {
      expect(cutOff(node).sort()).toEqual(neighbours(node).sort())
      expect(neighbours(node).filter(name => node.isConnected(name))).toEqual([])
      expect(node.members()).toEqual([...six].sort())
    }
    await cluster.settle(nodes[0].resolvePartition(ref))
    await cluster.until(() => isWhole(nodes))
    expect(nodes.flatMap(cutOff)).toEqual([])
    expect(await forwardToAll(cluster, nodes)).toEqual(pairsOf(nodes))

    // Partisan's killed node has to vanish from all views. Ours is down everywhere, and stays a member until removed.
    const [last, ...rest] = [...nodes].reverse() as [PeerServiceManager, ...PeerServiceManager[]]
    await cluster.settle(last.stop())
    await cluster.until(() => rest.every(node => !node.isConnected(last.name)))
    for (const node of rest) expect(node.members()).toContain(last.name)
    await cluster.settle(nodes[0].leave(last.name))
    await cluster.until(() => isWhole(rest))
  })
})
