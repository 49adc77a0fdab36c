import assert from 'node:assert/strict'
import {
  EncodeError,
  InvalidOptionError,
  NoSuchServerError,
  NotConnectedError,
  SchemaError,
  ServerExistsError,
  UnknownChannelError,
  UnknownOutcomeError,
} from '../../core/errors.js'
import type { ForwardOptions } from '../../manager/manager.js'
import type { Delivery, Handler } from '../../manager/servers.js'
import {
  bothWays,
  errorIn,
  exchange,
  hear,
  type ManagerCase,
  matches,
  messagesOf,
  mistaken,
  pair,
  range,
  record,
  rejected,
  start,
} from './manager-harness.js'

/** What is promised about messages and the servers that take them. */
export const messagingCases: readonly ManagerCase[] = [
  {
    name: 'forwards and casts reach the server, which is told who sent them',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const heard = hear(to, 'server')
        await harness.eventually(from.forwardMessage(to.name, 'server', { id: 1 }))
        from.castMessage(to.name, 'server', { id: 2 })
        await exchange(harness, from, to)
        assert.deepEqual(messagesOf(heard), [{ id: 1 }, { id: 2 }])
        const { incarnation } = from.spec
        assert.deepEqual(heard[0]?.context, { from: from.name, incarnation, channel: 'default' })
      }
    },
  },
  {
    name: 'a message may be addressed by a reference: to a node, a life of it, a registry, this node',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const server = `of ${to.name}`
        const [there, here] = [hear(to, server), hear(from, server)]
        const via = { whereIs: (name: string) => (name === 'alias' ? { node: to.name, name: server } : undefined) }
        const { incarnation } = to.spec
        await harness.eventually(from.forwardMessage({ node: to.name, name: server }, 1))
        await harness.eventually(from.forwardMessage({ node: to.name, name: server, incarnation }, 2))
        await harness.eventually(from.forwardMessage({ via, name: 'alias' }, 3))
        await harness.eventually(from.forwardMessage(server, 4))
        from.castMessage({ node: from.name, name: server }, 5)
        await harness.until(() => there.length === 3 && here.length === 2)
        assert.deepEqual(
          [messagesOf(there), messagesOf(here)],
          [
            [1, 2, 3],
            [4, 5],
          ],
        )
        const ended = { node: to.name, name: server, incarnation: incarnation - 1 }
        await rejected(harness, from.forwardMessage(ended, 1), NotConnectedError, { reason: 'restarted' })
        await rejected(harness, from.request(ended, 1), NotConnectedError, { reason: 'restarted' })
        await rejected(harness, from.forwardMessage({ via, name: 'nobody' }, 1), NoSuchServerError)
      }
    },
  },
  {
    name: 'a message to a stranger is refused at once, and a cast of it is told of',
    async run(harness) {
      const { a } = await pair(harness)
      const dropped = record(a, 'dropped')
      for (const call of [
        () => a.forwardMessage('x', 'server', 1),
        () => a.request('x', 'server', 1),
        () => a.sendMessage('x', 1),
      ]) {
        await rejected(harness, call(), NotConnectedError, { reason: 'stranger', node: 'x' })
      }
      a.castMessage('x', 'server', 1)
      const drop = { node: 'x', direction: 'forward', channel: 'default', server: 'server' }
      assert.deepEqual(dropped, [['dropped', { reason: 'not-connected', ...drop }]])
    },
  },
  {
    name: 'a message on a channel that one of the two lacks is refused, and says which',
    exercises: ['channels'],
    async run(harness) {
      const a = await start(harness, 'a', { channels: { ofA: {} } })
      const b = await start(harness, 'b', { channels: { ofB: {} } })
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
      for (const [from, to] of bothWays({ a, b })) {
        const own = from === a ? 'ofA' : 'ofB'
        for (const [channel, where] of [
          ['none', 'local'],
          [own, 'remote'],
        ] as const) {
          const facts = { channel, where, code: 'ERR_UNKNOWN_CHANNEL' }
          await rejected(harness, from.forwardMessage(to.name, 'x', 1, { channel }), UnknownChannelError, facts)
          await rejected(harness, from.request(to.name, 'x', 1, { channel }), UnknownChannelError, facts)
        }
        const dropped = record(from, 'dropped')
        from.castMessage(to.name, 'x', 1, { channel: own })
        matches(dropped[0]?.[1], { reason: 'unknown-channel', channel: own })
        await rejected(harness, from.forwardMessage(from.name, 'x', 1, { channel: 'none' }), UnknownChannelError)
      }
    },
  },
  {
    name: 'what cannot travel, or is larger than a message may be, is refused and disturbs nothing',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness, { limits: { messageBytes: 200_000 } }))) {
        const heard = hear(to, 'server')
        const dropped = record(from, 'dropped')
        for (const message of [() => {}, { deep: [Symbol('no')] }, new Uint8Array(200_001), 'x'.repeat(200_001)]) {
          await rejected(harness, from.forwardMessage(to.name, 'server', message), EncodeError, { code: 'ERR_ENCODE' })
        }
        from.castMessage(to.name, 'server', () => {})
        matches(dropped[0]?.[1], { reason: 'encode', server: 'server' })
        await harness.eventually(from.forwardMessage(to.name, 'server', new Uint8Array(200_000)))
        await harness.until(() => heard.length === 1)
      }
    },
  },
  {
    name: 'options and names that cannot be meant so are the mistake of the caller',
    async run(harness) {
      const { a } = await pair(harness)
      const wrong: readonly unknown[] = [
        { timeout: -1 },
        { deadline: Number.NaN },
        { whenDown: 'shrug' },
        { partitionKey: {} },
        { signal: 3 },
        null,
      ]
      for (const node of ['b', 'a']) {
        for (const given of wrong) {
          const options = given as ForwardOptions
          await rejected(harness, a.forwardMessage(node, 'server', 1, options), InvalidOptionError)
          await rejected(harness, a.request(node, 'server', 1, options), InvalidOptionError)
          assert.throws(() => a.castMessage(node, 'server', 1, options), InvalidOptionError)
        }
        for (const server of ['', 'x'.repeat(256), 'a\nb']) {
          await rejected(harness, a.forwardMessage(node, server, 1), InvalidOptionError)
          await rejected(harness, a.request(node, server, 1), InvalidOptionError)
          assert.throws(() => a.castMessage(node, server, 1), InvalidOptionError)
        }
      }
      assert.throws(() => a.register('server', mistaken<Handler>('no function')), InvalidOptionError)
      assert.ok(a.isFullyConnected('b'))
    },
  },
  {
    name: 'a message for a server that is not there is counted and told of where it arrives',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const dropped = record(to, 'dropped')
        await harness.eventually(from.forwardMessage(to.name, 'nobody', 1))
        await exchange(harness, from, to)
        to.processForward('nobody', 1)
        const drop = { reason: 'no-such-server', direction: 'receive', channel: 'default', server: 'nobody' }
        assert.deepEqual(dropped, [
          ['dropped', { ...drop, node: from.name }],
          ['dropped', { ...drop, node: to.name }],
        ])
        assert.equal(to.counters().noSuchServer, 2)
      }
    },
  },
  {
    name: 'a server has its name alone until it is disposed, and may check its messages with a schema',
    async run(harness) {
      const { a, b } = await pair(harness)
      const first = b.register('server', () => {})
      assert.throws(() => b.register('server', () => {}), ServerExistsError)
      assert.throws(() => b.receive('server'), ServerExistsError)
      first[Symbol.dispose]()
      const validate = (value: unknown): { value: number } | { issues: { message: string }[] } =>
        typeof value === 'number' ? { value: value * 2 } : { issues: [{ message: 'a number is wanted' }] }
      const schema = { '~standard': { version: 1, vendor: 'the suite', validate } } as const
      b.register('server', (message: number) => message + 1, { schema })
      first[Symbol.dispose]()
      assert.equal(await harness.eventually(a.request('b', 'server', 20)), 41)
      await rejected(harness, a.request('b', 'server', 'x'), SchemaError, { issues: ['a number is wanted'] })
      const dropped = record(b, 'dropped')
      await harness.eventually(a.forwardMessage('b', 'server', 'x'))
      await harness.until(() => dropped.length === 1)
      matches(dropped[0]?.[1], { reason: 'schema', node: 'a', server: 'server' })
      assert.equal(b.counters().schemaRefused, 1)
    },
  },
  {
    name: 'a handler that throws is told of and counted, and the server goes on',
    async run(harness) {
      const { a, b } = await pair(harness)
      const failures = record(b, 'handler-error')
      const heard: unknown[] = []
      b.register('server', (id: number) => {
        heard.push(id)
        if (id === 1) throw new Error('thrown')
        return id === 2 ? Promise.reject(new Error('rejected')) : undefined
      })
      for (const id of [1, 2, 3]) a.castMessage('b', 'server', id)
      await harness.until(() => heard.length === 3 && failures.length === 2)
      assert.deepEqual(
        failures.map(told => (errorIn(told) as Error).message),
        ['thrown', 'rejected'],
      )
      assert.equal(b.counters().handlerErrors, 2)
    },
  },
  {
    name: 'with a concurrency of one, messages are handled one after another, in order',
    async run(harness) {
      const { a, b } = await pair(harness)
      const log: string[] = []
      const finish: (() => void)[] = []
      const handler = async (id: number): Promise<void> => {
        log.push(`begin ${id}`)
        await new Promise<void>(resolve => finish.push(resolve))
        log.push(`end ${id}`)
      }
      b.register('server', handler, { concurrency: 1 })
      for (const id of range(0, 3)) a.castMessage('b', 'server', id)
      for (const id of range(0, 6)) {
        await harness.until(() => finish.length > id)
        // What comes while the turn is handed on does not overtake, nor what comes while another is handled.
        if (id < 3) a.castMessage('b', 'server', id + 3)
        finish[id]?.()
        await exchange(harness, a, b)
      }
      await harness.until(() => log.length === 12)
      assert.deepEqual(
        log,
        range(0, 6).flatMap(id => [`begin ${id}`, `end ${id}`]),
      )
    },
  },
  {
    name: 'an iterator gives what arrives, in order, answers requests, and ends with its loop',
    async run(harness) {
      const { a, b } = await pair(harness)
      const server = b.receive('server')
      for (const id of [1, 2]) a.castMessage('b', 'server', id)
      const asked = a.request('b', 'server', 3)
      const unanswered = rejected(harness, a.request('b', 'server', 4), UnknownOutcomeError)
      const taken: Delivery[] = []
      for (const _ of range(0, 4)) taken.push((await harness.eventually(server.next())).value as Delivery)
      assert.deepEqual(
        messagesOf(taken.map(delivery => ({ message: delivery.message, context: delivery }))),
        [1, 2, 3, 4],
      )
      assert.deepEqual([taken[0]?.from, taken[0]?.channel, taken[0]?.reply], ['a', 'default', undefined])
      taken[2]?.reply?.('answer')
      assert.equal(await harness.eventually(asked), 'answer')
      const waiting = server.next()
      await harness.eventually(Promise.resolve(server.return?.()))
      await unanswered
      assert.equal((await harness.eventually(waiting)).done, true)
      assert.equal((await harness.eventually(server.next())).done, true)
      await rejected(harness, a.request('b', 'server', 5), NoSuchServerError)
    },
  },
  {
    name: 'a message to oneself is a copy, comes later and in order, and is like one of a peer',
    async run(harness) {
      const { a } = await pair(harness)
      const heard = hear(a, 'server')
      const message = { id: 1, when: new Date(5) }
      const sent = a.forwardMessage('a', 'server', message, { clock: 'c' })
      a.castMessage('server', 2)
      message.id = 9
      assert.equal(heard.length, 0)
      await harness.eventually(sent)
      await harness.until(() => heard.length === 2)
      assert.deepEqual(messagesOf(heard), [{ id: 1, when: new Date(5) }, 2])
      const { incarnation } = a.spec
      assert.deepEqual(heard[0]?.context, { from: 'a', incarnation, channel: 'default', clock: 'c' })
      a.register('add', ([x, y]: [number, number]) => x + y)
      assert.equal(await harness.eventually(a.request('a', 'add', [1, 2])), 3)
      await rejected(harness, a.request('nobody', 1), NoSuchServerError, { node: 'a', server: 'nobody' })
    },
  },
  {
    name: 'sendMessage is for the manager itself, and receiveMessage and processForward hand messages in',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) {
        const told = record(to, 'message')
        const heard = hear(to, 'server')
        await harness.eventually(from.sendMessage(to.name, { hello: 1 }))
        await exchange(harness, from, to)
        await harness.eventually(to.sendMessage(to.name, 'to myself'))
        await harness.until(() => told.length === 2)
        to.receiveMessage('x', 'gossip', { what: 'ever' })
        to.receiveMessage('x', 'gossip', { server: 'server', message: 5 })
        to.processForward('server', 6)
        to.processForward({ node: to.name, name: 'server' }, 7)
        assert.deepEqual(told, [
          ['message', { from: from.name, channel: 'default', message: { hello: 1 } }],
          ['message', { from: to.name, channel: 'default', message: 'to myself' }],
          ['message', { from: 'x', channel: 'gossip', message: { what: 'ever' } }],
        ])
        assert.deepEqual(messagesOf(heard), [5, 6, 7])
        matches(heard.at(0)?.context, { from: 'x', channel: 'gossip' })
        assert.throws(() => to.processForward({ node: from.name, name: 'server' }, 1), InvalidOptionError)
      }
    },
  },
]
