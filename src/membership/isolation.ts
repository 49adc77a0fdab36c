import type { NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'

/** A tombstone may be this much older than the loss of the last connection, which takes a while to be noticed. */
const noticeMargin: Millis = 60_000

/**
 * Whether this node was alone for longer than the others remember who left. Then it takes over the view of the first
 * peer it meets, its teacher, and tells nobody its own before that. It forgets only whom the teacher does not know:
 * after a failure of the whole network everybody was alone, and no view may shrink to whoever is met first.
 */
export class Isolation {
  readonly #longest: Millis
  readonly #taught = new Set<NodeName>()
  #since: Instant | undefined
  #teacher: NodeName | undefined

  constructor(tombstoneAge: Millis) {
    this.#longest = Math.max(tombstoneAge - noticeMargin, tombstoneAge / 2)
  }

  /** Whose view is being taken over. */
  get teacher(): NodeName | undefined {
    return this.#teacher
  }

  /** It is not over, or was not made good. */
  get lasts(): boolean {
    return this.#since !== undefined
  }

  reset(): void {
    this.#since = undefined
    this.#teacher = undefined
    this.#taught.clear()
  }

  /** The last connection is gone. An isolation that was not made good goes on. */
  alone(now: Instant): void {
    this.#since ??= now
    this.#teacher = undefined
  }

  /** A peer is connected. True when its view has to be taken over. */
  met(peer: NodeName, now: Instant): boolean {
    if (this.#since === undefined || this.#teacher !== undefined) return false
    if (now - this.#since < this.#longest) {
      this.#since = undefined
      return false
    }
    this.#taught.clear()
    this.#teacher = peer
    return true
  }

  /** The peer named members. Gives all that the teacher knows once it has named the last of them. */
  told(by: NodeName, names: readonly NodeName[], last: boolean): ReadonlySet<NodeName> | undefined {
    if (by !== this.#teacher) return undefined
    for (const name of names) this.#taught.add(name)
    if (!last) return undefined
    const taught = new Set(this.#taught)
    this.reset()
    return taught
  }
}
