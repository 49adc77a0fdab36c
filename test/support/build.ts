import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** What the compiler said of `src`, empty when it was content. */
    buildErrors: string
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const dist = join(root, 'dist')
const stamp = join(root, 'build', 'dist.stamp')

/**
 * Builds `dist` once before all tests: child processes and the examples of the documentation run what users run.
 * Tests that need no `dist` still run when it does not compile; `docs.test.ts` reports what the compiler said.
 */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('buildErrors', (await isFresh()) ? '' : await build())
}

async function isFresh(): Promise<boolean> {
  if (!existsSync(stamp) || !existsSync(join(dist, 'index.js'))) return false
  const built = (await stat(stamp)).mtimeMs
  const inputs = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'src']
  for (const entry of await readdir(join(root, 'src'), { recursive: true })) inputs.push(join('src', entry))
  const times = await Promise.all(inputs.map(async input => (await stat(join(root, input))).mtimeMs))
  return times.every(time => time < built)
}

/** Compiles beside `dist` and then takes its place, so that whoever runs from `dist` meanwhile finds it whole. */
async function build(): Promise<string> {
  const started = new Date()
  const next = join(root, 'build', `dist-${process.pid}`)
  await mkdir(next, { recursive: true })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const errors = await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', next], {
    cwd: root,
  }).then(
    () => '',
    (failure: { stdout?: string; message: string }) => failure.stdout || failure.message,
  )
  await rm(dist, { recursive: true, force: true })
  await rename(next, dist)
  await rm(stamp, { force: true })
  if (errors !== '') return errors
  await writeFile(stamp, '')
  await utimes(stamp, started, started)
  return ''
}
