import assert from 'node:assert/strict'
import type { Overflow } from '../../core/channel.js'
import { OverflowError, SupersededError } from '../../core/errors.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { PeerServiceOptions } from '../../manager/options.js'
import type { Delivery } from '../../manager/servers.js'
import {
  bothWays,
  exchange,
  hear,
  type ManagerCase,
  type ManagerHarness,
  matches,
  messagesOf,
  outcomes,
  pair,
  range,
  record,
  start,
} from './manager-harness.js'

/** What is promised about order, size and back-pressure. */
export const flowCases: readonly ManagerCase[] = [
  {
    name: 'messages of one key arrive once and in order, on every channel, of whatever size, both ways at once',
    async run(harness) {
      const channels = { data: { parallelism: 3 }, single: {} }
      const directions = bothWays(await pair(harness, { channels }))
      const heard = directions.map(([, to]) => numbersByKey(to))
      const sent: Promise<void>[] = []
      for (const count of range(0, 150)) {
        for (const [from, to] of directions) {
          const channel = ['data', 'single', 'default'][count % 3] as string
          const key = `${channel} ${count % 5}`
          const message = { key, count, ballast: new Uint8Array(count % 17 === 0 ? 150_000 : count) }
          const options = { channel, partitionKey: key }
          if (count % 2 === 0) from.castMessage(to.name, 'log', message, options)
          else sent.push(from.forwardMessage(to.name, 'log', message, options))
        }
      }
      await harness.eventually(Promise.all(sent))
      await harness.until(() => heard.every(each => [...each.values()].flat().length === 150))
      for (const each of heard) {
        assert.equal(each.size, 15)
        for (const counts of each.values())
          assert.deepEqual(
            counts,
            [...counts].sort((x, y) => x - y),
          )
      }
    },
  },
  {
    name: 'messages of one server without a key are in order as well, also when a connection breaks meanwhile',
    async run(harness) {
      const { a, b } = await pair(harness, { channels: { data: { parallelism: 3 } } })
      const heard = hear(b, 'log')
      let next = 0
      const send = (): void => a.castMessage('b', 'log', next++, { channel: 'data', whenDown: 'wait' })
      for (const round of range(0, 2)) {
        for (const _ of range(0, 50)) send()
        await harness.eventually(a.disconnect('b'))
        for (const _ of range(0, 50)) send()
        await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
        await exchange(harness, a, b, { channel: 'data' })
        assert.ok(heard.length > round)
      }
      const numbers = messagesOf(heard) as number[]
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((x, y) => x - y),
      )
      // What was sent while it was down waited, so none of that is lost.
      for (const round of range(0, 2)) assert.ok(numbers.includes(round * 100 + 75))
    },
  },
  {
    name: 'a key whose lane is blocked does not hold up those of other lanes, and a channel no other channel',
    exercises: ['channels'],
    async run(harness) {
      const options = { channels: { data: { parallelism: 4 } }, limits: { windowBytes: 10_000 } }
      for (const [from, to] of bothWays(await pair(harness, options))) {
        to.register('never', () => new Promise(() => {}))
        const heard = hear(to, 'log')
        const blocked = { channel: 'data', partitionKey: 'blocked' }
        const ends = outcomes(range(0, 20).map(() => from.forwardMessage(to.name, 'never', bytes(2_000), blocked)))
        await harness.until(() => ends.includes('done'))
        const held = outcomes([from.forwardMessage(to.name, 'log', 'held', blocked)])
        for (const key of range(0, 40)) from.castMessage(to.name, 'log', key, { channel: 'data', partitionKey: key })
        await exchange(harness, from, to, { channel: 'default' })
        await harness.until(() => heard.length >= 20)
        assert.deepEqual(held, ['waits'])
        assert.ok(!messagesOf(heard).includes('held'))
      }
    },
  },
  {
    name: 'channels of different parallelism at both ends use the smaller number of lanes',
    async run(harness) {
      const a = await start(harness, 'a', { channels: { data: { parallelism: 4 } } })
      const b = await start(harness, 'b', { channels: { data: { parallelism: 2 }, more: {} } })
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
      for (const [from, to] of bothWays({ a, b })) {
        const lanes = from.connections().filter(({ node }) => node === to.name)
        assert.deepEqual(lanes.map(({ channel, lane }) => `${channel}/${lane}`).sort(), [
          ...['data/0', 'data/1', 'default/0', 'membership/0'],
        ])
        const heard = numbersByKey(to)
        for (const count of range(0, 60)) {
          const key = `k${count % 9}`
          from.castMessage(to.name, 'log', { key, count }, { channel: 'data', partitionKey: key })
        }
        await harness.until(() => [...heard.values()].flat().length === 60)
        for (const counts of heard.values())
          assert.deepEqual(
            counts,
            [...counts].sort((x, y) => x - y),
          )
      }
    },
  },
  {
    name: 'messages of any size arrive as they were, and bytes as bytes',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const heard = hear(to, 'blob')
        const sizes = [0, 1, 65_535, 65_536, 65_537, 400_000]
        for (const size of sizes) {
          const blob = bytes(size)
          await harness.eventually(from.forwardMessage(to.name, 'blob', blob))
          await harness.eventually(from.forwardMessage(to.name, 'blob', { text: 'é'.repeat(size / 2), blob }))
        }
        await harness.until(() => heard.length === 2 * sizes.length)
        for (const [index, size] of sizes.entries()) {
          const [plain, nested] = messagesOf(heard).slice(2 * index) as [Uint8Array, { text: string; blob: Uint8Array }]
          assert.equal(plain.constructor, Uint8Array)
          assert.deepEqual([plain, nested.blob], [bytes(size), bytes(size)])
          assert.equal(nested.text, 'é'.repeat(size / 2))
        }
      }
    },
  },
  {
    name: 'bytes that were cast are a copy, and a message is what it was when it was sent',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'blob')
      const blob = new Uint8Array(200_000).fill(1)
      const message = { list: [1] }
      a.castMessage('b', 'blob', blob)
      a.castMessage('b', 'blob', message)
      blob.fill(2)
      message.list.push(2)
      await harness.until(() => heard.length === 2)
      assert.deepEqual(messagesOf(heard), [new Uint8Array(200_000).fill(1), { list: [1] }])
    },
  },
  {
    name: 'a slow server is felt by its sender, whose calls wait; then everything arrives, in order',
    exercises: ['back-pressure'],
    async run(harness) {
      for (const [from, to] of bothWays(
        await pair(harness, { limits: { windowBytes: 20_000 }, channels: { side: {} } }),
      )) {
        const { started, release } = gate(to, 'slow')
        const ends = outcomes(range(0, 60).map(id => from.forwardMessage(to.name, 'slow', padded(id))))
        // The window takes less than twenty of them, however often the peer has its say.
        for (const _ of range(0, 4)) await exchange(harness, from, to, { channel: 'side' })
        const sent = ends.filter(end => end === 'done').length
        assert.ok(sent > 10 && sent < 20, `${sent} of 60 were sent`)
        await harness.until(() => started.length === sent)
        const info = from.connections().find(({ node, channel }) => node === to.name && channel === 'default')
        assert.equal(info?.queuedMessages, 60 - sent)
        assert.ok((info?.queuedBytes ?? 0) > 0)
        release()
        await harness.until(() => ends.every(end => end === 'done') && started.length === 60)
        assert.deepEqual(started, range(0, 60))
      }
    },
  },
  {
    name: 'a message that an iterator has not taken is felt by its sender',
    async run(harness) {
      const { a, b } = await pair(harness, { limits: { windowBytes: 20_000 }, channels: { side: {} } })
      const server = b.receive('slow')
      const ends = outcomes(range(0, 60).map(id => a.forwardMessage('b', 'slow', padded(id))))
      for (const _ of range(0, 4)) await exchange(harness, a, b, { channel: 'side' })
      const sent = ends.filter(end => end === 'done').length
      assert.ok(sent > 10 && sent < 20, `${sent} of 60 were sent`)
      for (const id of range(0, 60)) {
        const taken = await harness.eventually(server.next())
        assert.equal(numberOf((taken.value as Delivery).message), id)
      }
      await harness.until(() => ends.every(end => end === 'done'))
    },
  },
  {
    name: 'a full queue that blocks lets so many calls wait for room, rejects more, and drops a cast',
    async run(harness) {
      const { a, started, release } = await jammed(harness, 'block')
      const ends = outcomes(range(0, 40).map(id => a.forwardMessage('b', 'slow', padded(id))))
      await harness.until(() => ends.some(end => end instanceof OverflowError))
      const waiting = ends.filter(end => end === 'waits').length
      const refused = ends.filter(end => end instanceof OverflowError).length
      assert.equal(waiting + refused, 40)
      matches(ends[39], { code: 'ERR_OVERFLOW', node: 'b', channel: 'default' })
      const dropped = record(a, 'dropped')
      a.castMessage('b', 'slow', padded(99))
      matches(dropped[0]?.[1], { reason: 'overflow', node: 'b', direction: 'forward', server: 'slow' })
      assert.equal(a.counters().overflowed, refused + 1)
      release()
      await harness.until(() => started.length === waiting)
      assert.deepEqual(started, range(0, waiting))
    },
  },
  {
    name: 'a full queue that rejects, or drops the newest, does so at once, counts it, and keeps what waits',
    async run(harness) {
      for (const overflow of ['reject', 'drop-newest'] as const) {
        const { a, b, started, release } = await jammed(harness, overflow)
        const dropped = record(a, 'dropped')
        for (const id of range(0, 40)) a.castMessage('b', 'slow', padded(id))
        const last = outcomes([a.forwardMessage('b', 'slow', padded(40))])
        await harness.until(() => last[0] instanceof OverflowError)
        assert.ok(dropped.length > 10)
        for (const [, drop] of dropped) matches(drop, { reason: 'overflow', node: 'b', channel: 'default' })
        assert.equal(a.counters().overflowed, dropped.length + 1)
        const kept = 40 - dropped.length
        release()
        await harness.until(() => started.length === kept)
        assert.deepEqual(started, range(0, kept))
        await harness.eventually(Promise.all([a.stop(), b.stop()]))
      }
    },
  },
  {
    name: 'a full queue that drops the oldest keeps the newest, and tells those who waited',
    async run(harness) {
      const { a, started, release } = await jammed(harness, 'drop-oldest')
      const dropped = record(a, 'dropped')
      const first = outcomes([a.forwardMessage('b', 'slow', padded(0))])
      for (const id of range(1, 41)) a.castMessage('b', 'slow', padded(id))
      await harness.until(() => first[0] instanceof OverflowError)
      assert.equal(a.counters().overflowed, dropped.length + 1)
      const kept = 40 - dropped.length
      assert.ok(kept > 0 && kept < 30)
      release()
      await harness.until(() => started.length === kept)
      assert.deepEqual(started, range(41 - kept, 41))
    },
  },
  {
    name: 'on a monotonic channel only the newest of each key waits, and its predecessors say so',
    async run(harness) {
      const monotonic = (message: { readonly key: string }): string => message.key
      const { a, started, release } = await jammed(harness, 'block', { state: { monotonic } }, 'state')
      const options = { channel: 'state' }
      const message = (id: number) => ({ key: `k${id % 3}`, id })
      const ends = outcomes(range(0, 30).map(id => a.forwardMessage('b', 'slow', message(id), options)))
      await harness.until(() => ends.filter(end => end instanceof SupersededError).length === 27)
      assert.deepEqual(ends.slice(27), ['waits', 'waits', 'waits'])
      assert.equal(a.counters().superseded, 27)
      release()
      await harness.until(() => started.length === 3)
      assert.deepEqual(started, [27, 28, 29])
    },
  },
]

