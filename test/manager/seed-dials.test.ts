import { describe, expect, test } from 'vitest'
import { hyParView, type NodeName, type PeerServiceManager, staticList, type Transport } from '../../src/index.js'
import { seedDialsMax } from '../../src/manager/joiner.js'
import { Cluster, type MakeManager } from '../support/cluster.js'

const names = Array.from({ length: 30 }, (_, index) => `n${index}`)
const all = names.map(name => `memory://${name}:1`)

/** A node that is told of all addresses, and how many addresses of strangers it dials, at the most and in all. */
function watched(cluster: Cluster, name: string, options: Parameters<MakeManager>[0]) {
  const inner = cluster.transport(name)
  const dials = { underWay: 0, most: 0, order: [] as string[] }
  const transport: Transport = {
    schemes: inner.schemes,
    listen: (address, accept) => inner.listen(address, accept),
    dial: async (address, handler, signal) => {
      dials.order.push(address.url)
      dials.most = Math.max(dials.most, ++dials.underWay)
      try {
        return await inner.dial(address, handler, signal)
      } finally {
        dials.underWay--
      }
    },
  }
  return { node: cluster.node(name, { ...options, transport }), dials }
}

describe('seeds and found addresses', () => {
  test.each(['seeds', 'discovery'])('of the option %s are dialled a few at a time, in random order', async option => {
    const cluster = new Cluster({ network: { latency: 50 } })
    const { node, dials } = watched(cluster, 'a', option === 'seeds' ? { seeds: all } : { discovery: staticList(all) })
    await cluster.settle(node.start())
    await cluster.pass(15_000)
    expect(dials.most).toBe(seedDialsMax)
    expect(new Set(dials.order).size).toBe(all.length)
    const first = [...new Set(dials.order)]
    expect(first).not.toEqual(all)
  })

  /** Addresses whose dials never end, whatever becomes of their signal. */
  function mute(
    cluster: Cluster,
    name: string,
    seeds: readonly string[],
  ): { node: PeerServiceManager; mute: string[] } {
    const inner = cluster.transport(name)
    const dialled: string[] = []
    const transport: Transport = {
      schemes: inner.schemes,
      listen: (address, accept) => inner.listen(address, accept),
      dial: (address, handler, signal) => {
        if (!address.url.includes('mute')) return inner.dial(address, handler, signal)
        dialled.push(address.url)
        return new Promise(() => {})
      },
    }
    return { node: cluster.node(name, { seeds, transport }), mute: dialled }
  }

  const neverAnswering = Array.from({ length: seedDialsMax + 2 }, (_, index) => `memory://mute${index}:1`)

  test('whose dial never ends keep nobody from being dialled', async () => {
    const cluster = new Cluster()
    await cluster.start('n0')
    const { node, mute: dialled } = mute(cluster, 'a', [...neverAnswering, 'memory://n0:1'])
    await cluster.settle(node.start())
    await cluster.until(() => node.members().includes('n0' as NodeName))
    await cluster.until(() => new Set(dialled).size === neverAnswering.length)
  })

  test('are dialled again by the next life of a node that stopped meanwhile', async () => {
    const cluster = new Cluster()
    const { node, mute: dialled } = mute(cluster, 'a', neverAnswering)
    for (let life = 1; life <= 3; life++) {
      await cluster.settle(node.start())
      await cluster.until(() => dialled.length === life * seedDialsMax)
      await cluster.settle(node.stop())
    }
  })

  test('are all found in the end, by nodes that start together', async () => {
    const cluster = new Cluster({ network: { latency: 50 } })
    const discovery = staticList(all)
    const nodes = await Promise.all(names.slice(0, 12).map(name => cluster.start(name, { discovery })))
    await cluster.until(() => nodes.every(node => node.members().length === nodes.length))
  })

  test('are left for later where the overlay has found its way in', async () => {
    const cluster = new Cluster({ make: hyParView, network: { latency: 50 } })
    for (const name of names) await cluster.start(name)
    const { node, dials } = watched(cluster, 'a', { discovery: staticList(all) })
    await cluster.settle(node.start())
    await cluster.until(() => node.members().length > 1)
    await cluster.pass(5_000)
    expect(new Set(dials.order).size).toBeLessThan(all.length / 2)
  })

  test('bring nodes together that found each other first and know nobody else', async () => {
    const cluster = new Cluster({ make: hyParView })
    const late = await cluster.start('late', { seeds: all })
    const first = await cluster.start('n0')
    await cluster.until(() => late.members().length === 2)
    const [second, third] = [await cluster.start('n1'), await cluster.start('n2')]
    await cluster.settle(second.syncJoin(third.spec))
    await cluster.until(() => [late, first, second, third].every(node => node.members().length >= 4), 600_000)
  })
})
