import { writeFileSync } from 'node:fs'
import { help, parseArguments, type Settings, UsageError } from './arguments.js'
import { type Experiment, experiment, healedAfter } from './experiment.js'
import { plotOf } from './plot.js'
import { summaryOf, tableOf } from './report.js'

try {
  const settings = parseArguments(process.argv.slice(2))
  if (settings === 'help') console.log(help)
  else process.exitCode = run(settings)
} catch (error) {
  const usage = error instanceof UsageError
  console.error(usage ? `${error.message}; --help tells more` : `sim:overlay failed: ${(error as Error).stack}`)
  process.exitCode = usage ? 2 : 1
}

function run({ fail, seed: first, seeds, plot, ...settings }: Settings): number {
  const runs: Experiment[] = []
  for (let seed = first; seed < first + seeds; seed++) {
    for (const share of fail) {
      const begun = performance.now()
      const outcome = experiment({ ...settings, fail: share, seed })
      runs.push(outcome)
      console.log(`${tableOf(outcome, performance.now() - begun)}\n`)
    }
  }
  console.log(summaryOf(runs))
  if (plot !== undefined) writeFileSync(plot, plotOf(runs))
  return runs.every(each => healedAfter(each) !== undefined) ? 0 : 1
}
