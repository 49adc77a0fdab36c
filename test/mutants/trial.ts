import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkout } from './checkout.js'
import { run } from './processes.js'

/** How a run of tests ended: undefined when all of them passed. */
export interface Failure {
  /** The first test that failed, or what else it was. */
  readonly by: string
  /** The file of that test, from the root; undefined where nobody knows. */
  readonly file: string | undefined
}

export interface Trial {
  readonly failure: Failure | undefined
  readonly seconds: number
  /** Milliseconds that each file took, and whether its tests passed. */
  readonly files: ReadonlyMap<string, { readonly millis: number; readonly passed: boolean }>
}

/** What vitest's JSON reporter writes. */
interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

export interface TrialOptions {
  /** Milliseconds, after which it counts as hanging. */
  readonly limit: number
  /** Whether the first failure ends it. */
  readonly bail: boolean
  readonly env?: NodeJS.ProcessEnv
}

/** Runs test files in a checkout. */
export async function tryTests(
  checkout: Checkout,
  tests: readonly string[],
  { limit, bail, env = {} }: TrialOptions,
): Promise<Trial> {
  if (tests.length === 0) return { failure: undefined, seconds: 0, files: new Map() }
  const reportPath = join(checkout.root, 'build', 'report.json')
  await rm(reportPath, { force: true })
  const args = [
    ...[
      'node_modules/vitest/vitest.mjs',
      'run',
      ...tests,
      '--maxWorkers=1',
      '--no-isolate',
      '--no-cache',
      '--configLoader=runner',
    ],
    ...['--reporter=json', `--outputFile=${reportPath}`, `--testTimeout=${testTimeout}`, ...(bail ? ['--bail=1'] : [])],
  ]
  const { code, seconds, output } = await run(checkout.root, args, limit, env)
  const report = await readReport(reportPath)
  const files = new Map(
    (report?.testResults ?? []).map(({ name, startTime, endTime, status }) => [
      name.slice(checkout.root.length + 1),
      { millis: endTime - startTime, passed: status === 'passed' },
    ]),
  )
  if (code === 0) return { failure: undefined, seconds, files }
  return { failure: failureOf(report, code, checkout.root, output), seconds, files }
}

function failureOf(report: Report | undefined, code: number | undefined, root: string, output: string): Failure {
  for (const { name, status, assertionResults } of report?.testResults ?? []) {
    const file = name.slice(root.length + 1)
    const failed = assertionResults.find(result => result.status === 'failed')
    if (failed !== undefined) return { by: `${file}: ${failed.fullName}`, file }
    if (status === 'failed') return { by: `${file}: it does not load`, file }
  }
  if (code === undefined) return { by: 'it hangs', file: undefined }
  const line = output.split('\n').find(text => text.includes('Error')) ?? `exit code ${code}`
  return { by: `an error that no test caught: ${line.trim().slice(0, 200)}`, file: undefined }
}

async function readReport(path: string): Promise<Report | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Report
  } catch {
    return undefined
  }
}

/** A test that waits for what never comes is given up after so many milliseconds. */
const testTimeout = 15_000
