import { describe, expect, test } from 'vitest'
import {
  NoRouteError,
  NotConnectedError,
  type PeerServiceManager,
  staticMesh,
  UnknownOutcomeError,
} from '../../src/index.js'
import { Cluster, type MakeManager, record } from '../support/cluster.js'
import { graph, hear, lanesTo, line, type Row, range, relayed } from '../support/relays.js'

describe('a message with transitive', () => {
  test('reaches a stranger through the one between; one without does not', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.until(() => heard.length === 1)
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 2))).toMatchObject({ reason: 'stranger' })
    expect([a.members(), c.members()]).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ])
    expect(lanesTo(a, 'c')).toContain(true)
    expect(lanesTo(a, 'c')).not.toContain(false)
    expect(b.counters().circuits).toBeGreaterThan(0)
    expect(heard).toEqual([1])
  })

  test('is named as a way to a stranger where members do not know each other, and some are connected', async () => {
    const { cluster, row } = await line(3)
    const refusals = async (from: PeerServiceManager, to: string): Promise<string[]> => {
      const sends = [from.forwardMessage(to, 'inbox', 1), from.request(to, 'inbox', 1)]
      const failures = await Promise.all(sends.map(sent => cluster.failure(sent)))
      expect(failures).toMatchObject([{ reason: 'stranger' }, { reason: 'stranger' }])
      return failures.map(failure => (failure as Error).message)
    }
    const [a] = row
    const both = `node 'c' is not a member: join it first, or pass transitive: true to go through others`
    expect(await refusals(a, 'c')).toEqual([both, both])
    // Once more: now there is a link, of nothing but connections through others.
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    expect(await refusals(a, 'c')).toEqual([both, both])
    const alone = await cluster.start('alone')
    const one = `node 'c' is not a member: join it first`
    expect(await refusals(alone, 'c')).toEqual([one, one])
    const [everywhere] = await new Cluster().pair()
    expect(await refusals(everywhere, 'c')).toEqual([one, one])
  })

  test('costs nothing where there is a direct connection', async () => {
    const { cluster, row } = await line(3)
    const [a, b] = row
    const heard = hear(b)
    await cluster.settle(a.forwardMessage('b', 'inbox', 1, relayed))
    await cluster.until(() => heard.length === 1)
    expect(lanesTo(a, 'b')).not.toContain(true)
    expect(b.counters().circuits).toBe(0)
  })

  test('travels over many relays, in order, on every channel, and is answered', async () => {
    const { cluster, row } = await line(7, { channels: { data: { parallelism: 3 } } })
    const a = row[0]
    const g = row[6] as PeerServiceManager
    const heard = hear(g)
    g.register('double', (number: number) => number * 2)
    for (const number of range(500)) a.castMessage('g', 'inbox', number, { ...relayed, channel: 'data' })
    await cluster.until(() => heard.length === 500)
    expect(heard).toEqual(range(500))
    expect(await cluster.settle(a.request('g', 'double', 21, relayed))).toBe(42)
    expect(await cluster.settle(a.request('g', 'double', 4, { ...relayed, channel: 'data', partitionKey: 7 }))).toBe(8)
    g.castMessage('a', 'nobody', 1, relayed)
    await cluster.until(() => a.counters().noSuchServer === 1)
  })

  test('may be as large as any other', async () => {
    const { cluster, row } = await line(4)
    const [a] = row
    const d = row[3] as PeerServiceManager
    d.register('size', (bytes: Uint8Array) => bytes.length)
    expect(await cluster.settle(a.request('d', 'size', new Uint8Array(1_048_576), relayed))).toBe(1_048_576)
    d.register('echo', (value: unknown) => value)
    const large = { text: 'x'.repeat(1_000_000), numbers: range(1_000) }
    expect(await cluster.settle(a.request('d', 'echo', large, relayed))).toEqual(large)
  })

  test('rejects at once, and tells how far was asked, where nobody knows a way', async () => {
    const { cluster, row } = await line(4)
    const [a] = row
    const dropped = record(a, 'dropped')
    const before = cluster.clock.now()
    const error = await cluster.failure(a.forwardMessage('x', 'inbox', 1, relayed))
    expect(error).toBeInstanceOf(NoRouteError)
    expect(error).toMatchObject({ code: 'ERR_NO_ROUTE', node: 'x', reason: 'unknown', hops: 16 })
    expect(cluster.clock.now() - before).toBeLessThan(100)
    expect(await cluster.failure(a.request('x', 'inbox', 1, relayed))).toBeInstanceOf(NoRouteError)
    a.castMessage('x', 'inbox', 1, relayed)
    await cluster.until(() => dropped.length === 1)
    expect(dropped[0]?.[1]).toMatchObject({ reason: 'unreachable', node: 'x', server: 'inbox' })
    // Nothing of it is kept.
    await cluster.pass(2_000)
    expect(a.connections().filter(({ node }) => node === 'x')).toEqual([])
  })

  test('does not travel over more connections than it may', async () => {
    const { cluster, row } = await line(4, { limits: { hops: 2 } })
    const [a, , c] = row
    hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    expect(await cluster.failure(a.forwardMessage('d', 'inbox', 1, relayed))).toMatchObject({ reason: 'hops', hops: 2 })
  })

  test('is refused where a relay carries as many circuits as it may', async () => {
    const { cluster, row } = await line(3, { limits: { circuits: 0 } })
    const [a, b] = row
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 1, relayed))).toMatchObject({ reason: 'busy' })
    expect(b.counters().circuitsRefused).toBe(1)
  })

  test('goes on channels that all on the way have', async () => {
    const cluster = new Cluster({ make: staticMesh, network: { latency: 1 } })
    const channels = { data: {} }
    const a = await cluster.start('a', { channels })
    const b = await cluster.start('b')
    const c = await cluster.start('c', { channels })
    for (const end of [a, c]) await cluster.settle(b.syncJoin(end.spec))
    const heard = hear(c)
    const lost = a.forwardMessage('c', 'inbox', 1, { ...relayed, channel: 'data' })
    expect(await cluster.failure(lost)).toBeInstanceOf(NoRouteError)
    await cluster.settle(a.forwardMessage('c', 'inbox', 2, relayed))
    expect(await cluster.failure(a.request('c', 'inbox', 3, { ...relayed, channel: 'data' }))).toMatchObject({
      reason: 'unknown',
    })
    await cluster.until(() => heard.length === 1)
    expect(heard).toEqual([2])
  })

  test('is not sent to who has left', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.settle(c.leave())
    await cluster.until(() => !a.isConnected('c'))
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 2, relayed))).toBeInstanceOf(NoRouteError)
  })

  test('waits with whenDown until there is a way', async () => {
    const { cluster, row } = await line(2)
    const [a, b] = row
    const sent = a.forwardMessage('c', 'inbox', 1, { ...relayed, whenDown: 'wait' })
    await cluster.pass(5_000)
    const c = await cluster.start('c')
    const heard = hear(c)
    await cluster.settle(c.syncJoin(b.spec))
    await cluster.settle(sent)
    await cluster.until(() => heard.length === 1)
  })

  test('takes no other option away: a deadline, a signal', async () => {
    const { cluster, row } = await line(2)
    const [a] = row
    const options = { ...relayed, whenDown: 'wait', timeout: 500 } as const
    expect(await cluster.failure(a.forwardMessage('x', 'inbox', 1, options))).toMatchObject({ code: 'ERR_DEADLINE' })
    const controller = new AbortController()
    const sent = a.forwardMessage('x', 'inbox', 1, { ...relayed, whenDown: 'wait', signal: controller.signal })
    const failure = cluster.failure(sent)
    controller.abort(new Error('enough'))
    expect(await failure).toMatchObject({ message: 'enough' })
  })

  test('has its option checked', async () => {
    const { cluster, row } = await line(2)
    const [a] = row
    const options = JSON.parse('{ "transitive": 1 }') as { transitive: boolean }
    expect(await cluster.failure(a.forwardMessage('b', 'inbox', 1, options))).toMatchObject({ option: 'transitive' })
  })
})

