import type { Payload } from '../codec/value-bytes.js'
import type { Incarnation } from '../core/node.js'
import { callerOverheadBytes, entryOverheadBytes } from './limits.js'

/** The optional fields of a message on its way. */
export interface MessageExtra {
  readonly request?: number | undefined
  /** When it expires, on this node's monotonic clock. */
  readonly expires?: number | undefined
  /** An encoded value. */
  readonly clock?: Uint8Array | undefined
  /** For the peer's manager. */
  readonly manager?: boolean | undefined
  /** Only this life of the peer will do. It does not travel: a connection leads to one life. */
  readonly life?: number | undefined
  /** It is to be acknowledged: when its server was given it, or when that has handled it. */
  readonly ack?: 'given' | 'handled' | undefined
  /** It has a causal label. */
  readonly causal?: CausalTag | undefined
}

/** What of a causal label travels with a message, and the lives of the pair of nodes that it holds for. */
export interface CausalTag {
  readonly bytes: Uint8Array
  readonly from: Incarnation
  readonly to: Incarnation
}

/** Keeps messages of a channel that were sent until they are acknowledged. */
export interface Tracker {
  /** The lowest number of the stream that is outstanding; undefined: nothing is. */
  lowest(stream: number): number | undefined
  /** The greatest of them. */
  greatest(stream: number): number | undefined
  /** The message is with the connection, under its number. */
  sent(entry: Waiting): void
  /** Nobody waits for it any more. */
  giveUp(entry: Waiting): void
}

/** How a waiting message ends. Exactly one of the two is called, once. */
export interface Settler {
  sent(): void
  failed(error: Error): void
  /** False when it has been told another end meanwhile: then the message need not be sent. Default true. */
  wanted?(): boolean
  /** False: no caller waits, so it may not block. Default true. */
  readonly awaited?: boolean
}

/** A message that waits for its lane. */
export interface Waiting {
  readonly server: string
  stream: number
  /**
   * What is to be sent: bytes as they are, an encoded value, or a value that is encoded when it leaves (of a monotonic
   * channel, or of a caller who waits for room).
   */
  body: Payload | { readonly type: 'value'; readonly value: unknown }
  extra: MessageExtra | undefined
  settler: Settler | undefined
  /** The key whose newest message alone waits, on a monotonic channel. */
  readonly key: string | undefined
  /** Its place among all messages that waited at this node. */
  readonly order: number
  /**
   * How long it waits for a peer that was up: until that goes down, until its life ends, or for its next as well;
   * 'unsent': for its next as well until it was sent, and from then on until the peer goes down.
   */
  patience: 'up' | 'life' | 'always' | 'unsent'
  /** It may go through other nodes, and ends where no way is found. Default false. */
  transitive?: boolean | undefined
  /** Its number in its stream, once it was written: it is the same when it is sent again. 0 before. */
  sequence: number
  /** Keeps it while it is sent and not acknowledged; undefined before. */
  tracker: Tracker | undefined
  /** What it counts for in the budget; 0 for a blocked call, which counts by number. */
  bytes: number
  /** The queue that it waits in: it may have moved since whoever holds it put it there. */
  queue: MessageQueue | undefined
  /** Cancels its own deadline timer and abort listener. */
  release: (() => void) | undefined
  gone: boolean
}

/** What tells whether a message still waits when something happens to its peer. */
export type Patience = Pick<Waiting, 'patience' | 'sequence' | 'transitive' | 'extra'>

/** Whether it waits on when its peer goes down. */
export function outlasts({ patience, sequence }: Patience): boolean {
  return patience === 'unsent' ? sequence === 0 : patience !== 'up'
}

/** What waits for one peer and channel, over all its lanes. */
export interface QueueBudget {
  bytes: number
  /** Of these, what no policy drops: it was sent, and is not acknowledged, or a fault holds it back. */
  pinned: number
  blocked: number
}

/** The messages that wait for one lane, in order. */
export class MessageQueue {
  readonly #budget: QueueBudget
  readonly #keys = new Map<string, Waiting>()
  #entries: (Waiting | undefined)[] = []
  #head = 0
  #live = 0

  constructor(budget: QueueBudget) {
    this.#budget = budget
  }

  /** How many wait. */
  get length(): number {
    return this.#live
  }

  push(entry: Waiting): void {
    entry.queue = this
    this.#entries.push(entry)
    this.#live++
    this.#account(entry, 1)
    if (entry.key !== undefined) this.#keys.set(entry.key, entry)
  }

  /** The message of `key` that waits, if any. */
  waitingFor(key: string): Waiting | undefined {
    return this.#keys.get(key)
  }

  /** Gives the newest message of a key the place that its predecessor waits in. */
  supersede(waiting: Waiting, newer: Waiting): void {
    this.#account(waiting, -1)
    waiting.release?.()
    waiting.stream = newer.stream
    waiting.body = newer.body
    waiting.extra = newer.extra
    waiting.settler = newer.settler
    waiting.patience = newer.patience
    waiting.transitive = newer.transitive
    waiting.bytes = newer.bytes
    waiting.release = newer.release
    this.#account(waiting, 1)
  }

