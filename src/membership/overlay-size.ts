/** So many of the copies that passed have to be of nodes that are held before anything is said. */
const hitsLeast = 2
/** So many say enough: what is older than these may be forgotten. */
const hitsEnough = 32

/**
 * How many nodes there are, told from the subscriptions that pass: of nodes that this one holds a share of `held / n`
 * comes by (capture and recapture).
 */
export class OverlaySize {
  /** Nodes that were held, over all that passed. */
  #exposure = 0
  #hits = 0

  clear(): void {
    this.#exposure = 0
    this.#hits = 0
  }

  /** A renewed subscription passes, of a node that is held here or not, among so many that are. */
  saw(held: number, isHeld: boolean): void {
    this.#exposure += held
    if (isHeld) this.#hits++
  }

  /** What was seen until now counts half from now on, where it is enough. */
  age(): void {
    if (this.#hits < hitsEnough) return
    this.#exposure /= 2
    this.#hits /= 2
  }

  /** Without this node; undefined while too few have passed. */
  get estimate(): number | undefined {
    return this.#hits < hitsLeast ? undefined : this.#exposure / this.#hits
  }
}