describe('a relayed connection', () => {
  test('is told of by ups and downs at both ends', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    hear(c)
    const told: string[] = []
    for (const node of [a, c]) {
      node.onUp('*', peer => told.push(`${node.name} up ${peer}`))
      node.onDown('*', peer => told.push(`${node.name} down ${peer}`))
    }
    told.length = 0
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.until(() => told.length === 2)
    expect(told.sort()).toEqual(['a up c', 'c up a'])
    expect([a.isConnected('c'), c.isConnected('a')]).toEqual([true, true])
    told.length = 0
    await cluster.settle(b.stop())
    await cluster.until(() => told.length === 4)
    expect(told.sort()).toEqual(['a down b', 'a down c', 'c down a', 'c down b'])
  })

  test('answers its requests without the option, and takes messages of both', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    const heard = hear(a)
    c.register('ask', async (_, { from }) => {
      await c.forwardMessage(from, 'inbox', 'back', relayed)
      return 'answer'
    })
    expect(await cluster.settle(a.request('c', 'ask', 0, relayed))).toBe('answer')
    await cluster.until(() => heard.length === 1)
  })

  test('is closed when nothing went over it for a minute, and opened again', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.pass(50_000)
    expect(a.isConnected('c')).toBe(true)
    await cluster.settle(a.forwardMessage('c', 'inbox', 2, relayed))
    await cluster.pass(50_000)
    expect(a.isConnected('c')).toBe(true)
    await cluster.pass(15_000)
    expect([a.isConnected('c'), c.isConnected('a')]).toEqual([false, false])
    expect(a.connections().some(({ node }) => node === 'c')).toBe(false)
    await cluster.settle(a.forwardMessage('c', 'inbox', 3, relayed))
    await cluster.until(() => heard.length === 3)
    expect(b.counters().circuitsBroken).toBe(0)
  })

  test('stays while a request waits for its answer', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    c.register('slow', () => new Promise(resolve => cluster.clock.schedule(150_000, () => resolve('at last'))))
    const answer = a.request('c', 'slow', 0, relayed)
    await cluster.pass(140_000)
    expect(await cluster.settle(answer)).toBe('at last')
  })

  test('gives way to a direct one without a gap: all messages come in order, and requests go on', async () => {
    const { cluster, row } = await line(3)
    const [a, , c] = row
    const heard: number[] = []
    const downs: string[] = []
    c.register('inbox', (number: number) => void heard.push(number))
    let answer = (_: string): void => {}
    c.register('slow', () => new Promise(resolve => (answer = resolve)))
    let next = 0
    const send = (): void => a.castMessage('c', 'inbox', next++, relayed)
    await cluster.settle(a.forwardMessage('c', 'inbox', next++, relayed))
    for (const [node, peer] of [
      [a, 'c'],
      [c, 'a'],
    ] as const) {
      node.onDown(peer, () => void downs.push(peer))
    }
    const asked = a.request('c', 'slow', 0, relayed)
    const joined = a.syncJoin(c.spec)
    for (let count = 0; count < 200; count++) {
      send()
      await cluster.pass(1)
    }
    await cluster.settle(joined)
    send()
    await cluster.until(() => heard.at(-1) === next - 1)
    expect(heard).toEqual(range(next))
    expect(lanesTo(a, 'c')).not.toContain(true)
    answer('at last')
    expect(await cluster.settle(asked)).toBe('at last')
    expect(downs).toEqual([])
    expect([a.members(), c.members()]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
  })

  test('is not broken off by a direct one that is quicker than its first messages', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    let slow = false
    b.interpose(({ kind, direction, peer }) => {
      const isSlow = slow && kind === 'relay' && direction === 'forward' && peer === 'c'
      return isSlow ? { type: 'delay', by: 100 } : { type: 'pass' }
    })
    const failures: unknown[] = []
    let next = 0
    const send = (): void => void a.forwardMessage('c', 'inbox', next++, relayed).catch(error => failures.push(error))
    send()
    // Open at one end: what is sent over it is on its way behind the word of that.
    await cluster.until(() => lanesTo(a, 'c').length === 2)
    slow = true
    const joined = a.syncJoin(c.spec)
    for (let count = 0; count < 15; count++) {
      send()
      await cluster.pass(10)
    }
    await cluster.settle(joined)
    await cluster.until(() => heard.at(-1) === next - 1)
    expect(heard).toEqual(range(next))
    expect(failures).toEqual([])
    await cluster.until(() => !lanesTo(a, 'c').includes(true))
  })

  test('takes the place of a direct one that is lost, and the other way round', async () => {
    const peers = { a: 'memory://a:1', b: 'memory://b:1', c: 'memory://c:1' }
    const make: MakeManager = options => staticMesh({ ...options, peers })
    const cluster = new Cluster({ make, network: { latency: 1 } })
    const nodes: PeerServiceManager[] = []
    for (const name of Object.keys(peers)) nodes.push(await cluster.start(name))
    const [a, , c] = nodes as unknown as Row
    await cluster.until(() => nodes.every(node => Object.keys(peers).every(name => node.isFullyConnected(name))))
    const heard = hear(c)
    cluster.split('a', 'c')
    await cluster.until(() => !a.isConnected('c') && !c.isConnected('a'))
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 0))).toBeInstanceOf(NotConnectedError)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.until(() => heard.length === 1)
    expect(await cluster.failure(a.forwardMessage('c', 'inbox', 0))).toMatchObject({ reason: 'down' })
    expect(a.isConnected('c')).toBe(true)
    cluster.heal()
    await cluster.until(() => lanesTo(a, 'c').length === 2 && !lanesTo(a, 'c').includes(true), 20_000)
    await cluster.settle(a.forwardMessage('c', 'inbox', 2))
    await cluster.until(() => heard.length === 2)
  })

  test('needs the secret of the cluster at both ends', async () => {
    const secrets = ['right', 'wrong']
    const { cluster, node } = await graph(
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      { secret: secrets },
    )
    const c = node('c')
    await cluster.settle(c.stop())
    // Of the two secrets `b` has both, and the others one each.
    const one = await cluster.start('one', { secret: 'right' })
    const two = await cluster.start('two', { secret: 'wrong' })
    await cluster.settle(one.syncJoin(node('b').spec))
    await cluster.settle(two.syncJoin(node('b').spec))
    const error = await cluster.failure(one.forwardMessage('two', 'inbox', 1, relayed))
    expect(error).toMatchObject({ code: 'ERR_WRONG_SECRET' })
  })

  test('is fenced: a restarted node is met in its new life', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 1, relayed))
    await cluster.until(() => heard.length === 1)
    await cluster.settle(c.stop())
    await cluster.settle(c.start())
    await cluster.settle(c.syncJoin(b.spec))
    await cluster.until(() => !a.isConnected('c'))
    await cluster.settle(a.forwardMessage('c', 'inbox', 2, { ...relayed, whenDown: 'wait' }))
    await cluster.until(() => heard.length === 2)
    expect(heard).toEqual([1, 2])
  })
})

