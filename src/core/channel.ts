import { isName, isRecord } from './name.js'

/** The name of a channel: messages of different channels never wait for each other. */
export type ChannelName = string & { readonly brand: 'ChannelName' }

/** What nothing is known of, and may be used as whatever it is taken for: as with `JSON.parse`. */
export type Unchecked = ReturnType<typeof JSON.parse>

/** What a full queue does with one message more. See {@link ChannelOptions.overflow}. */
export type Overflow = 'block' | 'reject' | 'drop-newest' | 'drop-oldest'

/** How a channel behaves. What both ends must agree on is negotiated; the rest belongs to the sender. */
export interface ChannelOptions {
  /** Connections ("lanes") to each peer, 1 to 64; a pair of nodes uses the smaller of their two numbers. Default 1. */
  readonly parallelism?: number
  /**
   * Only the newest message waits behind a full connection: of each server, or of each key when a function gives one.
   * Messages that wait are kept by reference and encoded when they leave. Broadcasts, and what is published to pools,
   * are carried as on any other channel. Default false.
   */
  readonly monotonic?: boolean | ((message: Unchecked) => string | number)
  /** Whether to compress (permessage-deflate); done where both ends ask for it. Default false. */
  readonly compression?: boolean
  /**
   * What happens to a message when `limits.queueBytes` wait for the same peer and channel. Default `'block'`.
   *
   * - `block`: the call waits for room; at most `limits.blockedCalls` wait so, more are rejected
   * - `reject`: rejects with `OverflowError`
   * - `drop-newest`: this message is dropped: a forward rejects with `OverflowError`, a cast is counted and evented
   * - `drop-oldest`: the messages that have waited longest are
   */
  readonly overflow?: Overflow
}

/** What a spec tells of a channel. */
export interface ChannelSpec {
  readonly parallelism: number
  readonly compression: boolean
}

/** The channels of a node, by name. */
export type ChannelMap = Readonly<Record<string, ChannelSpec>>

/** Carries messages when none is named. Always exists. */
export const defaultChannel: ChannelName = 'default' as ChannelName
/** Carries what nodes tell of themselves: the overlay's messages, and those of pools. Always exists, with one lane. */
export const membershipChannel: ChannelName = 'membership' as ChannelName

const channelNameBytesMax = 64
export const channelsMax = 64
export const parallelismMax = 64

export function isChannelName(value: unknown): value is ChannelName {
  return typeof value === 'string' && isName(value, channelNameBytesMax) && value !== '__proto__'
}

/** Makes a channel map of what a peer sent, or undefined where it is none. */
export function parseChannels(value: unknown): ChannelMap | undefined {
  if (!isRecord(value)) return undefined
  const entries = Object.entries(value)
  if (entries.length > channelsMax || !entries.every(([name, spec]) => isChannelName(name) && isChannelSpec(spec))) {
    return undefined
  }
  return value as ChannelMap
}

/**
 * What two nodes share: the channels that both have, the smaller number of lanes, compression where both ask for it.
 */
export function negotiateChannels(ours: ChannelMap, theirs: ChannelMap): Map<ChannelName, ChannelSpec> {
  const shared = new Map<ChannelName, ChannelSpec>()
  for (const [name, our] of Object.entries(ours)) {
    const their = Object.hasOwn(theirs, name) ? theirs[name] : undefined
    if (their === undefined) continue
    shared.set(name as ChannelName, {
      parallelism: Math.min(our.parallelism, their.parallelism),
      compression: our.compression && their.compression,
    })
  }
  return shared
}

function isChannelSpec(value: unknown): value is ChannelSpec {
  if (!isRecord(value)) return false
  const { parallelism, compression } = value
  return isParallelism(parallelism) && typeof compression === 'boolean'
}

export function isParallelism(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= parallelismMax
}
