import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fullMesh, type Interposition, type PeerServiceManager, type PeerServiceOptions } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { becomesTrue, within } from '../support/deadline.js'
import { forwardToAll, type Group, isWhole, joinAll, openLanes, pairsOf, six, type World } from '../support/partisan.js'

/** A group of Partisan's main suite whose `basic_test` this is, and what it comes to. */
interface BasicGroup extends Group {
  /** The lanes of each node to each other, by channel. */
  readonly lanes: Readonly<Record<string, number>>
  /** No message can be under way for less. Default 0. */
  readonly delay?: number
}

const simple = { default: 1, membership: 1 }

const groups: readonly BasicGroup[] = [
  { group: 'simple', lanes: simple },
  {
    group: 'with_parallelism',
    options: { channels: { default: { parallelism: 5 }, data: { parallelism: 5 } } },
    lanes: { default: 5, data: 5, membership: 1 },
  },
  {
    group: 'with_channels',
    options: { channels: { vnode: {}, gossip: {}, rpc: {} } },
    forward: { channel: 'vnode' },
    lanes: { ...simple, vnode: 1, gossip: 1, rpc: 1 },
  },
  { group: 'with_no_channels', options: { channels: {} }, lanes: simple },
  {
    group: 'with_monotonic_channels',
    options: { channels: { vnode: { monotonic: true } } },
    forward: { channel: 'vnode' },
    lanes: { ...simple, vnode: 1 },
  },
  { group: 'with_sync_join', join: 'syncJoin', lanes: simple },
  { group: 'with_binary_padding', padding: 300_000, lanes: simple },
  {
    group: 'with_partition_key',
    options: { channels: { default: { parallelism: 3 } } },
    forward: { partitionKey: 1 },
    lanes: { default: 3, membership: 1 },
  },
  { group: 'with_ingress_delay', interposition: delays('receive', 100), delay: 100, lanes: simple },
  { group: 'with_egress_delay', interposition: delays('forward', 100), delay: 100, lanes: simple },
]

/** Holds up everything that leaves, or arrives: messages, heartbeats, and the overlay's own. */
function delays(direction: 'forward' | 'receive', by: number): Interposition {
  return passage => (passage.direction === direction ? { type: 'delay', by } : { type: 'pass' })
}

/** To each of the others so many lanes of each channel, and not one more. */
function expectLanes(nodes: readonly PeerServiceManager[], { lanes }: BasicGroup): void {
  for (const node of nodes) {
    const others = nodes.filter(other => other !== node)
    expect(openLanes(node)).toEqual(Object.fromEntries(others.map(({ name }) => [name, lanes])))
  }
}

describe('six nodes know and reach each other, over exactly the lanes they declare:', () => {
  test.each(groups.map(group => [group.group, group] as const))('basic_test, %s', async (_name, group) => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const nodes = await joinAll(cluster, six, group)
    if (group.join === 'syncJoin') expect(isWhole(nodes)).toBe(true)
    await cluster.until(() => isWhole(nodes))
    expectLanes(nodes, group)

    const began = cluster.clock.now()
    expect(await forwardToAll(cluster, nodes, group)).toEqual(pairsOf(nodes, group.padding))
    expect(cluster.clock.now() - began).toBeGreaterThanOrEqual(group.delay ?? 0)

    // What all those dials left behind is gone: one socket for each lane, shared by both ends.
    await cluster.pass(10_000)
    expectLanes(nodes, group)
    const lanes = Object.values(group.lanes).reduce((sum, count) => sum + count)
    for (const at of six) for (const peer of six) expect(cluster.ends(at, peer)).toHaveLength(at === peer ? 0 : lanes)
  })

  test('basic_test, with_tls', async () => {
    const group: BasicGroup = { group: 'with_tls', options: { listen: { tls } }, lanes: simple }
    await using world = new RealWorld()
    const nodes = await joinAll(world, six, group)
    await world.until(() => isWhole(nodes))
    for (const { spec } of nodes) expect(spec.addresses).toEqual([expect.stringMatching(/^wss:/)])
    expectLanes(nodes, group)
    expect(await forwardToAll(world, nodes)).toEqual(pairsOf(nodes))
  }, 90_000)
})

/** Verified, but of no node in particular: it is asked of the listener alone. */
const tls = { ca: pem('authority'), cert: pem('alpha'), key: pem('alpha-key') }

function pem(name: string): string {
  return readFileSync(new URL(`../support/certificates/${name}.pem`, import.meta.url), 'utf8')
}

/** Some sixty TLS handshakes in one process take a third of a second; a busy machine needs many times that. */
const realDeadline = 30_000

/** Nodes over WebSockets, in this process. */
class RealWorld implements World, AsyncDisposable {
  readonly #nodes: PeerServiceManager[] = []

  async start(name: string, options?: PeerServiceOptions): Promise<PeerServiceManager> {
    const node = await this.settle(fullMesh({ name, ...options }).start())
    this.#nodes.push(node)
    return node
  }

  settle = <Value>(promise: Promise<Value>): Promise<Value> => within(promise, realDeadline)
  until = (condition: () => boolean): Promise<void> => becomesTrue(condition, realDeadline)

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map(node => node.stop()))
  }
}
