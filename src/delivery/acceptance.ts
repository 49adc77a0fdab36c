/** What becomes of a message that arrived and is to be acknowledged. */
export type Verdict =
  /** It is the next: hand it over, and tell when that is done. */
  | 'deliver'
  /** It was taken before: acknowledge it again. */
  | 'duplicate'
  /** An earlier one has to come first: drop it, it will be sent again. */
  | 'later'

/** Refusals of one stream that are remembered until their sender is known to have been told. */
export const refusalsMax = 256

/**
 * The receiving end of one stream of messages that are to be acknowledged, within one life of their sender: each is
 * handed over once, and in order. Each names the one that its sender had outstanding before it, so one number, the
 * greatest that was taken, tells what came before and what may come next. Whatever comes out of turn, because a fault
 * took away or holds back the one before it, is dropped, and asked for again: going back needs no buffer.
 */
export class Acceptance<Report = unknown> {
  #taken = 0
  /** The last that was taken, unless it is settled. Most are before the next is taken. */
  #latest: number | undefined
  /** Taken before it, and not settled yet, in order. */
  readonly #open = new Set<number>()
  /** Held back by a fault. It is taken when it goes on. */
  #held: number | undefined
  #misses = false
  readonly #refusals = new Map<number, Report>()

  /**
   * Every number up to `upTo` was settled, handed over or refused, but those that are open: at most `most` are named,
   * and what comes after them is told of when some of them are settled.
   */
  settledBut(most: number): { readonly upTo: number; readonly open: readonly number[] } {
    if (this.#open.size === 0 && this.#latest === undefined) return { upTo: this.#taken, open: [] }
    const open: number[] = []
    for (const number of this.#open) {
      if (open.length === most) return { upTo: number - 1, open }
      open.push(number)
    }
    if (this.#latest === undefined) return { upTo: this.#taken, open }
    if (open.length === most) return { upTo: this.#latest - 1, open }
    return { upTo: this.#taken, open: [...open, this.#latest] }
  }

  /** Whether anything was dropped that has to be asked for. */
  get misses(): boolean {
    return this.#misses && this.#held === undefined
  }

  /** Whether so many were refused that nothing is taken until their sender was told. */
  get isFull(): boolean {
    return this.#refusals.size >= refusalsMax
  }

  /** What was refused of what is settled, and why. */
  get refusals(): ReadonlyMap<number, Report> {
    return this.#refusals
  }

  /**
   * A message arrived. `previous` is the one that was outstanding before it, 0 when none was; the sender waits for
   * nothing below `lowest` any more.
   */
  judge(number: number, previous: number, lowest: number): Verdict {
    this.#forget(lowest, previous, number)
    if (number <= this.#taken || number === this.#held) return 'duplicate'
    if (previous <= this.#taken && this.#held === undefined && !this.isFull) return 'deliver'
    this.#misses = true
    return 'later'
  }

  /** A message that is to be delivered is handed over. */
  take(number: number): void {
    if (this.#held === number) this.#held = undefined
    this.#taken = number
    if (this.#latest !== undefined) this.#open.add(this.#latest)
    this.#latest = number
  }

  /** A fault took away a message that was to be delivered. */
  dropped(): void {
    this.#misses = true
  }

  /** A fault holds back a message that was to be delivered, until it is taken or given up. */
  hold(number: number): void {
    this.#held = number
  }

  /** What was held back will not go on. */
  letGo(): void {
    this.#held = undefined
    this.#misses = true
  }

  /** What was dropped is asked for. */
  asked(): void {
    this.#misses = false
  }

  /** A message was handed over, or refused: then `report` says why. */
  settled(number: number, report?: Report): void {
    const isLatest = number === this.#latest
    if (isLatest) this.#latest = undefined
    if ((isLatest || this.#open.delete(number)) && report !== undefined) this.#refusals.set(number, report)
  }

  /**
   * The sender waits for nothing below `lowest` any more, nor for what lies between `previous` and `number`: nobody is
   * to be told of that, however it ends.
   */
  #forget(lowest: number, previous: number, number: number): void {
    if (this.#refusals.size > 0) {
      for (const refused of this.#refusals.keys()) {
        if (refused < lowest || (previous < refused && refused < number)) this.#refusals.delete(refused)
      }
    }
    if (this.#latest !== undefined && this.#latest < lowest) this.#latest = undefined
    if (this.#open.size === 0) return
    for (const number of this.#open) {
      if (number >= lowest) return
      this.#open.delete(number)
    }
  }
}
