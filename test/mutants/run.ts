// Plants one bug after another in copies of this repository, and says which of them the tests and the simulator find:
// see CONTRIBUTING.md.
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Checkout, removeAll, removeAllNow } from './checkout.js'
import { Hunt, type HuntOptions } from './hunt.js'
import { areas } from './list.js'
import { killAll } from './processes.js'
import { Report } from './report.js'
import { lineOf, outcomeOf, type Result, shareOf, shareWanted, tableOf } from './results.js'
import { stageNames } from './stages.js'

const usage = `npm run mutants -- [options]

  --only TEXT    mutants whose name, file or area holds TEXT
  --again        mutants of which it is not known, from the runs before, that they are killed
  --jobs N       copies of the repository that are worked on at a time; default 2
  --sim N        histories that the simulator runs for each mutant; default 40; 0: none
  --stages A,B   of ${stageNames.join(', ')}; default all: with 'simulator' alone it is measured what that finds
`

interface Options extends HuntOptions {
  readonly only: string
  readonly again: boolean
  readonly jobs: number
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      again: { type: 'boolean', default: false },
      jobs: { type: 'string', default: '2' },
      sim: { type: 'string', default: '40' },
      stages: { type: 'string', default: stageNames.join() },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const stages = values.stages.split(',')
  const strange = stages.find(stage => !(stageNames as readonly string[]).includes(stage))
  if (strange !== undefined) throw new Error(`there is no stage '${strange}'\n\n${usage}`)
  const { only, again } = values
  return {
    only,
    again,
    stages,
    jobs: wholeNumber('jobs', values.jobs, 1),
    histories: wholeNumber('sim', values.sim, 0),
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < least) {
    throw new Error(`--${name} is a whole number from ${least}\n\n${usage}`)
  }
  return number
}

async function main(): Promise<boolean> {
  const options = optionsOf(process.argv.slice(2))
  const root = process.cwd()
  const known = Object.entries(areas).flatMap(([area, mutants]) => mutants.map(mutant => ({ area, mutant })))
  const names = known.map(({ mutant }) => mutant.name)
  const report = await Report.open(join(root, 'build', 'mutants.json'), names)
  const wanted = known
    .filter(({ area, mutant }) => [area, mutant.name, mutant.file].some(text => text.includes(options.only)))
    .filter(({ mutant }) => !options.again || !report.isKilled(mutant.name))
  if (wanted.length === 0) throw new Error('there is no such mutant, or it is known to be killed')
  const first = await Checkout.copy(root)
  const hunt = new Hunt(options)
  const results: Result[] = []
  const queue: typeof wanted = []
  for (const one of wanted) {
    const misfit = await first.misfit(one.mutant)
    if (misfit === undefined) queue.push(one)
    else console.log(`left out: ${misfit}`)
  }
  const all = queue.length
  const work = async (checkout: Checkout): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const started = performance.now()
      const killed = await hunt.hunt(checkout, next.mutant)
      const result = { ...next, killed, seconds: (performance.now() - started) / 1_000 }
      results.push(result)
      await report.add(result, options.stages.length === stageNames.length)
      console.log(`${String(results.length).padStart(4)}/${all} ${lineOf(result)}`)
    }
  }
  const jobs = Math.min(options.jobs, all)
  const others = await Promise.all(Array.from({ length: jobs - 1 }, () => first.clone()))
  await Promise.all([first, ...others].map(work))
  results.sort((a, b) => names.indexOf(a.mutant.name) - names.indexOf(b.mutant.name))
  const isEnough = all < known.length || shareOf(results) >= shareWanted
  return conclude(results) && isEnough && all === wanted.length
}

/** Says what came of it, and whether nobody has to look at it. */
function conclude(results: readonly Result[]): boolean {
  const survivors = results.filter(result => outcomeOf(result) === 'survived')
  if (survivors.length > 0) console.log(`\nnobody found:\n${survivors.map(lineOf).join('\n')}`)
  const mistaken = results.filter(({ killed, mutant }) => killed !== undefined && mutant.survives !== undefined)
  for (const { mutant } of mistaken) console.log(`\nfound, though it says that it cannot be: ${mutant.name}`)
  const share = (shareOf(results) * 100).toFixed(1)
  console.log(`\n${tableOf(results)}\n\n${share} % killed; all of it is in build/mutants.json`)
  return survivors.length === 0 && mistaken.length === 0
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    killAll()
    removeAllNow()
    process.exit(130)
  })
}

// Whoever works on this machine comes first.
setPriority(10)
try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  killAll()
  await removeAll()
}
