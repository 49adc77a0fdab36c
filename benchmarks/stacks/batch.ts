import { Encoder } from 'cbor-x'
import type { Message, Order } from '../workload.js'

/** Messages that are collected until they are sent together, as one frame. */
export interface Batch {
  add(message: Message): void
  flush(): void
}

/** A batch is sent at this size, or when it is flushed. */
const batchBytes = 32_768
const slabBytes = 65_536
/** Bytes above this are sent as a frame of their own, and not copied. */
const copiedMax = 32_768

/** What cbor-x has beside what its types tell. It leaves where the value is at the buffer it wrote into. */
interface SlabEncoder {
  encode(value: unknown, options: number): Buffer & { readonly start: number; readonly end: number }
  useBuffer(slab: Buffer): void
  decodeMultiple(sequence: Buffer, each: (value: Order) => void): void
}

const cbor = new Encoder({ useRecords: false }) as unknown as SlabEncoder
/** Its REUSE_BUFFER_MODE, and one bit more so that values follow each other without padding. */
const intoSlab = 513

/** Orders in CBOR, one after another. The slab is cbor-x's own, and there is one of it in a process. */
export class ObjectBatch implements Batch {
  readonly #write: (frame: Uint8Array) => void
  #slab: Buffer | undefined
  #from = 0
  #end = 0

  constructor(write: (frame: Uint8Array) => void) {
    this.#write = write
  }

  add(message: Message): void {
    const slab = cbor.encode(message, intoSlab)
    if (slab !== this.#slab) {
      // The value did not fit any more: it begins another slab.
      this.flush()
      this.#slab = slab
      this.#from = slab.start
    }
    this.#end = slab.end
    if (this.#end - this.#from >= batchBytes) this.flush()
  }

  flush(): void {
    const slab = this.#slab
    if (slab === undefined || this.#end === this.#from) return
    this.#write(slab.subarray(this.#from, this.#end))
    this.#from = this.#end
    // Grown for a large value, or never ours.
    if (slab.length !== slabBytes) cbor.useBuffer(Buffer.allocUnsafeSlow(slabBytes))
  }
}

/** No CBOR item that an order begins with. */
const bytesMark = 0xff
const followsMark = 0xfe
/** The number of the server, a sequence number and the length. */
const headerBytes = 9
const server = 1

/** Bytes with a compact header each, one after another. */
export class BytesBatch implements Batch {
  readonly #write: (frame: Uint8Array, another?: Uint8Array) => void
  #slab = Buffer.allocUnsafeSlow(slabBytes)
  #from = 0
  #end = 0
  #seq = 0

  constructor(write: (frame: Uint8Array, another?: Uint8Array) => void) {
    this.#write = write
  }

  add(message: Message): void {
    const bytes = message as Uint8Array
    const { length } = bytes
    const copied = length <= copiedMax
    if (this.#slab.length - this.#end < 1 + headerBytes + (copied ? length : 0)) this.#renew()
    if (!copied) this.flush()
    const slab = this.#slab
    let at = this.#end
    if (at === this.#from) slab[at++] = copied ? bytesMark : followsMark
    const seq = this.#seq++
    slab[at++] = server
    slab[at++] = seq
    slab[at++] = seq >>> 8
    slab[at++] = seq >>> 16
    slab[at++] = seq >>> 24
    slab[at++] = length
    slab[at++] = length >>> 8
    slab[at++] = length >>> 16
    slab[at++] = length >>> 24
    if (copied) slab.set(bytes, at)
    this.#end = copied ? at + length : at
    if (!copied) this.#send(bytes)
    else if (this.#end - this.#from >= batchBytes) this.#send()
  }

  flush(): void {
    if (this.#end > this.#from) this.#send()
  }

  #send(another?: Uint8Array): void {
    this.#write(this.#slab.subarray(this.#from, this.#end), another)
    this.#from = this.#end
  }

  #renew(): void {
    this.flush()
    this.#slab = Buffer.allocUnsafeSlow(slabBytes)
    this.#from = 0
    this.#end = 0
  }
}

/** Takes frames apart, and hands over the messages: bytes as views of their frame. */
export class BatchReader {
  readonly #receive: (message: Message) => void
  #bytesFollow = false

  constructor(receive: (message: Message) => void) {
    this.#receive = receive
  }

  read(frame: Buffer): void {
    if (this.#bytesFollow) {
      this.#bytesFollow = false
      this.#receive(frame)
    } else if (frame[0] === followsMark) {
      this.#bytesFollow = true
    } else if (frame[0] === bytesMark) {
      this.#readBytes(frame)
    } else {
      cbor.decodeMultiple(frame, this.#receive)
    }
  }

  #readBytes(frame: Buffer): void {
    for (let at = 1; at < frame.length; ) {
      const length = frame.readUInt32LE(at + headerBytes - 4)
      at += headerBytes
      this.#receive(frame.subarray(at, at + length))
      at += length
    }
  }
}
