import { encodeToBytes } from '../codec/value-bytes.js'
import { MalformedError } from '../codec/value-decoder.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { EncodeError, InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import type { NodeName } from '../core/node.js'
import { type Random, sample } from '../core/random.js'
import type { Clock, Millis } from '../core/time.js'
import { checkFunction } from './checks.js'
import { type ItemBatch, packItems, unpackItems } from './replica-items.js'
import type { Reporter } from './reporter.js'
import type { Handler, MessageContext } from './servers.js'

/**
 * A store of which every member has a copy, kept alike by an exchange between neighbours: after the `merge`, `graft`
 * and `exchange` of Partisan's broadcast handlers. Merging must not depend on the order, and must do nothing twice.
 */
export interface ReplicatedStore<Item = unknown, Digest = unknown> {
  /** Takes an item of another copy, which this one may have already. In an exchange the next waits for its promise. */
  merge(item: Item, context: MessageContext): unknown
  /** What this copy has, in short: versions, a vector of numbers, hashes. It travels, so keep it small. */
  digest(): Digest | PromiseLike<Digest>
  /**
   * What a copy with that digest lacks. At a time the first 1,000 are sent, up to 1 MiB, or one that is larger; the
   * rest follows at once while it brings the copies nearer to each other, up to 64 times, else with the next exchange.
   * An item that cannot travel, or takes more than `limits.messageBytes` of either end, is left out: `handler-error`
   * tells of it, and the counter `itemsSkipped`.
   */
  missing(digest: Digest): Iterable<Item> | PromiseLike<Iterable<Item>>
}

/** How a store is kept alike. */
export interface ReplicateOptions {
  /** How often a random neighbour is compared with, on average. Default 10,000 ms, as in Partisan. */
  readonly interval?: Millis | undefined
  /** The channel of the exchanges. Default `'default'`. */
  readonly channel?: string | undefined
}

/** What it needs of its node. */
export interface ReplicasContext {
  readonly clock: Clock
  readonly random: Random
  readonly reporter: Reporter
  readonly neighbours: () => readonly NodeName[]
  register(name: string, handler: Handler): Disposable
  readonly valueLimits: ValueLimits
  readonly peerValueLimits: ValueLimits
  /** What of a message to that node both ends take. */
  limitsTo(node: string, channel: string): { readonly messageBytes: number; readonly values: ValueLimits }
  request(node: NodeName, server: string, message: unknown, channel: string): Promise<unknown>
}

const intervalDefault: Millis = 10_000
/** Batches that an exchange takes at most each way. */
const roundsMax = 64
/** What a message of an exchange takes beside its digest and its items. */
const headBytes = 128

/** Keeps a store alike with the copies of other members, until it is disposed. */
export class Replica implements Disposable {
  readonly #context: ReplicasContext
  readonly #store: ReplicatedStore
  readonly #server: string
  readonly #interval: Millis
  readonly #channel: string
  readonly #registrations: readonly Disposable[]
  #cancel: () => void
  #exchanging = false
  #disposed = false

  constructor(
    name: string,
    store: ReplicatedStore,
    { interval = intervalDefault, channel = 'default' }: ReplicateOptions,
    context: ReplicasContext,
  ) {
    // Whoever has no types may give none at all.
    const given: unknown = store
    if (typeof given !== 'object' || given === null) {
      throw new InvalidOptionError('store', 'an object with merge, digest and missing', given)
    }
    for (const method of ['merge', 'digest', 'missing'] as const) checkFunction(`store.${method}`, store[method])
    this.#context = context
    this.#store = store
    this.#server = `${name}:exchange`
    this.#interval = interval
    this.#channel = channel
    const merging = context.register(name, (item, from) => store.merge(item, from))
    try {
      this.#registrations = [merging, context.register(this.#server, (message, from) => this.#answer(message, from))]
    } catch (error) {
      merging[Symbol.dispose]()
      throw error
    }
    this.#cancel = this.#later()
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#cancel()
    for (const registration of this.#registrations) registration[Symbol.dispose]()
  }

  #later(): () => void {
    const { clock, random } = this.#context
    return clock.schedule(this.#interval * (0.5 + random.next()), () => {
      this.#cancel = this.#later()
      const [peer] = sample(random, this.#context.neighbours(), 1)
      if (peer !== undefined && !this.#exchanging) void this.#exchange(peer)
    })
  }

  /** Asks a neighbour for what is missing here, and sends it what is missing there. */
  async #exchange(peer: NodeName): Promise<void> {
    this.#exchanging = true
    await this.#guarded(() => this.#converge(peer))
    this.#exchanging = false
  }

