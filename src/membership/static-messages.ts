import { isRecord } from '../core/name.js'
import { type Incarnation, isIncarnation, isNodeName, type NodeName } from '../core/node.js'

/** What members of a static mesh tell each other: of the two of them alone. */
export type StaticMessage =
  /** Count me as a member. */
  | { readonly type: 'join' }
  /** You are a member here: the answer to a join, and said when a connection to a member opens. */
  | { readonly type: 'counted' }
  /** The sender leaves, or the receiver is removed: please confirm. */
  | { readonly type: 'leaving'; readonly node: NodeName; readonly incarnation: Incarnation }
  | { readonly type: 'noted'; readonly node: NodeName; readonly incarnation: Incarnation }

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseStaticMessage(value: unknown): StaticMessage | undefined {
  if (!isRecord(value)) return undefined
  const { type, node, incarnation } = value
  if (type === 'join' || type === 'counted') return { type }
  if (type !== 'leaving' && type !== 'noted') return undefined
  return isNodeName(node) && isIncarnation(incarnation) ? { type, node, incarnation } : undefined
}
