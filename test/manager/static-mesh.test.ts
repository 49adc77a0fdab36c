import { describe, expect, test } from 'vitest'
import {
  fullMesh,
  InvalidOptionError,
  NotConnectedError,
  type PeerServiceManager,
  type PeerServiceOptions,
  RemovedError,
  RoleError,
  type StaticMeshOptions,
  type StaticPeers,
  staticMesh,
} from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

const hour = 3_600_000

/**
 * Nodes of an open mesh, or of a closed one with these peers; `f...` are nodes of a full mesh, `o...` of an open one.
 */
function overlay(peers?: StaticPeers, options: PeerServiceOptions = {}): Cluster {
  return new Cluster({
    ...{ network: { latency: 5 }, options },
    make: given => {
      if (given.name?.startsWith('f')) return fullMesh(given)
      return staticMesh({ ...given, ...(peers !== undefined && !given.name?.startsWith('o') && { peers }) })
    },
  })
}

const three = { a: 'memory://a:1', b: 'memory://b:1', c: ['memory://nowhere:1', 'memory://c:1'] }

function areWhole(...nodes: readonly PeerServiceManager[]): boolean {
  return nodes.every(node => nodes.every(({ name }) => node.isFullyConnected(name) && node.members().includes(name)))
}

describe('a closed mesh', () => {
  test('has its members from the start, and connects them without a join', async () => {
    const cluster = overlay(three)
    const a = await cluster.start('a')
    expect(a.members()).toEqual(['a', 'b', 'c'])
    expect(a.membersForOrchestration().map(({ incarnation }) => incarnation > 0)).toEqual([true, false, false])
    const others = [await cluster.start('b'), await cluster.start('c')]
    await cluster.until(() => areWhole(a, ...others))
    for (const node of [a, ...others]) {
      expect(node.members()).toEqual(['a', 'b', 'c'])
      expect(node.membersForOrchestration().every(({ incarnation }) => incarnation > 0)).toBe(true)
    }
    expect(a.supportsCapability('full-membership')).toBe(true)
  })

  test('keeps messages for a peer that was never met, and sends them when it is first up', async () => {
    const channels = { data: { parallelism: 3 } }
    const cluster = overlay(three, { channels })
    const a = await cluster.start('a')
    const settled: string[] = []
    const sent = [
      a.forwardMessage('b', 'log', 1),
      ...[2, 3, 4].map(n => a.forwardMessage('b', 'log', n, { channel: 'data', partitionKey: 'k' })),
      a.request('b', 'echo', 'anybody?', { channel: 'data' }),
      a.sendMessage('b', 'for the manager'),
    ]
    a.castMessage('b', 'log', 5)
    for (const [index, each] of sent.entries())
      each.then(
        () => void settled.push(String(index)),
        () => {},
      )
    const late = cluster.failure(a.forwardMessage('b', 'log', 'too late', { timeout: 1_000 }))
    await cluster.pass(600_000)
    expect(settled).toEqual([])
    expect(await late).toMatchObject({ code: 'ERR_DEADLINE' })

    // The peer declares fewer lanes than were expected.
    const b = cluster.node('b', { channels: { data: { parallelism: 2 } } })
    const log: unknown[] = []
    b.register('log', (message, { channel }) => void log.push([channel, message]))
    b.register('echo', (message: unknown) => message)
    const forManager = record(b, 'message')
    await cluster.settle(b.start())
    expect(await cluster.settle(sent[4] as Promise<unknown>)).toBe('anybody?')
    await cluster.settle(Promise.all(sent))
    await cluster.until(() => log.length === 5 && forManager.length === 1)
    const of = (wanted: string): unknown[] => log.filter(each => (each as unknown[])[0] === wanted)
    expect(of('data')).toEqual([2, 3, 4].map(n => ['data', n]))
    expect(of('default')).toEqual([1, 5].map(n => ['default', n]))
  })

  test('ends what waits on a channel that the peer turns out not to have', async () => {
    const cluster = overlay(three)
    const a = await cluster.start('a', { channels: { data: {} } })
    const failed = cluster.failure(a.forwardMessage('b', 'log', 1, { channel: 'data' }))
    await cluster.start('b')
    expect(await failed).toBeInstanceOf(NotConnectedError)
    expect(await cluster.failure(a.forwardMessage('b', 'log', 1, { channel: 'data' }))).toMatchObject({
      code: 'ERR_UNKNOWN_CHANNEL',
      where: 'remote',
    })
  })

  test.each(['fx', 'ox'])('takes nobody else, whoever dials (%s)', async name => {
    const cluster = overlay(three)
    const a = await cluster.start('a')
    const stranger = await cluster.start(name)
    const refusals = [record(a, 'refused'), record(stranger, 'refused')]
    const joins = [
      () => a.join(`memory://${name}:1`),
      () => a.join(stranger.spec),
      () => a.connect(stranger.spec),
      () => stranger.join('memory://a:1'),
      () => stranger.syncJoin(a.spec),
    ]
    const why = name === 'fx' ? 'different overlays' : 'takes nobody else'
    for (const join of joins) {
      const error = await cluster.failure(join(), 1_000)
      expect(error).toBeInstanceOf(RoleError)
      expect((error as Error).message).toContain(why)
    }
    for (const told of refusals) expect(told[0]).toMatchObject(['refused', { error: { code: 'ERR_ROLE' } }])
    expect([a.members(), stranger.members()]).toEqual([['a', 'b', 'c'], [name]])
  })

  test('refuses a stranger by its spec before it dials', async () => {
    const cluster = overlay(three)
    const a = await cluster.start('a')
    const o = await cluster.start('o')
    await cluster.settle(o.stop())
    expect(await cluster.failure(a.join(o.spec), 0)).toBeInstanceOf(RoleError)
  })

  test('joins those it was given, and such an open node counts it', async () => {
    const cluster = overlay({ a: 'memory://a:1', o: [] })
    const a = await cluster.start('a')
    const o = await cluster.start('o', { listen: false })
    await cluster.settle(o.syncJoin('memory://a:1'))
    expect([a.members(), o.members()]).toEqual([
      ['a', 'o'],
      ['a', 'o'],
    ])
    await cluster.settle(a.join(o.spec))
    expect(areWhole(a, o)).toBe(true)
  })

  test('lists a peer that has left, refuses that life of it, and takes the next one at once', async () => {
    const cluster = overlay(three)
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    await cluster.until(() => areWhole(a, b, c))
    const told = record(a, 'down', 'members')
    const refusals = record(a, 'refused')
    await cluster.settle(b.leave())
    expect(told).toEqual([['down', 'b', 'left']])
    expect([a.members(), b.members()]).toEqual([['a', 'b', 'c'], ['b']])
    expect(a.getLocalState()).toMatchObject({ closed: true, left: ['b'] })
    expect(await cluster.failure(a.forwardMessage('b', 'x', 1))).toMatchObject({ reason: 'down' })
    await cluster.pass(120_000)
    expect(b.connections()).toEqual([])
    expect(refusals[0]).toMatchObject(['refused', { by: 'us', error: expect.any(RemovedError) }])
    expect(await cluster.failure(a.join(b.spec))).toBeInstanceOf(RemovedError)

    const heard: unknown[] = []
    b.register('log', message => void heard.push(message))
    const sent = a.forwardMessage('b', 'log', 1, { whenDown: 'wait' })
    await cluster.settle(b.syncJoin('memory://c:1'))
    await cluster.settle(sent)
    await cluster.until(() => areWhole(a, b, c) && heard.length === 1)
    expect(a.getLocalState()).toMatchObject({ left: [] })
  })

  test('removes a peer for its life: it is told, and alone; its next life is taken', async () => {
    const cluster = overlay(three)
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    await cluster.until(() => areWhole(a, b, c))
    const told = record(b, 'removed')
    await cluster.settle(a.leave('b'))
    await cluster.until(() => told.length > 0)
    await cluster.until(() => !c.isConnected('b'))
    await cluster.pass(60_000)
    expect(told).toEqual([['removed']])
    expect([a.members(), b.members(), c.members()]).toEqual([['a', 'b', 'c'], ['b'], ['a', 'b', 'c']])
    expect(a.isConnected('b')).toBe(false)
    await cluster.settle(b.stop())
    await cluster.settle(b.start())
    await cluster.until(() => areWhole(a, b, c))
  })

  test('removes a peer that is away: it finds out when it is back', async () => {
    const cluster = overlay(three)
    const [a, b] = [await cluster.start('a'), await cluster.start('b')]
    await cluster.until(() => areWhole(a, b))
    const told = record(b, 'removed')
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b') && !b.isConnected('a'))
    await cluster.settle(a.leave('b'))
    cluster.heal()
    await cluster.until(() => told.length === 1)
    expect(b.members()).toEqual(['b'])
  })

  test('dials for ever, and takes a restarted peer at once; a namesake of it gives way', async () => {
    const cluster = overlay(three)
    const [a, b] = [await cluster.start('a'), await cluster.start('b')]
    await cluster.until(() => areWhole(a, b))
    await cluster.settle(b.stop())
    await cluster.pass(3 * hour)
    await cluster.settle(b.start())
    await cluster.until(() => areWhole(a, b))
    const superseded = record(b, 'superseded')
    const later = await cluster.start('b', { listen: { host: 'b', port: 2 } })
    await cluster.until(() => superseded.length === 1 && areWhole(a, later))
  }, 60_000)

  test('takes its peers as specs', async () => {
    const cluster = new Cluster({ make: given => staticMesh(given) })
    const start = async (name: string, options: StaticMeshOptions): Promise<PeerServiceManager> =>
      cluster.start(name, options)
    const b = await start('b', { peers: { a: [] } })
    const a = await start('a', { peers: [b.spec], listen: false })
    await cluster.until(() => areWhole(a, b))
    expect(a.membersForOrchestration()[1]).toEqual(b.spec)
  })

  const url = 'memory://b:1'
  const spoilt: [string, unknown, RegExp][] = [
    ['a text', url, /^peers must be/],
    ['null', null, /^peers must be/],
    ['a peer without a name', { '': url }, /^peers\. must be/],
    ['everybody', { '*': url }, /^peers\.\* must be/],
    ['no address', { b: 'b:1' }, /^peers\.b must be/],
    ['undefined as an address', { b: undefined }, /^peers\.b must be/],
    ['a number among addresses', { b: [url, 5] }, /^peers\.b must be/],
    ['an address of another transport', { b: 'carrier-pigeon://b' }, /^peers\.b must be .*transport/],
    ['too many addresses', { b: Array.from({ length: 17 }, () => url) }, /^peers\.b must be/],
    ['an address that is too long', { b: `memory://${'b'.repeat(600)}` }, /^peers\.b must be/],
    ['a list of addresses', [url], /^peers\[0] must be/],
    ['a spec that is none', [{ name: 'b' }], /^peers\[0] must be/],
  ]

  test.each(spoilt)('does not take as peers: %s', (_what, peers, text) => {
    const cluster = new Cluster()
    const make = (): unknown => staticMesh({ peers, transport: cluster.transport('a') } as unknown as StaticMeshOptions)
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(text)
  })

  test('does not take a name twice; its own name is no matter', async () => {
    const cluster = overlay(three)
    const a = await cluster.start('a')
    const transport = cluster.transport('x')
    expect(() => staticMesh({ peers: [a.spec, a.spec], transport })).toThrow(/^peers\[1] must be/)
    expect(staticMesh({ name: 'x', peers: {}, transport }).members()).toEqual(['x'])
    expect(a.connections().map(({ node }) => node)).not.toContain('a')
  })

  test('takes no seeds: they could be nobody else', () => {
    const given = { peers: { b: 'memory://b:1' }, transport: new Cluster().transport('a') }
    const make = (): unknown => staticMesh({ ...given, seeds: ['memory://b:1'] })
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(/^seeds must be left out where peers are given/)
    expect(() => staticMesh({ ...given, seeds: [] })).not.toThrow()
  })

  test('is this overlay alone: others know no such option', () => {
    expect(() => fullMesh({ peers: three } as PeerServiceOptions)).toThrow(/^options.peers must be/)
    expect(() => staticMesh({ role: 'client' } as StaticMeshOptions)).toThrow(/^options.role must be/)
  })
})

