import { ByteWriter } from '../codec/byte-writer.js'
import { ChunkFlag, FrameKind, frameHeaderBytes } from '../codec/codec.js'
import type { ConnectionLimits } from '../codec/handshake-frames.js'
import { encodeError, encodeToBytes } from '../codec/value-bytes.js'
import { EncodeError } from '../core/errors.js'
import type { Connection } from '../transport/transport.js'
import { FrameWriter } from './frame-writer.js'
import { ChunkFlight, LargeFrame, tooLarge } from './large-frame.js'
import { batchBytes, chunkBatchesPerTurn, chunkedAbove, creditOverheadBytes } from './limits.js'
import { type OutboundSettings, Written } from './outbound-settings.js'
import type { MessageExtra, MessageQueue, Waiting } from './queue.js'
import { replyHead, type WaitingFrame, WaitingFrames } from './waiting-frames.js'

/**
 * The sending half of a lane. Messages are encoded at once into one batch, which goes to the connection when it is
 * large enough or the turn ends; what finds the connection full, or no credit, waits in the queue.
 */
export class Outbound {
  readonly #settings: OutboundSettings
  readonly #queue: MessageQueue
  readonly #frames: FrameWriter
  readonly #replies = new WaitingFrames()
  #connection: Connection | undefined
  #messageBytes = 0
  #writable = true
  #credit = 0
  #granted = 0
  #spent = 0
  #job: LargeFrame | undefined
  readonly #flight = new ChunkFlight()
  #pumping = false
  /** Full batches of control frames that the connection did not take. */
  readonly #sealed: Uint8Array[] = []
  #sealedBytes = 0
  #marked = false
  /** A cut lies between the nodes: messages stay where they are. */
  #held = false
  /** A value that the fast path encoded and found too large: kept, so that it is not encoded twice. */
  #overgrown: { readonly value: unknown; readonly bytes: Uint8Array } | undefined
  /** Called when a stalled peer has let too many control frames pile up. */
  overflowed: () => void = () => {}

  constructor(settings: OutboundSettings, queue: MessageQueue) {
    this.#settings = settings
    this.#queue = queue
    this.#frames = new FrameWriter(settings.clock, settings.sequences, settings.tracker, settings.buffers)
  }

  /** Whether a message would leave at once. */
  get clear(): boolean {
    return this.#connection !== undefined && this.#queue.length === 0 && this.#unhindered
  }

  /** The largest message that may be sent, whole: what both ends take. */
  get messageBytes(): number {
    return this.#messageBytes
  }

  /** The bytes of credit left: zero or less stops messages. */
  get credit(): number {
    return this.#credit
  }

  /** Whether the connection takes more. */
  get writable(): boolean {
    return this.#writable
  }

