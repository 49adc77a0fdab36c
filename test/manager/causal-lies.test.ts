import { afterEach, describe, expect, test, vi } from 'vitest'
import { type CausalField, encodeCausalField, parseCausalField } from '../../src/codec/causal-frames.js'
import type { Life } from '../../src/core/node.js'
import { CausalRounds } from '../../src/delivery/causal-rounds.js'
import { type PeerServiceManager, staticMesh } from '../../src/index.js'
import { CausalLabels } from '../../src/manager/causal-labels.js'
import { Cluster } from '../support/cluster.js'
import { endOf, hear } from '../support/hearing.js'

const causal = { causalLabel: 'chat' }
const far = 2 ** 50

afterEach(() => void vi.restoreAllMocks())

/** The next message of a label that any node sends names these, too. */
function alsoNames(dependencies: CausalField['dependencies']): void {
  const send = CausalLabels.prototype.send
  vi.spyOn(CausalLabels.prototype, 'send').mockImplementationOnce(function (this: CausalLabels, ...given) {
    const sent = send.apply(this, given)
    const field = parseCausalField(sent.causal.bytes)
    if (field === undefined) throw new Error('a field that can be read')
    const bytes = encodeCausalField({ ...field, dependencies: [...field.dependencies, ...dependencies] })
    return { ...sent, causal: { ...sent.causal, bytes } }
  })
}

async function three(cluster: Cluster): Promise<readonly [PeerServiceManager, PeerServiceManager, PeerServiceManager]> {
  const [one, two, third] = await cluster.mesh(['b', 'c', 'p'])
  if (one === undefined || two === undefined || third === undefined) throw new Error('a mesh of three')
  return [one, two, third]
}

function lifeOf({ spec: { name, incarnation } }: PeerServiceManager): Life {
  return { name, incarnation }
}

describe('a member that lies about what others have sent', () => {
  test('holds up who believes it until the others are asked, and silences nobody', async () => {
    const cluster = new Cluster()
    const [b, c, p] = await three(cluster)
    const heard = hear(b, 'chat')
    for (const [label, first] of [
      ['chat', 'before'],
      ['new', undefined],
    ] as const) {
      if (first !== undefined) c.castMessage('b', 'chat', first, causal)
      await cluster.pass(100)
      alsoNames([{ from: lifeOf(c), to: lifeOf(b), number: far, age: 0 }])
      p.castMessage('b', 'chat', `lie about ${label}`, { causalLabel: label })
      await cluster.pass(1_000)
      await cluster.settle(c.forwardMessage('b', 'chat', `after ${label}`, { causalLabel: label, ack: true }))
    }
    expect(heard).toEqual(['before', 'lie about chat', 'after chat', 'lie about new', 'after new'])
    expect(b.counters()).toMatchObject({ causalLate: 0, causalGaps: 0 })
  })

  test('costs those that it lies about a message at the most while they could not be asked', async () => {
    const cluster = new Cluster()
    const [b, c, p] = await three(cluster)
    const heard = hear(b, 'chat')
    const stalled = cluster.stall('c', 'b')
    alsoNames([{ from: lifeOf(c), to: lifeOf(b), number: far, age: 0 }])
    p.castMessage('b', 'chat', 'lie', causal)
    await cluster.pass(11_000)
    expect(heard).toEqual(['lie'])
    stalled.resume()
    await cluster.until(() => c.isFullyConnected('b') && b.isFullyConnected('c'))
    await cluster.pass(5_000)
    const first = endOf(c.forwardMessage('b', 'chat', 'first', { ...causal, ack: true }))
    await cluster.pass(1_000)
    expect(['done', 'ERR_CAUSAL_ORDER rejected']).toContain(first.end)
    await cluster.settle(c.forwardMessage('b', 'chat', 'second', { ...causal, ack: true }))
    expect(heard.at(-1)).toBe('second')
  })

  test('shuts no label by the names of many lives', async () => {
    const cluster = new Cluster()
    const [b, c, p] = await three(cluster)
    for (const node of [b, c, p]) node.register('chat', () => {})
    for (let turn = 0; turn < 3; turn++) {
      const lives = Array.from({ length: 90 }, (_, index) => {
        return { name: `${turn}-${index}${'y'.repeat(240)}`, incarnation: 5 } as unknown as Life
      })
      alsoNames(lives.map((to, index) => ({ from: lives[index - 1] ?? to, to, number: 1, age: 0 })))
      p.castMessage('b', 'chat', turn, causal)
      await cluster.pass(100)
    }
    for (const to of ['b', 'c', 'p']) {
      const options = { ...causal, timeout: 1_000 }
      await cluster.settle(b.forwardMessage(to, 'chat', 1, options))
    }
    expect(b.counters().causalForgotten).toBeGreaterThan(0)
    expect(b.counters().overflowed).toBe(0)
  })
})

