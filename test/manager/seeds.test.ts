import { describe, expect, test } from 'vitest'
import { Cluster } from '../support/cluster.js'

const seeds = ['memory://seed:1']
const atSeed = { listen: { host: 'seed', port: 1 } }

describe('a seed', () => {
  test('that was lost is joined again, whoever is at its address by then', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', atSeed)
    const c = await cluster.start('c', { seeds })
    await cluster.until(() => c.members().length === 2)
    await cluster.pass(30_000)
    await cluster.settle(a.stop())
    await cluster.pass(30_000)
    const z = await cluster.start('z', atSeed)
    await cluster.until(() => c.members().includes(z.name) && z.members().includes(c.name))
  })

  test('that is connected, but no member any more, is joined again', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', atSeed)
    const c = await cluster.start('c', { seeds })
    await cluster.until(() => c.members().length === 2)
    await cluster.pass(30_000)
    // It leaves, and is back in a later life before anybody has missed the connection.
    await cluster.settle(a.leave())
    expect(c.members()).toEqual(['c'])
    await cluster.settle(a.stop())
    await cluster.settle(a.start())
    await cluster.settle(a.connect('memory://c:1'))
    await cluster.until(() => c.members().length === 2 && a.members().length === 2, 15_000)
  })

  test('that refuses is asked again, and joined when it does not refuse any more', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a', { ...atSeed, cluster: 'another' })
    const c = await cluster.start('c', { seeds })
    await cluster.pass(60_000)
    expect(c.members()).toEqual(['c'])
    await cluster.settle(a.stop())
    const z = await cluster.start('z', atSeed)
    await cluster.until(() => c.members().includes(z.name), 35_000)
  })

  test('that is this node itself is found out, and not asked again', async () => {
    const cluster = new Cluster()
    // It does not tell of that address, so it has to ask who is there.
    const c = await cluster.start('c', { ...atSeed, seeds, advertise: ['memory://elsewhere:1'] })
    await cluster.pass(1_000)
    const { refused } = c.counters()
    expect(refused).toBeGreaterThan(0)
    await cluster.pass(60_000)
    expect([c.counters().refused, c.members()]).toEqual([refused, ['c']])
  })
})
