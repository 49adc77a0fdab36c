import { describe, expect, test } from 'vitest'
import type { ForwardOptions, Interposition, PeerServiceManager } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

const causal: ForwardOptions = { causalLabel: 'chat' }

/** `node` passes on what it is given to `to`. */
function passOn(node: PeerServiceManager, to: string, options: ForwardOptions = causal): void {
  node.register('chat', message => node.castMessage(to, 'chat', `${String(message)}, passed on`, options))
}

/** Holds every message from one node to another back, where it leaves. */
const delayed =
  (peer: string, by: number, direction: 'forward' | 'receive' = 'forward'): Interposition =>
  passage =>
    passage.kind === 'message' && passage.direction === direction && passage.peer === peer
      ? { type: 'delay', by }
      : { type: 'pass' }

async function trio(
  options = {},
): Promise<{ cluster: Cluster; a: PeerServiceManager; b: PeerServiceManager; c: PeerServiceManager }> {
  const cluster = new Cluster({ network: { latency: 10 } })
  const [a, b, c] = await cluster.mesh(['a', 'b', 'c'], options)
  if (a === undefined || b === undefined || c === undefined) throw new Error('a mesh of three has three nodes')
  return { cluster, a, b, c }
}

describe('messages of a causal label', () => {
  test.each([
    ['where it leaves', 'forward'],
    ['where it arrives', 'receive'],
  ] as const)('wait for what came before them over another node, held back %s', async (_, direction) => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    passOn(b, 'c')
    if (direction === 'forward') a.interpose(delayed('c', 3_000))
    else c.interpose(delayed('a', 3_000, 'receive'))
    void a.forwardMessage('c', 'chat', 'question', causal)
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(2_000)
    expect(heard).toEqual([])
    await cluster.pass(2_000)
    expect(heard).toEqual(['question', 'question, passed on'])
    expect(c.counters()).toMatchObject({ causalGaps: 0, causalLate: 0 })
  })

  test('and others, without a label or of another, wait for nothing', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    passOn(b, 'c', { causalLabel: 'other' })
    a.interpose(delayed('c', 3_000))
    void a.forwardMessage('c', 'chat', 'question', causal)
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(100)
    b.castMessage('c', 'chat', 'plain')
    await cluster.pass(100)
    expect(heard).toEqual(['question, passed on', 'plain'])
  })

  test('keep their order over channels, keys and servers, and with ack or without', async () => {
    const channels = { bulk: { parallelism: 4 }, news: {} }
    const cluster = new Cluster({ network: { latency: 10 } })
    const [a, b] = await cluster.mesh(['a', 'b'], { channels })
    const heard: unknown[] = []
    for (const server of ['one', 'two']) b?.register(server, message => void heard.push(message))
    // What takes chunks is overtaken by what comes after it on another lane.
    const ballast = 'x'.repeat(400_000)
    const sent: unknown[] = []
    for (let id = 0; id < 60; id++) {
      const options = {
        ...{ causalLabel: 'chat', channel: ['default', 'bulk', 'news'][id % 3] ?? '', partitionKey: id },
        ...(id % 4 === 0 && { ack: true }),
      }
      void a?.forwardMessage('b', id % 2 === 0 ? 'one' : 'two', id % 7 === 0 ? [id, ballast] : id, options)
      sent.push(id)
    }
    await cluster.until(() => heard.length === 60)
    expect(heard.map(message => (Array.isArray(message) ? (message[0] as number) : message))).toEqual(sent)
  })

  test('start in order, whatever a schema takes its time for', async () => {
    const { cluster, a, b, c } = await trio()
    const heard: unknown[] = []
    const validate = async (value: unknown): Promise<{ value: unknown }> => {
      await new Promise<void>(resolve => void cluster.clock.schedule(500, resolve))
      return { value }
    }
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
    c.register('slow', message => void heard.push(message), { schema })
    c.register('chat', message => void heard.push(message))
    passOn(b, 'c')
    void a.forwardMessage('c', 'slow', 'question', causal)
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(2_000)
    expect(heard).toEqual(['question', 'question, passed on'])
  })

  test('of a node to itself count', async () => {
    const { cluster, a, b } = await trio()
    const heard = hear(a, 'chat')
    passOn(b, 'a')
    await a.forwardMessage('a', 'chat', 'to myself', causal)
    await cluster.settle(a.forwardMessage('b', 'chat', 'question', causal))
    await cluster.settle(a.forwardMessage('a', 'chat', 'again', { ...causal, ack: true }))
    await cluster.pass(100)
    expect(heard).toEqual(['to myself', 'again', 'question, passed on'])
  })

  test('tell the handler of their label', async () => {
    const { cluster, a, b } = await trio()
    const labels: unknown[] = []
    for (const node of [a, b]) node.register('chat', (_, { causalLabel }) => void labels.push(causalLabel))
    await cluster.settle(a.forwardMessage('b', 'chat', 1, { ...causal, ack: true }))
    await cluster.settle(a.forwardMessage('a', 'chat', 2, { ...causal, ack: true }))
    await cluster.settle(a.forwardMessage('b', 'chat', 3, { ack: true }))
    expect(labels).toEqual(['chat', 'chat', undefined])
  })

  test('are refused for what cannot be meant', async () => {
    const { cluster, a } = await trio()
    for (const causalLabel of ['', 'x'.repeat(65), 'a\nb', 7, null]) {
      const failure = await cluster.failure(a.forwardMessage('b', 'chat', 1, { causalLabel } as ForwardOptions))
      expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', option: 'causalLabel' })
    }
    expect(await cluster.failure(a.request('b', 'chat', 1, causal))).toMatchObject({ option: 'causalLabel' })
  })
})

