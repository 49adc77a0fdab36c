import { InvalidOptionError } from '../../core/errors.js'
import { isRecord } from '../../core/name.js'
import type { NodeName } from '../../core/node.js'
import { checkKeys } from '../../core/option-keys.js'
import type { Random, SeededRandom } from '../../core/random.js'
import type { Clock, Millis } from '../../core/time.js'
import { checkAnswer, checkArray, checkFunction, isCount, isDuration } from '../../manager/checks.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { Untyped } from '../../manager/servers.js'
import type { Simulation } from '../simulation/simulation.js'
import type { SimulationOptions } from '../simulation/simulation-options.js'
import { type FaultName, faultNames } from './planned-fault.js'

/** What an operation may use. */
export interface OperationContext<Servers = Untyped> {
  readonly net: Simulation<Servers>
  /** The node that the client talks to, in the life in which the operation began. */
  readonly node: PeerServiceManager<Servers>
  readonly name: NodeName
  /** The node's own: it stands still while the node is paused, and ends with it. */
  readonly clock: Clock
  /** The operation's own: what others draw does not disturb it. */
  readonly random: SeededRandom
}

/**
 * What a client does at a node. A promise that it returns has to settle before the history ends, unless the node
 * crashes. Rejecting with a `MaquisError` is an outcome; any other error is a violation.
 */
export type Operation<Servers = Untyped> = (context: OperationContext<Servers>) => unknown

/** An application, what its clients do, and what it promises: what histories are made of. */
export interface Scenario<Servers = Untyped> extends Omit<SimulationOptions<Servers>, 'seed'> {
  /** What clients do, by name. Each is drawn many times, at random nodes. */
  readonly operations: Readonly<Record<string, Operation<Servers>>>
  /** How often each is drawn in comparison. Default 1. The seed varies it. */
  readonly weights?: Readonly<Record<string, number>>
  /** Which faults may occur at all. Default: all. The seed draws some of them, and how often and long they occur. */
  readonly faults?: readonly FaultName[]
  /** The most operations and faults of a history; the seed draws how many. Default 60. */
  readonly steps?: number
  /** A history that needs more events than this does not come to rest: a violation. Default 1,000,000. */
  readonly stepsMax?: number
  /** Throws when a promise is broken; to return a boolean or a promise is a violation. Called after every event. */
  readonly check?: (net: Simulation<Servers>) => void
  /**
   * Whether the application is at rest, once the cluster is and every operation has ended: whether nodes that were
   * removed have come back, say. Default: it is.
   */
  readonly atRest?: (net: Simulation<Servers>) => boolean
  /**
   * Throws, or rejects, when something is not as it must be in the end. Called once, when every fault has been mended,
   * the cluster is at rest and every operation has ended. It may send messages of its own and let time pass.
   */
  readonly settled?: (net: Simulation<Servers>) => void | Promise<void>
  /** How long it may take until everything is at rest after the faults, in simulated time. Default 60,000. */
  readonly within?: Millis
}

/**
 * Makes the scenario of one history: called anew for each, so that what it remembers belongs to that history alone.
 * It may draw its configuration from `random`.
 */
export type MakeScenario<Servers = Untyped> = (random: Random) => Scenario<Servers>

/** A scenario with its defaults. */
export interface ResolvedScenario<Servers> {
  readonly simulation: Omit<SimulationOptions<Servers>, 'seed'>
  readonly operations: ReadonlyMap<string, Operation<Servers>>
  readonly weights: Readonly<Record<string, number>>
  readonly faults: readonly FaultName[]
  readonly steps: number
  readonly stepsMax: number
  readonly check: (net: Simulation<Servers>) => void
  readonly atRest: (net: Simulation<Servers>) => boolean
  readonly settled: (net: Simulation<Servers>) => void | Promise<void>
  readonly within: Millis
}

/** Checks what a caller gave. Throws an {@link InvalidOptionError} that names the option. */
export function resolveScenario<Servers>(scenario: Scenario<Servers>): ResolvedScenario<Servers> {
  if (!isRecord(scenario)) throw new InvalidOptionError('scenario', 'a plain object', scenario)
  const { operations, weights = {}, faults = faultNames, steps = 60, stepsMax = 1_000_000, ...rest } = scenario
  const { check = () => {}, atRest = () => true, settled = () => {}, within = 60_000, ...simulation } = rest
  checkKeys('operations', operations, Object.keys(operations ?? {}))
  for (const [name, operation] of Object.entries(operations)) checkFunction(`operations.${name}`, operation)
  checkKeys('weights', weights, Object.keys(operations))
  for (const [name, weight] of Object.entries(weights)) {
    if (!isDuration(weight)) throw new InvalidOptionError(`weights.${name}`, 'a number, 0 or more', weight)
  }
  checkArray('faults', faults)
  for (const fault of faults) {
    if (!faultNames.includes(fault)) throw new InvalidOptionError('faults', `some of ${faultNames.join(', ')}`, fault)
  }
  if (!isCount(steps)) throw new InvalidOptionError('steps', 'a whole number', steps)
  if (!isCount(stepsMax)) throw new InvalidOptionError('stepsMax', 'a whole number', stepsMax)
  if (!isDuration(within)) throw new InvalidOptionError('within', 'milliseconds', within)
  checkFunction('check', check)
  checkFunction('atRest', atRest)
  checkFunction('settled', settled)
  return {
    ...{ simulation, weights, faults, steps, stepsMax, within },
    operations: new Map(Object.entries(operations)),
    check: net => {
      const answer: unknown = check(net)
      checkAnswer('check', answer)
      checkNoVerdict('check', answer)
    },
    atRest: net => {
      const rests = atRest(net)
      checkAnswer('atRest', rests)
      return rests
    },
    settled: async net => checkNoVerdict('settled', await settled(net)),
  }
}

/** Whoever returns `false` means that a promise was broken, and nobody would look at it. */
function checkNoVerdict(option: string, answer: unknown): void {
  if (typeof answer !== 'boolean') return
  throw new InvalidOptionError(option, 'a function that throws when something is wrong, and returns nothing', answer)
}
