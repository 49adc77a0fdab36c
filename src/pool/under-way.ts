import type { Clock } from '../core/time.js'
import { Joined } from './joined.js'

/** What was begun and has not ended. */
export class UnderWay {
  readonly #open = new Set<Promise<unknown>>()
  /** To wait for all of it takes as much memory as there is of it: that is done for one at a time. */
  readonly #ended = new Joined(async () => void (await Promise.allSettled([...this.#open])))

  track<Result>(work: Promise<Result>): Promise<Result> {
    this.#open.add(work)
    const end = (): void => void this.#open.delete(work)
    work.then(end, end)
    return work
  }

  /** Resolves when all that is under way now has ended, however. */
  ended(): Promise<void> {
    return this.#ended.run()
  }
}

/** Resolves when the work has ended, or after so many milliseconds. */
export async function within(clock: Clock, timeout: number, work: Promise<void>): Promise<void> {
  let cancel: (() => void) | undefined
  const over = new Promise<void>(resolve => {
    cancel = clock.schedule(timeout, resolve)
  })
  await Promise.race([work, over])
  cancel?.()
}
