import type { Experiment } from './experiment.js'

const titles = { hyparview: 'HyParView', scamp: 'SCAMP' }
const colours = ['#1b6ca8', '#2a9d5c', '#c77700', '#b3261e', '#6b4fa0']
const [width, height, left, top] = [640, 320, 56, 40]

/** The share of the survivors that are in the largest component, by round, a line for each share of failures. */
export function plotOf(runs: readonly Experiment[]): string {
  const rounds = Math.max(...runs.map(({ after }) => after.length - 1))
  const x = (round: number): number => left + (round / rounds) * (width - left - 130)
  const y = (share: number): number => top + (1 - share) * (height - top - 48)
  const shares = [...new Set(runs.map(({ fail }) => fail))]
  const { nodes, overlay } = runs[0] as Experiment
  const seeds = runs.length / shares.length
  const many = seeds === 1 ? '1 seed' : `${seeds} seeds`
  const title = `${titles[overlay]}, ${nodes.toLocaleString('en')} nodes, ${many}, the worst of each`
  const lines = shares.map((fail, index) => {
    const of = runs.filter(run => run.fail === fail)
    const worst = Array.from({ length: rounds + 1 }, (_, at) =>
      Math.min(...of.map(({ after }) => after[at]?.connected ?? 1)),
    )
    const points = worst.map((share, round) => `${x(round).toFixed(1)},${y(share).toFixed(1)}`).join(' ')
    const colour = colours[index % colours.length]
    const label = text(width - 118, top + 16 + index * 20, `${Math.round(fail * 100)} % fail`, `fill="${colour}"`)
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>\n${label}`
  })
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    share =>
      `<line x1="${left}" x2="${x(rounds)}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>\n` +
      text(left - 8, y(share) + 4, `${share * 100} %`, 'text-anchor="end"'),
  )
  const ticks = Array.from({ length: rounds + 1 }, (_, round) =>
    text(x(round), y(0) + 18, String(round), 'text-anchor="middle"'),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(left, 22, title, 'font-weight="bold"'),
    ...grid,
    ...ticks,
    text(
      x(rounds / 2),
      height - 8,
      'rounds after the failure; survivors in the largest component',
      'text-anchor="middle"',
    ),
    ...lines,
    '</svg>\n',
  ].join('\n')
}

function text(x: number, y: number, content: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`
}
