import { describe, expect, test } from 'vitest'
import type { ForwardOptions, PeerServiceManager } from '../../src/index.js'
import { createPools, type ManagedPools, managePools, type PublishResult } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const attributes = { type: 'worker' }
const channels = { mono: { monotonic: true } }

interface Met {
  readonly cluster: Cluster
  readonly got: unknown[]
  readonly sent: Promise<PublishResult>[]
  readonly a: ManagedPools
}

/** `a` sends four messages to `b` in the moment in which that comes up, with pools or without. */
async function meet(given: {
  readonly options?: ForwardOptions
  readonly hasPools?: boolean
  readonly messageBytes?: number
}): Promise<Met> {
  const { options = {}, hasPools = true, messageBytes = 1_000_000 } = given
  const cluster = new Cluster({ network: { latency: 5 }, options: { channels } })
  const one = await cluster.start('a', { attributes: { type: 'front' } })
  const b = await cluster.start('b', { attributes, limits: { messageBytes } })
  const got: unknown[] = []
  b.register('job', message => void got.push(message))
  const a = managePools(one)
  if (hasPools) managePools(b)
  if (messageBytes < 2_000) for (let each = 0; each < 60; each++) a.subscribe(`${'x'.repeat(60)}${each}`, () => {})
  const sent: Promise<PublishResult>[] = []
  a.worker.events.on('changed', ({ added }) => {
    if (!added.includes('b')) return
    for (let index = 0; index < 4; index++) sent.push(a.worker.publishHrw('key', 'job', index, options))
  })
  await cluster.settle(b.syncJoin(one.spec))
  await cluster.until(() => sent.length === 4)
  return { cluster, got, sent, a }
}

describe('what is sent to a node that has just come up', () => {
  const ways: ForwardOptions[] = [{}, { ack: true }, { channel: 'mono' }, { channel: 'mono', ack: true }]
  test.each(ways)('arrives, in order, as it does later (%o)', async options => {
    const { cluster, got, sent } = await meet({ options })
    expect(await cluster.settle(Promise.all(sent))).toEqual(Array(4).fill({ sent: true, node: 'b' }))
    await cluster.pass(100)
    expect(got).toEqual([0, 1, 2, 3])
  })

  test.each([1_000_000, 1_100])('arrives where there are no pools (its messages of %d bytes)', async messageBytes => {
    const { cluster, got, sent, a } = await meet({ hasPools: false, messageBytes })
    await cluster.settle(Promise.all(sent), 1_000)
    sent.push(a.worker.publishHrw('key', 'job', 4))
    await cluster.pass(100)
    expect(got).toEqual([0, 1, 2, 3, 4])
  })

  test('is waited for by a departure', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [one, two] = [await cluster.start('a'), await cluster.start('b', { attributes })]
    const [a, b] = [managePools(one), managePools(two)]
    const got: unknown[] = []
    two.register('job', async message => {
      await new Promise<void>(resolve => void cluster.clock.schedule(300, resolve))
      got.push(message)
    })
    a.worker.events.on('changed', () => void a.worker.publishHrw('key', 'job', 1, { ack: true }).catch(() => {}))
    await cluster.settle(two.syncJoin(one.spec))
    await cluster.pass(50)
    await cluster.settle(b.depart({ timeout: 5_000 }))
    expect(got).toEqual([1])
  })

  test('waits no longer than its deadline, or until its signal aborts, or the node is gone', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [one, two] = [await cluster.start('a'), await cluster.start('b', { attributes })]
    const a = managePools(one)
    managePools(two)
    using _ = one.interpose(({ server }) => (server === 'maquis:pools' ? { type: 'drop' } : { type: 'pass' }))
    using __ = two.interpose(({ server }) => (server === 'maquis:pools' ? { type: 'drop' } : { type: 'pass' }))
    const aborting = new AbortController()
    await cluster.settle(two.syncJoin(one.spec))
    await cluster.until(() => a.worker.aliveCount === 1)
    const late = a.worker.publishHrw('key', 'job', 1, { timeout: 50 })
    const aborted = a.worker.publishHrw('key', 'job', 2, { signal: aborting.signal })
    const over = a.worker.publishHrw('key', 'job', 3)
    expect(await cluster.failure(late, 100)).toMatchObject({ code: 'ERR_DEADLINE', outcome: 'not-sent' })
    aborting.abort(new Error('enough'))
    expect(await cluster.failure(aborted, 10)).toMatchObject({ message: 'enough' })
    await cluster.settle(two.stop())
    expect(await cluster.settle(over)).toEqual({ sent: false, reason: 'empty' })
  })

  test('is from who sent it where it was passed on', async () => {
    const cluster = new Cluster({ network: { latency: 5 } })
    const [one, two] = (await cluster.mesh(['a', 'b'], { attributes })) as [PeerServiceManager, PeerServiceManager]
    const three = await cluster.start('d', { attributes })
    const from: string[] = []
    three.register('job', (_message: unknown, context) => void from.push(context.from))
    const [a] = [one, two, three].map(manager => managePools(manager)) as [ManagedPools]
    await cluster.pass(1_000)
    const all = createPools({ self: 'o', nodes: ['a', 'b', 'd'].map(name => ({ name, ...attributes })) })
    for (const name of ['a', 'b', 'd']) all.nodeUp(name)
    const keys = Array.from({ length: 999 }, (_, index) => `key-${index}`)
    const key = keys.find(each => a.worker.hrw(each)?.name === 'b' && all.worker.hrw(each)?.name === 'd') as string
    cluster.split('a', 'd')
    const joined = two.syncJoin(three.spec)
    for (let index = 0; index < 100; index++) {
      void a.worker.publishHrw(key, 'job', index)
      await cluster.pass(1)
    }
    await joined
    await cluster.pass(500)
    expect(from.length).toBeGreaterThan(20)
    expect(new Set(from)).toEqual(new Set(['a']))
  })
})
