import type { Outcome, RawRun } from './runner.js'
import { baselines } from './stacks.js'
import { ratio, type Spread, spreadOf } from './statistics.js'
import { nameOf, type Workload } from './workload.js'

/**
 * What is read off a run. Rates are per second, CPU is microseconds per message, latencies are microseconds. The busier
 * of the two processes is what bounds a rate.
 */
export type Figure = 'messages' | 'megabytes' | 'clientCpu' | 'serverCpu' | 'busierCpu' | 'p50' | 'p99' | 'p999'

/** What the passes of one stack with one workload gave. */
export interface Row {
  readonly stack: string
  readonly figures: Readonly<Record<Figure, Spread>>
  /** How many times the figures of each baseline these are, in the order of the baselines. */
  readonly ratios: Readonly<Record<Figure, readonly number[]>>
}

export interface Section {
  readonly workload: Workload
  readonly rows: readonly Row[]
}

const figures: readonly Figure[] = [
  ...(['messages', 'megabytes', 'clientCpu', 'serverCpu', 'busierCpu'] as const),
  ...(['p50', 'p99', 'p999'] as const),
]

/** The results, by workload and stack. */
export class Results {
  readonly #outcome: Outcome
  readonly #runs = new Map<string, RawRun[]>()

  constructor(outcome: Outcome) {
    this.#outcome = outcome
    for (const run of outcome.runs) {
      const key = `${run.stack}, ${run.workload}`
      const runs = this.#runs.get(key)
      if (runs === undefined) this.#runs.set(key, [run])
      else runs.push(run)
    }
  }

  /** Of each workload, the stacks that were measured. */
  sections(workloads: readonly Workload[], stacks: readonly string[]): Section[] {
    return workloads.map(workload => ({
      workload,
      rows: stacks.filter(stack => this.#of(stack, workload).length > 0).map(stack => this.#row(stack, workload)),
    }))
  }

  spread(stack: string, workload: Workload, figure: Figure): Spread {
    return spreadOf([...this.#passes(stack, workload, figure).values()])
  }

  /** How many times a figure of one stack is that of another; NaN where one was not measured. */
  ratio(stack: string, other: string, workload: Workload, figure: Figure): number {
    return ratio(this.#passes(stack, workload, figure), this.#passes(other, workload, figure))
  }

  /** The most memory of the two processes of a stack, in bytes: at the start and in the end. */
  memory(stack: string): { readonly client: readonly [number, number]; readonly server: readonly [number, number] } {
    const start = this.#outcome.memory.get(stack) ?? { client: Number.NaN, server: Number.NaN }
    const all = this.#outcome.runs.filter(run => run.stack === stack).map(({ memory }) => memory)
    return {
      client: [start.client, Math.max(start.client, ...all.map(({ client }) => client))],
      server: [start.server, Math.max(start.server, ...all.map(({ server }) => server))],
    }
  }

  #row(stack: string, workload: Workload): Row {
    const of = <Value>(value: (figure: Figure) => Value): Record<Figure, Value> =>
      Object.fromEntries(figures.map(figure => [figure, value(figure)])) as Record<Figure, Value>
    return {
      stack,
      figures: of(figure => this.spread(stack, workload, figure)),
      ratios: of(figure => baselines.map(baseline => this.ratio(stack, baseline, workload, figure))),
    }
  }

  #of(stack: string, workload: Workload): readonly RawRun[] {
    return this.#runs.get(`${stack}, ${nameOf(workload)}`) ?? []
  }

  #passes(stack: string, workload: Workload, figure: Figure): Map<number, number> {
    return new Map(this.#of(stack, workload).map(run => [run.pass, read(run, workload, figure)]))
  }
}

function read(run: RawRun, workload: Workload, figure: Figure): number {
  const { count, seconds, clientCpu, serverCpu, latency } = run
  switch (figure) {
    case 'messages':
      return count / seconds
    case 'megabytes':
      return workload.type === 'one-way' ? (count * workload.payload.size) / seconds / 1e6 : Number.NaN
    case 'clientCpu':
      return (clientCpu * 1e6) / count
    case 'serverCpu':
      return (serverCpu * 1e6) / count
    case 'busierCpu':
      return (Math.max(clientCpu, serverCpu) * 1e6) / count
    default:
      return latency?.[figure] ?? Number.NaN
  }
}
