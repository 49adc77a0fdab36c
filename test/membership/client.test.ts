import { describe, expect, test } from 'vitest'
import type { NodeName, NodeSpec } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { ClientMembership } from '../../src/membership/client.js'
import type { ClientMessage } from '../../src/membership/client-server-messages.js'
import type { MembershipEffect, MembershipInput } from '../../src/membership/strategy.js'
import { nodeOf } from '../support/role-bus.js'

const day = 24 * 3_600_000

/** A client `c1` by itself. */
class Client {
  readonly machine = new ClientMembership({ random: new SeededRandom(1) })
  now = 0

  constructor() {
    this.step({ type: 'start', self: nodeOf('c1') })
  }

  get members(): string {
    return this.machine
      .members()
      .map(({ name }) => name)
      .join()
  }

  step(input: MembershipInput<ClientMessage>): MembershipEffect<ClientMessage>[] {
    const out: MembershipEffect<ClientMessage>[] = []
    this.machine.step(input, this.now, out)
    return out
  }

  hear(from: string, message: ClientMessage): MembershipEffect<ClientMessage>[] {
    return this.step({ type: 'message', from: nodeOf(from), message })
  }

  /** Joins a server that counts these. */
  meet(server: string, ...listed: string[]): void {
    this.step({ type: 'up', peer: nodeOf(server) })
    this.step({ type: 'join', peer: nodeOf(server) })
    this.hear(server, news([server, ...listed].map(live), true))
  }

  /** Lets time pass, and the client check what it knows: every server answers that it counts `listed`. */
  check(millis: number, answers: Readonly<Record<string, readonly string[]>> = {}): MembershipEffect<ClientMessage>[] {
    this.now += millis
    const effects = this.step({ type: 'timer', timer: 'check' })
    for (const effect of effects) {
      if (effect.type !== 'send') continue
      const listed = answers[effect.to]
      if (listed !== undefined) effects.push(...this.hear(effect.to, news(listed.map(live), true)))
    }
    return effects
  }
}

function live(name: string): { spec: NodeSpec; left: boolean } {
  return { spec: nodeOf(name), left: false }
}

function news(entries: readonly { spec: NodeSpec; left: boolean }[], counted = false): ClientMessage {
  return { type: 'news', entries, counted }
}

/** The effects in short: `connect s1`, `digest s1`, `members`. */
function brief(effects: readonly MembershipEffect<ClientMessage>[]): string[] {
  return effects.map(one)
}

function one(effect: MembershipEffect<ClientMessage>): string {
  switch (effect.type) {
    case 'send':
      return `${effect.message.type} ${effect.to}`
    case 'connect':
      return `connect ${effect.peer.name}`
    case 'disconnect':
      return `disconnect ${effect.node} ${effect.reason}`
    case 'arm':
      return `arm ${effect.timer}`
    case 'notify':
      return effect.event.type
  }
}

