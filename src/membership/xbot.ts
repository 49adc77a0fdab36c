import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import type { Effects, HyParViewMessage } from './hyparview-messages.js'
import type { HyParViewMembershipOptions, XBotSettings } from './hyparview-options.js'
import type { Neighborhood } from './neighborhood.js'
import { RoundTrips } from './round-trips.js'

const exchangeTimer = 'exchange'
const partTimer = 'part'

/** A new link has to be shorter by this share than the one that it replaces, so that noise moves nobody. */
const gainLeast = 0.1

/** The part that this node plays in an exchange: one at a time, so that no two exchanges count on the same link. */
type Part =
  /** Wants the candidate in the place of the old neighbour. */
  | { readonly role: 'initiator'; readonly candidate: NodeName; readonly old: NodeName }
  /** Is wanted, and would give up a neighbour of its own for it. */
  | { readonly role: 'candidate'; readonly initiator: NodeSpec; readonly given: NodeName }
  /** Would be given up, and is offered the old neighbour of the initiator. */
  | { readonly role: 'given'; readonly candidate: NodeName; readonly initiator: NodeName; readonly old: NodeSpec }

type Ask<Type extends HyParViewMessage['type']> = Extract<HyParViewMessage, { readonly type: Type }>

/**
 * Brings neighbours nearer (Leitão, Marques, Pereira and Rodrigues, "X-BOT: a protocol for resilient optimization of
 * unstructured overlays", SRDS 2009). Now and then a node whose view is full measures the round trip to some others;
 * where one is nearer than a neighbour, four nodes exchange two links: initiator - old and candidate - given become
 * initiator - candidate and given - old. All keep as many neighbours as they had, and since the initiator and the
 * given each win, both links together become shorter. The longest links of a node are left alone: without them
 * those who are near each other would end by themselves. A failure on the way costs at most a neighbour, which is
 * replaced as any other.
 */
export class XBot {
  readonly #neighborhood: Neighborhood
  readonly #options: Required<HyParViewMembershipOptions>
  readonly #settings: XBotSettings
  readonly #befriend: (peer: NodeSpec, now: Instant, out: Effects) => void
  readonly #trips = new RoundTrips()
  #part: Part | undefined

  /** `befriend` makes a node a neighbour, and tells it so. */
  constructor(
    neighborhood: Neighborhood,
    options: Required<HyParViewMembershipOptions>,
    settings: XBotSettings,
    befriend: (peer: NodeSpec, now: Instant, out: Effects) => void,
  ) {
    this.#neighborhood = neighborhood
    this.#options = options
    this.#settings = settings
    this.#befriend = befriend
  }

  /** What this node is in the exchange that it takes part in. */
  get part(): Part['role'] | 'none' {
    return this.#part?.role ?? 'none'
  }

  start(out: Effects): void {
    this.#part = undefined
    this.#trips.clear()
    this.#arm(out)
  }

