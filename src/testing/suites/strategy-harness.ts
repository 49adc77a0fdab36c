import assert from 'node:assert/strict'
import type { NodeName, NodeSpec } from '../../core/node.js'
import type { Random } from '../../core/random.js'
import type { Millis } from '../../core/time.js'
import type { MembershipStrategy } from '../../membership/strategy.js'
import { StrategyBus, type StrategyBusOptions } from './strategy-bus.js'
import type { StrategyProcess } from './strategy-process.js'
import type { StrategyRule } from './watched-strategy.js'

/** What the cases need of a strategy under test. Only `machine` has to be there. */
export interface StrategyHarness {
  /** A new machine for a node of that name. Chance comes from `random` alone. */
  machine(name: NodeName, random: Random): MembershipStrategy
  /** The nodes of a cluster; five or so. Default `a` to `e`. */
  readonly names?: readonly string[]
  /** What the spec of a node tells beside its name and life, such as its role. */
  readonly spec?: (name: string) => Partial<NodeSpec>
  /** Whom a node joins when it starts. Default: the first two of the others. */
  readonly seeds?: (name: string) => readonly string[]
  /**
   * Whom the overlay makes a node count as members, itself included, in order of names, when all of `all` are in the
   * cluster and can reach each other. Default: all.
   */
  readonly expected?: (node: string, all: readonly string[]) => readonly string[]
  /** Whether nodes are told of members that they have not joined, nor were joined by. Default true. */
  readonly gossips?: boolean
  /** Whether that node takes others out of the cluster, or answers `denied`. Default: every node does. */
  readonly removes?: (name: string) => boolean
  /** Whether a member that is down stays a member for as long as others are up. Default true. */
  readonly keepsDown?: boolean
  /** As many messages as a node of an idle cluster sends in a second. Default 2. */
  readonly idleMessages?: number
}

/** One promise that every strategy keeps. */
export interface StrategyCase {
  readonly name: string
  /** Checks it; throws when it was broken. */
  readonly run: (harness: StrategyHarness) => void
}

/** A bus, and what the strategies on it did against the rules. */
export interface Field {
  readonly harness: Required<StrategyHarness>
  readonly bus: StrategyBus
  readonly broken: { readonly rule: StrategyRule; readonly how: string }[]
}

export function fieldOf(given: StrategyHarness, options: Partial<StrategyBusOptions> = {}): Field {
  const harness = withDefaults(given)
  const broken: Field['broken'] = []
  const bus = new StrategyBus({
    machine: (name, random) => harness.machine(name, random),
    spec: harness.spec,
    broken: (rule, how) => void broken.push({ rule, how }),
    ...options,
  })
  return { harness, bus, broken }
}

/** A cluster of these nodes, each of which has joined its seeds. Nothing is wrong with it. */
export function gather(given: StrategyHarness, options: Partial<StrategyBusOptions> = {}, count?: number): Field {
  const field = fieldOf(given, options)
  const names = field.harness.names.slice(0, count)
  for (const name of names) field.bus.start(name)
  for (const name of names) joinSeeds(field, name, names)
  settle(field, names)
  return field
}

/** The node joins its seeds, as far as they are among `names`. */
export function joinSeeds({ bus, harness }: Field, name: string, names: readonly string[] = harness.names): void {
  for (const seed of harness.seeds(name)) if (names.includes(seed)) bus.join(name, seed)
}

/** Every node joins its seeds, as managers do again and again. */
export function joinAll(field: Field): void {
  for (const name of field.harness.names) joinSeeds(field, name)
}

/** Lets time pass until every node of `all` counts whom it should, and asserts that it comes to that. */
export function settle(field: Field, all: readonly string[], within: Millis = 60_000): void {
  const settled = field.bus.until(() => unsettled(field, all) === undefined, within)
  assert.ok(settled, `not within ${within} ms: ${unsettled(field, all)}`)
  whole(field)
}

/** What is not as the overlay says it should be; undefined when all is. */
export function unsettled({ bus, harness }: Field, all: readonly string[]): string | undefined {
  for (const name of all) {
    const { members, strategy } = bus.process(name)
    const expected = harness.expected(name, all)
    if (members.join() !== expected.join()) return `${name} counts ${members.join()} and not ${expected.join()}`
    for (const { name: member, incarnation } of strategy.members()) {
      const { spec } = bus.process(member)
      if (spec.incarnation !== incarnation) return `${name} counts an earlier life of ${member}`
    }
    for (const member of expected) {
      if (member !== name && !bus.process(name).isUp(member as NodeName)) {
        const routed = strategy.route(member as NodeName).some(hop => bus.process(name).isUp(hop.name))
        if (!routed) return `${name} has no way to ${member}`
      }
    }
  }
  return undefined
}

/** Asserts that no rule was broken, or none of these. */
export function whole({ broken }: Field, ...rules: readonly StrategyRule[]): void {
  const counted = broken.filter(({ rule }) => rules.length === 0 || rules.includes(rule))
  assert.deepEqual(counted.slice(0, 3), [])
}

/** Two of the names, the first of which joins the second. */
export function joiners({ harness }: Field): readonly [joiner: string, joined: string][] {
  return harness.names.flatMap(name => harness.seeds(name).map((seed): [string, string] => [name, seed]))
}

/** The answer of the strategy to a removal. */
export function answered(process: StrategyProcess, node: string): boolean {
  return process.events.some(event => (event.type === 'told' || event.type === 'denied') && event.node === node)
}

function withDefaults(given: StrategyHarness): Required<StrategyHarness> {
  const { names = ['a', 'b', 'c', 'd', 'e'] } = given
  return {
    machine: (name, random) => given.machine(name, random),
    names,
    spec: given.spec ?? (() => ({})),
    seeds: given.seeds ?? (name => names.filter(other => other !== name).slice(0, 2)),
    expected: given.expected ?? ((_node, all) => [...all].sort()),
    gossips: given.gossips ?? true,
    keepsDown: given.keepsDown ?? true,
    removes: given.removes ?? (() => true),
    idleMessages: given.idleMessages ?? 2,
  }
}
