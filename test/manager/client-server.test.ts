import { describe, expect, test } from 'vitest'
import {
  type ClientServerOptions,
  clientServer,
  fullMesh,
  InvalidOptionError,
  NotConnectedError,
  type PeerServiceManager,
  type PeerServiceOptions,
  RemovedError,
  RoleError,
} from '../../src/index.js'
import { Cluster, type ClusterOptions, record } from '../support/cluster.js'

const hour = 3_600_000

/** Nodes whose names begin with `c` are clients, which do not listen; `f...` are nodes of a full mesh. */
function overlay({ network, options = {} }: ClusterOptions = {}): Cluster {
  return new Cluster({
    ...{ network: network ?? { latency: 5 }, options },
    make: given => {
      if (given.name?.startsWith('f')) return fullMesh(given)
      if (!given.name?.startsWith('c')) return clientServer({ ...given, role: 'server' })
      return clientServer({ ...given, role: 'client', ...(!('advertise' in given) && { listen: false }) })
    },
  })
}

interface Nodes {
  readonly cluster: Cluster
  readonly all: readonly PeerServiceManager[]
  readonly node: (name: string) => PeerServiceManager
}

/** Started nodes: the servers joined the first, each client one of them; whole. */
async function start(names: readonly string[], options?: PeerServiceOptions): Promise<Nodes> {
  const cluster = overlay(options && { options })
  const all: PeerServiceManager[] = []
  const servers = names.filter(name => name.startsWith('s'))
  for (const [index, name] of names.entries()) {
    const node = await cluster.start(name)
    const seed = name.startsWith('s') ? servers[0] : servers[index % servers.length]
    if (seed !== name) await cluster.settle(node.join(`memory://${seed}:1`))
    all.push(node)
  }
  await cluster.until(() => isWhole(all))
  return { cluster, all, node: name => all.find(node => node.name === name) as PeerServiceManager }
}

/** Every server knows everybody, every client the servers; all who know each other are connected. */
function isWhole(all: readonly PeerServiceManager[]): boolean {
  const names = all.map(({ name }) => name).sort()
  return all.every(node => {
    const known = names.filter(name => node.spec.role === 'server' || name.startsWith('s') || name === node.name)
    return node.members().join() === known.join() && known.every(name => node.isFullyConnected(name))
  })
}

/** Where the server says that each client is connected. */
function attachments(server: PeerServiceManager): Record<string, string[]> {
  const { clients } = server.getLocalState() as { clients: { name: string; servers: string[] }[] }
  return Object.fromEntries(clients.map(({ name, servers }) => [name, servers]))
}

