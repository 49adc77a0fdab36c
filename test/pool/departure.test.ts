import { describe, expect, test } from 'vitest'
import type { ForwardOptions, PeerServiceManager } from '../../src/index.js'
import { fullMesh } from '../../src/index.js'
import { type ManagedPools, managePools } from '../../src/pool/pool.js'
import { type Simulation, simulate } from '../../src/testing/testing.js'

const names = ['worker-1', 'worker-2', 'worker-3', 'front']

interface Cluster {
  readonly net: Simulation
  readonly pools: ReadonlyMap<string, ManagedPools>
  /** How often each message was handled. */
  readonly handled: ReadonlyMap<number, number>
}

/** Workers whose handlers take so many milliseconds, and who sends to them. */
async function start(seed: number, takes = 0): Promise<Cluster> {
  const pools = new Map<string, ManagedPools>()
  const handled = new Map<number, number>()
  const net = simulate({
    ...{ nodes: names, seed },
    manager: (options): PeerServiceManager =>
      fullMesh({
        ...options,
        attributes: { type: options.name === 'front' ? 'front' : 'worker' },
        channels: { wide: { parallelism: 4 } },
      }),
    setup: (manager, { name, clock }) => {
      manager.register('job', async (message: number) => {
        if (takes > 0) await new Promise<void>(resolve => void clock.schedule(takes, resolve))
        handled.set(message, (handled.get(message) ?? 0) + 1)
      })
      pools.set(name, managePools(manager))
    },
  })
  await net.settle()
  return { net, pools, handled }
}

describe('who departs under load', () => {
  const sends: ForwardOptions[] = [{}, { channel: 'wide' }, { ack: true }, { ack: { when: 'handled' } }]
  const cases = sends.flatMap(options => (['leave', 'stop'] as const).map(way => ({ options, way })))
  test.each(cases)('loses and repeats nothing: $way, $options', async ({ options, way }) => {
    for (const seed of [1, 2, 3]) {
      const { net, pools, handled } = await start(seed)
      await using _ = net
      const [front, one] = [pools.get('front'), pools.get('worker-1')] as [ManagedPools, ManagedPools]
      const sent: Promise<unknown>[] = []
      let ending: Promise<void> = Promise.resolve()
      const count = 200
      for (let index = 0; index < count; index++) {
        sent.push(front.worker.publishHrw(`key-${index}`, 'job', index, options))
        if (index === 80) ending = (way === 'leave' ? one.leave() : one.depart()).then(() => net.stop('worker-1'))
        await net.pass(0.3)
      }
      await net.settle(ending)
      await net.settle(Promise.all(sent))
      await net.pass(300)
      expect(handled.size).toBe(count)
      expect([...handled.values()].filter(times => times > 1)).toEqual([])
    }
  })

  test.each([true, { when: 'handled' }] as const)('waits for its handlers (ack: %o)', async ack => {
    const { net, pools, handled } = await start(1, 50)
    await using _ = net
    const [front, one] = [pools.get('front'), pools.get('worker-1')] as [ManagedPools, ManagedPools]
    const sent = Array.from({ length: 30 }, (_, index) =>
      front.worker.publishHrw(`key-${index}`, 'job', index, { ack }),
    )
    await net.pass(20)
    await net.settle(one.depart())
    await net.stop('worker-1')
    const before = handled.size
    await net.settle(Promise.all(sent))
    await net.pass(100)
    expect([before > 0, [...handled.values()]]).toEqual([true, Array(30).fill(1)])
  })

  test('waits no longer than its timeout', async () => {
    const { net, pools } = await start(1, 60_000)
    await using _ = net
    const [front, one] = [pools.get('front'), pools.get('worker-1')] as [ManagedPools, ManagedPools]
    for (let index = 0; index < 30; index++) void front.worker.publishHrw(`key-${index}`, 'job', index)
    await net.pass(20)
    const began = net.clock.now()
    await net.settle(one.depart({ timeout: 200 }))
    expect(net.clock.now() - began).toBeGreaterThanOrEqual(200)
    expect(net.clock.now() - began).toBeLessThan(1_000)
  })
})
