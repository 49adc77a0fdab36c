import type { Millis } from '../core/time.js'
import { idsMax } from './monitor-messages.js'

/**
 * Numbers of monitors of which a full queue did not take what is to be said: they are offered again, in parts that can
 * be read, and more and more seldom. Pure bookkeeping: it neither waits nor sends.
 */
export class UnsaidIds {
  readonly #ids: Set<number>
  #pause: Millis = retryMillis

  constructor(ids: readonly number[]) {
    this.#ids = new Set(ids)
  }

  /** The same is to be said of these. False: too many are unsaid, and these are none of them. */
  add(ids: readonly number[]): boolean {
    if (this.#ids.size + ids.length > unsaidMax) return false
    for (const id of ids) this.#ids.add(id)
    return true
  }

  /** After so long they are offered again. */
  get pause(): Millis {
    return this.#pause
  }

  /** What is offered at once. */
  get part(): readonly number[] {
    const part: number[] = []
    for (const id of this.#ids) {
      if (part.length >= idsMax) break
      part.push(id)
    }
    return part
  }

  /** The queue took a part. Returns whether nothing is left. */
  taken(part: readonly number[]): boolean {
    for (const id of part) this.#ids.delete(id)
    return this.#ids.size === 0
  }

  /** The queue is still full. */
  refused(): void {
    this.#pause = Math.min(2 * this.#pause, retryMillisMax)
  }
}

/** Twice as long each time, up to the second. */
const retryMillis: Millis = 1_000
const retryMillisMax: Millis = 8_000
/** So many wait for room in one queue. Peers have no more monitors than {@link idsMax}: more is one that misbehaves. */
const unsaidMax = 4 * idsMax
