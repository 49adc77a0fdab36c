import { describe, expect, test, vi } from 'vitest'
import { Cluster } from '../support/cluster.js'

describe('a join that is over', () => {
  test('leaves neither timers nor listeners behind', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.pass(10_000)
    const before = cluster.clock.pending
    const added = vi.spyOn(EventTarget.prototype, 'addEventListener')
    const removed = vi.spyOn(EventTarget.prototype, 'removeEventListener')
    const { signal } = new AbortController()
    for (let count = 0; count < 50; count++) {
      for (const options of [{}, { signal }]) {
        await cluster.settle(a.join(b.spec, options))
        await cluster.settle(a.syncJoin(b.spec, options))
      }
    }
    expect(added.mock.calls.length).toBeGreaterThan(0)
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThan(10)
    expect(cluster.clock.pending).toBeLessThan(before + 10)
    vi.restoreAllMocks()
  })

  test('leaves nothing behind where seeds are looked after for long, either', async () => {
    const cluster = new Cluster()
    await cluster.start('b')
    await cluster.start('a', { seeds: ['memory://b:1', 'memory://nobody:1'] })
    await cluster.pass(10_000)
    const added = vi.spyOn(EventTarget.prototype, 'addEventListener')
    const removed = vi.spyOn(EventTarget.prototype, 'removeEventListener')
    await cluster.pass(600_000)
    expect(added.mock.calls.length).toBeGreaterThan(100)
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThan(20)
    vi.restoreAllMocks()
  })
})

describe('peers that were away for long', () => {
  test('are tried soon after the first of them is back', async () => {
    const cluster = new Cluster()
    const names = ['b', 'c', 'd', 'e', 'f']
    const a = await cluster.start('a', { advertise: [] })
    for (const name of names) {
      const peer = await cluster.start(name)
      await cluster.settle(a.join(peer.spec))
    }
    await cluster.until(() => names.every(name => a.isConnected(name)))
    // They do not reach each other, and only a dials.
    for (const [index, name] of names.entries()) {
      for (const other of ['a', ...names.slice(index + 1)]) cluster.split(name, other)
    }
    await cluster.until(() => !names.some(name => a.isConnected(name)))
    await cluster.pass(600_000)
    for (const [index, name] of names.entries()) for (const other of names.slice(index + 1)) cluster.split(name, other)
    cluster.heal()
    await cluster.until(() => names.some(name => a.isConnected(name)))
    const first = cluster.clock.now()
    await cluster.until(() => names.every(name => a.isConnected(name)))
    expect(cluster.clock.now() - first).toBeLessThan(1_000)
  })
})
