import { mkdir, rename, writeFile } from 'node:fs/promises'
import { help, parseArguments, type Settings, UsageError } from './arguments.js'
import { environment, load } from './environment.js'
import { runExperiments } from './experiments/run.js'
import { type Judgement, judgementLines } from './judgement.js'
import { plotOf } from './plot.js'
import { reportOf } from './report.js'
import { Results } from './results.js'
import { measure, type Outcome } from './runner.js'
import { tableOf } from './table.js'
import { judge, targets } from './targets.js'

const machine = environment()

/** Beside the sources, wherever they were compiled to. */
const folder = new URL('../results/', import.meta.url)

try {
  const settings = parseArguments(process.argv.slice(2))
  if (settings === 'help') console.log(help)
  else process.exitCode = await run(settings)
} catch (error) {
  const usage = error instanceof UsageError
  console.error(usage ? `${error.message}; --help tells more` : `bench failed: ${(error as Error).stack}`)
  process.exitCode = usage ? 2 : 1
}

async function run(settings: Settings): Promise<number> {
  const begun = performance.now()
  const progress = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1_000).toFixed(0).padStart(4)
    process.stderr.write(`${seconds} s  ${line}\n`)
  }
  const nothing = { judgements: [], well: true }
  const compared = settings.workloads.length === 0 ? nothing : await compare(settings, progress)
  const { judgements, failures } = await runExperiments({ ...settings, machine, folder, progress })
  const all = [...compared.judgements, ...judgements]
  if (all.length > 0) console.log(tableOf(judgementLines(all)))
  return compared.well && failures === 0 ? 0 : 1
}

interface Comparison {
  readonly judgements: readonly Judgement[]
  /** Whether there was something to measure, and nothing failed. */
  readonly well: boolean
}

async function compare(settings: Settings, progress: (line: string) => void): Promise<Comparison> {
  const { stacks, workloads, smoke, passes } = settings
  const passed = async (outcome: Outcome): Promise<void> => save(settings, outcome)
  const outcome = await measure({ ...settings, progress, passed })
  const results = new Results(outcome)
  const ran = stacks.length - outcome.missing.size
  const well = ran > 0 && outcome.failures.length === 0
  if (smoke) {
    console.log(`${ran} stacks ran ${workloads.length} workloads, ${outcome.failures.length} failures`)
    for (const [stack, reason] of outcome.missing) console.log(`LEFT OUT: ${stack}: ${reason}`)
    return { judgements: [], well }
  }
  const where = `${machine.cpus} x ${machine.cpu}, Node.js ${machine.node}, ${machine.date}`
  const loads = `load ${machine.load.toFixed(1)} before and ${load().toFixed(1)} after`
  const report = reportOf(outcome, results, results.sections(workloads, stacks))
  console.log(`${where}, ${loads}: medians of ${passes} passes\n\n${report}\n`)
  return { judgements: judgementsOf(settings, results), well }
}

/** Of a run of some stacks, only those that it is about. */
function judgementsOf({ partial }: Settings, results: Results): readonly Judgement[] {
  const judgements = targets.map(target => judge(target, results))
  return partial ? judgements.filter(({ verdict }) => verdict !== 'not measured') : judgements
}

/** After each pass, so that a run that is interrupted leaves what it measured. */
async function save(settings: Settings, outcome: Outcome): Promise<void> {
  const { stacks, workloads, passes, seconds, warmUpSeconds, extent, partial } = settings
  const results = new Results(outcome)
  const sections = results.sections(workloads, stacks)
  const { runs, failures, missing, memory } = outcome
  const all = {
    ...{ machine, loadNow: load(), settings: { passes, seconds, warmUpSeconds, extent, partial } },
    ...{ sections, targets: judgementsOf(settings, results), failures },
    memory: Object.fromEntries([...memory.keys()].map(stack => [stack, results.memory(stack)])),
    missing: Object.fromEntries(missing),
    runs: runs.map(({ latencies: _, ...run }) => run),
  }
  const file = partial ? 'partial' : extent === 'full' ? 'latest' : extent
  await mkdir(folder, { recursive: true })
  await replace(`${file}.json`, `${JSON.stringify(all, undefined, 2)}\n`)
  await replace(`${file}.svg`, plotOf(sections))
}

/** Leaves what was written before, or this: never a part of it. */
async function replace(file: string, content: string): Promise<void> {
  const next = new URL(`${file}.next`, folder)
  await writeFile(next, content)
  await rename(next, new URL(file, folder))
}
