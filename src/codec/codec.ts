/**
 * The wire, version 1: see docs/protocol.md, which this folder implements.
 *
 * A chunk of a transport is a batch of frames, one after another: `kind u8, length u24, body`. Numbers are big endian;
 * a varint is an unsigned LEB128 of at most 53 bits; a string is a varint length and UTF-8.
 */
export const protocolVersion = 1

/**
 * What a frame is. Kinds with {@link ignorableBit} are skipped by who does not know them; other unknown kinds close
 * the link.
 */
export const FrameKind = {
  hello: 0x01,
  challenge: 0x02,
  proof: 0x03,
  accept: 0x04,
  ready: 0x05,
  close: 0x06,
  message: 0x10,
  reply: 0x11,
  chunk: 0x12,
  ack: 0x13,
  credit: 0x14,
  ping: 0x15,
  pong: 0x16,
  strategy: 0x17,
  fault: 0x18,
  moved: 0x19,
  release: 0x1a,
  query: 0x1b,
  floor: 0x1c,
} as const

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

export const ignorableBit = 0x80

export const frameHeaderBytes = 4

/** The bits of a message's flags: which optional fields follow its fixed ones, in this order. */
export const MessageFlag = {
  /** The payload is bytes as they are, not an encoded value. */
  bytes: 0x01,
  /** A request: `id varint`. */
  request: 0x02,
  /** `budget varint`: milliseconds left when it was written. */
  deadline: 0x04,
  /** `length varint, value`: what the caller passed as `clock`. */
  clock: 0x08,
  /** To be acknowledged: two `varint`, the distances to the lowest and to the last outstanding number. */
  ack: 0x10,
  /** Of a causal label: `length varint`, label, number and dependencies. */
  causal: 0x20,
  /** Nobody sends it. */
  unused: 0x40,
  /** For the peer's manager itself: no server is named. */
  manager: 0x80,
} as const

/** What a chunk is of its large frame. */
export const ChunkFlag = {
  /** It goes on. */
  next: 0,
  /** It begins: `total varint`, the bytes of the whole, stands before the first of them. */
  first: 1,
  /** What came so far is given up. */
  givenUp: 2,
} as const

/** What a reply's payload is. */
export const ReplyStatus = { value: 0, bytes: 1, error: 2 } as const

/** What a `release` frame says: whether all connections between the two may be closed is asked, or refused. */
export const Release = { ask: 0, refuse: 1 } as const

/** Why an end closes a connection: the first byte of a `close` frame. */
export const CloseCode = {
  malformed: 1,
  version: 2,
  cluster: 3,
  secret: 4,
  staleIncarnation: 5,
  staleGeneration: 6,
  tieBreak: 7,
  wrongNode: 8,
  unknownChannel: 9,
  removed: 10,
  role: 11,
  certificate: 12,
  tooManyPeers: 13,
  stopping: 14,
  timeout: 15,
  replaced: 16,
  credit: 17,
  silence: 18,
  disconnected: 19,
  abandoned: 20,
  overflow: 21,
  opening: 22,
} as const

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]
