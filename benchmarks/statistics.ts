/** What several runs gave. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** NaN of nothing. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN }
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) }
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  if (!Number.isInteger(middle)) return sorted[Math.floor(middle)] ?? Number.NaN
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** The smallest value that at least this share of the values does not exceed (nearest rank). `sorted` is ascending. */
export function percentile(sorted: Readonly<Float64Array>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** A percentile, or NaN where fewer than ten values lie beyond it: a few of them say nothing of the next ones. */
export function supportedPercentile(sorted: Readonly<Float64Array>, share: number): number {
  return sorted.length < 10 / (1 - share) ? Number.NaN : percentile(sorted, share)
}

/** The values of all parts, ascending. */
export function joined(parts: readonly Readonly<Float64Array>[]): Float64Array {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all.sort()
}

/**
 * How many times a figure is another one. Each pass is compared with itself, because a busy neighbour slows both of
 * its runs. Passes that lack one of the two do not count.
 */
export function ratio(these: ReadonlyMap<number, number>, those: ReadonlyMap<number, number>): Spread {
  const ratios: number[] = []
  for (const [pass, value] of these) {
    const other = those.get(pass)
    if (other !== undefined) ratios.push(value / other)
  }
  return spreadOf(ratios)
}