  /** The message is on its way in chunks: a newer one of its key no longer takes its place. */
  seal(entry: Waiting): void {
    if (entry.key !== undefined && this.#keys.get(entry.key) === entry) this.#keys.delete(entry.key)
  }

  /** The message that has waited longest; it stays. */
  peek(): Waiting | undefined {
    while (this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head] as Waiting
      if (!entry.gone) return entry
      this.#advance()
    }
    this.#entries.length = 0
    this.#head = 0
    return undefined
  }

  /** The message that has waited longest of those that were never sent; it stays. */
  oldestUnsent(): Waiting | undefined {
    for (let at = this.#head; at < this.#entries.length; at++) {
      const entry = this.#entries[at]
      if (entry !== undefined && !entry.gone && entry.sequence === 0) return entry
    }
    return undefined
  }

  /** Takes the message that has waited longest. */
  shift(): Waiting | undefined {
    const entry = this.peek()
    if (entry !== undefined) this.remove(entry)
    return entry
  }

  /** Takes a message out, wherever it waits. */
  remove(entry: Waiting): void {
    if (entry.gone) return
    if (entry.queue !== undefined && entry.queue !== this) return entry.queue.remove(entry)
    entry.gone = true
    entry.release?.()
    this.#live--
    this.#account(entry, -1)
    if (entry.key !== undefined && this.#keys.get(entry.key) === entry) this.#keys.delete(entry.key)
    if (this.#entries[this.#head] === entry) this.#advance()
    // What is gone leaves the list lazily; when most of it is gone, at once, so that aborted calls cannot pile up.
    else if (this.#entries.length - this.#head > 2 * this.#live + 64) this.#compact()
  }

  /** Gives a message its number: from now on it counts as sent. */
  number(entry: Waiting, sequence: number): void {
    if (entry.sequence === 0) this.#budget.pinned += entry.bytes
    entry.sequence = sequence
  }

  /** Counts a message that need not wait, until {@link settle}. */
  admit(entry: Waiting): void {
    this.#account(entry, 1)
  }

  /**
   * The first message was sent and is to be acknowledged: `tracker` keeps it, and it counts in the budget until
   * {@link settle}.
   */
  keep(entry: Waiting, tracker: Tracker): void {
    entry.queue = undefined
    entry.tracker = tracker
    this.#live--
    this.seal(entry)
    this.#advance()
  }

  /** Whoever waits for an acknowledgement of a kept message waits no more. */
  settle(entry: Waiting): void {
    entry.gone = true
    entry.release?.()
    this.#account(entry, -1)
  }

  /** Puts kept messages back, before all others, to be sent again. */
  putBack(entries: readonly Waiting[]): void {
    for (const entry of entries) {
      entry.queue = this
      entry.tracker = undefined
    }
    this.#live += entries.length
    this.#entries = [...entries, ...this.#entries.slice(this.#head)]
    this.#head = 0
  }

  /** Whether any that waits is such. */
  some(wanted: (entry: Waiting) => boolean): boolean {
    return this.#entries.some(entry => entry !== undefined && !entry.gone && wanted(entry))
  }

  /** Takes out all that `wanted` picks, and returns it in order. */
  removeWhere(wanted: (entry: Waiting) => boolean): Waiting[] {
    const taken: Waiting[] = []
    for (const entry of this.#entries.slice(this.#head)) {
      if (entry !== undefined && !entry.gone && wanted(entry)) taken.push(entry)
    }
    for (const entry of taken) this.remove(entry)
    return taken
  }

  /** Moves all that waits, in order and with its deadlines, to the queues that `queueOf` names. */
  moveTo(queueOf: (entry: Waiting) => MessageQueue): void {
    const moving = this.#entries.slice(this.#head)
    this.#entries = []
    this.#head = 0
    this.#live = 0
    this.#keys.clear()
    for (const entry of moving) {
      if (entry === undefined || entry.gone) continue
      this.#account(entry, -1)
      queueOf(entry).push(entry)
    }
  }

  #advance(): void {
    this.#entries[this.#head++] = undefined
    if (this.#head > 1_024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#head).filter(entry => entry !== undefined && !entry.gone)
    this.#head = 0
  }

  #account(entry: Waiting, sign: 1 | -1): void {
    this.#budget.bytes += sign * entry.bytes
    if (entry.sequence > 0) this.#budget.pinned += sign * entry.bytes
    if (entry.bytes === 0) this.#budget.blocked += sign
  }
}

/** What a message of `size` bytes counts for while it waits, and whether a caller waits with it. */
export function costOf(size: number, awaited: boolean): number {
  return size + entryOverheadBytes + (awaited ? callerOverheadBytes : 0)
}
