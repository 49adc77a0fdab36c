import { InvalidOptionError } from '../../core/errors.js'
import { checkKeys } from '../../core/option-keys.js'
import { checkAnswer, checkArray, checkBoolean, checkFunction, isCount } from '../../manager/checks.js'
import type { Untyped } from '../../manager/servers.js'
import { type Simulation, simulate } from '../simulation/simulation.js'
import { checkSimulationOptions, type SimulationOptions } from '../simulation/simulation-options.js'
import { OmissionRun, occurrenceKey } from './omission-run.js'
import { choiceNames, describePassage, type PassageChoice, type TracedPassage } from './traced-passage.js'

/** How far an exploration goes. */
export interface ExplorationBounds extends PassageChoice {
  /** The most messages that are left out of one run. Default 2. */
  readonly omissions?: number
  /** The most runs. Default 10,000. */
  readonly schedulesMax?: number
  /** Leave out no more than a failing run has left out already, and something else. Default false: try them all. */
  readonly minimal?: boolean
  /** Which messages may be left out. Default: all, of the kinds that are looked at. */
  readonly omittable?: (passage: TracedPassage) => boolean
}

/** A scenario on a simulated cluster, which is made anew for each run. */
export interface SimulatedExploration<Servers = Untyped> extends ExplorationBounds {
  readonly simulation: SimulationOptions<Servers>
  /** Does the work, looks at the outcome, and throws when it is not as it should be. It must do the same each time. */
  readonly scenario: (net: Simulation<Servers>) => unknown
}

/** A scenario that makes its own cluster, and gives its managers to the run before they send anything. */
export interface OwnExploration extends ExplorationBounds {
  readonly simulation?: undefined
  /** As in {@link SimulatedExploration}, on whatever it makes; nothing is left of it when it is over. */
  readonly scenario: (run: OmissionRun) => unknown
}

type Exploration<Servers> = SimulatedExploration<Servers> | OwnExploration

/** A run that failed. */
export interface OmissionFailure {
  /** What was left out of it, for people, in the order in which it would have been sent. */
  readonly omitted: readonly string[]
  /** The same as data: {@link runOmissions} takes it. */
  readonly passages: readonly TracedPassage[]
  /** What the scenario threw. */
  readonly error: unknown
}

/** What came of an exploration. */
export interface ExplorationReport {
  /** Runs that were made; nothing is left out of the first. */
  readonly schedules: number
  readonly passed: number
  readonly failures: readonly OmissionFailure[]
  /**
   * Schedules that needed no run: one of their messages is not sent any more when the others are left out, so that they
   * are equal to smaller ones; or, with `minimal`, they hold a failing one.
   */
  readonly pruned: number
  /** Every schedule was run or pruned. Not so when the first run fails, or at a bound, or when runs are `unsteady`. */
  readonly complete: boolean
  /** Runs that did not send what was to be left out of them: the scenario does not do the same each time. */
  readonly unsteady: number
  /** All of it, for people. */
  readonly text: string
}

/**
 * Finds out which lost messages a scenario survives: runs it whole, then without each of its messages, then without
 * each two of them, and so on. What a run sends only because something else was left out is left out in its turn. Each
 * schedule is run once, the smaller ones first, in an order that is always the same.
 *
 * After Filibuster (Meiklejohn et al., "Service-level fault injection testing", 2021), and Partisan's explorer of that
 * name.
 *
 * @throws `InvalidOptionError`: a bound cannot be meant so, or nothing that could be left out is ever sent.
 */
export function exploreOmissions<Servers = Untyped>(
  exploration: SimulatedExploration<Servers>,
): Promise<ExplorationReport>
export function exploreOmissions(exploration: OwnExploration): Promise<ExplorationReport>
export async function exploreOmissions<Servers>(exploration: Exploration<Servers>): Promise<ExplorationReport> {
  return new Explorer(exploration).explore()
}

/**
 * Runs the scenario once, without these messages. Rejects with what it throws.
 *
 * @throws `InvalidOptionError`: a bound cannot be meant so.
 */
export function runOmissions<Servers = Untyped>(
  exploration: SimulatedExploration<Servers>,
  omitted: readonly TracedPassage[],
): Promise<void>
export function runOmissions(exploration: OwnExploration, omitted: readonly TracedPassage[]): Promise<void>
export async function runOmissions<Servers>(
  exploration: Exploration<Servers>,
  omitted: readonly TracedPassage[],
): Promise<void> {
  checkExploration(exploration)
  checkArray('omitted', omitted)
  await perform(exploration, new OmissionRun(exploration, omitted))
}

const explorationNames: readonly string[] = [
  ...['omissions', 'schedulesMax', 'minimal', 'omittable', ...choiceNames, 'simulation', 'scenario'],
]

function checkExploration<Servers>(exploration: Exploration<Servers>): void {
  checkKeys('exploration', exploration, explorationNames)
  const { omissions = 0, schedulesMax = 0, minimal = false, omittable, scenario, simulation } = exploration
  for (const [name, value] of Object.entries({ omissions, schedulesMax })) {
    if (!isCount(value)) throw new InvalidOptionError(name, 'a whole number', value)
  }
  checkBoolean('minimal', minimal)
  if (omittable !== undefined) checkFunction('omittable', omittable)
  checkFunction('scenario', scenario)
  // As it was given: the one that is run has a `setup` before its own.
  if (simulation !== undefined) checkSimulationOptions(simulation)
}

