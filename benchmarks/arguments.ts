import { parseArgs } from 'node:util'
import type { Extent } from './experiments/experiment.js'
import { experimentNames } from './experiments/experiments.js'
import { stackNames } from './stacks.js'
import { nameOf, type Workload, workloads } from './workload.js'

const allNames = workloads.map(nameOf)

export const help = `Measures maquis and other stacks, each in two processes on loopback, and prints one table.

Usage: npm run bench -- [--quick | --smoke] [--only STACK[,STACK...]] [--workload NAME[,NAME...]] [--passes N]

  --quick          shorter runs, two passes, and nothing of 8 MiB: less than two minutes
  --smoke          every stack and workload once, with a handful of messages: tells whether they work, not how fast
  --only STACKS    default: all of ${stackNames.join(', ')}
  --workload NAMES default: all of ${[...allNames, ...experimentNames].join(', ')}.
                   The last ${experimentNames.length} are of maquis alone: beside --only they are to be named
  --passes N       how many passes count; default 5, with --quick 2
  --help           this text

The table goes to standard output, everything else to standard error. All runs are in results/latest.json (with
--quick quick.json, with --only or --workload partial.json), and a plot beside it. Exit code 0 when all stacks that are
installed ran, 1 when one failed or none is installed, 2 when the arguments make no sense.`

/** What takes long, or tells little that others do not, and what no target is about. */
const leftOutOfQuick = ['object-16384', 'object-8388608', 'bytes-8388608']

/** Arguments that make no sense. */
export class UsageError extends Error {}

export interface Settings {
  readonly stacks: readonly string[]
  readonly workloads: readonly Workload[]
  readonly passes: number
  /** How long a run takes, and how long each stack is warmed up for each workload. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How many round trips a run has at the least, and how many of the largest messages. */
  readonly leastTrips: number
  readonly leastMessages: number
  readonly smoke: boolean
  /** Whether only some stacks or workloads were asked for. */
  readonly partial: boolean
  /** What is measured of maquis alone, and how much of it. */
  readonly experiments: readonly string[]
  readonly extent: Extent
}

/** What to measure, or `help`. */
export function parseArguments(given: readonly string[]): Settings | 'help' {
  const values = parse(given)
  if (values.help === true) return 'help'
  const { quick = false, smoke = false } = values
  if (quick && smoke) throw new UsageError('--quick and --smoke exclude each other')
  const names = quick ? allNames.filter(name => !leftOutOfQuick.includes(name)) : allNames
  const unnamed = [...names, ...(values.only === undefined ? experimentNames : [])]
  const chosen = listed('workload', values.workload, [...allNames, ...experimentNames], unnamed)
  return {
    stacks: listed('only', values.only, stackNames),
    workloads: chosen.flatMap(named),
    passes: count('passes', values.passes, smoke ? 0 : quick ? 2 : 5),
    seconds: smoke ? 0 : quick ? 0.1 : 0.35,
    warmUpSeconds: smoke ? 0 : quick ? 0.15 : 0.7,
    leastTrips: smoke ? 1 : quick ? 1_000 : 2_000,
    leastMessages: smoke ? 1 : 8,
    smoke,
    partial: values.only !== undefined || values.workload !== undefined,
    experiments: chosen.filter(name => experimentNames.includes(name)),
    extent: smoke ? 'smoke' : quick ? 'quick' : 'full',
  }
}

interface Given {
  readonly quick?: boolean
  readonly smoke?: boolean
  readonly only?: string
  readonly workload?: string
  readonly passes?: string
  readonly help?: boolean
}

function parse(given: readonly string[]): Given {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const
  try {
    return parseArgs({
      args: [...given],
      options: {
        ...{ quick: flag, smoke: flag, only: text, workload: text, passes: text },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Those of `all` that were named, in the order of `all`; where none was, `unnamed`. */
function listed(
  option: string,
  text: string | undefined,
  all: readonly string[],
  unnamed: readonly string[] = all,
): readonly string[] {
  if (text === undefined) return unnamed
  const names = text.split(',').map(name => name.trim())
  const unknown = names.find(name => !all.includes(name))
  if (unknown !== undefined) throw new UsageError(`--${option} knows ${all.join(', ')}, but not '${unknown}'`)
  return all.filter(name => names.includes(name))
}

function named(name: string): readonly Workload[] {
  return workloads.filter(workload => nameOf(workload) === name)
}

function count(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new UsageError(`--${name} must be a whole number from 1 on, but is '${text}'`)
}
