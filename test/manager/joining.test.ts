import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { Cluster } from '../support/cluster.js'
import { collectGarbage } from '../support/memory.js'

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

  test('leaves no listener on the signal that it was given, whichever way it ended', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const controller = new AbortController()
    const { signal } = controller
    const listening = (): number => getEventListeners(signal, 'abort').length
    await cluster.settle(a.join(b.spec, { signal }))
    await cluster.settle(a.connect(b.spec, { signal }))
    expect(listening()).toBe(0)
    const joins = Array.from({ length: 30 }, () => a.join('memory://nobody:1', { signal }))
    const refused = a.join(a.spec.name, { signal })
    await expect(refused).rejects.toThrow()
    // More than ten of them, and Node would warn of a leak.
    expect(listening()).toBe(1)
    const ended = Promise.allSettled(joins)
    controller.abort(new Error('no more'))
    for (const end of await cluster.settle(ended)) expect(end).toMatchObject({ reason: new Error('no more') })
    expect(listening()).toBe(0)
  })

  test('leaves nothing behind where seeds are looked after for long, either', async () => {
    const cluster = new Cluster()
    await cluster.start('b')
    await cluster.start('a', { seeds: ['memory://b:1', 'memory://nobody:1'] })
    await cluster.pass(10_000)
    const added = vi.spyOn(EventTarget.prototype, 'addEventListener')
    const removed = vi.spyOn(EventTarget.prototype, 'removeEventListener')
    await cluster.pass(600_000)
    expect(added.mock.calls.length).toBeGreaterThan(50)
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThan(20)
    vi.restoreAllMocks()
  })
})

describe('a join that never ends', () => {
  test('goes with its node, when nobody holds that any more', async () => {
    const nodes = [await abandoned(), await abandoned({ signal: new AbortController().signal })]
    for (let round = 0; round < 10; round++) {
      await setImmediate()
      collectGarbage()
    }
    expect(nodes.map(node => node.deref())).toEqual([undefined, undefined])
  })

  /** A node that stands still amid a join, as after a crash in a simulation. */
  async function abandoned(options: { readonly signal?: AbortSignal } = {}): Promise<WeakRef<object>> {
    const cluster = new Cluster()
    const node = await cluster.start('a')
    void node.join('memory://nobody:1', options)
    await cluster.pass(100)
    return new WeakRef(node)
  }
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