describe('clients and servers', () => {
  test('know whom they should, servers everybody and a client the servers, and can send to each other', async () => {
    const { cluster, all, node } = await start(['s1', 's2', 'c1', 'c2', 'c3'])
    expect(node('s2').members()).toEqual(['c1', 'c2', 'c3', 's1', 's2'])
    expect(node('c2').members()).toEqual(['c2', 's1', 's2'])
    const heard: string[] = []
    for (const { name, register } of all.map(each => ({ name: each.name, register: each.register.bind(each) }))) {
      register('log', (_message, { from }) => void heard.push(`${from} ${name}`))
    }
    const pairs = all.flatMap(from => from.members().map(to => [from, to] as const))
    for (const [from, to] of pairs) await cluster.settle(from.forwardMessage(to, 'log', 1))
    await cluster.until(() => heard.length === pairs.length)
    expect(heard.sort()).toEqual(pairs.map(([from, to]) => `${from.name} ${to}`).sort())
  })

  test('tell their roles with their specs, and what they can do', async () => {
    const { node } = await start(['s1', 'c1'])
    expect(
      node('s1')
        .membersForOrchestration()
        .map(({ name, role }) => [name, role]),
    ).toEqual([
      ['c1', 'client'],
      ['s1', 'server'],
    ])
    expect(node('s1').supportsCapability('full-membership')).toBe(true)
    expect(node('c1').supportsCapability('full-membership')).toBe(false)
    expect(node('c1').supportsCapability('reservation')).toBe(true)
  })

  test('are in the local view, with the servers that each client is connected with', async () => {
    const { cluster, node } = await start(['s1', 's2', 's3', 'c1', 'c2'])
    await cluster.until(() => attachments(node('s3')).c2?.length === 3)
    expect(attachments(node('s1'))).toEqual({ c1: ['s1', 's2', 's3'], c2: ['s1', 's2', 's3'] })
    cluster.split('c1', 's2')
    await cluster.until(() => attachments(node('s3')).c1?.join() === 's1,s3')
    await cluster.until(() => attachments(node('s2')).c1?.join() === 's1,s3')
    cluster.heal()
    await cluster.until(() => attachments(node('s1')).c1?.length === 3)
    await cluster.settle(node('s2').stop())
    await cluster.until(() => attachments(node('s1')).c1?.join() === 's1,s3' && !node('c1').isConnected('s2'))
    expect(node('c1').getLocalState()).toMatchObject({
      role: 'client',
      servers: [
        { name: 's1', connected: true },
        { name: 's2', connected: false },
        { name: 's3', connected: true },
      ],
    })
  })

  test('of a client nobody tells another client, not even on the wire', async () => {
    const { cluster, node } = await start(['s1', 's2', 'c1'])
    const told: string[] = []
    const events = record(node('c1'), 'members', 'up', 'down')
    node('c1').interpose(({ direction, kind, message }) => {
      if (direction === 'receive' && kind === 'membership') told.push(JSON.stringify(message))
      return { type: 'pass' }
    })
    const c2 = await cluster.start('c2', { seeds: ['memory://s2:1'] })
    await cluster.until(() => c2.isFullyConnected('s1') && node('s1').members().join() === 'c1,c2,s1,s2')
    const s3 = await cluster.start('s3', { seeds: ['memory://s1:1'] })
    await cluster.until(() => node('c1').isFullyConnected('s3') && c2.isFullyConnected('s3'))
    await cluster.settle(node('s1').leave('c2'))
    await cluster.settle(s3.leave())
    await cluster.pass(60_000)
    expect(told.length).toBeGreaterThan(5)
    expect(told.filter(text => text.includes('c2'))).toEqual([])
    expect(events.map(([type, detail]) => `${String(type)} ${String(detail)}`)).toEqual([
      ...['members c1,s1,s2,s3', 'up s3', 'down s3', 'members c1,s1,s2'],
    ])
  })

  test('go on when one server is lost: the client still has the others, and its work is done there', async () => {
    const { cluster, node } = await start(['s1', 's2', 's3', 'c1'])
    for (const name of ['s1', 's2', 's3']) node(name).register('work', () => name)
    const work = async (): Promise<unknown> => {
      const servers = node('c1')
        .members()
        .filter(name => name !== 'c1' && node('c1').isConnected(name))
      return node('c1').request(servers[0] as string, 'work', 0)
    }
    expect(await cluster.settle(work())).toBe('s1')
    await cluster.settle(node('s1').stop())
    await cluster.until(() => !node('c1').isConnected('s1'))
    expect(await cluster.settle(work())).toBe('s2')
    expect(node('c1').members()).toEqual(['c1', 's1', 's2', 's3'])
  })

  test('meet whoever comes later: clients are told of a new server, and drop one that leaves', async () => {
    const { cluster, node } = await start(['s1', 'c1', 'c2'])
    const s2 = await cluster.start('s2', { seeds: ['memory://s1:1'] })
    await cluster.until(() =>
      ['c1', 'c2'].every(name => node(name).isFullyConnected('s2') && s2.isFullyConnected(name)),
    )
    await cluster.settle(s2.leave())
    await cluster.until(() => node('c1').members().join() === 'c1,s1' && node('c2').members().join() === 'c2,s1')
    expect(await cluster.failure(node('c1').forwardMessage('s2', 'x', 1))).toBeInstanceOf(NotConnectedError)
    await cluster.pass(60_000)
    expect(
      node('c1')
        .connections()
        .some(({ node: peer }) => peer === 's2'),
    ).toBe(false)
    expect(s2.members()).toEqual(['s2'])
  })
})

