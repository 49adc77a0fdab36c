import { InvalidOptionError } from './errors.js'
import { isRecord } from './name.js'

/** What a caller gave must be a plain object without unknown keys: a misspelt option would be ignored in silence. */
export function checkKeys(option: string, given: unknown, known: readonly string[]): void {
  if (!isRecord(given)) throw new InvalidOptionError(option, 'a plain object', given)
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw new InvalidOptionError(`${option}.${key}`, `one of ${known.join(', ')}`)
  }
}
