import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'

export const help = `Counts the words of a text with three worker processes, cuts one of them off meanwhile,
heals the cut, and checks the result against a count in one process.

  npm run demo -- [--input FILE]

  --input FILE   the text to count; default: the TypeScript compiler's own source
  --help         this text

Exit code 0 when both counts are equal, 1 when they are not or something failed,
2 when the arguments make no sense.`

/** Arguments that make no sense. */
export class UsageError extends Error {}

/** The text to count, or `help`. */
export function parseArguments(given: readonly string[]): { input: string } | 'help' {
  let values: { input?: string | undefined; help?: boolean | undefined }
  try {
    const options = { input: { type: 'string', short: 'i' }, help: { type: 'boolean', short: 'h' } } as const
    values = parseArgs({ args: [...given], options }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  if (values.help === true) return 'help'
  const input = values.input ?? createRequire(import.meta.url).resolve('typescript/lib/typescript.js')
  const found = statSync(input, { throwIfNoEntry: false })
  if (found === undefined) throw new UsageError(`there is no file '${input}'`)
  // It is read four times, so a pipe will not do.
  if (!found.isFile()) throw new UsageError(`'${input}' is no ordinary file`)
  return { input }
}
