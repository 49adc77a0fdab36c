import type { Figure, Results, Row, Section, Taken } from './results.js'
import type { Outcome } from './runner.js'
import { stackNames } from './stacks.js'
import type { Spread } from './statistics.js'
import { type Line, number, tableOf } from './table.js'
import { titleOf, type Workload } from './workload.js'

/** Everything that was measured, as a text. */
export function reportOf(outcome: Outcome, results: Results, sections: readonly Section[]): string {
  const parts = [
    ...(['one-way', 'round-trip'] as const)
      .map(type => sections.filter(({ workload }) => workload.type === type))
      .filter(those => those.length > 0)
      .map(those => tableOf(those.flatMap(linesOf))),
    tableOf(memoryLines(results, sections)),
    ...[...outcome.missing].map(([stack, reason]) => `LEFT OUT: ${stack}: ${reason}`),
    ...outcome.failures.map(({ stack, workload, error }) => `FAILED: ${stack}, ${workload}: ${error}`),
  ]
  return parts.map(part => part.trimEnd()).join('\n\n')
}

function linesOf({ workload, rows }: Section): Line[] {
  return [[titleOf(workload), ...headings[workload.type]], ...rows.map(row => line(row, workload)), '']
}

/** How a figure compares with the two baselines. */
const ratioHeadings = ['x ws-b', 'x net-b']
const headings: Readonly<Record<Workload['type'], readonly string[]>> = {
  'one-way': [
    ...['msg/s', 'low-high', 'MB/s', ...ratioHeadings],
    ...['CPU us: sender', ...ratioHeadings, 'receiver', ...ratioHeadings],
  ],
  'round-trip': [
    ...['op/s', 'low-high', ...ratioHeadings, 'p50 us', 'low-high', ...ratioHeadings],
    ...['p99', ...ratioHeadings, 'p99.9', ...ratioHeadings],
    ...['CPU us: sender', ...ratioHeadings, 'receiver', ...ratioHeadings],
  ],
}

function line({ stack, figures, ratios }: Row, { type }: Workload): string[] {
  const middle = (figure: Figure): string => number(figures[figure].median)
  const to = (figure: Figure): string[] => ratios[figure].map(ratio => number(ratio.median))
  const rate = [`  ${stack}`, middle('messages'), range(figures.messages)]
  const cpu = (['clientCpu', 'serverCpu'] as const).flatMap(figure => [middle(figure), ...to(figure)])
  if (type === 'one-way') return [...rate, middle('megabytes'), ...to('messages'), ...cpu]
  const tails = (['p99', 'p999'] as const).flatMap(figure => [middle(figure), ...to(figure)])
  return [...rate, ...to('messages'), middle('p50'), range(figures.p50), ...to('p50'), ...tails, ...cpu]
}

function range({ low, high }: Spread): string {
  return `${number(low)}-${number(high)}`
}

function memoryLines(results: Results, sections: readonly Section[]): Line[] {
  const measured = new Set(sections.flatMap(({ rows }) => rows.map(({ stack }) => stack)))
  const stacks = stackNames.filter(stack => measured.has(stack))
  const cells = ({ bytes, ratios }: Taken): string[] => [number(bytes / 1_048_576), ...ratios.map(number)]
  return [
    [
      ...['peak memory, MiB', 'workloads'],
      ...['sender', 'receiver'].flatMap(side => [side, ...ratioHeadings, 'more than at the start', ...ratioHeadings]),
    ],
    ...stacks.map(stack => {
      const { client, server, workloads } = results.memory(stack)
      // It is a peak: who did not do everything may have been spared what takes most.
      const ran = `${workloads} of ${sections.length}${workloads < sections.length ? ' (!)' : ''}`
      return [`  ${stack}`, ran, ...[client.peak, client.growth, server.peak, server.growth].flatMap(cells)]
    }),
  ]
}
