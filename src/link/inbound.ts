import { type Acknowledgement, parseAcknowledgement } from '../codec/acknowledgement-frame.js'
import { ByteReader } from '../codec/byte-reader.js'
import {
  type CausalField,
  type CausalFloor,
  type CausalQuery,
  parseCausalField,
  parseCausalFloor,
  parseCausalQuery,
} from '../codec/causal-frames.js'
import { ChunkFlag, FrameKind, frameHeaderBytes, ignorableBit, MessageFlag, ReplyStatus } from '../codec/codec.js'
import { type Close, parseClose } from '../codec/handshake-frames.js'
import { decodeValue, MalformedError } from '../codec/value-decoder.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { viewOrCopy } from '../codec/value-views.js'
import { takenOutside } from '../core/collector.js'
import { Gathering } from './gathering.js'
import { creditOverheadBytes, internedNamesMax } from './limits.js'

/** The optional fields of a message that arrived. */
export interface IncomingExtra {
  readonly request: number | undefined
  /** Milliseconds that were left when the sender wrote it. */
  readonly budget: number | undefined
  readonly clock: unknown
  readonly manager: boolean
  /** It is to be acknowledged. */
  readonly ack: IncomingAck | undefined
  readonly causal: CausalField | undefined
}

/** What a message that is to be acknowledged says of itself. */
export interface IncomingAck {
  readonly stream: number
  readonly number: number
  /** The one that was outstanding before it; 0: none was. */
  readonly previous: number
  /** The sender waits for nothing below any more. */
  readonly lowest: number
  /** Acknowledged when the handler has handled it; else when it was given to the handler. */
  readonly handled: boolean
}

/** Who takes what arrives on a lane. */
export interface InboundHandler {
  /** A message. What is returned settles when it has been handled; undefined when it has been already. */
  message(server: string, payload: unknown, extra: IncomingExtra | undefined): PromiseLike<unknown> | undefined
  reply(id: number, status: number, payload: unknown): void
  acknowledged(acknowledgement: Acknowledgement): void
  /** The peer asks what of a causal label may still come. */
  causalQuery(query: CausalQuery): void
  causalFloor(floor: CausalFloor): void
  /** The dialler has opened the lane; `goesOn`: from where the connection stood that this one takes the place of. */
  peerReady(goesOn: boolean): void
  /** The peer goes on on another connection. */
  peerMoved(): void
  /** What the peer has handled, and taken of chunks, since the connection opened. */
  credited(total: number, chunked: number): void
  pinged(id: number): void
  ponged(id: number): void
  strategy(value: unknown): void
  fault(value: unknown): void
  released(release: number): void
  peerClosed(close: Close): void
  /** A message whose number has been seen: counted and dropped. */
  duplicate(): void
  /** The peer broke a rule: the connection has to be closed. */
  violated(rule: 'malformed' | 'credit', detail: string): void
  /** Who took a message took away the bytes of what came after it: the connection has to be closed. */
  emptied(): void
  /** Since the connection opened messages of `total` bytes were handled, and `chunked` bytes taken: tell the peer. */
  announce(total: number, chunked: number): void
}

export interface InboundSettings {
  readonly valueLimits: ValueLimits
  readonly messageBytes: number
  readonly windowBytes: number
  /** The last number seen of each stream of the peer: it outlives connections. */
  readonly lastSeen: Float64Array
  /** Lanes of the channel: a stream travels on the lane that is its number modulo these. */
  readonly lanes: number
}

/** The receiving half of a lane, for one connection: frames, chunks, numbers and credit. */
export class Inbound {
  readonly #settings: InboundSettings
  readonly #handler: InboundHandler
  readonly #names: string[] = []
  #closed = false
  #ready: boolean
  readonly #lane: number
  readonly #gathering: Gathering
  #taken = 0
  #released = 0
  #announced = 0
  #chunked = 0
  #chunkedAnnounced = 0
  #bytes: Uint8Array = nothing
  #at = 0
  #end = 0

  /** `ready`: the peer need not say first that it is. */
  constructor(settings: InboundSettings, handler: InboundHandler, lane: number, ready: boolean) {
    this.#lane = lane
    this.#ready = ready
    this.#settings = settings
    this.#gathering = new Gathering(settings.messageBytes + chunkHeadBytes)
    this.#handler = handler
  }

  /** Messages came that have not been handled. */
  get handling(): boolean {
    return this.#taken > this.#released
  }

  /** Nothing is handed on from now. */
  close(): void {
    this.#closed = true
    this.#gathering.giveUp()
  }

  /** Takes one batch. */
  received(batch: Uint8Array): void {
    const size = batch.length
    let at = 0
    let frames = 0
    while (at < size && !this.#closed) {
      if (batch.length < size) return this.#handler.emptied()
      if (size - at < frameHeaderBytes) return this.#malformed('a frame header is cut off')
      const kind = batch[at] as number
      const length = ((batch[at + 1] as number) << 16) | ((batch[at + 2] as number) << 8) | (batch[at + 3] as number)
      const start = at + frameHeaderBytes
      at = start + length
      if (at > size) return this.#malformed('a frame is cut off')
      try {
        frames++
        this.#frame(kind, batch, start, at)
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error
        return this.#malformed(error.message)
      }
    }
    // What small messages become is young, and more than they were.
    if (size >= frames * largeFrameBytes) takenOutside(size)
  }

