import type { Millis } from '../core/time.js'

/** Every bound of a node's links. All are per node unless they say otherwise. */
export interface Limits {
  /** The largest batch taken from a peer, in bytes. Default 1 MiB. */
  readonly frameBytes: number
  /** The largest message, encoded, in bytes; the smaller of both nodes' numbers counts. Default 64 MiB. */
  readonly messageBytes: number
  /**
   * What may wait here for one peer and channel, in bytes: encoded messages, each with 384 for its
   * bookkeeping and 512 where a promise waits for it. Default 8 MiB; the channel's `overflow` says what happens at it.
   */
  readonly queueBytes: number
  /** Calls that may wait for room in one such queue when the policy is `block`; more reject. Default 1,024. */
  readonly blockedCalls: number
  /**
   * Bytes that a peer may have unhandled on each lane, and under way in chunks: the credit that it is granted. It comes
   * back after a way there and back, which bounds the rate of a lane. Default 4 MiB: 200 MB/s over 20 ms.
   */
  readonly windowBytes: number
  /** Replies that may wait for one lane, in bytes; a further one becomes an error reply. Default 8 MiB. */
  readonly replyBytes: number
  /** Control frames that may wait on one lane; the connection is closed at more. Default 4 MiB. */
  readonly controlBytes: number
  /** Requests without an answer, per peer; more reject. Default 65,536. */
  readonly requests: number
  /** Monitors of one peer, and of one peer here: a further one ends as refused. Default, and at most, 16,384. */
  readonly monitors: number
  /** Nodes that this node keeps links with; more are refused. Default 4,096. */
  readonly peers: number
  /** Connections that have not finished their handshake; at the limit the oldest is closed. Default 1,024. */
  readonly strangers: number
  /** Circuits of other nodes that pass through this one, or end here, at a time; more are refused. Default 1,024. */
  readonly circuits: number
  /** Connections that a circuit of this node may lead over, 1 to 255. Default 16. */
  readonly hops: number
  /** How deep a message may nest; the smaller of both nodes' numbers counts. Default 64. */
  readonly depth: number
}

export const defaultLimits: Limits = {
  frameBytes: 1_048_576,
  messageBytes: 67_108_864,
  queueBytes: 8_388_608,
  blockedCalls: 1_024,
  windowBytes: 4_194_304,
  replyBytes: 8_388_608,
  controlBytes: 4_194_304,
  requests: 65_536,
  monitors: 16_384,
  peers: 4_096,
  strangers: 1_024,
  circuits: 1_024,
  hops: 16,
  depth: 64,
}

/** The smallest values that work. */
export const leastLimits: Limits = {
  frameBytes: 262_144,
  messageBytes: 1_024,
  queueBytes: 1_024,
  blockedCalls: 0,
  windowBytes: 1_024,
  replyBytes: 1_024,
  controlBytes: 65_536,
  requests: 1,
  monitors: 1,
  peers: 1,
  strangers: 1,
  circuits: 0,
  hops: 1,
  depth: 8,
}

/** What a waiting message is taken to cost beside its own bytes. */
export const entryOverheadBytes = 384
/** What the promise of a caller who waits for it is taken to cost. */
export const callerOverheadBytes = 512
/** What each message costs of the credit beside its frame, so that tiny messages are bounded in number too. */
export const creditOverheadBytes = 64
/** A batch is handed to the connection at this size, or when what runs has ended. */
export const batchBytes = 32_768
/** Frames above this travel in chunks, which leave room for others between them. */
export const chunkedAbove = 65_536
/**
 * The bytes of a chunk: several fit into what a socket reads at a time, and what comes within one read is not copied to
 * be put together.
 */
export const chunkBytes = 16_320
/** Chunks that are handed to the connection together, and how often, before other lanes have their turn. */
export const chunksPerBatch = 4
export const chunkBatchesPerTurn = 4
/** Server names that a connection numbers; further ones are written out each time. */
export const internedNamesMax = 1_024
/** A handshake takes at most so long, from the open connection. */
export const handshakeMillis: Millis = 2_000
/** The same over a circuit, whose round trips are those of its whole path. */
export const circuitHandshakeMillis: Millis = 12_000
/** Dials and handshakes of this node that are under way at a time; further ones wait. */
export const dialsMax = 256
/** Opening a connection takes at most so long. */
export const dialMillis: Millis = 1_000
