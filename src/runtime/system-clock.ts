import type { Clock, Instant, Millis } from '../core/time.js'

/** The clock of this process. */
export class SystemClock implements Clock {
  now(): Instant {
    return performance.now()
  }

  wall(): Date {
    return new Date()
  }

  defer(fn: () => void): void {
    setImmediate(fn)
  }

  /** Never wakes early, and waits longer than the 24.8 days of a system timer where asked to. */
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

/** More than this would overflow the system's timer, which then fires at once. */
const longestWait: Millis = 2_147_483_647

function wait(millis: Millis): Millis {
  return Math.min(Math.ceil(millis), longestWait)
}