async function perform<Servers>(exploration: Exploration<Servers>, run: OmissionRun): Promise<void> {
  const { simulation } = exploration
  if (simulation === undefined) {
    await exploration.scenario(run)
    return
  }
  const setup: SimulationOptions<Servers>['setup'] = (manager, context) => {
    run.add(manager)
    simulation.setup?.(manager, context)
  }
  await using net = simulate<Servers>({ ...simulation, setup })
  await exploration.scenario(net)
}

function answered(omittable: boolean): boolean {
  checkAnswer('omittable', omittable)
  return omittable
}

/** A schedule, and what was sent in its run from the last message on that it leaves out. */
interface Explored {
  readonly omitted: readonly TracedPassage[]
  readonly later: readonly TracedPassage[]
}

class Explorer<Servers> {
  readonly #exploration: Exploration<Servers>
  readonly #bounds: Required<Pick<ExplorationBounds, 'omissions' | 'schedulesMax' | 'minimal' | 'omittable'>>
  readonly #failures: OmissionFailure[] = []
  #schedules = 0
  #pruned = 0
  #unsteady = 0
  #complete = true

  constructor(exploration: Exploration<Servers>) {
    checkExploration(exploration)
    const { omissions = 2, schedulesMax = 10_000, minimal = false, omittable = () => true } = exploration
    this.#exploration = exploration
    this.#bounds = { omissions, schedulesMax, minimal, omittable: passage => answered(omittable(passage)) }
  }

  async explore(): Promise<ExplorationReport> {
    const whole = await this.#run([])
    let level = whole === undefined ? [] : [whole]
    // A scenario that fails with everything in its place says nothing about what is left out.
    if (this.#failures.length > 0) this.#complete = false
    else this.#checkSent(whole?.later ?? [])
    for (let size = 1; size <= this.#bounds.omissions && this.#complete; size++) {
      level = await this.#extend(level, size === this.#bounds.omissions)
    }
    return this.#report()
  }

  /** Where nothing can be left out every exploration passes, and shows nothing. */
  #checkSent(sent: readonly TracedPassage[]): void {
    if (this.#bounds.omissions === 0 || sent.some(this.#bounds.omittable)) return
    if (sent.length > 0) throw new InvalidOptionError('omittable', 'true of some message: no message could be omitted')
    const added = 'one whose nodes are given to `run.add` and send messages of the kinds that are looked at'
    throw new InvalidOptionError('scenario', `${added}: no message could be omitted`)
  }

  /** The schedules that leave out one message more, sent later than all that they leave out already. */
  async #extend(level: readonly Explored[], last: boolean): Promise<Explored[]> {
    const found: Explored[] = []
    for (const { omitted, later } of level) {
      for (const [index, message] of later.entries()) {
        if (!this.#bounds.omittable(message)) continue
        const candidate = [...omitted, message]
        if (this.#bounds.minimal && this.#holdsFailing(candidate)) {
          this.#pruned++
          continue
        }
        if (this.#schedules >= this.#bounds.schedulesMax) {
          this.#complete = false
          return found
        }
        const explored = await this.#run(candidate)
        if (explored === undefined || last) continue
        found.push(explored)
        // What was sent after this message before, and is not any more, need not be left out of this schedule.
        const still = new Set(explored.later.map(occurrenceKey))
        const gone = later.slice(index + 1).filter(other => !still.has(occurrenceKey(other)))
        this.#pruned += gone.filter(this.#bounds.omittable).length
      }
    }
    return found
  }

  /** Runs a schedule. Undefined when it was none: not all of it would have been sent. */
  async #run(omitted: readonly TracedPassage[]): Promise<Explored | undefined> {
    const run = new OmissionRun(this.#exploration, omitted)
    this.#schedules++
    try {
      await perform(this.#exploration, run)
    } catch (error) {
      this.#failures.push({ omitted: omitted.map(describePassage), passages: omitted, error })
    }
    if (run.overrun) this.#complete = false
    if (!run.metAll) {
      this.#unsteady++
      this.#complete = false
      return undefined
    }
    const last = omitted.at(-1)
    const from = last === undefined ? -1 : run.sent.findIndex(sent => occurrenceKey(sent) === occurrenceKey(last))
    return { omitted, later: run.sent.slice(from + 1) }
  }

  #holdsFailing(candidate: readonly TracedPassage[]): boolean {
    const keys = new Set(candidate.map(occurrenceKey))
    return this.#failures.some(({ passages }) => passages.every(passage => keys.has(occurrenceKey(passage))))
  }

  #report(): ExplorationReport {
    const failures = this.#failures
    const counts = { schedules: this.#schedules, passed: this.#schedules - failures.length, pruned: this.#pruned }
    const text = [
      `${counts.schedules} schedules: ${counts.passed} passed, ${failures.length} failed; ${counts.pruned} pruned`,
      ...(this.#complete ? [] : [this.#unsteady > 0 ? 'incomplete: runs differ by themselves' : 'incomplete']),
      ...failures.map(({ omitted, error }) => `without ${omitted.join(' and ') || 'any omission'}: ${String(error)}`),
    ]
    return { ...counts, failures, complete: this.#complete, unsteady: this.#unsteady, text: text.join('\n') }
  }
}
