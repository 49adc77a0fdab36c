import assert from 'node:assert/strict'
import { InvalidOptionError, ReservationError } from '../../core/errors.js'
import { commonCapabilities } from '../../manager/capabilities.js'
import {
  bothWays,
  errorIn,
  exchange,
  hear,
  isWhole,
  type ManagerCase,
  matches,
  messagesOf,
  mistaken,
  pair,
  record,
  rejected,
  start,
  trio,
  watch,
} from './manager-harness.js'

/** What is promised about connections, and about what a manager tells of itself. */
export const connectionCases: readonly ManagerCase[] = [
  {
    name: 'connections() tells of every lane to every peer, and isConnected of each channel',
    exercises: ['channels'],
    async run(harness) {
      const nodes = await trio(harness, { channels: { data: { parallelism: 2 } } })
      for (const node of Object.values(nodes)) {
        const others = harness.traits.members[node.name as 'a'].filter(name => name !== node.name)
        const lanes = node.connections()
        assert.deepEqual(
          lanes.map(({ node: peer, channel, lane }) => `${peer} ${channel}/${lane}`).sort(),
          others.flatMap(name => ['data/0', 'data/1', 'default/0', 'membership/0'].map(lane => `${name} ${lane}`)),
        )
        for (const { state, queuedBytes, queuedMessages } of lanes) {
          assert.deepEqual([state, queuedMessages, queuedBytes], ['open', 0, 0])
        }
        for (const name of others) {
          assert.ok(node.isConnected(name) && node.isConnected(name, 'data') && node.isFullyConnected(name))
          assert.equal(node.isConnected(name, 'none'), false)
        }
        assert.ok(node.isConnected(node.name) && node.isFullyConnected(node.name))
        assert.deepEqual([node.isConnected('x'), node.isFullyConnected('x')], [false, false])
      }
    },
  },
  {
    name: 'connect opens every lane without a join and keeps it, until disconnect',
    async run(harness) {
      const a = await start(harness, 'a')
      const b = await start(harness, 'b')
      assert.deepEqual(await harness.eventually(b.connect(a.spec)), [])
      assert.ok(b.isFullyConnected('a'))
      assert.deepEqual([a.members(), b.members()], [['a'], ['b']])
      const heard = hear(a, 'server')
      await harness.eventually(b.forwardMessage('a', 'server', 1))
      await exchange(harness, b, a)
      const told = watch(b, 'a')
      await harness.eventually(a.disconnect('b'))
      await harness.until(() => told.length === 3)
      await harness.until(() => b.isFullyConnected('a') && a.isFullyConnected('b'))
      await harness.eventually(b.forwardMessage('a', 'server', 2))
      await exchange(harness, b, a)
      assert.deepEqual(
        [messagesOf(heard), told],
        [
          [1, 2],
          ['up a', 'down a', 'up a'],
        ],
      )
      await harness.eventually(b.disconnect('a'))
      await harness.until(() => a.connections().length === 0 && b.connections().length === 0)
      await harness.eventually(b.connect(b.spec))
    },
  },
  {
    name: 'disconnect drops the connections and calls for each node; members are connected again',
    async run(harness) {
      const { a, b, c } = await trio(harness)
      const heard = hear(a, 'server')
      const called: string[] = []
      const told = watch(a, '*')
      const dropping = a.disconnect(['b', 'c'], node => void called.push(node))
      assert.deepEqual([a.isConnected('b'), a.isConnected('c')], [false, false])
      await harness.eventually(dropping)
      assert.deepEqual(called, ['b', 'c'])
      assert.deepEqual(a.members(), harness.traits.members.a)
      const { members } = harness.traits
      await harness.until(() => isWhole(a, members.a) && isWhole(b, members.b) && isWhole(c, members.c))
      assert.deepEqual(told.sort(), ['down b', 'down c', 'up b', 'up b', 'up c', 'up c'])
      await harness.eventually(b.forwardMessage('a', 'server', 1))
      await exchange(harness, b, a)
      assert.deepEqual(messagesOf(heard), [1])
      await harness.eventually(a.disconnect('x', node => void called.push(node)))
      assert.deepEqual(called, ['b', 'c', 'x'])
      await rejected(
        harness,
        settled(() => a.disconnect(mistaken(5))),
        InvalidOptionError,
      )
    },
  },
  {
    name: 'connect with prune gives the specs that a later one has replaced, once',
    async run(harness) {
      const { a, b } = await pair(harness)
      const first = a.spec
      await harness.eventually(a.stop())
      await harness.eventually(a.start())
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      assert.deepEqual(await harness.eventually(b.connect(a.spec)), [])
      assert.deepEqual(await harness.eventually(b.connect(a.spec, { prune: true })), [first])
      assert.deepEqual(await harness.eventually(b.connect(a.spec, { prune: true })), [])
    },
  },
  {
    name: 'a reservation keeps a slot for a peer with its tag; the same tag is one, and there are so many',
    exercises: ['reservation'],
    async run(harness) {
      const a = await start(harness, 'a', { limits: { peers: 2 }, maxReserved: 1 })
      a.reserve('vip')
      a.reserve('vip')
      assert.throws(() => a.reserve('other'), ReservationError)
      assert.throws(() => a.reserve(''), InvalidOptionError)
      const b = await start(harness, 'b')
      await harness.eventually(b.syncJoin(a.spec))
      const stranger = await start(harness, 'c')
      const refusals = record(stranger, 'refused')
      const controller = new AbortController()
      const joining = rejected(harness, stranger.join(a.spec, { signal: controller.signal }), Error)
      await harness.until(() => refusals.length > 0)
      matches(errorIn(refusals[0]), { code: 'ERR_TOO_MANY_PEERS' })
      controller.abort(new Error('enough'))
      await joining
      await harness.eventually(stranger.stop())
      const vip = await start(harness, 'c', { attributes: { tag: 'vip' } })
      await harness.eventually(vip.syncJoin(a.spec))
      assert.ok(a.isConnected('c'))
    },
  },
  {
    name: 'every manager can do what the shared layers do, and says no to whatever it does not know',
    async run(harness) {
      for (const each of ['a', 'b', 'c'] as const) {
        const node = harness.node(each)
        const own = harness.traits.capabilities[each]
        for (const name of [...commonCapabilities, ...own]) assert.equal(node.supportsCapability(name), true, name)
        for (const name of ['', 'teleportation', 'toString', 'constructor', '__proto__', 'Channels']) {
          assert.equal(node.supportsCapability(name), false, name)
        }
        assert.equal(node.supportsCapability('full-membership'), own.includes('full-membership'))
        await harness.eventually(node.stop())
      }
    },
  },
  {
    name: 'counters begin at 0, count from the first start, and are given as a snapshot',
    async run(harness) {
      const { a, b } = await pair(harness)
      const before = b.counters()
      const { refused, retries, ...others } = { retries: 0, ...before, dialsFailed: 0 }
      assert.deepEqual([...new Set(Object.values(others))], [0])
      assert.deepEqual([refused, retries], [0, 0])
      b.processForward('nobody', 1)
      assert.deepEqual([before.noSuchServer, b.counters().noSuchServer], [0, 1])
      await harness.eventually(b.stop())
      await harness.eventually(b.start())
      assert.equal(b.counters().noSuchServer, 1)
      assert.deepEqual(Object.keys(a.counters()).sort(), Object.keys(before).sort())
    },
  },
  {
    name: 'a node that many call dropped, or that restarts, is whole again with everybody',
    async run(harness) {
      const { a, b, c } = await trio(harness)
      const { members } = harness.traits
      for (const node of [a, b, c]) {
        for (const peer of node.members()) if (peer !== node.name) await harness.eventually(node.disconnect(peer))
      }
      await harness.until(() => isWhole(a, members.a) && isWhole(b, members.b) && isWhole(c, members.c))
      for (const [from, to] of [...bothWays({ a, b }), ...bothWays({ a, b: c })]) await exchange(harness, from, to)
    },
  },
]

/** What is thrown at once is a rejection as well. */
async function settled(call: () => Promise<unknown>): Promise<unknown> {
  return call()
}
