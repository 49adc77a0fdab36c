import { expect, test } from 'vitest'
import { type NodeName, type NodeSpec, peerService } from '../../src/index.js'
import { heldMax } from '../../src/link/retention.js'
import { simulate } from '../../src/testing/testing.js'
import { Obedient } from '../support/obedient.js'

const removeDownAfter = 60_000

/** Lets go of whose name it is reserved. */
const parting = (): Obedient =>
  new Obedient((input, out) => {
    if (input.type === 'reserve') out.push({ type: 'disconnect', node: input.tag as NodeName, reason: 'unwanted' })
  })

test('messages wait for 64 neighbours that are away when they are let go, as long as for members', async () => {
  const held = Array.from({ length: heldMax }, (_, index) => `held${index}`)
  const names = [...held, 'further']
  await using net = simulate({
    ...{ nodes: ['a', ...names], seeds: () => [], historyMax: 10 },
    manager: options => peerService(parting(), { ...options, seeds: [], maxReserved: 100, removeDownAfter }),
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

/** Of `a`, which has been up for long: connects with `b` when it is reserved a tag with `+`, else lets go of it. */
async function overlayOfTwo() {
  let peer: NodeSpec | undefined
  const obedient = (): Obedient =>
    new Obedient((input, out) => {
      if (input.type !== 'reserve' || peer === undefined) return
      if (input.tag.startsWith('+')) out.push({ type: 'connect', peer })
      else out.push({ type: 'disconnect', node: peer.name, reason: 'unwanted' })
    })
  const net = simulate({
    ...{ nodes: ['a', 'b'], seeds: () => [], historyMax: 10 },
    manager: options => peerService(obedient(), { ...options, seeds: [], maxReserved: 100, removeDownAfter }),
    setup: node => void node.register('inbox', () => {}),
  })
  await net.settle()
  const learn = (): void => {
    peer = net.node('b').spec
  }
  learn()
  await net.pass(2 * removeDownAfter)
  return { net, a: net.node('a'), learn }
}

test('messages wait as long for a neighbour that was never reached, however long this node has been up', async () => {
  const { net, a } = await overlayOfTwo()
  await using _ = net
  const ends: string[] = []
  net.crash('b')
  a.reserve('+')
  void a.forwardMessage('b', 'inbox', 1, { ack: true }).catch(({ code }) => ends.push(code))
  a.reserve('-')
  await net.pass(removeDownAfter - 1_000)
  expect(ends).toEqual([])
  await net.pass(2_000)
  expect(ends).toEqual(['ERR_NOT_CONNECTED'])
})

test('messages wait on for a neighbour that begins anew while it is away', async () => {
  const { net, a, learn } = await overlayOfTwo()
  await using _ = net
  a.reserve('+')
  await net.until(() => a.isFullyConnected('b'))
  net.partition(['a'], ['b'])
  await net.until(() => !a.isConnected('b'))
  const ends: string[] = []
  const options = { ack: true, whenDown: 'wait' } as const
  void a.forwardMessage('b', 'inbox', 1, options).then(
    () => ends.push('arrived'),
    ({ code }) => ends.push(code),
  )
  a.reserve('-')
  await net.pass(1_000)
  net.crash('b')
  net.restart('b')
  await net.pass(100)
  learn()
  // The overlay tells of its new life, which cannot be reached yet.
  a.reserve('+ again')
  a.reserve('- again')
  await net.pass(5_000)
  expect(ends).toEqual([])
  net.heal()
  await net.pass(40_000)
  expect(ends).toEqual(['arrived'])
})
