import { InvalidOptionError } from '../core/errors.js'
import type { Interposition, Passage, Verdict } from './interposition.js'

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
 * @throws {@link InvalidOptionError} the filter has a field that no passage has.
 */
export function only(filter: PassageFilter, fault: Interposition | Verdict): Interposition {
  for (const field of Object.keys(filter)) {
    if (!fields.some(known => known === field)) throw new InvalidOptionError(field, `one of ${fields.join(', ')}`)
  }
  const asked = fields.filter(field => filter[field] !== undefined)
  return passage => {
    if (!asked.every(field => matches(filter[field], passage[field]))) return pass
    return typeof fault === 'function' ? fault(passage) : fault
  }
}

const fields = ['direction', 'peer', 'channel', 'kind', 'server'] as const
const pass: Verdict = { type: 'pass' }

function matches(wanted: string | readonly string[] | undefined, value: string | undefined): boolean {
  return typeof wanted === 'string' ? wanted === value : value !== undefined && wanted?.includes(value) === true
}
