import assert from 'node:assert/strict'
import type { Incarnation, NodeName, NodeSpec } from '../../core/node.js'
import { SeededRandom, sample } from '../../core/random.js'
import type { MembershipEffect, MembershipInput } from '../../membership/strategy.js'
import { hostileValues, mutated } from './hostile-values.js'
import { fieldOf, fullMembership, gather, type StrategyCase, type StrategyHarness, whole } from './strategy-harness.js'
import { strategyHistory } from './strategy-history.js'
import { type StrategyRule, textOf, WatchedStrategy } from './watched-strategy.js'

const rules: readonly StrategyRule[] = [
  'it does not throw',
  'its members are in order, once each, and hold this node',
  'it tells when its members change',
  'no life of a member comes back after a later one',
  'its effects mean something',
  'its messages can travel and are read',
  'its routes lead to members or to who is connected',
  'its state is plain data',
]

/** What is promised of every step of a machine. */
export const machineCases: readonly StrategyCase[] = [
  {
    name: 'it begins alone',
    run(given) {
      const field = fieldOf(given)
      for (const name of field.harness.names) {
        const process = field.bus.start(name)
        assert.deepEqual(process.members, [name])
        assert.deepEqual(process.strategy.members()[0], process.spec)
        assert.deepEqual(process.strategy.state().members, [name])
        assert.ok(process.told('members').length > 0)
      }
      assert.deepEqual(field.bus.sent, [])
      whole(field)
    },
  },
  {
    name: 'it claims what it can do, and nothing else',
    run(given) {
      const field = fieldOf(given)
      for (const name of field.harness.names) {
        const { strategy } = field.bus.start(name)
        assert.deepEqual([...strategy.capabilities].sort(), [...field.harness.capabilities(name)].sort(), name)
      }
    },
  },
  ...rules.map(
    (rule): StrategyCase => ({
      name: `whatever happens to a cluster, ${rule}`,
      run(given) {
        for (let seed = 1; seed <= 4; seed++) whole(strategyHistory(given, seed), rule)
      },
    }),
  ),
  {
    name: 'it reads no garbage, and does not throw at it',
    run(given) {
      const { harness, bus } = gather(given, {}, 2)
      for (const name of harness.names.slice(0, 2)) {
        const machine = harness.machine(name as NodeName, new SeededRandom(1))
        for (const value of hostileValues) {
          assert.equal(machine.parse(value), undefined, 'a machine that was not started')
          assert.equal(bus.process(name).strategy.parse(value), undefined)
        }
      }
    },
  },
  {
    name: 'of messages that were tampered with it reads what it can live with',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const random = new SeededRandom(9)
      const sent = [...strategyHistory(given, 3).bus.sent, ...bus.sent]
      assert.ok(sent.length > 0)
      let taken = 0
      for (let count = 0; count < 3_000; count++) {
        const process = bus.process(harness.names[count % harness.names.length] ?? '')
        const [from] = [...process.peers.values()].filter(({ connection }) => connection !== undefined)
        const [original] = sample(random, sent, 1)
        const message = process.strategy.parse(mutated(original?.message, random))
        if (message === undefined || from === undefined) continue
        taken++
        process.step({ type: 'message', from: from.spec, message })
        bus.run(1)
      }
      // Whatever it was told: it may have been removed, superseded or surrounded by strangers, but it is sound.
      bus.run(10_000)
      assert.ok(taken > 0)
      const sound = rules.filter(rule => rule !== 'no life of a member comes back after a later one')
      whole(field, ...sound)
    },
  },
  {
    name: 'inputs in any order and at any time leave it sound',
    run(given) {
      for (let seed = 1; seed <= 6; seed++) pelt(given, seed)
    },
  },
  {
    name: 'the same inputs and the same chance give the same effects',
    run(given) {
      const { bus, harness } = strategyHistory(given, 5, true)
      for (const { process, seed } of bus.past) {
        const twin = harness.machine(process.name, new SeededRandom(seed))
        for (const { input, now, effects, members } of process.strategy.steps) {
          const out: MembershipEffect<unknown>[] = []
          twin.step(input, now, out)
          assert.deepEqual(out, effects)
          assert.deepEqual(twin.members(), members)
        }
      }
      assert.ok(bus.past.length >= harness.names.length)
    },
  },
  {
    name: 'a start makes it forget everything',
    run(given) {
      const { bus, harness } = gather(given)
      for (const name of harness.names) {
        const { strategy, spec } = bus.process(name)
        const self = { ...spec, incarnation: (spec.incarnation + 1) as Incarnation }
        const fresh = harness.machine(name as NodeName, new SeededRandom(1))
        for (const machine of [strategy, fresh]) machine.step({ type: 'start', self }, bus.clock.now(), [])
        assert.deepEqual(strategy.members(), fresh.members())
        assert.deepEqual(strategy.state(), fresh.state())
        for (const other of harness.names) {
          const to = other as NodeName
          assert.deepEqual(strategy.route(to), fresh.route(to))
          const peer = { ...bus.process(other).spec, incarnation: 0 as Incarnation }
          if (other !== name) assert.deepEqual(strategy.admit(peer), fresh.admit(peer))
        }
      }
    },
  },
  {
    name: 'it admits members and their later lives, and refuses an earlier one as that or not at all',
    run(given) {
      const { bus, harness } = gather(given)
      for (const name of harness.names) {
        const { strategy } = bus.process(name)
        for (const member of strategy.members().filter(each => each.name !== name)) {
          const life = (incarnation: number): NodeSpec => ({ ...member, incarnation: incarnation as Incarnation })
          assert.equal(strategy.admit(member), undefined)
          assert.equal(strategy.admit(life(member.incarnation + 1)), undefined)
          const earlier = strategy.admit(life(member.incarnation - 1))
          assert.deepEqual(earlier ?? stale(member), stale(member))
        }
        for (const odd of oddSpecs(bus.process(name).spec)) {
          const admission = strategy.admit(odd)
          assert.ok(admission === undefined || ['stale', 'removed', 'role'].includes(admission.type))
        }
      }
    },
  },
  {
    name: 'where it knows all members it refuses earlier lives of theirs as stale, and those that were removed as that',
    run(given) {
      const { names, capabilities, removes } = fieldOf(given).harness
      const knowing = names.filter(name => capabilities(name).includes(fullMembership))
      for (const name of knowing) {
        const { bus } = gather(given)
        const { strategy } = bus.process(name)
        const others = strategy.members().filter(member => member.name !== name)
        for (const member of others) {
          const earlier = { ...member, incarnation: (member.incarnation - 1) as Incarnation }
          assert.deepEqual(strategy.admit(earlier), stale(member), `${name} on an earlier life of ${member.name}`)
        }
        const [removed] = others
        if (removed === undefined || !removes(name)) continue
        bus.remove(name, removed.name)
        assert.ok(bus.until(() => bus.process(removed.name).told('removed').length > 0, 5_000))
        assert.equal(strategy.admit(removed)?.type, 'removed', `${name} on ${removed.name}, which it removed`)
        const later = { ...removed, incarnation: (removed.incarnation + 1) as Incarnation }
        assert.equal(strategy.admit(later), undefined, `${name} on the next life of ${removed.name}`)
      }
    },
  },
]

