import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem, type } from 'node:os'
import { help, parseArguments, type Settings, UsageError } from './arguments.js'
import { plotOf } from './plot.js'
import { reportOf } from './report.js'
import { Results, type Section } from './results.js'
import { measure, type Outcome } from './runner.js'
import { judge, targets } from './targets.js'

const machine = {
  cpus: cpus().length,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  memory: totalmem(),
  system: type(),
  node: process.version,
  date: new Date().toISOString(),
}

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
  const outcome = await measure({ ...settings, progress })
  const { stacks, workloads, smoke, passes } = settings
  const results = new Results(outcome)
  const sections = results.sections(workloads, stacks)
  const where = `${machine.cpus} x ${machine.cpu}, Node.js ${machine.node}, ${machine.date}`
  const ran = stacks.length - outcome.missing.size
  if (smoke) console.log(`${ran} stacks ran ${workloads.length} workloads, ${outcome.failures.length} failures`)
  else console.log(`${where}: medians of ${passes} passes\n\n${reportOf(outcome, results, sections)}`)
  if (!smoke) await save(outcome, results, sections)
  return outcome.failures.length === 0 ? 0 : 1
}

async function save(outcome: Outcome, results: Results, sections: readonly Section[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const judgements = targets.map(target => judge(target, results))
  const { runs, failures, missing, memory } = outcome
  const all = {
    ...{ machine, sections, targets: judgements, failures, runs },
    missing: Object.fromEntries(missing),
    memoryAtStart: Object.fromEntries(memory),
  }
  await writeFile(new URL('latest.json', folder), `${JSON.stringify(all, undefined, 2)}\n`)
  await writeFile(new URL('latest.svg', folder), plotOf(sections))
}
