import assert from 'node:assert/strict'
import type { NodeName } from '../../core/node.js'
import {
  answered,
  type Field,
  fieldOf,
  gather,
  joinAll,
  joinSeeds,
  type StrategyCase,
  settle,
  unsettled,
  whole,
} from './strategy-harness.js'

/** What is promised when a node leaves, or is removed. */
export const leavingCases: readonly StrategyCase[] = [
  {
    name: 'a leave is over when the others have heard of it: the node is alone, and they do not count it',
    run(given) {
      for (const leaver of fieldOf(given).harness.names) {
        const field = gather(given)
        const { bus, harness } = field
        const process = bus.process(leaver)
        bus.leave(leaver)
        assert.ok(
          bus.until(() => process.told('told').length > 0, 500),
          'nobody has to be waited for',
        )
        assert.deepEqual([process.told('told')[0], process.members], [{ type: 'told', node: leaver }, [leaver]])
        const others = harness.names.filter(name => name !== leaver)
        for (const other of others) {
          const knew = harness.expected(other, harness.names).includes(leaver)
          if (knew) settleSoon(field, other, others)
        }
        settle(field, others, 5_000)
        bus.run(20_000)
        settle(field, others, 0)
        assert.deepEqual(process.members, [leaver])
      }
    },
  },
  {
    name: 'a leave is said to be told when those who are connected have heard of it, and not before',
    run(given) {
      for (const leaver of fieldOf(given).harness.names) {
        // Slow enough to see who has heard.
        const { bus, harness } = gather(given, { latency: [50, 60] })
        const process = bus.process(leaver)
        const peers = harness.names.filter(name => process.isUp(name as NodeName)).map(name => bus.process(name))
        bus.leave(leaver)
        assert.ok(bus.until(() => process.told('told').length > 0, 5_000))
        const unaware = peers.filter(({ members }) => members.includes(leaver as NodeName)).map(({ name }) => name)
        assert.equal(unaware.join(), '', `${leaver} said that it had told before all had heard`)
      }
    },
  },
  {
    name: 'a leave ends also when nobody answers, or nobody is there',
    run(given) {
      for (const leaver of fieldOf(given).harness.names.slice(0, 3)) {
        const deaf = gather(given)
        deaf.bus.loses = () => true
        deaf.bus.leave(leaver)
        assert.ok(deaf.bus.until(() => deaf.bus.process(leaver).told('told').length > 0, 5_000))
        whole(deaf)
        const alone = fieldOf(given)
        alone.bus.start(leaver)
        alone.bus.leave(leaver)
        assert.ok(alone.bus.until(() => alone.bus.process(leaver).told('told').length > 0, 5_000))
        alone.bus.leave(leaver)
        assert.ok(
          alone.bus.until(() => alone.bus.process(leaver).told('told').length > 1, 5_000),
          'a second time',
        )
        whole(alone)
      }
    },
  },
  {
    name: 'who has left comes back by a join, in a later life',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      const leaver = harness.names.at(-1) ?? ''
      const { incarnation } = bus.process(leaver).spec
      bus.leave(leaver)
      bus.run(3_000)
      joinSeeds(field, leaver)
      settle(field, harness.names, 10_000)
      assert.ok(bus.process(leaver).spec.incarnation > incarnation)
    },
  },
  {
    name: 'a removal is answered: all hear of it and the removed node is alone, or it is denied and nothing happens',
    run(given) {
      for (const [remover, removed] of pairsOf(fieldOf(given))) {
        const field = gather(given)
        const { bus, harness } = field
        bus.remove(remover, removed)
        const process = bus.process(remover)
        assert.ok(bus.until(() => answered(process, removed), 5_000))
        if (!harness.removes(remover)) {
          assert.equal(process.told('told').length, 0)
          bus.run(5_000)
          settle(field, harness.names, 0)
          continue
        }
        assert.equal(process.told('denied').length, 0)
        assert.ok(bus.until(() => bus.process(removed).told('removed').length > 0, 5_000))
        settle(
          field,
          harness.names.filter(name => name !== removed),
          10_000,
        )
        assert.deepEqual(bus.process(removed).members, [removed])
        joinSeeds(field, removed)
        if (!harness.gossips) joinAll(field)
        settle(field, harness.names, 10_000)
      }
    },
  },
  {
    name: 'a removal of somebody unknown, or twice, is answered as well',
    run(given) {
      const field = gather(given)
      const { bus, harness } = field
      for (const name of harness.names) {
        for (const node of ['nobody', 'nobody']) {
          bus.process(name).events.length = 0
          bus.remove(name, node)
          assert.ok(bus.until(() => answered(bus.process(name), node), 5_000))
        }
      }
      settle(field, harness.names, 0)
    },
  },
]

function settleSoon(field: Field, node: string, all: readonly string[]): void {
  const { bus, harness } = field
  const expected = harness.expected(node, all).join()
  assert.ok(
    bus.until(() => bus.process(node).members.join() === expected, 1_000),
    unsettled(field, all),
  )
}

/** Pairs of nodes that count each other, each node once as the first. */
function pairsOf({ harness }: Field): [string, string][] {
  return harness.names.flatMap(name => {
    const others = harness.expected(name, harness.names).filter(other => other !== name)
    return others.slice(-1).map((other): [string, string] => [name, other])
  })
}
