import { describe, expect, test } from 'vitest'
import type { Incarnation, NodeName } from '../../src/core/node.js'
import { SeededRandom } from '../../src/core/random.js'
import { Broadcast } from '../../src/delivery/broadcast.js'
import type { BroadcastEffect, BroadcastInput } from '../../src/delivery/broadcast-effects.js'
import { type BroadcastMessage, parseBroadcastMessage } from '../../src/delivery/broadcast-messages.js'
import type { BroadcastOptions } from '../../src/delivery/broadcast-options.js'

const body = Uint8Array.of(1)
const o = { origin: 'o' as NodeName, incarnation: 5 as Incarnation }

/** A machine `m` with neighbours, and what it does in words. */
class Script {
  now = 0
  readonly machine: Broadcast

  constructor(neighbours: readonly string[], options: Partial<BroadcastOptions> = {}) {
    const self = { name: 'm' as NodeName, incarnation: 1 as Incarnation }
    this.machine = new Broadcast({ self, random: new SeededRandom(1), established: true, ...options })
    for (const peer of neighbours) this.step({ type: 'up', peer: peer as NodeName })
  }

  step(input: BroadcastInput): string[] {
    const out: BroadcastEffect[] = []
    this.machine.step(input, this.now, out)
    return out.flatMap(describeEffect)
  }

  told(from: string, message: BroadcastMessage): string[] {
    return this.step({ type: 'message', from: from as NodeName, message })
  }

  gossip(from: string, number: number, round = 0, floor = number): string[] {
    return this.told(from, { type: 'gossip', ...o, number, floor, round, server: 's', body })
  }

  timer(timer: string, after: number): string[] {
    this.now += after
    return this.step({ type: 'timer', timer })
  }
}

function describeEffect(effect: BroadcastEffect): string[] {
  switch (effect.type) {
    case 'deliver':
      return [`deliver ${effect.gossip.origin}${effect.gossip.number}`]
    case 'count':
      return [`${effect.what} ${effect.count}`]
    case 'missed':
      return [`missed ${effect.count}`]
    case 'arm':
      return []
    case 'send': {
      const { to, message } = effect
      if (message.type === 'gossip' && message.omitted !== undefined) return [`${to}: omitted`]
      if (message.type === 'gossip') return [`${to}: gossip ${message.origin}${message.number} r${message.round}`]
      if (message.type === 'graft') return [`${to}: graft ${message.origin} ${message.from}-${message.upTo}`]
      if (message.type === 'gone') return [`${to}: gone ${message.upTo} ${message.had}`]
      if (message.type === 'prune') return [`${to}: prune ${message.origin}`]
      const marks = message.marks.map(([origin, , upTo, last]) => `${origin}${upTo}/${last}`).join(' ')
      return [`${to}: ${message.type} ${marks}`.trimEnd()]
    }
  }
}

