import { mkdir, writeFile } from 'node:fs/promises'
import { tableOf } from '../table.js'
import type { Extent } from './experiment.js'
import { experiments } from './experiments.js'

export interface ExperimentPlan {
  /** Those to run, by name. */
  readonly experiments: readonly string[]
  readonly extent: Extent
  /** What is told of the machine in the results. */
  readonly machine: unknown
  /** Where `NAME.json` and `NAME.svg` go. */
  readonly folder: URL
  readonly progress: (text: string) => void
}

/** Runs them one after another and prints what they found. Returns whether none failed. */
export async function runExperiments(plan: ExperimentPlan): Promise<boolean> {
  const { extent, machine, folder, progress } = plan
  let well = true
  for (const experiment of experiments.filter(each => plan.experiments.includes(each.name))) {
    const { name } = experiment
    try {
      const { lines, data, plot } = await experiment.run(extent, text => progress(`${name}: ${text}`))
      console.log(extent === 'smoke' ? `${name} works` : `${tableOf(lines)}\n`)
      if (extent === 'smoke') continue
      await mkdir(folder, { recursive: true })
      const all = { machine, extent, ...{ [name]: data } }
      await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(all, undefined, 2)}\n`)
      await writeFile(new URL(`${name}.svg`, folder), plot)
    } catch (error) {
      well = false
      console.log(`FAILED: ${name}: ${(error as Error).stack}`)
    }
  }
  return well
}
