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
 *
 * Lanes may be relayed: these are there for messages that ask for it (`sought`), and for no others.
 */
export type PeerPhase = 'unknown' | 'connecting' | 'up' | 'down' | 'cut' | 'left'

export type PeerInput =
  /** The overlay wants a connection, or no longer does. */
  | { readonly type: 'wanted'; readonly wanted: boolean }
  /** The number of open lanes changed. `relayed`: how many of them lead through other nodes. Default 0. */
  | { readonly type: 'lanes'; readonly open: number; readonly relayed?: number }
  /** Somebody sends it messages that may go through other nodes, or no longer does. */
  | { readonly type: 'sought'; readonly sought: boolean }
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

/** Keeps the facts about one peer; the phase and all that follows from a change of it are derived. */
export class PeerState implements Machine<PeerInput, PeerEffect> {
  #wanted = false
  #sought = false
  #lanes = 0
  #direct = 0
  #cut = false
  #left = false
  #wasUp = false
  #wasDirect = false
  #phase: PeerPhase = 'unknown'
  #verdict: SendVerdict = 'stranger'

  get phase(): PeerPhase {
    return this.#phase
  }

  /** Whether the overlay, or the user, wants a connection to it. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Whether messages that may go through other nodes are sent to it. */
  get sought(): boolean {
    return this.#sought
  }

  /** A connection that leads through no other node is open, and no cut lies between. */
  get direct(): boolean {
    return this.#phase === 'up' && this.#direct > 0
  }

  /** What becomes of a message that may not be relayed. `send`: hand it to its lane, where it leaves or waits. */
  get verdict(): SendVerdict {
    return this.#verdict
  }

  step(input: PeerInput, _now: Instant, out: PeerEffect[]): void {
    switch (input.type) {
      case 'wanted':
        this.#wanted = input.wanted
        if (input.wanted) this.#left = false
        break
      case 'lanes':
        this.#lanes = input.open
        this.#direct = input.open - (input.relayed ?? 0)
        if (input.open > 0) this.#wasUp = true
        if (this.#direct > 0) this.#wasDirect = true
        break
      case 'sought':
        this.#sought = input.sought
        break
      case 'cut':
        this.#cut = input.cut
        break
      case 'left':
        this.#left = true
        this.#wanted = false
        this.#sought = false
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
    this.#direct = 0
    if (before === 'up') out.push({ type: 'down', reason: 'restarted' })
    // What waits for a life that was never reached waits on for the next; what a life was told ends with it.
    if (this.#wasUp) out.push({ type: 'fail-queued', why: this.#wanted || this.#sought ? 'restarted' : 'stranger' })
    out.push({ type: 'fail-requests', why: 'down' })
    this.#wasUp = false
    this.#wasDirect = false
    this.#phase = this.#derive()
    this.#verdict = this.#judge()
  }

  #settle(out: PeerEffect[]): void {
    const before = this.#phase
    const after = this.#derive()
    this.#phase = after
    this.#verdict = this.#judge()
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
    if (!this.#wanted && !this.#sought) return 'unknown'
    return this.#wasUp ? 'down' : 'connecting'
  }

  #judge(): SendVerdict {
    if (this.#left) return 'left'
    if (this.#cut) return 'cut'
    if (this.#direct > 0) return 'send'
    if (!this.#wanted) return 'stranger'
    return this.#wasDirect ? 'down' : 'send'
  }
}
