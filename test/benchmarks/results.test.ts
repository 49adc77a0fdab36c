import { describe, expect, test } from 'vitest'
import { judgementLines } from '../../benchmarks/judgement.js'
import { plotOf } from '../../benchmarks/plot.js'
import { reportOf } from '../../benchmarks/report.js'
import { Results } from '../../benchmarks/results.js'
import type { Outcome, RawRun } from '../../benchmarks/runner.js'
import { tableOf } from '../../benchmarks/table.js'
import { judge, type Target, targets } from '../../benchmarks/targets.js'
import { nameOf, oneWay, type Workload } from '../../benchmarks/workload.js'

const small = oneWay('object', 64)
const trip: Workload = { type: 'round-trip', inFlight: 1 }

/** A run of 1,000 messages. */
function run(stack: string, pass: number, seconds: number, more: Partial<RawRun> = {}): RawRun {
  const memory = { client: 50_000_000, server: 60_000_000 }
  const cpu = { clientCpu: 0.002, serverCpu: 0.001 }
  return { stack, workload: nameOf(small), pass, count: 1_000, seconds, memory, ...cpu, ...more }
}

function outcomeOf(...runs: RawRun[]): Outcome {
  return { runs, failures: [], missing: new Map(), memory: new Map() }
}

describe('the results', () => {
  test('are rates, and microseconds of CPU for each message', () => {
    const results = new Results(outcomeOf(run('maquis', 1, 0.5)))
    expect(results.spread('maquis', small, 'messages').median).toBe(2_000)
    expect(results.spread('maquis', small, 'megabytes').median).toBe(0.128)
    expect(results.spread('maquis', small, 'clientCpu').median).toBeCloseTo(2)
    expect(results.spread('maquis', small, 'busierCpu').median).toBeCloseTo(2)
  })

  test('compare the same passes, whatever happened in between', () => {
    // The second pass was slow for both.
    const results = new Results(
      outcomeOf(run('maquis', 1, 1), run('ws-batched', 1, 0.5), run('maquis', 2, 8), run('ws-batched', 2, 4)),
    )
    expect(results.ratio('maquis', 'ws-batched', small, 'messages').median).toBe(0.5)
  })

  test('have no rows for what was not measured', () => {
    const results = new Results(outcomeOf(run('maquis', 1, 1)))
    const [section] = results.sections([small], ['ws-batched', 'maquis'])
    expect(section?.rows.map(({ stack }) => stack)).toEqual(['maquis'])
  })

  test('put the latencies of all passes together, and tell no percentile that few support', () => {
    const trips = (pass: number, from: number): RawRun =>
      run('maquis', pass, 1, {
        workload: nameOf(trip),
        latencies: Float64Array.from({ length: 500 }, (_, index) => from + index),
      })
    const results = new Results(outcomeOf(trips(1, 1), trips(2, 501)))
    expect(results.spread('maquis', trip, 'p99')).toEqual({ median: 990, low: 495, high: 995 })
    expect(results.spread('maquis', trip, 'p999').median).toBeNaN()
  })

  test('know the peaks of memory over all workloads, beside those of the baselines', () => {
    const large = run('maquis', 1, 1, { workload: 'bytes-8388608', memory: { client: 90_000_000, server: 1 } })
    const outcome = {
      ...outcomeOf(run('maquis', 1, 1), large, run('ws-batched', 1, 1)),
      memory: new Map(['maquis', 'ws-batched'].map(stack => [stack, { client: 40_000_000, server: 40_000_000 }])),
    }
    const { client, server, workloads } = new Results(outcome).memory('maquis')
    expect(workloads).toBe(2)
    expect(client.peak).toEqual({ bytes: 90_000_000, ratios: [1.8, Number.NaN] })
    expect(client.growth).toEqual({ bytes: 50_000_000, ratios: [5, Number.NaN] })
    expect(server.growth).toEqual({ bytes: 20_000_000, ratios: [1, Number.NaN] })
  })
})

describe('a target', () => {
  const target = targets.find(({ of, to }) => of === 'maquis' && to === 'ws-batched') as Target

  test.each([
    [[1, 1], 'holds'],
    [[2, 2], 'MISSED'],
    [[1, 2], 'unclear'],
  ])('of at least 0.7 with passes of %j s and 1 s: %s', (seconds, verdict) => {
    const runs = seconds.flatMap((each, index) => [run('maquis', index, each), run('ws-batched', index, 1)])
    expect(judge(target, new Results(outcomeOf(...runs)))).toMatchObject({ byCpu: 1, verdict })
  })

  test('of at most so much holds below it', () => {
    const trips = (stack: string, p50: number): RawRun =>
      run(stack, 1, 1, { workload: nameOf(trip), latencies: new Float64Array(20).fill(p50) })
    const most = targets.find(({ figure }) => figure === 'p50') as Target
    expect(judge(most, new Results(outcomeOf(trips('maquis', 129), trips('ws', 100)))).verdict).toBe('holds')
    expect(judge(most, new Results(outcomeOf(trips('maquis', 131), trips('ws', 100)))).verdict).toBe('MISSED')
  })

  test('neither holds nor is missed when a side of it was not measured', () => {
    expect(judge(target, new Results(outcomeOf(run('maquis', 1, 1)))).verdict).toBe('not measured')
  })
})

describe('the report', () => {
  test('has a row for each stack, and says what was left out and what failed', () => {
    const outcome: Outcome = {
      ...outcomeOf(run('maquis', 1, 1), run('ws-batched', 1, 1)),
      failures: [{ stack: 'ipc', workload: 'start', error: 'it fell over' }],
      missing: new Map([['nats', 'there is no nats-server on the PATH']]),
    }
    const results = new Results(outcome)
    const report = reportOf(outcome, results, results.sections([small], ['ws-batched', 'maquis']))
    expect(report).toMatch(/^one way, an object, 64 B/)
    expect(report).toMatch(/^ {2}maquis +1,000 +1,000-1,000 +0\.0640 +1\.00 +-/m)
    expect(report).toContain('LEFT OUT: nats: there is no nats-server on the PATH')
    expect(report).toContain('FAILED: ipc, start: it fell over')
    expect(tableOf(judgementLines(targets.map(each => judge(each, results))))).toMatch(
      /cast: maquis \/ ws-batched +>= 0\.7 +1\.00 +1\.00-1\.00 +1\.00 +holds/,
    )
  })
})

describe('the plot', () => {
  test('has a bar for each stack, of a length that its median has', () => {
    const results = new Results(outcomeOf(run('maquis', 1, 1), run('ws', 1, 4)))
    const plot = plotOf(results.sections([small], ['ws', 'maquis']))
    const bars = [...plot.matchAll(/width="([\d.]+)" height="12"/g)].map(([, length]) => Number(length))
    expect(bars).toHaveLength(2)
    expect((bars[1] ?? 0) / (bars[0] ?? 1)).toBeCloseTo(4)
  })
})