  /** Goes on while more is missing than fits into a message, and what was merged has changed a copy. */
  async #converge(peer: NodeName): Promise<void> {
    let items: Uint8Array | undefined
    let before: readonly Uint8Array[] = []
    for (let round = 0; round < roundsMax && !this.#disposed; round++) {
      const digest = await this.#store.digest()
      const answer = await this.#ask(peer, { digest, ...(items && { items }) })
      if (!isRecord(answer)) return
      await this.#merge(answer.items, { from: peer, incarnation: 0, channel: this.#channel })
      const batch = await this.#missing(answer.digest, peer, this.#encoded(digest).length)
      const last = answer.more !== true && !batch.more
      if (last && batch.count === 0) return
      if (last) return void (await this.#ask(peer, { items: batch.bytes }))
      const now = [this.#encoded(digest), this.#encoded(answer.digest)]
      if (now.every((bytes, index) => isSame(bytes, before[index]))) return
      before = now
      items = batch.bytes
    }
  }

  /** The neighbour's answer; undefined where it is gone, or has no such store: there will be another exchange. */
  async #ask(peer: NodeName, message: unknown): Promise<unknown> {
    try {
      return await this.#context.request(peer, this.#server, message, this.#channel)
    } catch (error) {
      if (error instanceof EncodeError) throw error
      return undefined
    }
  }

  /** A neighbour asks, or sends what is missing here. */
  #answer(message: unknown, from: MessageContext): Promise<unknown> {
    return this.#guarded(async () => {
      if (!isRecord(message)) return undefined
      await this.#merge(message.items, from)
      if (!('digest' in message)) return undefined
      const digest = await this.#store.digest()
      const { bytes, more } = await this.#missing(message.digest, from.from, this.#encoded(digest).length)
      return { items: bytes, more, digest }
    })
  }

  /** What the store throws is told here: whoever exchanges with it can do nothing about it. */
  async #guarded<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#context.reporter.failed(`the store of '${this.#server}'`, error)
      return undefined
    }
  }

  /** An item that cannot be merged does not keep the others out. */
  async #merge(items: unknown, from: MessageContext): Promise<void> {
    if (!(items instanceof Uint8Array)) return
    try {
      for (const unpacked of unpackItems(items, this.#context.peerValueLimits)) {
        if (this.#disposed) return
        if (unpacked.error === undefined) await this.#guarded(async () => this.#store.merge(unpacked.item, from))
        else this.#violated(unpacked.error, from)
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#violated(error, from)
    }
  }

  #violated({ message }: MalformedError, { from }: MessageContext): void {
    this.#context.reporter.violation(from as NodeName, 'malformed', `items of '${this.#server}': ${message}`)
  }

  /** What goes to a copy with that digest, in one message beside a digest of so many bytes. */
  async #missing(digest: unknown, peer: string, digestBytes: number): Promise<ItemBatch> {
    const { reporter } = this.#context
    const limits = this.#context.limitsTo(peer, this.#channel)
    const room = limits.messageBytes - headBytes - digestBytes
    const batch = packItems(await this.#store.missing(digest), room, limits.values)
    if (batch.skipped > 0) {
      reporter.counters.add('itemsSkipped', batch.skipped)
      reporter.failed(`the store of '${this.#server}'`, batch.why)
    }
    return batch
  }

  #encoded(digest: unknown): Uint8Array {
    return encodeToBytes(digest, this.#context.valueLimits)
  }
}

function isSame(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.compare(one, other) === 0
}
