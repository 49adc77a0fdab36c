import type { Instant } from './time.js'

/**
 * A protocol as a pure state machine. It is told what happened and when, and appends to `out` what should be done.
 *
 * A machine never awaits, opens a socket, reads a clock, draws ambient randomness, logs, or throws because of what a
 * peer sent. The shell that drives it owns `out` and reuses it, so a machine must not keep it.
 */
export interface Machine<Input, Effect> {
  /** Takes one input and appends what should be done. */
  step(input: Input, now: Instant, out: Effect[]): void
}