/** The numbers that the server `log` hears, by key. */
function numbersByKey(node: PeerServiceManager): Map<string, number[]> {
  const heard = new Map<string, number[]>()
  node.register('log', ({ key, count }: { readonly key: string; readonly count: number }) => {
    heard.set(key, [...(heard.get(key) ?? []), count])
  })
  return heard
}

/** A pair in which nothing leaves `a` for the server `slow` of `b` any more: its credit is spent. */
async function jammed(
  harness: ManagerHarness,
  overflow: Overflow,
  channels: PeerServiceOptions['channels'] = {},
  channel = 'default',
): Promise<{ a: PeerServiceManager; b: PeerServiceManager; started: number[]; release: () => void }> {
  const limits = { windowBytes: 10_000, queueBytes: 20_000, blockedCalls: 5 }
  const { a, b } = await pair(harness, { limits, channels: { default: { overflow }, ...channels } })
  const { started, release } = gate(b, 'slow')
  const jam = gate(b, 'jam')
  a.castMessage('b', 'jam', bytes(12_000), { channel })
  await harness.until(() => jam.started.length === 1)
  return {
    ...{ a, b, started },
    release: () => {
      release()
      jam.release()
    },
  }
}

/** A server whose handlers end when they are released. */
function gate(node: PeerServiceManager, server: string): { started: number[]; release: () => void } {
  const started: number[] = []
  const { promise, resolve: release } = deferred()
  node.register(server, (message: unknown) => {
    started.push(numberOf(message))
    return promise
  })
  return { started, release }
}

function numberOf(message: unknown): number {
  const id = (message as { readonly id?: unknown }).id
  return typeof id === 'number' ? id : parseInt(String(message), 10)
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

function padded(id: number): string {
  return String(id).padEnd(1_000)
}

/** Bytes that differ from themselves when shifted. */
function bytes(size: number): Uint8Array {
  const all = new Uint8Array(size)
  for (let index = 0; index < size; index++) all[index] = (index * 7 + (index >> 8)) & 255
  return all
}
