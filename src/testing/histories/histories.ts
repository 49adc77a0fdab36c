import { InvalidOptionError } from '../../core/errors.js'
import { checkKeys } from '../../core/option-keys.js'
import type { Millis } from '../../core/time.js'
import { checkBoolean, checkFunction, isCount } from '../../manager/checks.js'
import type { Untyped } from '../../manager/servers.js'
import { firstIndex, firstMoment } from '../checkers/checker.js'
import { combineDigests } from '../simulation/digest.js'
import { seededFor } from '../simulation/simulated-faults.js'
import { checkSimulationOptions } from '../simulation/simulation-options.js'
import { checkPlan } from './check-plan.js'
import { describeEvent } from './describe-event.js'
import { HistoryError } from './history-error.js'
import type { HistoryEvent } from './history-event.js'
import { type HistoryReport, HistoryRun } from './history-run.js'
import { describePlan, drawPlan, type Plan } from './plan.js'
import { type MakeScenario, resolveScenario } from './scenario.js'
import { shrinkPlan } from './shrink-plan.js'

/** How many histories, and what to do with those that fail. */
export interface SearchOptions {
  /** One for each seed, from `seed` on. */
  readonly histories: number
  /** The first seed. Default 1. The last one has to be a safe integer, too. */
  readonly seed?: number
  /** Whether the plan of a failure is made as small as it can be. Default true. */
  readonly shrink?: boolean
  /** The most runs that shrinking one plan may take. Default 500. */
  readonly shrinkRuns?: number
  /** The search ends at so many failures. Default 10. */
  readonly failuresMax?: number
  /** Told of each history, before a failure is shrunk. */
  readonly progress?: (report: HistoryReport) => void
}

/** A history that broke a promise. */
export interface HistoryFailure {
  readonly seed: number
  /** Of the plan below. */
  readonly violations: readonly string[]
  /** What was thrown, where something was. */
  readonly cause?: unknown
  /** As small as it could be made. */
  readonly plan: Plan
  /** The plan, what was broken, what happened about then, and how to run it again: for people. */
  readonly text: string
}

/** What a search found. */
export interface SearchReport {
  /** How many were run. */
  readonly histories: number
  /** Over all their digests: equal for equal seeds. */
  readonly digest: string
  /** Events that were run, and time that passed, in all of them. */
  readonly steps: number
  readonly simulated: Millis
  /** How operations ended, and how often. One that never ends with `ok` tests little. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly failures: readonly HistoryFailure[]
}

/**
 * Runs one history: what the seed draws, or the given plan, which may name only what the scenario has. Faults and
 * operations come first, with `check` after every event; then everything is mended, the cluster has to come to rest,
 * every operation to end, and `settled` is called. The first thing that is wrong ends it. Equal scenario, seed and plan
 * give equal reports, digest included.
 *
 * @throws `InvalidOptionError` the scenario cannot be meant so, or the plan in this scenario.
 */
export async function runHistory<Servers = Untyped>(
  make: MakeScenario<Servers>,
  seed: number,
  plan?: Plan,
): Promise<HistoryReport> {
  if (!Number.isSafeInteger(seed)) throw new InvalidOptionError('seed', 'a whole number', seed)
  checkFunction('make', make)
  const scenario = resolveScenario(make(seededFor(seed, 'scenario')))
  const nodes = checkSimulationOptions(scenario.simulation)
  if (nodes.length === 0) throw new InvalidOptionError('nodes', 'at least one node')
  if (plan !== undefined) checkPlan(plan, { nodes, operations: [...scenario.operations.keys()] })
  return new HistoryRun(scenario, plan ?? drawPlan(scenario, nodes, seed)).run()
}

/** Runs one history for each of so many seeds, and shrinks those that fail. */
export async function searchHistories<Servers = Untyped>(
  make: MakeScenario<Servers>,
  options: SearchOptions,
): Promise<SearchReport> {
  checkSearchOptions(options)
  const { histories, seed: first = 1, shrink = true, shrinkRuns = 500, failuresMax = 10, progress } = options
  const failures: HistoryFailure[] = []
  const digests: string[] = []
  const outcomes = new Map<string, number>()
  let steps = 0
  let simulated: Millis = 0
  for (let seed = first; seed < first + histories && failures.length < failuresMax; seed++) {
    const report = await runHistory(make, seed)
    digests.push(report.digest)
    steps += report.steps
    simulated += report.simulated
    for (const [name, count] of Object.entries(report.outcomes)) outcomes.set(name, (outcomes.get(name) ?? 0) + count)
    progress?.(report)
    if (report.violations.length > 0) failures.push(await failureOf(make, report, shrink ? shrinkRuns : 0))
  }
  return {
    ...{ histories: digests.length, digest: combineDigests(digests), steps, simulated, failures },
    outcomes: Object.fromEntries([...outcomes].sort(([one], [other]) => (one < other ? -1 : 1))),
  }
}

/**
 * Like {@link searchHistories}, for tests: the first history that breaks a promise ends it.
 *
 * @throws {@link HistoryError} with the shrunk plan and everything else there is to know, as text.
 */
export async function checkHistories<Servers = Untyped>(
  make: MakeScenario<Servers>,
  options: Omit<SearchOptions, 'failuresMax'>,
): Promise<SearchReport> {
  const report = await searchHistories(make, { ...options, failuresMax: 1 })
  const [failure] = report.failures
  if (failure !== undefined) throw new HistoryError(failure, failure.text, failure.cause)
  return report
}

function checkSearchOptions(options: SearchOptions): void {
  checkKeys('options', options, ['histories', 'seed', 'shrink', 'shrinkRuns', 'failuresMax', 'progress'])
  for (const name of ['histories', 'shrinkRuns', 'failuresMax'] as const) {
    const value = options[name]
    if ((name === 'histories' || value !== undefined) && !isCount(value)) {
      throw new InvalidOptionError(name, 'a whole number', value)
    }
  }
  const { seed = 1, histories, shrink = true, progress } = options
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(seed + histories)) {
    const most = Number.MAX_SAFE_INTEGER - histories
    throw new InvalidOptionError('seed', `a whole number, ${most} at most for ${histories} histories`, seed)
  }
  checkBoolean('shrink', shrink)
  if (progress !== undefined) checkFunction('progress', progress)
}

