import { describe, expect, test } from 'vitest'
import type { ForwardOptions, PeerServiceManager } from '../../src/index.js'
import { fullMesh } from '../../src/index.js'
import { type ManagedPools, managePools, type TopicResult } from '../../src/pool/pool.js'
import { type Simulation, simulate } from '../../src/testing/testing.js'
import { Cluster as Mesh } from '../support/cluster.js'

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

  test.each([1e16, Number.MAX_VALUE])('ends when it is done, however long it may take (%d ms)', async timeout => {
    const mesh = new Mesh()
    const managers = await mesh.mesh(['a', 'b'], { attributes: { type: 'worker' } })
    const [a, b] = managers.map(manager => managePools(manager)) as [ManagedPools, ManagedPools]
    await mesh.pass(1_000)
    await mesh.settle(b.depart({ timeout }), 5_000)
    expect(a.worker.aliveCount).toBe(1)
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

describe('nodes that depart together under load', () => {
  const keys = Array.from({ length: 400 }, (_, index) => `key-${index}`)
  const small = { queueBytes: 50_000, windowBytes: 65_536 }
  const cases = [2, 3].flatMap(count =>
    [
      { limits: small, bytes: 2_000, messages: 600 },
      { limits: {}, bytes: 20_000, messages: 600 },
    ].flatMap(load => [{}, { ack: true }].map(options => ({ count, options, ...load }))),
  )

  // In a circle: each publishes for keys of the next one, which passes on to the one after that what comes while it
  // knows that it departs itself, and not yet that the others do.
  test.each(cases)('lose and repeat nothing, and end ($count, $bytes bytes, $options)', async given => {
    const { count, limits, bytes, messages, options } = given
    const mesh = new Mesh({ options: { limits }, network: { latency: 5 } })
    const handled = new Map<string, number>()
    const managers = await mesh.mesh(['a', 'b', 'c', 'd'], { attributes: { type: 'worker' } })
    const nodes = managers.map(manager => {
      manager.register('job', ([id]: [string]) => void handled.set(id, (handled.get(id) ?? 0) + 1))
      return managePools(manager)
    })
    await mesh.pass(1_000)
    const departing = nodes.slice(0, count)
    const sent: Promise<unknown>[] = []
    const departed: Promise<void>[] = []
    for (const [index, pools] of departing.entries()) {
      const [owner, heir] = [1, 2].map(step => managers[(index + step) % count]?.name)
      const theirs = keys.filter(key => {
        const [first, second] = pools.worker.ranked(key, 2)
        return first?.name === owner && second?.name === heir
      })
      for (let each = 0; each < messages; each++) {
        const message = [`${index} ${each}`, new Uint8Array(bytes)]
        sent.push(pools.worker.publishHrw(theirs[each % theirs.length] as string, 'job', message, options))
      }
    }
    for (const pools of departing) departed.push(pools.depart({ timeout: 30_000 }))
    const began = mesh.clock.now()
    await mesh.settle(Promise.all(departed))
    expect(mesh.clock.now() - began).toBeLessThan(10_000)
    await mesh.settle(Promise.all(managers.slice(0, count).map(manager => manager.stop())))
    expect((await mesh.settle(Promise.all(sent))).filter(result => (result as { sent: boolean }).sent).length).toBe(
      count * messages,
    )
    await mesh.pass(1_000)
    expect(handled.size).toBe(count * messages)
    expect([...handled.values()].filter(times => times > 1)).toEqual([])
  })
})

test('who departs waits for messages of a causal label that wait for others', async () => {
  const mesh = new Mesh({ options: { channels: { slow: {} } } })
  const [x, front, one] = (await mesh.mesh(['x', 'front', 'one'])) as [
    PeerServiceManager,
    PeerServiceManager,
    PeerServiceManager,
  ]
  const told: unknown[] = []
  one.register('job', message => void told.push(message))
  const at = managePools(front)
  const departing = managePools(one)
  await mesh.pass(1_000)
  front.register('hint', async () => {
    await at.publish('zeek/cluster/node/one/', 'job', 2, { causalLabel: 'orders' })
  })
  using _ = x.interpose(({ channel }) => (channel === 'slow' ? { type: 'delay', by: 500 } : { type: 'pass' }))
  const first = x.forwardMessage('one', 'job', 1, { channel: 'slow', causalLabel: 'orders' })
  await mesh.settle(x.forwardMessage('front', 'hint', 0, { causalLabel: 'orders' }))
  await mesh.pass(50)
  expect(told).toEqual([])
  await mesh.settle(departing.depart({ timeout: 5_000 }))
  expect(told).toEqual([1, 2])
  await mesh.settle(first)
})

test('who departs is heard of where handlers are stuck, and all that may wait for them waits', async () => {
  const mesh = new Mesh({ options: { limits: { queueBytes: 50_000, windowBytes: 65_536 } } })
  const managers = await mesh.mesh(['a', 'b'], { attributes: { type: 'worker' } })
  const [a, b] = managers.map(manager => {
    manager.register('stuck', () => new Promise(() => {}))
    return managePools(manager)
  }) as [ManagedPools, ManagedPools]
  await mesh.pass(1_000)
  const key = ['x', 'y', 'z', 'u', 'v', 'w'].find(each => a.worker.hrw(each)?.name === 'b') as string
  expect(key).toBeDefined()
  for (let index = 0; index < 500; index++)
    void a.worker.publishHrw(key, 'stuck', new Uint8Array(2_000)).catch(() => {})
  await mesh.pass(100)
  const began = mesh.clock.now()
  const departed = a.depart()
  await mesh.pass(100)
  expect(b.worker.aliveCount).toBe(1)
  await mesh.settle(departed)
  expect(mesh.clock.now() - began).toBeGreaterThanOrEqual(1_000)
})

test('who departs waits for what was sent to it, though the queue to it is full', async () => {
  const mesh = new Mesh({ options: { channels: { full: { overflow: 'reject' } }, limits: { queueBytes: 20_000 } } })
  const [front, one] = (await mesh.mesh(['front', 'one'])) as [PeerServiceManager, PeerServiceManager]
  const [at, departing] = [front, one].map(manager => managePools(manager)) as [ManagedPools, ManagedPools]
  await mesh.pass(1_000)
  await mesh.settle(at.publish('zeek/cluster/node/one/', 'job', 1, { channel: 'full' }))
  using _ = front.interpose(({ server }) => (server === 'filler' ? { type: 'delay', by: 400 } : { type: 'pass' }))
  const filler = front.forwardMessage('one', 'filler', new Uint8Array(19_900), { channel: 'full' })
  const began = mesh.clock.now()
  await mesh.settle(departing.depart({ timeout: 5_000 }))
  expect(mesh.clock.now() - began).toBeGreaterThanOrEqual(400)
  expect(mesh.clock.now() - began).toBeLessThan(1_000)
  await mesh.settle(filler)
})

test('who departs waits for what a node sends that comes up meanwhile', async () => {
  const mesh = new Mesh({ network: { latency: 5 } })
  const [one, front] = (await mesh.mesh(['one', 'front'])) as [PeerServiceManager, PeerServiceManager]
  const handled: unknown[] = []
  one.register('slow', () => new Promise<void>(resolve => void mesh.clock.schedule(3_000, resolve)))
  one.register('job', message => void handled.push(message))
  const [departing, at] = [one, front].map(manager => managePools(manager)) as [ManagedPools, ManagedPools]
  await mesh.pass(1_000)
  mesh.split('one', 'front')
  await mesh.until(() => !one.isConnected('front') && !front.isConnected('one'))
  void departing.publish('zeek/cluster/node/one/', 'slow', 0)
  await mesh.turn()
  let isDeparted = false
  const departed = departing.depart({ timeout: 20_000 }).finally(() => {
    isDeparted = true
  })
  using _ = front.interpose(({ server }) => (server === 'job' ? { type: 'delay', by: 4_000 } : { type: 'pass' }))
  front.monitorNodes(({ type }) => {
    // It has not been told yet.
    if (type === 'up') void at.publish('zeek/cluster/node/one/', 'job', 1)
  })
  mesh.heal()
  await mesh.until(() => one.isConnected('front'))
  expect([isDeparted, handled]).toEqual([false, []])
  await mesh.settle(departed)
  expect(handled).toEqual([1])
})

test.each([undefined, { causalLabel: 'label' }, { ack: true }, { ack: { when: 'handled' } }] as const)(
  'who departs alone waits for what it has just sent to itself (%o)',
  async options => {
    const mesh = new Mesh()
    const manager = await mesh.start('one', { attributes: { type: 'worker' } })
    const handled: unknown[] = []
    manager.register('job', async message => {
      await new Promise<void>(resolve => void mesh.clock.schedule(50, resolve))
      handled.push(message)
    })
    const pools = managePools(manager)
    await mesh.pass(1_000)
    const sent = [
      pools.worker.publishHrw('key', 'job', 1, options),
      pools.worker.publishRoundRobin('job', 2, options),
      pools.publish('zeek/cluster/node/one/', 'job', 3, options),
    ]
    await mesh.settle(pools.depart())
    expect(handled).toEqual([1, 2, 3])
    await mesh.settle(Promise.all(sent))
  },
)

test.each([{}, { ack: true }])(
  'who departs hears of no more topics: what it was sent of them it has heard (%o)',
  async options => {
    const mesh = new Mesh({ network: { latency: 5 } })
    const managers = await mesh.mesh(['front', 'one', 'two'])
    const heard = new Map<number, string[]>()
    const [front, one] = managers.map(manager => {
      const pools = managePools(manager)
      pools.subscribe('news', (message: number) => {
        heard.set(message, [...(heard.get(message) ?? []), manager.name].sort())
      })
      return pools
    }) as [ManagedPools, ManagedPools]
    await mesh.pass(1_000)
    const sent: Promise<TopicResult>[] = []
    let departed: Promise<void> = Promise.resolve()
    for (let message = 0; message < 60; message++) {
      sent.push(front.publish('news', 'any', message, options))
      if (message === 20) departed = one.depart().then(() => managers[1]?.stop())
      await mesh.pass(1)
    }
    await mesh.settle(departed)
    const results = await mesh.settle(Promise.all(sent))
    await mesh.pass(1_000)
    expect(results.map(({ nodes }) => nodes)).toEqual(results.map((_, message) => heard.get(message)))
    expect(results.every(({ missed }) => missed.size === 0)).toBe(true)
    expect(new Set(results.map(({ nodes }) => nodes.length))).toEqual(new Set([2, 3]))
  },
)

describe('who departs and has told more than a node takes', () => {
  async function pair(): Promise<{ mesh: Mesh; a: ManagedPools; b: ManagedPools }> {
    const mesh = new Mesh({ network: { latency: 5 } })
    const attributes = { type: 'worker' }
    const one = await mesh.start('a', { attributes, limits: { messageBytes: 2_048 } })
    const other = await mesh.start('b', { attributes })
    const [a, b] = [managePools(one), managePools(other)]
    await mesh.settle(other.syncJoin(one.spec))
    await mesh.pass(1_000)
    return { mesh, a, b }
  }

  test('is heard of, whatever it had subscribed to', async () => {
    const { mesh, a, b } = await pair()
    for (let index = 0; index < 60; index++) b.subscribe(`${'x'.repeat(60)}${index}`, () => {})
    await mesh.pass(1_000)
    await mesh.settle(b.depart({ timeout: 5_000 }))
    expect(a.worker.aliveCount).toBe(1)
  })

  test('waits for its timeout where it cannot be told even so, and is heard of when it can', async () => {
    const { mesh, a, b } = await pair()
    for (let index = 0; index < 60; index++) b.register({ topic: `${'x'.repeat(60)}${index}`, nodeType: 'worker' })
    await mesh.pass(1_000)
    const began = mesh.clock.now()
    await mesh.settle(b.depart({ timeout: 5_000 }))
    expect(mesh.clock.now() - began).toBeGreaterThanOrEqual(5_000)
    expect(a.worker.aliveCount).toBe(2)
    for (let index = 0; index < 60; index++) b.unregister(`${'x'.repeat(60)}${index}`)
    await mesh.pass(1_000)
    expect(a.worker.aliveCount).toBe(1)
  })
})
