import { isRecord } from '../core/name.js'
import { type Farewell, parseFarewell } from './farewells.js'

/** What members of a static mesh tell each other: of the two of them alone. */
export type StaticMessage =
  /** Count me as a member. */
  | { readonly type: 'join' }
  /** You are a member here: the answer to a join, and said when a connection to a member opens. */
  | { readonly type: 'counted' }
  /** The sender leaves, or the receiver is removed. */
  | Farewell

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseStaticMessage(value: unknown): StaticMessage | undefined {
  if (!isRecord(value)) return undefined
  const { type } = value
  return type === 'join' || type === 'counted' ? { type } : parseFarewell(value)
}
