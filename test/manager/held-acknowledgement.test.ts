import { describe, expect, test } from 'vitest'
import type { ForwardOptions, Interposition, PeerServiceManager } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { endOf, hear } from '../support/hearing.js'
import { bufferBytes } from '../support/memory.js'

const never = new Promise<never>(() => {})

/** What stands between a node and its peers, where messages leave. */
const faults: Readonly<Record<string, Interposition>> = {
  drops: ({ kind }) => ({ type: kind === 'message' ? 'drop' : 'pass' }),
  holds: ({ kind }) => (kind === 'message' ? { type: 'hold', until: never } : { type: 'pass' }),
}

type Three = [Cluster, PeerServiceManager, PeerServiceManager, PeerServiceManager]

/** How two messages to `b` end, of which the second waits behind the first. */
function sendTwo(a: PeerServiceManager, options: ForwardOptions): { end: string }[] {
  return [1, 2].map(message => endOf(a.forwardMessage('b', 'x', message, options)))
}

const both = (end: string): { end: string }[] => [{ end }, { end }]

describe.each(Object.keys(faults))('messages with an acknowledgement that a fault %s where they leave', kind => {
  async function three(): Promise<Three> {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    a?.interpose(faults[kind] as Interposition)
    return [cluster, a, b, c] as Three
  }

  test('end as not sent when their peer goes down, if they ask for that', async () => {
    const [cluster, a, b] = await three()
    const other = endOf(a.forwardMessage('c', 'x', 1, { ack: { onDown: 'reject' } }))
    const impatient = sendTwo(a, { ack: { onDown: 'reject' } })
    const patient = sendTwo(a, { ack: true, partitionKey: 1 })
    const before = a.counters().undelivered
    await cluster.settle(b.stop())
    await cluster.turn()
    expect([impatient, patient]).toEqual([both('ERR_NOT_CONNECTED down'), both('waits')])
    expect(other.end).toBe('waits')
    expect(a.counters().undelivered - before).toBe(2)
  })

  test('wait for their peer unless they ask for the contrary, also behind those that do', async () => {
    const [cluster, a, b] = await three()
    const ends = [{ onDown: 'reject' } as const, true, { onDown: 'reject' } as const].map(ack => {
      return endOf(a.forwardMessage('b', 'x', 1, { ack }))
    })
    await cluster.settle(b.stop())
    await cluster.pass(10_000)
    const down = { end: 'ERR_NOT_CONNECTED down' }
    expect(ends).toEqual([down, { end: 'waits' }, down])
  })

  test.each(['a', 'b'])('end as not sent when a leave parts them: of %s', async leaver => {
    const [cluster, a, b] = await three()
    const ends = [...sendTwo(a, { ack: true }), ...sendTwo(a, { ack: true, partitionKey: 1 })]
    const drops = record(a, 'dropped')
    a.castMessage('b', 'y', 1, { ack: true })
    await cluster.settle((leaver === 'a' ? a : b).leave())
    await cluster.turn()
    expect(ends).toEqual([...both('ERR_NOT_CONNECTED left'), ...both('ERR_NOT_CONNECTED left')])
    expect(drops).toEqual([['dropped', expect.objectContaining({ reason: 'left', node: 'b', server: 'y' })]])
  })

  test('end as not sent when their peer is started anew, except those that wait for any life of it', async () => {
    const [cluster, a, b, c] = await three()
    const heard = hear(b, 'x')
    const ends = sendTwo(a, { ack: true })
    const waiting = sendTwo(a, { ack: true, whenDown: 'wait' })
    const labelled = sendTwo(a, { ack: true, whenDown: 'wait', causalLabel: 'l' })
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    await cluster.settle(b.syncJoin(c.spec))
    await cluster.until(() => a.isConnected('b'))
    expect([ends, waiting, heard]).toEqual([both('ERR_NOT_CONNECTED restarted'), both('waits'), []])
    expect(labelled).toEqual(both('ERR_NOT_CONNECTED restarted'))
  })

  test('end when their node stops', async () => {
    const [cluster, a] = await three()
    const ends = sendTwo(a, { ack: true })
    await cluster.settle(a.stop())
    await cluster.turn()
    expect(ends).toEqual(both('ERR_STOPPED not-sent'))
  })
})

test('what has ended behind a message that a fault stands in the way of takes no more room', async () => {
  const cluster = new Cluster()
  const [a] = await cluster.pair()
  a.interpose(faults.drops as Interposition)
  const first = endOf(a.forwardMessage('b', 'x', 'first', { ack: true }))
  const before = bufferBytes()
  const ends: { end: string }[] = []
  for (let count = 0; count < 100; count++) {
    ends.push(endOf(a.forwardMessage('b', 'x', new Uint8Array(500_000), { ack: true, timeout: 50 })))
    await cluster.pass(60)
  }
  expect([first.end, new Set(ends.map(({ end }) => end))]).toEqual(['waits', new Set(['ERR_DEADLINE not-sent'])])
  expect(bufferBytes() - before).toBeLessThan(5_000_000)
})

test('what waits behind a held message that ends waits no longer for its fault', async () => {
  const cluster = new Cluster()
  const [a, b] = await cluster.pair()
  const heard = hear(b, 'x')
  a.interpose(({ message }) => (message === 'held' ? { type: 'hold', until: never } : { type: 'pass' }))
  const held = cluster.failure(a.forwardMessage('b', 'x', 'held', { ack: true, timeout: 50 }))
  const next = a.forwardMessage('b', 'x', 'next', { ack: true })
  expect(await held).toMatchObject({ code: 'ERR_DEADLINE', outcome: 'not-sent' })
  await cluster.settle(next, 10)
  expect(heard).toEqual(['next'])
})

test('a message that was held back takes no room any more when it has ended, or gone on', async () => {
  const cluster = new Cluster({ options: { limits: { queueBytes: 10_000 } } })
  const [a, b] = await cluster.pair()
  const heard = hear(b, 'x')
  const queued = (): number => a.connections().find(({ channel }) => channel === 'default')?.queuedBytes ?? 0
  let dropping = true
  a.interpose(({ kind }) => ({ type: dropping && kind === 'message' ? 'drop' : 'pass' }))
  for (let round = 0; round < 3; round++) {
    dropping = true
    const ends = [50, 60_000].map(timeout =>
      endOf(a.forwardMessage('b', 'x', new Uint8Array(4_000), { ack: true, timeout })),
    )
    expect(queued()).toBeGreaterThan(8_000)
    await cluster.pass(60)
    dropping = false
    await cluster.until(() => ends.every(({ end }) => end !== 'waits'))
    expect(ends.map(({ end }) => end)).toEqual(['ERR_DEADLINE not-sent', 'done'])
    expect([heard.length, queued()]).toEqual([round + 1, 0])
  }
})
