import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { type CloseCode, FrameKind, frameHeaderBytes } from './codec.js'

/** The first words of a dialler. All of a handshake is a fixed layout parsed by hand: strangers send it. */
export interface Hello {
  readonly versions: { readonly min: number; readonly max: number }
  readonly features: readonly string[]
  readonly cluster: string
  readonly secured: boolean
  readonly nonce: Uint8Array
  readonly name: string
  readonly incarnation: number
  /** The name of the node that the dialler means, '' where it knows only an address. */
  readonly expected: string
}

/** The acceptor's answer: who it is, and what the dialler must prove itself over. */
export interface Challenge {
  readonly version: number
  readonly features: readonly string[]
  readonly secured: boolean
  readonly nonce: Uint8Array
  readonly name: string
  readonly incarnation: number
}

/** What a node takes on a connection. */
export interface ConnectionLimits {
  /** Bytes of messages that may be on their way and unhandled: the first credit. */
  readonly windowBytes: number
  /** The largest batch. */
  readonly frameBytes: number
  /** The largest message, whole. */
  readonly messageBytes: number
  /** How deep a message may nest. */
  readonly depth: number
}

/** The dialler's proof, and which slot the connection is for. */
export interface Proof {
  readonly channel: string
  readonly lane: number
  readonly generation: number
  /** The dialler's numbering of this lane's streams begins anew. */
  readonly fresh: boolean
  readonly limits: ConnectionLimits
  /** The dialler's spec as an encoded value: decoded only after the proof was found good. */
  readonly spec: Uint8Array
  /** One HMAC for each secret of the dialler, none without secrets. */
  readonly proofs: readonly Uint8Array[]
  /** Where the proofs begin in a frame that was read: they are computed over the frame with zeros there. */
  readonly proofsAt?: number
}

/** The acceptor's proof: the connection is accepted. */
export interface Accept {
  /** The acceptor's numbering of this lane's streams begins anew. */
  readonly fresh: boolean
  readonly limits: ConnectionLimits
  readonly spec: Uint8Array
  readonly proofs: readonly Uint8Array[]
  readonly proofsAt?: number
}

/** Why an end closes the connection. */
export interface Close {
  readonly code: number
  /** The incarnation or generation that is known, where the code is about one; else 0. */
  readonly known: number
  /** For people. */
  readonly text: string
  /** Shows, once the dialler has proved itself, that the acceptor has the secret too: only then is `known` believed. */
  readonly proofs?: readonly Uint8Array[]
  readonly proofsAt?: number
}

export type HandshakeFrame =
  | ({ readonly type: 'hello' } & Hello)
  | ({ readonly type: 'challenge' } & Challenge)
  | ({ readonly type: 'proof' } & Proof)
  | ({ readonly type: 'accept' } & Accept)
  | ({ readonly type: 'close' } & Close)

export const nonceBytes = 32
export const proofBytes = 32
export const secretsMax = 8
/** The largest handshake frame, header included. */
export const handshakeBytesMax = 12_288
export const specBytesMax = 8_192

const magic = Uint8Array.of(0x6d, 0x61, 0x71, 0x75, 0x69, 0x73)
const featuresMax = 32
const textBytesMax = 255

/** The frame as a chunk. Its proofs, if any, are its last bytes. */
export function encodeHandshake(frame: HandshakeFrame): Uint8Array {
  const writer = new ByteWriter(512)
  writer.u8(FrameKind[frame.type])
  writer.bytes(zeroLength)
  switch (frame.type) {
    case 'hello':
      writer.bytes(magic)
      writer.u8(frame.versions.min)
      writer.u8(frame.versions.max)
      writeIdentity(writer, frame)
      writer.string(frame.cluster)
      writer.string(frame.expected)
      break
    case 'challenge':
      writer.u8(frame.version)
      writeIdentity(writer, frame)
      break
    case 'proof':
      writer.string(frame.channel)
      writer.u8(frame.lane)
      writer.u32(frame.generation)
      writeTerms(writer, frame)
      break
    case 'accept':
      writeTerms(writer, frame)
      break
    case 'close':
      writer.u8(frame.code)
      writer.varint(frame.known)
      writer.string(cutText(frame.text))
      writeProofs(writer, frame.proofs ?? [])
      break
  }
  return withLength(writer)
}

/** Reads one handshake frame, alone in its chunk; undefined when it is none. */
export function parseHandshake(chunk: Uint8Array): HandshakeFrame | undefined {
  if (chunk.length < frameHeaderBytes || chunk.length > handshakeBytesMax) return undefined
  const length = ((chunk[1] as number) << 16) | ((chunk[2] as number) << 8) | (chunk[3] as number)
  if (length !== chunk.length - frameHeaderBytes) return undefined
  const reader = new ByteReader(chunk, frameHeaderBytes)
  const frame = parseBody(chunk[0] as number, reader)
  return frame !== undefined && reader.ok ? frame : undefined
}

