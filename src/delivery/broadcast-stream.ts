import { Fifo } from '../core/fifo.js'
import type { Incarnation, NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import type { Gossip } from './broadcast-messages.js'

/** A message that is kept for neighbours that missed it. */
export interface Kept {
  readonly stream: BroadcastStream
  readonly number: number
  readonly server: string
  readonly body: Uint8Array
  readonly at: Instant
  dropped: boolean
}

/** What a neighbour has told of a stream that this node is behind with. */
export interface Source {
  upTo: number
  /** It has nothing up to here any more. */
  gone: number
  /** It had it once, or has given it up. */
  had: boolean
}

/** A graft: `upTo` is the last number that it is sure to bring, `more` that the same neighbour has more than that. */
export interface Asked {
  readonly peer: NodeName
  readonly upTo: number
  readonly more: boolean
}

/**
 * How far this node is with the messages of one life of one node. It takes them in order, and passes on only what it
 * took: so what a neighbour has is always told by one number, and what it sends it has everything before.
 */
export class BroadcastStream {
  readonly origin: NodeName
  readonly incarnation: Incarnation
  /** All up to this one were taken, or given up. */
  delivered: number
  /** Numbers up to here were before its time. */
  readonly begin: number
  /** Hops that the last one had behind it here. */
  round = 0
  /** Whom the last one came from first, as long as it is eager. */
  parent: NodeName | undefined
  /** In order, up to `delivered`; what was given up is missing. */
  readonly kept: Kept[] = []
  /** What came before its time, and from whom. */
  readonly held: Map<number, { readonly gossip: Gossip; readonly from: NodeName }> = new Map()
  /** Who has what is missing; the one to ask next is first. */
  readonly sources: Map<NodeName, Source> = new Map()
  /** The graft that is under way. */
  asked: Asked | undefined
  /** When the next one is due; undefined while nothing is missing. */
  due: Instant | undefined
  /** When something was last taken, or first missed. */
  progress: Instant = 0

  constructor(origin: NodeName, incarnation: Incarnation, delivered: number) {
    this.origin = origin
    this.incarnation = incarnation
    this.delivered = delivered
    this.begin = delivered
  }

  /** The lowest number that is kept, or the next one where none is. */
  get floor(): number {
    return this.kept[0]?.number ?? this.delivered + 1
  }

  /** The lowest number that came before its time. */
  get firstHeld(): number | undefined {
    return this.held.size === 0 ? undefined : Math.min(...this.held.keys())
  }

  /** The last number that is known to exist and is not here; `delivered` when none is. */
  get missingUpTo(): number {
    const first = this.firstHeld
    if (first !== undefined) return first - 1
    let most = this.delivered
    for (const { upTo } of this.sources.values()) most = Math.max(most, upTo)
    return most
  }
}

/** What each message that is kept counts beside its body. */
const overheadBytes = 256

/** What is kept of all streams together: bounded in bytes and in age, the oldest goes first. */
export class BroadcastCache {
  readonly #bytesMax: number
  readonly #age: Millis
  readonly #queue = new Fifo<Kept>()
  bytes = 0

  constructor(bytesMax: number, age: Millis) {
    this.#bytesMax = bytesMax
    this.#age = age
  }

  get empty(): boolean {
    return this.bytes === 0
  }

  add(stream: BroadcastStream, { number, server, body }: Gossip, now: Instant): void {
    const kept: Kept = { stream, number, server, body, at: now, dropped: false }
    stream.kept.push(kept)
    this.#queue.add(kept)
    this.bytes += costOf(kept)
    while (this.bytes > this.#bytesMax) this.#dropOldest()
  }

  /** Forgets what has been kept for long enough. */
  expire(now: Instant): void {
    for (let next = this.#peek(); next !== undefined && now - next.at >= this.#age; next = this.#peek()) {
      this.#dropOldest()
    }
  }

  /** Forgets all of one stream. */
  clear(stream: BroadcastStream): void {
    for (const kept of stream.kept.splice(0)) {
      kept.dropped = true
      this.bytes -= costOf(kept)
    }
  }

  #peek(): Kept | undefined {
    while (this.#queue.first?.dropped === true) this.#queue.removeFirst()
    return this.#queue.first
  }

  #dropOldest(): void {
    const oldest = this.#peek()
    if (oldest === undefined) return
    // Of each stream the oldest is the first, because streams are kept in order.
    oldest.stream.kept.shift()
    oldest.dropped = true
    this.bytes -= costOf(oldest)
    this.#queue.removeFirst()
  }
}

export function costOf({ body }: { readonly body: Uint8Array }): number {
  return body.length + overheadBytes
}
