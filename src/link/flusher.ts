import type { Clock } from '../core/time.js'

/** What has something to flush when what runs has ended. */
export interface Flushable {
  flush(): void
}

/**
 * Flushes each marked batch once, when what runs now has ended, or the turn of the event loop: see {@link Clock.soon}.
 */
export class Flusher {
  readonly #clock: Clock
  #marked: Flushable[] = []
  #deferred = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  mark(flushable: Flushable): void {
    this.#marked.push(flushable)
    if (this.#deferred) return
    this.#deferred = true
    this.#clock.soon(this.#flush)
  }

  readonly #flush = (): void => {
    this.#deferred = false
    const marked = this.#marked
    this.#marked = []
    for (const flushable of marked) flushable.flush()
  }
}
