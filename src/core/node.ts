import { type ChannelMap, parseChannels } from './channel.js'
import { isName, isRecord } from './name.js'
import type { Random } from './random.js'
import { approximateBytes } from './size.js'

/** A node's name: unique in its cluster, kept across restarts. At most 255 bytes of UTF-8. */
export type NodeName = string & { readonly brand: 'NodeName' }

/**
 * One life of a node, from `start()` to its end: greater means later. It is the wall-clock millisecond of the start
 * times 1,024 plus a random tie-break, so it is a safe integer and an ordinary number compares it.
 */
export type Incarnation = number & { readonly brand: 'Incarnation' }

/** One life of a node. */
export interface Life {
  readonly name: NodeName
  readonly incarnation: Incarnation
}

/** A life alone, to be kept: of a spec it is a small part. */
export function lifeOf({ name, incarnation }: Life): Life {
  return { name, incarnation }
}

/** What a node tells others of itself beside its address. `type` is what pools select by. */
export interface NodeAttributes {
  readonly type?: 'manager' | 'worker' | 'proxy' | 'logger' | (string & {}) | undefined
  readonly [key: string]: unknown
}

/**
 * What is known of a node: who it is, where it listens, which channels it has. Plain data: it may travel and be
 * stored.
 */
export interface NodeSpec {
  readonly name: NodeName
  readonly incarnation: Incarnation
  /** Raised by the node itself, and by nobody else, whenever it changes its spec within an incarnation. */
  readonly version: number
  /** URLs that reach it, best first. Empty for a node that does not listen: such a node always dials. */
  readonly addresses: readonly string[]
  readonly channels: ChannelMap
  /** What the overlay calls its part, such as `client` or `server`. */
  readonly role?: string
  readonly attributes?: NodeAttributes
  /** The name was generated at its start, so nobody waits for it to come back. */
  readonly generated?: true
}

export const nodeNameBytesMax = 255
const addressesMax = 16
const addressLengthMax = 512
/** A spec of more than about so many bytes is refused, whoever tells of it. */
const specApproximateBytesMax = 65_536

const tieBreaks = 1_024
const aSecond = 1_000 * tieBreaks
/** About the year 2248: what lies beyond is not a time that a clock of ours can have shown. */
const incarnationMax = Number.MAX_SAFE_INTEGER

/** The incarnation that starts now. */
export function newIncarnation(wall: Date, random: Random): Incarnation {
  return (wall.getTime() * tieBreaks + Math.floor(random.next() * tieBreaks)) as Incarnation
}

/**
 * An incarnation that comes up to a second after `known`: for a restarted node whose clock was set back. By chance, as
 * an earlier life that nobody remembers may have counted on from `known` as well, and no two lives share one.
 */
export function incarnationAfter(known: Incarnation, random: Random): Incarnation {
  return (known + 1 + Math.floor(random.next() * aSecond)) as Incarnation
}

export function isIncarnation(value: unknown): value is Incarnation {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < incarnationMax
}

/** Whether `value` can name a node: 1 to 255 bytes of UTF-8 without control characters. */
export function isNodeName(value: unknown): value is NodeName {
  return typeof value === 'string' && isName(value, nodeNameBytesMax)
}

/**
 * Makes a spec of what a peer sent, or undefined where it is none. Fields that this version does not know are kept, so
 * that a gossiped spec travels on as its owner wrote it.
 */
export function parseNodeSpec(value: unknown): NodeSpec | undefined {
  if (!isRecord(value)) return undefined
  const { name, incarnation, version, addresses, channels, role, attributes, generated } = value
  if (!isNodeName(name) || !isIncarnation(incarnation)) return undefined
  if (!Number.isSafeInteger(version) || (version as number) < 0) return undefined
  if (!Array.isArray(addresses) || addresses.length > addressesMax) return undefined
  // Copied, because `every` does not look into holes.
  if (!Array.from<unknown>(addresses).every(isAddress)) return undefined
  const parsedChannels = parseChannels(channels)
  if (parsedChannels === undefined) return undefined
  if (role !== undefined && (typeof role !== 'string' || !isName(role, nodeNameBytesMax))) return undefined
  if (attributes !== undefined && !isRecord(attributes)) return undefined
  if (generated !== undefined && generated !== true) return undefined
  if (approximateBytes(value) > specApproximateBytesMax) return undefined
  const parsed: object = { ...value, channels: parsedChannels }
  return parsed as NodeSpec
}

/** Which of two specs of one name is newer: by incarnation, then version. Positive when `a` is. */
export function compareSpecs(a: NodeSpec, b: NodeSpec): number {
  return a.incarnation - b.incarnation || a.version - b.version
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= addressLengthMax && value.includes('://')
}
