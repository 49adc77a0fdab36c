import { ByteWriter } from '../codec/byte-writer.js'
import { type FrameKind, frameHeaderBytes, MessageFlag } from '../codec/codec.js'
import { encodeValue, type ValueLimits } from '../codec/value-encoder.js'
import type { Clock } from '../core/time.js'
import type { Connection } from '../transport/transport.js'
import type { BatchBuffers } from './batch-buffers.js'
import { batchBytes, internedNamesMax } from './limits.js'
import type { MessageExtra, Tracker } from './queue.js'

/** Writes frames into a batch: their headers, and what precedes the payload of a message. */
export class FrameWriter {
  readonly bytes: ByteWriter
  readonly #clock: Clock
  readonly #sequences: Float64Array
  readonly #tracker: Tracker
  readonly #interned = new Map<string, number>()
  #lastBatch = 0
  /** Where the batch is parted: what is between travels on its own. */
  #parts: number[] = []
  /** The server name that the frame in progress gives a number to. */
  #defined: string | undefined
  #encoding = false
  /** What getters of the message in hand have asked for. */
  #asked: (() => void)[] | undefined

  /** `tracker` knows what of each stream is outstanding. */
  constructor(clock: Clock, sequences: Float64Array, tracker: Tracker, buffers: BatchBuffers) {
    this.bytes = new ByteWriter(1_024, buffers)
    this.#clock = clock
    this.#sequences = sequences
    this.#tracker = tracker
  }

  /** Forgets the batch and the numbers of names: they belonged to a connection that is gone. */
  clear(): void {
    this.bytes.reset(0)
    this.#parts = []
    this.#interned.clear()
  }

  /** Hands over the batch. */
  take(): Uint8Array {
    this.#lastBatch = this.bytes.position
    if (this.#parts.length > 0) this.#parts = []
    return this.bytes.take()
  }

  /** What is written from now on does not travel together with what was written before. */
  separate(): void {
    if (this.bytes.position > 0) this.#parts.push(this.bytes.position)
  }

  /** Hands over the batch to `connection`, part by part, and says what that says. `release` gives the buffer back. */
  sendTo(connection: Connection, release: (batch: Uint8Array) => void): boolean {
    const parts = this.#parts
    const batch = this.take()
    let from = 0
    for (const until of parts) {
      connection.send(batch.subarray(from, until), undefined, true)
      from = until
    }
    return connection.send(from === 0 ? batch : batch.subarray(from), release)
  }

  /** Begins a frame, and returns where; {@link end} fills in its length. */
  begin(kind: FrameKind): number {
    const writer = this.bytes
    const start = writer.position
    // A busy lane's batch is about as large as its last one: grown once, not by doubling.
    if (start === 0 && this.#lastBatch > batchBytes / 2) writer.ensure(this.#lastBatch + 1_024)
    writer.u32(kind << 24)
    return start
  }

  end(start: number): void {
    const { buffer, position } = this.bytes
    const length = position - start - frameHeaderBytes
    buffer[start + 1] = length >>> 16
    buffer[start + 2] = length >>> 8
    buffer[start + 3] = length
  }

  /** Gives a message the next number of its stream. */
  number(stream: number): number {
    const sequence = (this.#sequences[stream] as number) + 1
    this.#sequences[stream] = sequence
    return sequence
  }

  /** Writes what precedes the payload of a message. */
  head(server: string, stream: number, sequence: number, isBytes: boolean, extra: MessageExtra | undefined): void {
    const writer = this.bytes
    this.#defined = undefined
    writer.u8(flagsOf(isBytes, extra))
    writer.varint(stream)
    writer.varint(sequence)
    if (extra?.manager !== true) this.#server(server)
    if (extra === undefined) return
    this.#optional(extra)
    if (extra.ack !== undefined) this.#ack(stream, sequence, extra.ack)
    if (extra.causal === undefined) return
    writer.varint(extra.causal.bytes.length)
    writer.bytes(extra.causal.bytes)
  }

  /** Writes a value, whose getters may do anything, but write into the batch. */
  value(value: unknown, limits: ValueLimits): void {
    this.#encoding = true
    try {
      encodeValue(this.bytes, value, limits)
    } finally {
      this.#encoding = false
    }
  }

  /** Encodes a message by itself, whose getters may do no more than others. */
  alone<Result>(encode: () => Result): Result {
    this.#encoding = true
    try {
      return encode()
    } finally {
      this.#encoding = false
    }
  }

  /** A message is being encoded. Its getters may do anything, but write into it. */
  get encoding(): boolean {
    return this.#encoding
  }

  /** Does `work` later, in {@link catchUp}, when a getter asks for it. False: none does. */
  later(work: () => void): boolean {
    if (!this.#encoding) return false
    this.#asked ??= []
    this.#asked.push(work)
    return true
  }

  /** A getter of the message in hand has asked for something. */
  get asked(): boolean {
    return this.#asked !== undefined
  }

  /** The message that was being encoded is in the batch, or was taken back. */
  catchUp(): void {
    if (this.#asked === undefined) return
    const asked = this.#asked
    this.#asked = undefined
    for (const work of asked) work()
  }

  /** Takes back a message that was begun at `start`. */
  undo(start: number, stream: number): void {
    this.bytes.reset(start)
    this.#sequences[stream] = (this.#sequences[stream] as number) - 1
    this.forgetName()
  }

  /** The name in the last head keeps no number: its frame may be abandoned half-way. */
  forgetName(): void {
    if (this.#defined !== undefined) this.#interned.delete(this.#defined)
  }

  #server(server: string): void {
    const writer = this.bytes
    const number = this.#interned.get(server)
    if (number !== undefined) return writer.varint(number)
    writer.varint(0)
    const next = this.#interned.size < internedNamesMax ? this.#interned.size + 1 : 0
    writer.varint(next)
    writer.string(server)
    if (next === 0) return
    this.#interned.set(server, next)
    this.#defined = server
  }

  #optional(extra: MessageExtra): void {
    const writer = this.bytes
    if (extra.request !== undefined) writer.varint(extra.request)
    if (extra.expires !== undefined) writer.varint(Math.max(0, Math.ceil(extra.expires - this.#clock.now())))
    if (extra.clock !== undefined) {
      writer.varint(extra.clock.length)
      writer.bytes(extra.clock)
    }
  }

  #ack(stream: number, sequence: number, ack: 'given' | 'handled'): void {
    const outstanding = sequence - (this.#tracker.lowest(stream) ?? sequence)
    this.bytes.varint(outstanding * 2 + (ack === 'handled' ? 1 : 0))
    this.bytes.varint(sequence - (this.#tracker.greatest(stream) ?? sequence))
  }
}

function flagsOf(isBytes: boolean, extra: MessageExtra | undefined): number {
  const flags = isBytes ? MessageFlag.bytes : 0
  if (extra === undefined) return flags
  return (
    flags |
    (extra.request === undefined ? 0 : MessageFlag.request) |
    (extra.expires === undefined ? 0 : MessageFlag.deadline) |
    (extra.clock === undefined ? 0 : MessageFlag.clock) |
    (extra.ack === undefined ? 0 : MessageFlag.ack) |
    (extra.causal === undefined ? 0 : MessageFlag.causal) |
    (extra.manager === true ? MessageFlag.manager : 0)
  )
}
