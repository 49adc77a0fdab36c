import { describe, expect, test } from 'vitest'
import type { Measured, Report } from '../../benchmarks/protocol.js'
import { measure, type Outcome, type Plan, type Processes } from '../../benchmarks/runner.js'
import { nameOf, oneWay, type Workload } from '../../benchmarks/workload.js'

const small = oneWay('object', 64)
const bytes = oneWay('bytes', 1_024)
const trips: Workload = { type: 'round-trip', inFlight: 16 }

/** What was asked of the processes of one stack, in the order in which all were asked. */
interface Asked {
  readonly stack: string
  /** How many times it was started before. */
  readonly life: number
  readonly workload: string
  readonly count: number
}

/** What one start of a stack answers: to `ready`, and to each run. */
interface Behaviour {
  ready?(): Report
  run?(workload: string, nth: number, count: number): Report
}

const memory = { client: 1, server: 2 }
const ready: Report = { type: 'ready', memory }

/** A run that reached 100,000 messages a second. */
function ran(count: number): Report {
  const measured: Measured = { count, seconds: count / 100_000, clientCpu: 1, serverCpu: 1, memory }
  return { type: 'ran', measured }
}

/** Stacks that do what a test wants, without processes. */
class Stacks {
  readonly asked: Asked[] = []
  readonly lives = new Map<string, number>()
  /** Those that run now. */
  readonly open = new Set<string>()
  readonly #behaviour: (stack: string, life: number) => Behaviour

  constructor(behaviour: (stack: string, life: number) => Behaviour = () => ({})) {
    this.#behaviour = behaviour
  }

  start(stack: string): Processes {
    const life = this.lives.get(stack) ?? 0
    this.lives.set(stack, life + 1)
    if (this.open.has(stack)) throw new Error(`${stack} was started while it ran`)
    this.open.add(stack)
    const behaviour = this.#behaviour(stack, life)
    let runs = 0
    return {
      ready: () => Promise.resolve(behaviour.ready?.() ?? ready),
      run: (workload, count) => {
        this.asked.push({ stack, life, workload: nameOf(workload), count })
        return Promise.resolve(behaviour.run?.(nameOf(workload), runs++, count) ?? ran(count))
      },
      [Symbol.asyncDispose]: () => {
        this.open.delete(stack)
        return Promise.resolve()
      },
    }
  }

  /** The runs of the passes alone: each stack warms up with one run of a workload here. */
  get counted(): string[] {
    return this.asked.slice(this.#warmUps).map(({ stack, workload }) => `${stack}: ${workload}`)
  }

  get #warmUps(): number {
    return new Set(this.asked.map(({ stack, workload }) => `${stack}, ${workload}`)).size
  }
}

function planOf(stacks: Stacks, more: Partial<Plan> = {}): Plan {
  return {
    ...{ stacks: ['one', 'two'], workloads: [small], passes: 2, seconds: 0.5, warmUpSeconds: 0, leastTrips: 1 },
    ...{ leastMessages: 1, progress: () => {}, passed: () => Promise.resolve(), open: name => stacks.start(name) },
    ...more,
  }
}

/** What failed, in a line each. */
function failuresOf({ failures }: Outcome): string[] {
  return failures.map(({ stack, workload, error }) => `${stack}, ${workload}: ${error}`)
}

