import assert from 'node:assert/strict'
import { InvalidOptionError, StaleIncarnationError, UnknownChannelError } from '../../core/errors.js'
import {
  bothWays,
  errorIn,
  exchange,
  hear,
  isWhole,
  type ManagerCase,
  messagesOf,
  mistaken,
  pair,
  record,
  rejected,
  start,
  trio,
  watch,
} from './manager-harness.js'

const channels = { data: { parallelism: 2 } }

/** What is promised about ups and downs. */
export const watchingCases: readonly ManagerCase[] = [
  {
    name: 'watchers are told once for each up and once for each down, by name and by *, and of nobody else',
    async run(harness) {
      const a = await start(harness, 'a')
      const b = await start(harness, 'b')
      const all = watch(a, '*')
      const named = watch(a, 'b')
      const other = watch(a, 'c')
      const events = record(a, 'up', 'down')
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']))
      assert.deepEqual(all, ['up b'])
      await harness.eventually(b.stop())
      await harness.until(() => !a.isConnected('b'))
      assert.deepEqual(all, ['up b', 'down b'])
      await harness.eventually(b.start())
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']))
      assert.deepEqual(all, ['up b', 'down b', 'up b'])
      assert.deepEqual(named, all)
      assert.deepEqual(other, [])
      assert.deepEqual(events, [
        ['up', 'b'],
        ['down', 'b', 'lost'],
        ['up', 'b'],
      ])
    },
  },
  {
    name: 'a watcher that comes late is told at once of who is up',
    async run(harness) {
      const nodes = await trio(harness, { channels })
      const { a } = nodes
      for (const node of Object.values(nodes)) {
        const others = harness.traits.members[node.name as 'a'].filter(name => name !== node.name)
        assert.deepEqual(
          watch(node, '*').sort(),
          others.map(name => `up ${name}`),
        )
        assert.deepEqual(watch(node, 'x'), [])
      }
      assert.deepEqual(watch(a, 'b'), ['up b'])
      assert.deepEqual(watch(a, 'b', 'data'), ['up b/data'])
      assert.throws(() => watch(a, 'b', 'none'), UnknownChannelError)
      assert.throws(() => a.onUp('b', mistaken('nothing')), InvalidOptionError)
    },
  },
  {
    name: 'a watcher of a channel hears of that channel, and one of another hears nothing of it',
    async run(harness) {
      const a = await start(harness, 'a', { channels })
      const b = await start(harness, 'b')
      const data = watch(a, '*', 'data')
      const plain = watch(a, '*', 'default')
      await harness.eventually(b.syncJoin(a.spec))
      await harness.eventually(a.disconnect('b'))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
      assert.deepEqual(plain, ['up b/default', 'down b/default', 'up b/default'])
      assert.deepEqual(data, [], 'b has no such channel')
    },
  },
  {
    name: 'a watcher hears nothing after it was disposed, not even when another one does that meanwhile',
    async run(harness) {
      const { a, b } = await pair(harness)
      const told: string[] = []
      a.onDown('b', () => {
        told.push('first')
        second[Symbol.dispose]()
      })
      const second = a.onDown('b', () => void told.push('second'))
      a.onDown('b', () => void told.push('third'))[Symbol.dispose]()
      const up = a.onUp('b', () => void told.push('up'))
      up[Symbol.dispose]()
      up[Symbol.dispose]()
      await harness.eventually(b.stop())
      await harness.until(() => told.length > 1)
      await harness.eventually(b.start())
      await harness.eventually(b.syncJoin(a.spec))
      assert.deepEqual(told, ['up', 'first'])
    },
  },
  {
    name: 'a watcher or listener that throws keeps nobody else from hearing, and is told of and counted',
    async run(harness) {
      const { a, b } = await pair(harness)
      const failures = record(a, 'handler-error')
      a.onDown('b', () => {
        throw new Error('of the watcher')
      })
      a.events.on('down', () => {
        throw new Error('of the listener')
      })
      const told = watch(a, 'b')
      await harness.eventually(b.stop())
      await harness.until(() => told.includes('down b') && failures.length === 2)
      const messages = failures.map(told => (errorIn(told) as Error).message)
      assert.deepEqual(messages.sort(), ['of the listener', 'of the watcher'])
      assert.equal(a.counters().handlerErrors, 2)
    },
  },
  {
    name: 'a watcher may send to the peer that came up',
    async run(harness) {
      const a = await start(harness, 'a')
      const b = await start(harness, 'b')
      const heard = [hear(a, 'hello'), hear(b, 'hello')]
      for (const node of [a, b]) {
        node.onUp('*', name => node.castMessage(name, 'hello', name))
      }
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => heard.every(each => each.length === 1))
      assert.deepEqual(heard.map(messagesOf), [['a'], ['b']])
    },
  },
  {
    name: 'a node whose power fails is found to be down by its silence, and stays a member',
    async run(harness) {
      const { a, b } = await pair(harness, { heartbeat: { interval: 200, timeout: 400 } })
      a.register('never', () => new Promise(() => {}))
      const asked = outcomesOf(b.request('a', 'never', 1))
      const told = watch(b, 'a')
      const began = harness.now()
      harness.crash('a')
      await harness.until(() => !b.isConnected('a'))
      const after = harness.now() - began
      // The silence of a single lane would be noticed no earlier than after 5 times both.
      assert.ok(after >= 200 && after < 3_000, `it is noticed after ${after} ms`)
      assert.deepEqual(told, ['up a', 'down a'])
      assert.deepEqual(b.members(), ['a', 'b'])
      await harness.until(() => asked.length > 0)
      assert.equal((asked[0] as { code: string }).code, 'ERR_UNKNOWN_OUTCOME')
      await rejected(harness, b.forwardMessage('a', 'never', 1), Error, { code: 'ERR_NOT_CONNECTED', reason: 'down' })
    },
  },
  {
    name: 'a process that takes the place of one whose power failed is up in its stead',
    async run(harness) {
      for (const name of ['a', 'b'] as const) {
        const nodes = await pair(harness)
        const [node, other] = name === 'a' ? [nodes.a, nodes.b] : [nodes.b, nodes.a]
        const told = watch(other, name)
        harness.crash(name)
        const again = await start(harness, name)
        const heard = hear(again, 'server')
        if (again.spec.addresses.length > 0 && name === 'a') await harness.eventually(other.syncJoin(again.spec))
        else await harness.eventually(again.syncJoin(other.spec))
        await harness.until(() => isWhole(other, ['a', 'b']) && isWhole(again, ['a', 'b']))
        assert.deepEqual(told, [`up ${name}`, `down ${name}`, `up ${name}`])
        await harness.eventually(other.forwardMessage(name, 'server', 1))
        await exchange(harness, other, again)
        assert.deepEqual(messagesOf(heard), [1])
        await harness.eventually(Promise.all([other.stop(), again.stop(), node.stop()]))
      }
    },
  },
  {
    name: 'a later process of a name takes its place: the old one goes down, then the new one comes up',
    async run(harness) {
      const { a, b } = await pair(harness)
      const told = watch(a, 'b')
      const downs = record(a, 'down')
      const superseded = record(b, 'superseded')
      const later = harness.node('b')
      await harness.eventually(later.start())
      await harness.eventually(later.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(later, ['a', 'b']))
      assert.deepEqual(told, ['up b', 'down b', 'up b'])
      assert.deepEqual(downs, [['down', 'b', 'restarted']])
      assert.equal(a.membersForOrchestration()[1]?.incarnation, later.spec.incarnation)
      await harness.until(() => !b.isConnected('a'))
      // It finds out at the latest when it wants something.
      const refused = await rejected(harness, b.join(a.spec), StaleIncarnationError)
      assert.equal(refused.known, later.spec.incarnation)
      assert.deepEqual(superseded, [['superseded', later.spec.incarnation]])
    },
  },
  {
    name: 'a node that leaves goes down for the others, and they for it',
    async run(harness) {
      const { a, b } = await pair(harness)
      const told = [watch(a, '*'), watch(b, '*')]
      await harness.eventually(b.leave())
      await harness.until(() => told.every(each => each.length === 2))
      assert.deepEqual(told, [
        ['up b', 'down b'],
        ['up a', 'down a'],
      ])
      for (const [from, to] of bothWays({ a, b })) assert.equal(from.isConnected(to.name), false)
    },
  },
]

function outcomesOf(call: Promise<unknown>): unknown[] {
  const ends: unknown[] = []
  call.catch((error: unknown) => ends.push(error))
  return ends
}
