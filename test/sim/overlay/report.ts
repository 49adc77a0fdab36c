import { type Experiment, healedAfter, type OverlayName } from './experiment.js'
import type { OverlayShape } from './overlay-graph.js'

/** One run as a table. */
export function tableOf(run: Experiment, millis: number): string {
  const { overlay, nodes, fail, seed, before, after, quietMessages, messages } = run
  const healed = healedAfter(run)
  const columns = columnsOf(overlay)
  const rows = after.map((shape, index) => [index, ...columns.map(([, cell]) => cell(shape))])
  const quiet = columns.map(([head, cell]) => `${head} ${cell(before)}`)
  return [
    `${overlay}: ${nodes} nodes, seed ${seed}, ${percent(fail)} fail at once; ${Math.round(millis / 100) / 10} s`,
    ...aligned([['round', ...columns.map(([head]) => head)], ...rows]),
    `before: ${quiet.join(', ')}`,
    `messages per node and round: ${quietMessages.toFixed(1)} when quiet, ${messages.toFixed(1)} after the failure`,
    healed === undefined ? 'NOT HEALED' : `every survivor is reached from round ${healed} on`,
  ].join('\n')
}

/** Over all seeds: how soon everybody was reached. */
export function summaryOf(runs: readonly Experiment[]): string {
  const shares = [...new Set(runs.map(({ fail }) => fail))]
  const rows = shares.map(fail => {
    const healed = runs.filter(run => run.fail === fail).map(healedAfter)
    const rounds = healed.filter(each => each !== undefined).sort((a, b) => a - b)
    const middle = rounds[Math.floor(rounds.length / 2)] ?? '-'
    return [percent(fail), healed.length, middle, rounds.at(-1) ?? '-', healed.length - rounds.length]
  })
  return aligned([['fail', 'seeds', 'rounds (median)', 'rounds (worst)', 'never'], ...rows]).join('\n')
}

type Column = readonly [head: string, cell: (shape: OverlayShape) => string | number]

const everywhere: readonly Column[] = [
  ['reached', ({ reached }) => percent(reached)],
  ['connected', ({ connected }) => percent(connected)],
  ['components', ({ components }) => components],
  ['dead', ({ dead }) => dead],
]

/** Neighbours of HyParView know each other, and are few. Views of SCAMP are directed, and grow with the overlay. */
function columnsOf(overlay: OverlayName): readonly Column[] {
  if (overlay === 'hyparview') {
    return [...everywhere, ['one-sided', ({ oneSided }) => oneSided], ['degree: nodes', distributionOf]]
  }
  return [...everywhere, ['unheld', ({ unheld }) => unheld], ['views: mean (range)', rangeOf]]
}

function distributionOf({ degrees }: OverlayShape): string {
  const distribution = [...degrees].sort(([one], [other]) => one - other)
  return distribution.map(([degree, nodes]) => `${degree}: ${nodes}`).join('  ')
}

function rangeOf({ degrees }: OverlayShape): string {
  const sizes = [...degrees.keys()]
  return `${meanDegree(degrees).toFixed(1)} (${Math.min(...sizes)}-${Math.max(...sizes)})`
}

function meanDegree(degrees: ReadonlyMap<number, number>): number {
  let [sum, nodes] = [0, 0]
  for (const [degree, count] of degrees) [sum, nodes] = [sum + degree * count, nodes + count]
  return sum / nodes
}

function percent(share: number): string {
  // Never 100 % where one is missing.
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`
}

function aligned(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => String(row[at]).length)))
  return rows.map(row =>
    row
      .map((cell, at) => String(cell).padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