describe('acknowledged messages', () => {
  test('are handed over exactly once, and in order, while relays crash', async () => {
    const pairs = [
      ['a', 'r1'],
      ['a', 'r2'],
      ['r1', 'z'],
      ['r2', 'z'],
    ] as const
    const { cluster, node } = await graph(pairs)
    const a = node('a')
    const heard = hear(node('z'))
    const sends = range(60).map(async number => {
      await new Promise<void>(resolve => cluster.clock.schedule(number * 200, resolve))
      await a.forwardMessage('z', 'inbox', number, { ...relayed, ack: true, whenDown: 'wait' })
    })
    for (let round = 0; round < 4; round++) {
      await cluster.pass(2_500)
      const relay = round % 2 === 0 ? 'r1' : 'r2'
      await cluster.settle(node(relay).stop())
      await cluster.pass(500)
      await cluster.settle(node(relay).start())
      await cluster.settle(Promise.all([node(relay).join(a.spec), node(relay).join(node('z').spec)]))
    }
    await cluster.settle(Promise.all(sends))
    expect(heard).toEqual(range(60))
  })

  test('lose nothing when one of several connections between relays is lost', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    const heard = hear(c)
    await cluster.settle(a.forwardMessage('c', 'inbox', 0, { ...relayed, ack: true }))
    const sends = range(300).map(async number => {
      await new Promise<void>(resolve => cluster.clock.schedule(number, resolve))
      await a.forwardMessage('c', 'inbox', number + 1, { ...relayed, ack: true, whenDown: 'wait' })
    })
    const downs = record(b, 'down')
    for (const at of [50, 150]) {
      await cluster.pass(at)
      // The other is the overlay's own: the two stay connected.
      cluster.ends('c', 'b').at(-1)?.destroy()
    }
    await cluster.settle(Promise.all(sends))
    expect(heard).toEqual(range(301))
    expect(downs).toEqual([])
    expect(b.counters().circuitsBroken).toBeGreaterThan(0)
  })

  test('are told of when there is no way', async () => {
    const { cluster, row } = await line(2)
    const [a] = row
    expect(await cluster.failure(a.forwardMessage('x', 'inbox', 1, { ...relayed, ack: true }))).toBeInstanceOf(
      NoRouteError,
    )
  })

  test('a request whose relay crashes has an unknown outcome', async () => {
    const { cluster, row } = await line(3)
    const [a, b, c] = row
    c.register('never', () => new Promise(() => {}))
    const failure = cluster.failure(a.request('c', 'never', 0, relayed))
    await cluster.pass(100)
    await cluster.settle(b.stop())
    expect(await failure).toBeInstanceOf(UnknownOutcomeError)
  })
})

