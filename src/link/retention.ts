import { unreachable } from '../core/invariant.js'
import type { Machine } from '../core/machine.js'
import type { Instant, Millis } from '../core/time.js'
import type { PeerInput, PeerPhase, SendVerdict } from './peer-state.js'
import { type Traffic, Uses } from './uses.js'

/** What is so of a peer when something happens. */
export interface PeerFacts extends Traffic {
  readonly phase: PeerPhase
  readonly verdict: SendVerdict
  readonly wanted: boolean
  /** The user asked for a connection without membership. */
  readonly pinned: boolean
  readonly sought: boolean
  /** Some connection is open. */
  readonly open: boolean
  /** One that leads through no other node is, and no cut lies between. */
  readonly direct: boolean
  /** A direct connection is taking the place of a relayed one. */
  readonly moving: boolean
  /** Of the messages that are awaited some outlast connections. */
  readonly owed: boolean
  /** Of those that wait, some may go through other nodes. */
  readonly relayable: boolean
  /** Of one that is neither up nor cut off: since when, or since when its present life is known. */
  readonly awaySince: Instant
}

export type RetentionInput<Peer> =
  /** A message that may go through other nodes is for a peer without a direct connection. */
  | { readonly type: 'seek'; readonly peer: Peer; readonly facts: PeerFacts }
  /** The overlay wants a connection to it, or no longer does. The facts are those of before. */
  | { readonly type: 'wanted' | 'unwanted'; readonly peer: Peer; readonly facts: PeerFacts }
  /** The last connection is lost. The phase is that of before. */
  | { readonly type: 'lost'; readonly peer: Peer; readonly facts: PeerFacts }
  /** The cut between the two is gone. */
  | { readonly type: 'healed'; readonly peer: Peer; readonly facts: PeerFacts }
  /** There is a connection, and none was before. */
  | { readonly type: 'reached'; readonly peer: Peer }
  /** A dial through other nodes failed. `isFinal`: another one would as well. */
  | { readonly type: 'unreached'; readonly peer: Peer; readonly facts: PeerFacts; readonly isFinal: boolean }
  /** The timer of its search is due. */
  | { readonly type: 'expired'; readonly peer: Peer; readonly facts: PeerFacts }
  /** Those who waited for a way were told that there is none. */
  | { readonly type: 'failed'; readonly peer: Peer; readonly facts: PeerFacts }
  /** The peer asks whether the connections may be closed, over which nothing goes. */
  | { readonly type: 'asked'; readonly peer: Peer; readonly facts: PeerFacts }
  /** Asked that itself, it says that they may not; or it begins anew, and was never asked. */
  | { readonly type: 'refused'; readonly peer: Peer; readonly facts: PeerFacts }
  /** It is not to be kept, whatever goes over it. */
  | { readonly type: 'forget'; readonly peer: Peer; readonly facts: PeerFacts }
  /** Regular care of every peer that is connected. */
  | { readonly type: 'used'; readonly peer: Peer; readonly facts: Traffic }
  /** Regular care, after that, of every peer in {@link Retention.kept}. */
  | { readonly type: 'tick'; readonly peer: Peer; readonly facts: PeerFacts }
  /** Its link is no more. */
  | { readonly type: 'gone'; readonly peer: Peer }

export type RetentionEffect<Peer> =
  | { readonly type: 'tell'; readonly peer: Peer; readonly input: PeerInput }
  /** The user's wish for a connection ends with that of the overlay. */
  | { readonly type: 'unpin'; readonly peer: Peer }
  /** Look for a way through other nodes. */
  | { readonly type: 'look'; readonly peer: Peer }
  /** The timer of its search, of which there is none: wake the machine once after a while. */
  | { readonly type: 'arm'; readonly peer: Peer; readonly after: Millis }
  | { readonly type: 'disarm'; readonly peer: Peer }
  /** Tell those who wait for a way, and for nothing else, that there is none. `held`: only who is not patient. */
  | { readonly type: 'fail'; readonly peer: Peer; readonly held: boolean }
  /** Tell those who may not go through other nodes that nobody wants a connection. */
  | { readonly type: 'release'; readonly peer: Peer }
  /** Close what leads through other nodes; `direct`: and everything else. */
  | { readonly type: 'close'; readonly peer: Peer; readonly direct: boolean }
  /**
   * Ask the peer whether all connections may be closed. Until it has closed them, or refused, keep messages back: one
   * that was on its way when they are closed would be lost; and dial nothing: that would be one of those it closes.
   */
  | { readonly type: 'ask'; readonly peer: Peer }
  /** Tell the peer that they may not. */
  | { readonly type: 'refuse'; readonly peer: Peer }
  /** Let messages go on, and whoever dials. */
  | { readonly type: 'resume'; readonly peer: Peer }
  /** Dial what is closed, as far as it is wanted: it may have been lost while nothing was dialled. */
  | { readonly type: 'reopen'; readonly peer: Peer }
  /** Close what leads through no other node, and dial no more. */
  | { readonly type: 'part'; readonly peer: Peer }
  /** What outlasts its connections ends: as many are held as may be, or it was held for as long as may be. */
  | { readonly type: 'count'; readonly peer: Peer; readonly what: 'notHeld' | 'heldTooLong' }