describe('a role', () => {
  test.each(['spec', 'address'] as const)('keeps client from client, at both ends, by %s', async by => {
    const cluster = overlay()
    const c1 = await cluster.start('c1')
    const c2 = await cluster.start('c2', { advertise: ['memory://c2:1'] })
    const refusals = [record(c1, 'refused'), record(c2, 'refused')]
    const error = await cluster.failure(c1.join(by === 'spec' ? c2.spec : 'memory://c2:1'), 1_000)
    expect(error).toBeInstanceOf(RoleError)
    expect(error).toMatchObject({ code: 'ERR_ROLE', by: by === 'spec' ? 'us' : 'peer' })
    expect((error as Error).message).toContain('clients do not connect with each other')
    expect(await cluster.failure(c1.connect('memory://c2:1'), 1_000)).toBeInstanceOf(RoleError)
    const told = { error: { code: 'ERR_ROLE' } }
    for (const each of refusals) expect(each.at(-1)).toMatchObject(['refused', told])
    expect([c1.members(), c2.members()]).toEqual([['c1'], ['c2']])
  })

  test.each(['s1', 'c1'])('keeps a node of a full mesh and %s apart, whoever dials', async name => {
    const cluster = overlay()
    const full = await cluster.start('f')
    const other = await cluster.start(name, { advertise: [`memory://${name}:1`] })
    const joins = [
      () => other.join('memory://f:1'),
      () => full.join(`memory://${name}:1`),
      () => other.join(full.spec),
      () => full.join(other.spec),
    ]
    for (const join of joins) {
      const error = await cluster.failure(join(), 1_000)
      expect(error).toBeInstanceOf(RoleError)
      expect((error as Error).message).toContain('different overlays')
    }
    await cluster.pass(5_000)
    expect([full.members(), other.members()]).toEqual([['f'], [name]])
    expect([full.isConnected(name), other.isConnected('f')]).toEqual([false, false])
  })

  test.each([undefined, null, '', 'Server', 'manager', 5])('%j is none', role => {
    const make = (): unknown => clientServer({ role } as unknown as ClientServerOptions)
    expect(make).toThrow(InvalidOptionError)
    expect(make).toThrow(/^role must be 'client' or 'server'/)
  })

  test('is asked for, and is an option of this overlay alone', () => {
    expect(() => clientServer(undefined as unknown as ClientServerOptions)).toThrow(InvalidOptionError)
    expect(() => clientServer({} as ClientServerOptions)).toThrow(InvalidOptionError)
    expect(() => clientServer({ role: 'server', listen: false })).toThrow(/^listen must be/)
    expect(() => clientServer({ role: 'client', roles: 5 } as ClientServerOptions)).toThrow(/^options.roles must be/)
    expect(() => fullMesh({ role: 'client' } as PeerServiceOptions)).toThrow(/^options.role must be/)
  })

  test('that does not fit is found out before anybody is dialled, when a spec tells it', async () => {
    const cluster = overlay()
    const c1 = await cluster.start('c1')
    const c2 = await cluster.start('c2')
    await cluster.settle(c2.stop())
    expect(await cluster.failure(c1.join(c2.spec), 0)).toBeInstanceOf(RoleError)
  })
})

