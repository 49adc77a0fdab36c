import { describe, expect, test } from 'vitest'
import { InvalidOptionError, type NodeName, NotConnectedError } from '../../src/index.js'
import { judgeHistory, type Simulation, simulate } from '../../src/testing/testing.js'

/** A settled cluster whose nodes write down, in `seen`, what server `log` of each is told. */
async function cluster(
  names: readonly string[],
  seed = 1,
): Promise<{ net: Simulation; seen: Map<NodeName, unknown[]>; [Symbol.asyncDispose](): Promise<void> }> {
  const seen = new Map<NodeName, unknown[]>()
  const net = simulate({
    nodes: names,
    seed,
    setup: (manager, { name }) => {
      const told: unknown[] = []
      seen.set(name, told)
      manager.register('log', message => void told.push(message))
    },
  })
  await net.settle()
  return { net, seen, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() }
}

const at = (seen: Map<NodeName, unknown[]>, name: string): unknown[] => seen.get(name as NodeName) ?? []

describe('between simulated nodes', () => {
  test('a partition holds back both directions, until it ends', async () => {
    await using run = await cluster(['a', 'b', 'c'])
    const { net, seen } = run
    const partition = net.partition('a', ['b', 'c'])
    net.node('a').castMessage('b', 'log', 'forth')
    net.node('c').castMessage('a', 'log', 'back')
    net.node('b').castMessage('c', 'log', 'beside')
    await net.pass(1_000)
    expect([at(seen, 'a'), at(seen, 'b'), at(seen, 'c')]).toEqual([[], [], ['beside']])
    partition[Symbol.dispose]()
    await net.pass(1_000)
    // A short partition loses nothing: TCP sends again.
    expect([at(seen, 'a'), at(seen, 'b')]).toEqual([['back'], ['forth']])
  })

  test('a partition of one direction holds back that one alone, and both ends notice', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    net.clog('a', 'b')
    net.node('a').castMessage('b', 'log', 'forth')
    net.node('b').castMessage('a', 'log', 'back')
    await net.pass(1_000)
    expect([at(seen, 'a'), at(seen, 'b')]).toEqual([['back'], []])
    await net.settle()
    expect([net.node('a').isConnected('b'), net.node('b').isConnected('a')]).toEqual([false, false])
  })

  test('whoever is in neither group is a bridge', async () => {
    await using run = await cluster(['a', 'b', 'c'])
    const { net } = run
    net.partition('a', 'c')
    await net.settle()
    const connected = [
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'c'],
    ].map(([one = '', other = '']) => net.node(one).isConnected(other))
    expect(connected).toEqual([true, true, false])
  })

  test('whoever is isolated is so from nodes that are added later, too, until that ends', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    const alone = net.isolate('a')
    net.add('c')
    await net.pass(8_000)
    await net.settle()
    expect([net.node('a').isConnected('c'), net.node('c').isConnected('a')]).toEqual([false, false])
    expect(net.node('b').isConnected('c')).toBe(true)
    alone[Symbol.dispose]()
    net.add('d')
    await net.settle()
    for (const name of ['c', 'd']) expect(net.node('a').isFullyConnected(name)).toBe(true)
    net.record({ type: 'settled', at: net.clock.now(), live: net.live })
    expect(judgeHistory(net.history)).toEqual([])
  })

  test('a partition that flaps is broken and whole in turn', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    net.flap('a', 'b', { every: 10_000 })
    const phases: boolean[] = []
    for (let phase = 0; phase < 4; phase++) {
      await net.pass(9_900)
      phases.push(net.node('a').isConnected('b'))
      await net.pass(100)
    }
    expect(phases).toEqual([false, true, false, true])
    net.heal()
    await net.settle()
    await net.pass(30_000)
    expect(net.node('a').isConnected('b')).toBe(true)
  })

  test('overlapping faults end one by one', async () => {
    await using run = await cluster(['a', 'b', 'c'])
    const { net } = run
    const one = net.isolate('a')
    const other = net.partition('a', 'b')
    one[Symbol.dispose]()
    one[Symbol.dispose]()
    expect([net.reachable('a', 'b'), net.reachable('a', 'c')]).toEqual([false, true])
    other[Symbol.dispose]()
    expect(net.reachable('a', 'b')).toBe(true)
  })

  test('what is on its way over a connection that is lost never arrives, what was before it does', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    for (let id = 0; id < 1_000; id++) {
      net.node('a').castMessage('b', 'log', id)
      if (id % 10 === 9) await net.pass(1)
    }
    expect(at(seen, 'b').length).toBeGreaterThan(0)
    net.lose('a', 'b')
    await net.settle()
    await net.pass(1_000)
    const arrived = at(seen, 'b')
    expect(arrived.length).toBeLessThan(1_000)
    expect(arrived).toEqual(Array.from({ length: arrived.length }, (_, id) => id))
  })

  test('one connection is lost, half-open or stalled alone, and the others stay', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    const open = (name: string): number =>
      net
        .node(name)
        .connections()
        .filter(({ state }) => state === 'open').length
    const all = open('a')
    expect(all).toBeGreaterThan(1)
    for (let connection = 0; connection <= all; connection++) {
      net.refuse('a', 'b')
      net.refuse('b', 'a')
      net.lose('a', 'b', { connection })
      await net.pass(50)
      expect([open('a'), open('b')]).toEqual([all - 1, all - 1])
      net.heal()
      await net.settle()
      net.refuse('a', 'b')
      net.refuse('b', 'a')
      net.halfOpen('a', 'b', { connection })
      await net.pass(50)
      expect([open('a'), open('b')]).toEqual([all - 1, all])
      net.heal()
      await net.settle()
    }
    expect(net.history.some(({ type }) => type === 'down')).toBe(false)
    for (const connection of [-1, 0.5, '0', null]) {
      expect(() => net.lose('a', 'b', { connection: connection as number })).toThrow(InvalidOptionError)
      expect(() => net.stall('a', 'b', { connection: connection as number })).toThrow(InvalidOptionError)
    }
    expect(() => net.end('a', 'b', { conection: 1 } as never)).toThrow('conection')
  })

  test('one connection is stalled alone, and what waits for it comes afterwards', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    const lanes = net.node('a').connections().length
    const late: number[] = []
    for (let connection = 0; connection < lanes; connection++) {
      const stalled = net.stall('b', 'a', { connection })
      net.node('a').castMessage('b', 'log', connection)
      await net.pass(100)
      if (!at(seen, 'b').includes(connection)) late.push(connection)
      stalled[Symbol.dispose]()
      await net.pass(100)
    }
    // The lane of that server is one of them.
    expect(late.length).toBe(1)
    expect(at(seen, 'b')).toEqual(Array.from({ length: lanes }, (_, connection) => connection))
  })

  test('overlapping stalls of a connection end one by one', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    const [one, other] = [net.stall('b', 'a'), net.stall('b', 'a')]
    net.node('a').castMessage('b', 'log', 1)
    one[Symbol.dispose]()
    one[Symbol.dispose]()
    await net.pass(100)
    expect(at(seen, 'b')).toEqual([])
    other[Symbol.dispose]()
    await net.pass(100)
    expect(at(seen, 'b')).toEqual([1])
  })

  test('nothing is heard over a half-open connection, also when its reader was slow and reads again', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    for (const [from = '', to = ''] of [
      ['a', 'b'],
      ['b', 'a'],
    ])
      net.hang(from, to)
    const stalled = net.stall('b', 'a')
    net.node('a').castMessage('b', 'log', 1)
    await net.pass(10)
    net.halfOpen('a', 'b')
    stalled[Symbol.dispose]()
    await net.pass(100)
    expect(at(seen, 'b')).toEqual([])
    net.restart('a')
    await net.pass(100)
    expect(net.node('b').isConnected('a')).toBe(false)
  })

  test('a half-open connection is believed in by one end, until heartbeats tell', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    const bar = [net.hang('a', 'b'), net.hang('b', 'a')]
    net.halfOpen('a', 'b')
    await net.pass(100)
    expect([net.node('a').isConnected('b'), net.node('b').isConnected('a')]).toEqual([false, true])
    await net.until(() => !net.node('b').isConnected('a'), 10_000)
    for (const one of bar) one[Symbol.dispose]()
    await net.settle()
    expect(net.node('b').isFullyConnected('a')).toBe(true)
  })

  test('connections that are closed in order by the network come back', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    let downs = 0
    net.node('b').onDown('a', () => downs++)
    net.end('a', 'b')
    await net.settle()
    expect(downs).toBe(1)
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test('dials that are refused, or hang, keep nodes apart that were parted; the other direction helps', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    const [refused, hung] = [net.refuse('a', 'b'), net.hang('b', 'a')]
    expect(net.node('a').isFullyConnected('b')).toBe(true)
    net.lose('a', 'b')
    await net.pass(5_000)
    expect(net.node('a').isConnected('b')).toBe(false)
    expect(net.node('a').counters().dialsFailed).toBeGreaterThan(0)
    refused[Symbol.dispose]()
    await net.settle()
    hung[Symbol.dispose]()
    net.lose('a', 'b')
    net.refuse('a', 'b')
    await net.settle()
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test('a slow reader is felt by its sender', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    const stalled = net.stall('b', 'a')
    let sent = 0
    const flood = (async () => {
      for (; sent < 400; sent++) await net.node('a').forwardMessage('b', 'log', new Uint8Array(65_536))
    })()
    await net.pass(500)
    expect(sent).toBeLessThan(400)
    expect(at(seen, 'b')).toHaveLength(0)
    stalled[Symbol.dispose]()
    await net.settle(flood)
    await net.settle()
    expect(at(seen, 'b')).toHaveLength(400)
  })

  test('a slow network takes its time', async () => {
    await using run = await cluster(['a', 'b'])
    const { net, seen } = run
    const slow = net.slowNetwork(100)
    net.node('a').castMessage('b', 'log', 1)
    await net.pass(40)
    expect(at(seen, 'b')).toEqual([])
    await net.until(() => at(seen, 'b').length === 1, 10_000)
    slow[Symbol.dispose]()
    net.node('a').castMessage('b', 'log', 2)
    await net.pass(200)
    expect(at(seen, 'b')).toEqual([1, 2])
  })

  test('a slow network is written down for nodes that are added later, too, until it ends', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    const slow = net.slowNetwork(10)
    net.add('c')
    await net.settle()
    slow[Symbol.dispose]()
    net.add('d')
    await net.settle()
    const faults = net.history.flatMap(event => (event.type === 'fault' ? [event] : []))
    for (const what of ['slow network', 'slow network: over']) {
      const touched = faults.filter(fault => fault.what === what).map(({ nodes }) => nodes as readonly string[])
      for (const name of ['a', 'b']) {
        expect(touched.some(nodes => nodes.includes(name) && nodes.includes('c'))).toBe(true)
      }
      expect(touched.flat()).not.toContain('d')
    }
    // Every fault that began is over: no node is excused for ever.
    expect(faults.filter(({ until }) => until === undefined).length).toBe(faults.length / 2)
  })

  test('an injected partition counts as unreachable, and settling waits for its end', async () => {
    await using run = await cluster(['a', 'b', 'c'])
    const { net } = run
    const ref = await net.settle(net.node('b').injectPartition('a', 0))
    await net.settle()
    expect([net.reachable('a', 'b'), net.reachable('b', 'c')]).toEqual([false, true])
    await net.settle(net.node('c').resolvePartition(ref))
    await net.settle()
    expect(net.reachable('a', 'b')).toBe(true)
  })

  test('nodes that nobody knows, overlapping groups and wild numbers are refused by name', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    expect(() => net.partition('a', 'x')).toThrow(InvalidOptionError)
    expect(() => net.partition(['a', 'b'], 'b')).toThrow(InvalidOptionError)
    expect(() => net.crash('x')).toThrow("node must be one of a, b, but is 'x'")
    expect(() => net.slowNetwork(0)).toThrow(InvalidOptionError)
    expect(() => net.flap('a', 'b', { every: 0 })).toThrow(InvalidOptionError)
    expect(() => simulate({ nodes: ['a', 'a'] })).toThrow(InvalidOptionError)
    expect(() => simulate({ nodes: ['A b'] })).toThrow(InvalidOptionError)
    expect(() => simulate({ nodes: 2, latency: { tail: 2 } })).toThrow(InvalidOptionError)
    expect(() => simulate({ nodes: 2, sed: 1 } as never)).toThrow('sed')
  })

  test('a send to a crashed node fails as it does on a real network', async () => {
    await using run = await cluster(['a', 'b'])
    const { net } = run
    net.crash('b')
    await net.settle()
    await expect(net.settle(net.node('a').forwardMessage('b', 'log', 1))).rejects.toThrow(NotConnectedError)
  })
})
