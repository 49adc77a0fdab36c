import type { NodeName } from '../core/node.js'
import type { Instant } from '../core/time.js'
import type { BroadcastEffects } from './broadcast-effects.js'
import type { Gossip } from './broadcast-messages.js'
import type { BroadcastOptions } from './broadcast-options.js'
import { type Asked, type BroadcastStream, costOf } from './broadcast-stream.js'
import type { BroadcastTrees } from './broadcast-trees.js'

/** What becomes of a stream when something that was missing has come, or never will. */
export interface RepairHandler {
  take(stream: BroadcastStream, gossip: Gossip, from: NodeName, now: Instant, out: BroadcastEffects): void
  skip(stream: BroadcastStream, upTo: number, now: Instant, out: BroadcastEffects): void
}

/** Looks after the streams in which something is missing: asks one neighbour after another for it. */
export class BroadcastRepair {
  readonly #options: Required<BroadcastOptions>
  readonly #peers: ReadonlySet<NodeName>
  readonly #trees: BroadcastTrees
  readonly #handler: RepairHandler
  readonly #behind = new Set<BroadcastStream>()
  /** When the timer is due; undefined while it is not armed. */
  #armed: Instant | undefined
  /** Of all that came before its time. */
  heldBytes = 0

  constructor(
    options: Required<BroadcastOptions>,
    peers: ReadonlySet<NodeName>,
    trees: BroadcastTrees,
    handler: RepairHandler,
  ) {
    this.#options = options
    this.#peers = peers
    this.#trees = trees
    this.#handler = handler
  }

