import type { NodeName } from '../core/node.js'
import type { Instant } from '../core/time.js'

/** The neighbours that messages of one root are only announced to, and when each was pruned. The others are eager. */
type Lazy = Map<NodeName, Instant>

/**
 * The trees along which messages are pushed, one for each root. Only lazy neighbours are remembered, so whoever comes
 * is eager in every tree, and no tree is lost by it. (Partisan keeps both sets, and forgets all trees at every change
 * of the membership.)
 */
export class BroadcastTrees {
  readonly #rootsMax: number
  readonly #lazy = new Map<NodeName, Lazy>()
  /** Of the roots that have no tree of their own: the one that was taken from a root last. */
  #shared: Lazy = new Map()

  constructor(rootsMax: number) {
    this.#rootsMax = rootsMax
  }

  /** How many roots have a tree of their own. */
  get size(): number {
    return this.#lazy.size
  }

  isLazy(root: NodeName, peer: NodeName): boolean {
    return this.#of(root).has(peer)
  }

  /** When the peer was pruned; undefined when it is eager. */
  prunedAt(root: NodeName, peer: NodeName): Instant | undefined {
    return this.#of(root).get(peer)
  }

  makeLazy(root: NodeName, peer: NodeName, now: Instant): void {
    this.#own(root).set(peer, now)
  }

  makeEager(root: NodeName, peer: NodeName): void {
    if (this.isLazy(root, peer)) this.#own(root).delete(peer)
  }

  /** A neighbour is gone. */
  forget(peer: NodeName): void {
    this.#shared.delete(peer)
    for (const lazy of this.#lazy.values()) lazy.delete(peer)
  }

  #of(root: NodeName): Lazy {
    return this.#lazy.get(root) ?? this.#shared
  }

  /** The tree of a root that is about to change. */
  #own(root: NodeName): Lazy {
    const known = this.#lazy.get(root)
    const lazy = known ?? new Map(this.#shared)
    // The order of the map is that of their last change.
    if (known !== undefined) this.#lazy.delete(root)
    else if (this.#lazy.size >= this.#rootsMax) {
      for (const [oldest, its] of this.#lazy) {
        this.#lazy.delete(oldest)
        this.#shared = its
        break
      }
    }
    this.#lazy.set(root, lazy)
    return lazy
  }
}