describe('back-pressure', () => {
  test('of a slow server reaches the origin, and little waits at the relay', async () => {
    const limits = { windowBytes: 65_536, queueBytes: 65_536 }
    const { cluster, row } = await line(3, { limits })
    const [a, b, c] = row
    const waiting: (() => void)[] = []
    c.register('slow', () => new Promise<void>(resolve => waiting.push(resolve)))
    let sent = 0
    const bytes = new Uint8Array(8_192)
    void (async () => {
      for (let count = 0; count < 200; count++) {
        await a.forwardMessage('c', 'slow', bytes, relayed)
        sent++
      }
    })()
    await cluster.pass(10_000)
    expect(sent).toBeGreaterThan(0)
    expect(sent).toBeLessThan(40)
    expect(Math.max(...b.connections().map(({ queuedBytes }) => queuedBytes))).toBeLessThan(2 * 65_536)
    // Others are not held up: neither on that channel between the neighbours, nor the peer's heartbeat.
    expect(a.isConnected('c')).toBe(true)
    const heard = hear(b)
    await cluster.settle(a.forwardMessage('b', 'inbox', 1))
    await cluster.until(() => heard.length === 1)
    while (sent < 200) {
      for (const resolve of waiting.splice(0)) resolve()
      await cluster.pass(10)
    }
  })

  test('of a connection that nobody reads bounds what waits at the relay, and what is stuck is closed', async () => {
    const network = { latency: 1, highWaterMark: 16_384, lowWaterMark: 4_096 }
    const heartbeat = { interval: 2_000, timeout: 40_000 }
    const cluster = new Cluster({ make: staticMesh, network, options: { heartbeat } })
    const a = await cluster.start('a')
    const b = await cluster.start('b', { limits: { windowBytes: 65_536 } })
    const c = await cluster.start('c')
    for (const end of [a, c]) await cluster.settle(b.syncJoin(end.spec))
    const first = hear(c)
    const heard = hear(b)
    await cluster.settle(a.forwardMessage('c', 'inbox', 0, relayed))
    await cluster.until(() => first.length === 1)
    cluster.stall('c', 'b')
    for (let count = 0; count < 400; count++) {
      a.forwardMessage('c', 'inbox', new Uint8Array(8_192), relayed).catch(() => {})
    }
    a.castMessage('b', 'inbox', 1)
    let most = 0
    for (let count = 0; count < 20; count++) {
      await cluster.pass(100)
      most = Math.max(most, ...b.connections().map(({ queuedBytes }) => queuedBytes))
    }
    // All the credit of the lane is with what is stuck, and no more than that waits here.
    expect(heard).toEqual([])
    expect(most).toBeLessThan(2 * 65_536)
    await cluster.until(() => heard.length === 1, 5_000)
    expect(b.isConnected('c')).toBe(true)
  })
})