async function failureOf<Servers>(
  make: MakeScenario<Servers>,
  found: HistoryReport,
  shrinkRuns: number,
): Promise<HistoryFailure> {
  const broken = promiseOf(found)
  let runs = 0
  let report = found
  await shrinkPlan(
    found.plan,
    async plan => {
      runs++
      const other = await runHistory(make, found.seed, plan)
      if (promiseOf(other) !== broken) return false
      report = other
      return true
    },
    shrinkRuns,
  )
  const { seed, violations, plan, cause } = report
  return { seed, violations, plan, text: describeFailure(found, report, runs), ...(cause !== undefined && { cause }) }
}

/**
 * Which promise was broken first, without time, names and numbers: a smaller plan must break the same one, and may do
 * so elsewhere.
 */
function promiseOf({ violations, plan }: HistoryReport): string | undefined {
  const [line = ''] = violations[0]?.split('\n') ?? []
  if (line === '') return undefined
  const names = new Set<string>(plan.nodes)
  return line
    .replace(/[\w.-]+/g, word => (names.has(word) || /\d/.test(word) ? '#' : word))
    .replace(/'[^']*'|"[^"]*"/g, '#')
    .replace(/#((,| and|, and|\s)+ ?#)+/g, '#')
}

function describeFailure(found: HistoryReport, report: HistoryReport, runs: number): string {
  const { seed, violations, plan } = report
  const drawn = found.plan.actions.length
  const size = runs === 0 ? `${drawn} actions` : `${plan.actions.length} actions, shrunk from ${drawn} in ${runs} runs`
  return [
    `The history of seed ${seed} broke a promise:`,
    ...violations.map(violation => `  ${violation}`),
    `Its plan (${size}):`,
    ...describePlan(plan)
      .split('\n')
      .map(line => `  ${line}`),
    'What happened about then:',
    ...eventsAboutThen(report).map(event => `  ${describeEvent(event)}`),
    `Run it again with runHistory(make, ${seed}${runs === 0 ? '' : ', plan'}), where make is your scenario` +
      (runs === 0 ? '.' : ` and plan is`),
    ...(runs === 0 ? [] : [`  ${JSON.stringify(plan)}`]),
  ].join('\n')
}

/**
 * The events that led to what was complained of, and a few that followed. What is complained of when everything has
 * come to rest may have happened long before.
 */
function eventsAboutThen({ violations, history, simulated }: HistoryReport): readonly HistoryEvent[] {
  const then = firstMoment(violations.join('\n')) ?? simulated
  const later = firstIndex(history.length, index => (history[index] as HistoryEvent).at > then)
  const end = Math.min(later + followingShown, history.length)
  return history.slice(Math.max(end - eventsShown, 0), end)
}

const eventsShown = 20
/** How many of them may come after what was complained of. */
const followingShown = 5
