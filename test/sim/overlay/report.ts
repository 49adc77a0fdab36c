import { type Experiment, healedAfter } from './experiment.js'
import type { OverlayShape } from './overlay-graph.js'

/** One run as a table. */
export function tableOf(run: Experiment, millis: number): string {
  const { nodes, fail, seed, before, after, quietMessages, messages } = run
  const healed = healedAfter(run)
  const rows = after.map((shape, index) => [index, ...cells(shape)])
  return [
    `${nodes} nodes, seed ${seed}, ${percent(fail)} fail at once; ${Math.round(millis / 100) / 10} s`,
    ...columns([['round', 'reached', 'connected', 'components', 'one-sided', 'dead', 'degree: nodes'], ...rows]),
    `before: ${cells(before).join(', ')}`,
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
  return columns([['fail', 'seeds', 'rounds (median)', 'rounds (worst)', 'never'], ...rows]).join('\n')
}

function cells({ reached, connected, components, oneSided, dead, degrees }: OverlayShape): (string | number)[] {
  const distribution = [...degrees].sort(([one], [other]) => one - other)
  return [
    ...[percent(reached), percent(connected), components, oneSided, dead],
    distribution.map(([degree, nodes]) => `${degree}: ${nodes}`).join('  '),
  ]
}

function percent(share: number): string {
  // Never 100 % where one is missing.
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`
}

function columns(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => String(row[at]).length)))
  return rows.map(row =>
    row
      .map((cell, at) => String(cell).padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
