/** What becomes of a message that arrived and is to be acknowledged. */
export type Verdict =
  /** It is the next: hand it over, and tell when that is done. */
  | 'deliver'
  /** It was taken before: acknowledge it again. */
  | 'duplicate'
  /** An earlier one has to come first: drop it, it will be sent again. */
  | 'later'

/** Why messages of one stream were refused is remembered for so many that were told, until nobody waits for them. */
export const reportsMax = 256

/** That they were refused is remembered for so many: those between messages that are open for long. */
export const refusalsMax = 4_096

/** What the sender of a stream is told of it. */
export interface Telling<Report> {
  /** Every number up to this is settled, but those of the `open` runs. */
  readonly upTo: number
  /** The first and the last number of each run, rising: not settled yet, or refused and told of before. */
  readonly open: readonly number[]
  /** Numbers that were refused, rising, and why; undefined: that was told before, and is forgotten. */
  readonly refusals: readonly (readonly [number: number, report: Report | undefined])[]
  /** Whether this is all that there is to tell. */
  readonly isLast: boolean
}

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
  /** Taken before it, and not settled yet, rising. */
  readonly #open = new Set<number>()
  /** None of them is greater. */
  #openAtMost = 0
  /** Held back by a fault. It is taken when it goes on. */
  #held: number | undefined
  #misses = false
  readonly #refusals = new Map<number, Report | undefined>()
  /** Those that their sender has not been told of since it sent them last. */
  readonly #untold = new Set<number>()
  /** Those that it has been told of, with reports. The one that was told last comes last. */
  readonly #told = new Set<number>()

  /**
   * What to tell the sender of the numbers above `after`: with at most `runs` of open numbers, and as many refusals as
   * `fits` says; of those up to it nothing is said. Its caller tells it, and goes on after `upTo` until it is the last.
   * A refusal is told once, and goes by as open afterwards: a sender that missed it sends its message again.
   */
  tell(runs: number, fits: (refusals: Telling<Report>['refusals']) => number, after = 0): Telling<Report> {
    const { upTo, open } = this.#settledBut(runs, after)
    const isAll = upTo === this.#taken
    if (this.#untold.size === 0) return { upTo, open, refusals: [], isLast: isAll }
    const untold = [...this.#untold].filter(number => number <= upTo).sort(rising)
    const refusals = untold.map(number => [number, this.#refusals.get(number)] as const)
    const part = refusals.slice(0, fits(refusals))
    for (const [number] of part) this.#tellOf(number)
    const last = part.at(-1)
    if (last === undefined || part.length === refusals.length) return { upTo, open, refusals: part, isLast: isAll }
    return { upTo: last[0], open: runsUpTo(open, last[0]), refusals: part, isLast: false }
  }

  /** Whether anything was dropped that has to be asked for. */
  get misses(): boolean {
    return this.#misses && this.#held === undefined
  }

  /** Whether so many were refused that nothing is taken until their sender was told, or waits for them no more. */
  get isFull(): boolean {
    return this.owes || this.#refusals.size >= refusalsMax
  }

  /** Whether it was not told of so many. */
  get owes(): boolean {
    return this.#untold.size >= reportsMax
  }

  /**
   * A message arrived. `previous` is the one that was outstanding before it, 0 when none was; the sender waits for
   * nothing below `lowest` any more.
   */
  judge(number: number, previous: number, lowest: number): Verdict {
    this.#forget(lowest, previous, number)
    if (number <= this.#taken || number === this.#held) {
      if (this.#refusals.has(number)) this.#untold.add(number)
      this.#told.delete(number)
      return 'duplicate'
    }
    if (previous <= this.#taken && this.#held === undefined && !this.isFull) return 'deliver'
    this.#misses = true
    return 'later'
  }

  /** A message that is to be delivered is handed over. */
  take(number: number): void {
    if (this.#held === number) this.#held = undefined
    this.#taken = number
    if (this.#latest !== undefined) {
      this.#open.add(this.#latest)
      this.#openAtMost = this.#latest
    }
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
    if ((!isLatest && !this.#open.delete(number)) || report === undefined) return
    this.#refusals.set(number, report)
    this.#untold.add(number)
  }

  #tellOf(refused: number): void {
    this.#untold.delete(refused)
    this.#told.add(refused)
    const [oldest] = this.#told
    if (oldest === undefined || this.#told.size <= reportsMax) return
    this.#told.delete(oldest)
    this.#refusals.set(oldest, undefined)
  }

  #settledBut(most: number, after: number): { readonly upTo: number; readonly open: readonly number[] } {
    const isOpen = this.#open.size > 0 || this.#latest !== undefined
    if (!isOpen && this.#refusals.size === this.#untold.size) return { upTo: this.#taken, open: none }
    const told = [...this.#refusals.keys()].filter(number => !this.#untold.has(number))
    const numbers = told.length === 0 ? this.#open : [...this.#open, ...told].sort(rising)
    const runs = after === 0 ? [] : [1, after]
    for (const number of numbers)
      if (number > after && !lengthen(runs, number, most)) return { upTo: number - 1, open: runs }
    if (this.#latest !== undefined && !lengthen(runs, this.#latest, most)) return { upTo: this.#latest - 1, open: runs }
    return { upTo: this.#taken, open: runs }
  }

  /**
   * The sender waits for nothing below `lowest` any more, nor for what lies between `previous` and `number`: nobody is
   * to be told of that, however it ends.
   */
  #forget(lowest: number, previous: number, number: number): void {
    const isOver = (one: number): boolean => one < lowest || (previous < one && one < number)
    if (this.#refusals.size > 0) {
      for (const refused of this.#refusals.keys()) {
        if (!isOver(refused)) continue
        this.#refusals.delete(refused)
        this.#untold.delete(refused)
        this.#told.delete(refused)
      }
    }
    if (this.#latest !== undefined && isOver(this.#latest)) this.#latest = undefined
    if (this.#open.size === 0) return
    const isBehind = this.#openAtMost > previous && this.#openAtMost < number
    if (isBehind) this.#openAtMost = previous
    for (const open of this.#open) {
      if (isOver(open)) this.#open.delete(open)
      else if (!isBehind) return
    }
  }
}

const none: readonly number[] = []

function rising(one: number, other: number): number {
  return one - other
}

/** Adds a number to the runs, of which there may be so many. */
function lengthen(runs: number[], number: number, most: number): boolean {
  if (runs.length > 0 && runs[runs.length - 1] === number - 1) runs[runs.length - 1] = number
  else if (runs.length === 2 * most) return false
  else runs.push(number, number)
  return true
}

function runsUpTo(runs: readonly number[], upTo: number): number[] {
  const isBegun = (at: number): boolean => (runs[at - (at % 2)] as number) <= upTo
  return runs.filter((_, at) => isBegun(at)).map(number => Math.min(number, upTo))
}
