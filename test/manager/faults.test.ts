import { describe, expect, test } from 'vitest'
import {
  DeadlineError,
  FaultsDeniedError,
  InvalidOptionError,
  PartitionedError,
  type PartitionRef,
  type Passage,
  type PeerServiceManager,
  UnreachableError,
  type Verdict,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'
import { hear } from '../support/hearing.js'

async function trio(cluster: Cluster): Promise<[PeerServiceManager, PeerServiceManager, PeerServiceManager]> {
  const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
  if (a === undefined || b === undefined || c === undefined) throw new Error('no node')
  return [a, b, c]
}

describe('an injected partition', () => {
  test('cuts its origin off from all, both ways, and nobody else', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await trio(cluster)
    const heard = [a, b, c].map(node => hear(node, 'x'))
    const told = record(b, 'partition', 'down')
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.turn()
    expect(a.isConnected('b')).toBe(false)
    expect(b.isConnected('a')).toBe(false)
    expect(b.isConnected('c')).toBe(true)
    for (const [from, to] of [
      [a, 'b'],
      [b, 'a'],
      [a, 'c'],
    ] as const) {
      expect(await cluster.failure(from.forwardMessage(to, 'x', 1))).toBeInstanceOf(PartitionedError)
      expect(await cluster.failure(from.request(to, 'x', 1))).toMatchObject({ code: 'ERR_PARTITIONED', node: to })
      expect(await cluster.failure(from.sendMessage(to, 1))).toBeInstanceOf(PartitionedError)
    }
    await cluster.settle(b.forwardMessage('c', 'x', 1))
    await cluster.turn()
    expect(heard).toEqual([[], [], [1]])
    expect(a.members()).toEqual(['a', 'b', 'c'])
    expect(a.partitions().map(cut => [cut.ref, cut.node.name])).toEqual([
      [ref, 'b'],
      [ref, 'c'],
    ])
    expect(b.partitions().map(({ node }) => node.name)).toEqual(['a'])
    expect(told).toMatchObject([
      ['down', 'a', 'cut'],
      ['partition', { ref, node: { name: 'a' } }],
    ])
  })

  test('may be injected at another node, and resolved from a third', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await trio(cluster)
    const ups: string[] = []
    a.onUp('*', node => void ups.push(node))
    const healed = record(a, 'heal')
    const ref = await cluster.settle(b.injectPartition(a.spec, 0))
    await cluster.turn()
    expect(a.partitions()).toHaveLength(2)
    await cluster.settle(c.resolvePartition(ref))
    await cluster.turn()
    expect([a, b, c].flatMap(node => node.partitions())).toEqual([])
    expect(ups).toEqual(['b', 'c', 'b', 'c'])
    expect(healed).toHaveLength(2)
    const heard = hear(b, 'x')
    await cluster.settle(a.forwardMessage('b', 'x', 1))
    await cluster.turn()
    expect(heard).toEqual([1])
  })

  test('with a hop cuts the neighbours off too', async () => {
    const cluster = new Cluster()
    const [a, b] = await trio(cluster)
    await cluster.settle(a.injectPartition('a', 1))
    await cluster.turn()
    expect(b.isConnected('c')).toBe(false)
  })

  test('keeps sockets, heartbeats and membership', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.pass(30_000)
    expect(a.connections().every(({ state }) => state === 'open')).toBe(true)
    await cluster.settle(b.resolvePartition(ref))
    await cluster.turn()
    expect(a.isFullyConnected('b')).toBe(true)
  })

  test('outlives a lost connection, and is healed by whoever was away', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const ref = await cluster.settle(a.injectPartition('a', 0))
    await cluster.turn()
    cluster.sever('a', 'b')
    await cluster.pass(5_000)
    expect(a.connections().some(({ state }) => state === 'open')).toBe(true)
    expect(a.isConnected('b')).toBe(false)
    cluster.split('a', 'b')
    await cluster.pass(10_000)
    await cluster.settle(b.resolvePartition(ref))
    expect(a.partitions()).toHaveLength(1)
    cluster.heal()
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'))
  })

  test('settles requests at once, and those that had not left are not carried out later', async () => {
    const cluster = new Cluster({ network: { highWaterMark: 1_000, lowWaterMark: 500 } })
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    b.register('never', () => new Promise(() => {}))
    const asked = cluster.failure(a.request('b', 'never', 1))
    await cluster.turn()
    const stalled = cluster.stall('b', 'a')
    a.castMessage('b', 'other', new Uint8Array(5_000))
    await cluster.turn()
    const queued = cluster.failure(a.request('b', 'x', 'request'))
    const message = a.forwardMessage('b', 'x', 'message')
    const ref = await cluster.settle(a.injectPartition('a', 0))
    expect(await asked).toBeInstanceOf(PartitionedError)
    expect(await queued).toBeInstanceOf(PartitionedError)
    stalled.resume()
    await cluster.turn()
    await cluster.settle(a.resolvePartition(ref))
    await cluster.settle(message)
    await cluster.turn()
    expect(heard).toEqual(['message'])
  })

  test('is refused by a node that takes no faults from others', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b', { allowRemoteFaults: false })
    await cluster.settle(a.syncJoin(b.spec))
    const error = await cluster.failure(a.injectPartition('b', 0))
    expect(error).toBeInstanceOf(FaultsDeniedError)
    expect(error).toMatchObject({ code: 'ERR_FAULTS_DENIED', node: 'b' })
    expect(b.partitions()).toEqual([])
    const ref = await cluster.settle(b.injectPartition('b', 0))
    expect(b.partitions()).toHaveLength(1)
    await cluster.settle(b.resolvePartition(ref))
  })

  test('of a stranger, of no hops, or with no reference is the mistake of the caller', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const violations = record(b, 'violation')
    expect(await cluster.failure(a.injectPartition('x', 0))).toBeInstanceOf(UnreachableError)
    expect(await cluster.failure(a.injectPartition('b', -1))).toBeInstanceOf(InvalidOptionError)
    expect(await cluster.failure(a.injectPartition('b', 0.5))).toBeInstanceOf(InvalidOptionError)
    for (const nobody of [undefined, null, 5, {}] as unknown[]) {
      expect(await cluster.failure(a.injectPartition(nobody as string, 0))).toBeInstanceOf(InvalidOptionError)
    }
    expect(await cluster.failure(a.resolvePartition(undefined as unknown as PartitionRef))).toBeInstanceOf(
      InvalidOptionError,
    )
    await cluster.turn()
    expect(violations).toEqual([])
  })

  test('is over when its origin restarts', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.settle(a.injectPartition('a', 0))
    await cluster.turn()
    await cluster.settle(a.stop())
    await cluster.settle(a.start())
    expect(a.partitions()).toEqual([])
    await cluster.until(() => b.isFullyConnected('a') && a.isFullyConnected('b'))
    expect(b.partitions()).toEqual([])
  })
})

