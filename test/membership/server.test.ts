import { describe, expect, test } from 'vitest'
import type { NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import type { ServerMessage } from '../../src/membership/client-server-messages.js'
import { ServerMembership } from '../../src/membership/server.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { nodeOf } from '../support/role-bus.js'

const hour = 3_600_000

/** A server `s1` by itself. */
class Server {
  readonly machine = new ServerMembership({ random: new SeededRandom(1), members: 5 })
  now = 0

  constructor() {
    this.step({ type: 'start', self: nodeOf('s1') })
  }

  get members(): string {
    return this.machine
      .members()
      .map(({ name }) => name)
      .join()
  }

  step(input: MembershipInput<ServerMessage>): MembershipEffect<ServerMessage>[] {
    const out: MembershipEffect<ServerMessage>[] = []
    this.machine.step(input, this.now, out)
    return out
  }

  hear(from: NodeSpec, message: ServerMessage): MembershipEffect<ServerMessage>[] {
    return this.step({ type: 'message', from, message })
  }

  /** Connects nodes and makes them members; tells what is to be told of it. */
  meet(...peers: string[]): void {
    for (const name of peers) {
      this.step({ type: 'up', peer: nodeOf(name) })
      this.hear(nodeOf(name), { type: 'join', entries: [] })
    }
    this.step({ type: 'timer', timer: 'tell' })
  }
}

/** What was sent, as `type to`. */
function sent(effects: readonly MembershipEffect<ServerMessage>[]): string[] {
  return effects.flatMap(effect => (effect.type === 'send' ? [`${effect.message.type} ${effect.to}`] : []))
}

function told(effects: readonly MembershipEffect<ServerMessage>[]): string[] {
  return effects.flatMap(effect => (effect.type === 'notify' ? [effect.event.type] : []))
}

describe('a server', () => {
  test('begins each life knowing nobody, and tells again', () => {
    const server = new Server()
    server.meet('s2', 'c1')
    server.hear(nodeOf('s2'), { type: 'clients', whole: true, here: ['c1' as NodeName], gone: [] })
    // A change was not told yet when that life ended.
    server.step({ type: 'down', node: 'c1' as NodeName })
    server.step({ type: 'start', self: nodeOf('s1', 2) })
    server.step({ type: 'up', peer: nodeOf('s2') })
    const joined = server.hear(nodeOf('s2'), { type: 'join', entries: [] })
    expect(sent(joined)).not.toContain('clients s2')
    expect(joined).toContainEqual({ type: 'arm', timer: 'tell', after: 20 })
    server.step({ type: 'up', peer: nodeOf('c1') })
    server.hear(nodeOf('c1'), { type: 'join', entries: [] })
    expect(server.machine.state().clients).toEqual([{ name: 'c1', servers: ['s1'] }])
    expect(sent(server.step({ type: 'timer', timer: 'tell' }))).toEqual(['news c1', 'clients s2'])
  })

  test('arms its timer once for all that is to be told, so that no news puts it off', () => {
    const server = new Server()
    const armed = (effects: readonly MembershipEffect<ServerMessage>[]): number =>
      effects.filter(effect => effect.type === 'arm' && effect.timer === 'tell').length
    expect(armed(server.step({ type: 'up', peer: nodeOf('c1') }))).toBe(1)
    expect(armed(server.hear(nodeOf('c1'), { type: 'join', entries: [] }))).toBe(0)
    expect(armed(server.step({ type: 'up', peer: nodeOf('c2') }))).toBe(0)
    server.step({ type: 'timer', timer: 'tell' })
    expect(armed(server.step({ type: 'down', node: 'c2' as NodeName }))).toBe(1)
  })

  test('tells its clients once of each server that comes or leaves, and whoever is only connected nothing', () => {
    const server = new Server()
    server.meet('c1')
    server.step({ type: 'up', peer: nodeOf('c2') })
    server.meet('s2')
    expect(sent(server.step({ type: 'timer', timer: 'tell' }))).toEqual([])
    expect(server.machine.state().clients).toEqual([{ name: 'c1', servers: ['s1'] }])
    const entry = { spec: nodeOf('s2'), left: true }
    server.hear(nodeOf('s3'), { type: 'news', entries: [entry], counted: false })
    const tell = server.step({ type: 'timer', timer: 'tell' })
    expect(tell).toEqual([{ type: 'send', to: 'c1', message: { type: 'news', entries: [entry], counted: false } }])
    expect(sent(server.step({ type: 'timer', timer: 'tell' }))).toEqual([])
  })

  test('tells other servers of clients that are members alone', () => {
    const server = new Server()
    server.meet('s2', 'c1')
    server.step({ type: 'up', peer: nodeOf('c2') })
    const tell = server.step({ type: 'timer', timer: 'tell' })
    expect(tell).toEqual([])
    const all = server.hear(nodeOf('s2'), { type: 'ask-clients' })
    expect(all).toMatchObject([{ to: 's2', message: { type: 'clients', whole: true, here: ['c1'] } }])
  })

  test('knows the life of a client from its connection, before it says anything', () => {
    const server = new Server()
    server.meet('c1')
    server.step({ type: 'down', node: 'c1' as NodeName })
    const effects = server.step({ type: 'up', peer: nodeOf('c1', 2) })
    expect(server.machine.members()[0]?.incarnation).toBe(2)
    expect(effects).toContainEqual(
      expect.objectContaining({ to: 'c1', message: expect.objectContaining({ type: 'digest', counted: true }) }),
    )
  })

  test('does not say that it counts a client when it does not: a stranger that compares, or one too many', () => {
    const server = new Server()
    const compares: ServerMessage = { type: 'digest', hash: 0, check: 0, counted: false }
    server.step({ type: 'up', peer: nodeOf('c1') })
    expect(server.hear(nodeOf('c1'), compares)).toEqual([])
    expect(server.members).toBe('s1')
    server.meet('c2', 'c3', 'c4', 'c5')
    server.step({ type: 'up', peer: nodeOf('c6') })
    expect(server.hear(nodeOf('c6'), { type: 'join', entries: [] })).toEqual([])
    expect(server.step({ type: 'join', peer: nodeOf('c6') })).toEqual([])
    expect(server.members).toBe('c2,c3,c4,c5,s1')
  })

  test('that leaves waits for the notes of its clients', () => {
    const server = new Server()
    server.meet('c1', 'c2')
    const note = { type: 'noted', node: 's1' as NodeName, incarnation: nodeOf('s1').incarnation } as const
    const left = server.step({ type: 'leave' })
    expect(sent(left).sort()).toEqual(['leaving c1', 'leaving c2'])
    expect(told(left)).not.toContain('told')
    expect(told(server.hear(nodeOf('c1'), note))).toEqual([])
    // That another server lost it says nothing: it is connected here.
    server.hear(nodeOf('s2'), { type: 'clients', whole: false, here: [], gone: ['c2' as NodeName] })
    expect(told(server.hear(nodeOf('c2'), note))).toEqual(['told'])
  })

  test('goes on waiting for a client that another server has lost', () => {
    const server = new Server()
    server.meet('s2', 'c1')
    server.hear(nodeOf('s2'), { type: 'clients', whole: true, here: ['c1' as NodeName], gone: [] })
    server.step({ type: 'leave' })
    expect(told(server.step({ type: 'down', node: 's2' as NodeName }))).toEqual([])
    expect(told(server.step({ type: 'down', node: 'c1' as NodeName }))).toEqual(['told'])
  })

  test('that has left counts nobody, and says so to whoever speaks to it', () => {
    const server = new Server()
    server.meet('c1')
    server.step({ type: 'leave' })
    server.step({ type: 'down', node: 'c1' as NodeName })
    expect(server.step({ type: 'up', peer: nodeOf('c1') })).toEqual([])
    const spoken: ServerMessage[] = [
      { type: 'join', entries: [] },
      { type: 'digest', hash: 0, check: 0, counted: true },
      { type: 'news', entries: [], counted: true },
    ]
    const goodbye = { type: 'news', entries: [{ spec: nodeOf('s1'), left: true }], counted: false }
    for (const message of spoken) {
      expect(server.hear(nodeOf('c1'), message)).toEqual([{ type: 'send', to: 'c1', message: goodbye }])
    }
    expect(sent(server.step({ type: 'join', peer: nodeOf('c1') }))).toEqual([])
    expect(sent(server.step({ type: 'timer', timer: 'tell' }))).toEqual([])
    expect(server.members).toBe('s1')
  })

  test('does not take the word of a server that it is not connected with', () => {
    const server = new Server()
    server.meet('s2', 'c1')
    const message: ServerMessage = { type: 'clients', whole: true, here: ['c1' as NodeName], gone: [], hash: 1 }
    server.step({ type: 'down', node: 's2' as NodeName })
    expect(server.hear(nodeOf('s2'), message)).toEqual([])
    expect(server.machine.state().clients).toEqual([{ name: 'c1', servers: ['s1'] }])
  })

  test('keeps its clients when it takes over the view of the others, who do not know them', () => {
    const server = new Server()
    server.meet('s2')
    server.step({ type: 'down', node: 's2' as NodeName })
    server.meet('c1')
    server.now = 25 * hour
    server.step({ type: 'up', peer: nodeOf('s2') })
    const entries = [{ spec: nodeOf('s2'), left: false }]
    const effects = server.hear(nodeOf('s2'), { type: 'news', entries, counted: true })
    expect(sent(effects)).toContain('digest s2')
    expect(effects.filter(({ type }) => type === 'disconnect')).toEqual([])
    expect(server.members).toBe('c1,s1,s2')
  })

  test('does not take servers for clients because another server says so', () => {
    const server = new Server()
    const generated = nodeOf('s3', 1, { generated: true })
    server.meet('s2')
    server.step({ type: 'up', peer: generated })
    server.hear(generated, { type: 'join', entries: [] })
    server.hear(nodeOf('s2'), clients(['s3'], []))
    server.hear(nodeOf('s2'), clients([], ['s3']))
    // It is connected all the time, and compared with.
    const compared = Array.from({ length: 20 }, () => sent(server.step({ type: 'timer', timer: 'digest' }))).flat()
    expect(compared).toContain('digest s3')
    server.hear(nodeOf('s2'), clients(['s3'], []))
    server.step({ type: 'down', node: generated.name })
    server.now = 2 * hour
    server.step({ type: 'timer', timer: 'sweep' })
    expect(server.members).toBe('s1,s2')
  })

  test('does not count the time that a client is away anew because another server never had it', () => {
    const server = new Server()
    const generated = nodeOf('c1', 1, { generated: true })
    server.meet('s2')
    server.hear(nodeOf('s2'), { type: 'news', entries: [{ spec: generated, left: false }], counted: false })
    server.now = hour - 1
    server.hear(nodeOf('s2'), clients([], ['c1']))
    server.now = hour
    server.step({ type: 'timer', timer: 'sweep' })
    expect(server.members).toBe('s1,s2')
  })

  const ends: [string, (server: Server) => void][] = [
    ['the server that had it is lost', server => void server.step({ type: 'down', node: 's2' as NodeName })],
    ['the server that had it says so', server => void server.hear(nodeOf('s2'), clients([], ['c1']))],
    ['the server that had it leaves it out', server => void server.hear(nodeOf('s2'), clients([], [], true))],
  ]

  test.each(ends)('counts the time that a client with a generated name is away from when %s', (_what, end) => {
    const server = new Server()
    server.meet('s2')
    server.hear(nodeOf('s2'), {
      type: 'news',
      entries: [{ spec: nodeOf('c1', 1, { generated: true }), left: false }],
      counted: false,
    })
    server.hear(nodeOf('s2'), clients(['c1'], []))
    server.now = 5 * hour
    server.step({ type: 'timer', timer: 'sweep' })
    expect(server.members).toBe('c1,s1,s2')
    end(server)
    server.now = 6 * hour - 1
    server.step({ type: 'timer', timer: 'sweep' })
    expect(server.members).toBe('c1,s1,s2')
    server.now = 6 * hour
    server.step({ type: 'timer', timer: 'sweep' })
    expect(server.members).toBe('s1,s2')
  })
})

function clients(here: readonly string[], gone: readonly string[], whole = false): ServerMessage {
  return { type: 'clients', whole, here: here as NodeName[], gone: gone as NodeName[] }
}