/** The frame that says why a connection ends. */
export function encodeClose(code: CloseCode, text: string, known = 0): Uint8Array {
  return encodeHandshake({ type: 'close', code, known, text })
}

/** Reads the body of a close frame; undefined when it is none. */
export function parseClose(reader: ByteReader): Close | undefined {
  const close = { code: reader.u8(), known: reader.varint(), text: reader.string(textBytesMax), ...readProofs(reader) }
  return reader.ok ? close : undefined
}

/** What follows the known fields of a frame belongs to later versions, and is left alone. */
function parseBody(kind: number, reader: ByteReader): HandshakeFrame | undefined {
  switch (kind) {
    case FrameKind.hello: {
      const found = reader.bytes(magic.length)
      if (found.length !== magic.length || !magic.every((byte, index) => byte === found[index])) return undefined
      const versions = { min: reader.u8(), max: reader.u8() }
      const identity = readIdentity(reader)
      const cluster = reader.string(textBytesMax)
      return { type: 'hello', versions, ...identity, cluster, expected: reader.string(textBytesMax) }
    }
    case FrameKind.challenge:
      return { type: 'challenge', version: reader.u8(), ...readIdentity(reader) }
    case FrameKind.proof: {
      const slot = { channel: reader.string(textBytesMax), lane: reader.u8(), generation: reader.u32() }
      return { type: 'proof', ...slot, ...readTerms(reader) }
    }
    case FrameKind.accept:
      return { type: 'accept', ...readTerms(reader) }
    case FrameKind.close: {
      const close = parseClose(reader)
      return close === undefined ? undefined : { type: 'close', ...close }
    }
    default:
      return undefined
  }
}

type Identity = Pick<Hello, 'features' | 'secured' | 'nonce' | 'name' | 'incarnation'>

function writeIdentity(writer: ByteWriter, identity: Identity): void {
  writer.u8(identity.secured ? 1 : 0)
  writer.bytes(identity.nonce)
  writer.string(identity.name)
  writer.varint(identity.incarnation)
  writer.u8(identity.features.length)
  for (const feature of identity.features) writer.string(feature)
}

function readIdentity(reader: ByteReader): Identity {
  const secured = (reader.u8() & 1) === 1
  const nonce = copyOf(reader.bytes(nonceBytes))
  const name = reader.string(textBytesMax)
  const incarnation = reader.varint()
  const count = reader.u8()
  const features: string[] = []
  if (count > featuresMax) reader.bytes(reader.remaining + 1)
  for (let index = 0; index < count && reader.ok; index++) features.push(reader.string(textBytesMax))
  return { secured, nonce, name, incarnation, features }
}

type Terms = Pick<Accept, 'fresh' | 'limits' | 'spec' | 'proofs' | 'proofsAt'>

function writeTerms(writer: ByteWriter, terms: Omit<Terms, 'proofsAt'>): void {
  writer.u8(terms.fresh ? 1 : 0)
  writer.varint(terms.limits.windowBytes)
  writer.varint(terms.limits.frameBytes)
  writer.varint(terms.limits.messageBytes)
  writer.varint(terms.limits.depth)
  writer.varint(terms.spec.length)
  writer.bytes(terms.spec)
  writeProofs(writer, terms.proofs)
}

function writeProofs(writer: ByteWriter, proofs: readonly Uint8Array[]): void {
  writer.u8(proofs.length)
  for (const proof of proofs) writer.bytes(proof)
}

function readTerms(reader: ByteReader): Terms {
  const fresh = (reader.u8() & 1) === 1
  const sizes = { windowBytes: reader.varint(), frameBytes: reader.varint(), messageBytes: reader.varint() }
  const limits = { ...sizes, depth: reader.varint() }
  const specLength = reader.varint()
  if (specLength > specBytesMax) reader.bytes(reader.remaining + 1)
  const spec = copyOf(reader.bytes(specLength))
  return { fresh, limits, spec, ...readProofs(reader) }
}

function readProofs(reader: ByteReader): { readonly proofs: readonly Uint8Array[]; readonly proofsAt: number } {
  const count = reader.u8()
  const proofs: Uint8Array[] = []
  const proofsAt = reader.position
  if (count > secretsMax) reader.bytes(reader.remaining + 1)
  for (let index = 0; index < count && reader.ok; index++) proofs.push(copyOf(reader.bytes(proofBytes)))
  return { proofs, proofsAt }
}

function withLength(writer: ByteWriter): Uint8Array {
  const chunk = writer.take()
  const length = chunk.length - frameHeaderBytes
  chunk[1] = length >>> 16
  chunk[2] = (length >>> 8) & 0xff
  chunk[3] = length & 0xff
  return chunk
}

/** For what outlives its chunk. Not slice(): of a Buffer, which transports hand over, that is a view. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** As many whole characters as fit. */
function cutText(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(textBytesMax))
  return text.slice(0, read)
}

const zeroLength = new Uint8Array(frameHeaderBytes - 1)
