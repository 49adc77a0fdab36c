import { mkdir, writeFile } from 'node:fs/promises'
import type { Judgement } from '../judgement.js'
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

/** What came of all of them. */
export interface Experience {
  readonly judgements: readonly Judgement[]
  /** How many failed. */
  readonly failures: number
}

/** Runs them one after another and prints what they found. */
export async function runExperiments(plan: ExperimentPlan): Promise<Experience> {
  const { extent, machine, folder, progress } = plan
  const all: Judgement[] = []
  let failures = 0
  for (const experiment of experiments.filter(each => plan.experiments.includes(each.name))) {
    const { name } = experiment
    try {
      const { lines, judgements, data, plot } = await experiment.run(extent, text => progress(`${name}: ${text}`))
      console.log(extent === 'smoke' ? `${name} works` : `${tableOf(lines)}\n`)
      if (extent === 'smoke') continue
      all.push(...judgements)
      await mkdir(folder, { recursive: true })
      const found = { machine, extent, targets: judgements, ...{ [name]: data } }
      const file = extent === 'quick' ? `${name}-quick` : name
      await writeFile(new URL(`${file}.json`, folder), `${JSON.stringify(found, undefined, 2)}\n`)
      await writeFile(new URL(`${file}.svg`, folder), plot)
    } catch (error) {
      failures++
      console.log(`FAILED: ${name}: ${(error as Error).stack}`)
    }
  }
  return { judgements: all, failures }
}
