import { describe, expect, test } from 'vitest'
import { hyParView, InvalidOptionError, NotConnectedError, RemovedError, ReservationError } from '../../src/index.js'
import { Cluster, record } from '../support/cluster.js'

const hour = 3_600_000

describe('join', () => {
  test('resolves when the peer counts this node as a member', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    await cluster.settle(a.join(b.spec))
    expect(b.members()).toEqual(['a', 'b'])
    expect(a.members()).toEqual(['a', 'b'])
  })

  test('takes an address as well as a spec, and whoever joins one member joins all', async () => {
    const cluster = new Cluster()
    const nodes = await cluster.mesh(['a', 'b', 'c'])
    const d = await cluster.start('d')
    await cluster.settle(d.join('memory://b:1'))
    const all = [...nodes, d]
    await cluster.until(() => all.every(node => node.members().length === 4))
    await cluster.until(() => all.every(node => ['a', 'b', 'c', 'd'].every(name => node.isFullyConnected(name))))
  })

  test('of a node with itself does nothing', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    await cluster.settle(Promise.all([a.join(a.spec), a.join('memory://a:1'), a.syncJoin(a.spec)]))
    expect(a.members()).toEqual(['a'])
  })

  test('tries until the peer exists', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const retries = record(a, 'retry')
    const joined = a.syncJoin('memory://b:1')
    await cluster.pass(20_000)
    expect(a.members()).toEqual(['a'])
    await cluster.start('b')
    await cluster.settle(joined)
    expect(a.isFullyConnected('b')).toBe(true)
    // Nobody has to guess why it takes so long.
    expect(retries.length).toBeGreaterThan(10)
    expect(retries[0]).toMatchObject(['retry', { peer: 'memory://b:1', error: { code: 'ERR_UNREACHABLE' } }])
  })

  test('ends with its signal, and its reason', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    for (const join of [a.join.bind(a), a.syncJoin.bind(a), a.connect.bind(a)]) {
      const controller = new AbortController()
      const joined = join('memory://nowhere:1', { signal: controller.signal })
      await cluster.pass(3_000)
      const reason = new Error('enough')
      controller.abort(reason)
      expect(await cluster.failure(joined, 0)).toBe(reason)
      expect(await cluster.failure(join('memory://nowhere:1', { signal: controller.signal }), 0)).toBe(reason)
    }
  })

  test.each(['', 'b', 'not an address', 5, {}, { name: 'b' }])('of %j is the mistake of the caller', async peer => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    expect(await cluster.failure(a.join(peer as string))).toBeInstanceOf(InvalidOptionError)
    expect(await cluster.failure(a.connect(peer as string))).toBeInstanceOf(InvalidOptionError)
  })

  test('of both with each other at the same time makes one connection for each lane', async () => {
    const cluster = new Cluster({ options: { channels: { data: { parallelism: 3 } } }, network: { latency: 10 } })
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    await cluster.settle(Promise.all([a.syncJoin(b.spec), b.syncJoin(a.spec), a.syncJoin(b.spec)]))
    await cluster.pass(5_000)
    expect(cluster.ends('a', 'b')).toHaveLength(5)
    expect(a.connections().filter(({ state }) => state === 'open')).toHaveLength(5)
  })
})

describe('syncJoin', () => {
  test('resolves when all lanes of all channels are usable both ways', async () => {
    const cluster = new Cluster({ options: { channels: { data: { parallelism: 4 } } }, network: { latency: 30 } })
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    await cluster.settle(a.syncJoin(b.spec))
    expect(a.isFullyConnected('b')).toBe(true)
    expect(b.isFullyConnected('a')).toBe(true)
    expect(b.isConnected('a', 'data')).toBe(true)
    const open = a.connections().filter(({ state }) => state === 'open')
    expect(open.map(({ channel, lane }) => `${channel}/${lane}`).sort()).toEqual([
      ...['data/0', 'data/1', 'data/2', 'data/3', 'default/0', 'membership/0'],
    ])
  })
})

