import { describe, expect, test, vi } from 'vitest'
import { isRecord } from '../../src/core/name.js'
import { type ForwardOptions, OverflowError, type PeerServiceManager, UnknownChannelError } from '../../src/index.js'
import { SettledLater } from '../../src/manager/settled-later.js'
import { Drains } from '../../src/pool/drains.js'
import { managePools } from '../../src/pool/pool.js'
import { PoolSender } from '../../src/pool/pool-sender.js'
import { PoolTraffic } from '../../src/pool/pool-traffic.js'
import { SimulatedClock } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'

describe('who departs while a handler of its hangs', () => {
  test.each([1, 1_000])('is heard of all the same, and keeps nobody waiting (%d subscriptions)', async count => {
    const cluster = new Cluster({ options: { limits: { queueBytes: 600_000, windowBytes: 65_536 } } })
    const managers = await cluster.mesh(['a', 'b'], { attributes: { type: 'worker' } })
    const [one, two] = managers as [PeerServiceManager, PeerServiceManager]
    const [a, b] = [managePools(one), managePools(two)]
    one.register('work', () => {})
    for (const manager of [one, two]) manager.register('hang', () => new Promise(() => {}))
    for (let index = 0; index < count; index++) b.subscribe(`${'x'.repeat(400)}${index}`, () => {})
    await cluster.pass(1_000)
    void a.publish('zeek/cluster/node/b/', 'hang', 1, { ack: { when: 'handled' } })
    // What is behind these waits for their handlers.
    for (let index = 0; index < 100; index++)
      void two.forwardMessage('a', 'hang', new Uint8Array(2_000)).catch(() => {})
    await cluster.pass(10)
    const began = cluster.clock.now()
    const departed = b.depart({ timeout: 2_000 })
    await cluster.pass(100)
    expect(a.worker.aliveCount).toBe(1)
    await cluster.settle(two.forwardMessage('a', 'work', 1, { channel: 'membership', ack: true }), 100)
    b.register({ topic: 'late', nodeType: 'worker', maxNodes: 1, exclusive: true })
    await cluster.pass(100)
    expect(a.mismatches.map(({ topic }) => topic)).toEqual(['late'])
    await cluster.settle(departed)
    expect(cluster.clock.now() - began).toBeGreaterThanOrEqual(2_000)
    expect(cluster.clock.now() - began).toBeLessThan(2_200)
  })
})