describe('a message of a causal label that is lost', () => {
  test('holds nobody up once it is known that it will not come', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    const gaps: unknown[] = []
    c.events.on('causal-gap', gap => gaps.push(gap))
    passOn(b, 'c')
    const fault = a.interpose(({ peer, kind }) => ({ type: kind === 'message' && peer === 'c' ? 'drop' : 'pass' }))
    await a.forwardMessage('c', 'chat', 'lost', causal)
    fault[Symbol.dispose]()
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(300)
    expect(heard).toEqual([])
    await cluster.pass(1_000)
    expect(heard).toEqual(['question, passed on'])
    expect(gaps).toEqual([{ label: 'chat', count: 1 }])
    expect(c.counters()).toMatchObject({ causalGaps: 1, causalLate: 0 })
  })

  test('in its queue, by a deadline, holds nobody up either', async () => {
    const { cluster, a, b, c } = await trio({ limits: { windowBytes: 1_024 } })
    const heard = hear(c, 'chat')
    passOn(b, 'c')
    let finish = (): void => {}
    c.register('slow', () => new Promise<void>(resolve => (finish = resolve)))
    for (let id = 0; id < 20; id++) a.castMessage('c', 'slow', 'x'.repeat(1_000))
    const expired = cluster.failure(a.forwardMessage('c', 'chat', 'late', { ...causal, timeout: 2_000 }))
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(1_900)
    expect(heard).toEqual([])
    expect(await expired).toMatchObject({ code: 'ERR_DEADLINE' })
    await cluster.pass(1_500)
    expect(heard).toEqual(['question, passed on'])
    finish()
  })

  test('with its connection holds nobody up when the sender is connected again', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    passOn(b, 'c')
    void a.forwardMessage('c', 'chat', 'lost', causal)
    await cluster.turn()
    cluster.sever('a', 'c')
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(3_000)
    expect(heard).toEqual(['question, passed on'])
  })

  test('comes again with ack, and is waited for', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    passOn(b, 'c')
    const sent = a.forwardMessage('c', 'chat', 'question', { ...causal, ack: true })
    await cluster.turn()
    cluster.sever('a', 'c')
    cluster.split('a', 'c')
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(5_000)
    expect(heard).toEqual([])
    cluster.heal()
    await cluster.settle(sent)
    await cluster.pass(100)
    expect(heard).toEqual(['question', 'question, passed on'])
  })

  test('is not waited for any more after a while, never handed over late, and its sender is told', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    const dropped = record(c, 'dropped')
    passOn(b, 'c')
    cluster.split('a', 'c')
    await cluster.until(() => !a.isConnected('c'))
    const refused = cluster.failure(
      a.forwardMessage('c', 'chat', 'question', { ...causal, ack: true, whenDown: 'wait' }),
    )
    const quiet = a.forwardMessage('c', 'chat', 'more', { ...causal, whenDown: 'wait' }).catch(() => {})
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(9_000)
    expect(heard).toEqual([])
    await cluster.pass(3_000)
    expect(heard).toEqual(['question, passed on'])
    cluster.heal()
    expect(await refused).toMatchObject({ code: 'ERR_CAUSAL_ORDER', node: 'c', label: 'chat' })
    await quiet
    await cluster.pass(1_000)
    expect(heard).toEqual(['question, passed on'])
    expect(c.counters().causalLate).toBeGreaterThan(0)
    await cluster.settle(a.forwardMessage('c', 'chat', 'next', { ...causal, ack: true }))
    expect(heard).toEqual(['question, passed on', 'next'])
    expect(dropped).toEqual([
      ['dropped', { reason: 'causal-order', direction: 'receive', node: 'a', channel: 'default', server: 'chat' }],
    ])
  })
})

describe('a member with causal labels', () => {
  test('that crashes holds up nobody when it is started again', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    passOn(b, 'c')
    cluster.split('a', 'c')
    a.castMessage('c', 'chat', 'lost', { ...causal, whenDown: 'wait' })
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(1_000)
    expect(heard).toEqual([])
    await cluster.settle(a.stop())
    cluster.heal()
    await cluster.settle(a.start())
    await cluster.until(() => heard.length > 0, 5_000)
    expect(heard).toEqual(['question, passed on'])
    await cluster.until(() => a.isFullyConnected('c'))
    await cluster.settle(a.forwardMessage('c', 'chat', 'of a new life', { ...causal, ack: true }))
    expect(heard).toEqual(['question, passed on', 'of a new life'])
  })

  test('that was started anew is sent nothing that was meant for its life before', async () => {
    const { cluster, a, c } = await trio()
    const heard = hear(c, 'chat')
    await cluster.settle(c.stop())
    await cluster.until(() => !a.isConnected('c'))
    const waits = cluster.failure(a.forwardMessage('c', 'chat', 1, { ...causal, whenDown: 'wait' }))
    const plain = a.forwardMessage('c', 'chat', 2, { whenDown: 'wait' })
    await cluster.settle(c.start())
    expect(await waits).toMatchObject({ code: 'ERR_NOT_CONNECTED', reason: 'restarted' })
    await cluster.settle(plain)
    await cluster.settle(a.forwardMessage('c', 'chat', 3, { ...causal, ack: true }))
    expect(heard).toEqual([2, 3])
  })

  test('that leaves holds up nobody', async () => {
    const { cluster, a, b, c } = await trio()
    const heard = hear(c, 'chat')
    passOn(b, 'c')
    cluster.split('a', 'c')
    a.castMessage('c', 'chat', 'lost', { ...causal, whenDown: 'wait' })
    await a.forwardMessage('b', 'chat', 'question', causal)
    await cluster.pass(500)
    await cluster.settle(a.leave())
    await cluster.until(() => heard.length > 0, 3_000)
    expect(heard).toEqual(['question, passed on'])
  })
})
