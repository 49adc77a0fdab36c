import type { PassageKind } from '../fault/interposition.js'

/** Whether messages of that kind are for no server of the user. */
export function isUnnamed(kind: PassageKind): boolean {
  return kind === 'manager' || kind === 'broadcast' || kind === 'relay'
}
