import { randomBytes } from 'node:crypto'
import { help, parseArguments, UsageError } from './arguments.js'
import { Children } from './children.js'
import { Driver } from './driver.js'
import { Screen } from './screen.js'

const children = new Children()
const screen = new Screen()

/** Says why, and ends; the workers end with this process. */
function fail(why: string, code: number): never {
  screen.clear()
  console.error(why)
  process.exit(code)
}

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => fail(`${signal}: the workers are stopped with it`, 128 + number))
}
process.on('uncaughtException', error => fail(`demo failed: ${error.stack ?? error.message}`, 1))
// Nobody reads any more, as in `npm run demo | head`.
process.stdout.on('error', () => process.exit(1))

try {
  const parsed = parseArguments(process.argv.slice(2))
  if (parsed === 'help') {
    console.log(help)
  } else {
    const agree = await new Driver(parsed.input, children, screen, randomBytes(32).toString('hex')).run()
    process.exitCode = agree ? 0 : 1
  }
} catch (error) {
  if (error instanceof UsageError) fail(`${error.message}; --help tells more`, 2)
  fail(`demo failed: ${(error as Error).message}`, 1)
} finally {
  children[Symbol.dispose]()
}
