import { describe, expect, test } from 'vitest'
import { hyParView, type PeerServiceManager } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'

const relayed = { transitive: true } as const

type Overlay = Parameters<typeof simulate>[0]

/** HyParView nodes of few neighbours, all in one overlay, at rest. */
async function overlay(options: Pick<Overlay, 'nodes' | 'seed'>, activeViewSize: number, shuffleInterval: number) {
  const digits = String(options.nodes).length
  const first = `n${'1'.padStart(digits, '0')}`
  const net = simulate({
    ...options,
    historyMax: 10,
    seeds: name => (name === first ? [] : [first]),
    manager: given => hyParView({ ...given, activeViewSize, shuffleInterval }),
    setup: (node, { clock }) => {
      node.register('echo', (value: number) => value)
      node.register('slow', () => new Promise(resolve => void clock.schedule(500, () => resolve(1))))
    },
  })
  await net.pass(30_000)
  return net
}

function stranger(node: PeerServiceManager, names: readonly string[]): string {
  const found = names.find(name => !node.members().includes(name as never))
  if (found === undefined) throw new Error('everybody is a neighbour')
  return found
}

describe('the short connections of an overlay', () => {
  // The shuffles of this overlay dial the other end of the circuit several times in these minutes.
  test.each([1, 2, 3])('do not end circuits that are in use (seed %i)', async seed => {
    await using net = await overlay({ nodes: 10, seed }, 3, 1_000)
    const names = net.live
    const node = net.node(names[0] as string)
    const to = stranger(node, names)
    const failures: unknown[] = []
    const downs: string[] = []
    node.onDown(to, () => void downs.push(to))
    let answers = 0
    for (let count = 0; count < 480; count++) {
      void node.request(to, 'slow', 1, relayed).then(
        () => answers++,
        (error: unknown) => failures.push(error),
      )
      await net.pass(250)
    }
    await net.pass(1_000)
    expect([failures, downs, answers]).toEqual([[], [], 480])
  })

  test('stay while something goes over them, and are closed a minute after', async () => {
    await using net = await overlay({ nodes: 10, seed: 1 }, 3, 1_000)
    const direct = (): number => {
      let count = 0
      for (const name of net.live) {
        const node = net.node(name)
        const members = node.members() as readonly string[]
        const peers = node.connections().filter(({ relayed, state }) => !relayed && state === 'open')
        count += new Set(peers.map(({ node: peer }) => peer).filter(peer => !members.includes(peer))).size
      }
      return count
    }
    for (let round = 0; round < 40; round++) {
      const requests: Promise<unknown>[] = []
      for (const from of net.live) {
        for (const to of net.live) if (from !== to) requests.push(net.node(from).request(to, 'echo', 1, relayed))
      }
      await net.settle(Promise.all(requests))
      await net.pass(1_000)
    }
    expect(direct()).toBeGreaterThan(0)
    await net.pass(70_000)
    // What is left is of the moment: the overlay asks somebody.
    expect(direct()).toBeLessThan(3)
    const relays = net.live.flatMap(name =>
      net
        .node(name)
        .connections()
        .filter(({ relayed }) => relayed),
    )
    expect(relays).toEqual([])
  })
})

describe('a search for a way', () => {
  test.each([1, 21, 37])('finds it whatever the overlay does meanwhile, and soon (seed %i)', async seed => {
    await using net = await overlay({ nodes: 16, seed }, 3, 1_000)
    let slowest = 0
    for (const from of net.live) {
      for (const to of net.live) {
        if (from === to) continue
        const start = net.clock.now()
        expect(await net.settle(net.node(from).request(to, 'echo', 1, relayed))).toBe(1)
        slowest = Math.max(slowest, net.clock.now() - start)
      }
    }
    expect(slowest).toBeLessThan(1_000)
  })
})
