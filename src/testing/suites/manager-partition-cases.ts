import assert from 'node:assert/strict'
import { FaultsDeniedError, InvalidOptionError, PartitionedError, UnreachableError } from '../../core/errors.js'
import type { PartitionRef } from '../../fault/partition.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import {
  abortable,
  bothWays,
  exchange,
  failure,
  hear,
  isWhole,
  type ManagerCase,
  matches,
  messagesOf,
  mistaken,
  outcomes,
  type Pair,
  pair,
  record,
  rejected,
  start,
  trio,
  watch,
} from './manager-harness.js'

/** What is promised about partitions on purpose. */
export const partitionCases: readonly ManagerCase[] = [
  {
    name: 'a partition stops messages of all kinds both ways, and is known at both ends',
    exercises: ['partitions'],
    async run(harness) {
      for (const origin of ['a', 'b'] as const) {
        const nodes = await pair(harness)
        const told = record(nodes[origin], 'down', 'partition')
        const ref = await harness.eventually(nodes[origin].injectPartition(origin, 0))
        await harness.until(() => isCut(nodes))
        for (const [from, to] of bothWays(nodes)) {
          const heard = hear(to, 'server')
          const dropped = record(from, 'dropped')
          const facts = { code: 'ERR_PARTITIONED', node: to.name }
          await rejected(harness, from.forwardMessage(to.name, 'server', 1), PartitionedError, facts)
          await rejected(harness, from.request(to.name, 'server', 1), PartitionedError, facts)
          await rejected(harness, from.sendMessage(to.name, 1), PartitionedError, facts)
          from.castMessage(to.name, 'server', 1)
          matches(dropped[0]?.[1], { reason: 'partitioned', node: to.name })
          assert.deepEqual(from.members(), ['a', 'b'], 'a cut is no departure')
          assert.deepEqual(refsOf(from), [[ref, to.name]])
          assert.deepEqual([from.isConnected(to.name), from.isFullyConnected(to.name)], [false, false])
          assert.ok(from.connections().some(({ state }) => state === 'open'))
          assert.deepEqual(heard, [])
        }
        const peer = origin === 'a' ? 'b' : 'a'
        assert.deepEqual(told[0], ['down', peer, 'cut'])
        assert.equal(told[1]?.[0], 'partition')
        matches(told[1]?.[1], { ref })
        await harness.eventually(Promise.all([nodes.a.stop(), nodes.b.stop()]))
      }
    },
  },
  {
    name: 'a partition may be injected from another node, and resolved from a third',
    exercises: ['partitions', 'remote-faults'],
    async run(harness) {
      const { a, b, c } = await trio(harness)
      const ups = watch(a, '*')
      const healed = record(a, 'heal')
      const ref = await harness.eventually(b.injectPartition(a.spec, 0))
      await harness.until(() => [b, c].every(node => !node.isConnected('a')))
      assert.deepEqual(refsOf(a), [
        [ref, 'b'],
        [ref, 'c'],
      ])
      assert.deepEqual(refsOf(c), [[ref, 'a']])
      if (harness.traits.members.b.includes('c')) {
        assert.ok(b.isConnected('c'), 'nobody else is cut off')
        await exchange(harness, b, c)
      }
      await harness.eventually(c.resolvePartition(ref))
      await harness.until(() => [a, b, c].every(node => node.partitions().length === 0))
      await harness.until(() => a.isFullyConnected('b') && a.isFullyConnected('c'))
      assert.deepEqual(ups.sort(), ['down b', 'down c', 'up b', 'up b', 'up c', 'up c'])
      assert.equal(healed.length, 2)
      for (const [from, to] of [...bothWays({ a, b }), ...bothWays({ a, b: c })]) await exchange(harness, from, to)
    },
  },
  {
    name: 'a partition with a hop is carried out by the neighbours too, and resolved everywhere',
    async run(harness) {
      const nodes = await trio(harness)
      const all = Object.values(nodes)
      const { members } = harness.traits
      const ref = await harness.eventually(nodes.b.injectPartition('b', 1))
      const neighbours = members.b.filter(name => name !== 'b')
      await harness.until(() =>
        neighbours.every(name => members[name].every(other => other === name || !nodes[name].isConnected(other))),
      )
      for (const name of neighbours) {
        const others = members[name].filter(other => other !== name)
        assert.deepEqual(
          refsOf(nodes[name]),
          others.map(other => [ref, other]),
        )
      }
      await harness.eventually(nodes.b.resolvePartition(ref))
      await harness.until(() => all.every(node => isWhole(node, members[node.name as 'a'])))
      assert.deepEqual(
        all.flatMap(node => node.partitions()),
        [],
      )
    },
  },
  {
    name: 'of several partitions between two nodes the last one that is resolved makes them whole',
    async run(harness) {
      const { a, b } = await pair(harness)
      const told = watch(b, 'a')
      const first = await harness.eventually(a.injectPartition('a', 0))
      const second = await harness.eventually(a.injectPartition('b', 0))
      const third = await harness.eventually(b.injectPartition('a', 0))
      await harness.until(() => a.partitions().length === 3 && b.partitions().length === 3)
      for (const ref of [second, first]) {
        await harness.eventually(b.resolvePartition(ref))
        await harness.eventually(b.resolvePartition(ref))
        await harness.until(() => refsOf(a).every(([left]) => left !== ref))
        assert.deepEqual([a.isConnected('b'), b.isConnected('a')], [false, false])
      }
      assert.deepEqual([refsOf(a), refsOf(b)], [[[third, 'b']], [[third, 'a']]])
      await harness.eventually(a.resolvePartition(third))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
      assert.deepEqual(told, ['up a', 'down a', 'up a'])
      for (const [from, to] of bothWays({ a, b })) await exchange(harness, from, to)
    },
  },
  {
    name: 'the messages of the overlay do not pass a partition either',
    async run(harness) {
      const { a, b } = await pair(harness)
      const seen: string[] = []
      for (const node of [a, b]) {
        node.interpose(({ kind, direction }) => {
          if (kind === 'membership') seen.push(`${node.name} ${direction}`)
          return { type: 'pass' }
        })
      }
      const ref = await harness.eventually(a.injectPartition('a', 0))
      await harness.until(() => isCut({ a, b }))
      seen.length = 0
      // Each is asked to answer a join, by way of the overlay.
      const { signal, abort } = abortable()
      const joins = [b.join(a.spec, { signal }), ...(b.spec.addresses.length > 0 ? [a.join(b.spec, { signal })] : [])]
      const joined = outcomes(joins)
      // Frames about faults take the same way, and pass: what was sent before them would have arrived.
      const nested = await harness.eventually(b.injectPartition('a', 0))
      assert.deepEqual([seen, joined.includes('done')], [[], false])
      await harness.eventually(a.resolvePartition(nested))
      await harness.eventually(a.resolvePartition(ref))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      abort()
      await harness.until(() => !joined.includes('waits'))
      await harness.eventually(b.join(a.spec))
      assert.ok(seen.length > 0)
    },
  },
  {
    name: 'what is under way when a partition is injected does not arrive, and is counted',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(a, 'server')
      const { signal, abort } = abortable()
      const injected = a.injectPartition('a', 0)
      // The other end has not heard of it yet: a message, and one of the overlay.
      b.castMessage('a', 'server', 1)
      const joined = outcomes([b.join(a.spec, { signal })])
      const ref = await harness.eventually(injected)
      await harness.until(() => isCut({ a, b }) && a.counters().faulted >= 2)
      assert.deepEqual([heard.length, joined[0]], [0, 'waits'])
      abort()
      await harness.eventually(b.resolvePartition(ref))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
      await exchange(harness, b, a)
      assert.equal(heard.length, 0)
    },
  },
  {
    name: 'what waits at a cut stays and leaves when it is resolved; requests end at once',
    async run(harness) {
      const { a, b } = await pair(harness, { limits: { windowBytes: 10_000 } })
      const heard = hear(b, 'server')
      let finish = (): void => {}
      b.register('slow', () => new Promise<void>(resolve => (finish = resolve)))
      b.register('never', () => new Promise(() => {}))
      const asked = failure(harness, a.request('b', 'never', 1))
      await exchange(harness, a, b)
      a.castMessage('b', 'slow', new Uint8Array(12_000))
      await exchange(harness, b, a)
      const waiting = a.forwardMessage('b', 'server', 'message')
      const queued = failure(harness, a.request('b', 'server', 'request'))
      const ref = await harness.eventually(a.injectPartition('a', 0))
      for (const error of [await asked, await queued]) assert.ok(error instanceof PartitionedError, String(error))
      await harness.until(() => isCut({ a, b }))
      finish()
      await harness.eventually(b.resolvePartition(ref))
      await harness.eventually(waiting)
      await harness.until(() => heard.length > 0)
      await exchange(harness, a, b)
      assert.deepEqual(messagesOf(heard), ['message'])
    },
  },
  {
    name: 'a node that takes no faults from others refuses, but may cut itself off',
    async run(harness) {
      const a = await start(harness, 'a', { allowRemoteFaults: false })
      const b = await start(harness, 'b', { allowRemoteFaults: true })
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      const denied = { code: 'ERR_FAULTS_DENIED', node: 'a' }
      await rejected(harness, b.injectPartition('a', 0), FaultsDeniedError, denied)
      assert.deepEqual([a.partitions(), b.partitions()], [[], []])
      const ref = await harness.eventually(a.injectPartition('a', 0))
      await harness.until(() => isCut({ a, b }))
      await harness.eventually(b.resolvePartition(ref))
      await harness.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
    },
  },
  {
    name: 'a partition of a stranger, of no hops or of no reference is the mistake of the caller',
    async run(harness) {
      const { a, b } = await pair(harness)
      await rejected(harness, a.injectPartition('x', 0), UnreachableError, { peer: 'x' })
      for (const ttl of [-1, 0.5, Number.NaN]) await rejected(harness, a.injectPartition('b', ttl), InvalidOptionError)
      await rejected(harness, a.resolvePartition(mistaken(undefined)), InvalidOptionError)
      await harness.eventually(a.resolvePartition('nobody knows it' as PartitionRef))
      await exchange(harness, a, b)
    },
  },
  {
    name: 'a node that starts again has no cuts, and its peers none of it',
    async run(harness) {
      const { a, b } = await pair(harness)
      await harness.eventually(b.injectPartition('a', 0))
      await harness.until(() => isCut({ a, b }))
      await harness.eventually(a.stop())
      await harness.eventually(a.start())
      assert.deepEqual(a.partitions(), [])
      await harness.eventually(b.syncJoin(a.spec))
      await harness.until(() => isWhole(a, ['a', 'b']) && isWhole(b, ['a', 'b']))
      assert.deepEqual([a.partitions(), b.partitions()], [[], []])
      await exchange(harness, b, a)
    },
  },
]

function isCut({ a, b }: Pair): boolean {
  return !a.isConnected('b') && !b.isConnected('a')
}

function refsOf(node: PeerServiceManager): [PartitionRef, string][] {
  const refs = node.partitions().map(({ ref, node: peer }): [PartitionRef, string] => [ref, peer.name])
  return refs.sort(([, one], [, other]) => (one < other ? -1 : 1))
}
