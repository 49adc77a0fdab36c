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
 * handed over once, and in order. Messages come in order on a connection, and what was not acknowledged comes again, in
 * order, on the next; so a number that is passed over will not come any more, and what was taken before is told by its
 * number alone. Only where a fault takes a message away here, all that follow are dropped until it has come again: to
 * go back, as a sliding window of size one does, needs no buffer.
 */
export class Acceptance<Report = unknown> {
  /** The greatest number that was taken. */
  #taken = 0
  /** Taken, and not settled yet, in order. */
  readonly #open = new Set<number>()
  /** Taken away by a fault, or held back by one: nothing later is taken before it. */
  #missing: number | undefined
  #held = false
  /** Something was dropped because an earlier one had to come first. */
  #skipped = false
  readonly #refusals = new Map<number, Report>()

  /** Every number up to this one is settled: it was handed over, or refused. */
  get upTo(): number {
    const upTo = this.#missing === undefined ? this.#taken : Math.min(this.#taken, this.#missing - 1)
    for (const number of this.#open) return Math.min(upTo, number - 1)
    return upTo
  }

  /** Whether something was dropped that can be taken now, and has to be asked for. It is said once. */
  takeAgain(): boolean {
    const again = !this.#held && (this.#missing !== undefined || this.#skipped)
    if (again) this.#skipped = false
    return again
  }

  /** Whether what comes now has to wait for one that a fault took away, or holds back. */
  get waits(): boolean {
    return this.#missing !== undefined
  }

  /** What was refused of what is settled, and why. */
  get refusals(): ReadonlyMap<number, Report> {
    return this.#refusals
  }

  /** A message arrived. The sender waits for nothing below `lowest` any more. */
  judge(number: number, lowest: number): Verdict {
    for (const refused of this.#refusals.keys()) if (refused < lowest) this.#refusals.delete(refused)
    if (this.#missing !== undefined && this.#missing < lowest && !this.#held) this.#missing = undefined
    const isMissing = number === this.#missing && !this.#held
    if (number <= this.#taken && !isMissing) return 'duplicate'
    if (!isMissing && (this.#missing !== undefined || this.#refusals.size >= refusalsMax)) {
      this.#skipped = true
      return 'later'
    }
    this.#missing = undefined
    this.#taken = Math.max(this.#taken, number)
    this.#open.add(number)
    return 'deliver'
  }

  /** A fault took away a message that was to be delivered. */
  dropped(number: number): void {
    this.#open.delete(number)
    this.#missing = number
    this.#held = false
  }

  /** A fault holds back a message that was to be delivered; what comes after it has to wait until it goes on. */
  held(number: number): void {
    this.#missing = number
    this.#held = true
  }

  /** The message that was held back goes on. */
  released(number: number): void {
    if (this.#missing !== number) return
    this.#missing = undefined
    this.#held = false
  }

  /** A message was handed over, or refused: then `report` says why. */
  settled(number: number, report?: Report): void {
    if (this.#open.delete(number) && report !== undefined) this.#refusals.set(number, report)
  }
}
