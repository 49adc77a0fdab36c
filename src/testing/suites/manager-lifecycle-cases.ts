import assert from 'node:assert/strict'
import {
  InvalidOptionError,
  ListenError,
  type RefusedError,
  StoppedError,
  WrongClusterError,
  WrongSecretError,
  WrongVersionError,
} from '../../core/errors.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { PeerServiceOptions } from '../../manager/options.js'
import {
  errorIn,
  exchange,
  hear,
  isWhole,
  type ManagerCase,
  type ManagerHarness,
  matches,
  messagesOf,
  outcomes,
  pair,
  range,
  record,
  rejected,
  start,
  watch,
} from './manager-harness.js'

/** What is promised about the beginning and the end of a life. */
export const lifecycleCases: readonly ManagerCase[] = [
  {
    name: 'a node that was not started refuses what needs it to run, and tells of a cast that is lost',
    async run(harness) {
      const a = harness.node('a')
      const b = await start(harness, 'b')
      assert.equal(a.name, 'a')
      assert.deepEqual(a.members(), ['a'])
      assert.deepEqual(a.connections(), [])
      const dropped = record(a, 'dropped')
      await refusesAll(harness, a, b)
      a.castMessage('b', 'server', 1)
      assert.equal(dropped.length, 1)
      await harness.eventually(a.stop())
    },
  },
  {
    name: 'a node starts once, however often it is asked to, and then tells where it really listens',
    async run(harness) {
      const a = harness.node('a')
      const [one, other] = await harness.eventually(Promise.all([a.start(), a.start()]))
      assert.ok(one === a && other === a)
      const { name, incarnation, addresses } = a.spec
      assert.equal(name, 'a')
      assert.ok(addresses.length > 0 && addresses.every(address => !address.endsWith(':0')))
      assert.equal(await harness.eventually(a.start()), a)
      assert.equal(a.spec.incarnation, incarnation)
    },
  },
  {
    name: 'a stop and a start begin a later life, in which registrations and watchers are still there',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'server')
      const told = watch(b, '*')
      const first = b.spec
      await harness.eventually(b.stop())
      assert.deepEqual([b.isConnected('a'), b.connections()], [false, []])
      await harness.until(() => !a.isConnected('b'))
      assert.ok(a.members().includes(b.name), 'a node that stops does not leave')
      await harness.eventually(b.start())
      assert.ok(b.spec.incarnation > first.incarnation)
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      await harness.eventually(a.forwardMessage('b', 'server', 1))
      await exchange(harness, a, b)
      assert.deepEqual(messagesOf(heard), [1])
      assert.deepEqual(told, ['up a', 'down a', 'up a'])
    },
  },
  {
    name: 'a node that starts again listens where it did, and is taken back by those who dial it',
    async run(harness) {
      const { a, b } = await pair(harness)
      const before = a.spec
      await harness.eventually(a.stop())
      await harness.until(() => !b.isConnected('a'))
      await harness.eventually(a.start())
      assert.deepEqual(a.spec.addresses, before.addresses)
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      assert.equal(b.membersForOrchestration()[0]?.incarnation, a.spec.incarnation)
    },
  },
  {
    name: 'stops and starts may follow each other without waiting, and the last one counts',
    async run(harness) {
      const a = harness.node('a')
      const b = await start(harness, 'b')
      const starting = a.start()
      await harness.eventually(a.stop())
      await harness.eventually(starting)
      await rejected(harness, a.join(b.spec), StoppedError)
      void a.start()
      void a.stop()
      await harness.eventually(a.start())
      await harness.eventually(b.syncJoin(a.spec))
      void a.stop()
      void a.start()
      await harness.eventually(a.stop())
      await harness.eventually(a.stop())
      await rejected(harness, a.join(b.spec), StoppedError)
    },
  },
  {
    name: 'disposing of a node stops it',
    async run(harness) {
      const { a, b } = await pair(harness)
      await harness.eventually(Promise.resolve(b[Symbol.asyncDispose]()))
      await refusesAll(harness, b, a)
      await harness.until(() => !a.isConnected('b'))
      assert.deepEqual(a.members(), ['a', 'b'])
    },
  },
  {
    name: 'a node whose address is taken does not start, says so, and may try again',
    async run(harness) {
      const a = await start(harness, 'a')
      const { hostname: host, port } = new URL(a.spec.addresses[0] ?? '')
      const b = harness.node('b', { listen: { host, port: Number(port) } })
      await rejected(harness, b.start(), ListenError, { code: 'ERR_LISTEN' })
      await harness.eventually(a.stop())
      await harness.eventually(b.start())
    },
  },
  {
    name: 'whatever is pending when a node stops rejects',
    async run(harness) {
      const { a, b } = await pair(harness, { limits: { windowBytes: 10_000, queueBytes: 10_000 } })
      const nowhere = new URL(a.spec.addresses[0] ?? '')
      nowhere.port = '9'
      for (const node of [a, b]) node.register('never', () => new Promise(() => {}))
      for (const [node, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const calls = [
          node.request(other.name, 'never', 1),
          node.request(node.name, 'never', 1),
          node.join(nowhere.href),
          node.syncJoin(nowhere.href),
          node.connect(nowhere.href),
          // Some of these wait in the queue, others for room in it.
          ...range(0, 30).map(() => node.forwardMessage(other.name, 'never', new Uint8Array(1_000))),
        ]
        const ends = outcomes(calls)
        await harness.until(() => ends.includes('done'))
        const delay = node.interpose(() => ({ type: 'delay', by: 3_600_000 }))
        calls.push(node.forwardMessage(other.name, 'never', 1))
        delay[Symbol.dispose]()
        const late = outcomes(calls)
        await harness.eventually(node.stop())
        await harness.until(() => !late.includes('waits'))
        const pending = late.filter(end => end !== 'done')
        assert.ok(pending.length > 15)
        for (const end of pending) assert.ok(end instanceof StoppedError, String(end))
        await harness.eventually(node.start())
        await harness.eventually(b.syncJoin(a.spec))
      }
    },
  },
  {
    name: 'nodes of different clusters, secrets or versions refuse each other with typed errors, and both tell of it',
    async run(harness) {
      const refusals: readonly (readonly [PeerServiceOptions, PeerServiceOptions, Refusal, string])[] = [
        [{ cluster: 'one' }, { cluster: 'two' }, WrongClusterError, 'ERR_WRONG_CLUSTER'],
        [{ secret: 'one' }, { secret: 'two' }, WrongSecretError, 'ERR_WRONG_SECRET'],
        [{ secret: 'one' }, {}, WrongSecretError, 'ERR_WRONG_SECRET'],
        [{}, { secret: 'two' }, WrongSecretError, 'ERR_WRONG_SECRET'],
        [{}, { protocolVersions: { min: 99, max: 99 } }, WrongVersionError, 'ERR_WRONG_VERSION'],
      ]
      for (const [here, there, kind, code] of refusals) {
        const a = await start(harness, 'a', there)
        const b = await start(harness, 'b', here)
        const [toldThere, told] = [record(a, 'refused'), record(b, 'refused')]
        await rejected<RefusedError>(harness, b.join(a.spec), kind, { code })
        await harness.until(() => told.length > 0 && toldThere.length > 0)
        for (const each of [told[0], toldThere[0]]) matches(errorIn(each), { code })
        assert.ok(a.counters().refused > 0 && b.counters().refused > 0)
        assert.deepEqual([a.members(), b.members()], [['a'], ['b']])
        await harness.eventually(Promise.all([a.stop(), b.stop()]))
      }
      const a = await start(harness, 'a', { secret: ['old', 'new'] })
      const b = await start(harness, 'b', { secret: ['newer', 'old'] })
      await harness.eventually(b.syncJoin(a.spec))
    },
  },
  {
    name: 'options that cannot be meant so are refused before anything begins',
    async run(harness) {
      const wrong: readonly unknown[] = [
        { nmae: 'a' },
        { channels: { data: { parallelism: 0 } } },
        { channels: { data: { overflow: 'explode' } } },
        { limits: { queueBytes: 1 } },
        { heartbeat: { interval: 1_000, timeout: 1_500 } },
        { secret: '' },
        { seeds: ['nowhere'] },
      ]
      for (const options of wrong) {
        assert.throws(() => harness.node('a', options as PeerServiceOptions), InvalidOptionError)
      }
      await harness.eventually(harness.node('a').stop())
    },
  },
]

type Refusal = typeof WrongClusterError | typeof WrongSecretError | typeof WrongVersionError

async function refusesAll(harness: ManagerHarness, node: PeerServiceManager, peer: PeerServiceManager): Promise<void> {
  for (const call of [
    () => node.join(peer.spec),
    () => node.syncJoin(peer.spec),
    () => node.leave(),
    () => node.connect(peer.spec),
    () => node.updateMembers([peer.spec]),
    () => node.forwardMessage(peer.name, 'server', 1),
    () => node.forwardMessage(node.name, 'server', 1),
    () => node.request(peer.name, 'server', 1),
    () => node.sendMessage(peer.name, 1),
    () => node.injectPartition(node.name, 0),
  ]) {
    await rejected(harness, call(), StoppedError, { code: 'ERR_STOPPED' })
  }
}
