import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem, type } from 'node:os'

/** Where something was measured, and of what: what has to be the same where two results are compared. */
export interface Environment {
  readonly cpus: number
  readonly cpu: string
  readonly memory: number
  readonly system: string
  readonly node: string
  readonly date: string
  /** Of the last minute, before anything was measured: who else was busy. */
  readonly load: number
  /** The commit of maquis, and of what it is compared with; undefined where there is none. */
  readonly versions: Readonly<Record<string, string | undefined>>
}

export function environment(): Environment {
  return {
    cpus: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memory: totalmem(),
    system: type(),
    node: process.version,
    date: new Date().toISOString(),
    load: load(),
    versions: {
      maquis: told('git', 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'),
      'nats-server': told('nats-server', '--version'),
      ...peers(),
    },
  }
}

/** Processes that wanted a processor, on average over the last minute. */
export function load(): number {
  return loadavg()[0] ?? Number.NaN
}

function told(command: string, ...given: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, given, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** The exact versions that this folder asks for. */
function peers(): Readonly<Record<string, string>> {
  const { devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const { maquis: _, ...others } = devDependencies
  return others
}
