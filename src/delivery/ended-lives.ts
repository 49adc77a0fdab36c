import type { Incarnation, Life, NodeName } from '../core/node.js'
import type { Instant } from '../core/time.js'

/** Which lives of nodes are known to be over. Bookkeeping, bounded: beyond `most`, the oldest news is forgotten. */
export class EndedLives {
  readonly #most: number
  readonly #ended = new Map<NodeName, { readonly incarnation: Incarnation; readonly at: Instant }>()

  constructor(most: number) {
    this.#most = most
  }

  /** When it was told that this life, or a later one, is over; undefined: it is not known to be. */
  since({ name, incarnation }: Life): Instant | undefined {
    const ended = this.#ended.get(name)
    return ended !== undefined && incarnation <= ended.incarnation ? ended.at : undefined
  }

  /** That life is over, and all before it. False: this was known. */
  add(life: Life, now: Instant): boolean {
    if (this.since(life) !== undefined) return false
    this.#ended.delete(life.name)
    this.#ended.set(life.name, { incarnation: life.incarnation, at: now })
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= this.#most) break
      this.#ended.delete(oldest)
    }
    return true
  }
}
