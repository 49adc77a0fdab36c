import { closedLoop } from './closed-loop.js'
import { Pair } from './pair.js'
import type { Measured, Memory, Report } from './protocol.js'
import { nameOf, type Workload, within } from './workload.js'

export interface Plan {
  readonly stacks: readonly string[]
  readonly workloads: readonly Workload[]
  /** Passes that count. One before them warms up, and finds out how many messages a run takes. */
  readonly passes: number
  /** How long a run should take, and how long each stack is warmed up for each workload. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How many round trips a run has at the least, and how many of the largest messages. */
  readonly leastTrips: number
  readonly leastMessages: number
  /** Told how far it is. */
  readonly progress: (text: string) => void
  /** Given what was measured so far, after each pass. */
  readonly passed: (outcome: Outcome) => Promise<void>
  /** Starts a stack. Default: in two processes. */
  readonly open?: (stack: string) => Processes
}

/** What runs a stack: see {@link Pair}. */
export type Processes = Pick<Pair, 'ready' | 'run'> & AsyncDisposable

/** One run that counts. */
export interface RawRun extends Measured {
  readonly stack: string
  readonly workload: string
  /** From 1 on. */
  readonly pass: number
}

/** A stack, or one workload of it, that came to nothing. */
export interface Failure {
  readonly stack: string
  readonly workload: string
  readonly error: string
}

export interface Outcome {
  readonly runs: readonly RawRun[]
  readonly failures: readonly Failure[]
  /** Why stacks were left out. */
  readonly missing: ReadonlyMap<string, string>
  /** What each pair of processes took before its first run. */
  readonly memory: ReadonlyMap<string, Memory>
}

/** Starting a stack, and a run beyond the time that it should take. */
const patienceMillis = 30_000
const startsAtOnce = 4

/** Measures all workloads of all stacks. In each pass, all stacks have their turn with one workload before the next. */
export async function measure(plan: Plan): Promise<Outcome> {
  await using measurement = new Measurement(plan)
  return await measurement.run()
}

class Measurement implements AsyncDisposable {
  readonly #plan: Plan
  readonly #pairs = new Map<string, Processes>()
  /** How many messages each run has; stacks that cannot do a workload, or failed at it, have none. */
  readonly #counts = new Map<string, number>()
  /** The workloads that each pair of processes has warmed up for. */
  readonly #warm = new Set<string>()
  #runs: RawRun[] = []
  readonly #failures: Failure[] = []
  readonly #missing = new Map<string, string>()
  readonly #memory = new Map<string, Memory>()

  constructor(plan: Plan) {
    this.#plan = plan
  }

  async run(): Promise<Outcome> {
    const { stacks, workloads, passes, progress, passed } = this.#plan
    progress(`starting ${stacks.length} pairs of processes`)
    await closedLoop(stacks.length, startsAtOnce, index => this.#open(stacks[index] as string))
    for (const workload of workloads) {
      progress(`warming up: ${nameOf(workload)}`)
      for (const stack of stacks) await this.#warmUp(stack, workload)
    }
    for (let pass = 1; pass <= passes; pass++) {
      for (const workload of workloads) {
        progress(`pass ${pass} of ${passes}: ${nameOf(workload)}`)
        for (const stack of rotated(stacks, pass)) await this.#measure(stack, workload, pass)
      }
      await passed(this.#outcome())
    }
    return this.#outcome()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#pairs.values()].map(pair => pair[Symbol.asyncDispose]()))
  }

  #outcome(): Outcome {
    return { runs: this.#runs, failures: this.#failures, missing: this.#missing, memory: this.#memory }
  }

  async #open(stack: string): Promise<void> {
    const { open = name => new Pair(name) } = this.#plan
    const pair = open(stack)
    const report = await pair.ready(patienceMillis)
    if (report.type === 'ready') {
      this.#pairs.set(stack, pair)
      this.#memory.set(stack, report.memory)
      return
    }
    await pair[Symbol.asyncDispose]()
    if (report.type === 'missing') {
      this.#missing.set(stack, report.reason)
      this.#plan.progress(`LEFT OUT: ${stack}: ${report.reason}`)
    } else {
      this.#fail(stack, 'start', report)
    }
  }

  /** Runs more and more messages, until the code is compiled and it is known how many messages a run takes. */
  async #warmUp(stack: string, workload: Workload): Promise<void> {
    const { seconds, warmUpSeconds, leastTrips, leastMessages } = this.#plan
    const least = workload.type === 'round-trip' ? leastTrips : leastMessages
    let count = shortest(workload)
    let best = 0
    for (let spent = 0; ; ) {
      const measured = await this.#attempt(stack, workload, count)
      if (measured === undefined) return
      // The best rate is the nearest to that of a run in which nothing is compiled any more.
      best = Math.max(best, count / measured.seconds)
      const enough = Math.max(least, shortest(workload), Math.ceil(best * seconds))
      spent += measured.seconds
      if (spent >= warmUpSeconds) {
        this.#counts.set(key(stack, workload), enough)
        this.#warm.add(key(stack, workload))
        return
      }
      count = Math.min(enough, count * 4)
    }
  }

  async #measure(stack: string, workload: Workload, pass: number): Promise<void> {
    if (!this.#counts.has(key(stack, workload))) return
    if (!this.#warm.has(key(stack, workload))) await this.#warmUp(stack, workload)
    const count = this.#counts.get(key(stack, workload))
    if (count === undefined) return
    const measured = await this.#attempt(stack, workload, count)
    if (measured !== undefined) this.#runs.push({ stack, workload: nameOf(workload), pass, ...measured })
  }

  /** One run. A stack that fails is started anew, and spared this workload, whose earlier runs do not count. */
  async #attempt(stack: string, workload: Workload, count: number): Promise<Measured | undefined> {
    const pair = this.#pairs.get(stack)
    if (pair === undefined) return undefined
    const report = await pair.run(workload, count, patienceMillis + this.#plan.seconds * 10_000)
    if (report.type === 'ran') return report.measured
    this.#counts.delete(key(stack, workload))
    if (report.type === 'unsupported') return undefined
    this.#fail(stack, nameOf(workload), report)
    this.#pairs.delete(stack)
    // What is left of it would slow the others down.
    await pair[Symbol.asyncDispose]()
    for (const each of this.#plan.workloads) this.#warm.delete(key(stack, each))
    this.#runs = this.#runs.filter(run => run.stack !== stack || run.workload !== nameOf(workload))
    await this.#open(stack)
    return undefined
  }

  #fail(stack: string, workload: string, report: Report): void {
    const error = report.type === 'failed' ? report.error : `it told '${report.type}'`
    this.#failures.push({ stack, workload, error })
    this.#plan.progress(`FAILED: ${stack}, ${workload}: ${error}`)
  }
}

/** How many messages the first run of a warm-up has. */
function shortest(workload: Workload): number {
  return workload.type === 'round-trip'
    ? workload.inFlight * 4
    : Math.max(3, within(2_097_152, workload.payload, 1_000))
}

/** Each pass begins with another stack. */
function rotated(stacks: readonly string[], pass: number): readonly string[] {
  const from = pass % stacks.length
  return [...stacks.slice(from), ...stacks.slice(0, from)]
}

function key(stack: string, workload: Workload): string {
  return `${stack}, ${nameOf(workload)}`
}