/** A peer that does not answer so long whether they may be is not waited for. */
export const releaseMillis: Millis = 5_000

/** A way that breaks, or of which not everybody tells, again and again, is looked for so long. */
export const searchMillis: Millis = 15_000

/** Peers that are held at a time: what waits for further ones ends when the overlay lets go of them. */
export const heldMax = 64

/** Why a peer is looked after beyond what the overlay wants: see {@link Retention}. */
type Reason = 'sought' | 'open' | 'held'

interface Kept {
  reason: Reason
  /** A way to it is looked for, and the timer is armed that ends this. */
  searching: boolean
  /** When the peer was asked whether its connections may be closed, while it has not answered. */
  askedAt: Instant | undefined
}

/**
 * Decides which peers are reached, or stay connected, though the overlay does not want it:
 *
 * ```
 *               overlay lets go               messages outlast it
 * none, sought -----------------> open ------------------------------> held
 *      ^                           |   <----------------------------    |
 *      |                           |            settled                 |
 *      |  wanted again, or unused  |                                    |
 *      |---------------------------'      wanted again, or away long    |
 *      '----------------------------------------------------------------'
 * ```
 *
 * `sought`: messages are sent to it that may go through other nodes: a way is looked for, and stays while it is used.
 * `open`: what is open stays while it is used. `held`: it stays wanted, so that it is dialled, until what outlasts
 * connections is settled. One that is away when the overlay lets go of it is held at once, or forgotten.
 */
export class Retention<Peer> implements Machine<RetentionInput<Peer>, RetentionEffect<Peer>> {
  readonly #heldFor: Millis
  readonly #kept = new Map<Peer, Kept>()
  readonly #uses = new Uses<Peer>()

  /** `heldFor`: a peer that is away is held no longer than that. */
  constructor(heldFor: Millis) {
    this.#heldFor = heldFor
  }