describe('leave', () => {
  test('resolves when the others were told, and this node is alone', async () => {
    const cluster = new Cluster({ network: { latency: 20 } })
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    await cluster.settle(c?.leave() ?? Promise.reject(new Error('no node')))
    expect(a?.members()).toEqual(['a', 'b'])
    expect(b?.members()).toEqual(['a', 'b'])
    expect(c?.members()).toEqual(['c'])
    await cluster.pass(20_000)
    expect(c?.connections()).toEqual([])
    expect(a?.connections().some(({ node }) => node === 'c')).toBe(false)
    expect(await cluster.failure(a?.forwardMessage('c', 'x', 1) ?? Promise.resolve())).toBeInstanceOf(NotConnectedError)
  })

  test('of a node that rejoins gives it a later incarnation, at once', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const before = b.spec.incarnation
    await cluster.settle(b.leave())
    await cluster.settle(b.syncJoin(a.spec))
    expect(b.spec.incarnation).toBeGreaterThan(before)
    expect(a.members()).toEqual(['a', 'b'])
    await cluster.pass(5_000)
    expect(a.isFullyConnected('b')).toBe(true)
    expect(b.members()).toEqual(['a', 'b'])
  })

  test('keeps the seeds off until the next join', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b', { seeds: a.spec.addresses })
    await cluster.until(() => b.members().length === 2)
    await cluster.settle(b.leave())
    await cluster.pass(60_000)
    expect(b.members()).toEqual(['b'])
    const c = await cluster.start('c')
    await cluster.settle(b.join(c.spec))
    await cluster.until(() => b.members().length === 3 && a.members().length === 3)
  })

  test('of another removes it: it is told, and is a singleton', async () => {
    const cluster = new Cluster()
    const [a, b, c] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined || b === undefined || c === undefined) throw new Error('no node')
    const told = record(c, 'removed')
    await cluster.settle(a.leave('c'))
    await cluster.until(() => b.members().length === 2)
    await cluster.pass(10_000)
    expect(told).toEqual([['removed']])
    expect(c.members()).toEqual(['c'])
    expect(c.connections()).toEqual([])
    await cluster.settle(c.syncJoin(b.spec))
    await cluster.until(() => a.members().length === 3)
  })

  test('of a member that is down removes it for good: it finds out when it is back', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const told = record(b, 'removed')
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b') && !b.isConnected('a'))
    await cluster.settle(a.leave('b'))
    expect(a.members()).toEqual(['a'])
    cluster.heal()
    await cluster.until(() => told.length === 1, 120_000)
    expect(b.members()).toEqual(['b'])
    await cluster.pass(60_000)
    expect(a.members()).toEqual(['a'])
    expect(told).toHaveLength(1)
  })

  test('of a stranger is the mistake of the caller', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    expect(await cluster.failure(a.leave('x'))).toBeInstanceOf(NotConnectedError)
  })

  test('may be asked for again', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.settle(Promise.all([b.leave(), b.leave()]))
    await cluster.settle(b.leave())
    expect(a.members()).toEqual(['a'])
  })
})

describe('a member that is down', () => {
  test('stays a member, is dialled for ever, and is back soon after it can be reached', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b') && !b.isConnected('a'))
    await cluster.pass(600_000)
    expect(a.members()).toEqual(['a', 'b'])
    cluster.heal()
    await cluster.until(() => a.isFullyConnected('b') && b.isFullyConnected('a'), 31_000)
  })

  test('is taken back when it restarts and knows nobody', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.settle(b.stop())
    await cluster.pass(10_000)
    const again = await cluster.start('b')
    await cluster.until(() => again.members().length === 2 && a.isFullyConnected('b'))
  })

  test('with a generated name is removed after a while', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const transport = cluster.transport('b')
    const b = cluster.node('b', { name: undefined as unknown as string, transport })
    await cluster.settle(b.start())
    await cluster.settle(b.join(a.spec))
    await cluster.settle(b.stop())
    await cluster.pass(hour - 120_000)
    expect(a.members()).toHaveLength(2)
    await cluster.pass(240_000)
    expect(a.members()).toEqual(['a'])
  }, 60_000)
})

