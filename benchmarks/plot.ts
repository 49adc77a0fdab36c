import type { Figure, Section } from './results.js'
import type { Spread } from './statistics.js'
import { number } from './table.js'
import { nameOf, titleOf } from './workload.js'

/** What is drawn: a workload, the figure of it, and what that is called. */
const panels: readonly { readonly workload: string; readonly figure: Figure; readonly unit: string }[] = [
  { workload: 'object-64', figure: 'messages', unit: 'messages a second' },
  { workload: 'bytes-1024', figure: 'messages', unit: 'messages a second' },
  { workload: 'bytes-524288', figure: 'megabytes', unit: 'MB/s' },
  { workload: 'round-trip-1', figure: 'p50', unit: 'microseconds, the median; less is better' },
  { workload: 'round-trip-128', figure: 'messages', unit: 'operations a second' },
]

const [width, left, right, rowHeight, titleHeight] = [800, 140, 130, 18, 34]
const [ours, baseline, others] = ['#1b6ca8', '#777777', '#c77700']

/** Bars for each stack, a panel for each of the chosen workloads; a thin line spans the passes, and the ratio is to `ws-batched`. */
export function plotOf(sections: readonly Section[]): string {
  const parts: string[] = []
  let top = 8
  for (const { workload, figure, unit } of panels) {
    const section = sections.find(each => nameOf(each.workload) === workload)
    if (section === undefined || section.rows.length === 0) continue
    parts.push(text(8, top + 20, `${titleOf(section.workload)}: ${unit}`, 'font-weight="bold"'))
    top += titleHeight
    const most = Math.max(...section.rows.map(row => row.figures[figure].high))
    for (const { stack, figures, ratios } of section.rows) {
      const ratio = ratios[figure][0]?.median ?? Number.NaN
      parts.push(...bar(stack, figures[figure], ratio, most, top))
      top += rowHeight
    }
  }
  const height = top + 12
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>maquis beside other stacks</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function bar(stack: string, { median, low, high }: Spread, ratio: number, most: number, top: number): string[] {
  const x = (value: number): number => left + (value / most) * (width - left - right)
  const colour = stack.startsWith('maquis') ? ours : /^(ws|net)/.test(stack) ? baseline : others
  const [middle, end] = [top + rowHeight / 2, (x(median) - left).toFixed(1)]
  return [
    text(left - 8, middle + 4, stack, 'text-anchor="end"'),
    `<rect x="${left}" y="${top + 3}" width="${end}" height="${rowHeight - 6}" fill="${colour}"/>`,
    `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#000"/>`,
    text(x(high) + 6, middle + 4, `${number(median)} (${number(ratio)})`, ''),
  ]
}

function text(x: number, y: number, content: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`
}
