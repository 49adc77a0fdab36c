import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CompiledBenchmarks } from '../support/benchmarks.js'

let benchmarks: CompiledBenchmarks
let last: ChildProcess | undefined

beforeAll(async () => {
  benchmarks = await CompiledBenchmarks.create()
})

afterEach(() => {
  last?.kill('SIGKILL')
})

afterAll(() => benchmarks[Symbol.asyncDispose]())

/** Runs the benchmarks, with what they tell so far. */
function start(...given: readonly string[]): {
  readonly child: ChildProcess
  readonly told: { out: string; err: string }
} {
  const env = { ...process.env, ...benchmarks.env }
  const child = spawn(process.execPath, [fileURLToPath(benchmarks.url('main.js')), ...given], { env })
  last = child
  const told = { out: '', err: '' }
  child.stdout.on('data', (text: Buffer) => {
    told.out += text.toString()
  })
  child.stderr.on('data', (text: Buffer) => {
    told.err += text.toString()
  })
  return { child, told }
}

/** Runs them to their end. */
async function run(...given: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { child, told } = start(...given)
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...told }
}

interface Saved {
  readonly settings: { readonly passes: number }
  readonly runs: readonly { readonly stack: string; readonly pass: number }[]
  readonly failures: readonly { readonly stack: string; readonly workload: string }[]
}

const short = ['--quick', '--workload', 'object-64'] as const

describe('the benchmarks', () => {
  test('end with 0 when every stack ran, and leave their table, all runs and a plot', async () => {
    const { code, out, err } = await run(...short, '--only', 'sound,sound-json')
    expect(err).not.toContain('FAILED')
    expect(code).toBe(0)
    expect(out).toMatch(/^one way, an object, 64 B/m)
    for (const stack of ['sound', 'sound-json']) expect(out).toMatch(new RegExp(`^ {2}${stack} +[0-9,]+ `, 'm'))
    const { runs, failures } = (await benchmarks.results('partial.json')) as Saved
    expect(runs.map(({ stack, pass }) => `${stack} ${pass}`).sort()).toEqual([
      ...['sound 1', 'sound 2', 'sound-json 1', 'sound-json 2'],
    ])
    expect(failures).toEqual([])
    expect(await benchmarks.running()).toEqual([])
  })

  test('end with 1 when one failed, name it, and measure the others', async () => {
    const { code, out } = await run(...short, '--only', 'sound,shortens')
    expect(code).toBe(1)
    expect(out).toContain('FAILED: shortens, object-64: ')
    expect(out).toMatch(/^ {2}sound +[0-9,]+ /m)
    const { failures } = (await benchmarks.results('partial.json')) as Saved
    expect(failures).toMatchObject([{ stack: 'shortens', workload: 'object-64' }])
  })

  test('end with 1 when no stack is installed, and say what is missing', async () => {
    const { code, out } = await run('--smoke', '--workload', 'object-64', '--only', 'missing')
    expect(code).toBe(1)
    expect(out).toContain('LEFT OUT: missing: it is not installed')
  })

  test('end with 0 when all that is installed ran', async () => {
    const { code, out } = await run('--smoke', '--workload', 'object-64,round-trip-16', '--only', 'sound,missing')
    expect(out).toContain('1 stacks ran 2 workloads, 0 failures')
    expect(code).toBe(0)
  })

  test('end with 2, and measure nothing, when the arguments make no sense', async () => {
    const { code, out, err } = await run('--only', 'soundd')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(`--only knows sound,`)
    expect(err).toContain('--help tells more')
  })

  test('leave what they have after each pass, and no process, however they end', async () => {
    const { child, told } = start(...short, '--only', 'sound,closes-never', '--passes', '1000')
    await expect.poll(() => told.err, { timeout: 60_000 }).toContain('pass 2 of 1000')
    child.kill('SIGKILL')
    await once(child, 'close')
    const { settings, runs } = (await benchmarks.results('partial.json')) as Saved
    expect(settings.passes).toBe(1_000)
    const first = runs.filter(({ pass }) => pass === 1)
    expect(first.map(({ stack }) => stack).sort()).toEqual(['closes-never', 'sound'])
    await expect.poll(() => benchmarks.running(), { timeout: 60_000 }).toEqual([])
  })
})
