import { describe, expect, test } from 'vitest'
import { BroadcastBus, type BusOptions } from '../support/broadcast-bus.js'

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index + 10}`)

describe('a broadcast', () => {
  test.each([5, 20, 50])('costs n - 1 payloads in a full mesh of %i once its tree has formed', count => {
    const bus = cluster(count)
    bus.mesh()
    bus.pass(1_000)
    bus.broadcast('n10', 'first')
    bus.pass(5_000)
    // Each node passes the first on to all others but the one that it came from.
    expect(bus.traffic.gossip).toBe((count - 1) ** 2)
    for (let message = 0; message < 10; message++) {
      bus.broadcast('n10', `forming ${message}`)
      bus.pass(1_000)
    }
    const formed = bus.traffic.gossip
    for (let message = 0; message < 20; message++) {
      bus.broadcast('n10', `m${message}`)
      bus.pass(100)
    }
    bus.pass(5_000)
    const each = (bus.traffic.gossip - formed) / 20
    expect(each).toBe(count - 1)
    expectAll(bus)
  })

  test.each([1, 2, 3])('costs little more than n - 1 payloads in a partial overlay of 50 (seed %i)', seed => {
    const bus = cluster(50, { seed })
    ringWithChords(bus, 4)
    bus.pass(1_000)
    bus.broadcast('n10', 'first')
    bus.pass(5_000)
    bus.broadcast('n10', 'second')
    bus.pass(5_000)
    const before = bus.traffic.gossip
    for (let message = 0; message < 20; message++) {
      bus.broadcast('n10', `m${message}`)
      bus.pass(1_000)
    }
    bus.pass(5_000)
    const each = (bus.traffic.gossip - before) / 20
    expect(each).toBeGreaterThanOrEqual(49)
    expect(each).toBeLessThan(49 * 1.1)
    expectAll(bus)
  })

  test('costs nothing when nobody broadcasts, and nothing any more when all was kept for long enough', () => {
    const bus = cluster(5)
    bus.mesh()
    bus.pass(1_000)
    const syncs = bus.traffic.sync
    bus.pass(600_000)
    expect(bus.traffic.sync).toBe(syncs)
    bus.broadcast('n10', 'one')
    bus.pass(120_000)
    const { sync, announce } = bus.traffic
    bus.pass(600_000)
    expect([bus.traffic.sync, bus.traffic.announce]).toEqual([sync, announce])
    expect(bus.machine('n11').size()).toMatchObject({ cacheBytes: 0, heldBytes: 0 })
  })

  const seeds = Array.from({ length: Number(process.env.BROADCAST_SEEDS ?? 60) }, (_, index) => index + 1)

  test('reaches every live node once, in order, whatever is lost, cut off, crashed and started anew', () => {
    for (const seed of seeds) disturbed(seed)
  }, 120_000)
})

function cluster(count: number, options?: BusOptions): BroadcastBus {
  const bus = new BroadcastBus(options)
  for (const name of names(count)) bus.start(name)
  return bus
}

/** Connected whatever chance says, with some shorter ways. */
function ringWithChords(bus: BroadcastBus, chords: number): void {
  const all = bus.names
  all.forEach((name, index) => {
    bus.connect(name, all[(index + 1) % all.length] as string)
    for (let chord = 0; chord < chords / 2; chord++) {
      bus.connect(name, all[Math.floor(bus.random.next() * all.length)] as string)
    }
  })
}

/** A history of one seed: faults and broadcasts for half a minute, then peace, then everybody has everything. */
function disturbed(seed: number): void {
  const bus = cluster(0, { seed, resendMax: 1 + (seed % 7), gapTimeout: 20_000 })
  const { random } = bus
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)] as Item
  const all = names(4 + (seed % 9))
  for (const name of all) bus.start(name, { established: true })
  const partial = seed % 2 === 0
  if (partial) ringWithChords(bus, 3)
  else bus.mesh()
  const overlay = all.flatMap(one => bus.neighbours(one).map(other => [one, other] as const))
  let halves: readonly string[] = []
  const mayLink = (one: string, other: string): boolean => halves.includes(one) === halves.includes(other)
  const repair = (): void => {
    for (const [one, other] of overlay) {
      if (bus.isLive(one) && bus.isLive(other) && mayLink(one, other)) bus.connect(one, other)
    }
  }
  bus.pass(100)
  let number = 0
  for (let round = 0; round < 300; round++) {
    const chance = random.next()
    const name = pick(all)
    if (chance < 0.55) {
      if (bus.isLive(name)) bus.broadcast(name, `${name}/${number++}`)
    } else if (chance < 0.75) {
      const [one, other] = pick(overlay)
      if (random.next() < 0.5) bus.disconnect(one, other)
      else if (bus.isLive(one) && bus.neighbours(one).includes(other)) bus.renew(one, other)
    } else if (chance < 0.78) {
      if (bus.isLive(name) && bus.names.length > 2) bus.crash(name)
    } else if (chance < 0.82) {
      const dead = all.filter(each => !bus.isLive(each))
      if (dead.length > 0) bus.start(pick(dead))
    } else if (chance < 0.84) {
      halves = all.filter(() => random.next() < 0.5)
      for (const [one, other] of overlay) if (!mayLink(one, other)) bus.disconnect(one, other)
    } else if (chance < 0.88) {
      halves = []
    } else if (chance < 0.9 && bus.isLive(name)) {
      const peer = pick(bus.neighbours(name))
      if (peer !== undefined) bus.refuse(name, peer, pick(all))
    }
    bus.pass(random.next() * 100)
    if (random.next() < 0.3) repair()
  }
  halves = []
  for (const name of all) if (!bus.isLive(name)) bus.start(name)
  repair()
  bus.pass(40_000)
  expectAll(bus, `seed ${seed}`)
}

/** The oracle: as plain as it can be, and it knows nothing of how the machines do it. */
function expectAll(bus: BroadcastBus, which = ''): void {
  const problems: string[] = []
  for (const node of bus.names) {
    const { life, since } = bus.lifeOf(node)
    for (const origin of bus.names) {
      const { life: originLife } = bus.lifeOf(origin)
      const sent = bus.sent.filter(each => each.origin === origin && each.originLife === originLife)
      const heard = bus.delivered.filter(
        each => each.node === node && each.life === life && each.origin === origin && each.originLife === originLife,
      )
      const texts = heard.map(({ text }) => text)
      if (node === origin) {
        if (texts.length > 0) problems.push(`${node} was handed its own: ${texts.join()}`)
        continue
      }
      const expected = sent.map(({ text }) => text)
      const inOrder = expected.filter(text => texts.includes(text))
      if (texts.join() !== inOrder.join()) problems.push(`${node} of ${origin}: twice or out of order: ${texts.join()}`)
      // Who came late begins somewhere, and has all from there; at the latest with what was sent once it was there.
      const from = since <= 500 ? 0 : expected.indexOf(texts[0] ?? '')
      const due = sent.filter(({ at }, index) => (from >= 0 && index >= from) || at > since + 15_000)
      const missing = due.filter(({ text }) => !texts.includes(text)).map(({ text }) => text)
      const lost = missing.filter(text => within(bus, node, text, origin))
      if (lost.length > 0) problems.push(`${node} (since ${since}) of ${origin} misses ${lost.join()}`)
    }
  }
  expect(problems, which).toEqual([])
}

/** Whether a way leads from the node to one that has the message, through nodes that were there when it was sent. */
function within(bus: BroadcastBus, node: string, text: string, origin: string): boolean {
  const at = bus.sent.find(each => each.text === text)?.at ?? 0
  const reached = new Set([node])
  for (const each of reached) {
    if (each !== node && (each === origin || bus.heard(each).includes(text))) return true
    for (const next of bus.neighbours(each)) if (bus.lifeOf(next).since <= at) reached.add(next)
  }
  return false
}
