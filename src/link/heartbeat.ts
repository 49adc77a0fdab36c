import type { Machine } from '../core/machine.js'
import type { Instant, Millis } from '../core/time.js'

/** How silence is told from death. */
export interface HeartbeatOptions {
  /** A peer that was silent for so long is asked for a sign of life. Default 1,000 ms. */
  readonly interval?: Millis
  /** A peer that was silent for so long is down. Default 4,000 ms. */
  readonly timeout?: Millis
}

export type HeartbeatInput =
  /** A lane opened while none was: the peer is watched from now. */
  | { readonly type: 'start' }
  /** Something of the peer arrived, on whichever lane. */
  | { readonly type: 'heard' }
  /** Time has passed. */
  | { readonly type: 'tick' }

export type HeartbeatEffect =
  /** Ask for a sign of life. */
  | { readonly type: 'ping' }
  /** The peer is down: close what is open to it. */
  | { readonly type: 'silent'; readonly for: Millis }

/**
 * Watches one peer over all its lanes, because under packet loss one of several connections gets through long before a
 * single one does. An idle peer is asked once an interval, a busy one never. A process that stalls itself does not hold
 * that time against its peers: what ticks did not see, nobody was silent in.
 */
export class Heartbeat implements Machine<HeartbeatInput, HeartbeatEffect> {
  readonly #interval: Millis
  readonly #timeout: Millis
  #heardAt: Instant = 0
  #askedAt: Instant = 0
  #tickedAt: Instant = 0

  constructor({ interval = 1_000, timeout = 4_000 }: HeartbeatOptions) {
    this.#interval = interval
    this.#timeout = timeout
  }

  step(input: HeartbeatInput, now: Instant, out: HeartbeatEffect[]): void {
    switch (input.type) {
      case 'start':
        this.#heardAt = now
        this.#askedAt = now
        this.#tickedAt = now
        return
      case 'heard':
        this.#heardAt = now
        return
      case 'tick':
        return this.#tick(now, out)
    }
  }

  #tick(now: Instant, out: HeartbeatEffect[]): void {
    const stalled = now - this.#tickedAt - this.#interval
    if (stalled > 0) this.#heardAt += Math.min(stalled, now - this.#heardAt)
    this.#tickedAt = now
    const silence = now - this.#heardAt
    if (silence >= this.#timeout) {
      out.push({ type: 'silent', for: silence })
    } else if (silence >= this.#interval / 2 && now - this.#askedAt >= this.#interval) {
      this.#askedAt = now
      out.push({ type: 'ping' })
    }
  }
}
