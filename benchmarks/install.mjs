/// <reference types="node" />
// Installs what the benchmarks compare with, unless what is installed is newer than the list of it.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = new URL('.', import.meta.url)
const [installed, listed] = ['node_modules/.package-lock.json', 'package-lock.json'].map(
  name => statSync(new URL(name, folder), { throwIfNoEntry: false })?.mtimeMs ?? 0,
)

if (installed < listed) {
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund']
  const { status } = spawnSync('npm', ['ci', ...quiet], { cwd: fileURLToPath(folder), stdio: ['ignore', 2, 2] })
  process.exitCode = status ?? 1
}
