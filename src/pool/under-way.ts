/** What was begun and has not ended. */
export class UnderWay {
  readonly #open = new Set<Promise<unknown>>()

  track<Result>(work: Promise<Result>): Promise<Result> {
    this.#open.add(work)
    const end = (): void => void this.#open.delete(work)
    work.then(end, end)
    return work
  }

  /** Resolves when all that is under way now has ended, however. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#open])
  }
}
