import { expect, test } from 'vitest'
import { type NodeSpec, peerService } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'
import { Obedient } from '../support/obedient.js'
import { lanesTo, line, type Row, range, relayed } from '../support/relays.js'

type Ends = Readonly<Record<'a' | 'c', Row[number]>>

/** `a` has found a way to `c`, and nothing went over it since. */
async function idle() {
  const { cluster, row } = await line(3)
  const ends: Ends = { a: row[0], c: row[2] }
  for (const node of Object.values(ends)) node.register('echo', (value: number) => value)
  await cluster.settle(ends.a.request('c', 'echo', 1, relayed))
  return { cluster, ends }
}

/** How long after that the end sees it closed. */
async function closedAfter(at: 'a' | 'c', other: 'a' | 'c'): Promise<number> {
  const { cluster, ends } = await idle()
  const began = cluster.clock.now()
  await cluster.until(() => !ends[at].isConnected(other), 100_000)
  return cluster.clock.now() - began
}

test.each([
  ['a', 'c'],
  ['c', 'a'],
] as const)(
  'what %s asks in the moment in which the way that nobody uses is closed is answered, and what it casts arrives',
  async (from, to) => {
    const closed = await closedAfter(from, to)
    for (const half of range(20)) {
      const { cluster, ends } = await idle()
      const heard: unknown[] = []
      ends[to].register('inbox', (message: unknown) => void heard.push(message))
      await cluster.pass(closed + 1 - half / 2)
      const asked = ends[from].request(to, 'echo', 2, relayed).catch((error: { code: string }) => error.code)
      ends[from].castMessage(to, 'inbox', 3, relayed)
      expect([half, await cluster.settle(asked)]).toEqual([half, 2])
      await cluster.pass(100)
      expect([half, heard]).toEqual([half, [3]])
    }
  },
)

/** One end has asked the other by then whether the connections may be closed, and has no answer. */
const asking = 60_501

test.each(range(4))(
  'of relayed lanes number %i is opened again that is lost while the other end is asked',
  async at => {
    const { cluster, row } = await line(3, { channels: { data: {} } })
    const [a, , c] = row
    c.register('echo', (value: number) => value)
    c.register('work', () => new Promise(() => {}))
    for (const channel of ['default', 'data']) await cluster.settle(a.request('c', 'echo', 1, { ...relayed, channel }))
    const lanes = lanesTo(a, 'c').length
    a.castMessage('c', 'work', 1, relayed)
    await cluster.pass(asking - cluster.clock.now())
    cluster.ends('a', 'b').at(at)?.destroy()
    await cluster.pass(100)
    const asked = ['default', 'data'].map(channel => a.request('c', 'echo', 2, { ...relayed, channel }))
    expect(await cluster.settle(Promise.all(asked))).toEqual([2, 2])
    await cluster.pass(1_000)
    expect(lanesTo(a, 'c')).toHaveLength(lanes)
  },
)

test.each(range(3))('of direct lanes number %i is opened again that is lost while the other end is asked', async at => {
  const peers: NodeSpec[] = []
  const overlay = () =>
    new Obedient((input, out) => {
      const [peer] = peers
      if (input.type !== 'reserve' || peer === undefined) return
      if (input.tag === 'want') out.push({ type: 'connect', peer })
      else out.push({ type: 'disconnect', node: peer.name, reason: 'unwanted' })
    })
  const cluster = new Cluster({
    network: { latency: 5 },
    options: { channels: { data: {} } },
    make: options => peerService(overlay(), { ...options, seeds: [] }),
  })
  const a = await cluster.start('a')
  const b = await cluster.start('b')
  peers.push(b.spec)
  const heard: unknown[] = []
  b.register('inbox', message => void heard.push(message))
  b.register('work', () => new Promise(() => {}))
  a.reserve('want')
  await cluster.until(() => a.isFullyConnected('b'))
  a.castMessage('b', 'work', 1)
  await cluster.pass(100)
  a.reserve('no more')
  await cluster.pass(asking - cluster.clock.now())
  cluster.ends('a', 'b').at(at)?.destroy()
  await cluster.pass(100)
  for (const channel of ['default', 'data']) void a.forwardMessage('b', 'inbox', channel, { channel, ack: true })
  await cluster.pass(6_000)
  expect(new Set(heard)).toEqual(new Set(['default', 'data']))
  // And is in use.
  for (let second = 0; second < 100; second++) {
    a.castMessage('b', 'inbox', second)
    await cluster.pass(1_000)
    expect([second, a.isConnected('b')]).toEqual([second, true])
  }
})
