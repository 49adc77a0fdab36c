import type { Judgement } from '../judgement.js'
import type { Line } from '../table.js'
import type { Panel } from './line-plot.js'

/** How much is measured: `smoke` tells whether it works, and not how fast. */
export type Extent = 'full' | 'quick' | 'smoke'

/** Something that is measured of maquis alone, in a way of its own. */
export interface Experiment {
  /** How it is called on the command line, and what its results are called. */
  readonly name: string
  /** Rejects when something does not work. `progress` is told how far it is. */
  run(extent: Extent, progress: (text: string) => void): Promise<Findings>
}

/** What was found. */
export interface Findings {
  readonly lines: readonly Line[]
  /** What is to hold of it. */
  readonly judgements: readonly Judgement[]
  /** All figures, as plain data. */
  readonly data: unknown
  /** An SVG. */
  readonly plot: string
}

/** A part of what was found: lines of the table, figures as plain data, and panels of the plot. */
export interface Part {
  readonly lines: readonly Line[]
  readonly data: unknown
  readonly panels: readonly Panel[]
}
