import { InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { type Interposition, type Passage, passageKinds, type Verdict } from './interposition.js'

/** Which passages are meant. A field that is left out is not looked at; of several values any one will do. */
export interface PassageFilter {
  readonly direction?: Passage['direction']
  /** The other end. */
  readonly peer?: string | readonly string[]
  readonly channel?: string | readonly string[]
  readonly kind?: Passage['kind'] | readonly Passage['kind'][]
  readonly server?: string | readonly string[]
}

/**
 * An interposition for some passages; all others pass: `manager.interpose(only({ peer: 'b' }, { type: 'drop' }))`.
 *
 * @throws {@link InvalidOptionError} the filter has a field, or asks for a value, that no passage has.
 */
export function only(filter: PassageFilter, fault: Interposition | Verdict): Interposition {
  const given: unknown = filter
  if (!isRecord(given)) throw new InvalidOptionError('filter', 'a plain object', filter)
  for (const [field, wanted] of Object.entries(given)) checkField(field, wanted)
  const asked = fields.filter(field => filter[field] !== undefined)
  return passage => {
    if (!asked.every(field => matches(filter[field], passage[field]))) return pass
    return typeof fault === 'function' ? fault(passage) : fault
  }
}

function checkField(field: string, wanted: unknown): void {
  if (!fields.some(known => known === field)) throw new InvalidOptionError(field, `one of ${fields.join(', ')}`)
  if (wanted === undefined) return
  const values: readonly unknown[] = Array.isArray(wanted) && field !== 'direction' ? wanted : [wanted]
  const allowed = field === 'direction' ? directions : field === 'kind' ? passageKinds : undefined
  for (const value of values) {
    const known = typeof value === 'string' && (allowed === undefined || allowed.some(one => one === value))
    if (known) continue
    throw new InvalidOptionError(field, allowed === undefined ? 'a name, or several' : allowed.join(', '), value)
  }
}

const fields = ['direction', 'peer', 'channel', 'kind', 'server'] as const
const directions: readonly Passage['direction'][] = ['forward', 'receive']
const pass: Verdict = { type: 'pass' }

function matches(wanted: string | readonly string[] | undefined, value: string | undefined): boolean {
  return typeof wanted === 'string' ? wanted === value : value !== undefined && wanted?.includes(value) === true
}