describe('a client by itself', () => {
  test('joins: it connects, asks to be counted, and has joined when all is told', () => {
    const client = new Client()
    expect(brief(client.step({ type: 'up', peer: nodeOf('s1') }))).toEqual([])
    expect(brief(client.step({ type: 'join', peer: nodeOf('s1') }))).toEqual(['connect s1', 'members', 'join s1'])
    expect(brief(client.hear('s1', news([live('s1'), live('s2')])))).toEqual(['connect s2', 'members'])
    expect(brief(client.hear('s1', news([live('s3')], true)))).toEqual(['connect s3', 'members', 'joined'])
    expect(client.members).toBe('c1,s1,s2,s3')
  })

  test('compares what it knows when a server is up, and has its present life at once', () => {
    const client = new Client()
    client.meet('s1', 's2')
    const effects = client.step({ type: 'up', peer: nodeOf('s2', 5) })
    expect(brief(effects)).toEqual(['connect s2', 'members', 'digest s2'])
    expect(client.machine.members()[2]?.incarnation).toBe(5)
    // Whoever is only connected, and no member, is told nothing.
    expect(client.step({ type: 'up', peer: nodeOf('s9') })).toEqual([])
    expect(client.members).toBe('c1,s1,s2')
  })

  test('counts a server that counts it, and asks it for the others; no other', () => {
    const client = new Client()
    client.step({ type: 'up', peer: nodeOf('s1') })
    const digest = { type: 'digest', hash: 1, check: 1 } as const
    expect(client.hear('s1', { ...digest, counted: false })).toEqual([])
    expect(brief(client.hear('s1', { ...digest, counted: true }))).toEqual(['connect s1', 'members', 'digest s1'])
    // The server answers that by itself.
    expect(client.hear('s1', { ...digest, counted: true })).toEqual([])
  })

  test('confirms a join by a server, and every leave that it is told of', () => {
    const client = new Client()
    client.meet('s1', 's2')
    const answer = client.hear('s1', { type: 'join', entries: [] })
    expect(answer).toEqual([{ type: 'send', to: 's1', message: news([], true) }])
    const leaving = { type: 'leaving', entry: { spec: nodeOf('s2'), left: true } } as const
    expect(client.hear('s1', leaving)).toEqual([
      { type: 'send', to: 's1', message: { type: 'noted', node: 's2', incarnation: 1 } },
      { type: 'disconnect', node: 's2', reason: 'left', incarnation: 1 },
      { type: 'notify', event: { type: 'members' } },
    ])
    expect(brief(client.hear('s1', leaving))).toEqual(['noted s1'])
    // Of whom it never knew it only remembers that.
    expect(client.hear('s1', news([{ spec: nodeOf('s9'), left: true }]))).toEqual([])
    expect(client.machine.admit(nodeOf('s9'))).toEqual({ type: 'removed' })
    client.step({ type: 'up', peer: nodeOf('s8') })
    expect(brief(client.hear('s1', news([{ spec: nodeOf('s8'), left: true }])))).toEqual(['disconnect s8 left'])
  })

  test('leaves, also by removing itself: it tells its servers, and waits for those that are connected', () => {
    for (const input of [{ type: 'leave' }, { type: 'remove', node: 'c1' as NodeName }] as const) {
      const client = new Client()
      client.meet('s1', 's2', 's3')
      client.step({ type: 'up', peer: nodeOf('s2') })
      expect(brief(client.step(input))).toEqual(['members', 'leaving s1', 'leaving s2', 'arm leave c1'])
      const { incarnation } = nodeOf('c1')
      expect(brief(client.hear('s1', { type: 'noted', node: 'c1' as NodeName, incarnation }))).toEqual([])
      expect(brief(client.step({ type: 'down', node: 's2' as NodeName }))).toEqual(['told'])
      expect(client.members).toBe('c1')
    }
  })

  test('waits a second at most when it leaves', () => {
    const client = new Client()
    client.meet('s1')
    expect(client.step({ type: 'leave' })).toContainEqual({ type: 'arm', timer: 'leave c1', after: 1_000 })
    expect(brief(client.step({ type: 'timer', timer: 'leave c1' }))).toEqual(['told'])
    expect(brief(client.step({ type: 'timer', timer: 'leave c1' }))).toEqual([])
  })

  test('takes no part once it has left, until its next life, in which it knows nobody', () => {
    const client = new Client()
    client.meet('s1')
    client.step({ type: 'leave' })
    expect(client.step({ type: 'up', peer: nodeOf('s1') })).toEqual([])
    expect(client.step({ type: 'join', peer: nodeOf('s2') })).toEqual([])
    expect(brief(client.check(5_000))).toEqual(['arm check'])
    expect(brief(client.hear('s1', news([live('s2')], true)))).toEqual(['leaving s1'])
    client.step({ type: 'start', self: nodeOf('c1', 2) })
    expect(client.members).toBe('c1')
    expect(client.step({ type: 'up', peer: nodeOf('s1') })).toEqual([])
    expect(client.machine.admit(nodeOf('s1', 0))).toBeUndefined()
  })

  test('asks one of the servers that are connected, again and again, never a stranger', () => {
    const client = new Client()
    client.meet('s1', 's2')
    client.step({ type: 'up', peer: nodeOf('s2') })
    client.step({ type: 'up', peer: nodeOf('s9') })
    const asked = new Set<string>()
    for (let round = 0; round < 40; round++) {
      const effects = client.step({ type: 'timer', timer: 'check' })
      const [arm] = effects
      expect(arm?.type === 'arm' && arm.after >= 2_500 && arm.after <= 7_500).toBe(true)
      const sends = brief(effects).filter(line => line.startsWith('digest'))
      expect(sends).toHaveLength(1)
      asked.add(sends[0] as string)
    }
    expect([...asked].sort()).toEqual(['digest s1', 'digest s2'])
  })

  test('forgets a server that none has counted for a while, and closes what it has of it', () => {
    const client = new Client()
    client.meet('s1', 'old')
    const others = { s1: ['s1'] }
    client.check(5_000, others)
    expect(brief(client.check(5_000, others))).not.toContain('members')
    expect(client.members).toBe('c1,old,s1')
    client.check(5_000, others)
    expect(brief(client.check(5_000, others))).toEqual([
      'arm check',
      'digest s1',
      'disconnect old unwanted',
      'members',
      'joined',
    ])
    expect(client.members).toBe('c1,s1')
  })

  test('does not forget a server that it is connected with, though none counts it', () => {
    const client = new Client()
    client.meet('s1', 'odd')
    client.step({ type: 'up', peer: nodeOf('odd') })
    for (let round = 0; round < 10; round++) client.check(5_000, { s1: ['s1'] })
    expect(client.members).toBe('c1,odd,s1')
  })

  test('keeps a server that it is connected with, though that has not said a word and no other counts it', () => {
    const client = new Client()
    client.meet('s1', 's2')
    client.step({ type: 'up', peer: nodeOf('s2') })
    for (let round = 0; round < 10; round++) client.check(5_000, { s1: ['s1'] })
    expect(client.members).toBe('c1,s1,s2')
  })

  test('takes an equal hash for the word of a server that it counts the same', () => {
    const client = new Client()
    client.meet('s1', 'far')
    client.meet('s2', 'far')
    client.step({ type: 'down', node: 's2' as NodeName })
    client.step({ type: 'up', peer: nodeOf('s2') })
    const [asked] = client.step({ type: 'up', peer: nodeOf('s2') })
    const message = asked?.type === 'send' ? asked.message : undefined
    if (message?.type !== 'digest') throw new Error('it asks by a digest')
    expect(client.hear('s2', message)).toEqual([])
    // The other has forgotten that one, and this one has not.
    client.step({ type: 'join', peer: nodeOf('s1') })
    client.hear('s1', news(['s1', 's2'].map(live), true))
    for (let round = 0; round < 10; round++) client.check(5_000)
    expect(client.members).toBe('c1,far,s1,s2')
  })

  test('remembers for a day that a server left, unless another counts it again after a while', () => {
    const client = new Client()
    client.meet('s1', 's2')
    const left = news([{ spec: nodeOf('s2'), left: true }])
    client.hear('s1', left)
    client.now = 9_999
    client.hear('s1', news([live('s2')]))
    expect(client.members).toBe('c1,s1')
    expect(client.machine.admit(nodeOf('s2'))).toEqual({ type: 'removed' })
    client.now = 10_000
    client.hear('s1', news([live('s2')]))
    expect(client.members).toBe('c1,s1,s2')
    client.hear('s1', left)
    client.check(day - 1)
    expect(client.machine.admit(nodeOf('s2'))).toEqual({ type: 'removed' })
    client.check(1)
    expect(client.machine.admit(nodeOf('s2'))).toBeUndefined()
  })
})