describe('the runner', () => {
  test('gives all stacks their turn with one workload before the next, and begins each pass with another', async () => {
    const stacks = new Stacks()
    await measure(planOf(stacks, { workloads: [small, bytes] }))
    expect(stacks.counted).toEqual([
      ...['two: object-64', 'one: object-64', 'two: bytes-1024', 'one: bytes-1024'],
      ...['one: object-64', 'two: object-64', 'one: bytes-1024', 'two: bytes-1024'],
    ])
  })

  test('finds out by warming up how many messages take as long as a run should', async () => {
    const stacks = new Stacks()
    const { runs } = await measure(planOf(stacks, { stacks: ['one'], warmUpSeconds: 0.2 }))
    const counts = stacks.asked.map(({ count }) => count)
    // Four times as many each time, and no more than a run has.
    expect(counts).toEqual([1_000, 4_000, 16_000, 50_000, 50_000])
    expect(runs.map(({ count }) => count)).toEqual([50_000, 50_000])
  })

  test('has as many round trips, or of the largest messages, as percentiles and medians need', async () => {
    const stacks = new Stacks()
    const large = oneWay('object', 8_388_608)
    const least = { leastTrips: 2_000, leastMessages: 8, seconds: 0.000_001 }
    const { runs } = await measure(planOf(stacks, { ...least, stacks: ['one'], workloads: [trips, large], passes: 1 }))
    expect(runs.map(({ workload, count }) => [workload, count])).toEqual([
      ['round-trip-16', 2_000],
      ['object-8388608', 8],
    ])
  })

  test('leaves out a stack that is not installed, and says why', async () => {
    const told: string[] = []
    const stacks = new Stacks(stack =>
      stack === 'one' ? { ready: () => ({ type: 'missing', reason: 'not here' }) } : {},
    )
    const outcome = await measure(planOf(stacks, { progress: text => told.push(text) }))
    expect([...outcome.missing]).toEqual([['one', 'not here']])
    expect(outcome.failures).toEqual([])
    expect(stacks.asked.some(({ stack }) => stack === 'one')).toBe(false)
    expect(told).toContain('LEFT OUT: one: not here')
  })

  test('asks a stack no more for what it cannot do, and does not call that a failure', async () => {
    const stacks = new Stacks(() => ({
      run: (workload, _, count) => (workload === 'bytes-1024' ? { type: 'unsupported' } : ran(count)),
    }))
    const outcome = await measure(planOf(stacks, { stacks: ['one'], workloads: [bytes, small] }))
    expect(outcome.failures).toEqual([])
    expect(stacks.asked.filter(({ workload }) => workload === 'bytes-1024')).toHaveLength(1)
    expect(outcome.runs.map(({ workload }) => workload)).toEqual(['object-64', 'object-64'])
  })

  test('names a stack that does not start, and goes on with the others', async () => {
    const stacks = new Stacks(stack =>
      stack === 'one' ? { ready: () => ({ type: 'failed', error: 'fell over' }) } : {},
    )
    const outcome = await measure(planOf(stacks))
    expect(failuresOf(outcome)).toEqual(['one, start: fell over'])
    expect(outcome.runs.map(({ stack }) => stack)).toEqual(['two', 'two'])
    expect(stacks.open.size).toBe(0)
  })

  describe('with a stack that fails at a workload', () => {
    // In the second pass: behind two runs that warmed up, and the two of the first pass.
    const failing = (): Stacks =>
      new Stacks((stack, life) =>
        stack === 'one' && life === 0
          ? { run: (_, nth, count) => (nth === 4 ? { type: 'failed', error: 'lost some' } : ran(count)) }
          : {},
      )
    const both = { workloads: [small, bytes], passes: 3 }

    test('names it, and the workload', async () => {
      const told: string[] = []
      const outcome = await measure(planOf(failing(), { ...both, progress: text => told.push(text) }))
      expect(failuresOf(outcome)).toEqual(['one, object-64: lost some'])
      expect(told).toContain('FAILED: one, object-64: lost some')
    })

    test('spares it that workload, whose earlier runs do not count', async () => {
      const { runs } = await measure(planOf(failing(), both))
      const of = (stack: string): string[] =>
        runs.filter(run => run.stack === stack).map(run => `${run.workload} in pass ${run.pass}`)
      expect(of('one')).toEqual(['bytes-1024 in pass 1', 'bytes-1024 in pass 2', 'bytes-1024 in pass 3'])
      expect(of('two')).toHaveLength(6)
    })

    test('starts it anew, when nothing of it runs any more, and warms it up anew', async () => {
      const stacks = failing()
      await measure(planOf(stacks, both))
      expect(stacks.lives.get('one')).toBe(2)
      const again = stacks.asked.filter(({ stack, life }) => stack === 'one' && life === 1)
      // One to warm up, and one in each of the two passes that were left.
      expect(again.map(({ workload }) => workload)).toEqual(['bytes-1024', 'bytes-1024', 'bytes-1024'])
    })

    test('leaves it alone when it does not start any more', async () => {
      const stacks = new Stacks((stack, life) => {
        if (stack === 'two') return {}
        return life === 0
          ? { run: () => ({ type: 'failed', error: 'lost some' }) }
          : { ready: () => ({ type: 'failed', error: 'fell over' }) }
      })
      const outcome = await measure(planOf(stacks, both))
      expect(failuresOf(outcome)).toEqual(['one, object-64: lost some', 'one, start: fell over'])
      expect(stacks.lives.get('one')).toBe(2)
      expect(outcome.runs.every(({ stack }) => stack === 'two')).toBe(true)
    })
  })

  test('hands over what it has after each pass', async () => {
    const passed: number[][] = []
    const plan = planOf(new Stacks(), {
      ...{ stacks: ['one'], passes: 3 },
      passed: ({ runs }) => {
        passed.push(runs.map(({ pass }) => pass))
        return Promise.resolve()
      },
    })
    await measure(plan)
    expect(passed).toEqual([[1], [1, 2], [1, 2, 3]])
  })

  test('ends all processes, also when what it has cannot be written', async () => {
    const stacks = new Stacks()
    await measure(planOf(stacks))
    expect(stacks.open.size).toBe(0)
    const full = planOf(stacks, { passed: () => Promise.reject(new Error('the disk is full')) })
    await expect(measure(full)).rejects.toThrow('the disk is full')
    expect(stacks.open.size).toBe(0)
  })
})