describe('a client that leaves', () => {
  test('is forgotten by all servers when its leave resolves, and comes back in a later life by a join', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1', 'c2'])
    const before = node('c1').spec.incarnation
    const told = [record(node('c1'), 'removed'), record(node('c2'), 'members')]
    await cluster.settle(node('c1').leave())
    expect([node('s1').members(), node('s2').members()]).toEqual([
      ['c2', 's1', 's2'],
      ['c2', 's1', 's2'],
    ])
    expect(node('c1').members()).toEqual(['c1'])
    await cluster.pass(30_000)
    expect(node('c1').connections()).toEqual([])
    await cluster.settle(node('c1').syncJoin('memory://s2:1'))
    expect(node('c1').spec.incarnation).toBeGreaterThan(before)
    await cluster.until(() => isWhole(all))
    expect(told).toEqual([[], []])
  })

  test('removes nobody else: it is told why, and nothing happens', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1'])
    const error = await cluster.failure(node('c1').leave('s2'), 0)
    expect(error).toBeInstanceOf(RoleError)
    expect((error as Error).message).toContain('ask a server')
    expect(await cluster.failure(node('c1').updateMembers(['c1', 's1']), 0)).toBeInstanceOf(RoleError)
    expect(await cluster.failure(node('c1').leave('x'), 0)).toBeInstanceOf(NotConnectedError)
    await cluster.pass(10_000)
    expect(isWhole(all)).toBe(true)
  })
})

describe('removal by a server', () => {
  test('of a client tells it, and it is alone until it joins again', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1', 'c2'])
    const told = record(node('c1'), 'removed')
    await cluster.settle(node('s1').leave('c1'))
    await cluster.until(() => node('s2').members().join() === 'c2,s1,s2')
    await cluster.pass(30_000)
    expect(told).toEqual([['removed']])
    expect(node('c1').members()).toEqual(['c1'])
    expect(node('c1').connections()).toEqual([])
    await cluster.settle(node('c1').syncJoin('memory://s1:1'))
    await cluster.until(() => isWhole(all))
  })

  test('of a client that is away reaches it when it is back', async () => {
    const { cluster, node } = await start(['s1', 's2', 'c1'])
    const told = record(node('c1'), 'removed')
    const refusals = record(node('c1'), 'refused')
    for (const server of ['s1', 's2']) cluster.split('c1', server)
    await cluster.until(() => !node('s1').isConnected('c1') && !node('s2').isConnected('c1'))
    await cluster.settle(node('s1').leave('c1'))
    await cluster.until(() => node('s2').members().join() === 's1,s2')
    await cluster.until(() => !node('c1').isConnected('s1') && !node('c1').isConnected('s2'))
    cluster.heal()
    await cluster.until(() => told.length > 0 && refusals.length > 0)
    expect(refusals[0]).toMatchObject(['refused', { by: 'peer', error: expect.any(RemovedError) }])
    expect(node('c1').members()).toEqual(['c1'])
  })

  test('of a server is heard of by the clients, which drop it', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 's3', 'c1'])
    const told = record(node('s3'), 'removed')
    await cluster.settle(node('s1').leave('s3'))
    await cluster.until(() => node('c1').members().join() === 'c1,s1,s2')
    expect(told).toEqual([['removed']])
    await cluster.pass(30_000)
    expect(node('s3').members()).toEqual(['s3'])
    expect(node('c1').isConnected('s3')).toBe(false)
    await cluster.settle(node('s3').syncJoin('memory://s2:1'))
    await cluster.until(() => isWhole(all))
  })
})