describe('an open mesh', () => {
  test('makes who join each other members of each other, and tells nobody of third parties', async () => {
    const cluster = overlay()
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    const told: string[] = []
    for (const [node, other] of [
      [a, 'c'],
      [c, 'a'],
    ] as const) {
      node.interpose(({ direction, kind, message }) => {
        const text = JSON.stringify(message) ?? ''
        if (direction === 'receive' && kind === 'membership' && text.includes(`"${other}"`)) told.push(text)
        return { type: 'pass' }
      })
    }
    await cluster.settle(a.syncJoin(b.spec))
    await cluster.settle(b.syncJoin('memory://c:1'))
    await cluster.pass(60_000)
    expect([a.members(), b.members(), c.members()]).toEqual([
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['b', 'c'],
    ])
    expect(told).toEqual([])
    expect(a.isConnected('c')).toBe(false)
    expect(a.supportsCapability('full-membership')).toBe(false)
  })

  test('joins its seeds', async () => {
    const cluster = overlay(undefined, { seeds: ['memory://a:1'] })
    const [a, b] = [await cluster.start('a'), await cluster.start('b')]
    await cluster.until(() => areWhole(a, b))
  })

  test.each(['fx'])('takes no node of another overlay (%s)', async name => {
    const cluster = overlay()
    const [a, f] = [await cluster.start('a'), await cluster.start(name)]
    for (const join of [() => a.join(f.spec), () => a.join(`memory://${name}:1`), () => f.join(a.spec)]) {
      expect(await cluster.failure(join(), 1_000)).toBeInstanceOf(RoleError)
    }
    expect([a.members(), f.members()]).toEqual([['a'], ['fx']])
  })

  test('drops who leaves, when its leave resolves, and takes it back in a later life', async () => {
    const cluster = overlay()
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    await cluster.settle(a.syncJoin(b.spec))
    await cluster.settle(b.syncJoin(c.spec))
    const told = record(a, 'members', 'down')
    await cluster.settle(b.leave())
    expect([a.members(), b.members(), c.members()]).toEqual([['a'], ['b'], ['c']])
    expect(told).toEqual([
      ['down', 'b', 'left'],
      ['members', ['a']],
    ])
    expect(await cluster.failure(a.forwardMessage('b', 'x', 1))).toBeInstanceOf(NotConnectedError)
    expect(await cluster.failure(a.join(b.spec))).toBeInstanceOf(RemovedError)
    await cluster.pass(60_000)
    expect(b.connections()).toEqual([])
    await cluster.settle(b.syncJoin(a.spec))
    expect([a.members(), b.members(), c.members()]).toEqual([['a', 'b'], ['a', 'b'], ['c']])
  })

  test('removes a member: it is told, alone, and the others that it had drop it', async () => {
    const cluster = overlay()
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    await cluster.settle(a.syncJoin(b.spec))
    await cluster.settle(b.syncJoin(c.spec))
    const told = record(b, 'removed')
    await cluster.settle(a.leave('b'))
    await cluster.until(() => told.length > 0 && c.members().length === 1)
    await cluster.pass(10_000)
    expect([a.members(), b.members(), c.members()]).toEqual([['a'], ['b'], ['c']])
    expect(told).toEqual([['removed']])
    expect(await cluster.failure(a.leave('x'))).toBeInstanceOf(NotConnectedError)
    await cluster.settle(b.syncJoin(a.spec))
    expect(areWhole(a, b)).toBe(true)
  })

  test('removes a member that is down for good: it finds out when it is back', async () => {
    const cluster = overlay()
    const [a, b] = [await cluster.start('a'), await cluster.start('b')]
    await cluster.settle(a.syncJoin(b.spec))
    const told = record(b, 'removed')
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b') && !b.isConnected('a'))
    await cluster.settle(a.leave('b'))
    expect(a.members()).toEqual(['a'])
    cluster.heal()
    await cluster.until(() => told.length === 1)
    expect(b.members()).toEqual(['b'])
    await cluster.pass(60_000)
    expect(a.members()).toEqual(['a'])
  })

  test('keeps a member that is down, dials it for ever, and is taken back by its next life', async () => {
    const cluster = overlay()
    const [a, b] = [await cluster.start('a'), await cluster.start('b')]
    await cluster.settle(a.syncJoin(b.spec))
    await cluster.settle(b.stop())
    await cluster.pass(3 * hour)
    expect(a.members()).toEqual(['a', 'b'])
    await cluster.settle(b.start())
    await cluster.until(() => areWhole(a, b))
  }, 60_000)

  test('removes members with generated names that were down for an hour', async () => {
    const cluster = overlay()
    const a = await cluster.start('a')
    const b = staticMesh({ transport: cluster.transport('b'), clock: cluster.clock, listen: false })
    await cluster.settle(b.start())
    await cluster.settle(b.join(a.spec))
    await cluster.settle(b.stop())
    await cluster.pass(hour - 120_000)
    expect(a.members()).toHaveLength(2)
    await cluster.pass(240_000)
    expect(a.members()).toEqual(['a'])
  }, 60_000)

  test('updates its members: joins who is missing, removes who is too many', async () => {
    const cluster = overlay()
    const [a, b, c] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')]
    await cluster.settle(a.syncJoin(b.spec))
    await cluster.settle(a.updateMembers(['a', c.spec]))
    await cluster.until(() => a.members().join() === 'a,c' && b.members().join() === 'b')
    expect(c.members()).toEqual(['a', 'c'])
  })
})
