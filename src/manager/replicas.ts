import { EncodeError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import type { NodeName } from '../core/node.js'
import { type Random, sample } from '../core/random.js'
import type { Clock, Millis } from '../core/time.js'
import { checkFunction } from './checks.js'
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
  /** What a copy with that digest lacks. The first 1,000 are sent; the rest follows with the next exchange. */
  missing(digest: Digest): Iterable<Item> | PromiseLike<Iterable<Item>>
}

/** How a store is kept alike. */
export interface ReplicateOptions {
  /** How often a random neighbour is compared with, on average. Default 10,000 ms, as in Partisan. */
  readonly interval?: Millis
  /** The channel of the exchanges. Default `'default'`. */
  readonly channel?: string
}

/** What it needs of its node. */
export interface ReplicasContext {
  readonly clock: Clock
  readonly random: Random
  readonly reporter: Reporter
  readonly neighbours: () => readonly NodeName[]
  register(name: string, handler: Handler): Disposable
  request(node: NodeName, server: string, message: unknown, channel: string): Promise<unknown>
  cast(node: NodeName, server: string, message: unknown, channel: string): void
}

const intervalDefault: Millis = 10_000
/** Items that one copy sends another in one exchange. */
const itemsMax = 1_000

/** Keeps a store alike with the copies of other members, until it is disposed. */
export class Replica implements Disposable {
  readonly #context: ReplicasContext
  readonly #store: ReplicatedStore
  readonly #server: string
  readonly #interval: Millis
  readonly #channel: string
  readonly #registrations: readonly Disposable[]
  #cancel: () => void

  constructor(
    name: string,
    store: ReplicatedStore,
    { interval = intervalDefault, channel = 'default' }: ReplicateOptions,
    context: ReplicasContext,
  ) {
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
    this.#cancel()
    for (const registration of this.#registrations) registration[Symbol.dispose]()
  }

  #later(): () => void {
    const { clock, random } = this.#context
    return clock.schedule(this.#interval * (0.5 + random.next()), () => {
      this.#cancel = this.#later()
      const [peer] = sample(random, this.#context.neighbours(), 1)
      if (peer !== undefined) void this.#exchange(peer)
    })
  }

  /** Asks a neighbour for what is missing here, and sends it what is missing there. */
  #exchange(peer: NodeName): Promise<void> {
    const context = this.#context
    const channel = this.#channel
    return this.#guarded(async () => {
      const digest = await this.#store.digest()
      let answer: unknown
      try {
        answer = await context.request(peer, this.#server, { digest }, channel)
      } catch (error) {
        if (error instanceof EncodeError) throw error
        // It is gone, or has no such store: there will be another exchange.
        return
      }
      if (!isRecord(answer)) return
      await this.#merge(answer.items, { from: peer, incarnation: 0, channel })
      const items = await this.#missing(answer.digest)
      if (items.length > 0) context.cast(peer, this.#server, { items }, channel)
    })
  }

  /** A neighbour asks, or sends what is missing here. */
  #answer(message: unknown, from: MessageContext): Promise<unknown> {
    return this.#guarded(async () => {
      if (!isRecord(message)) return undefined
      await this.#merge(message.items, from)
      if (!('digest' in message)) return undefined
      return { items: await this.#missing(message.digest), digest: await this.#store.digest() }
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
    if (!Array.isArray(items)) return
    for (const item of items as unknown[]) await this.#guarded(async () => this.#store.merge(item, from))
  }

  async #missing(digest: unknown): Promise<unknown[]> {
    const items: unknown[] = []
    for (const item of await this.#store.missing(digest)) if (items.push(item) >= itemsMax) break
    return items
  }
}