describe('a restart', () => {
  test('of a client under its name ends its old life, and begins the new at all servers', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1'], { seeds: ['memory://s1:1'] })
    const before = node('s2').membersForOrchestration()[0]?.incarnation ?? 0
    await cluster.settle(node('c1').stop())
    await cluster.settle(node('c1').start())
    await cluster.until(() => isWhole(all))
    expect(node('s2').membersForOrchestration()[0]?.incarnation).toBeGreaterThan(before)
  })

  test('of a client that listens and has no seeds: the servers dial it, and it is a member again', async () => {
    const cluster = overlay()
    const s1 = await cluster.start('s1')
    const s2 = await cluster.start('s2', { seeds: ['memory://s1:1'] })
    const c1 = await cluster.start('c1', { advertise: ['memory://c1:1'] })
    await cluster.settle(c1.join(s1.spec))
    await cluster.until(() => isWhole([s1, s2, c1]))
    await cluster.settle(c1.stop())
    await cluster.pass(2_000)
    await cluster.settle(c1.start())
    await cluster.until(() => isWhole([s1, s2, c1]))
  })

  test('of a server that knows nobody: its clients and the other servers take it back', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1', 'c2'])
    await cluster.settle(node('s1').stop())
    await cluster.pass(3_000)
    await cluster.settle(node('s1').start())
    await cluster.until(() => isWhole(all))
  })

  test('of the only server is nothing to its clients but a while of silence', async () => {
    const { cluster, node, all } = await start(['s1', 'c1', 'c2'])
    await cluster.settle(node('s1').stop())
    await cluster.pass(120_000)
    await cluster.settle(node('s1').start())
    await cluster.until(() => isWhole(all))
  })

  test('at another address is told to the clients by the other servers', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1'])
    await cluster.settle(node('s2').stop())
    const again = await cluster.start('s2', { listen: { host: 'elsewhere' }, seeds: ['memory://s1:1'] })
    await cluster.until(() => isWhole([node('s1'), again, node('c1')]))
    expect(node('c1').membersForOrchestration()[2]?.addresses).toEqual(['memory://elsewhere:1'])
    expect(all).toHaveLength(3)
  })

  test('under the name of a client that lives supersedes it', async () => {
    const { cluster, node } = await start(['s1', 'c1'])
    const told = record(node('c1'), 'superseded')
    const later = await cluster.start('c1', { seeds: ['memory://s1:1'] })
    await cluster.until(() => told.length > 0)
    await cluster.until(() => isWhole([node('s1'), later]))
    await cluster.pass(30_000)
    expect(told).toHaveLength(1)
    expect(isWhole([node('s1'), later])).toBe(true)
  })
})

describe('a client without servers', () => {
  test('goes back to its seeds when others with other names have taken the place of all servers', async () => {
    const seeds = ['memory://s1:1', 'memory://s2:1']
    const cluster = overlay()
    const old = [await cluster.start('s1', { seeds }), await cluster.start('s2', { seeds })]
    const c1 = await cluster.start('c1', { seeds })
    await cluster.until(() => isWhole([...old, c1]))
    for (const server of old) await cluster.settle(server.stop())
    await cluster.pass(600_000)
    expect(c1.members()).toEqual(['c1', 's1', 's2'])
    const next = [
      await cluster.start('t1', { seeds, listen: { host: 's1', port: 1 } }),
      await cluster.start('t2', { seeds, listen: { host: 's2', port: 1 } }),
    ]
    await cluster.until(() => next.every(({ name }) => c1.isFullyConnected(name)))
    await cluster.until(() => c1.members().join() === 'c1,t1,t2')
    expect(next.map(server => server.members())).toEqual([
      ['c1', 't1', 't2'],
      ['c1', 't1', 't2'],
    ])
    await cluster.pass(60_000)
    expect(c1.connections().filter(({ node }) => node.startsWith('s'))).toEqual([])
  })

  test('goes back to its seeds when all servers have left', async () => {
    const cluster = overlay()
    const s1 = await cluster.start('s1')
    const c1 = await cluster.start('c1', { seeds: ['memory://s1:1'] })
    await cluster.until(() => isWhole([s1, c1]))
    await cluster.settle(s1.leave())
    await cluster.settle(s1.stop())
    expect(c1.members()).toEqual(['c1'])
    await cluster.pass(600_000)
    const again = await cluster.start('s1')
    await cluster.until(() => isWhole([again, c1]))
  })

  test('keeps what it knows of them, and dials them for ever', async () => {
    const { cluster, node, all } = await start(['s1', 's2', 'c1'])
    for (const server of ['s1', 's2']) cluster.split('c1', server)
    await cluster.pass(3 * hour)
    expect(node('c1').members()).toEqual(['c1', 's1', 's2'])
    expect(node('s1').members()).toEqual(['c1', 's1', 's2'])
    cluster.heal()
    await cluster.until(() => isWhole(all))
  }, 60_000)
})