  /** Those that are sought, open or held. */
  get kept(): readonly Peer[] {
    return [...this.#kept.keys()]
  }

  /** All of which anything is known. */
  get peers(): ReadonlySet<Peer> {
    return new Set([...this.#uses.peers, ...this.#kept.keys()])
  }

  step(input: RetentionInput<Peer>, now: Instant, out: RetentionEffect<Peer>[]): void {
    const { peer } = input
    switch (input.type) {
      case 'seek':
        return this.#seek(peer, input.facts, now, out)
      case 'wanted':
        return this.#wanted(peer, input.facts, out)
      case 'unwanted':
        return this.#unwanted(peer, input.facts, now, out)
      case 'lost':
        return this.#lost(peer, input.facts, now, out)
      case 'healed':
        if (input.facts.sought && !input.facts.direct) out.push({ type: 'look', peer })
        return
      case 'reached':
        return this.#endSearch(peer, out)
      case 'unreached': {
        const kept = this.#kept.get(peer)
        if (kept === undefined || !input.facts.sought || input.facts.direct) return
        this.#search(peer, kept, out)
        if (input.isFinal) fail(peer, kept, input.facts, out)
        return
      }
      case 'expired': {
        const kept = this.#kept.get(peer)
        if (kept === undefined) return
        kept.searching = false
        fail(peer, kept, input.facts, out)
        return
      }
      case 'failed':
        if (!input.facts.open && !input.facts.awaited) this.#forget(peer, input.facts, out)
        return
      case 'asked': {
        const { awaited, wanted, pinned, moving } = input.facts
        // What this end has sent arrives before it closes; what it waits for would not.
        if (awaited || wanted || pinned || moving) return void out.push({ type: 'refuse', peer })
        if (this.#kept.has(peer)) this.#forget(peer, input.facts, out)
        return void out.push({ type: 'close', peer, direct: true })
      }
      case 'refused':
        if (!this.#resume(peer, out)) return
        // It is not asked again at once.
        this.#uses.begin(peer, input.facts, now)
        return void out.push({ type: 'reopen', peer })
      case 'forget':
        return this.#forget(peer, input.facts, out)
      case 'used':
        this.#uses.isUsed(peer, input.facts, now)
        return
      case 'tick':
        return this.#tick(peer, input.facts, now, out)
      case 'gone':
        this.#drop(peer, out)
        this.#uses.delete(peer)
        return
      default:
        return unreachable(input)
    }
  }

  #seek(peer: Peer, facts: PeerFacts, now: Instant, out: RetentionEffect<Peer>[]): void {
    const { phase, sought, open } = facts
    // What is being closed is waited for: see `lost`.
    if (sought || !maySeek(phase) || (open && this.#kept.get(peer)?.askedAt !== undefined)) return
    this.#search(peer, this.#note(peer), out)
    this.#uses.begin(peer, facts, now)
    out.push({ type: 'tell', peer, input: { type: 'sought', sought: true } })
    out.push({ type: 'look', peer })
  }

  #wanted(peer: Peer, { sought }: PeerFacts, out: RetentionEffect<Peer>[]): void {
    const kept = this.#kept.get(peer)
    if (kept === undefined) return
    kept.reason = 'sought'
    if (!sought) this.#drop(peer, out)
  }

  /** What goes over it goes on. */
  #unwanted(peer: Peer, facts: PeerFacts, now: Instant, out: RetentionEffect<Peer>[]): void {
    const { phase, wanted, pinned, sought } = facts
    // The end that wanted it decides.
    const isOpen = phase === 'up' && (wanted || pinned) && this.#uses.isUsed(peer, facts, now)
    const isFree = this.#isFree || this.#kept.get(peer)?.reason === 'held'
    const isHeld = wanted && facts.owed && isFree
    if (isOpen || isHeld) {
      const kept = this.#note(peer)
      if (kept.reason !== 'held') kept.reason = isHeld ? 'held' : 'open'
      if (isOpen && !sought) out.push({ type: 'tell', peer, input: { type: 'sought', sought: true } })
      else if (facts.relayable) this.#seek(peer, facts, now, out)
    } else {
      if (wanted && facts.owed) out.push({ type: 'count', peer, what: 'notHeld' })
      const isLookedFor = sought && phase !== 'up'
      // The search is not the overlay's business; what waited for the overlay's connection alone ends.
      if (isLookedFor && facts.relayable && !facts.owed) out.push({ type: 'release', peer })
      // No room for it: what waits ends, also where another way was looked for.
      else if (isLookedFor) this.#forget(peer, facts, out)
    }
    // What is closed before this is no loss of one that the other end alone wanted.
    out.push({ type: 'unpin', peer })
    if (!isHeld) out.push({ type: 'tell', peer, input: { type: 'wanted', wanted: false } })
    // Who reaches it through others has not asked the overlay.
    if (!isHeld && !isOpen) out.push({ type: 'part', peer })
  }

  #lost(peer: Peer, facts: PeerFacts, now: Instant, out: RetentionEffect<Peer>[]): void {
    const { awaited, wanted, pinned, sought, relayable } = facts
    if (!this.#resume(peer, out)) return this.#miss(peer, facts, now, out)
    // It was asked whether they may be closed, and has closed them.
    if (!awaited) this.#forget(peer, facts, out)
    if (!awaited && !wanted && !pinned) return void out.push({ type: 'close', peer, direct: true })
    // What came meanwhile waits for another connection.
    if (awaited) this.#miss(peer, facts, now, out)
    out.push({ type: awaited && sought && relayable ? 'look' : 'reopen', peer })
  }

  /** Where the other end alone wanted it, it may be needed all the same. */
  #miss(peer: Peer, facts: PeerFacts, now: Instant, out: RetentionEffect<Peer>[]): void {
    const { phase, wanted, pinned, relayable } = facts
    const reason = this.#kept.get(peer)?.reason
    // It stayed for what went over it: that does not all go through other nodes.
    const isOver = facts.sought && !relayable && (reason === 'open' || reason === 'held')
    if (isOver) {
      this.#endSearch(peer, out)
      out.push({ type: 'tell', peer, input: { type: 'sought', sought: false } })
    }
    const isKnown = wanted || pinned || (facts.sought && !isOver) || phase === 'left'
    if (isKnown) return
    if (facts.owed) {
      if (!this.#isFree) return void out.push({ type: 'count', peer, what: 'notHeld' })
      this.#note(peer).reason = 'held'
      out.push({ type: 'tell', peer, input: { type: 'wanted', wanted: true } })
    }
    // Also for what outlasts nothing: it waited for this connection, and may go another way.
    if (relayable) this.#seek(peer, facts, now, out)
  }

  #tick(peer: Peer, facts: PeerFacts, now: Instant, out: RetentionEffect<Peer>[]): void {
    const kept = this.#kept.get(peer)
    if (kept === undefined) return
    const { phase, wanted } = facts
    const { askedAt } = kept
    if (askedAt !== undefined && now - askedAt < releaseMillis) return
    const isSilent = this.#resume(peer, out)
    const wasHeld = kept.reason === 'held'
    const isLost = !facts.sought && !facts.open
    if (this.#isHeld(kept, facts, now)) {
      kept.reason = 'held'
      if (!wanted) out.push({ type: 'tell', peer, input: { type: 'wanted', wanted: true } })
      if (!facts.direct && facts.relayable) this.#seek(peer, facts, now, out)
    } else if (wasHeld && phase === 'up') {
      // What is open is no longer its business: the next regular care sees whether that is used.
      kept.reason = 'open'
      if (!facts.sought) out.push({ type: 'tell', peer, input: { type: 'sought', sought: true } })
      out.push({ type: 'tell', peer, input: { type: 'wanted', wanted: false } })
    } else if (!facts.moving && (wasHeld || isLost || !this.#uses.isUsed(peer, facts, now))) {
      if (wasHeld && facts.owed) out.push({ type: 'count', peer, what: 'heldTooLong' })
      if (isSilent || !facts.open || !closesAll(kept, facts)) return this.#forget(peer, facts, out)
      kept.askedAt = now
      return void out.push({ type: 'ask', peer })
    }
    if (isSilent) out.push({ type: 'reopen', peer })
  }

  /** Whether the peer was asked: messages go on. */
  #resume(peer: Peer, out: RetentionEffect<Peer>[]): boolean {
    const kept = this.#kept.get(peer)
    if (kept?.askedAt === undefined) return false
    kept.askedAt = undefined
    out.push({ type: 'resume', peer })
    return true
  }

  /** Whether a peer of which the overlay let go is dialled for what it owes, from now on or as before. */
  #isHeld({ reason }: Kept, { phase, wanted, pinned, owed, awaySince }: PeerFacts, now: Instant): boolean {
    if (reason === 'sought' || !owed) return false
    if (reason === 'open' && (wanted || pinned || phase === 'left' || !this.#isFree)) return false
    // Who is up, or cut off, is not away.
    return phase === 'up' || phase === 'cut' || now - awaySince < this.#heldFor
  }

  get #isFree(): boolean {
    let held = 0
    for (const { reason } of this.#kept.values()) if (reason === 'held') held++
    return held < heldMax
  }

  #note(peer: Peer): Kept {
    const known = this.#kept.get(peer)
    if (known !== undefined) return known
    const kept: Kept = { reason: 'sought', searching: false, askedAt: undefined }
    this.#kept.set(peer, kept)
    return kept
  }

  /** A search is under way: it ends after a while. */
  #search(peer: Peer, kept: Kept, out: RetentionEffect<Peer>[]): void {
    if (kept.searching) return
    kept.searching = true
    out.push({ type: 'arm', peer, after: searchMillis })
  }

  #endSearch(peer: Peer, out: RetentionEffect<Peer>[]): void {
    const kept = this.#kept.get(peer)
    if (kept?.searching !== true) return
    kept.searching = false
    out.push({ type: 'disarm', peer })
  }

  #drop(peer: Peer, out: RetentionEffect<Peer>[]): void {
    this.#endSearch(peer, out)
    this.#resume(peer, out)
    this.#kept.delete(peer)
  }

