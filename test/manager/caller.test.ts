import { describe, expect, test } from 'vitest'
import {
  DeadlineError,
  fullMesh,
  type PeerServiceManager,
  type PeerServiceOptions,
  SchemaError,
  WrongNodeError,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

/** What no type checker would let pass. */
function loosely(options: unknown): PeerServiceOptions {
  return options as PeerServiceOptions
}

describe('an option that cannot be meant so', () => {
  test.each<[string, unknown]>([
    ['options', null],
    ['options', 5],
    ['options.nmae', { nmae: 'a' }],
    ['name', { name: '*' }],
    ['name', { name: '' }],
    ['secret', { secret: null }],
    ['secret', { secret: 5 }],
    ['secret', { secret: [] }],
    ['secret', { secret: ['good', ''] }],
    ['listen', { listen: true }],
    ['listen', { listen: null }],
    ['listen.prot', { listen: { prot: 1 } }],
    ['listen.port', { listen: { port: 65_536 } }],
    ['channels', { channels: [] }],
    ['channels.x', { channels: { x: undefined } }],
    ['channels.x.paralelism', { channels: { x: { paralelism: 2 } } }],
    ['channels.x.parallelism', { channels: { x: { parallelism: 0 } } }],
    ['channels.x.overflow', { channels: { x: { overflow: 'wait' } } }],
    ['channels.membership', { channels: { membership: { parallelism: 4 } } }],
    ['seeds', { seeds: 'ws://127.0.0.1:1' }],
    ['seeds', { seeds: ['nope'] }],
    ['seeds', { seeds: ['http://127.0.0.1:1'] }],
    ['seeds', { seeds: ['ws://127.0.0.1:99999'] }],
    ['seeds', { seeds: [{ name: 'b' }] }],
    ['advertise', { advertise: ['b:1'] }],
    ['limits.queueBites', { limits: { queueBites: 1 } }],
    ['limits.queueBytes', { limits: { queueBytes: -1 } }],
    ['heartbeat.every', { heartbeat: { every: 1 } }],
    ['heartbeat.timeout', { heartbeat: { interval: 1_000, timeout: 1_500 } }],
    ['logger.debug', { logger: {} }],
    ['attributes', { attributes: [] }],
    ['protocolVersions', { protocolVersions: { min: 2, max: 1 } }],
  ])('is named: %s of %j', (option, options) => {
    expect(() => fullMesh(loosely(options))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', option }))
  })

  test('never shows a secret', () => {
    expect(() => fullMesh(loosely({ secret: ['hush', 4_711] }))).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/hush|4711/) as unknown }),
    )
  })
})

describe('an option of a call that there is not', () => {
  const mistaken = { timout: 5 } as object
  const calls: Readonly<Record<string, (node: PeerServiceManager, to: string) => unknown>> = {
    forwardMessage: (node, to) => node.forwardMessage(to, 'orders', 1, mistaken),
    'forwardMessage with others': (node, to) => node.forwardMessage(to, 'orders', 1, { ack: true, ...mistaken }),
    'forwardMessage to a reference': (node, to) => node.forwardMessage({ node: to, name: 'orders' }, 1, mistaken),
    'options that are inherited': (node, to) => node.forwardMessage(to, 'orders', 1, Object.create(mistaken) as object),
    castMessage: (node, to) => node.castMessage(to, 'orders', 1, mistaken),
    request: (node, to) => node.request(to, 'orders', 1, mistaken),
    requestAll: (node, to) => node.requestAll([to], 'orders', 1, mistaken),
    'requestAll of nobody': node => node.requestAll([], 'orders', 1, mistaken),
    broadcast: node => node.broadcast('orders', 1, mistaken),
    monitor: (node, to) => node.monitor({ node: to, name: 'orders' }, () => {}, mistaken),
    register: node => node.register('others', () => {}, mistaken),
    receive: node => node.receive('others', mistaken),
    onUp: (node, to) => node.onUp(to, () => {}, mistaken),
    onDown: (node, to) => node.onDown(to, () => {}, mistaken),
    join: node => node.join('mem://b:1', mistaken),
    syncJoin: node => node.syncJoin('mem://b:1', mistaken),
    connect: node => node.connect('mem://b:1', { prune: true, ...mistaken }),
    updateMembers: node => node.updateMembers(['a', 'b'], mistaken),
  }

  test.each(Object.keys(calls))('is refused with the names that there are: %s', async name => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const handled: unknown[] = []
    for (const node of [a, b]) node.register('orders', order => void handled.push(order))
    // To itself, to a peer, and to one that nobody knows: the mistake is the same.
    for (const to of ['a', 'b', 'x']) {
      const error = await cluster.failure((async () => calls[name]?.(a, to))())
      expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', option: 'options.timout' })
      expect((error as Error).message).toMatch(/^options.timout must be one of .*(timeout|signal|channel|schema)/)
    }
    await cluster.pass(1_000)
    expect(handled).toEqual([])
  })

  test('is refused, too, while an interposition looks at what passes', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    a.interpose(() => ({ type: 'pass' }))
    const sent = a.forwardMessage('b', 'orders', 1, mistaken)
    expect(await cluster.failure(sent)).toMatchObject({ option: 'options.timout' })
  })
})

