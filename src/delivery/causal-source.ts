import type { Life } from '../core/node.js'
import type { Instant } from '../core/time.js'
import type { Dependency } from './causal-matrix.js'
import { NumberHeap } from './number-heap.js'

/** A message that arrived and is not handed over yet. */
export interface Held<Message> {
  readonly source: CausalSource<Message>
  readonly number: number
  readonly dependencies: readonly Dependency[]
  readonly message: Message
  readonly since: Instant
  /** What it waits for. */
  readonly needs: Set<Need<Message>>
}

/** A message waits until all numbers of a sender up to this one are resolved. */
export interface Need<Message> {
  readonly held: Held<Message>
  readonly source: CausalSource<Message>
  number: number
}

/** What waits for one number of a sender, and since when the first of it. */
interface Wait<Message> {
  since: Instant
  readonly needs: Set<Need<Message>>
}

/**
 * The messages of one label that one life of a node sent here. Each number is *resolved* in its turn: when its message
 * is handed over, or will not come. Bookkeeping: it decides nothing.
 */
export class CausalSource<Message> {
  readonly life: Life
  /** When anything was last heard of it. */
  heardAt: Instant
  /** Of how many others, without a link here, it was the first to tell. */
  strangers = 0
  /** Who first told of it, while it has sent nothing here. */
  #teller: CausalSource<Message> | undefined
  #resolved = 0
  /** What has not arrived of the numbers up to this one will not come. */
  #gone = 0
  /** The greatest number that it told of itself. */
  #told = 0
  /** The greatest number that others told of. */
  #heard = 0
  /** When a number was given up of which only others had told. */
  #doubtedAt: Instant | undefined
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

  constructor(life: Life, now: Instant, teller?: CausalSource<Message>) {
    this.life = life
    this.heardAt = now
    this.#teller = teller
    if (teller !== undefined) teller.strangers++
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

  /** The greatest number that it told of itself. */
  get greatest(): number {
    return this.#told
  }

  /** Since when a number is given up that it never told of itself; undefined: none is. */
  get doubtedAt(): Instant | undefined {
    return this.#doubtedAt
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

  /** A message of it is here, in time or not. */
  came(number: number): void {
    this.#told = Math.max(this.#told, number)
    this.introduce()
  }

  /** Nobody need tell of it any more. */
  introduce(): void {
    if (this.#teller !== undefined) this.#teller.strangers--
    this.#teller = undefined
  }

  /** Whether a message that is resolved was passed over, as far as that is remembered. */
  wasMissed(number: number): boolean {
    return number > this.#delivered || this.#passed.has(number)
  }

  /** The message whose turn it is, when it is here and waits for others. */
  get first(): Held<Message> | undefined {
    return this.#held.get(this.#resolved + 1)
  }

  hold(held: Held<Message>): void {
    this.#delayed.delete(held.number)
    this.#held.set(held.number, held)
    this.#keep(held.number)
  }

  delay(number: number): void {
    if (number <= this.#resolved) return
    this.#delayed.add(number)
    this.#keep(number)
  }

  /** What a fault held back will not go on: it may yet come again. Returns what waited for it. */
  undelay(number: number): Need<Message>[] {
    this.#delayed.delete(number)
    return this.#advance(this.#resolved)
  }

  wait(need: Need<Message>): void {
    const { number, held } = need
    this.#heard = Math.max(this.#heard, number)
    const wait = this.#waits.get(number)
    if (wait === undefined) return void this.#waits.set(number, { since: held.since, needs: new Set([need]) })
    wait.needs.add(need)
    wait.since = Math.min(wait.since, held.since)
  }

  /** That is not waited for any more. */
  unwait(need: Need<Message>): void {
    const needs = this.#waits.get(need.number)?.needs
    needs?.delete(need)
    if (needs?.size === 0) this.#waits.delete(need.number)
  }

  /** A held message is handed over. Returns what waited for that. */
  deliver(number: number): Need<Message>[] {
    const before = this.#resolved
    this.#held.delete(number)
    // It may have arrived twice, once behind a fault.
    this.#delayed.delete(number)
    this.#resolved = number
    this.#delivered = number
    return this.#advance(before)
  }

  /** What has not arrived up to that number will not come. Returns what waited for it. */
  giveUp(upTo: number): Need<Message>[] {
    this.#gone = Math.max(this.#gone, upTo)
    return this.#advance(this.#resolved)
  }

  /** The same of a number that others have told of, and waited for in vain. */
  abandon(upTo: number, now: Instant): Need<Message>[] {
    if (upTo > this.#told) this.#doubtedAt = now
    return this.giveUp(upTo)
  }

  /**
   * It told that it had sent up to number `last` when it was asked: who told before of a greater one was wrong. Returns
   * what had waited for such a number, to wait for `last`, or for nothing.
   */
  told(last: number, askedAt: Instant): Need<Message>[] {
    if (last > 0) this.came(last)
    // What was given up since may have been told of since.
    if (this.#doubtedAt !== undefined && this.#doubtedAt <= askedAt) this.retract()
    const released: Need<Message>[] = []
    for (const [number, { needs }] of [...this.#waits]) {
      if (number <= this.#told) continue
      for (const need of [...needs]) {
        if (need.held.since > askedAt) continue
        this.unwait(need)
        need.number = this.#told
        if (this.#resolved < need.number) this.wait(need)
        else released.push(need)
      }
    }
    return released
  }

  /** Nothing that it never told of itself is given up any more. */
  retract(): void {
    this.#doubtedAt = undefined
    this.#gone = Math.min(this.#gone, this.#told)
    this.#resolved = Math.min(this.#resolved, this.#told)
    for (const number of [...this.#passed]) if (number > this.#resolved) this.#passed.delete(number)
  }

  /** Passes over what will not come, up to what has arrived. Returns what waited for numbers above `before`. */
  #advance(before: number): Need<Message>[] {
    const target = this.#gone > this.#resolved ? Math.min(this.#gone, this.#next() - 1) : 0
    if (target > this.#resolved) {
      this.#pass(target)
      this.#resolved = target
    }
    const released: Need<Message>[] = []
    const take = (number: number): void => {
      // One by one: as the arguments of one call, very many would be too many.
      for (const need of this.#waits.get(number)?.needs ?? []) released.push(need)
      this.#waits.delete(number)
    }
    if (this.#resolved - before <= this.#waits.size) {
      for (let number = before + 1; number <= this.#resolved; number++) take(number)
    } else {
      for (const number of [...this.#waits.keys()]) if (number <= this.#resolved) take(number)
    }
    return released
  }

  #pass(target: number): void {
    // What others told may be a lie.
    const upTo = Math.min(target, Math.max(this.#told, Math.min(this.#heard, this.#told + passedMax)))
    this.#missed += Math.max(0, upTo - this.#resolved)
    for (let number = Math.max(this.#resolved, upTo - passedMax) + 1; number <= upTo; number++) this.#passed.add(number)
    for (const oldest of this.#passed) {
      if (this.#passed.size <= passedMax) break
      this.#passed.delete(oldest)
    }
  }

  #keep(number: number): void {
    this.came(number)
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
