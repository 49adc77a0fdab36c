import type { Incarnation, Life, NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'

/** How long it is told exactly when a life ended. */
export const endedLifeMillis: Millis = 60_000
/** Ends of one node that are closer to each other than this are taken for one. */
const resolutionMillis: Millis = 1_000

/** Lives up to this one were over at that time. */
interface End {
  incarnation: Incarnation
  readonly at: Instant
}

/** Which lives of nodes are known to be over. Bookkeeping: beyond `most` nodes, the oldest news is forgotten. */
export class EndedLives {
  readonly #most: number
  /** Of each node its ends, oldest first: some {@link endedLifeMillis} / {@link resolutionMillis} at the most. */
  readonly #ended = new Map<NodeName, End[]>()

  constructor(most: number) {
    this.#most = most
  }

  /** When it was told that this life, or a later one, is over; undefined: it is not known to be. */
  since({ name, incarnation }: Life): Instant | undefined {
    return this.#ended.get(name)?.find(end => incarnation <= end.incarnation)?.at
  }

  /** That life is over, and all before it. False: this was known. */
  add(life: Life, now: Instant): boolean {
    if (this.since(life) !== undefined) return false
    const { name, incarnation } = life
    const ends = this.#ended.get(name) ?? []
    for (let second = ends[1]; second !== undefined && now - second.at >= endedLifeMillis; second = ends[1])
      ends.shift()
    const last = ends.at(-1)
    // A node that is started again and again, and dies each time, must not keep what it was ever sent from ageing.
    if (last !== undefined && now - last.at < resolutionMillis) last.incarnation = incarnation
    else ends.push({ incarnation, at: now })
    this.#ended.delete(name)
    this.#ended.set(name, ends)
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= this.#most) break
      this.#ended.delete(oldest)
    }
    return true
  }
}