describe('who is asked whether all has arrived', () => {
  /** What it sends is under way until the functions are called, in order. */
  function asked(): { drains: Drains; arrive: (() => void)[] } {
    const arrive: (() => void)[] = []
    const manager: unknown = {}
    const traffic: unknown = { flush: () => new Promise<void>(resolve => arrive.push(resolve)) }
    return { drains: new Drains(manager as PeerServiceManager, traffic as PoolTraffic), arrive }
  }

  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

  test('gives credit back at once to the first question of each node that waits, and to no others', async () => {
    const { drains, arrive } = asked()
    const answers = [drains.answer('b'), drains.answer('b'), drains.answer('c')]
    expect(answers.map(each => each instanceof SettledLater)).toEqual([true, false, true])
    for (const end of arrive.splice(0)) end()
    await turn()
    expect([drains.answer('b'), drains.answer('c')].every(each => each instanceof SettledLater)).toBe(true)
  })

  test('answers a later question when all has arrived that was sent before that', async () => {
    const answer: (() => void)[] = []
    const forwardMessage = (): Promise<void> => new Promise(resolve => void answer.push(resolve))
    const manager: unknown = { clock: new SimulatedClock(), spec: { channels: {} }, forwardMessage }
    const traffic = new PoolTraffic(manager as PeerServiceManager)
    const ended: string[] = []
    const flush = (name: string): void => void traffic.flush('b').then(() => ended.push(name))
    void traffic.track('b', Promise.resolve())
    traffic.unanswered('b', {})
    flush('first')
    await turn()
    flush('second')
    traffic.unanswered('b', {})
    flush('third')
    await turn()
    expect([answer.length, ended]).toEqual([1, []])
    answer[0]?.()
    await turn()
    expect([answer.length, ended]).toEqual([2, ['first']])
    answer[1]?.()
    await turn()
    expect(ended).toEqual(['first', 'second', 'third'])
    traffic.unanswered('b', {})
    flush('fourth')
    await turn()
    expect(answer.length).toBe(3)
  })

  test('looks at what is under way for one question at a time, however many there are', async () => {
    const traffic = new PoolTraffic({} as PeerServiceManager)
    let end = (): void => {}
    const open = new Promise<void>(resolve => {
      end = resolve
    })
    void traffic.track('b', open)
    const looks = vi.spyOn(open, 'then')
    const drains = new Drains({} as PeerServiceManager, traffic)
    const answers = Array.from({ length: 1_000 }, () => drains.answer('b'))
    await turn()
    expect([answers.length, looks.mock.calls.length]).toEqual([1_000, 1])
    let hasArrived = false
    void traffic.flush('b').then(() => {
      hasArrived = true
    })
    end()
    await turn()
    expect(hasArrived).toBe(true)
  })

  test('asks nobody about what it had sent to an earlier life', async () => {
    const cluster = new Cluster()
    const [one, two] = (await cluster.mesh(['a', 'b'])) as [PeerServiceManager, PeerServiceManager]
    const [a, b] = [managePools(one), managePools(two)]
    await cluster.pass(1_000)
    let flushes = 0
    using _ = one.interpose(({ message }) => {
      if (isRecord(message) && message.type === 'flush') flushes++
      return { type: 'pass' }
    })
    await cluster.settle(a.publish('zeek/cluster/node/b/', 'any', 1))
    await cluster.settle(two.stop())
    await cluster.until(() => !one.isConnected('b'))
    await cluster.settle(two.start())
    await cluster.settle(two.syncJoin(one.spec))
    await cluster.pass(1_000)
    await cluster.settle(b.depart())
    expect(flushes).toBe(0)
  })

  test('asks about what was written, and not about what was refused', async () => {
    const asked: unknown[] = []
    const manager: unknown = {
      ...{ name: 'a', clock: new SimulatedClock(), spec: { channels: {} } },
      forwardMessage: async (_node: string, _server: string, message: unknown, { channel }: ForwardOptions) => {
        if (isRecord(message) && message.type === 'flush') asked.push(channel)
        if (channel !== undefined && channel !== 'default') throw new UnknownChannelError(channel, 'local', ['default'])
      },
    }
    const sender = new PoolSender(manager as PeerServiceManager, { runsPools: () => true, lifeOf: () => 1 })
    const message = { type: 'publish', server: 'any', message: 1 } as const
    for (const options of [{ channel: 'none' }, { channel: 'nor' }, {}, { partitionKey: 7 }]) {
      await sender.send('b', message, options).catch(() => {})
    }
    await sender.traffic.flush('b')
    expect(asked).toEqual(['default'])
  })
})

describe('who asks whether all has arrived', () => {
  /** The first so many questions meet a full queue. */
  function asking(full: number): { drains: Drains; clock: SimulatedClock; times: number[] } {
    const clock = new SimulatedClock()
    const times: number[] = []
    const forwardMessage = async (node: string): Promise<void> => {
      times.push(clock.now())
      if (times.length <= full) throw new OverflowError(node, 'membership', 'queueBytes')
    }
    const manager: unknown = { clock, forwardMessage }
    const traffic: unknown = {}
    return { drains: new Drains(manager as PeerServiceManager, traffic as PoolTraffic), clock, times }
  }

  test('asks a node one question at a time, and once more for all that were asked meanwhile', async () => {
    const answer: (() => void)[] = []
    const forwardMessage = (): Promise<void> => new Promise(resolve => void answer.push(resolve))
    const manager: unknown = { clock: new SimulatedClock(), forwardMessage }
    const drains = new Drains(manager as PeerServiceManager, {} as PoolTraffic)
    const ended: number[] = []
    const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
    for (let index = 0; index < 3; index++) void drains.ask(['b'], 1_000).then(() => ended.push(index))
    await turn()
    expect([answer.length, ended]).toEqual([1, []])
    answer[0]?.()
    await turn()
    expect([answer.length, ended]).toEqual([2, [0]])
    answer[1]?.()
    await turn()
    expect([answer.length, ended]).toEqual([2, [0, 1, 2]])
    void drains.ask(['b'], 1_000)
    await turn()
    expect(answer.length).toBe(3)
  })

  test.each([
    [2, [0, 50, 100]],
    [99, [0, 50, 100, 150]],
  ])('asks again after a full queue, and no longer than it wants to wait (%d)', async (full, expected) => {
    const { drains, clock, times } = asking(full)
    let isOver = false
    void drains.ask(['b'], clock.now() + 200).then(() => {
      isOver = true
    })
    await clock.advanceAsync(1_000)
    expect([times, isOver]).toEqual([expected, true])
  })
})
