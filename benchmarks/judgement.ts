import type { Spread } from './statistics.js'
import { type Line, number } from './table.js'

export type Bound = { readonly least: number } | { readonly most: number }

/** Unclear: some passes say so, and some not. */
export type Verdict = 'holds' | 'MISSED' | 'unclear' | 'not measured'

/** What was measured of something that is to hold. */
export interface Judgement {
  readonly name: string
  readonly wanted: Bound
  readonly measured: Spread
  /** The same by CPU of the busier process, which neighbours disturb less; NaN where there is no such thing. */
  readonly byCpu: number
  readonly verdict: Verdict
}

export function judgementOf(name: string, wanted: Bound, measured: Spread, byCpu = Number.NaN): Judgement {
  return { name, wanted, measured, byCpu, verdict: verdictOf(wanted, measured) }
}

function verdictOf(wanted: Bound, { median, low, high }: Spread): Verdict {
  if (Number.isNaN(median)) return 'not measured'
  const within = [low, median, high].map(value => ('least' in wanted ? value >= wanted.least : value <= wanted.most))
  if (within.every(holds => holds)) return 'holds'
  return within.some(holds => holds) ? 'unclear' : 'MISSED'
}

export function judgementLines(judgements: readonly Judgement[]): Line[] {
  const lines = judgements.map(({ name, wanted, measured, byCpu, verdict }) => {
    const bound = 'least' in wanted ? `>= ${wanted.least}` : `<= ${wanted.most}`
    const range = `${number(measured.low)}-${number(measured.high)}`
    return [`  ${name}`, bound, number(measured.median), range, number(byCpu), verdict]
  })
  return [['target', 'wanted', 'measured', 'low-high', 'by CPU', ''], ...lines]
}
