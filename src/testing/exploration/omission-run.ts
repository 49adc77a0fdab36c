import type { Passage, Verdict } from '../../fault/interposition.js'
import { type Interposable, keyOf, type PassageChoice, PassageNames, type TracedPassage } from './traced-passage.js'

/** Messages that one run may send and an exploration keeps; it is not complete when there are more. */
export const sentMax = 20_000

/** One run of a scenario, with some of its messages left out. */
export class OmissionRun {
  /** What was sent, in order, with what was left out. */
  readonly sent: readonly TracedPassage[]
  readonly #sent: TracedPassage[] = []
  readonly #names: PassageNames
  readonly #omitted: ReadonlySet<string>
  #met = 0
  #overrun = false

  constructor(choice: PassageChoice, omitted: readonly TracedPassage[]) {
    this.#names = new PassageNames(choice)
    this.#omitted = new Set(omitted.map(occurrenceKey))
    this.sent = this.#sent
  }

  /** Whether everything that is left out would have been sent. */
  get metAll(): boolean {
    return this.#met === this.#omitted.size
  }

  /** Whether more was sent than is kept. */
  get overrun(): boolean {
    return this.#overrun
  }

  /** Leaves out what these managers send of it. To be called before they send anything, for each life of a node. */
  add(...managers: readonly Interposable[]): void {
    for (const manager of managers) manager.interpose(passage => this.#judge(manager.name, passage))
  }

  #judge(node: string, passage: Passage): Verdict {
    if (passage.direction !== 'forward' || !this.#names.concerns(passage)) return { type: 'pass' }
    if (this.#sent.length === sentMax) {
      this.#overrun = true
      return { type: 'pass' }
    }
    const named = this.#names.name(node, passage)
    this.#sent.push(named)
    if (!this.#omitted.has(occurrenceKey(named))) return { type: 'pass' }
    this.#met++
    return { type: 'drop' }
  }
}

/** The same text for the same passage, and for no other. */
export function occurrenceKey(passage: TracedPassage): string {
  return `${passage.occurrence} ${keyOf(passage)}`
}