  /** A neighbour has up to there. It is asked at once when a connection was lost, else after a while. */
  missing(
    stream: BroadcastStream,
    from: NodeName,
    upTo: number,
    atOnce: boolean,
    now: Instant,
    out: BroadcastEffects,
  ): void {
    const source = stream.sources.get(from)
    if (source === undefined) stream.sources.set(from, { upTo, gone: 0, had: false })
    else source.upTo = Math.max(source.upTo, upTo)
    if (!this.#behind.has(stream)) stream.progress = now
    this.#behind.add(stream)
    if (atOnce && stream.asked === undefined) return this.#ask(stream, now, out)
    stream.due ??= now + this.#options.graftTimeout
    this.#arm(stream.due, now, out)
  }

  /** A message came before its time. Who pushed it has all that is before it. */
  hold(stream: BroadcastStream, gossip: Gossip, from: NodeName, now: Instant, out: BroadcastEffects): void {
    if (this.heldBytes + costOf(gossip) <= this.#options.heldBytes) {
      stream.held.set(gossip.number, { gossip, from })
      this.heldBytes += costOf(gossip)
    }
    this.missing(stream, from, gossip.number, false, now, out)
  }

  /** Something of the stream was taken, or given up: what follows it may be here already. */
  advance(stream: BroadcastStream, now: Instant, out: BroadcastEffects): void {
    if (!this.#behind.has(stream)) return
    for (let next = stream.held.get(stream.delivered + 1); next !== undefined; ) {
      this.#release(stream, next.gossip)
      this.#handler.take(stream, next.gossip, next.from, now, out)
      next = stream.held.get(stream.delivered + 1)
    }
    for (const { gossip } of [...stream.held.values()]) {
      if (gossip.number <= stream.delivered) this.#release(stream, gossip)
    }
    if (stream.held.size === 0 && stream.missingUpTo <= stream.delivered) return this.drop(stream)
    const { asked } = stream
    if (asked?.more === true && stream.delivered >= asked.upTo) return this.#ask(stream, now, out, asked.peer)
    // The rest of what was asked for, or what has come since, is on its way.
    if (asked !== undefined) stream.due = now + this.#options.graftTimeout
  }

  /** A neighbour has nothing up to there. What some had, and none has any more, is given up. */
  gone(
    stream: BroadcastStream,
    from: NodeName,
    { upTo, had }: { readonly upTo: number; readonly had: boolean },
    now: Instant,
    out: BroadcastEffects,
  ): void {
    if (!this.#behind.has(stream) || upTo <= stream.delivered) return
    const { asked, delivered } = stream
    const source = stream.sources.get(from)
    if (source !== undefined) {
      source.gone = Math.max(source.gone, upTo)
      source.had ||= had
    }
    const able = [...stream.sources.values()].filter(({ upTo }) => upTo > delivered)
    const lowest = Math.min(...able.map(({ gone }) => gone))
    if (able.length === 0 || lowest <= delivered) return asked?.peer === from ? this.#ask(stream, now, out) : undefined
    // Others may have it, and have had no reason to say so.
    const other = [...this.#peers].find(peer => !stream.sources.has(peer))
    if (other !== undefined) {
      stream.sources.set(other, { upTo: delivered + 1, gone: 0, had: false })
      return this.#ask(stream, now, out, other)
    }
    // Where nobody ever had it, somebody beyond a lost connection may: the timer gives it up.
    if (!able.some(each => each.had)) return
    // The rest of what was asked for follows.
    const follows = asked?.peer === from && lowest === upTo && asked.upTo > upTo ? asked : undefined
    this.#giveUp(stream, lowest, follows, now, out)
  }

  /** A neighbour is down. */
  forget(peer: NodeName, now: Instant, out: BroadcastEffects): void {
    for (const stream of this.#behind) {
      stream.sources.delete(peer)
      if (stream.asked?.peer === peer) this.#ask(stream, now, out)
    }
  }

  /** Nothing of the stream is missing any more. */
  drop(stream: BroadcastStream): void {
    for (const { gossip } of [...stream.held.values()]) this.#release(stream, gossip)
    this.#behind.delete(stream)
    stream.sources.clear()
    stream.asked = undefined
    stream.due = undefined
  }

  /** The timer fired. */
  tick(now: Instant, out: BroadcastEffects): void {
    this.#armed = undefined
    for (const stream of [...this.#behind]) {
      if (stream.due === undefined || stream.due > now) continue
      if (now - stream.progress < this.#options.gapTimeout) this.#ask(stream, now, out)
      else this.#giveUp(stream, stream.missingUpTo, undefined, now, out)
    }
    for (const { due } of this.#behind) if (due !== undefined) this.#arm(due, now, out)
  }

  /** Asks the next neighbour that may have what is missing, and makes the link to it eager. */
  #ask(stream: BroadcastStream, now: Instant, out: BroadcastEffects, preferred?: NodeName): void {
    const { graftTimeout, resendMax } = this.#options
    const { origin, incarnation, delivered } = stream
    stream.asked = undefined
    stream.due = now + graftTimeout
    this.#arm(stream.due, now, out)
    for (const [peer, source] of stream.sources) {
      if (source.upTo <= delivered || source.gone > delivered) continue
      if (preferred !== undefined && peer !== preferred) continue
      // Next time it is another's turn.
      stream.sources.delete(peer)
      stream.sources.set(peer, source)
      const known = Math.min(stream.missingUpTo, source.upTo)
      const most = delivered + resendMax
      stream.asked = { peer, upTo: Math.min(known, most), more: known > most }
      // It may have more by now than it said.
      const upTo = stream.held.size > 0 ? stream.asked.upTo : most
      this.#trees.makeEager(origin, peer)
      const message = { type: 'graft', origin, incarnation, from: delivered + 1, upTo } as const
      return void out.push({ type: 'send', to: peer, message })
    }
  }

  #giveUp(stream: BroadcastStream, upTo: number, asked: Asked | undefined, now: Instant, out: BroadcastEffects): void {
    const first = stream.firstHeld
    this.#handler.skip(stream, first === undefined ? upTo : Math.min(upTo, first - 1), now, out)
    stream.asked = asked
    this.advance(stream, now, out)
    if (this.#behind.has(stream) && stream.asked === undefined) this.#ask(stream, now, out)
  }

  #release(stream: BroadcastStream, gossip: Gossip): void {
    if (stream.held.delete(gossip.number)) this.heldBytes -= costOf(gossip)
  }

  #arm(due: Instant, now: Instant, out: BroadcastEffects): void {
    if (this.#armed !== undefined && this.#armed <= due) return
    this.#armed = due
    out.push({ type: 'arm', timer: 'graft', after: due - now })
  }
}
