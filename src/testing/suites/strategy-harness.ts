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
  /**
   * What the overlay can do at that node beside what every manager can. Default: `full-membership` where the node is
   * told of everybody, and nothing where it is not.
   */
  readonly capabilities?: (name: string) => readonly string[]
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
export function unsettled(field: Field, all: readonly string[]): string | undefined {
  const { bus, harness } = field
  for (const name of all) {
    const { members, strategy } = bus.process(name)
    const expected = harness.expected(name, all)
    if (members.join() !== expected.join()) return `${name} counts ${members.join()} and not ${expected.join()}`
    for (const { name: member, incarnation } of strategy.members()) {
      const { spec } = bus.process(member)
      if (spec.incarnation !== incarnation) return `${name} counts an earlier life of ${member}`
    }
    for (const member of expected) {
      const way = member === name ? undefined : lost(field, name, member)
      if (way !== undefined) return way
    }
  }
  return undefined
}

/** Why messages from `from` do not come to `to`, hop by hop, in a cluster that is whole; undefined when they do. */
function lost({ bus }: Field, from: string, to: string): string | undefined {
  const reached = new Set([from])
  // Breadth first: whichever of its hops a node takes, one that leads back only is no way.
  for (const at of reached) {
    const process = bus.process(at)
    const hops = process.strategy.route(to as NodeName).filter(({ name }) => process.isUp(name))
    if (hops.length === 0) return `${from} has no way to ${to}: it ends at ${at}`
    for (const { name } of hops) if (name !== to) reached.add(name)
    if (hops.some(({ name }) => name === to)) return undefined
  }
  return `${from} has no way to ${to}: routes lead round ${[...reached].join(', ')}`
}

/** Asserts that no rule was broken, or none of these. */
export function whole({ broken }: Field, ...rules: readonly StrategyRule[]): void {
  const counted = broken.filter(({ rule }) => rules.length === 0 || rules.includes(rule))
  const told = counted.slice(0, 3).map(({ rule, how }) => `${rule}. Not so: ${how}`)
  if (told.length > 0) assert.fail(told.join('\n'))
}

/** Two of the names, the first of which joins the second. */
export function joiners({ harness }: Field): readonly [joiner: string, joined: string][] {
  return harness.names.flatMap(name => harness.seeds(name).map((seed): [string, string] => [name, seed]))
}

/** The answer of the strategy to a removal. */
export function answered(process: StrategyProcess, node: string): boolean {
  return process.events.some(event => (event.type === 'told' || event.type === 'denied') && event.node === node)
}

/** What a strategy claims whose members list all the others. */
export const fullMembership = 'full-membership'

function withDefaults(given: StrategyHarness): Required<StrategyHarness> {
  const { names = ['a', 'b', 'c', 'd', 'e'], gossips = true } = given
  const expected = given.expected ?? ((_node, all) => [...all].sort())
  const knowsAll = (name: string): boolean => gossips && expected(name, names).length === names.length
  return {
    machine: (name, random) => given.machine(name, random),
    names,
    spec: given.spec ?? (() => ({})),
    seeds: given.seeds ?? (name => names.filter(other => other !== name).slice(0, 2)),
    expected,
    gossips,
    keepsDown: given.keepsDown ?? true,
    removes: given.removes ?? (() => true),
    capabilities: given.capabilities ?? (name => (knowsAll(name) ? [fullMembership] : [])),
    idleMessages: given.idleMessages ?? 2,
  }
}
