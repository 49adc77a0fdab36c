import { help, parseArguments, type Settings, UsageError } from './arguments.js'
import type { Order } from './protocol.js'
import { scenarios } from './scenarios.js'
import { Tally } from './tally.js'
import { carryOut } from './workers.js'

// Nobody reads any more, as in `npm run sim | head`.
process.stdout.on('error', () => process.exit(1))

try {
  const settings = parseArguments(process.argv.slice(2))
  if (settings === 'help') console.log(help)
  else process.exitCode = await run(settings)
} catch (error) {
  const usage = error instanceof UsageError
  console.error(usage ? `${error.message}; --help tells more` : `sim failed: ${(error as Error).stack}`)
  process.exitCode = usage ? 2 : 1
}

async function run(settings: Settings): Promise<number> {
  const tally = new Tally(settings.histories)
  for await (const outcome of carryOut(orders(settings), settings.jobs)) {
    tally.add(outcome)
    if (tally.failures >= settings.failures) break
  }
  tally.print()
  return tally.failures === 0 ? 0 : 1
}

/** Without a scenario's name each has its turn. */
function* orders({ histories, seed: first, scenario, shrink }: Settings): Generator<Order> {
  const names = Object.keys(scenarios)
  for (let seed = first; seed < first + histories; seed++) {
    yield { seed, shrink, scenario: scenario ?? (names[seed % names.length] as string) }
  }
}
