import { describe, expect, test } from 'vitest'
import { clientServer, staticMesh } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

const causal = { causalLabel: 'chat' }

describe('causal labels', () => {
  test('are at most 1,024 at a node', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'chat')
    for (let label = 0; label < 1_024; label++) a.castMessage('b', 'chat', label, { causalLabel: `label ${label}` })
    await cluster.turn()
    expect(heard).toHaveLength(1_024)
    const refused = await cluster.failure(a.forwardMessage('b', 'chat', 1, { causalLabel: 'one more' }))
    expect(refused).toMatchObject({ code: 'ERR_OVERFLOW' })
    expect(await cluster.failure(a.forwardMessage('a', 'chat', 1, { causalLabel: 'one more' }))).toMatchObject({
      code: 'ERR_OVERFLOW',
    })
    // Neither does it take one more of others.
    hear(a, 'chat')
    const dropped = record(a, 'dropped')
    await cluster.settle(b.forwardMessage('a', 'chat', 1, { causalLabel: 'label 7', ack: true }))
    expect(dropped).toEqual([])
  })

  test('make room for others a minute after all lives that used them are over, and not before', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh of three')
    const heard = hear(c, 'chat')
    hear(a, 'chat')
    a.castMessage('c', 'chat', 'first', { causalLabel: 'kept' })
    for (let label = 0; label < 1_023; label++) {
      b.castMessage('a', 'chat', label, { causalLabel: `label ${label}` })
    }
    const send = (causalLabel: string): Promise<void> =>
      cluster.settle(a.forwardMessage('c', 'chat', causalLabel, { causalLabel }))
    await cluster.pass(1_000)
    await cluster.settle(b.leave())
    await cluster.until(() => !a.isConnected('b'))
    const full = { code: 'ERR_OVERFLOW', message: expect.stringContaining('give many conversations one label') }
    expect(await cluster.failure(send('one more'))).toMatchObject(full)
    await cluster.pass(70_000)
    await send('one more')
    // The numbers of a label that is in use do not begin anew.
    await send('kept')
    await cluster.turn()
    expect(heard).toEqual(['first', 'one more', 'kept'])
    expect(c.counters()).toMatchObject({ duplicates: 0, causalLate: 0 })
  })

  test('let a message carry 24 KiB of what it depends on, and no more', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `c${String(index).padStart(2, '0')}${'x'.repeat(247)}`)
    const cluster = new Cluster({
      make: given => {
        const isServer = given.name === 'hub'
        return clientServer({ ...given, role: isServer ? 'server' : 'client', ...(!isServer && { listen: false }) })
      },
    })
    const hub = await cluster.start('hub')
    const clients = names.map(name => cluster.node(name, { seeds: ['memory://hub:1'] }))
    await cluster.settle(Promise.all(clients.map(client => client.start())))
    await cluster.until(() => names.every(name => hub.isFullyConnected(name)))
    const ends: string[] = []
    for (const name of names) {
      const sent = hub.forwardMessage(name, 'chat', 1, causal)
      await cluster.settle(sent.then(() => ends.push('sent')).catch((error: { code: string }) => ends.push(error.code)))
    }
    const sent = ends.indexOf('ERR_OVERFLOW')
    // A life of 250 bytes, its incarnation of 8, the number and the two places of a pair.
    expect(sent).toBeGreaterThan(90)
    expect(ends).toEqual(ends.map((_, index) => (index < sent ? 'sent' : 'ERR_OVERFLOW')))
    expect(await cluster.settle(hub.forwardMessage(names[0] as string, 'chat', 1, { causalLabel: 'other' }))).toBe(
      undefined,
    )
  })

  test('never block a cast', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair({ limits: { queueBytes: 2_048, windowBytes: 1_024 } })
    b.register('chat', () => new Promise(() => {}))
    const dropped = record(a, 'dropped')
    for (let id = 0; id < 20; id++) a.castMessage('b', 'chat', 'x'.repeat(500), causal)
    expect(dropped.length).toBeGreaterThan(10)
    expect(a.counters().overflowed).toBe(dropped.length)
  })

  test('are for one life of a node: a peer that was never met has none', async () => {
    const cluster = new Cluster({
      make: given => staticMesh({ ...given, peers: { b: 'memory://b:1' } }),
    })
    const a = await cluster.start('a')
    expect(await cluster.failure(a.forwardMessage('b', 'chat', 1, causal))).toMatchObject({
      code: 'ERR_NOT_CONNECTED',
    })
  })

  test('keep the newest message of a key on a monotonic channel, in its order among the others', async () => {
    const channels = { latest: { monotonic: (message: unknown) => (message as { key: string }).key } }
    const cluster = new Cluster({ network: { latency: 10 } })
    const [a, b] = await cluster.pair({ channels, limits: { windowBytes: 1_024 } })
    const heard: unknown[] = []
    let finish = (): void => {}
    b.register('slow', () => new Promise<void>(resolve => (finish = resolve)))
    b.register('chat', message => void heard.push((message as { id: number }).id))
    const ballast = { key: 'ballast', text: 'x'.repeat(2_000) }
    a.castMessage('b', 'slow', ballast, { channel: 'latest', partitionKey: 1 })
    await cluster.pass(100)
    const options = { ...causal, channel: 'latest', partitionKey: 1 }
    const sends = ['x', 'y', 'x', 'y', 'x'].map((key, id) => a.forwardMessage('b', 'chat', { key, id }, options))
    const ends = Promise.allSettled(sends)
    await cluster.pass(100)
    finish()
    expect((await cluster.settle(ends)).map(({ status }) => status)).toEqual([
      ...['rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled'],
    ])
    await cluster.until(() => heard.length === 2)
    // What was superseded was numbered: it is asked for, and passed over.
    expect(heard).toEqual([3, 4])
    expect(b.counters().causalGaps).toBe(3)
  })

  test('survive what an interposition does twice or puts in its place', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'chat')
    a.interpose(({ kind }) => ({ type: kind === 'message' ? 'duplicate' : 'pass' }))
    await cluster.settle(a.forwardMessage('b', 'chat', 1, causal))
    await cluster.until(() => heard.length === 1)
    b.interpose(({ kind }) => (kind === 'message' ? { type: 'replace', message: 'another' } : { type: 'pass' }))
    await cluster.settle(a.forwardMessage('b', 'chat', 2, causal))
    await cluster.turn()
    expect(heard).toEqual([1, 'another'])
    expect(b.counters()).toMatchObject({ duplicates: 2, causalLate: 0 })
  })

  test('end with the life of their node: what waits is not handed over in the next', async () => {
    const cluster = new Cluster({ network: { latency: 10 } })
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh of three')
    const heard = hear(c, 'chat')
    b.register('chat', message => b.castMessage('c', 'chat', message, causal))
    a.interpose(({ peer }) => (peer === 'c' ? { type: 'delay', by: 5_000 } : { type: 'pass' }))
    a.castMessage('c', 'chat', 'delayed', causal)
    a.castMessage('b', 'chat', 'question', causal)
    await cluster.pass(1_000)
    await cluster.settle(c.stop())
    await cluster.until(() => !b.isConnected('c'))
    await cluster.settle(c.start())
    await cluster.until(() => b.isFullyConnected('c'))
    await cluster.settle(b.forwardMessage('c', 'chat', 'new', { ...causal, ack: true }))
    await cluster.pass(10_000)
    expect(heard).toEqual(['new'])
  })
})
