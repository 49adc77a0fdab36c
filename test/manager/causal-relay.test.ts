import { describe, expect, test } from 'vitest'
import type { ForwardOptions, PeerServiceManager } from '../../src/index.js'
import type { Cluster } from '../support/cluster.js'
import { graph, hear, lanesTo, line, range, relayed } from '../support/relays.js'

const causal: ForwardOptions = { causalLabel: 'chat', ...relayed }

/** Numbers are for one life of a node: its life has to be known before they are given. */
async function meet(cluster: Cluster, node: PeerServiceManager, to: string): Promise<void> {
  await cluster.settle(node.forwardMessage(to, 'meeting', 0, relayed))
}

describe('messages of a causal label between nodes without a direct connection', () => {
  test('find the way by themselves, and take their places when the life of the node is known', async () => {
    const { cluster, node } = await graph([
      ['b', 'a'],
      ['c', 'b'],
    ])
    const heard = hear(node('c'), 'chat')
    const a = node('a')
    const sent = [1, 2].map(id => a.forwardMessage('c', 'chat', id, { ...causal, ack: true }))
    a.castMessage('c', 'chat', 3, causal)
    await cluster.settle(Promise.all(sent))
    await cluster.until(() => heard.length === 3)
    // The way is closed when nobody uses it, and found again.
    await cluster.pass(120_000)
    expect(a.isConnected('c')).toBe(false)
    await cluster.settle(a.forwardMessage('c', 'chat', 4, { ...causal, ack: true, whenDown: 'wait' }))
    expect(heard).toEqual([1, 2, 3, 4])
    expect(a.counters()).toMatchObject({ undelivered: 0 })
  })

  test('end as others do where there is no way, or not in time', async () => {
    const { cluster, node } = await graph([['b', 'a']])
    const a = node('a')
    const unknown = await cluster.failure(a.forwardMessage('nobody', 'chat', 1, causal))
    expect(unknown).toMatchObject({ code: 'ERR_NO_ROUTE', reason: 'unknown' })
    const late = a.forwardMessage('nobody', 'chat', 1, { ...causal, whenDown: 'wait', timeout: 3_000 })
    expect(await cluster.failure(late)).toMatchObject({ code: 'ERR_DEADLINE', outcome: 'not-sent' })
  })

  test('wait for what came before them over another node', async () => {
    // a - b - c - d: what `a` tells `d` goes through two others, as does what `b` passes on.
    const { cluster, node } = await graph([
      ['b', 'a'],
      ['c', 'b'],
      ['d', 'c'],
    ])
    const [a, b, d] = [node('a'), node('b'), node('d')]
    const heard = hear(d, 'chat')
    b.register('chat', message => b.castMessage('d', 'chat', `${String(message)}, passed on`, causal))
    await meet(cluster, a, 'd')
    await meet(cluster, b, 'd')
    expect(lanesTo(a, 'd')).toContain(true)
    await cluster.settle(a.forwardMessage('d', 'chat', 'hello', causal))
    await cluster.until(() => heard.length === 1)
    a.interpose(({ peer, kind }) =>
      peer === 'd' && kind === 'message' ? { type: 'delay', by: 3_000 } : { type: 'pass' },
    )
    void a.forwardMessage('d', 'chat', 'question', causal)
    await cluster.settle(a.forwardMessage('b', 'chat', 'question', causal))
    await cluster.pass(2_000)
    expect(heard).toEqual(['hello'])
    await cluster.pass(2_000)
    expect(heard).toEqual(['hello', 'question', 'question, passed on'])
    expect(d.counters()).toMatchObject({ causalGaps: 0, causalLate: 0 })
  })

  test('are given up when the sender, asked over the relays, says that they will not come', async () => {
    const { cluster, node } = await graph([
      ['b', 'a'],
      ['c', 'b'],
    ])
    const [a, b, c] = [node('a'), node('b'), node('c')]
    const heard = hear(c, 'chat')
    b.register('chat', message => b.castMessage('c', 'chat', message, causal))
    await meet(cluster, a, 'c')
    await cluster.settle(a.forwardMessage('c', 'chat', 'hello', causal))
    await cluster.until(() => heard.length === 1)
    a.interpose(({ peer, kind }) => ({ type: peer === 'c' && kind === 'message' ? 'drop' : 'pass' }))
    a.castMessage('c', 'chat', 'lost', causal)
    a.castMessage('b', 'chat', 'question', causal)
    await cluster.pass(450)
    expect(heard).toEqual(['hello'])
    await cluster.pass(1_000)
    expect(heard).toEqual(['hello', 'question'])
    expect(c.counters().causalGaps).toBe(1)
  })

  test('keep their order where relays stop and others take their place', async () => {
    // A square with its two ways between `a` and `c`, and another talker in each corner.
    const { cluster, node } = await graph([
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'd'],
      ['d', 'c'],
    ])
    const [a, b, c] = [node('a'), node('b'), node('c')]
    const heard: number[] = []
    c.register('chat', message => void heard.push(message as number))
    const passOn = (relay: PeerServiceManager): Disposable =>
      relay.register('chat', message => relay.castMessage('c', 'chat', message, causal))
    passOn(node('d'))
    await meet(cluster, a, 'c')
    for (const id of range(200)) {
      // Even ones go straight to `c`, odd ones through `d`: causality alone orders an odd one behind those before it.
      if (id % 2 === 0) a.castMessage('c', 'chat', id, { ...causal, ack: true })
      else a.castMessage('d', 'chat', id, { ...causal, ack: true })
      await cluster.pass(5)
      if (id === 100) await cluster.settle(b.stop())
    }
    await cluster.pass(15_000)
    const seen = new Set<number>()
    for (const id of heard) {
      // Nothing that `a` sent straight comes after what it sent, to whomever, later.
      if (id % 2 === 0) expect([...seen].filter(other => other > id)).toEqual([])
      seen.add(id)
    }
    expect(heard.filter(id => id % 2 === 0)).toEqual(range(100).map(index => 2 * index))
    expect(heard.length).toBeGreaterThan(150)
  })
})

test('what is sent of a label to a node that was not met arrives in order, over all channels, as it was', async () => {
  const channels = { default: {}, bulk: { parallelism: 4 }, alpha: {} }
  const { cluster, row } = await line(3, { channels })
  const [a, , c] = row
  const heard: unknown[] = []
  c.register('chat', (message: unknown) => void heard.push(message))
  const options = { transitive: true, causalLabel: 'chat' } as const
  const sent = ['bulk', 'default', 'alpha', 'bulk', 'default'].map((channel, number) =>
    a.forwardMessage('c', 'chat', number, { ...options, channel, partitionKey: number }),
  )
  const value = { number: 5 }
  a.castMessage('c', 'chat', value, options)
  value.number = 99
  const bytes = Uint8Array.of(6)
  a.castMessage('c', 'chat', bytes, options)
  bytes.fill(99)
  a.onUp('c', () => a.castMessage('c', 'chat', 7, options))
  await cluster.settle(Promise.all(sent))
  await cluster.pass(1_000)
  expect(heard).toEqual([0, 1, 2, 3, 4, { number: 5 }, Uint8Array.of(6), 7])
})
