import { ChunkFlag, FrameKind, frameHeaderBytes, ReplyStatus } from '../codec/codec.js'
import type { ConnectionLimits } from '../codec/handshake-frames.js'
import { largeBuffers } from '../codec/large-buffers.js'
import { bytesFor, copyToSlab, encodeError, type Payload, payloadOf } from '../codec/value-bytes.js'
import { EncodeError } from '../core/errors.js'
import type { Connection } from '../transport/transport.js'
import { AgreedLimits } from './agreed-limits.js'
import { Batch } from './batch.js'
import { BodyWriter } from './body-writer.js'
import type { FrameWriter } from './frame-writer.js'
import { LargeFrame, tooLarge } from './large-frame.js'
import { LargeSender } from './large-sender.js'
import { chunkedAbove, creditOverheadBytes } from './limits.js'
import { type OutboundSettings, Written } from './outbound-settings.js'
import { costOf, type MessageExtra, type MessageQueue, type Waiting } from './queue.js'
import { replyHead, type WaitingFrame, WaitingFrames } from './waiting-frames.js'

/**
 * The sending half of a lane. Messages are encoded at once into one batch, which goes to the connection when it is
 * large enough or what runs has ended; what finds the connection full, or no credit, waits in the queue.
 */
export class Outbound {
  readonly batch: Batch
  readonly agreed: AgreedLimits
  readonly #settings: OutboundSettings
  readonly #queue: MessageQueue
  readonly #frames: FrameWriter
  readonly #replies = new WaitingFrames()
  #credit = 0
  #granted = 0
  #spent = 0
  readonly #large: LargeSender
  /** A cut lies between the nodes: messages stay where they are. */
  #held = false
  readonly #bodies: BodyWriter
  constructor(settings: OutboundSettings, queue: MessageQueue) {
    this.#settings = settings
    this.#queue = queue
    this.agreed = new AgreedLimits(settings)
    this.batch = new Batch(settings)
    this.#frames = this.batch.frames
    this.#bodies = new BodyWriter(this.#frames, settings.messageBytes, this.agreed)
    this.#large = new LargeSender(this.batch, settings.clock, {
      sent: frame => this.#ended(frame),
      givenUp: frame => {
        this.#spend(-frame.cost)
        this.control(FrameKind.chunk, givenUp)
      },
      free: () => this.drain(),
    })
  }

  /** Whether a message would leave at once. */
  get clear(): boolean {
    return this.#isOpen && this.#queue.length === 0 && this.#unhindered
  }

  /** The bytes of credit left: zero or less stops messages. */
  get credit(): number {
    return this.#credit
  }

  get #isOpen(): boolean {
    return this.batch.connection !== undefined
  }

  get #unhindered(): boolean {
    return this.batch.writable && this.#credit > 0 && this.#large.frame === undefined && !this.#held
  }

  /** Keeps messages back, or lets them go on. Control frames and replies pass. */
  hold(held: boolean): void {
    this.#held = held
    if (!held) this.drain()
  }

  /** The connection is open: what waits may leave. */
  open(connection: Connection, limits: ConnectionLimits): void {
    this.batch.open(connection)
    this.agreed.agree(limits)
    this.#granted = limits.windowBytes
    this.#credit = limits.windowBytes
    this.#large.open(limits.windowBytes)
  }

  /** Goes on on another connection: what is still here leaves on that, behind the last word on this one. */
  move(connection: Connection): void {
    this.batch.connection?.send(lastWord)
    this.batch.open(connection)
    this.drained()
  }

  /** The connection is gone. What it was handed is lost; what waits goes on waiting, a half-sent message too. */
  close(): void {
    if (this.later(() => this.close())) return
    this.batch.close()
    this.#replies.clear()
    this.#credit = 0
    this.#spent = 0
    this.#large.close()
  }

  /**
   * Writes a message into the batch if nothing stands in its way. Throws an `EncodeError`, and has done nothing,
   * when the message cannot travel.
   */
  offer(server: string, stream: number, message: unknown, extra: MessageExtra | undefined): Written {
    if (this.#frames.encoding) throw new EncodeError('a value with a getter that sends')
    this.#bodies.forget()
    if (extra?.ack !== undefined || !this.clear || this.agreed.mayExceed(extra)) return Written.wait
    if (message instanceof Uint8Array && message.length > chunkedAbove) return Written.wait
    try {
      return this.#write(server, stream, message, extra) ? Written.sent : Written.wait
    } finally {
      this.#frames.catchUp()
    }
  }

  /** The encoded form of a value that is about to wait. Throws an `EncodeError` when it cannot travel. */
  encode(value: unknown): Payload {
    return this.#bodies.encode(value)
  }

  /**
   * Writes a message that is to be acknowledged, which `entry` keeps, if nothing stands in its way and it takes no more
   * than `room` there. Throws as {@link offer} does.
   */
  offerKept(entry: Waiting, message: unknown, room: number): boolean {
    this.#bodies.forget()
    if (this.#frames.encoding || !this.clear || this.agreed.mayExceed(entry.extra)) return false
    if (message instanceof Uint8Array && message.length > chunkedAbove) return false
    try {
      return this.#write(entry.server, entry.stream, message, entry.extra, entry, room)
    } finally {
      this.#frames.catchUp()
    }
  }

  /** Does `work` when the message is whole that is being encoded. False: none is, and nothing was done. */
  later(work: () => void): boolean {
    return this.#frames.later(work)
  }

  /** Sends what waits, as far as connection and credit allow. */
  drain(): void {
    if (!this.#isOpen || this.#frames.encoding) return
    while (this.batch.writable && this.#large.frame === undefined) {
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
  control(kind: FrameKind, body: Uint8Array = nothing): boolean {
    if (!this.#isOpen) return false
    if (this.#frames.encoding) return this.later(() => this.control(kind, body))
    if (body.length > chunkedAbove) {
      this.#submit({ head: Uint8Array.of(kind), body, sent: () => {} })
      return true
    }
    this.batch.control(kind, body)
    return true
  }

  /** A control frame that holds numbers. */
  controlNumbers(kind: FrameKind, value: number, another?: number): boolean {
    if (!this.#isOpen) return false
    if (this.#frames.encoding) return this.later(() => this.controlNumbers(kind, value, another))
    this.batch.controlNumbers(kind, value, another)
    return true
  }

  /**
   * An answer to a request. `sent` is called when it is with the connection, or never will be. Returns false, and does
   * nothing, when more replies wait than may; `urgent` ones always may: they are small.
   */
  reply(id: number, status: number, body: Uint8Array, sent: () => void, urgent = false): boolean {
    if (!this.#isOpen) {
      sent()
      return true
    }
    const { bytes } = this.#replies
    if (!urgent && bytes > 0 && bytes + body.length > this.#settings.replyBytes) return false
    this.#submit({ head: replyHead(id, status), body, sent })
    return true
  }

  /** Writes an answer into the batch if nothing stands in its way. Throws as {@link offer} does. */
  offerReply(id: number, value: unknown): boolean {
    this.#bodies.forget()
    if (!this.#repliesPass || (value instanceof Uint8Array && value.length > chunkedAbove)) return false
    try {
      return this.#writeAnswer(id, value)
    } finally {
      this.#frames.catchUp()
    }
  }

  #writeAnswer(id: number, value: unknown): boolean {
    const writer = this.#frames.bytes
    const start = this.#frames.begin(FrameKind.reply)
    writer.varint(id)
    writer.u8(value instanceof Uint8Array ? ReplyStatus.bytes : ReplyStatus.value)
    let overgrown: number | undefined
    try {
      overgrown = this.#bodies.write(value)
    } catch (error) {
      writer.reset(start)
      throw encodeError(error)
    }
    if (overgrown === undefined) this.batch.end(start)
    else writer.reset(start)
    return overgrown === undefined
  }

  get #repliesPass(): boolean {
    return this.#isOpen && this.batch.writable && this.#large.frame === undefined && this.#replies.length === 0
  }

  #submit(frame: WaitingFrame): void {
    if (this.#repliesPass) return this.#writeReply(frame)
    this.#replies.push(frame)
  }

  /** The peer has handled messages of `total` bytes, and taken `chunked` bytes in chunks, on this connection. */
  grant(total: number, chunked: number): void {
    this.#credit = this.#granted + total - this.#spent
    this.#large.taken(chunked)
    if (this.#credit > 0) this.drain()
  }

  /** The connection has room again. */
  drained(): void {
    this.batch.drained()
    this.#large.pump()
    this.drain()
  }

  /** `entry`: keeps the message, where that takes no more than `room`. False: it was not written. */
  #write(server: string, stream: number, message: unknown, extra?: MessageExtra, entry?: Waiting, room = 0): boolean {
    const start = this.#frames.begin(FrameKind.message)
    const sequence = this.#frames.number(stream)
    this.#frames.head(server, stream, sequence, message instanceof Uint8Array, extra)
    const at = this.#frames.bytes.position
    let overgrown: number | undefined
    let isWhole: boolean
    try {
      overgrown = this.#bodies.write(message)
      isWhole = overgrown === undefined && (entry === undefined || this.#keep(entry, message, at, sequence, room))
    } catch (error) {
      this.#frames.undo(start, stream)
      throw encodeError(error)
    }
    if (isWhole) {
      this.#finish(start)
      return true
    }
    if (overgrown === undefined && !(message instanceof Uint8Array)) this.#bodies.setAside(message, at)
    this.#frames.undo(start, stream)
    const { messageBytes } = this.agreed
    if (overgrown !== undefined && overgrown > messageBytes) throw tooLarge(overgrown, messageBytes)
    return false
  }

  /** Keeps what the batch has from `at` on. False: there is no room, or its getters may have closed the lane. */
  #keep(entry: Waiting, message: unknown, at: number, sequence: number, room: number): boolean {
    const writer = this.#frames.bytes
    const awaited = entry.settler?.awaited !== false
    const bytes = costOf(writer.position - at + (entry.extra?.causal?.bytes.length ?? 0), awaited)
    if (bytes > room || this.#frames.asked) return false
    entry.body = message instanceof Uint8Array ? bytesFor(message, awaited) : copyToSlab(writer, at)
    entry.bytes = bytes
    this.#queue.admit(entry)
    this.#queue.number(entry, sequence)
    entry.tracker = this.#settings.tracker
    entry.tracker.sent(entry)
    return true
  }

  #writeEntry(entry: Waiting): void {
    const { server, stream, extra, body } = entry
    if (body.type !== 'value') return this.#writePayload(entry, body)
    const { value } = body
    this.#bodies.forget()
    if (value instanceof Uint8Array) return this.#writePayload(entry, payloadOf(value))
    try {
      if (extra?.ack === undefined && !this.agreed.mayExceed(extra) && this.#write(server, stream, value, extra)) {
        this.#queue.remove(entry)
        entry.settler?.sent()
        return
      }
      entry.body = this.#frames.alone(() => this.encode(value))
      // By a getter of its own.
      if (entry.gone) return
    } catch (error) {
      return this.#refuse(entry, encodeError(error))
    }
    this.#writePayload(entry, entry.body)
  }

  #writePayload(entry: Waiting, { type, bytes, start, end }: Payload): void {
    const size = end - start
    const refusal = this.agreed.refusalOf(entry, size)
    if (refusal !== undefined) return this.#refuse(entry, refusal)
    const isBytes = type !== 'encoded'
    if (size > chunkedAbove) return this.#sendLarge(entry, bytes.subarray(start, end), isBytes)
    const at = this.#frames.begin(FrameKind.message)
    this.#head(entry, isBytes)
    this.#frames.bytes.part(bytes, start, end)
    this.#left(entry)
    this.#finish(at)
    if (entry.extra?.ack === undefined) entry.settler?.sent()
  }

  #refuse(entry: Waiting, error: Error): void {
    this.#queue.remove(entry)
    entry.settler?.failed(error)
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

  #sendLarge(entry: Waiting, body: Uint8Array, isBytes: boolean): void {
    const start = this.#frames.bytes.position
    this.#frames.bytes.u8(FrameKind.message)
    this.#head(entry, isBytes)
    this.#frames.forgetName()
    const head = new Uint8Array(this.#frames.bytes.buffer.subarray(start, this.#frames.bytes.position))
    this.#frames.bytes.reset(start)
    this.#queue.seal(entry)
    const frame = new LargeFrame(head, body, entry)
    this.#spend(frame.cost)
    this.#large.send(frame)
  }

  #writeReply(reply: WaitingFrame): void {
    const { head, body } = reply
    if (body.length > chunkedAbove) {
      reply.sent()
      return this.#large.send(new LargeFrame(head, body))
    }
    const start = this.#frames.begin(head[0] as FrameKind)
    this.#frames.bytes.bytes(head.subarray(1))
    this.#frames.bytes.bytes(body)
    this.batch.end(start)
    reply.sent()
  }

  #ended({ entry }: LargeFrame): void {
    if (entry === undefined) return
    const { body, extra } = entry
    this.#left(entry)
    if (extra?.ack !== undefined) return
    // All of it is in batches, and nobody else has it.
    if (body.type === 'encoded' || body.type === 'copy') largeBuffers.release(body.bytes)
    entry.settler?.sent()
  }

  /** Sends messages again that were not acknowledged, before everything that waits, and the one under way anew. */
  again(entries: readonly Waiting[]): void {
    const { frame } = this.#large
    if (frame?.entry !== undefined) this.#large.giveUp(frame)
    this.#queue.putBack(entries)
    this.drain()
  }

  #finish(start: number): void {
    this.#spend(this.#frames.bytes.position - start - frameHeaderBytes + creditOverheadBytes)
    this.batch.end(start)
  }

  #spend(cost: number): void {
    this.#spent += cost
    this.#credit -= cost
  }
}

const nothing = new Uint8Array(0)
const givenUp = Uint8Array.of(ChunkFlag.givenUp)
const lastWord = Uint8Array.of(FrameKind.moved, 0, 0, 0)
