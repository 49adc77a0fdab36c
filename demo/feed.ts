import { setTimeout as pause } from 'node:timers/promises'
import { NotConnectedError, PartitionedError, type PeerServiceManager, UnknownOutcomeError } from 'maquis'
import type { Servers } from './protocol.js'
import { hashOf, linesOf, wordsOf } from './words.js'

const linesPerBatch = 10
/** Words of one bucket always travel together, so the bucket is their key. */
const buckets = 4
/** Batches under way to one worker. */
const windowSize = 128
const pauseMillis = 10

export interface FeedOptions {
  readonly node: PeerServiceManager<Servers>
  readonly input: string
  readonly worker: string
  readonly index: number
  readonly workers: number
}

/**
 * Sends one worker its words: those whose hash says so. Each worker has a feed of its own, which reads the file for
 * itself, so a worker that is cut off holds up nobody, and nothing piles up for it either.
 *
 * Sending each word as a message with itself as the partition key would be honest and slow. The words of a few lines
 * travel as one message for each bucket of words instead, and the bucket is the key. A word is always in the same
 * bucket, so what a key promises holds for each word: one connection, in order.
 */
export class Feed {
  readonly worker: string
  readonly #options: FeedOptions
  readonly #underWay = new Set<number>()
  #nextId = 0
  #wake: () => void = () => {}
  #failure: Error | undefined
  /** How much of the file was read, in bytes. */
  bytes = 0
  /** Batches answered. */
  messages = 0
  /** Words in them. */
  words = 0
  /** Batches sent again. */
  resent = 0
  /** Every batch was answered. */
  done = false

  constructor(options: FeedOptions) {
    this.#options = options
    this.worker = options.worker
  }

  /** Sends the whole file; resolves when every batch was answered. */
  async run(): Promise<void> {
    let lines: string[] = []
    for await (const line of linesOf(this.#options.input)) {
      lines.push(line)
      if (lines.length < linesPerBatch) continue
      await this.#sendLines(lines)
      lines = []
    }
    await this.#sendLines(lines)
    while (this.#underWay.size > 0) await this.#progress()
    this.done = true
  }

  async #sendLines(lines: readonly string[]): Promise<void> {
    const { index, workers } = this.#options
    const batches: string[][] = []
    for (const line of lines) {
      for (const word of wordsOf(line)) {
        const hash = hashOf(word)
        if (hash % workers !== index) continue
        const bucket = Math.floor(hash / workers) % buckets
        const batch = batches[bucket]
        if (batch === undefined) batches[bucket] = [word]
        else batch.push(word)
      }
    }
    for (const line of lines) this.bytes += Buffer.byteLength(line) + 1
    for (const [bucket, words] of batches.entries()) {
      if (words === undefined) continue
      while (this.#underWay.size >= windowSize) await this.#progress()
      void this.#send(bucket, words)
    }
  }

  /** Resolves when a batch was answered. */
  async #progress(): Promise<void> {
    if (this.#failure === undefined) await new Promise<void>(resolve => (this.#wake = resolve))
    if (this.#failure !== undefined) throw this.#failure
  }

  async #send(bucket: number, words: readonly string[]): Promise<void> {
    const id = this.#nextId++
    this.#underWay.add(id)
    try {
      await this.#untilAnswered(id, bucket, words)
      this.messages++
      this.words += words.length
    } catch (error) {
      this.#failure ??= error as Error
    }
    this.#underWay.delete(id)
    this.#wake()
  }

  /** Asks, and asks again under the same id, until the worker has answered: it may have counted the batch already. */
  async #untilAnswered(id: number, bucket: number, words: readonly string[]): Promise<void> {
    const { node, worker } = this.#options
    for (;;) {
      const [settled = id] = this.#underWay
      try {
        await node.request(worker, 'count', { id, settled, words }, { channel: 'data', partitionKey: bucket })
        return
      } catch (error) {
        if (!isPassing(error)) throw error
      }
      await this.#untilUp()
      this.resent++
    }
  }

  /** The pause keeps a connection that breaks at every batch from making this a busy loop. */
  async #untilUp(): Promise<void> {
    const { node, worker } = this.#options
    await pause(pauseMillis)
    await new Promise<void>(resolve => {
      const registration = node.onUp(worker, () => {
        resolve()
        queueMicrotask(() => registration[Symbol.dispose]())
      })
    })
  }
}

/** Whether a later attempt may end better: the worker is cut off or unreachable, and may or may not have counted. */
function isPassing(error: unknown): boolean {
  return error instanceof PartitionedError || error instanceof NotConnectedError || error instanceof UnknownOutcomeError
}