describe('updateMembers', () => {
  test('joins who is missing and removes who is too many', async () => {
    const cluster = new Cluster()
    const [a, , c] = await cluster.mesh(['a', 'b', 'c'])
    const d = await cluster.start('d')
    if (a === undefined || c === undefined) throw new Error('no node')
    await cluster.settle(a.updateMembers(['a', 'memory://c:1', d.spec]))
    expect(a.members()).toEqual(['a', 'c', 'd'])
    await cluster.until(() => c.members().join() === 'a,c,d' && d.members().join() === 'a,c,d')
  })

  test('with nobody changes nothing', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    await cluster.settle(a.updateMembers([]))
    expect(a.members()).toEqual(['a', 'b'])
  })

  test('keeps a member that is named by an address it does not tell of', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    await cluster.settle(a.syncJoin(b.spec))
    await cluster.settle(a.updateMembers(['memory://b:01']))
    expect(a.members()).toEqual(['a', 'b'])
  })

  test('takes no names of strangers', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    expect(await cluster.failure(a.updateMembers(['a', 'x']))).toBeInstanceOf(InvalidOptionError)
    expect(a.members()).toEqual(['a', 'b'])
  })
})

describe('connect', () => {
  test('opens all lanes without making a member, and keeps them', async () => {
    const cluster = new Cluster()
    const a = await cluster.start('a')
    const b = await cluster.start('b')
    expect(await cluster.settle(a.connect(b.spec))).toEqual([])
    expect(a.isFullyConnected('b')).toBe(true)
    expect(a.members()).toEqual(['a'])
    expect(b.members()).toEqual(['b'])
    const heard: unknown[] = []
    b.register('x', (message: unknown) => void heard.push(message))
    await cluster.settle(a.forwardMessage('b', 'x', 1))
    await cluster.turn()
    cluster.sever('a', 'b')
    await cluster.until(() => !a.isConnected('b'))
    await cluster.until(() => a.isFullyConnected('b'))
    await cluster.settle(a.disconnect('b'))
    await cluster.pass(60_000)
    expect(a.connections()).toEqual([])
    expect(heard).toEqual([1])
  })

  test('with prune gives the specs that a newer one has replaced, once', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    const first = b.spec
    await cluster.settle(b.stop())
    await cluster.pass(100)
    const again = await cluster.start('b', { listen: { host: 'b2' } })
    await cluster.settle(again.join(a.spec))
    expect(await cluster.settle(a.connect(again.spec))).toEqual([])
    expect(await cluster.settle(a.connect(again.spec, { prune: true }))).toEqual([first])
    expect(await cluster.settle(a.connect(again.spec, { prune: true }))).toEqual([])
  })
})

describe('disconnect', () => {
  test('drops the connections, calls for each node, and members are dialled again', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.mesh(['a', 'b', 'c'])
    if (a === undefined) throw new Error('no node')
    const called: string[] = []
    await cluster.settle(a.disconnect(['b', 'c'], node => void called.push(node)))
    expect(called).toEqual(['b', 'c'])
    expect(a.isConnected('b')).toBe(false)
    expect(a.members()).toEqual(['a', 'b', 'c'])
    await cluster.until(() => a.isFullyConnected('b') && a.isFullyConnected('c'))
  })

  test('of a member that is down does not end the dialling', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    await cluster.settle(b.stop())
    await cluster.pass(3_000)
    for (let count = 0; count < 20; count++) {
      await cluster.settle(a.disconnect('b'))
      await cluster.pass(37)
    }
    await cluster.start('b')
    await cluster.until(() => a.isFullyConnected('b'))
  })

  test('is not the end of the dialling either when a join that has taken it over is given up', async () => {
    for (let given = 0; given <= 400; given += 25) {
      const cluster = new Cluster({ network: { latency: 50 } })
      const b = await cluster.start('b')
      const a = await cluster.start('a', { listen: false })
      await cluster.settle(a.syncJoin(b.spec))
      cluster.sever('a', 'b')
      await cluster.until(() => !a.isConnected('b') && !b.isConnected('a'))
      const controller = new AbortController()
      const joined = a.join(b.spec, { signal: controller.signal }).catch(() => {})
      await cluster.pass(given)
      controller.abort()
      await joined
      await cluster.until(() => a.isFullyConnected('b'))
    }
  })

  test('of a silent peer, or an ended join to one that is down, does not end the dialling either', async () => {
    const cluster = new Cluster({ network: { latency: 15 } })
    const [a, b] = await cluster.pair()
    await cluster.settle(b.stop())
    await cluster.pass(3_000)
    const again = await cluster.start('b')
    const controller = new AbortController()
    for (const millis of [5, 20, 35, 50, 65]) {
      const joining = a.join(again.spec, { signal: controller.signal }).catch(() => {})
      await cluster.pass(millis)
      void joining
    }
    controller.abort()
    cluster.split('a', 'b')
    await cluster.pass(10_000)
    cluster.heal()
    await cluster.until(() => a.isFullyConnected('b') && again.isFullyConnected('a'))
  })
})

