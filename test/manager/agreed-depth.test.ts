import { describe, expect, test } from 'vitest'
import { type PeerServiceManager, staticMesh } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

interface Pair {
  readonly cluster: Cluster
  readonly a: PeerServiceManager
  readonly b: PeerServiceManager
  /** What the server `x` of b got. */
  readonly got: unknown[]
  /** Connections that were closed, for whatever reason. */
  readonly closed: unknown[][]
}

/** `a` sends what nests 200 deep, and `b` takes 64. */
async function setUp(): Promise<Pair> {
  const cluster = new Cluster()
  const a = await cluster.start('a', { limits: { depth: 200 } })
  const b = await cluster.start('b')
  const got: unknown[] = []
  b.register('x', message => void got.push(message))
  const closed = record(a, 'down', 'violation')
  for (const event of ['down', 'violation'] as const) {
    b.events.on(event, (...told: unknown[]) => void closed.push([event, ...told]))
  }
  return { cluster, a, b, got, closed }
}

async function join({ cluster, a, b }: Pair): Promise<void> {
  await cluster.settle(a.syncJoin(b.spec))
  await cluster.until(() => a.isFullyConnected('b'))
}

const tooDeep = { code: 'ERR_ENCODE', message: expect.stringContaining('limits.depth') }

describe('a message that nests deeper than its peer takes', () => {
  test('is refused here, and the connection goes on', async () => {
    const pair = await setUp()
    const { cluster, a, got, closed } = pair
    await join(pair)
    const deep = nested(100)
    for (const options of [{}, { ack: true }, { ack: true, timeout: 5_000 }, { causalLabel: 'label', ack: true }]) {
      expect(await cluster.failure(a.forwardMessage('b', 'x', deep, options), 100)).toMatchObject(tooDeep)
      expect(await cluster.failure(a.forwardMessage('b', 'x', 1, { ...options, clock: deep }), 100)).toMatchObject(
        tooDeep,
      )
    }
    expect(await cluster.failure(a.request('b', 'x', deep), 100)).toMatchObject(tooDeep)
    await cluster.settle(a.forwardMessage('b', 'x', nested(64), { ack: true, clock: nested(64) }))
    await cluster.settle(a.forwardMessage('b', 'x', 'after', { ack: true, causalLabel: 'label' }))
    expect(got).toEqual([nested(64), 'after'])
    expect(closed).toEqual([])
  })

  test('is refused as soon as that is known, where it waited for a first connection', async () => {
    const peers = { a: 'memory://a:1', b: 'memory://b:1' }
    const cluster = new Cluster({ make: given => staticMesh({ ...given, peers }) })
    const a = await cluster.start('a', { limits: { depth: 200 } })
    const closed = record(a, 'down', 'violation')
    const wait = { ack: true, whenDown: 'wait' } as const
    const ends = [
      a.forwardMessage('b', 'x', nested(100), wait),
      a.forwardMessage('b', 'x', 1, { ...wait, clock: nested(100) }),
      a.forwardMessage('b', 'x', nested(100), { whenDown: 'wait' }),
      a.forwardMessage('b', 'x', 2, { whenDown: 'wait', clock: nested(100) }),
    ].map(sent => cluster.failure(sent))
    const after = a.forwardMessage('b', 'x', 'after', wait)
    const b = await cluster.start('b')
    const got: unknown[] = []
    b.register('x', message => void got.push(message))
    for (const end of ends) expect(await end).toMatchObject(tooDeep)
    await cluster.settle(after)
    expect(got).toEqual(['after'])
    expect(closed).toEqual([])
  })

  test('is no answer either: who asked is told', async () => {
    const pair = await setUp()
    const { cluster, a, b, closed } = pair
    await join(pair)
    a.register('deep', () => nested(100))
    expect(await cluster.failure(b.request('a', 'deep', 1))).toMatchObject({
      message: expect.stringContaining('nested'),
    })
    expect(closed).toEqual([])
  })
})
