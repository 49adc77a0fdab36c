import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import { OverlaySize } from './overlay-size.js'
import { hopsMax, type ScampMessage } from './scamp-messages.js'
import type { ScampMembershipOptions } from './scamp-options.js'
import type { ScampEffects, ScampPeers } from './scamp-peers.js'
import { viewMax } from './scamp-view.js'

type Copy = Extract<ScampMessage, { readonly type: 'subscription' }>
type Indirection = Extract<ScampMessage, { readonly type: 'indirection' }>

/** A new subscription takes so many steps to its contact: by then all nodes are about as likely to be it. */
const indirectionHops = 4
/** A subscription is renewed when this share of its lease is over, on average. */
const renewedAfter = 0.975
const renewalJitter = 0.05
/** A step to a node that has the copy already counts as so many: after eight of them everybody seems to have it. */
const repeatedCost = hopsMax / 8
/** So many nodes are told at once that this one is their contact; further ones do without. */
const offersMax = 32
/** So many tags are kept a place for. */
export const tagsMax = 16

/**
 * Subscriptions, of this node and of others (SCAMP, 3.1 and 3.3): copies of each walk through the overlay, and where
 * one ends the subscriber is held. A renewal makes as many copies as nodes have to hold it, (c + 1) ln n, by what this
 * node believes of n: so the views come to that size however the overlay came about, and come back to it.
 */
export class Subscriptions {
  readonly size: OverlaySize = new OverlaySize()
  readonly #peers: ScampPeers
  readonly #options: Required<ScampMembershipOptions>
  readonly #tags = new Set<string>()
  /** Who is to be told that this node is its contact, once it is connected. */
  readonly #offers = new Map<NodeName, number>()
  #sequence = 0
  #madeAt: Instant = 0
  #renewAt: Instant = 0
  #isAnswered = false
  /** Through whom the first subscription went: a contact takes its place. */
  #door: NodeName | undefined

  constructor(peers: ScampPeers, options: Required<ScampMembershipOptions>) {
    this.#peers = peers
    this.#options = options
  }

  start(now: Instant): void {
    this.size.clear()
    this.#offers.clear()
    this.#sequence = 0
    this.#madeAt = now
    this.#renewAt = now + this.#options.lease
    this.#isAnswered = false
    this.#door = undefined
  }

