import { InvalidOptionError } from '../../core/errors.js'
import type { NodeName } from '../../core/node.js'
import { checkKeys } from '../../core/option-keys.js'
import { checkArray, checkDuration, isCount } from '../../manager/checks.js'
import type { Plan } from './plan.js'
import { type FaultName, faultNames, type PlannedFault } from './planned-fault.js'

/** What a plan may name. */
export interface PlanContext {
  /** The nodes of the scenario. */
  readonly nodes: readonly NodeName[]
  /** The names of its operations. */
  readonly operations: readonly string[]
}

/**
 * Checks that each action of a plan means something in a scenario: one that was kept, and names what was renamed since,
 * would run and test nothing. Throws an {@link InvalidOptionError} that names the place.
 */
export function checkPlan(plan: Plan, { nodes, operations }: PlanContext): void {
  checkKeys('plan', plan, ['seed', 'nodes', 'actions', 'heals'])
  checkWhole('plan.seed', plan.seed)
  checkDuration('plan.heals', plan.heals)
  checkGroup('plan.nodes', plan.nodes, nodes)
  checkArray('plan.actions', plan.actions)
  const context = { nodes: plan.nodes, operations }
  for (const [index, action] of plan.actions.entries()) checkAction(`plan.actions[${index}]`, action, context)
}

type Check = (option: string, given: unknown, context: PlanContext) => void
type Fields = Readonly<Record<string, Check>>

/** What is in each fault beside its name. */
type FaultFields = {
  readonly [Name in FaultName]: {
    readonly [Field in Exclude<keyof Extract<PlannedFault, { readonly fault: Name }>, 'fault'>]: Check
  }
}

function checkAction(option: string, action: unknown, context: PlanContext): void {
  const { type, fault } = (action ?? {}) as { readonly type?: unknown; readonly fault?: unknown }
  if (type === 'operation') return checkFields(option, action, operationFields, context)
  if (type !== 'fault') throw new InvalidOptionError(`${option}.type`, `'operation' or 'fault'`, type)
  const name = faultNames.find(known => known === fault)
  if (name === undefined) throw new InvalidOptionError(`${option}.fault`, `one of ${faultNames.join(', ')}`, fault)
  checkFields(option, action, { at: checkDuration, type: known, fault: known, ...faultFields[name] }, context)
}

function checkFields(option: string, given: unknown, fields: Fields, context: PlanContext): void {
  checkKeys(option, given, Object.keys(fields))
  for (const [name, check] of Object.entries(fields)) {
    check(`${option}.${name}`, (given as Readonly<Record<string, unknown>>)[name], context)
  }
}

const known: Check = () => {}

const node: Check = (option, given, { nodes }) => {
  if (!nodes.includes(given as NodeName)) throw new InvalidOptionError(option, `one of ${nodes.join(', ')}`, given)
}

const operation: Check = (option, given, { operations }) => {
  if (operations.includes(given as string)) return
  throw new InvalidOptionError(
    option,
    `an operation of the scenario (${operations.join(', ') || 'it has none'})`,
    given,
  )
}

const group: Check = (option, given, { nodes }) => checkGroup(option, given, nodes)

const count: Check = (option, given) => {
  if (!isCount(given)) throw new InvalidOptionError(option, 'a whole number, 0 or more', given)
}

const aboveZero: Check = (option, given) => {
  if (!(typeof given === 'number' && given > 0 && Number.isFinite(given))) {
    throw new InvalidOptionError(option, 'a number above 0', given)
  }
}

/** An array, each of which has these fields. */
function listOf(fields: Fields): Check {
  return (option, given, context) => {
    checkArray(option, given)
    for (const [index, each] of given.entries()) checkFields(`${option}[${index}]`, each, fields, context)
  }
}

const lasts: Check = checkDuration
const ends = { from: node, to: node }
const groups = { one: group, other: group, lasts }

const operationFields: Fields = { at: checkDuration, type: known, name: operation, node, seed: checkWhole }

const faultFields: FaultFields = {
  ...{ partition: groups, 'one-way': groups, bridge: groups, flapping: { ...groups, every: aboveZero } },
  ...{ isolate: { node, lasts }, crash: { node, lasts }, 'power-loss': { node, lasts }, pause: { node, lasts } },
  ...{ lose: ends, 'half-open': ends, 'one-sided-end': ends, disconnect: ends },
  ...{ clog: { ...ends, lasts }, refuse: { ...ends, lasts }, hang: { ...ends, lasts }, stall: { ...ends, lasts } },
  ...{ 'lose-one': { ...ends, connection: count }, 'half-open-one': { ...ends, connection: count } },
  'stall-one': { ...ends, connection: count, lasts },
  'swizzle-clog': { links: listOf({ ...ends, after: checkDuration, lasts }) },
  'slow-network': { factor: aboveZero, lasts },
  'crash-busy': { node, operation, seed: checkWhole, events: count, lasts },
  blackout: { nodes: listOf({ node, lasts }) },
  slow: { node, lag: checkDuration, lasts },
  'wall-jump': { node, by: checkWhole },
  'inject-partition': { from: node, origin: node, ttl: count, resolver: node, lasts },
}

function checkWhole(option: string, given: unknown): void {
  if (!Number.isSafeInteger(given)) throw new InvalidOptionError(option, 'a whole number', given)
}

function checkGroup(option: string, given: unknown, nodes: readonly NodeName[]): void {
  checkArray(option, given)
  if (given.length === 0) throw new InvalidOptionError(option, 'at least one node')
  const stranger = given.findIndex(each => !nodes.includes(each as NodeName))
  if (stranger !== -1) throw new InvalidOptionError(option, `some of ${nodes.join(', ')}`, given[stranger])
}
