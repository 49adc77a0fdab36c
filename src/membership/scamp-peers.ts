import { compareSpecs, type NodeName, type NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import { Lives } from './lives.js'
import type { ScampMessage } from './scamp-messages.js'
import type { ScampMembershipOptions } from './scamp-options.js'
import { type Held, ScampView } from './scamp-view.js'
import type { MembershipEffect } from './strategy.js'

export type ScampEffects = MembershipEffect<ScampMessage>[]

/** Heartbeats are missed for so many rounds before anything is concluded from it. */
export const silentRounds = 4
/** An in-view lists no more; further ones hold this node all the same. */
const holdersMax = 1_024
/** Who comes back hears of at most so many that have left meanwhile. */
const missedMax = 64
/** So many of those that were lost are remembered; the oldest makes room. */
const lostMax = 64

/**
 * Whom a node holds, who holds it, who is connected, and who was lost. A view is directed; a connection is not: it is
 * kept by either end that holds the other, and closed when neither does.
 */
export class ScampPeers {
  readonly view: ScampView
  readonly lives: Lives = new Lives(name => this.known(name))
  /** Everybody who is connected. */
  readonly up: Map<NodeName, NodeSpec> = new Map()
  /** The in-view: who says that this node is in its view, and when it said so last. */
  readonly holders: Map<NodeName, Instant> = new Map()
  /** Those that were down when their leases ended: after a partition they lead to the other side. */
  readonly lost: Map<NodeName, NodeSpec> = new Map()
  /** Who is not held and yet connected on behalf of this node, since when: it may hold this node. */
  readonly #lingering = new Map<NodeName, Instant>()
  /** Since when those that are held are down. */
  readonly #downSince = new Map<NodeName, Instant>()
  readonly #options: Required<ScampMembershipOptions>

  constructor(options: Required<ScampMembershipOptions>) {
    this.#options = options
    this.view = new ScampView(name => this.up.has(name))
  }

  get self(): NodeSpec {
    return this.lives.self
  }

  get random(): Random {
    return this.#options.random
  }

  start(self: NodeSpec): void {
    this.lives.start(self)
    for (const part of [this.up, this.holders, this.lost, this.view]) part.clear()
    for (const part of [this.#lingering, this.#downSince]) part.clear()
  }

  /** A mesh would not be larger than the views: so it is one. */
  get isSmall(): boolean {
    const most = this.#options.copies + 1
    let count = this.view.size
    // It is asked for each heartbeat: where the view alone is too large nobody else is counted.
    if (count > most) return false
    for (const name of this.up.keys()) if (!this.view.has(name) && ++count > most) return false
    return true
  }

  /** The newest that is known of a node. */
  known(name: NodeName): NodeSpec | undefined {
    return this.view.get(name)?.spec ?? this.up.get(name) ?? this.lost.get(name)
  }

  /** Takes a newer spec of a node wherever it is known. False when the spec is old, or of this node. */
  meet(spec: NodeSpec, out: ScampEffects): boolean {
    if (!this.lives.hear(spec, out)) return false
    const held = this.view.get(spec.name)
    if (held !== undefined && compareSpecs(spec, held.spec) > 0) {
      // Subscriptions are numbered anew in each life.
      const sequence = spec.incarnation === held.spec.incarnation ? held.sequence : 0
      this.view.set({ ...held, spec, sequence })
      out.push({ type: 'connect', peer: spec }, { type: 'notify', event: { type: 'members' } })
    }
    if (this.lost.has(spec.name)) this.lost.set(spec.name, spec)
    return true
  }

  /** Holds a node from now, or longer than before. False when it cannot be held. */
  keep({ spec, sequence, until }: Omit<Held, 'isRenewed'>, out: ScampEffects): boolean {
    if (!this.meet(spec, out)) return false
    const { name } = spec
    const held = this.view.get(name)
    if (held !== undefined) {
      const isRenewed = held.isRenewed || sequence > held.sequence
      this.view.set({
        ...{ spec: held.spec, isRenewed },
        ...{ sequence: Math.max(sequence, held.sequence), until: Math.max(until, held.until) },
      })
      return true
    }
    const known = this.known(name)
    const newest = known === undefined || compareSpecs(spec, known) > 0 ? spec : known
    // Nobody can dial a node without addresses.
    if (this.view.isFull || (newest.addresses.length === 0 && !this.up.has(name))) return false
    this.view.set({ spec: newest, sequence, isRenewed: false, until })
    this.lost.delete(name)
    this.#lingering.delete(name)
    out.push({ type: 'connect', peer: newest }, { type: 'notify', event: { type: 'members' } })
    if (this.up.has(name)) this.tell(name, out)
    return true
  }

  /** Tells a node that it is held. */
  tell(to: NodeName, out: ScampEffects): void {
    out.push({ type: 'send', to, message: { type: 'holding', ...this.told(to) } })
  }

  /** What a node is told of the view: in a small overlay everybody knows all who are there, and in others nobody. */
  told(to: NodeName): { readonly view?: readonly NodeSpec[] } {
    if (!this.isSmall) return {}
    const told = ({ name, addresses }: NodeSpec): boolean => name !== to && addresses.length > 0 && this.up.has(name)
    return { view: this.view.specs().filter(told) }
  }

  /** Holds a node no longer. The connection stays for as long as the other end holds this node. */
  drop(name: NodeName, now: Instant, out: ScampEffects): void {
    if (this.view.delete(name) === undefined) return
    this.#downSince.delete(name)
    if (this.holders.has(name)) this.#lingering.set(name, now)
    else out.push({ type: 'disconnect', node: name, reason: 'unwanted' })
    out.push({ type: 'notify', event: { type: 'members' } })
  }

  /** Connects with a node that is not held, for a while, or for as long as it holds this one. */
  call(spec: NodeSpec, now: Instant, out: ScampEffects): void {
    if (this.view.has(spec.name) || spec.addresses.length === 0) return
    this.#lingering.set(spec.name, now)
    out.push({ type: 'connect', peer: spec })
  }

  /** That life of a node has ended. Whether that was news. */
  depart(name: NodeName, incarnation: NodeSpec['incarnation'], now: Instant, out: ScampEffects): boolean {
    if (this.lives.departures.includes({ name, incarnation })) return false
    const known = this.known(name)
    this.lives.departures.note(name, incarnation, now)
    if (known !== undefined && known.incarnation > incarnation) return true
    for (const part of [this.holders, this.lost, this.#lingering, this.#downSince]) part.delete(name)
    if (this.view.delete(name) !== undefined) out.push({ type: 'notify', event: { type: 'members' } })
    out.push({ type: 'disconnect', node: name, reason: 'left', incarnation })
    return true
  }

  connected(peer: NodeSpec, out: ScampEffects): void {
    this.meet(peer, out)
    this.up.set(peer.name, peer)
    this.view.changed()
    if (this.view.has(peer.name)) this.tell(peer.name, out)
    this.#tellMissed(peer.name, out)
  }

  disconnected(name: NodeName, now: Instant, out: ScampEffects): void {
    if (this.up.delete(name) && this.view.has(name)) this.#downSince.set(name, now)
    this.holders.delete(name)
    this.view.changed()
    // Should it hold this node still, it dials.
    if (this.#lingering.delete(name)) out.push({ type: 'disconnect', node: name, reason: 'unwanted' })
  }

  /** A node says that it holds this one. */
  held(by: NodeName, now: Instant): void {
    if (this.holders.has(by) || this.holders.size < holdersMax) this.holders.set(by, now)
  }

  /** A round has passed: who is silent holds this node no longer, and whose leases have ended is not held any more. */
  round(now: Instant, out: ScampEffects): void {
    const { heartbeatInterval, tombstoneAge } = this.#options
    this.lives.departures.sweep(now, tombstoneAge)
    for (const [name, at] of this.holders) if (now - at > silentRounds * heartbeatInterval) this.holders.delete(name)
    this.#endLeases(now, out)
    for (const [name, since] of this.#lingering) {
      if (this.holders.has(name) || now - since < answerTime(heartbeatInterval)) continue
      this.#lingering.delete(name)
      out.push({ type: 'disconnect', node: name, reason: 'unwanted' })
    }
  }

  /** Who left while a node was away could not tell it. */
  #tellMissed(to: NodeName, out: ScampEffects): void {
    const since = this.#downSince.get(to)
    this.#downSince.delete(to)
    if (since === undefined) return
    for (const { name: node, incarnation } of this.lives.departures.since(since, missedMax)) {
      if (node !== to) out.push({ type: 'send', to, message: { type: 'leaving', node, incarnation } })
    }
  }

  /** A node that is alone keeps all: most of them may come back at once. */
  #endLeases(now: Instant, out: ScampEffects): void {
    if (this.view.isolated) return
    for (const { spec } of this.view.ended(now)) {
      if (!this.up.has(spec.name)) this.#lose(spec)
      this.drop(spec.name, now, out)
    }
  }

  #lose(spec: NodeSpec): void {
    if (spec.addresses.length === 0) return
    this.lost.set(spec.name, spec)
    if (this.lost.size <= lostMax) return
    for (const oldest of this.lost.keys()) return void this.lost.delete(oldest)
  }
}

/** Who was called has so long to answer. */
function answerTime(heartbeatInterval: Millis): Millis {
  return heartbeatInterval / 4
}
