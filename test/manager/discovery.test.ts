import { describe, expect, test } from 'vitest'
import { type Discovery, staticList } from '../../src/index.js'
import { discoveredMax } from '../../src/manager/discoverer.js'
import { Cluster } from '../support/cluster.js'

/** A discovery whose answers a test gives, and whose questions it counts. */
class Told implements Discovery {
  answer: () => Promise<readonly string[]>
  asked = 0

  constructor(...addresses: readonly string[]) {
    this.answer = async () => addresses
  }

  lookup(): Promise<readonly string[]> {
    this.asked++
    return this.answer()
  }
}

const names = ['a', 'b', 'c']
const all = names.map(name => `memory://${name}:1`)

describe('a discovery', () => {
  test('makes one cluster of nodes that were told nothing else, and each finds itself without noise', async () => {
    const cluster = new Cluster()
    // Nobody tells of the address that is found: to learn who is there, each node has to ask itself too.
    const advertised = (name: string): string[] => [`memory://${name}.inside:1`, `memory://${name}:1`]
    const discovery = staticList(all)
    const nodes = await Promise.all(
      names.map(name => cluster.start(name, { discovery, advertise: advertised(name).slice(0, 1) })),
    )
    const retries: unknown[] = []
    for (const node of nodes) node.events.on('refused', refusal => retries.push(refusal))
    await cluster.until(() => nodes.every(node => node.members().length === 3))
    await cluster.pass(60_000)
    expect(nodes.map(node => node.counters().refused)).toEqual([0, 0, 0])
    expect(retries).toEqual([])
    expect(nodes.map(node => node.counters().discoveryRefused)).toEqual([0, 0, 0])
  })

  test('is asked at the start and again and again, and every second while the node is alone', async () => {
    const cluster = new Cluster()
    const discovery = new Told()
    const a = await cluster.start('a', { discovery })
    await cluster.pass(30_000)
    const alone = discovery.asked
    expect(alone).toBeGreaterThan(20)
    expect(alone).toBeLessThan(45)
    const b = await cluster.start('b')
    await cluster.settle(b.syncJoin(a.spec))
    await cluster.pass(60_000)
    expect(discovery.asked - alone).toBeGreaterThan(3)
    expect(discovery.asked - alone).toBeLessThan(14)
  })

  test('adds what it finds later, and takes nobody away whom it does not find', async () => {
    const cluster = new Cluster()
    const discovery = new Told()
    const a = await cluster.start('a', { discovery })
    const told: unknown[] = []
    a.events.on('discovered', addresses => told.push(addresses))
    await cluster.start('b')
    await cluster.pass(5_000)
    expect(a.members()).toEqual(['a'])
    discovery.answer = async () => ['memory://b:1', 'memory://b:1']
    await cluster.until(() => a.members().length === 2)
    expect(told).toEqual([['memory://b:1']])
    discovery.answer = async () => []
    await cluster.pass(60_000)
    expect(a.members()).toEqual(['a', 'b'])
  })

  test('joins an address again when another node answers there, for ever', async () => {
    const cluster = new Cluster()
    const discovery = staticList(['memory://seed:1'])
    const atSeed = { listen: { host: 'seed', port: 1 } }
    const z = await cluster.start('z', { discovery })
    const first = await cluster.start('first', atSeed)
    await cluster.until(() => z.members().includes(first.name))
    await cluster.settle(first.stop())
    await cluster.pass(120_000)
    const second = await cluster.start('second', atSeed)
    await cluster.until(() => z.members().includes(second.name))
  })

  test('dials no address that a connected member tells of', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const discovery = new Told(b.spec.addresses[0] as string)
    const c = await cluster.start('c', { discovery, seeds: [a.spec] })
    await cluster.until(() => c.members().length === 3)
    const told: unknown[] = []
    c.events.on('discovered', addresses => told.push(addresses))
    const before = discovery.asked
    await cluster.until(() => discovery.asked > before + 2)
    expect(told).toEqual([])
  })

  test.each<[string, () => Promise<readonly string[]>]>([
    ['rejects', () => Promise.reject(new Error('no such name'))],
    [
      'throws',
      () => {
        throw new Error('planted')
      },
    ],
    ['never answers', () => new Promise(() => {})],
    ['answers with what is no list', async () => 'ws://a:1' as unknown as string[]],
  ])('that %s is counted and told of, and disturbs nothing', async (_how, answer) => {
    const cluster = new Cluster()
    const discovery = new Told()
    discovery.answer = answer
    const a = await cluster.start('a', { discovery })
    const told: Error[] = []
    a.events.on('discovery-failed', error => told.push(error))
    await cluster.pass(20_000)
    expect(told.length).toBeGreaterThan(1)
    expect(a.counters().discoveryFailed).toBeGreaterThanOrEqual(told.length)
    discovery.answer = async () => ['memory://b:1']
    await cluster.start('b')
    await cluster.until(() => a.members().length === 2)
  })

  test('is told which address is none, and so are its counters', async () => {
    const cluster = new Cluster()
    const discovery = new Told('b', 'ws://b:1', '', 7 as unknown as string, 'memory://b:1')
    const a = await cluster.start('a', { discovery })
    await cluster.start('b')
    await cluster.until(() => a.members().length === 2)
    expect(a.counters().discoveryRefused).toBe(4 * discovery.asked)
  })

  test('is told which text is no address, and why: once while it is found', async () => {
    const cluster = new Cluster()
    const long = 'x'.repeat(1_000)
    const discovery = new Told('b', 'ws://b:1', 7 as unknown as string, long, 'b', 'memory://b:0')
    const a = cluster.node('a', { discovery })
    const told: { readonly address: string; readonly reason: string }[] = []
    a.events.on('discovery-refused', refusal => told.push(refusal))
    await cluster.settle(a.start())
    await cluster.pass(20_000)
    expect(discovery.asked).toBeGreaterThan(2)
    const none = `is no address such as 'memory://127.0.0.1:7001'`
    expect(told).toEqual([
      { address: 'b', reason: none },
      { address: 'ws://b:1', reason: `has the scheme 'ws', and this transport has memory` },
      { address: 'a number', reason: none },
      { address: long.slice(0, 256), reason: none },
      {
        address: 'memory://b:0',
        reason: 'has the port 0, at which nobody listens: publish the one that the node listens at',
      },
    ])
    discovery.answer = async () => []
    await cluster.pass(3_000)
    const lines = Array.from({ length: 40 }, (_, index) => `line\n${index}`)
    // In another order each time, as of DNS.
    discovery.answer = async () => {
      lines.push(lines.shift() ?? '')
      return [...lines]
    }
    told.length = 0
    await cluster.pass(1_000)
    expect(told.length % 16).toBe(0)
    await cluster.pass(60_000)
    expect(told.length).toBe(40)
    expect(new Set(told.map(({ address }) => address))).toEqual(
      new Set(lines.map(line => line.replace('\n', '\ufffd'))),
    )
  })

  test('is off once the node has left, or stops, until it joins or starts', async () => {
    const cluster = new Cluster()
    const discovery = new Told('memory://b:1')
    const a = await cluster.start('a', { discovery })
    const b = await cluster.start('b')
    await cluster.until(() => b.members().length === 2)
    await cluster.settle(a.leave())
    let { asked } = discovery
    await cluster.pass(60_000)
    expect([discovery.asked, a.members(), b.members()]).toEqual([asked, ['a'], ['b']])
    await cluster.settle(a.join(b.spec))
    await cluster.until(() => discovery.asked > asked + 1)
    await cluster.settle(a.stop())
    asked = discovery.asked
    await cluster.pass(60_000)
    expect(discovery.asked).toBe(asked)
    await cluster.settle(a.start())
    await cluster.until(() => discovery.asked > asked && b.isConnected('a'))
  })

  test('keeps a bounded number of addresses, and gives up first those that it does not find any more', async () => {
    const cluster = new Cluster()
    const gone = Array.from({ length: discoveredMax - 1 }, (_, index) => `memory://gone-${index}:1`)
    const discovery = new Told(...gone)
    const a = await cluster.start('a', { discovery })
    await cluster.pass(3_000)
    discovery.answer = async () => ['memory://x:1', ...gone.slice(1), 'memory://b:1']
    await cluster.start('b')
    await cluster.until(() => a.members().length === 2)
    expect(a.counters().discoveryRefused).toBe(0)
    discovery.answer = async () => ['memory://x:1', ...gone.slice(1), 'memory://b:1', 'memory://one-too-many:1']
    await cluster.until(() => a.counters().discoveryRefused > 0)
    expect(a.members()).toEqual(['a', 'b'])
  })

  test('is checked when the node is made', () => {
    const cluster = new Cluster()
    for (const [option, value] of [
      ['discovery.lookup', { discovery: {} as Discovery }],
      ['discoveryInterval', { discoveryInterval: 0 }],
    ] as const) {
      expect(() => cluster.node('a', value)).toThrow(expect.objectContaining({ option }))
    }
  })
})
