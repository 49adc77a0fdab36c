import { InvalidOptionError } from '../core/errors.js'
import { isName, isRecord } from '../core/name.js'
import { isCount } from '../manager/checks.js'
import { isReserved } from '../manager/server-ref.js'
import { parseState, type StateMessage } from './pool-state.js'
import { isTopic } from './topics.js'

/** The server by which the pools of nodes talk to each other. */
export const poolServer = 'maquis:pools'

/** Whose key a message is: the owner is looked for again by whoever gets it. */
export interface OwnedBy {
  /** The topic of the pool. */
  readonly pool: string
  readonly digest: number
  readonly partitionKey: string | number
  /** The sender owns no key in its own eyes: it is not to get the message back. */
  readonly exceptSender?: true | undefined
}

/**
 * Who sent a message that another node passed on. Whoever passed it on says so, and nobody can check it: only a user's
 * handler is told, and nothing else is concluded from it.
 */
export interface Origin {
  readonly name: string
  readonly incarnation: number
}

/** A message of a user, on its way to a server of a node, or to whoever there subscribed to its topic. */
export interface PublishMessage {
  readonly type: 'publish'
  /** Left out where it is that of the node that gets it. */
  readonly topic?: string | undefined
  readonly server: string
  readonly message: unknown
  /** It is for subscribers alone, and not for the server. */
  readonly subscribersOnly?: true | undefined
  /** Left out where any node of the pool will do, and where it was passed on already. */
  readonly owned?: OwnedBy | undefined
  readonly origin?: Origin | undefined
  readonly ack?: 'given' | 'handled' | undefined
  /** With `ack`: its sender would rather know than have it handled twice. */
  readonly onDown?: 'reject' | undefined
}

/** Behind what was sent on its stream without `ack`: its acknowledgement tells that this has arrived. */
export interface FlushMessage {
  readonly type: 'flush'
}

export const flush: FlushMessage = { type: 'flush' }

/** Asks to be told, by its acknowledgement, when all has arrived that the receiver's pools had sent to the sender. */
export interface DrainMessage {
  readonly type: 'drain'
}

/** What the pools of nodes send each other. */
type PoolMessage = StateMessage | PublishMessage | FlushMessage | DrainMessage

const serverBytesMax = 255

/** Makes a message of what a peer sent, or undefined where it is none. */
export function parsePoolMessage(value: unknown): PoolMessage | undefined {
  if (!isRecord(value)) return undefined
  if (value.type === 'state') return parseState(value)
  if (value.type === 'flush' || value.type === 'drain') return { type: value.type }
  return value.type === 'publish' ? parsePublish(value) : undefined
}

function parsePublish(value: Record<string, unknown>): PublishMessage | undefined {
  const { topic, server, message, subscribersOnly, owned, origin, ack, onDown } = value
  if ((topic !== undefined && !isTopic(topic)) || !isPublished(server)) return undefined
  if (subscribersOnly !== undefined && subscribersOnly !== true) return undefined
  if (ack !== undefined && ack !== 'given' && ack !== 'handled') return undefined
  if (onDown !== undefined && onDown !== 'reject') return undefined
  const parsedOwned = owned === undefined ? undefined : parseOwned(owned)
  const parsedOrigin = origin === undefined ? undefined : parseOrigin(origin)
  if ((owned === undefined) !== (parsedOwned === undefined)) return undefined
  if ((origin === undefined) !== (parsedOrigin === undefined)) return undefined
  const from = { owned: parsedOwned, origin: parsedOrigin }
  return { type: 'publish', topic, server, message, subscribersOnly, ...from, ack, onDown }
}

/** Messages may be published to servers of users alone: those of the library take nothing that others pass on. */
export function checkPublished(server: unknown): void {
  if (isPublished(server)) return
  const expected = `1 to ${serverBytesMax} bytes of text without control characters that do not begin with 'maquis:'`
  throw new InvalidOptionError('server', expected, server)
}

function isPublished(server: unknown): server is string {
  return typeof server === 'string' && isName(server, serverBytesMax) && !isReserved(server)
}

function parseOwned(value: unknown): OwnedBy | undefined {
  if (!isRecord(value)) return undefined
  const { pool, digest, partitionKey, exceptSender } = value
  if (!isTopic(pool) || !isCount(digest) || digest > 0xffffffff) return undefined
  if (typeof partitionKey !== 'string' && typeof partitionKey !== 'number') return undefined
  if (exceptSender !== undefined && exceptSender !== true) return undefined
  return { pool, digest, partitionKey, exceptSender }
}

function parseOrigin(value: unknown): Origin | undefined {
  if (!isRecord(value)) return undefined
  const { name, incarnation } = value
  return isTopic(name) && isCount(incarnation) ? { name, incarnation } : undefined
}
