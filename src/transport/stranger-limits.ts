import type { Clock, Instant, Millis } from '../core/time.js'

export interface StrangerLimitsOptions {
  readonly clock: Clock
  /** How many strangers there may be at a time. Default 1,024. */
  readonly count?: number
  /** How many bytes each may send. Default 16 KiB. */
  readonly bytes?: number
  /** How long each may stay. Default 2 s. */
  readonly millis?: Millis
}

/** Which limit ended a stranger's stay; `closed` when nobody listens any more. */
export type StrangerLimit = 'count' | 'bytes' | 'time' | 'closed'

/** A connection whose peer is not known yet. */
export interface Stranger {
  /** Tells how many bytes it has sent in all. False when that was too many: it has been turned away. */
  read(total: number): boolean
  /** It is known now, or gone: no limit applies any more. */
  leave(): void
}

export interface StrangerCounters {
  /** How many came, ever. */
  readonly entered: number
  /** How many are there now. */
  readonly present: number
  /** How many were turned away, ever, by the limit that ended their stay. */
  readonly turnedAway: Readonly<Record<StrangerLimit, number>>
}

/**
 * Bounds what connections may cost before their peers are known: in number, bytes and time.
 *
 * When one too many comes the oldest goes, not the newest. An attacker who opens connections and idles therefore never
 * locks an honest peer out: that one needs its place for a few round trips only.
 */
export class StrangerLimits {
  readonly #clock: Clock
  readonly #count: number
  readonly #bytes: number
  readonly #millis: Millis
  /** Oldest first. All may stay equally long, so the oldest is also the first whose time is up. */
  readonly #present = new Set<Entry>()
  readonly #turnedAway: Record<StrangerLimit, number> = { count: 0, bytes: 0, time: 0, closed: 0 }
  #entered = 0
  #cancelTimer: (() => void) | undefined

  constructor({ clock, count = 1024, bytes = 16 * 1024, millis = 2000 }: StrangerLimitsOptions) {
    this.#clock = clock
    this.#count = count
    this.#bytes = bytes
    this.#millis = millis
  }

  /** Takes in a stranger. `turnAway` is called at most once, at the first limit it meets, and must end it. */
  enter(turnAway: (limit: StrangerLimit) => void): Stranger {
    this.#entered++
    const entry: Entry = { turnAway, deadline: this.#clock.now() + this.#millis }
    this.#present.add(entry)
    const [oldest] = this.#present
    if (oldest !== undefined && this.#present.size > this.#count) this.#end(oldest, 'count')
    this.#arm()
    return {
      read: total => {
        if (total > this.#bytes) this.#end(entry, 'bytes')
        return total <= this.#bytes
      },
      leave: () => this.#remove(entry),
    }
  }

  get counters(): StrangerCounters {
    return { entered: this.#entered, present: this.#present.size, turnedAway: { ...this.#turnedAway } }
  }

  /** Turns everybody away. */
  close(): void {
    for (const entry of this.#present) this.#end(entry, 'closed')
  }

  #end(entry: Entry, limit: StrangerLimit): void {
    if (!this.#remove(entry)) return
    this.#turnedAway[limit]++
    entry.turnAway(limit)
  }

  #remove(entry: Entry): boolean {
    const removed = this.#present.delete(entry)
    if (this.#present.size === 0) this.#disarm()
    return removed
  }

  /** One timer for all, set for the oldest. Strangers who leave early let it fire once in vain. */
  #arm(): void {
    if (this.#cancelTimer !== undefined) return
    const [oldest] = this.#present
    if (oldest === undefined) return
    this.#cancelTimer = this.#clock.schedule(oldest.deadline - this.#clock.now(), () => this.#expire())
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #expire(): void {
    this.#cancelTimer = undefined
    const now = this.#clock.now()
    for (const entry of this.#present) {
      if (entry.deadline > now) break
      this.#end(entry, 'time')
    }
    this.#arm()
  }
}

interface Entry {
  readonly turnAway: (limit: StrangerLimit) => void
  readonly deadline: Instant
}
