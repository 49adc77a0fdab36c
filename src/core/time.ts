/** Milliseconds on a monotonic clock with an arbitrary origin. Only differences mean anything. */
export type Instant = number

/** A duration in milliseconds. */
export type Millis = number

/**
 * From here on a duration is the same as none: longer than any process lives, and safely within the integers that
 * travel, whatever is added to it.
 */
export const endlessMillis: Millis = 2 ** 45

/** Time as a dependency: the real one lives in `runtime/`, the simulated one in `testing/`. */
export interface Clock {
  /** Monotonic milliseconds: never goes back. */
  now(): Instant
  /** Wall-clock time: may jump. Used only where people or other machines compare it (incarnations). */
  wall(): Date
  /** Runs `fn` at the end of this turn of the event loop, after everything else that is ready. */
  defer(fn: () => void): void
  /**
   * Runs `fn` when what runs now has ended, with all its microtasks; where that happened a few times in this turn, at
   * the end of the turn. Batches are flushed there: a lone message does not wait, and many share a batch.
   */
  soon(fn: () => void): void
  /** Runs `wake` once, `after` milliseconds from now, and returns what cancels it. Never keeps the process alive. */
  schedule(after: Millis, wake: () => void): () => void
}