test('messages that are lost from many senders break no order where others tell of it two minutes later', async () => {
  const cluster = new Cluster({ make: staticMesh })
  const senders = Array.from({ length: 13 }, (_, index) => `s${index}`)
  const nodes = new Map<string, PeerServiceManager>()
  for (const name of ['d', 'r', 'k', 'q', ...senders]) nodes.set(name, await cluster.start(name))
  const node = (name: string): PeerServiceManager => nodes.get(name) as PeerServiceManager
  const pairs = [
    ['d', 'r'],
    ['d', 'q'],
    ['r', 'k'],
    ['k', 'q'],
    ...senders.flatMap(s => [
      ['d', s],
      ['r', s],
    ]),
  ]
  for (const [one = '', other = ''] of pairs) {
    await cluster.settle(node(one).connect(node(other).spec))
    await cluster.until(() => node(one).isConnected(other) && node(other).isConnected(one))
  }
  for (const each of nodes.values()) each.register('chat', () => {})
  const heard = hear(node('d'), 'tell')
  for (const name of senders) {
    cluster.split('d', name)
    for (const to of ['d', 'r']) node(name).castMessage(to, 'chat', 1, causal)
  }
  await cluster.pass(50)
  node('r').castMessage('d', 'tell', 'x', causal)
  await cluster.pass(121_000)
  for (const [from, to, server, text] of [
    ['r', 'k', 'chat', 'after x'],
    ['k', 'q', 'chat', 'after x'],
    ['q', 'd', 'tell', 'y'],
  ] as const) {
    node(from).castMessage(to, server, text, causal)
    await cluster.pass(100)
  }
  await cluster.pass(20_000)
  expect(heard).toEqual(['x', 'y'])
})

test('questions to peers that go for good leave nothing behind', async () => {
  const asked = vi.spyOn(CausalRounds.prototype, 'ask')
  const cluster = new Cluster()
  const [a, r] = await cluster.pair()
  for (const node of [a, r]) node.register('chat', () => {})
  for (let index = 0; index < 20; index++) {
    const name = `p${index}`
    const peer = await cluster.start(name)
    await cluster.settle(peer.syncJoin(a.spec))
    await cluster.until(() => r.isConnected(name) && a.isConnected(name))
    cluster.split('a', name)
    for (const to of ['a', 'b']) peer.castMessage(to, 'chat', 1, causal)
    await cluster.pass(20)
    r.castMessage('a', 'chat', 1, causal)
    await cluster.pass(900)
    void peer.stop()
    await cluster.pass(2_000)
    cluster.heal()
    await cluster.pass(500)
    await cluster.settle(a.leave(name))
    await cluster.pass(2_000)
  }
  expect(asked.mock.calls.length).toBeGreaterThan(20)
  const [rounds] = asked.mock.contexts as CausalRounds<unknown>[]
  expect(rounds?.size).toBeLessThan(3)
})