describe('a broadcast machine', () => {
  test('pushes its own messages to all neighbours, and those of others to all but whom they came from', () => {
    const script = new Script(['a', 'b', 'c'])
    expect(script.step({ type: 'broadcast', server: 's', body })).toEqual([
      'a: gossip m1 r0',
      'b: gossip m1 r0',
      'c: gossip m1 r0',
    ])
    expect(script.gossip('a', 1, 2)).toEqual(['deliver o1', 'b: gossip o1 r3', 'c: gossip o1 r3'])
  })

  test('prunes a link on which a copy comes second, announces there, and takes it back by a graft', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    expect(script.gossip('b', 1)).toEqual(['duplicate 1', 'b: prune o'])
    expect(script.gossip('a', 2)).toEqual(['deliver o2'])
    expect(script.timer('announce', 500)).toEqual(['b: announce o2/1'])
    expect(script.told('b', { type: 'graft', ...o, from: 2, upTo: 257 })).toEqual(['b: gossip o2 r1'])
    expect(script.gossip('a', 3)).toEqual(['deliver o3', 'b: gossip o3 r1'])
  })

  test('keeps the link on which messages come first, also when it repeats itself', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    expect(script.gossip('a', 1)).toEqual(['duplicate 1'])
    expect(script.machine.eager(o.origin)).toEqual(['a', 'b'])
  })

  test('a prune makes a link lazy for that origin alone, and a newcomer is eager for all', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    script.told('b', { type: 'prune', ...o })
    expect(script.machine.eager(o.origin)).toEqual(['a'])
    expect(script.machine.eager('m' as NodeName)).toEqual(['a', 'b'])
    script.step({ type: 'up', peer: 'c' as NodeName })
    expect(script.machine.eager(o.origin)).toEqual(['a', 'c'])
  })

  test('asks for what was announced and does not come, one neighbour after another', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    const announce: BroadcastMessage = { type: 'announce', marks: [[o.origin, o.incarnation, 3, 1]] }
    expect(script.told('a', announce)).toEqual([])
    expect(script.told('b', announce)).toEqual([])
    expect(script.timer('graft', 500)).toEqual(['a: graft o 2-257'])
    expect(script.timer('graft', 500)).toEqual(['b: graft o 2-257'])
    expect(script.gossip('b', 2)).toEqual(['deliver o2', 'a: gossip o2 r1'])
    expect(script.gossip('b', 3)).toEqual(['deliver o3', 'a: gossip o3 r1'])
    expect(script.timer('graft', 500)).toEqual([])
  })

  test('asks another neighbour at once when the one that it asked is down', () => {
    const script = new Script(['a', 'b'])
    for (const from of ['a', 'b']) script.told(from, { type: 'announce', marks: [[o.origin, o.incarnation, 1, 1]] })
    expect(script.timer('graft', 500)).toEqual(['a: graft o 1-256'])
    expect(script.step({ type: 'down', peer: 'a' as NodeName })).toEqual(['b: graft o 1-256'])
  })

  test('holds what comes before its time, and takes it in order', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    expect(script.gossip('a', 3)).toEqual([])
    expect(script.machine.size().heldBytes).toBeGreaterThan(0)
    expect(script.timer('graft', 500)).toEqual(['a: graft o 2-2'])
    expect(script.gossip('a', 2)).toEqual(['deliver o2', 'b: gossip o2 r1', 'deliver o3', 'b: gossip o3 r1'])
    expect(script.machine.size().heldBytes).toBe(0)
  })

  test('gives up what a neighbour had and nobody has any more', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    expect(
      script.told('a', { type: 'sync', marks: [[o.origin, o.incarnation, 9, 9]], last: true, asks: 'no' }),
    ).toEqual(['a: graft o 2-257'])
    expect(script.told('a', { type: 'gone', ...o, upTo: 8, had: true })).toEqual(['b: graft o 2-257'])
    expect(script.told('b', { type: 'gone', ...o, upTo: 8, had: false })).toEqual(['missed 7', 'a: graft o 9-264'])
    expect(script.gossip('a', 9)).toEqual(['deliver o9', 'b: gossip o9 r1'])
  })

  test('gives up after ten seconds without progress what nobody says anything of', () => {
    const script = new Script(['a'])
    script.gossip('a', 1)
    script.gossip('a', 3)
    for (let time = 0; time < 19; time++) expect(script.timer('graft', 500)).toEqual(['a: graft o 2-2'])
    expect(script.timer('graft', 500)).toEqual(['missed 1', 'deliver o3'])
  })

  test('counts what it missed of an origin of which it never had anything, from where it begins', () => {
    const script = new Script(['a'])
    script.gossip('a', 9)
    expect(script.timer('graft', 500)).toEqual(['a: graft o 1-8'])
    expect(script.told('a', { type: 'gone', ...o, upTo: 8, had: true })).toEqual(['missed 8', 'deliver o9'])
    const late = new Script(['a'], { established: false })
    late.told('a', { type: 'sync', marks: [[o.origin, o.incarnation, 7, 3]], last: true, asks: 'no' })
    late.gossip('a', 10)
    late.timer('graft', 500)
    expect(late.told('a', { type: 'gone', ...o, upTo: 9, had: true })).toEqual(['missed 2', 'deliver o10'])
  })

  test('skips at once what is too large for it, and tells those who would have got it from here', () => {
    const script = new Script(['a', 'b', 'c'])
    script.gossip('a', 1)
    script.told('c', { type: 'prune', ...o })
    const left = { type: 'gossip', ...o, floor: 1, round: 0, server: 's', body: new Uint8Array(0), omitted: 9 } as const
    expect(script.told('a', { ...left, number: 3 })).toEqual([])
    expect(script.told('a', { ...left, number: 2 })).toEqual([
      'missed 1',
      'b: announce o2/1',
      'missed 1',
      'b: announce o3/1',
    ])
    expect(script.gossip('a', 4)).toEqual(['deliver o4', 'b: gossip o4 r1'])
    expect(script.told('b', { type: 'graft', ...o, from: 2, upTo: 3 })).toEqual(['b: gone 3 true'])
    expect(script.told('b', { type: 'graft', ...o, from: 4, upTo: 9 })).toEqual(['b: gossip o4 r1'])
  })

  test('says what it has not got, and whether it had it', () => {
    const script = new Script(['a', 'b'], { cacheBytes: 600 })
    for (const number of [1, 2, 3]) script.gossip('a', number)
    expect(script.told('b', { type: 'graft', ...o, from: 1, upTo: 9 })).toEqual([
      'b: gone 1 true',
      'b: gossip o2 r1',
      'b: gossip o3 r1',
    ])
    expect(script.told('b', { type: 'graft', ...o, from: 4, upTo: 9 })).toEqual([])
    const unknown = { origin: 'x' as NodeName, incarnation: 1 as Incarnation }
    expect(script.told('b', { type: 'graft', ...unknown, from: 1, upTo: 2 })).toEqual(['b: gone 2 false'])
  })

  test('takes a way that is three hops shorter, and no other', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1, 5)
    script.told('b', { type: 'prune', ...o })
    expect(script.told('b', { type: 'announce', marks: [[o.origin, o.incarnation, 1, 3]] })).toEqual([])
    expect(script.told('b', { type: 'announce', marks: [[o.origin, o.incarnation, 1, 2]] })).toEqual([
      'b: graft o 2-257',
      'a: prune o',
    ])
    expect(script.machine.eager(o.origin)).toEqual(['b'])
  })

  test('hears a later life of an origin from its first message, and an earlier one not any more', () => {
    const script = new Script(['a'])
    script.gossip('a', 1)
    const later = { ...o, incarnation: 6 as Incarnation, number: 1, floor: 1, round: 0, server: 's', body }
    expect(script.told('a', { type: 'gossip', ...later })).toEqual(['deliver o1'])
    expect(script.gossip('a', 2)).toEqual([])
  })

  test('begins where its first neighbour is when it has just come', () => {
    const script = new Script(['a'], { established: false })
    const marks = [[o.origin, o.incarnation, 7, 3]] as const
    expect(script.told('a', { type: 'sync', marks, last: true, asks: 'no' })).toEqual([])
    expect(script.gossip('a', 7)).toEqual(['duplicate 1', 'a: prune o'])
    expect(script.gossip('a', 8)).toEqual(['deliver o8'])
  })

  test('exchanges what it keeps with a neighbour while it keeps anything', () => {
    const script = new Script(['a'])
    script.gossip('a', 1)
    expect(script.timer('exchange', 10_000)).toEqual(['a: sync o1/1'])
    expect(script.timer('exchange', 60_000)).toEqual([])
  })

  test('announces to a neighbour what its full queue refused', () => {
    const script = new Script(['a', 'b'])
    script.gossip('a', 1)
    script.timer('announce', 500)
    expect(script.step({ type: 'refused', peer: 'b' as NodeName, origin: o.origin })).toEqual([])
    expect(script.timer('announce', 500)).toEqual(['b: announce o1/1'])
    const full = new Script(['a'], { refusedMax: 0 })
    full.gossip('a', 1)
    expect(full.step({ type: 'refused', peer: 'a' as NodeName, origin: o.origin })).toEqual(['unannounced 1'])
  })

  test('is bounded in origins, in trees, and in what it keeps and holds', () => {
    const script = new Script(['a', 'b'], { streamsMax: 20, rootsMax: 5, cacheBytes: 10_000, heldBytes: 5_000 })
    for (let index = 0; index < 200; index++) {
      const stream = { origin: `o${index}` as NodeName, incarnation: 1 as Incarnation, floor: 1, round: 0, server: 's' }
      for (const number of [1, 2, 9]) {
        for (const from of ['a', 'b']) {
          script.told(from, { type: 'gossip', ...stream, number, body: new Uint8Array(500) })
        }
      }
    }
    const { streams, roots, cacheBytes, heldBytes } = script.machine.size()
    expect(streams).toBeLessThanOrEqual(20)
    expect(roots).toBeLessThanOrEqual(5)
    expect(cacheBytes).toBeLessThanOrEqual(10_000)
    expect(heldBytes).toBeLessThanOrEqual(5_000)
  })
})

