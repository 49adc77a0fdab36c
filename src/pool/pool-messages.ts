import { InvalidOptionError } from '../core/errors.js'
import { isName, isRecord } from '../core/name.js'
import { isReserved } from '../manager/server-ref.js'
import { type HashName, hashNames } from './hash.js'
import { type Allocation, poolsMax, type SharedSpec, topicBytesMax } from './pool-spec.js'

/** The server by which the pools of nodes talk to each other. */
export const poolServer = 'maquis:pools'

/** What a node tells of its pools: all of it, whenever any of it changes. */
export interface StateMessage {
  readonly type: 'state'
  /** Greater is newer, in one life of a node. */
  readonly version: number
  /** Its life is about to end: it is to be given no more work. */
  readonly leaving: boolean
  readonly specs: readonly SharedSpec[]
  /** The prefixes of topics that it wants to hear of. */
  readonly subscriptions: readonly string[]
}

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

/** As many subscriptions as a node has. */
export const subscriptionsMax = 1_024
const serverBytesMax = 255

/** Makes a message of what a peer sent, or undefined where it is none. */
export function parsePoolMessage(value: unknown): StateMessage | PublishMessage | FlushMessage | undefined {
  if (!isRecord(value)) return undefined
  if (value.type === 'state') return parseState(value)
  if (value.type === 'flush') return { type: 'flush' }
  return value.type === 'publish' ? parsePublish(value) : undefined
}

function parseState(value: Record<string, unknown>): StateMessage | undefined {
  const { version, leaving, specs, subscriptions } = value
  if (!isCount(version) || typeof leaving !== 'boolean') return undefined
  if (!Array.isArray(specs) || specs.length > poolsMax) return undefined
  if (!Array.isArray(subscriptions) || subscriptions.length > subscriptionsMax) return undefined
  const parsed = Array.from<unknown, SharedSpec | undefined>(specs, parseSpec)
  const prefixes = Array.from<unknown>(subscriptions)
  if (!parsed.every(spec => spec !== undefined) || !prefixes.every(isPrefix)) return undefined
  return { type: 'state', version, leaving, specs: parsed, subscriptions: prefixes }
}

/** A hash that this version does not know is kept by its name: it differs from all others. */
function parseSpec(value: unknown): SharedSpec | undefined {
  if (!isRecord(value)) return undefined
  const { topic, nodeType, maxNodes, exclusive, hash, allocation, refill } = value
  if (!isTopic(topic) || !isTopic(nodeType) || !isTopic(hash) || !isTopic(allocation)) return undefined
  if (maxNodes !== undefined && !isCount(maxNodes)) return undefined
  if (typeof exclusive !== 'boolean' || typeof refill !== 'boolean') return undefined
  return { topic, nodeType, maxNodes, exclusive, hash, allocation, refill }
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

function isTopic(value: unknown): value is string {
  return typeof value === 'string' && isName(value, topicBytesMax)
}

function isPrefix(value: unknown): value is string {
  return value === '' || isTopic(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** A spec of another node that this one can reckon with; undefined where it is of another version. */
export function knownHash(spec: SharedSpec): { readonly hash: HashName; readonly allocation: Allocation } | undefined {
  const hash = hashNames.find(name => name === spec.hash)
  const allocation = (['rendezvous', 'sorted'] as const).find(name => name === spec.allocation)
  return hash === undefined || allocation === undefined ? undefined : { hash, allocation }
}