  /** The round trip to a neighbour was measured by its link. */
  measured(node: NodeName, millis: Millis): void {
    if (this.#neighborhood.active.has(node)) this.#trips.set(node, millis)
  }

  timer(timer: string, now: Instant, out: Effects): void {
    if (timer === partTimer) return this.#end(now, out)
    if (timer !== exchangeTimer) return
    this.#arm(out)
    this.#trips.keep(name => this.#neighborhood.active.has(name) || this.#neighborhood.attempts.has(name))
    this.#look(now, out)
  }

  /** The connection to a node is lost: no exchange goes on with it. */
  down(node: NodeName, now: Instant, out: Effects): void {
    const part = this.#part
    if (part?.role === 'initiator' && part.candidate === node) this.#end(now, out)
    if (part?.role === 'candidate' && part.given === node) this.#end(now, out)
    if (part?.role === 'given' && (part.old.name === node || part.candidate === node)) this.#end(now, out)
  }

  /** A neighbour parts. True when that is a step of an exchange: its place is for the candidate. */
  parts(from: NodeName, out: Effects): boolean {
    if (this.#part?.role !== 'initiator' || this.#part.old !== from) return false
    this.#neighborhood.active.hold(true)
    this.#neighborhood.drop(from, out)
    this.#neighborhood.spare(from)
    return true
  }

  /** A node that was measured has answered. */
  ponged(from: NodeSpec, now: Instant, out: Effects): void {
    const { attempts } = this.#neighborhood
    const { name } = from
    const attempt = attempts.get(name)
    if (attempt?.opening.type !== 'ping' || attempt.askedAt === undefined) return
    if (!this.#trips.sample(name, now - attempt.askedAt)) return attempts.ask(name, { type: 'ping' }, now, out)
    if (this.#part === undefined) this.#propose(from, now, out)
    else if (this.#part.role === 'given' && this.#part.old.name === name) this.#offer(this.#part, now, out)
    else attempts.end(name, out)
  }

  // The initiator.

  #look(now: Instant, out: Effects): void {
    const { active, attempts, passive, random, up } = this.#neighborhood
    if (this.#part !== undefined || active.vacant > 0 || this.#exchangeable() === undefined) return
    const others = passive.specs().filter(({ name }) => !active.has(name) && !attempts.has(name))
    for (const spec of sample(random, others, this.#settings.candidates)) {
      attempts.start({ spec, opening: { type: 'ping' } }, up.has(spec.name), now, out)
    }
  }

  #propose({ name }: NodeSpec, now: Instant, out: Effects): void {
    const { active, attempts } = this.#neighborhood
    const old = active.get(this.#exchangeable(name) ?? name)?.spec
    if (old === undefined || active.vacant > 0 || !this.#isNearer(name, old.name)) return void attempts.end(name, out)
    this.#play({ role: 'initiator', candidate: name, old: old.name }, out)
    attempts.ask(name, { type: 'optimize', old }, now, out, partTimeouts.initiator)
  }

  optimized(from: NodeSpec, { accepted, swapped }: Ask<'optimized'>, now: Instant, out: Effects): void {
    const part = this.#part
    if (part?.role !== 'initiator' || part.candidate !== from.name) {
      // Nobody waits for it any more.
      if (accepted) out.push({ type: 'send', to: from.name, message: { type: 'disconnect' } })
      return
    }
    const { active, attempts } = this.#neighborhood
    if (accepted) {
      // Where the old neighbour had a place of its own to fill, it is told; where it has filled it, it parted first.
      if (swapped) this.#neighborhood.drop(part.old, out)
      else this.#neighborhood.part(part.old, out)
      active.hold(false)
      this.#befriend(from, now, out)
    } else attempts.end(from.name, out)
    this.#end(now, out)
  }

  // The candidate.

  optimize(from: NodeSpec, { old }: Ask<'optimize'>, now: Instant, out: Effects): void {
    const { active } = this.#neighborhood
    if (this.#part !== undefined || active.has(from.name)) return answer(from.name, false, out)
    if (active.room(from) > 0) {
      this.#befriend(from, now, out)
      return answer(from.name, true, out)
    }
    const given = this.#exchangeable(from.name, old.name)
    if (given === undefined) return answer(from.name, false, out)
    this.#play({ role: 'candidate', initiator: from, given }, out)
    out.push({ type: 'send', to: given, message: { type: 'replace', initiator: from.name, old } })
  }

  replaced(from: NodeName, { accepted }: Ask<'replaced'>, now: Instant, out: Effects): void {
    const part = this.#part
    if (part?.role !== 'candidate' || part.given !== from) return
    const { active, up } = this.#neighborhood
    const { initiator } = part
    const goes = accepted && up.has(initiator.name) && !active.has(initiator.name)
    if (accepted) this.#neighborhood.drop(from, out)
    if (goes) this.#befriend(initiator, now, out)
    this.#part = undefined
    out.push({ type: 'send', to: initiator.name, message: { type: 'optimized', accepted: goes, swapped: goes } })
    this.#neighborhood.fill(now, out)
  }

  // Who is given up.

  replace(from: NodeSpec, { initiator, old }: Ask<'replace'>, now: Instant, out: Effects): void {
    const { active, attempts, up } = this.#neighborhood
    const { name } = old
    const isFree = !active.has(name) && !attempts.has(name) && this.#neighborhood.meet(old, out)
    const may = this.#part === undefined && isFree && this.#mayGo(from.name) && this.#trips.has(from.name)
    if (may) attempts.start({ spec: old, opening: { type: 'ping' } }, up.has(name), now, out)
    if (!may || !attempts.has(name)) {
      return void out.push({ type: 'send', to: from.name, message: { type: 'replaced', accepted: false } })
    }
    this.#play({ role: 'given', candidate: from.name, initiator, old }, out)
  }

  /** The old neighbour of the initiator was measured. */
  #offer({ candidate, initiator, old }: Part & { readonly role: 'given' }, now: Instant, out: Effects): void {
    if (!this.#isNearer(old.name, candidate)) return this.#end(now, out)
    this.#neighborhood.attempts.ask(old.name, { type: 'switch', initiator }, now, out)
  }

  switched(from: NodeSpec, { accepted }: Ask<'switched'>, now: Instant, out: Effects): void {
    const part = this.#part
    if (part?.role !== 'given' || part.old.name !== from.name) {
      if (accepted) out.push({ type: 'send', to: from.name, message: { type: 'disconnect' } })
      return
    }
    if (!accepted || !this.#mayGo(part.candidate)) return this.#end(now, out)
    this.#part = undefined
    out.push({ type: 'send', to: part.candidate, message: { type: 'replaced', accepted: true } })
    this.#neighborhood.part(part.candidate, out)
    this.#befriend(from, now, out)
  }

  // The old neighbour.

  switch(from: NodeSpec, { initiator }: Ask<'switch'>, now: Instant, out: Effects): void {
    const { active } = this.#neighborhood
    const accepted = this.#part === undefined && !active.has(from.name) && this.#mayGo(initiator)
    out.push({ type: 'send', to: from.name, message: { type: 'switched', accepted } })
    if (!accepted) return
    this.#neighborhood.part(initiator, out)
    this.#befriend(from, now, out)
  }

  // All of them.

  #play(part: Part, out: Effects): void {
    this.#part = part
    const after = this.#options.answerTimeout * partTimeouts[part.role]
    out.push({ type: 'arm', timer: partTimer, after })
  }

  /** The exchange is over, as far as this node goes: who waits for it is told, and no place is kept. */
  #end(now: Instant, out: Effects): void {
    const part = this.#part
    if (part === undefined) return
    this.#part = undefined
    const { active, attempts } = this.#neighborhood
    switch (part.role) {
      case 'initiator':
        active.hold(false)
        attempts.end(part.candidate, out)
        this.#neighborhood.spare(part.candidate)
        break
      case 'candidate':
        answer(part.initiator.name, false, out)
        break
      case 'given':
        attempts.end(part.old.name, out)
        out.push({ type: 'send', to: part.candidate, message: { type: 'replaced', accepted: false } })
    }
    this.#neighborhood.fill(now, out)
  }

  /** The neighbour with the longest link of those that may be exchanged. */
  #exchangeable(...without: readonly NodeName[]): NodeName | undefined {
    const { active } = this.#neighborhood
    const measured = active.connected().filter(name => this.#trips.has(name))
    measured.sort((one, other) => this.#trips.of(other) - this.#trips.of(one))
    return measured.slice(this.#settings.unbiased).find(name => !without.includes(name) && this.#mayGo(name))
  }

  #mayGo(name: NodeName): boolean {
    const { active } = this.#neighborhood
    return active.get(name)?.up === true && !active.isKept(name)
  }

  #isNearer(one: NodeName, other: NodeName): boolean {
    return this.#trips.of(one) < (1 - gainLeast) * this.#trips.of(other)
  }

  #arm(out: Effects): void {
    const after = this.#settings.interval * (0.5 + this.#neighborhood.random.next())
    out.push({ type: 'arm', timer: exchangeTimer, after })
  }
}

/** How long each waits for the others, in answer timeouts: who is asked first waits longest. */
const partTimeouts = { initiator: 4, candidate: 3, given: 2 } as const

function answer(initiator: NodeName, accepted: boolean, out: Effects): void {
  out.push({ type: 'send', to: initiator, message: { type: 'optimized', accepted, swapped: false } })
}