describe('a client that does not listen', () => {
  test('is never dialled, and what waits for it is sent when it is back', async () => {
    const { cluster, node, all } = await start(['s1', 'c1'])
    const heard: unknown[] = []
    node('c1').register('log', message => void heard.push(message))
    const retries = record(node('s1'), 'retry')
    cluster.split('s1', 'c1')
    await cluster.until(() => !node('s1').isConnected('c1') && !node('c1').isConnected('s1'))
    expect(await cluster.failure(node('s1').forwardMessage('c1', 'log', 1), 0)).toMatchObject({ reason: 'down' })
    const sent = node('s1').forwardMessage('c1', 'log', 2, { whenDown: 'wait' })
    await cluster.pass(20_000)
    cluster.heal()
    await cluster.settle(sent)
    await cluster.until(() => heard.length > 0 && isWhole(all))
    expect(heard).toEqual([2])
    expect(retries).toEqual([])
  })

  test('cannot be joined by a server, and one that listens can', async () => {
    const cluster = overlay()
    const s1 = await cluster.start('s1')
    const c1 = await cluster.start('c1')
    expect(await cluster.failure(s1.join(c1.spec), 0)).toBeInstanceOf(InvalidOptionError)
    const c2 = await cluster.start('c2', { advertise: ['memory://c2:1'] })
    await cluster.settle(s1.syncJoin(c2.spec))
    expect(isWhole([s1, c2])).toBe(true)
  })
})

describe('a client with a generated name', () => {
  async function meet(cluster: Cluster): Promise<[PeerServiceManager, PeerServiceManager, PeerServiceManager]> {
    const s1 = await cluster.start('s1')
    const s2 = await cluster.start('s2', { seeds: ['memory://s1:1'] })
    const generated = {
      name: undefined as unknown as string,
      transport: cluster.transport('c'),
      listen: false,
    } as const
    const random = { clock: cluster.clock, seeds: ['memory://s1:1'] }
    const client = clientServer({ role: 'client', ...generated, ...random })
    await cluster.settle(client.start())
    await cluster.until(() =>
      [s1, s2].every(server => client.isConnected(server.name) && server.members().length === 3),
    )
    return [s1, s2, client]
  }

  test('is removed after it was away for a while', async () => {
    const cluster = overlay()
    const [s1, s2, client] = await meet(cluster)
    await cluster.settle(client.stop())
    await cluster.pass(hour - 120_000)
    expect(s1.members()).toHaveLength(3)
    await cluster.pass(240_000)
    expect([s1.members(), s2.members()]).toEqual([
      ['s1', 's2'],
      ['s1', 's2'],
    ])
  }, 60_000)

  test('is not removed by a server that it cannot reach while another has it', async () => {
    const cluster = overlay()
    const [s1, s2, client] = await meet(cluster)
    cluster.split('c', 's1')
    await cluster.until(() => !s1.isConnected(client.name))
    await cluster.pass(2 * hour)
    expect(s1.members()).toHaveLength(3)
    // From now it is away for all.
    cluster.split('c', 's2')
    await cluster.until(() => !s2.isConnected(client.name))
    await cluster.pass(hour - 120_000)
    expect(s1.members()).toHaveLength(3)
    await cluster.pass(240_000)
    expect([s1.members(), s2.members()]).toEqual([
      ['s1', 's2'],
      ['s1', 's2'],
    ])
  }, 60_000)
})
