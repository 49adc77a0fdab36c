import { compareSpecs, type NodeName, type NodeSpec } from '../core/node.js'
import { type Random, sample } from '../core/random.js'
import type { Instant } from '../core/time.js'
import { ActiveView, tagOf } from './active-view.js'
import { AddressBook } from './address-book.js'
import { Attempts, isForReserved } from './attempts.js'
import type { Effects, HyParViewMessage } from './hyparview-messages.js'
import type { HyParViewMembershipOptions } from './hyparview-options.js'
import { Lives } from './lives.js'
import { PassiveView } from './passive-view.js'

const timerPrefix = 'down '
/** After so many refusals in a round no further node is asked to become a neighbour until the next. */
const refusalsMax = 3

/**
 * Who is whose neighbour: both views of a node, whom it dials, and whom it remembers. Everything that comes into the
 * active view or leaves it does so here, so a connection is wanted exactly as long as its peer is a neighbour or is
 * being asked.
 */
export class Neighborhood {
  readonly active: ActiveView
  readonly passive: PassiveView
  readonly book: AddressBook
  readonly attempts: Attempts
  readonly lives: Lives = new Lives(name => this.known(name))
  /** Everybody who is connected. */
  readonly up: Set<NodeName> = new Set()
  readonly #options: Required<HyParViewMembershipOptions>
  readonly #downSince = new Map<NodeName, Instant>()
  /** Who would not become a neighbour in this round. */
  readonly #refusals = new Set<NodeName>()
  /** Who would not hold a reserved slot in this round. */
  readonly #reservedRefusals = new Set<NodeName>()

  constructor(options: Required<HyParViewMembershipOptions>) {
    const { random, activeViewSize, passiveViewSize, bookSize, answerTimeout } = options
    this.#options = options
    this.active = new ActiveView(activeViewSize)
    this.passive = new PassiveView(passiveViewSize, random)
    this.book = new AddressBook(bookSize, random)
    this.attempts = new Attempts(answerTimeout)
  }

  get self(): NodeSpec {
    return this.lives.self
  }

  get random(): Random {
    return this.#options.random
  }

