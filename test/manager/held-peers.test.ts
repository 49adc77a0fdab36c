import { expect, test } from 'vitest'
import {
  type MembershipEffect,
  type MembershipInput,
  type MembershipStrategy,
  type NodeName,
  type NodeSpec,
  peerService,
} from '../../src/index.js'
import { heldMax } from '../../src/link/retention.js'
import { simulate } from '../../src/testing/testing.js'

const removeDownAfter = 60_000

/** Connects with whom it joins, and lets go of whose name it is reserved. */
class Obedient implements MembershipStrategy<never> {
  readonly capabilities = []
  #self: NodeSpec | undefined

  step(input: MembershipInput<never>, _now: number, out: MembershipEffect<never>[]): void {
    if (input.type === 'start') this.#self = input.self
    if (input.type === 'join') {
      out.push({ type: 'connect', peer: input.peer })
      out.push({ type: 'notify', event: { type: 'joined', peer: input.peer.name } })
    }
    if (input.type === 'reserve') out.push({ type: 'disconnect', node: input.tag as NodeName, reason: 'unwanted' })
  }

  members = (): readonly NodeSpec[] => (this.#self === undefined ? [] : [this.#self])
  route = (): readonly NodeSpec[] => []
  parse = (): undefined => undefined
  admit = (): undefined => undefined
  state = (): { members: readonly NodeName[] } => ({ members: [] })
}

test('messages wait for 64 neighbours that are away when they are let go, as long as for members', async () => {
  const held = Array.from({ length: heldMax }, (_, index) => `held${index}`)
  const names = [...held, 'further']
  await using net = simulate({
    ...{ nodes: ['a', ...names], seeds: () => [], historyMax: 10 },
    manager: options => peerService(new Obedient(), { ...options, seeds: [], maxReserved: 100, removeDownAfter }),
    setup: node => void node.register('slow', () => new Promise(() => {})),
  })
  await net.settle()
  const a = net.node('a')
  const ends: string[] = []
  for (const name of names) {
    await net.settle(a.join(net.node(name).spec))
    await net.until(() => a.isFullyConnected(name))
    void a
      .forwardMessage(name, 'slow', 1, { ack: { when: 'handled' } })
      .catch(({ code }) => ends.push(`${name} ${code}`))
  }
  await net.pass(100)
  for (const name of names) net.crash(name)
  await net.until(() => names.every(name => !a.isConnected(name)))
  void a.forwardMessage('further', 'slow', 2, { whenDown: 'wait' }).catch(({ code }) => ends.push(`further ${code}`))
  for (const name of names) a.reserve(name)
  await net.pass(10_000)
  expect(ends.sort()).toEqual(['further ERR_NOT_CONNECTED', 'further ERR_UNKNOWN_OUTCOME'])
  expect(a.counters()).toMatchObject({ notHeld: 1, heldTooLong: 0 })
  ends.length = 0
  await net.pass(removeDownAfter - 20_000)
  expect(ends).toEqual([])
  await net.pass(20_000)
  expect(ends.sort()).toEqual(held.map(name => `${name} ERR_UNKNOWN_OUTCOME`).sort())
  expect(a.counters()).toMatchObject({ notHeld: 1, heldTooLong: heldMax })
  expect([...new Set(a.connections().map(({ node }) => node))]).toEqual([])
})