  /** Tells the peer of credit that was too little to tell of at once. */
  announce(): void {
    if (this.#closed || (this.#released === this.#announced && this.#chunked === this.#chunkedAnnounced)) return
    this.#announced = this.#released
    this.#chunkedAnnounced = this.#chunked
    this.#handler.announce(this.#released, this.#chunked)
  }

  #frame(kind: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#ready && kind !== FrameKind.ready && kind !== FrameKind.close) {
      throw new MalformedError('a frame before the dialler said that it is ready')
    }
    switch (kind) {
      case FrameKind.message:
        return this.#message(bytes, start, end)
      case FrameKind.reply:
        return this.#reply(bytes, start, end)
      case FrameKind.chunk:
        return this.#chunk(bytes, start, end)
      case FrameKind.ack:
        return this.#handler.acknowledged(parseAcknowledgement(bytes, start, end, this.#settings.valueLimits))
      case FrameKind.credit:
        this.#read(bytes, start, end)
        return this.#handler.credited(this.#varint(), this.#varint())
      case FrameKind.ping:
        return this.#handler.pinged(this.#number(bytes, start, end))
      case FrameKind.pong:
        return this.#handler.ponged(this.#number(bytes, start, end))
      case FrameKind.strategy:
        return this.#handler.strategy(decodeValue(bytes, start, end, this.#settings.valueLimits))
      case FrameKind.fault:
        return this.#handler.fault(decodeValue(bytes, start, end, this.#settings.valueLimits))
      case FrameKind.query:
        return this.#handler.causalQuery(known(parseCausalQuery(new ByteReader(bytes, start, end)), 'a query'))
      case FrameKind.floor:
        return this.#handler.causalFloor(known(parseCausalFloor(new ByteReader(bytes, start, end)), 'a floor'))
      case FrameKind.ready:
        this.#ready = true
        return this.#handler.peerReady(goesOn(bytes, start, end))
      case FrameKind.moved:
        return this.#handler.peerMoved()
      case FrameKind.release:
        return this.#handler.released(this.#number(bytes, start, end))
      case FrameKind.close:
        return this.#handler.peerClosed(known(parseClose(new ByteReader(bytes, start, end)), 'a close frame'))
      default:
        if ((kind & ignorableBit) === 0) throw new MalformedError(`a frame of kind ${kind}, which nobody announced`)
    }
  }

  #message(bytes: Uint8Array, start: number, end: number): void {
    this.#read(bytes, start + 1, end)
    const flags = bytes[start] as number
    if (start >= end || (flags & unannounced) !== 0) throw new MalformedError('flags that nobody announced')
    const stream = this.#varint()
    const sequence = this.#varint()
    const server = (flags & MessageFlag.manager) === 0 ? this.#server() : ''
    const extra = (flags & optional) === 0 ? undefined : this.#optional(flags, stream, sequence)
    const { lastSeen, valueLimits } = this.#settings
    const last = lastSeen[stream]
    if (stream % this.#settings.lanes !== this.#lane) throw new MalformedError(`stream ${stream} on lane ${this.#lane}`)
    if (last === undefined) throw new MalformedError(`stream ${stream}, of a peer that has ${lastSeen.length}`)
    const cost = end - start + creditOverheadBytes
    // A sender begins a message while it has credit: the last one may overdraw it, and none may follow.
    if (this.#taken - this.#released >= this.#settings.windowBytes) {
      return this.#handler.violated('credit', 'more messages than credit was granted for')
    }
    this.#taken += cost
    // One that is to be acknowledged may come again on purpose: its receiver keeps its own record.
    if (sequence <= last && extra?.ack === undefined) {
      this.#handler.duplicate()
      return this.#release(cost)
    }
    lastSeen[stream] = Math.max(last, sequence)
    const payload =
      (flags & MessageFlag.bytes) === 0
        ? decodeValue(bytes, this.#at, end, valueLimits)
        : viewOrCopy(bytes, this.#at, end)
    const handled = this.#handler.message(server, payload, extra)
    if (handled === undefined) return this.#release(cost)
    const release = (): void => this.#release(cost)
    handled.then(release, release)
  }

  #server(): string {
    const number = this.#varint()
    if (number > 0) {
      const name = this.#names[number]
      if (name === undefined) throw new MalformedError(`server number ${number}, which was never given`)
      return name
    }
    const given = this.#varint()
    const length = this.#varint()
    if (length > serverBytesMax || this.#at + length > this.#end) throw new MalformedError('a server name is cut off')
    const name = readText(this.#bytes, this.#at, this.#at + length)
    this.#at += length
    if (given > internedNamesMax) throw new MalformedError(`server number ${given}, above ${internedNamesMax}`)
    if (given > 0) this.#names[given] = name
    return name
  }

  #optional(flags: number, stream: number, number: number): IncomingExtra {
    const request = (flags & MessageFlag.request) === 0 ? undefined : this.#varint()
    const budget = (flags & MessageFlag.deadline) === 0 ? undefined : this.#varint()
    const clock = (flags & MessageFlag.clock) === 0 ? undefined : this.#clock()
    const ack = (flags & MessageFlag.ack) === 0 ? undefined : this.#ack(stream, number)
    if (ack !== undefined && request !== undefined) throw new MalformedError('a request that is to be acknowledged')
    const causal = (flags & MessageFlag.causal) === 0 ? undefined : this.#causal()
    if (causal !== undefined && request !== undefined) throw new MalformedError('a request with a causal label')
    return { request, budget, clock, manager: (flags & MessageFlag.manager) !== 0, ack, causal }
  }

  #causal(): CausalField {
    const length = this.#varint()
    const end = this.#at + length
    if (end > this.#end) throw new MalformedError('a causal field is cut off')
    const field = known(parseCausalField(this.#bytes.subarray(this.#at, end)), 'a causal field')
    this.#at = end
    return field
  }

  #ack(stream: number, number: number): IncomingAck {
    const packed = this.#varint()
    const distance = this.#varint()
    const lowest = number - Math.floor(packed / 2)
    const previous = distance === 0 ? 0 : number - distance
    if (lowest < 1 || previous < 0) throw new MalformedError('an outstanding number below 1')
    return { stream, number, previous, lowest, handled: packed % 2 === 1 }
  }

  /** A value with its length before it. */
  #clock(): unknown {
    const length = this.#varint()
    const end = this.#at + length
    if (end > this.#end) throw new MalformedError('a clock is cut off')
    const value = decodeValue(this.#bytes, this.#at, end, this.#settings.valueLimits)
    this.#at = end
    return value
  }

  #reply(bytes: Uint8Array, start: number, end: number): void {
    this.#read(bytes, start, end)
    const id = this.#varint()
    const status = this.#varint()
    if (status > ReplyStatus.error) throw new MalformedError(`reply status ${status}`)
    const payload =
      status === ReplyStatus.bytes
        ? viewOrCopy(bytes, this.#at, end)
        : decodeValue(bytes, this.#at, end, this.#settings.valueLimits)
    this.#handler.reply(id, status, payload)
  }

  #chunk(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) throw new MalformedError('an empty chunk')
    this.#read(bytes, start + 1, end)
    const flags = bytes[start]
    if (flags === ChunkFlag.givenUp) return this.#gathering.giveUp()
    if (flags === ChunkFlag.first) this.#gathering.begin(this.#varint())
    else if (flags !== ChunkFlag.next) throw new MalformedError('a chunk of a kind that nobody announced')
    const whole = this.#gathering.add(bytes, this.#at, end)
    this.#chunked += end - this.#at
    if (this.#chunked - this.#chunkedAnnounced >= this.#settings.windowBytes / 4) this.announce()
    if (whole === undefined) return
    const kind = whole[0] as number
    if (!chunked.has(kind)) throw new MalformedError('chunks of what is never chunked')
    this.#frame(kind, whole, 1, whole.length)
  }

  #number(bytes: Uint8Array, start: number, end: number): number {
    this.#read(bytes, start, end)
    return this.#varint()
  }

  /** What is read from now on is there. */
  #read(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  #varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count++) {
      if (this.#at >= this.#end) throw new MalformedError('a number is cut off')
      const byte = this.#bytes[this.#at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 128
    }
    throw new MalformedError('a number beyond 2^53')
  }

  #release(cost: number): void {
    if (this.#closed) return
    this.#released += cost
    if (this.#released - this.#announced >= this.#settings.windowBytes / 4) this.announce()
  }

  #malformed(detail: string): void {
    this.#handler.violated('malformed', detail)
  }
}

const nothing = new Uint8Array(0)
const largeFrameBytes = 512
const chunked: ReadonlySet<number> = new Set([
  ...[FrameKind.message, FrameKind.reply, FrameKind.ack, FrameKind.strategy, FrameKind.fault],
])
const optional =
  MessageFlag.request |
  MessageFlag.deadline |
  MessageFlag.clock |
  MessageFlag.ack |
  MessageFlag.causal |
  MessageFlag.manager
const unannounced = MessageFlag.unused
const serverBytesMax = 255
/** What precedes the payload of a message, at most: flags, numbers, a name and a clock. */
const chunkHeadBytes = 65_536
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What the body of a `ready` frame says: whether the dialler goes on from where another connection stood. */
export function goesOn(bytes: Uint8Array, start: number, end: number): boolean {
  return start < end && ((bytes[start] as number) & 1) === 1
}

function known<Part>(part: Part | undefined, what: string): Part {
  if (part === undefined) throw new MalformedError(what)
  return part
}

function readText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch {
    throw new MalformedError('a server name that is no UTF-8')
  }
}