  get #unhindered(): boolean {
    return this.#writable && this.#credit > 0 && this.#job === undefined && !this.#held
  }

  /** Keeps messages back, or lets them go on. Control frames and replies pass. */
  hold(held: boolean): void {
    this.#held = held
    if (!held) this.drain()
  }

  /** The connection is open: what waits may leave. */
  open(connection: Connection, limits: ConnectionLimits): void {
    this.#connection = connection
    this.#messageBytes = Math.min(limits.messageBytes, this.#settings.messageBytes)
    this.#granted = limits.windowBytes
    this.#credit = limits.windowBytes
    this.#flight.open(limits.windowBytes)
  }

  /** Goes on on another connection: what is still here leaves on that, behind the last word on this one. */
  move(connection: Connection): void {
    this.#connection?.send(lastWord)
    this.#connection = connection
    this.drained()
  }

  /** The connection is gone. What it was handed is lost; what waits goes on waiting, a half-sent message too. */
  close(): void {
    if (this.later(() => this.close())) return
    this.#connection = undefined
    this.#frames.clear()
    this.#replies.clear()
    this.#writable = true
    this.#credit = 0
    this.#spent = 0
    this.#job = undefined
    this.#sealed.length = 0
    this.#sealedBytes = 0
  }

  /**
   * Writes a message into the batch if nothing stands in its way. Throws an `EncodeError`, and has done nothing,
   * when the message cannot travel.
   */
  offer(server: string, stream: number, message: unknown, extra: MessageExtra | undefined): number {
    if (this.#frames.encoding) throw new EncodeError('a value with a getter that sends')
    this.#overgrown = undefined
    if (extra?.ack !== undefined || !this.clear) return Written.wait
    if (message instanceof Uint8Array && message.length > chunkedAbove) return Written.wait
    try {
      return this.#write(server, stream, message, extra) ? Written.sent : Written.wait
    } finally {
      this.#frames.catchUp()
    }
  }

  /** The encoded form of a value that is about to wait. Throws an `EncodeError` when it cannot travel. */
  encode(value: unknown): Uint8Array {
    const overgrown = this.#overgrown
    this.#overgrown = undefined
    if (overgrown !== undefined && overgrown.value === value) return overgrown.bytes
    const bytes = encodeToBytes(value, this.#settings.valueLimits)
    if (bytes.length > this.#settings.messageBytes) throw tooLarge(bytes.length, this.#settings.messageBytes)
    return bytes
  }

  /** Does `work` when the message is whole that is being encoded. False: none is, and nothing was done. */
  later(work: () => void): boolean {
    return this.#frames.later(work)
  }

  /** Sends what waits, as far as connection and credit allow. */
  drain(): void {
    if (this.#connection === undefined || this.#frames.encoding) return
    while (this.#writable && this.#job === undefined) {
      const reply = this.#replies.shift()
      if (reply === undefined) break
      this.#writeReply(reply)
    }
    while (this.#unhindered) {
      const entry = this.#queue.peek()
      if (entry === undefined) return
      this.#writeEntry(entry)
      this.#frames.catchUp()
    }
  }

  /** A frame that needs no credit and does not wait for messages. Returns false when there is no connection. */
  control(kind: FrameKind, body: Uint8Array = new Uint8Array(0)): boolean {
    if (this.#connection === undefined) return false
    if (this.#frames.encoding) return this.later(() => this.control(kind, body))
    if (body.length > chunkedAbove) {
      this.#submit({ head: Uint8Array.of(kind), body, sent: () => {} })
      return true
    }
    const start = this.#frames.begin(kind)
    this.#frames.bytes.bytes(body)
    this.#endControl(start)
    return true
  }

  /** A control frame that holds numbers. */
  controlNumbers(kind: FrameKind, value: number, another?: number): boolean {
    const body = new ByteWriter(16)
    body.varint(value)
    if (another !== undefined) body.varint(another)
    return this.control(kind, body.take())
  }

  /**
   * An answer to a request. `sent` is called when it is with the connection, or never will be. Returns false, and does
   * nothing, when more replies wait than may; `urgent` ones always may: they are small.
   */
  reply(id: number, status: number, body: Uint8Array, sent: () => void, urgent = false): boolean {
    if (this.#connection === undefined) {
      sent()
      return true
    }
    const { bytes } = this.#replies
    if (!urgent && bytes > 0 && bytes + body.length > this.#settings.replyBytes) return false
    this.#submit({ head: replyHead(id, status), body, sent })
    return true
  }

  #submit(frame: WaitingFrame): void {
    if (this.#writable && this.#job === undefined && this.#replies.length === 0) return this.#writeReply(frame)
    this.#replies.push(frame)
  }

  #endControl(start: number): void {
    this.#frames.end(start)
    // Each batch stays below what the peer takes in one piece, however many control frames pile up.
    if (this.#writable && this.#frames.bytes.position >= batchBytes) return this.flush()
    if (this.#writable) return this.#mark()
    if (this.#frames.bytes.position >= batchBytes) {
      this.#sealedBytes += this.#frames.bytes.position
      this.#sealed.push(this.#frames.take())
    }
    if (this.#sealedBytes + this.#frames.bytes.position > this.#settings.controlBytes) this.overflowed()
  }

  /** The peer has handled messages of `total` bytes, and taken `chunked` bytes in chunks, on this connection. */
  grant(total: number, chunked: number): void {
    this.#credit = this.#granted + total - this.#spent
    this.#flight.taken(chunked)
    this.#pump()
    if (this.#credit > 0) this.drain()
  }

  /** The connection has room again. */
  drained(): void {
    this.#writable = true
    this.flush()
    this.#pump()
    this.drain()
  }

  /** Hands the batch to the connection. */
  flush(): void {
    this.#marked = false
    if (this.#connection === undefined) return
    while (this.#writable && this.#sealed.length > 0) {
      const sealed = this.#sealed.shift() as Uint8Array
      this.#sealedBytes -= sealed.length
      this.#writable = this.#connection.send(sealed, this.#settings.buffers.release)
    }
    if (!this.#writable || this.#frames.bytes.position === 0) return
    this.#writable = this.#frames.sendTo(this.#connection, this.#settings.buffers.release)
  }

  #write(server: string, stream: number, message: unknown, extra: MessageExtra | undefined): boolean {
    const writer = this.#frames.bytes
    const start = this.#frames.begin(FrameKind.message)
    const isBytes = message instanceof Uint8Array
    this.#frames.head(server, stream, this.#frames.number(stream), isBytes, extra)
    const bodyAt = writer.position
    if (isBytes) writer.bytes(message)
    else this.#frames.value(message, this.#settings.valueLimits, start, stream)
    if (writer.position - bodyAt > Math.min(chunkedAbove, this.#messageBytes)) {
      const copy = new Uint8Array(writer.buffer.subarray(bodyAt, writer.position))
      this.#frames.undo(start, stream)
      if (copy.length > this.#messageBytes) throw tooLarge(copy.length, this.#messageBytes)
      this.#overgrown = { value: message, bytes: copy }
      return false
    }
    this.#finish(start)
    return true
  }

  #writeEntry(entry: Waiting): void {
    const { server, stream, extra, body } = entry
    let bytes = body.type === 'value' && body.value instanceof Uint8Array ? body.value : undefined
    if (body.type !== 'value') bytes = body.bytes
    if (bytes === undefined && body.type === 'value') {
      try {
        if (extra?.ack === undefined && this.#write(server, stream, body.value, extra)) {
          this.#queue.remove(entry)
          entry.settler?.sent()
          return
        }
        bytes = this.#frames.alone(() => this.encode(body.value))
        entry.body = { type: 'encoded', bytes }
      } catch (error) {
        this.#queue.remove(entry)
        entry.settler?.failed(encodeError(error))
        return
      }
    }
    const payload = bytes as Uint8Array
    if (payload.length > this.#messageBytes) {
      this.#queue.remove(entry)
      entry.settler?.failed(tooLarge(payload.length, this.#messageBytes))
      return
    }
    const isBytes = entry.body.type !== 'encoded'
    if (payload.length > chunkedAbove) return this.#startJob(entry, payload, isBytes)
    const start = this.#frames.begin(FrameKind.message)
    this.#head(entry, isBytes)
    this.#frames.bytes.bytes(payload)
    this.#left(entry)
    this.#finish(start)
    if (extra?.ack === undefined) entry.settler?.sent()
  }

  /** The first message is with the connection: it leaves the queue, for good or until it is acknowledged. */
  #left(entry: Waiting): void {
    if (entry.extra?.ack === undefined) return this.#queue.remove(entry)
    const { tracker } = this.#settings
    this.#queue.keep(entry, tracker)
    tracker.sent(entry)
  }

  /** A message that was sent before goes under the number that it had. */
  #head(entry: Waiting, isBytes: boolean): void {
    const { server, stream, extra } = entry
    const sequence = entry.sequence === 0 ? this.#frames.number(stream) : entry.sequence
    if (extra?.ack !== undefined) this.#queue.number(entry, sequence)
    this.#frames.head(server, stream, sequence, isBytes, extra)
  }

  #startJob(entry: Waiting, body: Uint8Array, isBytes: boolean): void {
    const start = this.#frames.bytes.position
    this.#frames.bytes.u8(FrameKind.message)
    this.#head(entry, isBytes)
    this.#frames.forgetName()
    const head = new Uint8Array(this.#frames.bytes.buffer.subarray(start, this.#frames.bytes.position))
    this.#frames.bytes.reset(start)
    this.#queue.seal(entry)
    this.#job = new LargeFrame(head, body, entry)
    this.#spend(this.#job.cost)
    this.#pump()
  }

  #writeReply(reply: WaitingFrame): void {
    const { head, body } = reply
    if (body.length > chunkedAbove) {
      this.#job = new LargeFrame(head, body)
      reply.sent()
      return this.#pump()
    }
    const start = this.#frames.begin(head[0] as FrameKind)
    this.#frames.bytes.bytes(head.subarray(1))
    this.#frames.bytes.bytes(body)
    this.#frames.end(start)
    this.#mark()
    reply.sent()
    if (this.#frames.bytes.position >= batchBytes) this.flush()
  }

  /** Sends the next chunks of a large frame, then lets the other lanes have their turn. */
  #pump(): void {
    if (this.#pumping) return
    for (let count = 0; count < chunkBatchesPerTurn; count++) {
      const job = this.#job
      if (job === undefined || !this.#writable || this.#connection === undefined) return
      if (job.abandoned) {
        this.#giveUpJob(job)
        return this.drain()
      }
      if (!this.#flight.hasRoom) return
      const last = job.writeChunks(this.#frames, this.#flight)
      this.flush()
      if (last) return this.#endJob(job)
    }
    this.#pumping = true
    this.#settings.clock.defer(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #endJob({ entry }: LargeFrame): void {
    this.#job = undefined
    if (entry !== undefined) {
      this.#left(entry)
      if (entry.extra?.ack === undefined) entry.settler?.sent()
    }
    this.drain()
  }

  /** Sends messages again that were not acknowledged, before everything that waits, and the one under way anew. */
  again(entries: readonly Waiting[]): void {
    if (this.#job?.entry !== undefined) this.#giveUpJob(this.#job)
    this.#queue.putBack(entries)
    this.drain()
  }

  #giveUpJob(job: LargeFrame): void {
    this.#job = undefined
    this.#spend(-job.cost)
    this.control(FrameKind.chunk, givenUp)
  }

  #finish(start: number): void {
    this.#frames.end(start)
    this.#spend(this.#frames.bytes.position - start - frameHeaderBytes + creditOverheadBytes)
    if (this.#frames.bytes.position >= batchBytes) this.flush()
    else this.#mark()
  }

  #spend(cost: number): void {
    this.#spent += cost
    this.#credit -= cost
  }

  #mark(): void {
    if (this.#marked) return
    this.#marked = true
    this.#settings.flusher.mark(this)
  }
}

const givenUp = Uint8Array.of(ChunkFlag.givenUp)
const lastWord = Uint8Array.of(FrameKind.moved, 0, 0, 0)
