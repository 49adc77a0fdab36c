import { describe, expect, test } from 'vitest'
import { type Incarnation, type NodeName, type NodeSpec, parseNodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import {
  clientsPerMessage,
  parseClientMessage,
  parseServerMessage,
  type ServerMessage,
} from '../../src/membership/client-server-messages.js'
import { entriesPerMessage } from '../../src/membership/full-messages.js'
import { ServerMembership } from '../../src/membership/server.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { specOf } from '../support/membership-bus.js'
import { roleCluster as cluster, nodeOf, RoleBus } from '../support/role-bus.js'

const minute = 60_000
const day = 24 * 60 * minute

const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${100 + index}`)

describe('servers and clients', () => {
  test('a client that joins one server is known to all servers, and knows them all', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1', 'c2'])
    expect(bus.isWhole('s1', 's2', 's3', 'c1', 'c2')).toBe(true)
    expect([...bus.node('c1').connected].sort()).toEqual(['s1', 's2', 's3'])
    expect(bus.node('c1').events).toContainEqual({ type: 'joined', peer: 's1' })
  })

  test('more servers than fit in one message are told of in several', () => {
    const servers = numbered('s', entriesPerMessage + 10)
    const bus = cluster([...servers, 'c1'])
    expect(bus.isWhole(...servers, 'c1')).toBe(true)
  })

  test('servers gossip among themselves, and clients hear of what changed about servers alone', () => {
    const bus = cluster([...numbered('s', 6), ...numbered('c', 20)])
    bus.sent.length = 0
    bus.start('s9')
    bus.join('s9', 's100')
    bus.start('c9')
    bus.join('c9', 's101')
    bus.run(400)
    expect(bus.isWhole(...numbered('s', 6), 's9', ...numbered('c', 20), 'c9')).toBe(true)
    for (const { from, to, message } of bus.sent) {
      if (!to.startsWith('c') && !from.startsWith('c')) continue
      expect(['join', 'news', 'digest', 'leaving', 'noted']).toContain(message.type)
      const about = message.type === 'news' || message.type === 'join' ? message.entries : []
      expect(about.filter(({ spec }) => spec.role !== 'server')).toEqual([])
    }
    // Each server told each client of the new one once, each client was welcomed by it.
    const news = bus.sent.filter(({ to, message }) => to === 'c105' && message.type === 'news')
    expect(news.length).toBeLessThanOrEqual(6 + 2)
  })

  test('idle clients cost a check every few seconds each, and the digests of servers go to servers', () => {
    const [servers, clients] = [numbered('s', 4), numbered('c', 30)]
    const bus = cluster([...servers, ...clients])
    bus.run(5_000)
    bus.sent.length = 0
    bus.run(100_000)
    const among = bus.sent.filter(({ from, to }) => from.startsWith('s') && to.startsWith('s'))
    expect(new Set(among.map(({ message }) => message.type))).toEqual(new Set(['digest', 'clients']))
    expect(among.length / servers.length / 100).toBeGreaterThan(1.8)
    expect(among.length / servers.length / 100).toBeLessThan(2.2)
    const others = bus.sent.length - among.length
    expect(new Set(bus.sent.map(({ message }) => message.type))).toEqual(new Set(['digest', 'clients']))
    // One there and one back for each, every 5 s.
    expect(others / clients.length / 20).toBeGreaterThan(1.8)
    expect(others / clients.length / 20).toBeLessThan(2.2)
  })

  test('servers without clients tell each other nothing more than a full mesh does', () => {
    const bus = cluster(numbered('s', 4))
    bus.run(5_000)
    bus.sent.length = 0
    bus.run(minute)
    expect(new Set(bus.sent.map(({ message }) => message.type))).toEqual(new Set(['digest']))
    expect(bus.sent.length / 4 / 60).toBeLessThan(1.1)
  })

  test('what a client was not told of it learns by its check', () => {
    const bus = cluster(['s1', 's2', 'c1'])
    bus.loses = (_from, to) => to === 'c1'
    bus.start('s3')
    bus.join('s3', 's1')
    bus.run(100)
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2'])
    bus.loses = () => false
    bus.run(10_000)
    expect(bus.isWhole('s1', 's2', 's3', 'c1')).toBe(true)
    bus.loses = (_from, to) => to === 'c1'
    bus.step(bus.node('s1'), { type: 'remove', node: 's3' as NodeName })
    bus.run(100)
    bus.crash('s3')
    bus.loses = () => false
    expect(bus.node('c1').members).toContain('s3')
    bus.run(30_000)
    expect(bus.isWhole('s1', 's2', 'c1')).toBe(true)
  })

  test('an answer to a join that was lost is made good by the check of the client', () => {
    const bus = new RoleBus()
    for (const name of ['s1', 'c1']) bus.start(name)
    bus.loses = from => from === 'c1'
    bus.join('c1', 's1')
    bus.run(100)
    expect(bus.node('s1').members).toEqual(['s1'])
    bus.loses = () => false
    bus.run(10_000)
    expect(bus.isWhole('s1', 'c1')).toBe(true)
  })

  test('a client that left is forgotten everywhere, whatever of its news was lost', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1'])
    bus.loses = (from, to) => (from === 'c1' && to !== 's2') || (from === 's2' && to.startsWith('s'))
    bus.step(bus.node('c1'), { type: 'leave' })
    bus.run(500)
    bus.crash('c1')
    expect(bus.node('s1').members).toContain('c1')
    bus.loses = () => false
    bus.run(20_000)
    expect(bus.isWhole('s1', 's2', 's3')).toBe(true)
    expect(bus.node('s1').machine.admit(nodeOf('c1'))).toEqual({ type: 'removed' })
    expect(bus.node('s1').machine.admit(nodeOf('c1', 2))).toBeUndefined()
  })

  test('a leave ends when all who are connected have taken note: clients of a server, servers of a client', () => {
    for (const leaver of ['s1', 'c1']) {
      const bus = cluster(['s1', 's2', 'c1', 'c2'])
      bus.step(bus.node(leaver), { type: 'leave' })
      expect(bus.node(leaver).has('told')).toBe(false)
      bus.run(5)
      expect(bus.node(leaver).has('told')).toBe(true)
      expect(bus.node(leaver).members).toEqual([leaver])
      expect(bus.node('s2').members).not.toContain(leaver)
      expect(bus.node('c2').members).not.toContain(leaver)
    }
  })

  test('a leave of the only server waits for its clients, a second at most', () => {
    const bus = cluster(['s1', 'c1'])
    bus.loses = () => true
    bus.step(bus.node('s1'), { type: 'leave' })
    bus.run(999)
    expect(bus.node('s1').has('told')).toBe(false)
    bus.run(1)
    expect(bus.node('s1').has('told')).toBe(true)
  })

  test('the removal of a client is told to it and to the servers, and not to other clients', () => {
    const bus = cluster(['s1', 's2', 'c1', 'c2'])
    bus.sent.length = 0
    bus.step(bus.node('s1'), { type: 'remove', node: 'c1' as NodeName })
    const told = bus.sent.filter(({ message }) => message.type === 'leaving').map(({ to }) => to)
    expect(told.sort()).toEqual(['c1', 's2'])
    bus.run(500)
    expect(bus.node('c1').events.filter(({ type }) => type === 'removed')).toHaveLength(1)
    expect(bus.isWhole('s1', 's2', 'c2')).toBe(false)
    bus.crash('c1')
    expect(bus.isWhole('s1', 's2', 'c2')).toBe(true)
  })

  test('a client that was told of its removal by nobody is refused when it comes back', () => {
    const bus = cluster(['s1', 's2', 'c1'])
    bus.split(['c1'], ['s1', 's2'])
    bus.step(bus.node('s1'), { type: 'remove', node: 'c1' as NodeName })
    bus.run(100)
    bus.heal()
    bus.run(5_000)
    expect(bus.node('s1').members).toEqual(['s1', 's2'])
    expect(bus.node('c1').members).toEqual(['c1'])
  })

  test('a server that restarts and knows nobody is taken back by its clients alone', () => {
    const bus = cluster(['s1', 'c1', 'c2'])
    bus.crash('s1')
    bus.run(1_000)
    bus.start('s1', 2)
    bus.run(100)
    expect(bus.isWhole('s1', 'c1', 'c2')).toBe(true)
    expect(bus.node('c1').machine.admit(nodeOf('s1', 1))).toEqual({ type: 'stale', known: 2 })
  })

  test('a client that restarts and knows nobody is taken back by the servers, when it has an address', () => {
    const bus = cluster(['s1', 's2'])
    const more = { addresses: ['memory://c1:1'] }
    bus.start('c1', 1, more)
    bus.join('c1', 's1')
    bus.run(100)
    bus.crash('c1')
    bus.run(100)
    bus.start('c1', 2, more)
    bus.run(100)
    expect(bus.isWhole('s1', 's2', 'c1')).toBe(true)
    expect(bus.node('s2').machine.members()[0]?.incarnation).toBe(2)
  })

  test('who joins a client from a server has it, and it has all servers', () => {
    const bus = cluster(['s1', 's2'])
    bus.start('c1', 1, { addresses: ['memory://c1:1'] })
    bus.join('s1', 'c1')
    bus.run(100)
    expect(bus.isWhole('s1', 's2', 'c1')).toBe(true)
    expect(bus.node('s1').events).toContainEqual({ type: 'joined', peer: 'c1' })
  })

  test('a server that was alone with its clients for over a day keeps them, and takes over the view of others', () => {
    const bus = cluster(['s1', 's2', 's3', 's4', 'c1'])
    bus.split(['s1', 'c1'], ['s2', 's3', 's4'])
    bus.step(bus.node('s2'), { type: 'remove', node: 's3' as NodeName })
    bus.run(100)
    bus.crash('s3')
    bus.run(day + minute)
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2', 's3', 's4'])
    bus.heal()
    bus.run(minute)
    expect(bus.isWhole('s1', 's2', 's4', 'c1')).toBe(true)
  })

  test('a server whose clients come and go for more than a day was not alone by that', () => {
    const bus = cluster(['s1', 'c1', 'c2'])
    bus.crash('c2')
    bus.run(day + minute)
    bus.crash('c1')
    bus.start('s2')
    bus.join('s2', 's1')
    bus.run(5_000)
    expect(bus.isWhole('s1', 's2', 'c1', 'c2')).toBe(true)
  })
})

describe('where clients are connected', () => {
  test('is known to every server, and follows what happens', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1'])
    expect(bus.clientsOf('s3')).toEqual([{ name: 'c1', servers: ['s1', 's2', 's3'] }])
    bus.split(['c1'], ['s2'])
    bus.run(100)
    for (const server of ['s1', 's2', 's3']) {
      expect(bus.clientsOf(server)).toEqual([{ name: 'c1', servers: ['s1', 's3'] }])
    }
    bus.crash('s3')
    expect(bus.clientsOf('s2')).toEqual([{ name: 'c1', servers: ['s1'] }])
    bus.heal()
    bus.start('s3', 2)
    bus.run(1_000)
    expect(bus.clientsOf('s3')).toEqual([{ name: 'c1', servers: ['s1', 's2', 's3'] }])
    bus.step(bus.node('c1'), { type: 'leave' })
    bus.run(100)
    expect(bus.clientsOf('s1')).toEqual([])
  })

  test('is mended when what a server told of it was lost', () => {
    const bus = cluster(['s1', 's2', 'c1', 'c2'])
    bus.loses = (_from, _to, { type }) => type === 'clients'
    bus.split(['c1'], ['s2'])
    bus.run(500)
    expect(bus.clientsOf('s1')).toEqual([
      { name: 'c1', servers: ['s1', 's2'] },
      { name: 'c2', servers: ['s1', 's2'] },
    ])
    bus.loses = () => false
    bus.run(5_000)
    expect(bus.clientsOf('s1')).toEqual([
      { name: 'c1', servers: ['s1'] },
      { name: 'c2', servers: ['s1', 's2'] },
    ])
  })

  test('is told in several messages when there are many', () => {
    const clients = Array.from({ length: clientsPerMessage + 8 }, (_, index) => `c${10_000 + index}`)
    const machine = new ServerMembership({ random: new SeededRandom(1) })
    const out: MembershipEffect<ServerMessage>[] = []
    const step = (input: MembershipInput<ServerMessage>): void => machine.step(input, 0, out)
    step({ type: 'start', self: nodeOf('s1') })
    for (const name of clients) {
      step({ type: 'up', peer: nodeOf(name) })
      step({ type: 'message', from: nodeOf(name), message: { type: 'join', entries: [] } })
    }
    step({ type: 'timer', timer: 'tell' })
    out.length = 0
    step({ type: 'up', peer: nodeOf('s2') })
    const told = out.flatMap(effect => (effect.type === 'send' ? [parseServerMessage(effect.message)] : []))
    const lists = told.flatMap(message => (message?.type === 'clients' ? [message] : []))
    expect(lists.map(({ whole, here }) => [whole, here.length])).toEqual([
      [true, clientsPerMessage],
      [false, 8],
    ])
    expect(lists.flatMap(({ here }) => here).sort()).toEqual(clients)
    expect(lists.map(({ hash }) => typeof hash)).toEqual(['undefined', 'number'])
  })

  test('is asked for once, whatever a server says that its clients add up to', () => {
    const bus = cluster(['s1', 's2'])
    const lie: ServerMessage = { type: 'clients', whole: false, here: [], gone: [], hash: 5 }
    bus.sent.length = 0
    bus.step(bus.node('s1'), { type: 'message', from: nodeOf('s2'), message: lie })
    bus.step(bus.node('s1'), { type: 'message', from: nodeOf('s2'), message: { ...lie, whole: true } })
    expect(bus.sent.filter(({ message }) => message.type === 'ask-clients')).toHaveLength(1)
  })

  test('says which way to a client: directly, or through the servers that have it', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1'])
    const route = (from: string, to: string): string[] =>
      bus
        .node(from)
        .machine.route(to as NodeName)
        .map(({ name }) => name)
    expect(route('s1', 'c1')).toEqual(['c1'])
    bus.split(['c1'], ['s1'])
    bus.run(100)
    expect(route('s1', 'c1')).toEqual(['s2', 's3'])
    bus.crash('s2')
    expect(route('s1', 'c1')).toEqual(['s3'])
    bus.crash('s3')
    expect(route('s1', 'c1')).toEqual(['c1'])
    expect([route('s1', 's3'), route('s1', 's1'), route('s1', 'x')]).toEqual([['s3'], ['s1'], []])
    expect([route('c1', 's3'), route('c1', 'c1'), route('c1', 'c2')]).toEqual([['s3'], ['c1'], []])
    bus.heal()
    bus.run(100)
    expect([route('c1', 'c2'), route('c1', 's1')]).toEqual([['s1'], ['s1']])
  })
})

describe('a client', () => {
  test('begins alone, removes nobody, and is no peer of clients or of other overlays', () => {
    const bus = cluster(['s1', 'c1'])
    const { machine } = bus.start('c2')
    expect(machine.members().map(({ name }) => name)).toEqual(['c2'])
    bus.step(bus.node('c1'), { type: 'remove', node: 's1' as NodeName })
    expect(bus.node('c1').events.at(-1)).toMatchObject({ type: 'denied', node: 's1' })
    expect(machine.admit(nodeOf('s1'))).toBeUndefined()
    expect(machine.admit(nodeOf('c1'))).toMatchObject({ type: 'role' })
    expect(machine.admit(specOf('x'))).toMatchObject({ type: 'role' })
    expect(bus.node('s1').machine.admit(specOf('x'))).toMatchObject({ type: 'role' })
    expect(bus.node('s1').machine.admit(specOf('x', 1, { role: 'static' }))).toMatchObject({ type: 'role' })
  })

  test('forgets servers that no server counts any more, when it cannot reach them either', () => {
    const bus = cluster(['s1', 's2', 'c1'])
    for (const name of ['s1', 's2']) bus.crash(name)
    bus.run(day)
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2'])
    bus.start('t1')
    bus.join('c1', 't1')
    bus.run(5_000)
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2', 't1'])
    bus.run(20_000)
    expect(bus.node('c1').members).toEqual(['c1', 't1'])
    expect([...bus.node('c1').wanted]).toEqual(['t1'])
  })

  test('keeps a server that is down, as the servers do', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1'])
    bus.crash('s3')
    bus.run(day)
    expect(bus.isWhole('s1', 's2', 's3', 'c1')).toBe(true)
  })

  test('keeps a server that is down though another, which has restarted and knows nobody, does not count it', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1'])
    bus.crash('s3')
    bus.split(['s1'], ['s2'])
    bus.crash('s1')
    bus.start('s1', 2)
    bus.run(10 * minute)
    expect(bus.node('s1').members).toEqual(['c1', 's1'])
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2', 's3'])
    bus.heal()
    bus.run(5_000)
    expect(bus.isWhole('s1', 's2', 's3', 'c1')).toBe(true)
  })

  test('keeps a server that it is connected with, whoever does not count it', () => {
    const bus = cluster(['s1', 'c1'])
    bus.start('s2')
    bus.split(['s1'], ['s2'])
    bus.join('c1', 's2')
    bus.run(10 * minute)
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2'])
    expect(bus.node('s1').members).toEqual(['c1', 's1'])
  })

  test('follows the servers when it alone has heard that a server was removed', () => {
    const bus = cluster(['s1', 's2', 's3', 'c1'])
    bus.loses = (_from, to) => to !== 'c1'
    bus.step(bus.node('s1'), { type: 'remove', node: 's3' as NodeName })
    bus.run(1)
    expect(bus.node('c1').members).toEqual(['c1', 's1', 's2'])
    bus.crash('s1')
    bus.run(100)
    bus.start('s1', 2)
    bus.loses = () => false
    bus.run(30_000)
    expect(bus.isWhole('s1', 's2', 's3', 'c1')).toBe(true)
  })

  test('is not told of a change, nor disconnects, when it hears again of who left long ago', () => {
    const bus = cluster(['s1', 's2', 'c1'])
    bus.step(bus.node('s2'), { type: 'leave' })
    bus.run(minute)
    bus.node('c1').events.length = 0
    const message: ServerMessage = { type: 'news', entries: [{ spec: nodeOf('s2'), left: true }], counted: false }
    bus.step(bus.node('c1'), { type: 'message', from: nodeOf('s1'), message })
    expect(bus.node('c1').events).toEqual([])
    expect(bus.node('c1').machine.admit(nodeOf('s2'))).toEqual({ type: 'removed' })
  })

  test('whose name a later start bears is superseded, and one that was removed has left', () => {
    const tell = (entry: { spec: NodeSpec; left: boolean }): readonly unknown[] => {
      const bus = cluster(['s1', 'c1'])
      bus.node('c1').events.length = 0
      const message: ServerMessage = { type: 'news', entries: [entry], counted: false }
      bus.step(bus.node('c1'), { type: 'message', from: nodeOf('s1'), message })
      return bus.node('c1').events
    }
    expect(tell({ spec: nodeOf('c1', 5), left: false })).toEqual([{ type: 'superseded', known: 5 }])
    expect(tell({ spec: nodeOf('c1', 1), left: true })).toEqual([{ type: 'members' }, { type: 'removed' }])
    expect(tell({ spec: nodeOf('c1', 0), left: true })).toEqual([])
    expect(tell({ spec: nodeOf('c1', 1), left: false })).toEqual([])
  })

  test('that has left answers whoever still counts it by saying so', () => {
    const bus = cluster(['s1', 'c1'])
    bus.loses = () => true
    bus.step(bus.node('c1'), { type: 'leave' })
    bus.run(2_000)
    bus.loses = () => false
    bus.node('c1').connected.add('s1' as NodeName)
    bus.node('s1').connected.add('c1' as NodeName)
    bus.step(bus.node('c1'), { type: 'message', from: nodeOf('s1'), message: { type: 'join', entries: [] } })
    bus.run(10)
    expect(bus.node('s1').members).toEqual(['s1'])
  })
})

describe('what a client says of others', () => {
  const entries = [
    { spec: nodeOf('s2', 1), left: true },
    { spec: nodeOf('s9'), left: false },
    { spec: nodeOf('c2'), left: true },
  ]
  const lies: readonly ServerMessage[] = [
    { type: 'join', entries },
    { type: 'news', entries, counted: false },
    { type: 'news', entries, counted: true },
    ...entries.map(entry => ({ type: 'leaving', entry }) as const),
    { type: 'summary', marks: [['s9' as NodeName, 5 as Incarnation, 0]] },
    { type: 'want', names: ['c2' as NodeName] },
    { type: 'clients', whole: true, here: ['c2' as NodeName], gone: [] },
    { type: 'ask-clients' },
    { type: 'digest', hash: 0, check: 0, counted: true },
  ]

  test.each(lies)('changes nothing, and tells it of no client: $type', message => {
    const bus = cluster(['s1', 's2', 'c1', 'c2'])
    const before = bus.node('s1').machine.state()
    bus.sent.length = 0
    bus.step(bus.node('s1'), { type: 'message', from: nodeOf('c1'), message })
    expect(bus.node('s1').machine.state()).toEqual(before)
    for (const { to, message: answer } of bus.sent) {
      expect(to).toBe('c1')
      expect(JSON.stringify(answer)).not.toContain('c2')
    }
  })

  test.each([0, 2])('the leave of another life of a client is not that of its present one (%i)', incarnation => {
    const bus = cluster(['s1', 'c1'])
    const entry = { spec: nodeOf('c1', incarnation), left: true }
    bus.step(bus.node('s1'), { type: 'message', from: nodeOf('c1'), message: { type: 'leaving', entry } })
    bus.run(500)
    expect(bus.isWhole('s1', 'c1')).toBe(true)
  })

  test('a client leaves as the one it is, whatever it says of itself', () => {
    const bus = cluster(['s1', 's2', 'c1'])
    const entry = { spec: { ...nodeOf('c1'), version: 99, role: 'server' }, left: false }
    bus.step(bus.node('s1'), { type: 'message', from: nodeOf('c1'), message: { type: 'leaving', entry } })
    bus.run(500)
    expect(bus.node('s1').members).toEqual(['s1', 's2'])
    expect(bus.node('s2').machine.admit(nodeOf('c1', 1))).toEqual({ type: 'removed' })
    expect(bus.node('s2').machine.admit(nodeOf('c1', 2))).toBeUndefined()
  })
})

describe('what peers send', () => {
  const server = { spec: nodeOf('s1'), left: false }
  const client = { spec: nodeOf('c1'), left: true }
  const names = ['c1', 'c2']
  const both: [string, unknown][] = [
    ['a join', { type: 'join', entries: [] }],
    ['news of servers', { type: 'news', entries: [server], counted: true }],
    ['a digest', { type: 'digest', hash: 1, check: 2, counted: true }],
    ['the leave of a server', { type: 'leaving', entry: { ...server, left: true } }],
    ['the removal of the client itself', { type: 'leaving', entry: client }],
    ['a note', { type: 'noted', node: 'c1', incarnation: 1 }],
  ]
  const serversAlone: [string, unknown][] = [
    ['news of a client', { type: 'news', entries: [server, { ...client, spec: nodeOf('c2') }], counted: false }],
    ['a summary', { type: 'summary', marks: [] }],
    ['a question', { type: 'want', names }],
    ['clients', { type: 'clients', whole: false, here: names, gone: [] }],
    ['clients and a hash', { type: 'clients', whole: true, here: [], gone: names, hash: 7 }],
    ['a question for clients', { type: 'ask-clients' }],
  ]
  const none: [string, unknown][] = [
    ['nothing', undefined],
    ['a list', []],
    ['an unknown type', { type: 'attach' }],
    ['news of a node without a role', { type: 'news', entries: [{ spec: specOf('x'), left: false }] }],
    ['news of another overlay', { type: 'news', entries: [{ spec: specOf('x', 1, { role: 'static' }), left: false }] }],
    ['a join of a node without a role', { type: 'join', entries: [{ spec: specOf('x'), left: false }] }],
    ['the leave of a node without a role', { type: 'leaving', entry: { spec: specOf('x'), left: true } }],
    ['clients that are no list', { type: 'clients', whole: true, here: {}, gone: [] }],
    ['clients without those who are gone', { type: 'clients', whole: true, here: [] }],
    ['clients whose whole is a number', { type: 'clients', whole: 1, here: [], gone: [] }],
    ['clients with a hash that is a text', { type: 'clients', whole: true, here: [], gone: [], hash: '7' }],
    ['a client that is no name', { type: 'clients', whole: true, here: [''], gone: [] }],
    ['a client with a name that is too long', { type: 'clients', whole: true, here: [], gone: ['x'.repeat(256)] }],
    ['too many clients', { type: 'clients', whole: true, here: Array(clientsPerMessage + 1).fill('c'), gone: [] }],
  ]
  const asServer = (value: unknown): unknown => parseServerMessage(value)
  const asClient = (value: unknown): unknown => parseClientMessage(value, 'c1' as NodeName)

  test('is made of specs that can be read', () => {
    for (const { spec } of [server, client]) expect(parseNodeSpec(structuredClone(spec))).toEqual(spec)
  })

  test.each(both)('is read by servers and clients: %s', (_what, value) => {
    expect(asServer(structuredClone(value))).toEqual(value)
    expect(asClient(structuredClone(value))).toEqual(value)
  })

  test.each(serversAlone)('is read by servers, not by clients: %s', (_what, value) => {
    expect(asServer(structuredClone(value))).toEqual(value)
    expect(asClient(structuredClone(value))).toBeUndefined()
  })

  test.each(none)('is refused by both: %s', (_what, value) => {
    expect(asServer(value)).toBeUndefined()
    expect(asClient(value)).toBeUndefined()
  })
})