describe('the view', () => {
  test('can be taken out as plain data and read again', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.pair()
    const state: unknown = JSON.parse(JSON.stringify(a.getLocalState()))
    expect(a.decode(state)).toEqual(['a', 'b'])
    expect(() => a.decode('nonsense')).toThrow(InvalidOptionError)
    expect(a.membersForOrchestration().map(({ name, addresses }) => [name, addresses])).toEqual([
      ['a', ['memory://a:1']],
      ['b', ['memory://b:1']],
    ])
  })

  test('tells what a full mesh can do', () => {
    const a = new Cluster().node('a')
    for (const name of ['full-membership', 'reservation', 'remote-faults', 'channels', 'relay']) {
      expect(a.supportsCapability(name)).toBe(true)
    }
    expect(a.supportsCapability('toString')).toBe(false)
  })
})

describe('a reservation', () => {
  test('of more places than a partial view can keep is refused', () => {
    const cluster = new Cluster({ make: options => hyParView({ ...options, activeViewSize: 3 }) })
    const a = cluster.node('a')
    for (const tag of ['x', 'y', 'x']) a.reserve(tag)
    expect(() => a.reserve('z')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
    expect(() => a.reserve('z')).toThrow('raise activeViewSize')
  })

  test('keeps a slot for a peer with its tag, and the same tag is one', async () => {
    const cluster = new Cluster({ options: { limits: { peers: 2 }, maxReserved: 1 } })
    const a = await cluster.start('a')
    a.reserve('vip')
    a.reserve('vip')
    expect(() => a.reserve('other')).toThrow(ReservationError)
    expect(() => a.reserve('')).toThrow(InvalidOptionError)
    const b = await cluster.start('b')
    await cluster.settle(b.join(a.spec))
    const c = await cluster.start('c')
    const refusals = record(a, 'refused')
    const controller = new AbortController()
    const refused = cluster.failure(c.connect(a.spec, { signal: controller.signal }))
    await cluster.pass(5_000)
    expect(refusals[0]).toMatchObject(['refused', { error: { code: 'ERR_TOO_MANY_PEERS' } }])
    controller.abort(new Error('enough'))
    await refused
    const vip = await cluster.start('v', { attributes: { tag: 'vip' } })
    await cluster.settle(vip.connect(a.spec))
    expect(a.isConnected('v')).toBe(true)
  })
})

describe('a removed node', () => {
  test('that greets in the same incarnation is refused as removed', async () => {
    const cluster = new Cluster()
    const [a, b] = await cluster.pair()
    cluster.split('a', 'b')
    await cluster.until(() => !a.isConnected('b') && !b.isConnected('a'))
    await cluster.settle(a.leave('b'))
    const refusals = record(b, 'refused')
    cluster.heal()
    await cluster.until(() => refusals.length > 0, 120_000)
    const [, refusal] = refusals[0] as [string, { error: Error }]
    expect(refusal.error).toBeInstanceOf(RemovedError)
  })
})
