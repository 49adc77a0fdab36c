import type { Figure, Results, Row, Section } from './results.js'
import type { Outcome } from './runner.js'
import { stackNames } from './stacks.js'
import type { Spread } from './statistics.js'
import { type Line, number, tableOf } from './table.js'
import { judge, targets } from './targets.js'
import { titleOf, type Workload } from './workload.js'

/** Everything that was measured, as a text. */
export function reportOf(outcome: Outcome, results: Results, sections: readonly Section[]): string {
  const parts = [
    ...(['one-way', 'round-trip'] as const)
      .map(type => sections.filter(({ workload }) => workload.type === type))
      .filter(those => those.length > 0)
      .map(those => tableOf(those.flatMap(linesOf))),
    tableOf(memoryLines(results, sections)),
    tableOf(targetLines(results)),
    ...[...outcome.missing].map(([stack, reason]) => `LEFT OUT: ${stack}: ${reason}`),
    ...outcome.failures.map(({ stack, workload, error }) => `FAILED: ${stack}, ${workload}: ${error}`),
  ]
  return parts.map(part => part.trimEnd()).join('\n\n')
}

function linesOf({ workload, rows }: Section): Line[] {
  return [[titleOf(workload), ...headings[workload.type]], ...rows.map(row => line(row, workload)), '']
}

/** How a figure compares with the two baselines. */
const ratioHeadings = ['x ws', 'x net']
const headings: Readonly<Record<Workload['type'], readonly string[]>> = {
  'one-way': [
    ...['msg/s', 'low-high', 'MB/s', ...ratioHeadings],
    ...['CPU us', ...ratioHeadings, 'receiver', ...ratioHeadings],
  ],
  'round-trip': [
    ...['op/s', 'low-high', ...ratioHeadings, 'p50 us', 'low-high', ...ratioHeadings],
    ...['p99', ...ratioHeadings, 'p99.9', ...ratioHeadings, 'CPU us', 'receiver'],
  ],
}

function line({ stack, figures, ratios }: Row, { type }: Workload): string[] {
  const middle = (figure: Figure): string => number(figures[figure].median)
  const to = (figure: Figure): string[] => ratios[figure].map(ratio => number(ratio))
  const rate = [`  ${stack}`, middle('messages'), range(figures.messages)]
  if (type === 'one-way') {
    const cpu = (['clientCpu', 'serverCpu'] as const).flatMap(figure => [middle(figure), ...to(figure)])
    return [...rate, middle('megabytes'), ...to('messages'), ...cpu]
  }
  const tails = (['p99', 'p999'] as const).flatMap(figure => [middle(figure), ...to(figure)])
  const p50 = [middle('p50'), range(figures.p50), ...to('p50')]
  return [...rate, ...to('messages'), ...p50, ...tails, middle('clientCpu'), middle('serverCpu')]
}

function range({ low, high }: Spread): string {
  return `${number(low)}-${number(high)}`
}

function memoryLines(results: Results, sections: readonly Section[]): Line[] {
  const measured = new Set(sections.flatMap(({ rows }) => rows.map(({ stack }) => stack)))
  const stacks = stackNames.filter(stack => measured.has(stack))
  const mebibytes = (bytes: number): string => number(bytes / 1_048_576)
  const cells = ([start, peak]: readonly [number, number]): string[] => [mebibytes(peak), mebibytes(peak - start)]
  return [
    ['peak memory, MiB', 'sender', 'more than at the start', 'receiver', 'more than at the start'],
    ...stacks.map(stack => {
      const { client, server } = results.memory(stack)
      return [`  ${stack}`, ...cells(client), ...cells(server)]
    }),
  ]
}

function targetLines(results: Results): Line[] {
  const lines = targets.map(target => {
    const { measured, byCpu, holds } = judge(target, results)
    const { name, of, to, wanted } = target
    const bound = 'least' in wanted ? `>= ${wanted.least}` : `<= ${wanted.most}`
    const verdict = holds === undefined ? 'not measured' : holds ? 'holds' : 'MISSED'
    return [`  ${name}: ${of} / ${to}`, bound, number(measured), number(byCpu), verdict]
  })
  return [['target', 'wanted', 'measured', 'by CPU', ''], ...lines]
}
