import { parseArgs } from 'node:util'
import { scenarios } from './scenarios.js'

export const help = `Runs whole clusters through seeded histories of faults, and checks everything that they promise.

  npm run sim -- [--histories N] [--seed S] [--scenario NAME] [--jobs N] [--no-shrink] [--failures N]

  --histories N     how many, one for each seed; default 500
  --seed S          the first seed; default 1
  --scenario NAME   ${Object.keys(scenarios).join(', ')}; default: each has its turn
  --jobs N          processes that share the work; default 2
  --no-shrink       shows the plan of a failure as it was drawn
  --failures N      ends at so many failures; default 5
  --help            this text

Exit code 0 when every promise was kept, 1 when not or when something failed, 2 when the
arguments make no sense.`

/** Arguments that make no sense. */
export class UsageError extends Error {}

export interface Settings {
  readonly histories: number
  readonly seed: number
  readonly scenario: string | undefined
  readonly jobs: number
  readonly shrink: boolean
  readonly failures: number
}

/** What to run, or `help`. */
export function parseArguments(given: readonly string[]): Settings | 'help' {
  const { help: asked, scenario, 'no-shrink': asDrawn, ...numbers } = parse(given)
  if (asked === true) return 'help'
  if (scenario !== undefined && !Object.hasOwn(scenarios, scenario)) {
    throw new UsageError(`--scenario must be one of ${Object.keys(scenarios).join(', ')}, but is '${scenario}'`)
  }
  return {
    histories: count('histories', numbers.histories, 500),
    seed: count('seed', numbers.seed, 1),
    jobs: Math.max(1, count('jobs', numbers.jobs, 2)),
    failures: count('failures', numbers.failures, 5),
    scenario,
    shrink: asDrawn !== true,
  }
}

interface Given {
  readonly help?: boolean | undefined
  readonly 'no-shrink'?: boolean | undefined
  readonly scenario?: string | undefined
  readonly histories?: string | undefined
  readonly seed?: string | undefined
  readonly jobs?: string | undefined
  readonly failures?: string | undefined
}

function parse(given: readonly string[]): Given {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...given],
      options: {
        ...{ histories: text, seed: text, scenario: text, jobs: text, failures: text, 'no-shrink': flag },
        help: { ...flag, short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function count(name: string, given: string | undefined, whenAbsent: number): number {
  const value = given === undefined ? whenAbsent : Number(given)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new UsageError(`--${name} must be a whole number, not '${given}'`)
  return value
}
