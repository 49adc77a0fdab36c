import { parseArgs } from 'node:util'
import { type OverlayName, overlays, restDefault } from './experiment.js'

export const help = `Grows an overlay, fails a share of its nodes in one moment, and watches the survivors.

  npm run sim:overlay -- [--overlay NAME] [--nodes N] [--fail SHARE[,SHARE...]] [--seed S] [--seeds N]
                         [--contacts N] [--rest R] [--rounds R] [--plot FILE]

  --overlay NAME hyparview or scamp; default hyparview
  --nodes N      how many nodes; default 10000
  --fail SHARE   shares from 0 to 0.99; default 0.5,0.8,0.9,0.95
  --seed S       the first seed; default 1
  --seeds N      as many seeds, one after another; default 1
  --contacts N   nodes join one of the first N; default: any that is there
  --rest R       rounds between the last start and the failure, from 2 on; default 10. A round is 10 s: the
                 shuffle interval of HyParView, the heartbeat interval of SCAMP. A lease of SCAMP has 60
  --rounds R     rounds after the failure; default 10
  --plot FILE    writes a plot there; default: none (that of the docs is docs/hyparview.svg)
  --help         this text

Exit code 0 when in every run all survivors were reached in the end, 1 when not, 2 when the arguments
make no sense.`

/** Arguments that make no sense. */
export class UsageError extends Error {}

export interface Settings {
  readonly overlay: OverlayName
  readonly nodes: number
  readonly fail: readonly number[]
  readonly seed: number
  readonly seeds: number
  readonly contacts: number
  readonly rest: number
  readonly rounds: number
  readonly plot: string | undefined
}

/** What to run, or `help`. */
export function parseArguments(given: readonly string[]): Settings | 'help' {
  const values = parse(given)
  if (values.help === true) return 'help'
  return {
    overlay: overlay(values.overlay ?? 'hyparview'),
    nodes: count('nodes', values.nodes, 10_000, 2),
    fail: (values.fail ?? '0.5,0.8,0.9,0.95').split(',').map(share),
    seed: count('seed', values.seed, 1, 0),
    seeds: count('seeds', values.seeds, 1, 1),
    contacts: count('contacts', values.contacts, Number.MAX_SAFE_INTEGER, 1),
    rest: count('rest', values.rest, restDefault, 2),
    rounds: count('rounds', values.rounds, 10, 1),
    plot: values.plot,
  }
}

interface Given {
  readonly overlay?: string | undefined
  readonly nodes?: string | undefined
  readonly fail?: string | undefined
  readonly seed?: string | undefined
  readonly seeds?: string | undefined
  readonly contacts?: string | undefined
  readonly rest?: string | undefined
  readonly rounds?: string | undefined
  readonly plot?: string | undefined
  readonly help?: boolean | undefined
}

function parse(given: readonly string[]): Given {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...given],
      options: {
        ...{ overlay: text, nodes: text, fail: text, seed: text, seeds: text, contacts: text },
        ...{ rest: text, rounds: text, plot: text },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function overlay(text: string): OverlayName {
  const found = overlays.find(name => name === text)
  if (found !== undefined) return found
  throw new UsageError(`--overlay must be one of ${overlays.join(', ')}, but is '${text}'`)
}

function count(name: string, text: string | undefined, fallback: number, least: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`--${name} must be a whole number from ${least} on, but is '${text}'`)
}

function share(text: string): number {
  const value = Number(text)
  if (text !== '' && value >= 0 && value <= 0.99) return value
  throw new UsageError(`--fail must be shares from 0 to 0.99, but has '${text}'`)
}