function stale({ incarnation }: NodeSpec): object {
  return { type: 'stale', known: incarnation }
}

/** What nobody would call a usual node. */
function oddSpecs(spec: NodeSpec): NodeSpec[] {
  const named = (name: string, more: Partial<NodeSpec> = {}): NodeSpec => ({ ...spec, name: name as NodeName, ...more })
  return [
    named('x'),
    named('__proto__'),
    named('toString', { addresses: [] }),
    named('€'.repeat(80), { role: 'nobody', attributes: { tag: 'x' } }),
    named('y', { incarnation: 0 as Incarnation, version: 2 ** 40 }),
    spec,
  ]
}

/** Inputs that keep to their contract each by itself, and follow from nothing. */
function pelt(given: StrategyHarness, seed: number): void {
  const random = new SeededRandom(seed)
  const { harness, bus } = gather(given, { seed })
  const broken: string[] = []
  const machine = harness.machine(harness.names[0] as NodeName, random.fork())
  const watched = new WatchedStrategy(machine, (rule, how) => {
    if (rule !== 'no life of a member comes back after a later one') broken.push(`${rule}: ${how}`)
  })
  const up = new Set<NodeName>()
  const armed = new Set<string>()
  const self = bus.process(harness.names[0] ?? '').spec
  const others = harness.names.slice(1).map(name => bus.process(name).spec)
  const strangers = oddSpecs(others[0] ?? self).filter(({ name }) => name !== self.name)
  let life = 0
  for (let now = 0; now < 40_000; now += 100) {
    const input = now === 0 ? startOf(self, ++life) : draw()
    if (input.type === 'start') up.clear()
    if (input.type === 'up') up.add(input.peer.name)
    if (input.type === 'down') up.delete(input.node)
    const out: MembershipEffect<unknown>[] = []
    watched.step(input, now, out)
    for (const effect of out) if (effect.type === 'arm') armed.add(effect.timer)
  }
  assert.deepEqual(broken.slice(0, 3), [])
  assert.ok(textOf(watched.members()).length > 0)

  function draw(): MembershipInput<unknown> {
    const [peer = self] = sample(random, random.next() < 0.8 ? others : strangers, 1)
    const [connected = peer] = sample(
      random,
      [...others, ...strangers].filter(({ name }) => up.has(name)),
      1,
    )
    const roll = random.next()
    if (roll < 0.2 && !up.has(peer.name)) return { type: 'up', peer }
    if (roll < 0.3) return { type: 'down', node: peer.name }
    if (roll < 0.6 && up.has(connected.name)) {
      const [original] = sample(random, bus.sent, 1)
      const message = watched.parse(original?.message)
      if (message !== undefined) return { type: 'message', from: connected, message }
    }
    if (roll < 0.7 && up.has(connected.name)) return { type: 'join', peer: connected }
    if (roll < 0.85) {
      const [timer] = sample(random, [...armed], 1)
      if (timer !== undefined) return { type: 'timer', timer }
    }
    if (roll < 0.88) return { type: 'leave' }
    if (roll < 0.92) return { type: 'remove', node: peer.name }
    if (roll < 0.94) return startOf(self, ++life)
    if (roll < 0.97) return { type: 'rtt', node: peer.name, millis: random.next() * 100 }
    return { type: 'reserve', tag: 'vip' }
  }
}

function startOf(spec: NodeSpec, life: number): MembershipInput<unknown> {
  return { type: 'start', self: { ...spec, incarnation: life as Incarnation } }
}
