import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../support/examples.js'
import { parseArguments, UsageError } from './arguments.js'

const folder = join(root, 'build', `sim-${process.pid}`)
const run = promisify(execFile)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The command, as `npm run sim` runs it. */
async function sim(...args: readonly string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, [join(folder, 'main.js'), ...args], { cwd: root })) }
  } catch (error) {
    return error as Ended
  }
}

function digestIn({ stdout }: Ended): string | undefined {
  return /^digest ([0-9a-f]{16})$/m.exec(stdout)?.[1]
}

describe('npm run sim', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    await run(process.execPath, [tsc, '-p', 'test/sim/tsconfig.json', '--outDir', folder], { cwd: root })
  }, 120_000)

  afterAll(async () => rm(folder, { recursive: true, force: true }))

  test('has one digest, however many processes share the work', async () => {
    const [one, two] = [await sim('--histories', '4', '--jobs', '1'), await sim('--histories', '4', '--jobs', '2')]
    expect([one.code, one.stdout]).toEqual([0, expect.stringContaining('every promise was kept')])
    expect(digestIn(one)).toBeDefined()
    expect(digestIn(two)).toBe(digestIn(one))
    const other = await sim('--histories', '4', '--seed', '2', '--scenario', 'full-mesh')
    expect(digestIn(other)).not.toBe(digestIn(one))
  })

  test('says what is wrong with its arguments', async () => {
    const { code, stderr } = await sim('--scenario', 'nowhere')
    expect([code, stderr]).toEqual([2, expect.stringContaining('--scenario must be one of full-mesh')])
    expect((await sim('--help')).stdout).toContain('npm run sim -- [--histories N]')
    for (const bad of [['--histories', 'many'], ['--seed', '-1'], ['--sed', '1'], ['extra']]) {
      expect(() => parseArguments(bad)).toThrow(UsageError)
    }
  })
})
