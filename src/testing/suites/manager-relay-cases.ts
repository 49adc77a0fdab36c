import assert from 'node:assert/strict'
import { NotConnectedError, PartitionedError } from '../../core/errors.js'
import { NoRouteError } from '../../core/no-route-error.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import {
  hear,
  type ManagerCase,
  type ManagerHarness,
  messagesOf,
  pair,
  range,
  record,
  rejected,
  type SuiteNode,
  type Trio,
  trio,
} from './manager-harness.js'

const relayed = { transitive: true } as const

/** What is promised about messages that may go through other nodes. */
export const relayCases: readonly ManagerCase[] = [
  {
    name: 'with transitive every node asks every other, also one that it does not know; without it it does not',
    exercises: ['relay'],
    async run(harness) {
      const nodes = await trio(harness)
      for (const node of Object.values(nodes)) node.register('who', (question: unknown) => [node.name, question])
      for (const [from, to, knows] of pairs(harness, nodes)) {
        const question = `${from.name} asks ${to.name}`
        if (!knows) await rejected(harness, from.request(to.name, 'who', question), NotConnectedError)
        const answer = await harness.eventually(from.request(to.name, 'who', question, relayed))
        assert.deepEqual(answer, [to.name, question])
        const ways = from.connections().filter(({ node, state }) => node === to.name && state === 'open')
        assert.ok(ways.length > 0 && ways.every(way => way.relayed === !knows), 'it says which connections are relayed')
        // That there is a way now changes nothing for those who did not ask for one.
        if (!knows) await rejected(harness, from.forwardMessage(to.name, 'who', 1), NotConnectedError)
      }
      for (const name of ['a', 'b', 'c'] as const) {
        assert.deepEqual(nodes[name].members(), harness.traits.members[name])
      }
    },
  },
  {
    name: 'messages with transitive arrive in order, large ones and acknowledged ones too, on the channel they name',
    async run(harness) {
      const nodes = await trio(harness, { channels: { data: { parallelism: 2 } } })
      for (const [from, to] of pairs(harness, nodes)) {
        const server = `from ${from.name}`
        const heard = hear(to, server)
        const options = { ...relayed, channel: 'data' }
        for (const number of range(0, 50)) from.castMessage(to.name, server, number, options)
        await harness.eventually(from.forwardMessage(to.name, server, new Uint8Array(300_000).fill(7), options))
        await harness.eventually(from.forwardMessage(to.name, server, 'last', { ...options, ack: true }))
        await harness.until(() => heard.length === 52)
        const [large, last] = messagesOf(heard).slice(50)
        assert.deepEqual(messagesOf(heard).slice(0, 50), range(0, 50))
        assert.ok(large instanceof Uint8Array && large.length === 300_000 && large.every(byte => byte === 7))
        assert.equal(last, 'last')
        const { from: origin, incarnation, channel } = heard[0]?.context ?? {}
        assert.deepEqual([origin, incarnation, channel], [from.name, from.spec.incarnation, 'data'])
      }
    },
  },
  {
    name: 'a message to a node that there is not rejects with NoRouteError, and a cast is told of by an event',
    async run(harness) {
      const nodes = await trio(harness)
      for (const node of Object.values(nodes)) {
        const dropped = record(node, 'dropped')
        const facts = { code: 'ERR_NO_ROUTE', node: 'nobody' }
        await rejected(harness, node.forwardMessage('nobody', 'server', 1, relayed), NoRouteError, facts)
        await rejected(harness, node.request('nobody', 'server', 1, relayed), NoRouteError, facts)
        await rejected(harness, node.forwardMessage('nobody', 'server', 1, { ...relayed, ack: true }), NoRouteError)
        node.castMessage('nobody', 'server', 1, relayed)
        await harness.until(() => dropped.length === 1)
        const [, drop] = dropped[0] ?? []
        const said = {
          reason: 'unreachable',
          node: 'nobody',
          direction: 'forward',
          channel: 'default',
          server: 'server',
        }
        assert.deepEqual(drop, said)
      }
    },
  },
  {
    name: 'a partition is not got round: between the two that it cuts off from each other there is no way',
    async run(harness) {
      const { a, b } = await pair(harness)
      const heard = hear(b, 'server')
      const ref = await harness.eventually(a.injectPartition('a', 0))
      await harness.until(() => !a.isConnected('b') && !b.isConnected('a'))
      await rejected(harness, a.forwardMessage('b', 'server', 1, relayed), PartitionedError, { node: 'b' })
      await rejected(harness, b.request('a', 'server', 1, relayed), PartitionedError, { node: 'a' })
      await harness.eventually(a.resolvePartition(ref))
      await harness.until(() => a.isConnected('b') && b.isConnected('a'))
      await harness.eventually(a.forwardMessage('b', 'server', 2, relayed))
      await harness.until(() => heard.length === 1)
      assert.deepEqual(messagesOf(heard), [2])
    },
  },
]

/** Each node with each other, and whether it knows it. */
function pairs(
  { traits }: ManagerHarness,
  nodes: Trio,
): readonly (readonly [from: PeerServiceManager, to: PeerServiceManager, knows: boolean])[] {
  const names: readonly SuiteNode[] = ['a', 'b', 'c']
  return names.flatMap(from =>
    names.filter(to => to !== from).map(to => [nodes[from], nodes[to], traits.members[from].includes(to)] as const),
  )
}
