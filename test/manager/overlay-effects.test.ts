import { expect, test } from 'vitest'
import {
  type Incarnation,
  type MembershipEffect,
  type MembershipInput,
  type MembershipStrategy,
  type NodeName,
  type NodeSpec,
  peerService,
} from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'

/** Connects with whom it joins. When it is reserved a tag that is a number, it has heard that this life of `b` left. */
class Hearsay implements MembershipStrategy<never> {
  readonly capabilities = []
  #self: NodeSpec | undefined

  step(input: MembershipInput<never>, _now: number, out: MembershipEffect<never>[]): void {
    if (input.type === 'start') this.#self = input.self
    if (input.type === 'join') {
      out.push({ type: 'connect', peer: input.peer })
      out.push({ type: 'notify', event: { type: 'joined', peer: input.peer.name } })
    }
    if (input.type === 'reserve') {
      const incarnation = Number(input.tag) as Incarnation
      out.push({ type: 'disconnect', node: 'b' as NodeName, reason: 'left', incarnation })
    }
  }

  members = (): readonly NodeSpec[] => (this.#self === undefined ? [] : [this.#self])
  route = (): readonly NodeSpec[] => []
  parse = (): undefined => undefined
  admit = (): undefined => undefined
  state = (): { members: readonly NodeName[] } => ({ members: [] })
}

test('that an earlier life of a peer left does not end the connections of a later one', async () => {
  await using net = simulate({
    nodes: ['a', 'b'],
    manager: options => peerService(new Hearsay(), { ...options, seeds: [] }),
    seeds: () => [],
  })
  await net.settle()
  const [a, b] = [net.node('a'), net.node('b')]
  await net.settle(a.join(b.spec))
  await net.until(() => a.isFullyConnected('b'))
  const { incarnation } = b.spec
  a.reserve(String(incarnation - 1))
  await net.pass(100)
  expect(a.isConnected('b')).toBe(true)
  a.reserve(String(incarnation))
  await net.pass(10)
  expect(a.isConnected('b')).toBe(false)
})

test('a cut of which a peer that had lost its connections could not be told is told on its next one', async () => {
  await using net = simulate({ nodes: ['a', 'b'] })
  await net.settle()
  net.halfOpen('b', 'a')
  const ref = await net.settle(net.node('a').injectPartition('a', 0))
  await net.until(() => net.node('b').partitions().length > 0, 5_000)
  expect(net.node('b').partitions()).toMatchObject([{ ref, node: { name: 'a' } }])
})
