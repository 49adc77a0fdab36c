import { expect, test } from 'vitest'
import { type Incarnation, type NodeName, peerService } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Obedient } from '../support/obedient.js'

/**
 * When it is reserved a tag that is a number, it has heard that this life of `b` left; when it is reserved `unwanted`,
 * it parts with `b`.
 */
const hearsay = (): Obedient =>
  new Obedient((input, out) => {
    if (input.type !== 'reserve') return
    const node = 'b' as NodeName
    if (input.tag === 'unwanted') out.push({ type: 'disconnect', node, reason: 'unwanted' })
    else out.push({ type: 'disconnect', node, reason: 'left', incarnation: Number(input.tag) as Incarnation })
  })

test('that an earlier life of a peer left does not end the connections of a later one', async () => {
  await using net = simulate({
    nodes: ['a', 'b'],
    manager: options => peerService(hearsay(), { ...options, seeds: [] }),
    seeds: () => [],
  })
  await net.settle()
  const [a, b] = [net.node('a'), net.node('b')]
  await net.settle(a.join(b.spec))
  await net.until(() => a.isFullyConnected('b'))
  const { incarnation } = b.spec
  a.reserve(String(incarnation - 1))
  await net.pass(100)
  expect(a.isConnected('b')).toBe(true)
  a.reserve(String(incarnation))
  await net.pass(10)
  expect(a.isConnected('b')).toBe(false)
})

test('messages that depend on those of a node without a connection do not wait for it when it has left', async () => {
  await using net = simulate({
    nodes: ['a', 'b', 'c'],
    manager: options => peerService(hearsay(), { ...options, seeds: [] }),
    seeds: () => [],
  })
  await net.settle()
  const [a, b, c] = [net.node('a'), net.node('b'), net.node('c')]
  for (const [one, other] of [
    [a, b],
    [a, c],
    [c, b],
  ] as const) {
    await net.settle(one.join(other.spec))
    await net.until(() => one.isFullyConnected(other.spec.name))
  }
  const heard: unknown[] = []
  a.register('chat', message => void heard.push(message))
  c.register('chat', () => {})
  b.interpose(({ peer, kind }) => ({ type: peer === 'a' && kind === 'message' ? 'drop' : 'pass' }))
  b.castMessage('a', 'chat', 'question', { causalLabel: 'chat' })
  b.castMessage('c', 'chat', 'question', { causalLabel: 'chat' })
  await net.pass(100)
  a.reserve('unwanted')
  // Nothing is known of it any more.
  await net.pass(30_000)
  const { incarnation } = b.spec
  await net.settle(b.stop())
  c.castMessage('a', 'chat', 'answer', { causalLabel: 'chat' })
  await net.pass(2_000)
  expect(heard).toEqual([])
  a.reserve(String(incarnation))
  await net.pass(10)
  expect(heard).toEqual(['answer'])
  expect(a.counters().causalGaps).toBe(1)
})

test('a cut of which a peer that had lost its connections could not be told is told on its next one', async () => {
  await using net = simulate({ nodes: ['a', 'b'] })
  await net.settle()
  net.halfOpen('b', 'a')
  const ref = await net.settle(net.node('a').injectPartition('a', 0))
  await net.until(() => net.node('b').partitions().length > 0, 5_000)
  expect(net.node('b').partitions()).toMatchObject([{ ref, node: { name: 'a' } }])
})
