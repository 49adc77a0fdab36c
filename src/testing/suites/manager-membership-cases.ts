import assert from 'node:assert/strict'
import { InvalidOptionError, MaquisError, NotConnectedError } from '../../core/errors.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import {
  bothWays,
  errorIn,
  exchange,
  failure,
  hear,
  isWhole,
  type ManagerCase,
  type ManagerHarness,
  matches,
  messagesOf,
  mistaken,
  pair,
  record,
  rejected,
  start,
  trio,
} from './manager-harness.js'

/** What is promised about who is a member. */
export const membershipCases: readonly ManagerCase[] = [
  {
    name: 'a join resolves when the peer counts this node as a member, by spec and by address',
    async run(harness) {
      for (const by of ['spec', 'address'] as const) {
        const a = await start(harness, 'a')
        const b = await start(harness, 'b')
        await harness.eventually(b.join(by === 'spec' ? a.spec : (a.spec.addresses[0] ?? '')))
        assert.deepEqual(a.members(), ['a', 'b'])
        await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
        await harness.eventually(Promise.all([a.stop(), b.stop()]))
      }
    },
  },
  {
    name: 'who joins one member is known to all that should know it, in order of names',
    exercises: ['full-membership'],
    async run(harness) {
      const nodes = await trio(harness)
      for (const node of Object.values(nodes)) {
        const expected = harness.traits.members[node.name as 'a']
        assert.deepEqual(node.members(), expected)
        if (node.supportsCapability('full-membership')) assert.deepEqual(expected, Object.keys(nodes))
        const specs = node.membersForOrchestration()
        assert.deepEqual(
          specs.map(({ name }) => name),
          expected,
        )
        const lives = specs.map(({ name }) => nodes[name as 'a'].spec.incarnation)
        assert.deepEqual(
          specs.map(({ incarnation }) => incarnation),
          lives,
        )
      }
    },
  },
  {
    name: 'nodes that nothing has made members of each other are so after a join, or it is refused',
    async run(harness) {
      const { b, c } = await trio(harness)
      const { members, join } = harness.traits
      if (join === 'joins') {
        await harness.eventually(b.syncJoin(c.spec))
        await harness.until(() => b.members().includes(c.name) && c.members().includes(b.name))
        return
      }
      matches(await failure(harness, b.join(c.spec)), { code: join })
      matches(await failure(harness, c.syncJoin(b.spec)), { code: join })
      assert.deepEqual([b.members(), c.members()], [members.b, members.c])
    },
  },
  {
    name: 'a node that joins itself stays alone',
    async run(harness) {
      const a = await start(harness, 'a')
      await harness.eventually(Promise.all([a.join(a.spec), a.join(a.spec.addresses[0] ?? ''), a.syncJoin(a.spec)]))
      assert.deepEqual(a.members(), ['a'])
      assert.deepEqual(a.connections(), [])
    },
  },
  {
    name: 'a join waits for a peer that is not there yet, and tells of each attempt',
    async run(harness) {
      for (;;) {
        const a = await start(harness, 'a')
        const [address = ''] = a.spec.addresses
        await harness.eventually(a.stop())
        const b = await start(harness, 'b')
        const retries = record(b, 'retry')
        const joined = b.syncJoin(address)
        const ended = joined.catch(() => {})
        await harness.until(() => retries.length > 1)
        matches(errorIn(retries[0]), { code: 'ERR_UNREACHABLE' })
        assert.deepEqual(b.members(), ['b'])
        await harness.eventually(a.start())
        if (a.spec.addresses[0] === address) {
          await harness.eventually(joined)
          return assert.ok(b.isFullyConnected('a'))
        }
        // Another process was given its port meanwhile.
        await harness.eventually(Promise.all([a.stop(), b.stop(), ended]))
      }
    },
  },
  {
    name: 'a join, a syncJoin and a connect end with their signal, and its reason',
    async run(harness) {
      const a = await start(harness, 'a')
      await harness.eventually(a.stop())
      const b = await start(harness, 'b')
      for (const call of ['join', 'syncJoin', 'connect'] as const) {
        const controller = new AbortController()
        const reason = new Error(`enough of ${call}`)
        const retries = record(b, 'retry')
        const joined = failure(harness, b[call](a.spec, { signal: controller.signal }))
        await harness.until(() => retries.length > 0)
        controller.abort(reason)
        assert.equal(await joined, reason)
        assert.equal(await failure(harness, b[call](a.spec, { signal: controller.signal })), reason)
      }
    },
  },
  {
    name: 'what is no peer is the mistake of the caller',
    async run(harness) {
      const a = await start(harness, 'a')
      for (const peer of ['', 'b', 'not an address', 5, {}, { name: 'b' }, null] as unknown[]) {
        for (const call of ['join', 'syncJoin', 'connect'] as const) {
          await rejected(harness, a[call](peer as string), InvalidOptionError, { code: 'ERR_INVALID_OPTION' })
        }
      }
      await rejected(harness, a.updateMembers(mistaken('a')), InvalidOptionError)
    },
  },
  {
    name: 'a syncJoin resolves when every lane of every channel is usable both ways',
    async run(harness) {
      const options = { channels: { data: { parallelism: 3 } } }
      const a = await start(harness, 'a', options)
      const b = await start(harness, 'b', options)
      await harness.eventually(b.syncJoin(a.spec))
      assert.ok(a.isFullyConnected('b') && b.isFullyConnected('a'))
      assert.ok(a.isConnected('b', 'data') && b.isConnected('a', 'data'))
      const open = b.connections().filter(({ node, state }) => node === 'a' && state === 'open')
      assert.deepEqual(open.map(({ channel, lane }) => `${channel}/${lane}`).sort(), [
        ...['data/0', 'data/1', 'data/2', 'default/0', 'membership/0'],
      ])
    },
  },
  {
    name: 'joins of both with each other, at once and twice, make one connection for each lane',
    async run(harness) {
      const options = { channels: { data: { parallelism: 3 } } }
      const a = await start(harness, 'a', options)
      const b = await start(harness, 'b', options)
      const joins = [b.syncJoin(a.spec), b.join(a.spec), b.syncJoin(a.spec.addresses[0] ?? '')]
      if (b.spec.addresses.length > 0) joins.push(a.syncJoin(b.spec))
      await harness.eventually(Promise.all(joins))
      for (const [from, to] of bothWays({ a, b })) {
        assert.equal(from.connections().filter(({ state }) => state === 'open').length, 5)
        await exchange(harness, from, to, { channel: 'data' })
      }
    },
  },
  {
    name: 'who leaves is alone, and unknown to the others when its leave resolves',
    async run(harness) {
      const { a, b } = await pair(harness)
      const [members, downs] = [record(a, 'members'), record(a, 'down')]
      await harness.eventually(b.leave())
      assert.deepEqual([a.members(), b.members()], [['a'], ['b']])
      assert.deepEqual([a.departed, b.departed], [false, true])
      await harness.until(() => a.connections().length === 0 && b.connections().length === 0)
      assert.deepEqual([members, downs], [[['members', ['a']]], [['down', 'b', 'left']]])
      await rejected(harness, a.forwardMessage('b', 'server', 1), NotConnectedError)
      await rejected(harness, b.forwardMessage('a', 'server', 1), NotConnectedError)
      await harness.eventually(b.leave())
    },
  },
  {
    name: 'a leave is heard of by all who knew the node',
    async run(harness) {
      const { a, b, c } = await trio(harness)
      await harness.eventually(c.leave())
      await harness.until(() => [a, b].every(node => !node.members().includes(c.name)))
      assert.deepEqual(c.members(), ['c'])
      await exchange(harness, a, b)
    },
  },
  {
    name: 'who has left comes back in a later incarnation, and only by a join',
    async run(harness) {
      const a = await start(harness, 'a')
      const b = await start(harness, 'b', { seeds: a.spec.addresses })
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      const before = b.spec.incarnation
      const heard = hear(b, 'server')
      await harness.eventually(b.leave())
      await harness.eventually(b.syncJoin(a.spec))
      assert.ok(b.spec.incarnation > before && !b.departed)
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      await harness.eventually(a.forwardMessage('b', 'server', 1))
      await exchange(harness, a, b)
      assert.deepEqual(messagesOf(heard), [1])
    },
  },
  {
    name: 'a member that is removed is told of it, and is alone until it joins again; or its removal is refused',
    async run(harness) {
      for (const by of ['a', 'b'] as const) {
        const nodes = await pair(harness)
        const [remover, removed] = by === 'a' ? [nodes.a, nodes.b] : [nodes.b, nodes.a]
        const told = record(removed, 'removed')
        const removal = remover.leave(removed.name)
        const refusal = harness.traits.removal[by]
        if (refusal === 'removes') {
          await harness.eventually(removal)
          assert.deepEqual(remover.members(), [remover.name])
          await harness.until(() => told.length > 0)
          assert.deepEqual([removed.members(), removed.departed], [[removed.name], true])
          await rejected(harness, removed.forwardMessage(remover.name, 'server', 1), NotConnectedError)
          const { incarnation } = removed.spec
          await rejoin(harness, removed, remover)
          assert.ok(removed.spec.incarnation > incarnation)
          assert.deepEqual(remover.members(), ['a', 'b'])
          assert.deepEqual(told, [['removed']])
        } else {
          await rejected(harness, removal, MaquisError, { code: refusal })
          assert.deepEqual([remover.members(), removed.members(), told], [['a', 'b'], ['a', 'b'], []])
        }
        await harness.eventually(Promise.all([remover.stop(), removed.stop()]))
      }
    },
  },
  {
    name: 'a member that is down can be removed, or the removal is refused; a stranger cannot',
    async run(harness) {
      const { a, b } = await pair(harness)
      await harness.eventually(b.stop())
      await harness.until(() => !a.isConnected('b'))
      const refusal = harness.traits.removal.a
      if (refusal === 'removes') {
        await harness.eventually(a.leave('b'))
        assert.deepEqual(a.members(), ['a'])
      } else {
        await rejected(harness, a.leave('b'), MaquisError, { code: refusal })
        assert.deepEqual(a.members(), ['a', 'b'])
      }
      await rejected(harness, a.leave('x'), NotConnectedError, { node: 'x', reason: 'stranger' })
    },
  },
  {
    name: 'updateMembers joins who is missing and removes who is too many; an empty list changes nothing',
    async run(harness) {
      const { a, b } = await pair(harness)
      const c = await start(harness, 'c')
      await harness.eventually(b.updateMembers([]))
      await harness.eventually(a.updateMembers(['a', 'b']))
      assert.deepEqual(
        [a.members(), b.members()],
        [
          ['a', 'b'],
          ['a', 'b'],
        ],
      )
      await rejected(harness, a.updateMembers(['a', 'x']), InvalidOptionError)
      const wanted = ['a', c.spec] as const
      const refusal = c.spec.addresses.length > 0 ? harness.traits.removal.a : undefined
      if (refusal === 'removes') {
        await harness.eventually(a.updateMembers(wanted))
        await harness.until(() => c.members().join() === 'a,c' && b.members().join() === 'b')
        assert.deepEqual(a.members(), ['a', 'c'])
      } else {
        await harness.eventually(c.updateMembers([c.spec, a.spec]))
        assert.ok(a.members().includes(c.name) && c.members().includes(a.name))
        if (refusal !== undefined) {
          await rejected(harness, a.updateMembers(['a', 'c']), MaquisError, { code: refusal })
          assert.ok(a.members().includes(b.name))
        }
      }
    },
  },
  {
    name: 'the view can be taken out as plain data, and its members be read from it',
    async run(harness) {
      const { a, b } = await pair(harness)
      for (const node of [a, b]) {
        const state: unknown = JSON.parse(JSON.stringify(node.getLocalState()))
        assert.deepEqual(structuredClone(node.getLocalState()), state)
        assert.deepEqual(a.decode(state), ['a', 'b'])
      }
      for (const nonsense of ['nonsense', null, {}, { members: 5 }]) {
        assert.throws(() => a.decode(nonsense), InvalidOptionError)
      }
    },
  },
  {
    name: 'the event members tells what members() answers, whenever that changes',
    async run(harness) {
      const a = await start(harness, 'a')
      const b = await start(harness, 'b')
      const told: [unknown, unknown][] = []
      a.events.on('members', members => told.push([members, a.members()]))
      await harness.eventually(b.syncJoin(a.spec))
      await harness.eventually(b.leave())
      for (const [given, answered] of told) assert.deepEqual(given, answered)
      const views = told.map(([members]) => String(members))
      assert.deepEqual(
        views.filter((view, index) => view !== views[index - 1]),
        ['a,b', 'a'],
      )
    },
  },
]

/** A peer that does not listen cannot be joined, but may join. */
async function rejoin(harness: ManagerHarness, node: PeerServiceManager, peer: PeerServiceManager): Promise<void> {
  if (peer.spec.addresses.length > 0) return harness.eventually(node.syncJoin(peer.spec))
  await harness.eventually(node.stop())
  await harness.eventually(node.start())
  await harness.eventually(peer.syncJoin(node.spec))
}
