import type { Life } from '../core/node.js'
import type { Instant } from '../core/time.js'
import type { Dependency } from './causal-matrix.js'
import { NumberHeap } from './number-heap.js'

/** A message that arrived and is not handed over yet. */
export interface Held<Message> {
  readonly source: CausalSource<Message>
  readonly number: number
  readonly dependencies: readonly Dependency[]
  /** Those of them that concern messages to this life. */
  readonly own: readonly Dependency[]
  readonly message: Message
}

/** What waits for one number of a sender, and since when. */
interface Wait<Message> {
  readonly since: Instant
  readonly held: Held<Message>[]
}

/**
 * The messages of one label that one life of a node sent here. Each number is *resolved* in its turn: when its message
 * is handed over, or will not come. Bookkeeping: it decides nothing.
 */
export class CausalSource<Message> {
  readonly life: Life
  /** When anything was last heard of it. */
  heardAt: Instant
  #resolved = 0
  /** What has not arrived of the numbers up to this one will not come. */
  #gone = 0
  /** The greatest number that was heard of. */
  #greatest = 0
  /** Arrived, and wait for others. */
  readonly #held = new Map<number, Held<Message>>()
  /** Arrived, and a fault holds them back. */
  readonly #delayed = new Set<number>()
  /** Of both those that came before their turn, and some that are neither any more. */
  readonly #early = new NumberHeap()
  readonly #waits = new Map<number, Wait<Message>>()
  #missed = 0
  /** The last numbers that were passed over, and the last that was handed over. */
  readonly #passed = new Set<number>()
  #delivered = 0

  constructor(life: Life, now: Instant) {
    this.life = life
    this.heardAt = now
  }

  /** Every number up to this one was handed over, or will not come. */
  get resolved(): number {
    return this.#resolved
  }

  /** How many messages were passed over so far: somebody had heard of them, and they did not come. */
  get missed(): number {
    return this.#missed
  }

  /** Whether nothing is kept of it but its number. */
  get isIdle(): boolean {
    return this.#held.size === 0 && this.#delayed.size === 0 && this.#waits.size === 0
  }

  /** All that is kept. */
  get size(): number {
    return this.#held.size + this.#delayed.size + this.#early.size + this.#waits.size + this.#passed.size
  }

  /** The numbers that anything waits for, and since when. */
  *waits(): Iterable<readonly [number: number, since: Instant]> {
    for (const [number, { since }] of this.#waits) yield [number, since]
  }

  has(number: number): boolean {
    return this.#held.has(number)
  }

  /** Whether a message that is resolved was passed over, as far as that is remembered. */
  wasMissed(number: number): boolean {
    return number > this.#delivered || this.#passed.has(number)
  }

  hold(held: Held<Message>): void {
    this.#delayed.delete(held.number)
    this.#held.set(held.number, held)
    this.#came(held.number)
    this.#greatest = Math.max(this.#greatest, held.number)
  }

  delay(number: number): void {
    if (number <= this.#resolved) return
    this.#delayed.add(number)
    this.#came(number)
  }

  /** What a fault held back will not go on: it may yet come again. Returns what waited for it. */
  undelay(number: number): Held<Message>[] {
    this.#delayed.delete(number)
    return this.#advance(this.#resolved)
  }

  wait(number: number, held: Held<Message>, now: Instant): void {
    this.#greatest = Math.max(this.#greatest, number)
    const wait = this.#waits.get(number)
    if (wait === undefined) this.#waits.set(number, { since: now, held: [held] })
    else wait.held.push(held)
  }

  /** A held message is handed over. Returns what waited for that. */
  deliver(number: number): Held<Message>[] {
    const before = this.#resolved
    this.#held.delete(number)
    // It may have arrived twice, once behind a fault.
    this.#delayed.delete(number)
    this.#resolved = number
    this.#delivered = number
    return this.#advance(before)
  }

  /** What has not arrived up to that number will not come. Returns what waited for it. */
  giveUp(upTo: number): Held<Message>[] {
    this.#gone = Math.max(this.#gone, upTo)
    return this.#advance(this.#resolved)
  }

  /** Passes over what will not come, up to what has arrived. Returns what waited for numbers above `before`. */
  #advance(before: number): Held<Message>[] {
    const target = this.#gone > this.#resolved ? Math.min(this.#gone, this.#next() - 1) : 0
    if (target > this.#resolved) {
      this.#pass(Math.min(target, this.#greatest))
      this.#resolved = target
    }
    const released: Held<Message>[] = []
    const take = (number: number): void => {
      // One by one: as the arguments of one call, very many would be too many.
      for (const held of this.#waits.get(number)?.held ?? []) released.push(held)
      this.#waits.delete(number)
    }
    if (this.#resolved - before <= this.#waits.size) {
      for (let number = before + 1; number <= this.#resolved; number++) take(number)
    } else {
      for (const number of [...this.#waits.keys()]) if (number <= this.#resolved) take(number)
    }
    return released
  }

  #pass(upTo: number): void {
    this.#missed += Math.max(0, upTo - this.#resolved)
    for (let number = Math.max(this.#resolved, upTo - passedMax) + 1; number <= upTo; number++) this.#passed.add(number)
    for (const oldest of this.#passed) {
      if (this.#passed.size <= passedMax) break
      this.#passed.delete(oldest)
    }
  }

  #came(number: number): void {
    // The next in turn is found without.
    if (number === this.#resolved + 1) return
    this.#early.add(number)
    if (this.#early.size < 64 + 2 * (this.#held.size + this.#delayed.size)) return
    this.#early.clear()
    for (const early of [...this.#held.keys(), ...this.#delayed]) this.#early.add(early)
  }

  /** The lowest number that has arrived and is not handed over. */
  #next(): number {
    const following = this.#resolved + 1
    if (this.#isHere(following)) return following
    for (;;) {
      const { lowest } = this.#early
      if (lowest === undefined || this.#isHere(lowest)) return lowest ?? Number.POSITIVE_INFINITY
      this.#early.removeLowest()
    }
  }

  #isHere(number: number): boolean {
    return this.#held.has(number) || this.#delayed.has(number)
  }
}

/** Numbers that were passed over and are remembered, to tell what comes late from what comes twice. */
const passedMax = 256
