import assert from 'node:assert/strict'
import {
  DeadlineError,
  EncodeError,
  InvalidOptionError,
  NotConnectedError,
  StoppedError,
  UnknownChannelError,
} from '../../core/errors.js'
import {
  bothWays,
  exchange,
  hear,
  type ManagerCase,
  messagesOf,
  mistaken,
  pair,
  range,
  rejected,
  start,
  trio,
} from './manager-harness.js'

/** What is promised about messages to everybody. */
export const broadcastCases: readonly ManagerCase[] = [
  {
    name: 'a broadcast reaches every other node once and in order, and names its origin, also beyond who it knows',
    exercises: ['broadcast'],
    async run(harness) {
      const nodes = await trio(harness)
      const all = [nodes.a, nodes.b, nodes.c]
      const heard = all.map(node => hear(node, 'news'))
      for (const origin of all) {
        const before = heard.map(({ length }) => length)
        for (const number of range(0, 10)) await harness.eventually(origin.broadcast('news', [origin.name, number]))
        await harness.until(() =>
          all.every((node, index) => node === origin || (heard[index]?.length ?? 0) >= (before[index] ?? 0) + 10),
        )
        for (const [index, node] of all.entries()) {
          const its = heard[index]?.slice(before[index]) ?? []
          const expected = node === origin ? [] : range(0, 10).map(number => [origin.name, number])
          assert.deepEqual(messagesOf(its), expected)
          const { incarnation } = origin.spec
          if (node !== origin) {
            assert.deepEqual(its[0]?.context, { from: origin.name, incarnation, channel: 'default' })
          }
        }
      }
    },
  },
  {
    name: 'a broadcast goes on the channel that it names, a monotonic one too',
    async run(harness) {
      const channels = { news: { monotonic: true, parallelism: 2 } }
      for (const [from, to] of bothWays(await pair(harness, { channels }))) {
        const heard = hear(to, 'server')
        for (const number of range(0, 20)) void from.broadcast('server', number, { channel: 'news' })
        await harness.until(() => heard.length >= 20)
        assert.deepEqual(messagesOf(heard), range(0, 20))
        assert.equal(heard[0]?.context.channel, 'news')
      }
    },
  },
  {
    name: 'a broadcast that cannot be meant so is refused, and nothing of it is sent',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness, { limits: { messageBytes: 200_000 } }))) {
        const heard = hear(to, 'server')
        await rejected(harness, from.broadcast('server', 1, { channel: 'none' }), UnknownChannelError)
        await rejected(
          harness,
          from.broadcast('server', () => {}),
          EncodeError,
        )
        await rejected(harness, from.broadcast('server', 'x'.repeat(200_000)), EncodeError)
        await rejected(harness, from.broadcast('', 1), InvalidOptionError)
        await rejected(harness, from.broadcast('server', 1, mistaken({ ack: true })), InvalidOptionError)
        const enough = new Error('enough')
        await rejected(harness, from.broadcast('server', 1, { signal: AbortSignal.abort(enough) }), Error, {
          message: 'enough',
        })
        const late = { code: 'ERR_DEADLINE', outcome: 'not-sent' }
        await rejected(harness, from.broadcast('server', 1, { timeout: 0 }), DeadlineError, late)
        await rejected(harness, from.broadcast('server', 1, { deadline: 1 }), DeadlineError, late)
        await exchange(harness, from, to)
        assert.deepEqual(heard, [])
      }
    },
  },
  {
    name: 'a broadcast for a server that is not registered is counted, where it is not',
    async run(harness) {
      const { a, b } = await pair(harness)
      await harness.eventually(a.broadcast('nobody', 1))
      await harness.until(() => b.counters().noSuchServer === 1)
      assert.equal(a.counters().noSuchServer, 0)
      const heard = hear(b, 'somebody')
      await harness.eventually(a.broadcast('somebody', 2))
      await harness.until(() => heard.length === 1)
    },
  },
  {
    name: 'what was broadcast while a node was cut off follows when the partition is resolved, in order',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'news')
      await harness.eventually(a.broadcast('news', 0))
      await harness.until(() => heard.length === 1)
      const ref = await harness.eventually(a.injectPartition(a.name, 0))
      for (const number of range(1, 5)) await harness.eventually(a.broadcast('news', number))
      assert.equal(heard.length, 1)
      await harness.eventually(b.resolvePartition(ref))
      await harness.eventually(a.broadcast('news', 5))
      await harness.until(() => heard.length === 6)
      assert.deepEqual(messagesOf(heard), range(0, 6))
    },
  },
  {
    name: 'what was broadcast while a connection was lost follows when it is back, once',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const heard = hear(to, 'news')
        for (const number of range(0, 20)) {
          void from.broadcast('news', number)
          if (number % 5 === 2) await harness.eventually(from.disconnect(to.name))
        }
        await harness.until(() => heard.length >= 20)
        assert.deepEqual(messagesOf(heard), range(0, 20))
      }
    },
  },
  {
    name: 'a node that starts anew is heard from its first broadcast, and hears what is broadcast from then',
    async run(harness) {
      const { a, b } = await pair(harness)
      const [atA, atB] = [hear(a, 'news'), hear(b, 'news')]
      await harness.eventually(b.broadcast('news', 'before'))
      await harness.until(() => atA.length === 1)
      await harness.eventually(b.stop())
      await harness.eventually(b.start())
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
      await harness.eventually(b.broadcast('news', 'after'))
      await harness.eventually(a.broadcast('news', 'hello'))
      await harness.until(() => atA.length === 2 && atB.length === 1)
      assert.deepEqual([messagesOf(atA), messagesOf(atB)], [['before', 'after'], ['hello']])
    },
  },
  {
    name: 'a broadcast of a node alone resolves, of one that has left or was stopped rejects',
    async run(harness) {
      const a = await start(harness, 'a')
      await harness.eventually(a.broadcast('news', 1))
      await harness.eventually(a.leave())
      await rejected(harness, a.broadcast('news', 1), NotConnectedError, { reason: 'left' })
      await harness.eventually(a.stop())
      await rejected(harness, a.broadcast('news', 1), StoppedError)
    },
  },
]