describe('an interposition', () => {
  const kinds = ['message', 'request', 'reply', 'manager'] as const
  const verdicts: readonly [string, Verdict, unknown[]][] = [
    ['pass', { type: 'pass' }, [1]],
    ['drop', { type: 'drop' }, []],
    ['duplicate', { type: 'duplicate' }, [1, 1]],
    ['delay', { type: 'delay', by: 500 }, [1]],
    ['hold', { type: 'hold', until: new Promise(() => {}) }, [1]],
    ['replace', { type: 'replace', message: 2 }, [2]],
  ]
  const cases = kinds.flatMap(kind =>
    (['forward', 'receive'] as const).flatMap(direction =>
      verdicts.map(([name, verdict, heard]) => ({ kind, direction, name, verdict, heard })),
    ),
  )

  test.each(cases)('can $name a $kind ($direction)', async ({ kind, direction, name, verdict, heard }) => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const seen: Passage[] = []
    const arrived = hear(b, 'message')
    b.events.on('message', ({ message }) => void arrived.push(message))
    b.register('request', (message: unknown) => {
      if (kind === 'request') arrived.push(message)
      return 1
    })
    // A request and its reply pass both nodes, in opposite directions.
    const at = (kind === 'reply') === (direction === 'forward') ? b : a
    at.interpose(passage => {
      if (passage.kind !== kind || passage.direction !== direction) return { type: 'pass' }
      seen.push(passage)
      if (name !== 'hold') return verdict
      return { type: 'hold', until: new Promise(resolve => cluster.clock.schedule(500, () => resolve(undefined))) }
    })
    const began = cluster.clock.now()
    if (kind === 'message') await cluster.settle(a.forwardMessage('b', 'message', 1))
    else if (kind === 'manager') await cluster.settle(a.sendMessage('b', 1))
    else {
      const answer = a.request('b', 'request', 1, { timeout: 2_000 })
      if (name === 'drop') expect(await cluster.failure(answer)).toBeInstanceOf(DeadlineError)
      else if (kind === 'reply') arrived.push(await cluster.settle(answer))
      else expect(await cluster.settle(answer)).toBe(1)
    }
    const expected = kind === 'reply' && name === 'duplicate' ? [1] : heard
    await cluster.until(() => arrived.length === expected.length)
    const later = name === 'delay' || name === 'hold' || (name === 'drop' && kind.startsWith('re'))
    expect(cluster.clock.now() - began >= 500).toBe(later)
    await cluster.pass(1_000)
    expect(arrived).toEqual(expected)
    const server = kind === 'manager' ? undefined : kind === 'reply' ? 'request' : kind
    const peer = at === a ? 'b' : 'a'
    expect(seen).toEqual([{ direction, peer, channel: 'default', kind, server, message: 1 }])
    expect(at.counters().faulted).toBe(name === 'drop' ? 1 : 0)
  })

  test('sees the messages of the overlay, and can keep a node out of the view of another', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    const seen = new Set<string>()
    const registration = b.interpose(({ kind, direction, channel, server }) => {
      if (kind !== 'membership') return { type: 'pass' }
      seen.add(`${direction} ${channel} ${server}`)
      return { type: 'drop' }
    })
    const joined = a.join(b.spec)
    await cluster.pass(5_000)
    expect(b.members()).toEqual(['b'])
    registration[Symbol.dispose]()
    await cluster.settle(joined)
    expect(b.members()).toEqual(['a', 'b'])
    expect(seen).toContain('receive membership undefined')
  })

  test.each(['forward', 'receive'] as const)('of heartbeats that drops them (%s) brings the peer down', async way => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const downs = record(a, 'down')
    const registration = a.interpose(({ kind, direction }) =>
      kind === 'heartbeat' && direction === way ? { type: 'drop' } : { type: 'pass' },
    )
    // The overlay's own messages are signs of life as well.
    b.interpose(({ kind }) => (kind === 'membership' ? { type: 'drop' } : { type: 'pass' }))
    await cluster.until(() => downs.length > 0, 20_000)
    expect(downs[0]).toEqual(['down', 'b', 'lost'])
    registration[Symbol.dispose]()
    await cluster.until(() => a.isFullyConnected('b'))
    await cluster.pass(20_000)
    expect(a.isFullyConnected('b')).toBe(true)
  })

  test('does not hold back what comes after a message that it delays', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    a.interpose(({ message }) => (message === 1 ? { type: 'delay', by: 100 } : { type: 'pass' }))
    for (const message of [1, 2]) void a.forwardMessage('b', 'x', message)
    await cluster.until(() => heard.length === 2)
    expect(heard).toEqual([2, 1])
  })

  test('that throws lets the message pass, and is told of', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const heard = hear(b, 'x')
    const failures = record(a, 'handler-error')
    const registration = a.interpose(({ kind }) => {
      if (kind === 'message') throw new Error('mine')
      return { type: 'pass' }
    })
    await cluster.settle(a.forwardMessage('b', 'x', 1))
    await cluster.turn()
    registration[Symbol.dispose]()
    expect(heard).toEqual([1])
    expect(failures).toMatchObject([['handler-error', { where: 'an interposition', error: { message: 'mine' } }]])
  })
})
