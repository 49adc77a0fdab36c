/** As many round robins, by key, as a pool keeps. */
const keysMax = 1_024

/**
 * The counters of round robins, by key. Beyond {@link keysMax} keys the one that was used least recently is forgotten,
 * and begins anew.
 */
export class RoundRobin {
  readonly #next = new Map<string, number>()
  /** Keys that were forgotten. */
  forgotten = 0

  /** Where each key goes on, as an index into the pool's list of nodes. */
  get counters(): ReadonlyMap<string, number> {
    return this.#next
  }

  /**
   * The next of `count` nodes that will do, in turns: who does not is passed over, and who follows it has no double
   * share. Undefined where none does. `first` says where a new key begins.
   */
  next(key: string, count: number, first: () => number, does: (index: number) => boolean): number | undefined {
    const start = (this.#next.get(key) ?? first()) % Math.max(1, count)
    let found: number | undefined
    for (let step = 0; step < count && found === undefined; step++) {
      const index = (start + step) % count
      if (does(index)) found = index
    }
    this.#next.delete(key)
    this.#next.set(key, found === undefined ? start : (found + 1) % count)
    if (this.#next.size > keysMax) this.#forgetOldest()
    return found
  }

  #forgetOldest(): void {
    for (const key of this.#next.keys()) {
      this.#next.delete(key)
      this.forgotten++
      return
    }
  }
}
