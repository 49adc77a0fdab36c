import assert from 'node:assert/strict'
import type { NodeName } from '../../core/node.js'
import type { MembershipEffect } from '../../membership/strategy.js'
import { fieldOf, gather, joinAll, joiners, joinSeeds, type StrategyCase, settle, whole } from './strategy-harness.js'
import { strategyHistory } from './strategy-history.js'

/** What is promised of several machines together. */
export const clusterCases: readonly StrategyCase[] = [
  {
    name: 'a join makes each count whom it should, and says so to the one that joined',
    run(given) {
      for (const [joiner, joined] of joiners(fieldOf(given))) {
        const field = fieldOf(given)
        const { bus, harness } = field
        const both = [joiner, joined].sort()
        for (const name of both) bus.start(name)
        bus.join(joiner, joined)
        assert.ok(bus.until(() => bus.process(joiner).told('joined').length > 0, 5_000))
        const counted = harness.expected(joined, both).includes(joiner)
        assert.equal(bus.process(joined).members.includes(joiner as NodeName), counted)
        assert.deepEqual(bus.process(joiner).told('joined')[0], { type: 'joined', peer: joined })
        settle(field, both)
      }
    },
  },
  {
    name: 'who joins one member of a cluster is known to all; where nobody is told of third parties, to that one alone',
    run(given) {
      const field = gather(given, {}, -1)
      const { bus, harness } = field
      const late = harness.names.at(-1) ?? ''
      bus.start(late)
      const [seed = ''] = harness.seeds(late)
      bus.join(late, seed)
      if (!harness.gossips) {
        bus.run(10_000)
        assert.deepEqual(bus.process(late).members, [seed, late].sort())
        joinSeeds(field, late)
      }
      settle(field, harness.names, 2_000)
      assert.ok(bus.process(late).told('joined').length > 0)
    },
  },
  {
    name: 'a join whose answer was lost is answered when it is asked again',
    run(given) {
      for (const [joiner, joined] of joiners(fieldOf(given)).slice(0, 4)) {
        const field = fieldOf(given)
        const { bus } = field
        for (const name of [joiner, joined]) bus.start(name)
        bus.loses = (_from, to) => to === joiner
        bus.join(joiner, joined)
        bus.run(2_500)
        assert.deepEqual(bus.process(joiner).told('joined'), [])
        bus.loses = () => false
        assert.ok(bus.until(() => bus.process(joiner).told('joined').length > 0, 3_000))
        settle(field, [joiner, joined].sort())
      }
    },
  },
  {
    name: 'clusters that grew apart become one by a single join, or by those that make members of each other',
    run(given) {
      const field = fieldOf(given)
      const { bus, harness } = field
      const [bridge, joined] = joiners(field).at(-1) ?? ['', '']
      const islands = [harness.names.filter(name => name !== bridge), [bridge]]
      for (const name of harness.names) bus.start(name)
      for (const island of islands) for (const name of island) joinSeeds(field, name, island)
      settle(field, islands[0] ?? [])
      bus.join(bridge, joined)
      if (!harness.gossips) joinAll(field)
      settle(field, harness.names, 10_000)
    },
  },
  {
    name: 'what is lost on the way is made good, though no connection is: a join, and a leave',
    run(given) {
      const { names, expected, seeds } = fieldOf(given).harness
      const late = names.at(-1) ?? ''
      for (const deaf of names.filter(name => name !== late && expected(name, names).includes(late))) {
        const field = gather(given, {}, -1)
        const { bus, harness } = field
        bus.start(late)
        const [seed = ''] = seeds(late).filter(name => name !== deaf)
        bus.loses = (_from, to) => to === deaf
        if (harness.gossips) bus.join(late, seed)
        else joinSeeds(field, late)
        bus.run(3_000)
        bus.loses = () => false
        settle(field, names, 30_000)
        bus.loses = (_from, to) => to === deaf
        bus.leave(late)
        bus.run(3_000)
        bus.loses = () => false
        settle(field, names.slice(0, -1), 30_000)
      }
    },
  },
  {
    name: 'that a peer is down says nothing about membership',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const [gone = '', ...others] = [...harness.names].reverse()
      const before = others.map(name => bus.process(name).members.join())
      bus.kill(gone)
      bus.run(120_000)
      if (!harness.keepsDown) {
        // Who is down gives its place to others, and no more than that: it gets one again when it is back.
        settle(field, [...others].sort(), 0)
        bus.start(gone)
        settle(field, harness.names, 60_000)
      }
      assert.deepEqual(
        others.map(name => bus.process(name).members.join()),
        before,
      )
      for (const one of harness.names) for (const other of harness.names) bus.lose(one, other)
      assert.deepEqual(
        others.map(name => bus.process(name).members.join()),
        before,
      )
      bus.run(10_000)
      whole(field)
    },
  },
  {
    name: 'a new life of a node takes the place of the old one, in the same process and in another',
    run(given) {
      for (const again of [true, false]) {
        for (const name of fieldOf(given).harness.names) {
          const field = gather(given)
          const { bus, harness } = field
          if (again) bus.stop(name)
          else bus.kill(name)
          bus.run(1_000)
          const { spec } = bus.start(name, { again })
          joinSeeds(field, name)
          settle(field, harness.names, 10_000)
          for (const other of bus.running) {
            const known = other.strategy.members().find(member => member.name === name)
            if (known !== undefined) assert.equal(known.incarnation, spec.incarnation)
          }
        }
      }
    },
  },
  {
    name: 'where nodes are told of third parties, who hears of a later life of its name says that it is superseded',
    run(given) {
      if (!fieldOf(given).harness.gossips) return
      for (const name of fieldOf(given).harness.names) {
        const field = gather(given)
        const { bus, harness } = field
        const before = bus.process(name)
        bus.kill(name)
        bus.sent.length = 0
        const { spec } = bus.start(name)
        joinSeeds(field, name)
        settle(field, harness.names, 10_000)
        // Where views are partial it may take its time until anybody names it to anybody.
        bus.run(60_000)
        assert.equal(before.told('superseded').length, 0)
        // What the others say now comes to the earlier life, too, which did not end as they believe.
        const effects: MembershipEffect<unknown>[] = []
        for (const { from, message } of bus.sent.filter(sent => sent.from !== name)) {
          const input = {
            type: 'message',
            from: bus.process(from).spec,
            message: before.strategy.parse(message),
          } as const
          if (input.message !== undefined) before.strategy.step(input, bus.clock.now(), effects)
        }
        const known = effects.flatMap(effect =>
          effect.type === 'notify' && effect.event.type === 'superseded' ? [effect.event.known] : [],
        )
        assert.deepEqual([...new Set(known)], [spec.incarnation], `${name} does not say which life supersedes it`)
      }
    },
  },
  {
    name: 'a node that starts again and knows nobody is taken back by those who dial it',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const [first = ''] = harness.names
      bus.kill(first)
      bus.run(1_000)
      bus.start(first)
      settle(field, harness.names, 30_000)
    },
  },
  {
    name: 'an ended life of a node is not brought back by what is said of it',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const [[first, second] = ['', '']] = joiners(field)
      bus.leave(first)
      bus.run(1_000)
      const old = bus.sent.filter(({ from, to }) => from === first && to === second)
      bus.stop(first)
      bus.start(first)
      if (harness.gossips) joinSeeds(field, first)
      else joinAll(field)
      settle(field, harness.names, 10_000)
      const process = bus.process(second)
      assert.ok(process.isUp(first as NodeName))
      // What it said in its last life, its leave among it, as if it were said now.
      for (const { message } of old) {
        const parsed = process.strategy.parse(message)
        if (parsed !== undefined) process.step({ type: 'message', from: bus.process(first).spec, message: parsed })
        assert.ok(process.members.includes(first as NodeName), JSON.stringify(message))
      }
      bus.run(5_000)
      settle(field, harness.names, 5_000)
    },
  },
  {
    name: 'both halves of a cluster that was split go on, and what each learnt holds after it',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const leaver = harness.names.at(-1) ?? ''
      const half = harness.names.slice(0, Math.ceil(harness.names.length / 2))
      const other = harness.names.filter(name => !half.includes(name))
      bus.split(half, other)
      bus.run(5_000)
      for (const name of harness.names) {
        const there = harness.keepsDown ? harness.names : half.includes(name) ? half : other
        assert.deepEqual(bus.process(name).members, harness.expected(name, there))
      }
      bus.leave(leaver)
      bus.run(3_000)
      bus.stop(leaver)
      bus.heal()
      const rest = harness.names.filter(name => name !== leaver)
      const told = other.filter(name => name !== leaver && harness.expected(name, harness.names).includes(leaver))
      if (told.length > 0) settle(field, rest, 30_000)
      bus.run(10_000)
      whole(field)
    },
  },
  {
    name: 'an idle cluster sends few messages, also while a member is down',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const count = (): number => {
        bus.run(30_000)
        bus.sent.length = 0
        bus.run(60_000)
        return bus.sent.length / harness.names.length / 60
      }
      const idle = count()
      assert.ok(idle <= harness.idleMessages, `${idle} messages per node and second`)
      bus.kill(harness.names.at(-1) ?? '')
      const missing = count()
      assert.ok(missing <= harness.idleMessages, `${missing} messages per node and second while one is down`)
      whole(field)
    },
  },
  {
    name: 'whatever happened to a cluster, once all is mended each counts whom it should (30 histories)',
    run(given) {
      for (let seed = 1; seed <= 30; seed++) {
        try {
          const field = strategyHistory(given, seed)
          settle(field, field.harness.names)
          // It has to stay so.
          field.bus.run(10_000)
          settle(field, field.harness.names, 0)
          const superseded = field.bus.past.map(({ process }) => process.superseded)
          assert.deepEqual(
            superseded.filter(known => known !== undefined),
            [],
            'all are the latest of their names',
          )
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
        }
      }
    },
  },
]