describe('a message', () => {
  test.each<[string, (now: number) => object]>([
    ['a timeout of 0', () => ({ timeout: 0 })],
    ['a deadline that has passed', now => ({ deadline: now - 10_000 })],
  ])('with %s is not sent any more', async (_what, optionsAt) => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const handled: unknown[] = []
    for (const node of [a, b]) node.register('orders', order => void handled.push(order))
    const dropped = record(a, 'dropped')
    const options = optionsAt(cluster.clock.wall().getTime())
    for (const node of ['a', 'b']) {
      const sends = [() => a.forwardMessage(node, 'orders', 1, options), () => a.request(node, 'orders', 2, options)]
      for (const send of sends) {
        const error = await cluster.failure(send())
        expect(error).toBeInstanceOf(DeadlineError)
        expect(error).toMatchObject({ outcome: 'not-sent' })
      }
      a.castMessage(node, 'orders', 3, options)
    }
    await cluster.pass(1_000)
    expect(handled).toEqual([])
    expect(dropped.map(([, drop]) => drop)).toMatchObject([{ reason: 'expired' }, { reason: 'expired' }])
    expect(a.counters().expired).toBe(6)
  })

  test('that an iterator takes is checked by its schema', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const validate = (value: unknown): { value: number } | { issues: { message: string }[] } =>
      typeof value === 'number' ? { value: value * 2 } : { issues: [{ message: 'a number is wanted' }] }
    await using numbers = b.receive('numbers', { schema: { '~standard': { version: 1, vendor: 'test', validate } } })
    await cluster.settle(a.forwardMessage('b', 'numbers', 'text'))
    expect(await cluster.failure(a.request('b', 'numbers', 'text'))).toBeInstanceOf(SchemaError)
    await cluster.settle(a.forwardMessage('b', 'numbers', 21))
    const taken = await cluster.settle(numbers.next())
    expect(taken.value).toMatchObject({ message: 42, from: 'a' })
  })
})

describe('a node', () => {
  test('does not join another that goes by its own name', async () => {
    const cluster = new Cluster()
    const x = await cluster.start('x')
    const namesake = await cluster.settle(cluster.node('x', { listen: { host: 'elsewhere', port: 1 } }).start())
    for (const peer of [x.spec, x.spec.addresses[0] ?? '']) {
      expect(await cluster.failure(namesake.join(peer))).toBeInstanceOf(WrongNodeError)
    }
    await cluster.settle(x.join(x.spec))
    await cluster.settle(x.join(x.spec.addresses[0] ?? ''))
  })

  test('that starts again listens where it did, so that its peers find it', async () => {
    const cluster = new Cluster({ options: { listen: { host: 'somewhere', port: 0 } } })
    const [a, b] = await cluster.pair()
    const before = b.spec
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    expect(b.spec.addresses).toEqual(before.addresses)
    expect(b.spec.incarnation).toBeGreaterThan(before.incarnation)
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a') && b.members().length === 2)
  })

  test('cannot be talked into another spec by whoever holds it', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    expect(Object.isFrozen(a.spec)).toBe(true)
    expect(Object.isFrozen(a.spec.addresses)).toBe(true)
  })

  test('lives on when its logger throws', async () => {
    const cluster = new Cluster()
    const fail = (): never => {
      throw new Error('disk full')
    }
    const a = await cluster.start('a', { logger: { debug: fail, info: fail, warn: fail, error: fail } })
    const stranger = await cluster.start('stranger', { cluster: 'other' })
    await cluster.failure(stranger.join(a.spec))
    expect(a.counters()).toMatchObject({ refused: 1, handlerErrors: 1 })
  })

  test('that takes no faults from others still notes that a peer is cut off', async () => {
    const cluster = new Cluster({ options: { allowRemoteFaults: false } })
    const [a, b] = await cluster.pair()
    const ref = await cluster.settle(a.injectPartition('a', 3))
    await cluster.until(() => !b.isConnected('a'))
    expect(await cluster.failure(b.forwardMessage('a', 'orders', 1))).toMatchObject({ code: 'ERR_PARTITIONED' })
    expect(b.partitions()).toMatchObject([{ ref, node: { name: 'a' } }])
    await cluster.settle(b.resolvePartition(ref))
    await cluster.until(() => a.isConnected('b') && b.isConnected('a'))
  })
})
