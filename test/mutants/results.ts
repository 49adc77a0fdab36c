import type { Mutant } from './mutant.js'
import type { StageName } from './stages.js'

/** What became of a mutant. */
export interface Result {
  readonly area: string
  readonly mutant: Mutant
  /** Undefined: nothing killed it. */
  readonly killed: { readonly stage: StageName; readonly by: string } | undefined
  readonly seconds: number
}

/** The share of all mutants that has to be killed. */
export const shareWanted = 0.95

/** `killed`; `explained`: it survived, and it says why; `survived`. */
export function outcomeOf({ killed, mutant }: Result): 'killed' | 'explained' | 'survived' {
  if (killed !== undefined) return 'killed'
  return mutant.survives === undefined ? 'survived' : 'explained'
}

export function shareOf(results: readonly Result[]): number {
  return results.length === 0 ? 1 : results.filter(({ killed }) => killed !== undefined).length / results.length
}

/** One line about a mutant. */
export function lineOf(result: Result): string {
  const { mutant, killed, seconds } = result
  const head = `${seconds.toFixed(1).padStart(6)} s  ${outcomeOf(result).padEnd(9)}  ${mutant.name}`
  if (killed !== undefined) return `${head}\n           ${killed.stage}: ${killed.by}`
  return `${head}\n           ${mutant.file}${mutant.survives === undefined ? '' : `: ${mutant.survives}`}`
}

/** A table by area, with the stages that killed. */
export function tableOf(results: readonly Result[]): string {
  const heads = ['area', 'mutants', 'killed', 'likely', 'related', 'simulator', 'rest', 'explained', 'survived']
  const rows = [...new Set(results.map(({ area }) => area))].map(area => row(area, results))
  const all = [heads, ...rows, row(undefined, results)]
  const widths = heads.map((_, column) => Math.max(...all.map(cells => (cells[column] ?? '').length)))
  return all
    .map(cells => cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map(cells => cells.join('  '))
    .join('\n')
}

function row(area: string | undefined, results: readonly Result[]): string[] {
  const own = area === undefined ? results : results.filter(result => result.area === area)
  const count = (wanted: (result: Result) => boolean): string => String(own.filter(wanted).length)
  return [
    area ?? 'all',
    String(own.length),
    count(({ killed }) => killed !== undefined),
    ...(['likely', 'related', 'simulator', 'rest'] as const).map(stage =>
      count(({ killed }) => killed?.stage === stage),
    ),
    count(result => outcomeOf(result) === 'explained'),
    count(result => outcomeOf(result) === 'survived'),
  ]
}
