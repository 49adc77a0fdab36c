/** What several runs gave. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export function spreadOf(values: readonly number[]): Spread {
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

/**
 * How many times a figure is another one. Each pass is compared with itself, because a busy neighbour slows both of
 * its runs, and the median of that is taken. Passes that lack one of the two do not count.
 */
export function ratio(these: ReadonlyMap<number, number>, those: ReadonlyMap<number, number>): number {
  const ratios: number[] = []
  for (const [pass, value] of these) {
    const other = those.get(pass)
    if (other !== undefined) ratios.push(value / other)
  }
  return median(ratios)
}
