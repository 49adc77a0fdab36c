/// <reference types="node" />
// Installs what the benchmarks compare with, unless just that is installed, and removes what was compiled before.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = new URL('.', import.meta.url)
const listed = readFileSync(new URL('package-lock.json', folder), 'utf8')
/** A copy of the list of what is installed. */
const installed = new URL('node_modules/.installed.json', folder)

rmSync(new URL('build', folder), { recursive: true, force: true })
if (read(installed) !== listed) {
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund']
  const { status } = spawnSync('npm', ['ci', ...quiet], { cwd: fileURLToPath(folder), stdio: ['ignore', 2, 2] })
  if (status === 0) writeFileSync(installed, listed)
  process.exitCode = status ?? 1
}

/** @param {URL} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