  /** What leads to it through others, or was kept for what went over it, is closed. */
  #forget(peer: Peer, facts: PeerFacts, out: RetentionEffect<Peer>[]): void {
    const kept = this.#kept.get(peer)
    const reason = kept?.reason
    this.#drop(peer, out)
    if (reason === 'held') out.push({ type: 'tell', peer, input: { type: 'wanted', wanted: false } })
    out.push({ type: 'tell', peer, input: { type: 'sought', sought: false } })
    out.push({ type: 'close', peer, direct: kept !== undefined && closesDirect(kept, facts) })
  }
}

/** Whether, when it is no longer kept, what leads through no other node is closed too. */
function closesDirect({ reason }: Kept, { wanted, pinned }: PeerFacts): boolean {
  return !pinned && (reason === 'held' || (reason === 'open' && !wanted))
}

function closesAll(kept: Kept, facts: PeerFacts): boolean {
  return closesDirect(kept, facts) || !facts.direct
}

/** Whether a way may be looked for: a cut is not got round. */
export function maySeek(phase: PeerPhase): boolean {
  return phase !== 'cut' && phase !== 'left'
}

function fail<Peer>(peer: Peer, { reason }: Kept, { verdict }: PeerFacts, out: RetentionEffect<Peer>[]): void {
  // A direct connection takes it, and a member that was never connected is waited for, as by other messages.
  if (verdict !== 'send') out.push({ type: 'fail', peer, held: reason === 'held' })
}
