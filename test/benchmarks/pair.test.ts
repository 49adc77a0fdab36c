import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Pair } from '../../benchmarks/pair.js'
import type { Report } from '../../benchmarks/protocol.js'
import { oneWay, type Workload } from '../../benchmarks/workload.js'
import { CompiledBenchmarks } from '../support/benchmarks.js'

const small = oneWay('object', 64)
const trips: Workload = { type: 'round-trip', inFlight: 4 }
const patience = 20_000

let benchmarks: CompiledBenchmarks
let start: (stack: string) => Pair

beforeAll(async () => {
  benchmarks = await CompiledBenchmarks.create()
  for (const [name, value] of Object.entries(benchmarks.env)) vi.stubEnv(name, value)
  const module = (await import(benchmarks.url('pair.js').href)) as { Pair: typeof Pair }
  start = stack => new module.Pair(stack)
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await benchmarks[Symbol.asyncDispose]()
})

/** What came of 10 messages of a stack that had started. */
async function reportOf(stack: string, workload: Workload, millis = patience): Promise<Report> {
  await using pair = start(stack)
  expect((await pair.ready(patience)).type).toBe('ready')
  return await pair.run(workload, 10, millis)
}

describe('the two processes of a stack', () => {
  test.each(['sound', 'sound-json'])('send what they are asked for, one way and there and back: %s', async stack => {
    await using pair = start(stack)
    expect(await pair.ready(patience)).toMatchObject({ type: 'ready', memory: { client: expect.any(Number) } })
    expect(await pair.run(small, 10, patience)).toMatchObject({ type: 'ran', measured: { count: 10 } })
    const report = await pair.run(trips, 10, patience)
    expect(report).toMatchObject({ type: 'ran', measured: { count: 10 } })
    const { latencies = new Float64Array() } = report.type === 'ran' ? report.measured : {}
    expect([...latencies]).toEqual([...latencies].sort((a, b) => a - b))
    expect(latencies).toHaveLength(10)
  })

  test('say what a stack cannot do', async () => {
    expect(await reportOf('sound', oneWay('bytes', 64))).toMatchObject({ type: 'ran' })
    expect(await reportOf('sound-json', oneWay('bytes', 64))).toEqual({ type: 'unsupported' })
  })

  test.each([
    ['missing', { type: 'missing', reason: 'it is not installed' }],
    ['serves-not', { type: 'failed', error: expect.stringContaining('no port is free') }],
    ['connects-not', { type: 'failed', error: expect.stringContaining('nobody answers') }],
    ['unheard-of', { type: 'failed', error: expect.stringContaining(`no stack is called 'unheard-of'`) }],
  ])('say why a stack does not start: %s', async (stack, report) => {
    await using pair = start(stack)
    expect(await pair.ready(patience)).toEqual(report)
  })

  test.each([
    ['sender-ends', small, 'the sending process ended with 4'],
    ['receiver-ends', small, 'the receiving process ended with 3'],
    ['shortens', small, '10 messages with 360 bytes came of 10 with 400'],
    ['mixes-up', trips, 'order 4711 came back for order 0'],
  ])('say what is wrong with a stack: %s', async (stack, workload, error) => {
    expect(await reportOf(stack, workload)).toEqual({ type: 'failed', error: expect.stringContaining(error) })
  })

  test('say how many messages came where one is lost', async () => {
    const error = expect.stringContaining('9 messages of 10 came') as string
    expect(await reportOf('loses', small, 1_000)).toEqual({ type: 'failed', error })
  })

  test.each(['hangs', 'sender-spins', 'receiver-spins'])('are not waited for without end: %s', async stack => {
    expect(await reportOf(stack, small, 500)).toEqual({ type: 'failed', error: 'nothing came in 500 ms' })
    // A receiver whose sender had to be killed ends by itself.
    await expect.poll(() => benchmarks.running(), { timeout: patience }).not.toContain(stack)
  })

  test.each(['sound', 'closes-never'])('have both ended when that is over: %s', async stack => {
    const pair = start(stack)
    await pair.ready(patience)
    expect(await benchmarks.running()).toEqual([stack, stack])
    await pair[Symbol.asyncDispose]()
    expect(await benchmarks.running()).toEqual([])
  })

  test('fail each run after they have ended', async () => {
    await using pair = start('sender-ends')
    await pair.ready(patience)
    const ended: Report = { type: 'failed', error: 'the sending process ended with 4' }
    expect(await pair.run(small, 10, patience)).toEqual(ended)
    expect(await pair.run(small, 10, patience)).toEqual(ended)
  })
})
