import type { Experiment } from './experiment.js'
import { headOfLine } from './head-of-line/head-of-line.js'
import { scale } from './scale/scale.js'
import { slowLink } from './slow-link/slow-link.js'

/** All of them, in the order in which they are run. */
export const experiments: readonly Experiment[] = [headOfLine, slowLink, scale]

export const experimentNames: readonly string[] = experiments.map(({ name }) => name)
