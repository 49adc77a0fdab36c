import type { Clock, Instant, Millis } from '../core/time.js'

/** The clock of this process. */
export class SystemClock implements Clock {
  /** What was asked for and has not run. */
  #soon: (() => void)[] = []
  /** Runs before the end of a turn, since the last at the end of one. */
  #early = 0

  now(): Instant {
    return performance.now()
  }

  wall(): Date {
    return new Date()
  }

  defer(fn: () => void): void {
    setImmediate(fn)
  }

  soon(fn: () => void): void {
    this.#soon.push(fn)
    if (this.#soon.length > 1) return
    if (this.#early === earlyInTurn) return void setImmediate(this.#turnEnds)
    this.#early++
    // Not a microtask: a caller who awaits each message would have each in a batch of its own.
    process.nextTick(this.#run)
  }

  readonly #turnEnds = (): void => {
    this.#early = 0
    this.#run()
  }

  /** What is added meanwhile belongs to the same run. */
  readonly #run = (): void => {
    try {
      for (const fn of this.#soon) fn()
    } finally {
      this.#soon = []
    }
  }

  schedule(after: Millis, wake: () => void): () => void {
    const due = performance.now() + after
    let timer = setTimeout(fire, wait(after)).unref()
    return () => clearTimeout(timer)

    // System timers count in whole milliseconds of the loop's own time, so one can fire before `due`.
    function fire(): void {
      const left = due - performance.now()
      if (left <= 0) wake()
      else timer = setTimeout(fire, wait(left)).unref()
    }
  }
}

/**
 * So often in a turn `soon` does not wait for its end. To know which turn it is would take a visit at the end of each,
 * which costs more than the wait.
 */
const earlyInTurn = 4

/** More than this would overflow the system's timer, which then fires at once. */
const longestWait: Millis = 2_147_483_647

function wait(millis: Millis): Millis {
  return Math.min(Math.ceil(millis), longestWait)
}