  get tags(): readonly string[] {
    return [...this.#tags]
  }

  /** A place is kept for a node with that tag: it is held as soon as a copy of its subscription passes. */
  reserve(tag: string): void {
    if (this.#tags.size < tagsMax) this.#tags.add(tag)
  }

  /** The user, or a seed, wants this node to join a peer. Who has just subscribed elsewhere need not do so again. */
  join(peer: NodeSpec, now: Instant, out: ScampEffects): void {
    const { heartbeatInterval } = this.#options
    const isRecent = this.#sequence > 0 && this.#isAnswered && now - this.#madeAt < heartbeatInterval
    if (!isRecent || this.#peers.isSmall) return this.subscribe(peer, now, out)
    this.hold(peer, 0, now, out)
    out.push({ type: 'send', to: peer.name, message: { type: 'join' } })
  }

  /** Subscribes through a node, which is held from now. */
  subscribe(through: NodeSpec, now: Instant, out: ScampEffects): void {
    this.hold(through, 0, now, out)
    this.#send(through.name, now, out)
  }

  /** Renews the subscription when it is time, through one of those that are held. */
  renew(now: Instant, out: ScampEffects): void {
    if (now < this.#renewAt) return
    this.size.age()
    this.again(now, out)
  }

  /** Subscribes again, through one of those that are held. The view stays as it is. */
  again(now: Instant, out: ScampEffects): void {
    const [through] = sample(this.#peers.random, this.#peers.view.connected(), 1)
    if (through !== undefined) this.#send(through, now, out)
  }

  /** A peer has taken the subscription. */
  answered(): void {
    this.#isAnswered = true
  }

  /** A subscription led to that node: it takes the place of the one that the subscription went through first. */
  contacted(from: NodeSpec, sequence: number, now: Instant, out: ScampEffects): void {
    if (sequence !== this.#sequence || !this.hold(from, 0, now, out)) return
    const door = this.#door
    this.#door = undefined
    const held = door === undefined ? undefined : this.#peers.view.get(door)
    if (held === undefined || door === from.name || held.sequence > 0 || this.#peers.isSmall) return
    this.#peers.drop(held.spec.name, now, out)
  }

  /** A node is held for a lease, if it can be. */
  hold(spec: NodeSpec, sequence: number, now: Instant, out: ScampEffects): boolean {
    return this.#peers.keep({ spec, sequence, until: now + this.#heldFor }, out)
  }

  /** A little longer than until the next renewal. */
  get #heldFor(): Millis {
    return this.#options.lease + 2 * this.#options.heartbeatInterval
  }

  /** A peer subscribes through this node. A new one is led away from here first, or seeds would be held by all. */
  asked(from: NodeSpec, sequence: number, now: Instant, out: ScampEffects): void {
    const { isSmall } = this.#peers
    // Others could not dial it.
    const isUnreachable = from.addresses.length === 0
    if (isSmall || isUnreachable) this.hold(from, sequence, now, out)
    if (isUnreachable) return
    if (isSmall || sequence > 1) return this.#copy(from, sequence, now, out)
    this.#indirect({ type: 'indirection', subscriber: from, sequence, timeToLive: indirectionHops }, now, out)
  }

  /** A new subscription passes on its way to its contact, which may be this node. */
  indirect(indirection: Indirection, now: Instant, out: ScampEffects): void {
    if (this.#peers.meet(indirection.subscriber, out)) this.#indirect(indirection, now, out)
  }

  /** A copy of a subscription comes by: it is kept here or goes on. */
  pass(copy: Copy, now: Instant, out: ScampEffects): void {
    const { subscriber, sequence, timeToLive } = copy
    const { view, self, random } = this.#peers
    const isOwn = subscriber.name === self.name
    if (!this.#peers.meet(subscriber, out) && !isOwn) return
    const held = view.get(subscriber.name)
    const isRepeated = held !== undefined && held.sequence >= sequence
    if (sequence > 1 && !isOwn) this.size.saw(view.size, held !== undefined && (!isRepeated || held.isRenewed))
    const isWanted = held !== undefined || timeToLive === 0 || random.next() * (1 + view.size) < 1
    if (!isOwn && !isRepeated && (isWanted || this.#isPlaceKept(subscriber) || this.#peers.isSmall)) {
      if (this.hold(subscriber, sequence, now, out)) return
    }
    const left = timeToLive - (isRepeated ? repeatedCost : 1)
    if (left < 0) return
    const next = this.#next(subscriber.name)
    if (next !== undefined) return void out.push({ type: 'send', to: next, message: { ...copy, timeToLive: left } })
    if (!isOwn && !isRepeated) this.hold(subscriber, sequence, now, out)
  }

  /** A peer is connected: it may be one that has to be told who its contact is. */
  connected({ name }: NodeSpec, out: ScampEffects): void {
    const sequence = this.#offers.get(name)
    if (sequence === undefined) return
    this.#offers.delete(name)
    out.push({ type: 'send', to: name, message: { type: 'contact', sequence } })
  }

  #send(to: NodeName, now: Instant, out: ScampEffects): void {
    const { lease } = this.#options
    this.#sequence++
    this.#madeAt = now
    this.#renewAt = now + lease * (renewedAfter + renewalJitter * (this.#peers.random.next() - 0.5))
    this.#isAnswered = false
    if (this.#sequence === 1) this.#door = to
    out.push({ type: 'send', to, message: { type: 'subscribe', sequence: this.#sequence } })
  }

  #indirect(indirection: Indirection, now: Instant, out: ScampEffects): void {
    const { subscriber, sequence } = indirection
    const timeToLive = Math.min(indirection.timeToLive, indirectionHops) - 1
    const next = timeToLive < 0 ? undefined : this.#next(subscriber.name)
    if (next !== undefined) {
      return void out.push({ type: 'send', to: next, message: { ...indirection, timeToLive } })
    }
    this.#offer(subscriber, sequence, now, out)
    this.#copy(subscriber, sequence, now, out)
  }

  #offer(subscriber: NodeSpec, sequence: number, now: Instant, out: ScampEffects): void {
    const { name } = subscriber
    if (this.#peers.up.has(name)) {
      return void out.push({ type: 'send', to: name, message: { type: 'contact', sequence } })
    }
    const [oldest] = this.#offers.keys()
    if (oldest !== undefined && this.#offers.size >= offersMax) this.#offers.delete(oldest)
    this.#offers.set(name, sequence)
    this.#peers.call(subscriber, now, out)
  }

  /** Sends copies of a subscription on their way: one to each node that is held, and further ones to some of them. */
  #copy(subscriber: NodeSpec, sequence: number, now: Instant, out: ScampEffects): void {
    const { view, random } = this.#peers
    // Who holds it already goes on holding it.
    if (view.has(subscriber.name)) this.hold(subscriber, sequence, now, out)
    const all = view.connected().filter(name => name !== subscriber.name)
    if (all.length === 0) return void this.hold(subscriber, sequence, now, out)
    const message: Copy = { type: 'subscription', subscriber, sequence, timeToLive: hopsMax }
    let count = this.#copiesOf(sequence, all.length)
    for (; count > 0; count -= all.length) {
      for (const to of sample(random, all, count)) out.push({ type: 'send', to, message })
    }
  }

  #copiesOf(sequence: number, connected: number): number {
    const { copies } = this.#options
    if (this.#peers.isSmall) return connected
    if (sequence === 1) return connected + copies
    const { estimate } = this.size
    const wanted = estimate === undefined ? connected : (copies + 1) * Math.log(Math.max(1, estimate))
    // Those of the last renewal hold on for a while.
    const fresh = Math.round((wanted * this.#options.lease * renewedAfter) / this.#heldFor)
    return Math.min(viewMax, Math.max(copies + 1, fresh))
  }

  #next(subscriber: NodeName): NodeName | undefined {
    const { view, random } = this.#peers
    const all = view.connected()
    const index = Math.floor(random.next() * all.length)
    const next = all[index]
    // Whoever follows the subscriber stands for it: no list has to be made for each step.
    return next !== subscriber ? next : all.length > 1 ? all[(index + 1) % all.length] : undefined
  }

  #isPlaceKept({ attributes }: NodeSpec): boolean {
    const tag = attributes?.tag
    if (typeof tag !== 'string' || !this.#tags.has(tag)) return false
    return !this.#peers.view.specs().some(spec => spec.attributes?.tag === tag)
  }
}
