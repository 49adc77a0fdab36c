/**
 * Work that many may want at any time, and that does for all who wanted it before it began: one runs at a time, and one
 * more waits for that to end, whoever wants it meanwhile.
 */
export class Joined {
  readonly #work: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Resolves when it has been done from the beginning, after now. */
  run(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#begin()
      return this.#running
    }
    this.#next ??= this.#running.then(() => this.#begin())
    return this.#next
  }

  get isIdle(): boolean {
    return this.#running === undefined
  }

  /** The work does not reject. */
  async #begin(): Promise<void> {
    await this.#work()
    this.#running = this.#next
    this.#next = undefined
  }
}
