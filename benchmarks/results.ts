import type { Outcome, RawRun } from './runner.js'
import { baselines } from './stacks.js'
import { joined, percentile, ratio, type Spread, spreadOf, supportedPercentile } from './statistics.js'
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
  readonly ratios: Readonly<Record<Figure, readonly Spread[]>>
}

/** Resident bytes, and how many times those of each baseline they are. */
export interface Taken {
  readonly bytes: number
  readonly ratios: readonly number[]
}

/** The most that each process of a stack ever had resident, and how much more that is than before the first message. */
export interface Usage {
  readonly client: Readonly<Record<'peak' | 'growth', Taken>>
  readonly server: Readonly<Record<'peak' | 'growth', Taken>>
  /** How many workloads it ran. */
  readonly workloads: number
}

export interface Section {
  readonly workload: Workload
  readonly rows: readonly Row[]
}

const figures: readonly Figure[] = [
  ...(['messages', 'megabytes', 'clientCpu', 'serverCpu', 'busierCpu'] as const),
  ...(['p50', 'p99', 'p999'] as const),
]

/** Latencies, of which all passes are put together: those of one are too few for what is rare. */
const shares = { p50: 0.5, p99: 0.99, p999: 0.999 } as const

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
    const spread = spreadOf([...this.#passes(stack, workload, figure).values()])
    return isLatency(figure) ? { ...spread, median: this.#together(stack, workload, figure) } : spread
  }

  /**
   * How many times a figure of one stack is that of another; NaN where one was not measured. It is the median of the
   * passes, or, of latencies, that of all passes together.
   */
  ratio(stack: string, other: string, workload: Workload, figure: Figure): Spread {
    const spread = ratio(this.#passes(stack, workload, figure), this.#passes(other, workload, figure))
    if (!isLatency(figure)) return spread
    return { ...spread, median: this.#together(stack, workload, figure) / this.#together(other, workload, figure) }
  }

  /** What the processes of a stack took, which depends on which workloads it ran. */
  memory(stack: string): Usage {
    const own = this.#bytes(stack)
    const others = baselines.map(baseline => this.#bytes(baseline))
    const taken = (side: 'client' | 'server', what: 'peak' | 'growth'): Taken => ({
      bytes: own[side][what],
      ratios: others.map(other => own[side][what] / other[side][what]),
    })
    const of = (side: 'client' | 'server'): Usage['client'] => ({
      peak: taken(side, 'peak'),
      growth: taken(side, 'growth'),
    })
    const workloads = new Set(this.#outcome.runs.filter(run => run.stack === stack).map(({ workload }) => workload))
    return { client: of('client'), server: of('server'), workloads: workloads.size }
  }

  #bytes(stack: string): Record<'client' | 'server', Record<'peak' | 'growth', number>> {
    const start = this.#outcome.memory.get(stack) ?? { client: Number.NaN, server: Number.NaN }
    const all = this.#outcome.runs.filter(run => run.stack === stack).map(({ memory }) => memory)
    const of = (side: 'client' | 'server'): Record<'peak' | 'growth', number> => {
      const peak = Math.max(start[side], ...all.map(memory => memory[side]))
      return { peak, growth: peak - start[side] }
    }
    return { client: of('client'), server: of('server') }
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

  #together(stack: string, workload: Workload, figure: keyof typeof shares): number {
    const runs = this.#of(stack, workload)
    return supportedPercentile(joined(runs.flatMap(({ latencies }) => latencies ?? [])), shares[figure])
  }

  #of(stack: string, workload: Workload): readonly RawRun[] {
    return this.#runs.get(`${stack}, ${nameOf(workload)}`) ?? []
  }

  #passes(stack: string, workload: Workload, figure: Figure): Map<number, number> {
    return new Map(this.#of(stack, workload).map(run => [run.pass, read(run, workload, figure)]))
  }
}

function isLatency(figure: Figure): figure is keyof typeof shares {
  return figure in shares
}

function read(run: RawRun, workload: Workload, figure: Figure): number {
  const { count, seconds, clientCpu, serverCpu, latencies = new Float64Array() } = run
  if (isLatency(figure)) return percentile(latencies, shares[figure])
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
  }
}
