import { percentile } from '../statistics.js'
import { type Axis, logarithmic, type Panel } from './line-plot.js'

/** Latencies of one case, in milliseconds, ascending. */
export interface Latencies {
  readonly name: string
  readonly sorted: Readonly<Float64Array>
}

/** A percentile of somebody else, to compare with. */
export interface Level {
  readonly name: string
  readonly millis: number
}

/** Each tenfold in the share that is slower takes a third of the axis. */
const slowestShare = 0.001

/** Where a share of the latencies is on the axis: half of what is left is as far from the half before as that. */
export const percentileAxis: Axis = {
  label: 'percentile',
  place: share => Math.log10(1 - share) / Math.log10(slowestShare),
  ticks: [0, 0.5, 0.9, 0.99, 0.999].map(at => ({ at, text: `p${Number((at * 100).toFixed(1))}` })),
}

/** Latency by percentile, of which the rare ones take as much room as the frequent ones. */
export function percentilePanel(title: string, cases: readonly Latencies[], levels: readonly Level[] = []): Panel {
  const lines = cases.map(({ name, sorted }) => ({ name, points: curve(sorted) }))
  const all = [...lines.flatMap(({ points }) => points.map(([, millis]) => millis)), ...levels.map(one => one.millis)]
  const y = logarithmic('milliseconds', Math.min(...all), Math.max(...all))
  return { title, x: percentileAxis, y, lines, levels: levels.map(({ name, millis }) => ({ name, y: millis })) }
}

const pointsPerTenfold = 24

function curve(sorted: Readonly<Float64Array>): readonly (readonly [number, number])[] {
  // Fewer values say nothing of rarer ones.
  const tenfolds = Math.min(3, Math.log10(sorted.length))
  const count = Math.ceil(tenfolds * pointsPerTenfold)
  return Array.from({ length: count + 1 }, (_, index) => {
    const share = 1 - 10 ** -Math.min(tenfolds, index / pointsPerTenfold)
    return [share, percentile(sorted, share)] as const
  })
}
