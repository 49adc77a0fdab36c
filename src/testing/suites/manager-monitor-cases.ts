import assert from 'node:assert/strict'
import {
  InvalidOptionError,
  NoSuchServerError,
  NotConnectedError,
  PartitionedError,
  StoppedError,
} from '../../core/errors.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { MonitorEnd } from '../../manager/monitoring.js'
import type { NodeEvent } from '../../manager/node-monitors.js'
import { isRemoteRef } from '../../manager/server-ref.js'
import {
  bothWays,
  exchange,
  hear,
  isWhole,
  type ManagerCase,
  matches,
  messagesOf,
  mistaken,
  pair,
  range,
  rejected,
  start,
  trio,
} from './manager-harness.js'

/** What is promised about monitors, about references to servers, and about asking several nodes. */
export const monitorCases: readonly ManagerCase[] = [
  {
    name: 'a monitor is told once that the registration of its server ended, or that there is none',
    exercises: ['monitoring'],
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const registration = to.register('server', () => {})
        const ends = monitor(from, to.name, 'server')
        const missing = monitor(from, to.name, 'nobody')
        assert.equal(missing.length, 0)
        await harness.until(() => missing.length > 0)
        await exchange(harness, from, to)
        assert.deepEqual(ends, [])
        registration[Symbol.dispose]()
        await harness.until(() => ends.length > 0)
        to.register('server', () => {})[Symbol.dispose]()
        await exchange(harness, from, to)
        const { incarnation } = to.spec
        const facts = { node: to.name, incarnation }
        assert.deepEqual(ends, [{ ...facts, name: 'server', reason: 'unregistered', error: undefined }])
        matches(missing[0], { ...facts, name: 'nobody', reason: 'no-such-server' })
        assert.ok(missing[0]?.error instanceof NoSuchServerError)
        assert.equal(missing.length, 1)
      }
    },
  },
  {
    name: 'a monitor is told of an end behind all messages that were sent on its channel, with and without ack',
    exercises: ['monitoring'],
    async run(harness) {
      const channels = { data: { parallelism: 3 } }
      for (const [from, to] of bothWays(await pair(harness, { channels }))) {
        const heard = hear(from, 'watcher')
        const registration = to.register('server', () => {})
        const found: number[] = []
        from.monitor({ node: to.name, name: 'server' }, () => found.push(heard.length), { channel: 'data' })
        await exchange(harness, from, to, { channel: 'data' })
        for (const partitionKey of range(0, 60)) {
          const message = { partitionKey, ballast: 'x'.repeat(partitionKey % 10 === 0 ? 100_000 : 10) }
          const options = { channel: 'data', partitionKey, ...(partitionKey % 2 === 0 && { ack: true }) }
          to.castMessage(from.name, 'watcher', message, options)
        }
        registration[Symbol.dispose]()
        await harness.until(() => found.length > 0)
        assert.deepEqual(found, [60])
      }
    },
  },
  {
    name: 'a monitor ends with the connection to its node, and does not take the next life for the same',
    exercises: ['monitoring'],
    async run(harness) {
      for (const name of ['a', 'b'] as const) {
        const nodes = await pair(harness)
        const [node, other] = name === 'a' ? [nodes.a, nodes.b] : [nodes.b, nodes.a]
        node.register('server', () => {})
        const ref = node.ref('server')
        const ends = monitor(other, name, 'server')
        await exchange(harness, other, node)
        await harness.eventually(node.stop())
        await harness.until(() => ends.length > 0)
        matches(ends[0], { reason: 'node-down', incarnation: ref.incarnation })
        matches(ends[0]?.error, { code: 'ERR_NOT_CONNECTED', node: name, reason: 'down' })
        const down = monitor(other, name, 'server')
        await harness.until(() => down.length > 0)
        matches(down[0], { reason: 'node-down' })
        await harness.eventually(node.start())
        if (name === 'a') await harness.eventually(other.syncJoin(node.spec))
        else await harness.eventually(node.syncJoin(other.spec))
        await harness.until(() => isWhole(node, ['a', 'b']) && isWhole(other, ['a', 'b']))
        const old: MonitorEnd[] = []
        other.monitor(ref, end => void old.push(end))
        const present = monitor(other, name, 'server')
        await harness.until(() => old.length > 0)
        matches(old[0]?.error, { code: 'ERR_NOT_CONNECTED', reason: 'restarted' })
        await exchange(harness, other, node)
        assert.deepEqual([ends.length, old.length, present], [1, 1, []])
        await harness.eventually(Promise.all([nodes.a.stop(), nodes.b.stop()]))
      }
    },
  },
  {
    name: 'a monitor ends with a cut, and of a stranger at once',
    exercises: ['monitoring'],
    async run(harness) {
      const { a, b } = await pair(harness)
      b.register('server', () => {})
      const ends = [monitor(a, 'b', 'server'), monitor(a, 'nobody', 'server')]
      await exchange(harness, a, b)
      matches(ends[1]?.[0], { node: 'nobody', reason: 'node-down' })
      matches(ends[1]?.[0]?.error, { code: 'ERR_NOT_CONNECTED', reason: 'stranger' })
      const ref = await harness.eventually(a.injectPartition('a', 0))
      await harness.until(() => ends[0]?.length === 1)
      assert.ok(ends[0]?.[0]?.error instanceof PartitionedError)
      await harness.eventually(a.resolvePartition(ref))
      await harness.until(() => a.isConnected('b') && b.isConnected('a'))
      const again = monitor(a, 'b', 'server')
      await exchange(harness, a, b)
      assert.deepEqual([ends.map(told => told.length), again], [[1, 1], []])
    },
  },
  {
    name: 'a monitor that is disposed is told nothing, and one of a stopped node that it is stopped',
    exercises: ['monitoring'],
    async run(harness) {
      const { a, b } = await pair(harness)
      for (const node of [a, b]) node.register('server', () => {})
      const told: MonitorEnd[] = []
      const disposed = a.monitor({ node: 'b', name: 'server' }, end => void told.push(end))
      const ends = [monitor(a, 'b', 'server'), monitor(a, 'a', 'server')]
      await exchange(harness, a, b)
      disposed[Symbol.dispose]()
      await harness.eventually(a.stop())
      for (const end of ends) {
        assert.equal(end.length, 1)
        matches(end[0], { reason: 'stopped' })
        assert.ok(end[0]?.error instanceof StoppedError)
      }
      assert.deepEqual(told, [])
      assert.throws(() => a.monitor({ node: 'b', name: 'server' }, () => {}), StoppedError)
    },
  },
  {
    name: 'a monitor of this node is told behind what its server had sent',
    exercises: ['monitoring'],
    async run(harness) {
      const a = await start(harness, 'a')
      const told: unknown[] = []
      a.register('watcher', (message: unknown) => void told.push(message))
      const registration = a.register('server', () => {})
      a.monitor('server', ({ reason }) => void told.push(reason))
      await harness.eventually(a.request('a', 'watcher', 1))
      a.castMessage('a', 'watcher', 2)
      registration[Symbol.dispose]()
      await harness.until(() => told.length === 3)
      assert.deepEqual(told, [1, 2, 'unregistered'])
    },
  },
  {
    name: 'a monitor of nodes is told of each life of each peer, its end before the next',
    exercises: ['monitoring'],
    async run(harness) {
      const { a, b } = await pair(harness)
      const events: NodeEvent[] = []
      const monitoring = a.monitorNodes(event => void events.push(event))
      const later = harness.node('b')
      await harness.eventually(later.start())
      await harness.eventually(later.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(later, ['a', 'b']))
      const lives = [b.spec.incarnation, later.spec.incarnation]
      assert.deepEqual(events, [
        { type: 'up', node: 'b', incarnation: lives[0] },
        { type: 'down', node: 'b', incarnation: lives[0], reason: 'restarted' },
        { type: 'up', node: 'b', incarnation: lives[1] },
      ])
      monitoring[Symbol.dispose]()
      await harness.eventually(later.stop())
      await harness.until(() => !a.isConnected('b'))
      assert.equal(events.length, 3)
    },
  },
  {
    name: 'a reference travels in messages, and leads an answer to the life that it names or to nobody',
    async run(harness) {
      const { a, b } = await pair(harness)
      const answers = hear(a, 'answers')
      b.register('add', async ({ of: [x, y], replyTo }: { of: [number, number]; replyTo: unknown }) => {
        if (isRemoteRef(replyTo)) await b.forwardMessage(replyTo, x + y)
      })
      const replyTo = a.ref('answers')
      await harness.eventually(a.forwardMessage('b', 'add', { of: [1, 2], replyTo }))
      await harness.until(() => answers.length === 1)
      await harness.eventually(a.stop())
      await harness.until(() => !b.isConnected('a'))
      const late = rejected(harness, b.forwardMessage(replyTo, 4, { whenDown: 'wait' }), NotConnectedError, {
        reason: 'restarted',
      })
      await harness.eventually(a.start())
      await harness.eventually(b.syncJoin(a.spec))
      await late
      await rejected(harness, b.forwardMessage(replyTo, 5), NotConnectedError, { node: 'a', reason: 'restarted' })
      await exchange(harness, b, a)
      assert.deepEqual(messagesOf(answers), [3])
      for (const malformed of [
        { ...replyTo, node: 7 },
        { ...replyTo, incarnation: '7' },
        { via: {}, name: 'x' },
        null,
      ]) {
        assert.equal(isRemoteRef(malformed), false)
        await rejected(harness, b.forwardMessage(mistaken(malformed), 1), InvalidOptionError)
      }
    },
  },
  {
    name: 'a request to several nodes gives what was answered, and names who is missing and why',
    exercises: ['requests'],
    async run(harness) {
      const { a, b, c } = await trio(harness)
      for (const node of [a, b, c]) node.register('name', () => node.name)
      c.register('slow', () => new Promise(() => {}))
      a.register('slow', () => 'quick')
      const all = await harness.eventually(a.requestAll(['c', 'a', 'b', 'nobody', 'a'], 'name', 1))
      assert.deepEqual(
        [...all.replies],
        [
          ['c', 'c'],
          ['a', 'a'],
          ['b', 'b'],
        ],
      )
      assert.deepEqual([...all.missing.keys()], ['nobody'])
      matches(all.missing.get('nobody'), { code: 'ERR_NOT_CONNECTED', reason: 'stranger' })
      const some = await harness.eventually(a.requestAll(['a', 'b', 'c'], 'slow', 1, { timeout: 300 }))
      assert.deepEqual([...some.replies], [['a', 'quick']])
      matches(some.missing.get('b'), { code: 'ERR_NO_SUCH_SERVER' })
      matches(some.missing.get('c'), { code: 'ERR_DEADLINE', outcome: 'unknown' })
      await rejected(harness, a.requestAll(mistaken('b'), 'name', 1), InvalidOptionError)
    },
  },
]

/** Monitors a server, and writes down what it is told. */
function monitor(node: PeerServiceManager, of: string, name: string): MonitorEnd[] {
  const ends: MonitorEnd[] = []
  node.monitor({ node: of, name }, end => void ends.push(end))
  return ends
}