  start(self: NodeSpec): void {
    this.lives.start(self)
    for (const part of [this.active, this.passive, this.book, this.attempts]) part.clear()
    for (const part of [this.up, this.#downSince, this.#refusals, this.#reservedRefusals]) part.clear()
  }

  /** The newest that is known of a node. */
  known(name: NodeName): NodeSpec | undefined {
    return this.active.get(name)?.spec ?? this.passive.get(name) ?? this.book.get(name) ?? this.attempts.get(name)?.spec
  }

  /** Takes a newer spec of a node wherever it is known, and notes it. False when the spec is old, or of this node. */
  meet(spec: NodeSpec, out: Effects): boolean {
    if (!this.lives.hear(spec, out)) return false
    const known = this.known(spec.name)
    if (known !== undefined && compareSpecs(spec, known) > 0) {
      const neighbor = this.active.get(spec.name)
      if (neighbor !== undefined) {
        this.active.set(spec, neighbor.up)
        out.push({ type: 'connect', peer: spec }, { type: 'notify', event: { type: 'members' } })
      }
      if (this.passive.has(spec.name)) this.passive.add(spec)
      this.attempts.renew(spec, out)
    }
    const newest = known === undefined || compareSpecs(spec, known) > 0 ? spec : known
    if (this.active.wants(newest)) this.book.pin(newest)
    else this.book.note(newest)
    return true
  }

  /** Notes a node as a replacement for a neighbour. `told`: who makes room for it first. */
  remember(spec: NodeSpec, out: Effects, told: readonly NodeName[] = []): void {
    if (!this.meet(spec, out) || spec.addresses.length === 0 || this.active.has(spec.name)) return
    if (!this.passive.has(spec.name)) this.passive.add(spec, told)
  }

  /** Makes a node a neighbour; where there is no room for it, by chance another is none any more. */
  add(spec: NodeSpec, now: Instant, out: Effects): void {
    const { active, attempts } = this
    const { name } = spec
    if (!this.meet(spec, out) || active.has(name)) return
    if (active.room(spec) <= 0) {
      const victim = active.pickVictim(this.random)
      if (victim !== undefined) this.part(victim, out)
    }
    const wasIsolated = active.isolated
    const isUp = this.up.has(name)
    this.passive.delete(name)
    attempts.adopt(name)
    active.set(spec, isUp)
    out.push({ type: 'connect', peer: spec }, { type: 'notify', event: { type: 'members' } })
    if (!isUp) this.#awaitReturn(name, now, out)
    else if (wasIsolated) this.#companyFound(now, out)
  }

  /** Ends a neighbourhood: the other is told, and its connection, and no other, is closed. */
  part(name: NodeName, out: Effects): void {
    if (this.up.has(name)) out.push({ type: 'send', to: name, message: { type: 'disconnect' } })
    this.drop(name, out)
  }

  /** Takes a node out of the active view. It may become a neighbour again. */
  drop(name: NodeName, out: Effects): void {
    const neighbor = this.active.delete(name)
    if (neighbor === undefined) return
    this.#downSince.delete(name)
    this.remember(neighbor.spec, out)
    out.push({ type: 'disconnect', node: name, reason: 'unwanted' }, { type: 'notify', event: { type: 'members' } })
  }

  /** That life of a node has ended. Whether that was news. */
  depart(name: NodeName, incarnation: NodeSpec['incarnation'], now: Instant, out: Effects): boolean {
    if (this.lives.departures.includes({ name, incarnation })) return false
    const known = this.known(name)
    this.lives.departures.note(name, incarnation, now)
    if (known !== undefined && known.incarnation > incarnation) return true
    this.passive.delete(name)
    this.book.delete(name)
    this.attempts.adopt(name)
    this.#downSince.delete(name)
    if (this.active.delete(name) !== undefined) out.push({ type: 'notify', event: { type: 'members' } })
    out.push({ type: 'disconnect', node: name, reason: 'left', incarnation })
    return true
  }

  connected(peer: NodeSpec, now: Instant, out: Effects): void {
    const { name } = peer
    this.up.add(name)
    this.meet(peer, out)
    this.book.answered(name)
    const wasIsolated = this.active.isolated
    const neighbor = this.active.get(name)
    this.#downSince.delete(name)
    if (neighbor !== undefined) this.active.set(neighbor.spec, true)
    if (neighbor !== undefined && wasIsolated) this.#companyFound(now, out)
    this.attempts.up(peer, now, out)
  }

  disconnected(name: NodeName, now: Instant, out: Effects): void {
    this.up.delete(name)
    const neighbor = this.active.get(name)
    if (neighbor?.up === true) {
      this.active.set(neighbor.spec, false)
      this.#awaitReturn(name, now, out)
      // Nobody is left: there is no time to lose.
      if (this.active.isolated) this.fill(now, out)
      return
    }
    // It was connected, so it lives: it stays in the passive view.
    if (this.attempts.get(name)?.askedAt !== undefined) this.refused(name, now, out)
  }

  /** A node that was asked did not become a neighbour, or did not answer. */
  refused(name: NodeName, now: Instant, out: Effects): void {
    const attempt = this.attempts.end(name, out)
    if (attempt?.opening.type !== 'neighbor') return
    const refusals = isForReserved(attempt.opening) ? this.#reservedRefusals : this.#refusals
    refusals.add(name)
    this.fill(now, out)
  }

  /** A neighbour has chosen others, or a node that counted on it was none: in this round it is not asked again. */
  dismissed(name: NodeName, now: Instant, out: Effects): void {
    this.drop(name, out)
    this.attempts.end(name, out)
    this.#refusals.add(name)
    this.fill(now, out)
  }

  /** In this round that node is not asked to become a neighbour. */
  spare(name: NodeName): void {
    this.#refusals.add(name)
  }

  /** A timer fired that may be one of this part. */
  timer(timer: string, now: Instant, out: Effects): void {
    const late = this.attempts.expired(timer, now)
    if (late !== undefined) return this.#unanswered(late, now, out)
    if (!timer.startsWith(timerPrefix)) return
    const name = timer.slice(timerPrefix.length) as NodeName
    const since = this.#downSince.get(name)
    if (since === undefined || now - since < this.#options.replaceAfter || this.active.isolated) return
    this.drop(name, out)
    this.fill(now, out)
  }

  /** A round has passed: whoever refused may be asked again. */
  round(now: Instant, out: Effects): void {
    this.#refusals.clear()
    this.#reservedRefusals.clear()
    this.lives.departures.sweep(now, this.#options.tombstoneAge)
    this.fill(now, out)
  }

  /**
   * Asks nodes of the passive view to become neighbours while there is room: as if a neighbour had failed (HyParView,
   * 4.3). Where that view is exhausted, nodes of the address book.
   */
  fill(now: Instant, out: Effects): void {
    const { active, attempts } = this
    const alone = active.isolated
    if (active.tags.length > 0 && !alone) this.#fillReserved(now, out)
    // Who is alone cannot be choosy: most of what it knows may be dead.
    const places = alone ? 2 * this.#options.activeViewSize : active.room()
    const wanted = places - attempts.requests
    if (wanted <= 0 || (!alone && this.#refusals.size >= refusalsMax)) return
    const opening: HyParViewMessage = { type: 'neighbor', priority: alone ? 'high' : 'low' }
    for (const spec of this.#candidates(now).slice(0, wanted)) {
      attempts.start({ spec, opening }, this.up.has(spec.name), now, out)
    }
  }

  /**
   * Asks a node with each reserved tag that no neighbour has, one at a time. It need not have room: it keeps this node
   * as this one keeps it, unless it is kept by too many.
   */
  #fillReserved(now: Instant, out: Effects): void {
    const { active, attempts, book, passive, random } = this
    const asked = new Set(attempts.reserved.map(tagOf))
    const open = active.openTags.filter(tag => !asked.has(tag))
    if (open.length === 0) return
    const known = new Map([...passive.specs(), ...book.ready(now)].map(spec => [spec.name, spec]))
    for (const tag of open) {
      const able = [...known.values()].filter(spec => tagOf(spec) === tag && this.#isCandidate(spec))
      const [spec] = sample(random, able, 1)
      const opening: HyParViewMessage = { type: 'neighbor', priority: 'reserved' }
      if (spec) attempts.start({ spec, opening, makesRoom: true }, this.up.has(spec.name), now, out)
    }
  }

  #candidates(now: Instant): NodeSpec[] {
    const usable = (spec: NodeSpec): boolean => this.#isCandidate(spec)
    const passive = sample(this.random, this.passive.specs().filter(usable), this.passive.size)
    const ready = passive.length >= 2 * this.#options.activeViewSize ? [] : this.book.ready(now).filter(usable)
    const others = ready.filter(({ name }) => !this.passive.has(name))
    return [...passive, ...sample(this.random, others, 2 * this.#options.activeViewSize)]
  }

  #isCandidate({ name }: NodeSpec): boolean {
    if (this.active.has(name) || this.attempts.has(name)) return false
    return !this.#refusals.has(name) && !this.#reservedRefusals.has(name)
  }

  #unanswered(name: NodeName, now: Instant, out: Effects): void {
    if (this.attempts.get(name)?.askedAt === undefined) {
      // A node that cannot be reached is of no use in the passive view (HyParView, 4.3).
      this.passive.delete(name)
      this.book.failed(name, now)
      this.attempts.end(name, out)
      return this.fill(now, out)
    }
    this.refused(name, now, out)
  }

  #awaitReturn(name: NodeName, now: Instant, out: Effects): void {
    this.#downSince.set(name, now)
    out.push({ type: 'arm', timer: `${timerPrefix}${name}`, after: this.#options.replaceAfter })
  }

  /**
   * Somebody is connected again. The others, kept while there was nobody else, now have as long as any to come back.
   */
  #companyFound(now: Instant, out: Effects): void {
    for (const name of this.active.down()) this.#awaitReturn(name, now, out)
  }
}
