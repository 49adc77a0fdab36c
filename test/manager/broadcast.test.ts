import { describe, expect, test } from 'vitest'
import { type PeerServiceManager, staticMesh } from '../../src/index.js'
import { simulate } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'

describe('a broadcast', () => {
  test('is the same to all, whatever a handler does to the bytes that it was given', async () => {
    const cluster = new Cluster({ make: staticMesh })
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    await cluster.settle(b.syncJoin(a.spec))
    await cluster.settle(c.syncJoin(b.spec))
    const bytes = new Uint8Array(5_000).fill(7)
    const got: Uint8Array[] = []
    b.register('bytes', (given: Uint8Array) => void given.fill(0))
    c.register('bytes', (given: Uint8Array) => void got.push(given))
    await cluster.settle(a.broadcast('bytes', bytes))
    await cluster.pass(1_000)
    expect(got).toEqual([bytes])
  })

  test.each([1, 2, 3, 4, 5])('reaches every live node once, whoever dies under way (seed %i)', async seed => {
    const heard = new Map<PeerServiceManager, string[]>()
    await using net = simulate({
      nodes: 8,
      seed,
      setup: manager => {
        const its: string[] = []
        heard.set(manager, its)
        manager.register('news', (text: string) => void its.push(text))
      },
    })
    await net.settle()
    const [first = '', second = '', victim = '', cut = ''] = net.names
    const sent: string[] = []
    const say = async (from: string): Promise<void> => {
      const text = `${from} ${sent.length}`
      sent.push(text)
      void net
        .node(from)
        .broadcast('news', text)
        .catch(() => {})
      await net.pass(net.random.next() * 50)
    }
    for (let round = 0; round < 10; round++) for (const from of [first, second]) await say(from)
    net.crash(victim)
    for (let round = 0; round < 10; round++) for (const from of [first, second]) await say(from)
    const others = net.names.filter(name => name !== cut)
    net.partition([cut], others)
    for (let round = 0; round < 10; round++) for (const from of [first, second]) await say(from)
    await net.pass(8_000)
    net.heal()
    net.restart(victim)
    await net.settle()
    await net.pass(15_000)
    for (const name of net.names.filter(each => each !== victim)) {
      const its = heard.get(net.node(name)) ?? []
      for (const from of [first, second]) {
        const ofOrigin = (texts: readonly string[]): string[] => texts.filter(text => text.startsWith(`${from} `))
        expect(ofOrigin(its), name).toEqual(name === from ? [] : ofOrigin(sent))
      }
    }
  })

  test('that finds no room is waited for until its deadline, and arrives all the same', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 4_096, queueBytes: 4_096 } } })
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    let resume = (): void => {}
    const jam = new Promise<void>(resolve => {
      resume = resolve
    })
    b.register('news', (message: Uint8Array) => {
      heard.push(message[0])
      return jam
    })
    const wall = cluster.clock.wall().getTime()
    for (const id of [0, 1]) await cluster.settle(a.broadcast('news', new Uint8Array(3_000).fill(id)))
    const late = { code: 'ERR_DEADLINE', outcome: 'unknown' }
    expect(await cluster.failure(a.broadcast('news', Uint8Array.of(2), { timeout: 500 }))).toMatchObject(late)
    expect(cluster.clock.wall().getTime() - wall).toBeLessThan(1_000)
    const deadline = cluster.clock.wall().getTime() + 500
    expect(await cluster.failure(a.broadcast('news', Uint8Array.of(3), { deadline }))).toMatchObject(late)
    resume()
    await cluster.until(() => heard.length === 4)
    expect(heard).toEqual([0, 1, 2, 3])
  })

  test('that an interposition drops on its way comes by the exchange', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    b.register('news', message => void heard.push(message))
    await cluster.settle(a.broadcast('news', 0))
    const kinds = new Set<string>()
    const rule = a.interpose(({ kind, direction }) => {
      kinds.add(`${kind} ${direction}`)
      return { type: kind === 'broadcast' && direction === 'forward' ? 'drop' : 'pass' }
    })
    await cluster.settle(a.broadcast('news', 1))
    await cluster.pass(1_000)
    rule[Symbol.dispose]()
    expect(kinds).toContain('broadcast forward')
    await cluster.until(() => heard.length === 2, 30_000)
    expect(heard).toEqual([0, 1])
  })

  test('whose neighbour does not read is announced to it when it does', async () => {
    const cluster = new Cluster({ options: { limits: { windowBytes: 2_000, queueBytes: 4_000, blockedCalls: 2 } } })
    const [a, b] = await cluster.pair()
    const heard: unknown[] = []
    let go = (): void => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    b.register('news', async (message: unknown) => {
      await gate
      heard.push(message)
    })
    const all = Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(300)}`)
    const calls = all.map(text => a.broadcast('news', text))
    await cluster.pass(3_000)
    expect(a.counters().broadcastsDeferred).toBeGreaterThan(0)
    go()
    await cluster.settle(Promise.all(calls))
    await cluster.until(() => heard.length === 100)
    expect(heard).toEqual(all)
  })

  test('that is too large for one member reaches all others, which wait for nothing; both ends are told', async () => {
    const cluster = new Cluster()
    const limits = { messageBytes: 100_000 }
    const nodes = [await cluster.start('a'), await cluster.start('b', { limits }), await cluster.start('c')] as const
    const [a, b, c] = nodes
    for (const other of [b, c]) await cluster.settle(other.syncJoin(a.spec))
    await cluster.until(() => nodes.every(node => ['a', 'b', 'c'].every(name => node.isFullyConnected(name))))
    const got: string[] = []
    const told: unknown[] = []
    for (const node of nodes) {
      node.register('s', (message: Uint8Array) => void got.push(`${node.name}${message.length}`))
      node.events.on('dropped', drop => told.push([node.name, drop.node, drop.reason]))
      node.events.on('broadcast-gap', gap => told.push([node.name, gap]))
    }
    await cluster.settle(a.broadcast('s', new Uint8Array(1)))
    await cluster.pass(1_000)
    await cluster.settle(a.broadcast('s', new Uint8Array(200_000)))
    await cluster.settle(a.broadcast('s', new Uint8Array(2)))
    await cluster.until(() => got.includes('b2') && got.includes('c2'), 200)
    expect(got.filter(each => each.startsWith('c'))).toEqual(['c1', 'c200000', 'c2'])
    expect(got.filter(each => each.startsWith('b'))).toEqual(['b1', 'b2'])
    expect(told).toContainEqual(['a', 'b', 'encode'])
    expect(told).toContainEqual(['b', { node: 'a', channel: 'default', count: 1 }])
    expect(b.counters().broadcastsMissed).toBe(1)
    expect(b.counters().violations).toBe(0)
  })

  test('that nobody keeps any more is counted and told, also where none of its origin was heard before', async () => {
    const cluster = new Cluster()
    const [a, b, c] = (await cluster.mesh(['a', 'b', 'c'])) as [
      PeerServiceManager,
      PeerServiceManager,
      PeerServiceManager,
    ]
    const gaps: unknown[] = []
    const got: number[] = []
    b.events.on('broadcast-gap', gap => gaps.push(gap))
    b.register('news', (number: number) => void got.push(number))
    await cluster.pass(5_000)
    for (const other of ['a', 'c']) cluster.split('b', other)
    for (let number = 1; number <= 90; number++) {
      void a.broadcast('news', number).catch(() => {})
      await cluster.pass(2_000)
    }
    cluster.heal()
    await cluster.until(() => got.includes(90))
    expect(b.counters().broadcastsMissed + got.length).toBe(90)
    expect(b.counters().broadcastsMissed).toBeGreaterThan(0)
    expect(gaps).toEqual([{ node: 'a', channel: 'default', count: b.counters().broadcastsMissed }])
    expect(c.counters().broadcastsMissed).toBe(0)
  })

  test('costs nodes that never broadcast nothing: no timer, no message', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const kinds: string[] = []
    a.interpose(({ kind }) => {
      kinds.push(kind)
      return { type: 'pass' }
    })
    await cluster.pass(60_000)
    expect(kinds).not.toContain('broadcast')
  })

  test('message that cannot be read is reported, and disturbs nobody', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const told: unknown[] = []
    b.events.on('violation', violation => told.push(violation))
    await cluster.settle(a.broadcast('news', 1))
    a.interpose(({ kind }) => (kind === 'broadcast' ? { type: 'replace', message: 'garbage' } : { type: 'pass' }))
    await cluster.settle(a.broadcast('news', 2))
    await cluster.until(() => told.length > 0)
    expect(told[0]).toMatchObject({ node: 'a', rule: 'malformed' })
    expect(a.isFullyConnected('b')).toBe(true)
  })
})