describe('a broadcast message', () => {
  const gossip = { type: 'gossip', ...o, number: 2, floor: 1, round: 0, server: 's', body }

  test.each([
    gossip,
    { type: 'announce', marks: [['o', 5, 1, 0]] },
    { type: 'graft', ...o, from: 1, upTo: 0 },
    { type: 'prune', ...o },
    { type: 'gone', ...o, upTo: 3, had: true },
    { type: 'sync', marks: [], last: true, asks: 'all' },
  ])('is read as it is: %j', message => {
    expect(parseBroadcastMessage(message)).toEqual(message)
  })

  test.each([
    undefined,
    [],
    { type: 'nonsense', ...o },
    { ...gossip, origin: '' },
    { ...gossip, incarnation: -1 },
    { ...gossip, number: 0 },
    { ...gossip, floor: 3 },
    { ...gossip, round: 0.5 },
    { ...gossip, server: '' },
    { ...gossip, body: 'text' },
    { type: 'announce', marks: [['o', 5, 1]] },
    { type: 'announce', marks: Array.from({ length: 513 }, () => ['o', 5, 1, 0]) },
    { type: 'sync', marks: [], last: true, asks: true },
    { type: 'graft', ...o, from: 0, upTo: 1 },
    { type: 'gone', ...o, upTo: -1 },
  ])('is refused where it is none: %j', message => {
    expect(parseBroadcastMessage(message)).toBeUndefined()
  })
})
