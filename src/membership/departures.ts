import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'

/** So many departures are remembered; the oldest makes room. */
const departuresMax = 1_024

/** Which lives of nodes have ended for good: who left is not brought back by those who still tell of it. */
export class Departures {
  readonly #ended = new Map<NodeName, { readonly incarnation: Incarnation; readonly at: Instant }>()

  clear(): void {
    this.#ended.clear()
  }

  get(name: NodeName): Incarnation | undefined {
    return this.#ended.get(name)?.incarnation
  }

  /** Whether this life has ended. */
  includes({ name, incarnation }: Pick<NodeSpec, 'name' | 'incarnation'>): boolean {
    return incarnation <= (this.#ended.get(name)?.incarnation ?? -1)
  }

  note(name: NodeName, incarnation: Incarnation, at: Instant): void {
    this.#ended.delete(name)
    this.#ended.set(name, { incarnation, at })
    if (this.#ended.size <= departuresMax) return
    for (const oldest of this.#ended.keys()) return void this.#ended.delete(oldest)
  }

  /** The latest that were noted from then on, at most so many. */
  since(from: Instant, most: number): Pick<NodeSpec, 'name' | 'incarnation'>[] {
    const noted = [...this.#ended].filter(([, { at }]) => at >= from)
    return noted.slice(-most).map(([name, { incarnation }]) => ({ name, incarnation }))
  }

  /** Forgets what is older than `age`. */
  sweep(now: Instant, age: Millis): void {
    for (const [name, { at }] of this.#ended) {
      if (now - at < age) return
      this.#ended.delete(name)
    }
  }
}
