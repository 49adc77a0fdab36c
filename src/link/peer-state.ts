import type { Machine } from '../core/machine.js'
import type { Instant } from '../core/time.js'

/**
 * What a peer is to us:
 *
 * ```
 *             member            lane opens              last lane closes
 * unknown ------------> connecting ---------> up -------------------------> down
 *                                             ^ \___________________________/ |
 *                                             |           lane opens          |
 *                        cut: any of these while a partition was injected;   left: it left or was removed
 * ```
 */
export type PeerPhase = 'unknown' | 'connecting' | 'up' | 'down' | 'cut' | 'left'

export type PeerInput =
  /** The overlay wants a connection, or no longer does. */
  | { readonly type: 'wanted'; readonly wanted: boolean }
  /** The number of open lanes changed. */
  | { readonly type: 'lanes'; readonly open: number }
  | { readonly type: 'cut'; readonly cut: boolean }
  | { readonly type: 'left' }
  /** A new incarnation took the old one's place, with no lane open yet. */
  | { readonly type: 'restarted' }

export type PeerEffect =
  | { readonly type: 'up' }
  | { readonly type: 'down'; readonly reason: 'lost' | 'cut' | 'left' | 'restarted' }
  /** Messages that wait end here, but those whose patience outlasts it. */
  | { readonly type: 'fail-queued'; readonly why: QueueEnd }
  /** Requests without an answer end here. */
  | { readonly type: 'fail-requests'; readonly why: 'down' | 'cut' | 'left' }

/**
 * Why messages that wait for a peer end. `restarted`: the life that they were for is over. `stranger`: nobody wants a
 * connection to it any more.
 */
export type QueueEnd = 'down' | 'restarted' | 'left' | 'stranger'

/** What becomes of a new message. */
export type SendVerdict = 'send' | 'down' | 'cut' | 'left' | 'stranger'

const verdicts: Readonly<Record<PeerPhase, SendVerdict>> = {
  up: 'send',
  connecting: 'send',
  unknown: 'stranger',
  down: 'down',
  cut: 'cut',
  left: 'left',
}

/** Keeps the facts about one peer; the phase and all that follows from a change of it are derived. */
export class PeerState implements Machine<PeerInput, PeerEffect> {
  #wanted = false
  #lanes = 0
  #cut = false
  #left = false
  #wasUp = false
  #phase: PeerPhase = 'unknown'

  get phase(): PeerPhase {
    return this.#phase
  }

  /** Whether the overlay, or the user, wants a connection to it. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** `send` means: hand it to its lane, where it leaves or waits. */
  get verdict(): SendVerdict {
    return verdicts[this.#phase]
  }

  step(input: PeerInput, _now: Instant, out: PeerEffect[]): void {
    switch (input.type) {
      case 'wanted':
        this.#wanted = input.wanted
        if (input.wanted) this.#left = false
        break
      case 'lanes':
        this.#lanes = input.open
        if (input.open > 0) this.#wasUp = true
        break
      case 'cut':
        this.#cut = input.cut
        break
      case 'left':
        this.#left = true
        this.#wanted = false
        break
      case 'restarted':
        this.#restart(out)
        return
    }
    this.#settle(out)
  }

  #restart(out: PeerEffect[]): void {
    const before = this.#phase
    this.#cut = false
    this.#left = false
    this.#lanes = 0
    if (before === 'up') out.push({ type: 'down', reason: 'restarted' })
    // What waits for a life that was never reached waits on for the next; what a life was told ends with it.
    if (this.#wasUp) out.push({ type: 'fail-queued', why: this.#wanted ? 'restarted' : 'stranger' })
    out.push({ type: 'fail-requests', why: 'down' })
    this.#wasUp = false
    this.#phase = this.#derive()
  }

  #settle(out: PeerEffect[]): void {
    const before = this.#phase
    const after = this.#derive()
    this.#phase = after
    if (before === after) return
    if (before === 'up') {
      out.push({ type: 'down', reason: after === 'cut' ? 'cut' : after === 'left' ? 'left' : 'lost' })
    }
    if (after === 'up') out.push({ type: 'up' })
    if (after === 'cut' || after === 'left') out.push({ type: 'fail-requests', why: after })
    if (after === 'down' || after === 'unknown') out.push({ type: 'fail-requests', why: 'down' })
    if (after === 'left' || after === 'down') out.push({ type: 'fail-queued', why: after })
    if (after === 'unknown') out.push({ type: 'fail-queued', why: 'stranger' })
  }

  #derive(): PeerPhase {
    if (this.#left) return 'left'
    if (this.#cut) return 'cut'
    if (this.#lanes > 0) return 'up'
    if (!this.#wanted) return 'unknown'
    return this.#wasUp ? 'down' : 'connecting'
  }
}
