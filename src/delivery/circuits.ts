import { unreachable } from '../core/invariant.js'
import type { Machine } from '../core/machine.js'
import type { NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import type { CircuitMessage, CircuitRef, NoWay } from './circuit-messages.js'

export type CircuitInput =
  /** This node wants a circuit. `circuit` was never used before. */
  | { readonly type: 'dial'; readonly circuit: CircuitRef; readonly destination: NodeName }
  /** This node, one of its ends, gives it up. */
  | { readonly type: 'close'; readonly circuit: CircuitRef; readonly reason: string }
  /** A neighbour's message. */
  | { readonly type: 'message'; readonly from: NodeName; readonly message: CircuitMessage }
  /** Something of the circuit between this node and a neighbour may have been lost. */
  | { readonly type: 'lost'; readonly circuit: CircuitRef; readonly peer: NodeName }
  /** Bytes came from a neighbour for which {@link Circuits.next} knows no way on. */
  | { readonly type: 'stray'; readonly circuit: CircuitRef; readonly from: NodeName }
  /** There is no way to that neighbour any more. */
  | { readonly type: 'down'; readonly peer: NodeName }
  /** The one timer is due. */
  | { readonly type: 'timer' }

export type CircuitEffect =
  | { readonly type: 'send'; readonly to: NodeName; readonly message: CircuitMessage }
  /** A circuit that this node dialled is open. */
  | { readonly type: 'opened'; readonly circuit: CircuitRef }
  /** There is no way to where this node dialled; `lost`: as far as those know who have answered. */
  | { readonly type: 'failed'; readonly circuit: CircuitRef; readonly why: NoWay }
  /** Another node's circuit ends here. */
  | { readonly type: 'accept'; readonly circuit: CircuitRef; readonly origin: NodeName }
  /** A circuit whose one end this is was closed, not by this node. */
  | { readonly type: 'closed'; readonly circuit: CircuitRef; readonly reason: string }
  /** Nothing of it is kept any more. What waits here for `lost` is of no use; what waits for others may be sent. */
  | { readonly type: 'forgotten'; readonly circuit: CircuitRef; readonly lost: NodeName | undefined }
  /** Wake the machine after a while. */
  | { readonly type: 'arm'; readonly after: Millis }
  | { readonly type: 'count'; readonly what: 'passed-on' | 'refused' | 'broken' }

export interface CircuitOptions {
  readonly self: NodeName
  /** Neighbours to ask for a way to a node: itself alone where it is one. */
  readonly ways: (to: NodeName) => readonly NodeName[]
  /** Whether circuits of that neighbour, origin and destination are taken at all. */
  readonly admits: (from: NodeName, origin: NodeName, destination: NodeName) => boolean
  /** How many connections a circuit may lead over. */
  readonly hops: number
  /** Circuits of others that this node takes part in at a time. */
  readonly carried: number
}

/** A way is looked for so long. */
const searchMillis: Millis = 10_000
/** How often searches and memories are looked through. */
const sweepMillis: Millis = 500
/** How long a circuit that was seen is remembered, so that it is passed on once: copies of it come sooner than that. */
const seenMillis: Millis = 20_000
/** Circuits that are remembered so; the oldest are forgotten. */
const seenMax = 8_192
/** So many circuits that are not known here are closed in {@link seenMillis}; bytes of others are just dropped. */
const straysMax = 1_024

interface Circuit {
  /** Towards its origin; undefined: that is this node. */
  readonly up: NodeName | undefined
  /** Who was asked for a way and has not answered; undefined once it is open. */
  asked: Set<NodeName> | undefined
  /** Towards its destination; undefined before it is open, and where that is this node. */
  down: NodeName | undefined
  /** The best reason that somebody gave for knowing no way. */
  why: NoWay
  readonly expires: Instant
}

/**
 * Finds ways through the overlay and keeps them: this node's part of every circuit that begins, ends or passes here.
 *
 * A search floods: each node passes it on once, and only to the destination where that is a neighbour. The first
 * copy that arrives wins; its answer opens the circuit on the way back. Who knows no way says so as soon as all whom
 * it asked have said so: the wave that returns of the echo algorithm (Chang, 1982). Circuits are never mended: what
 * breaks anywhere closes them at both ends, because not a byte may be skipped. Whoever still needs one dials anew.
 */
export class Circuits implements Machine<CircuitInput, CircuitEffect> {
  readonly #options: CircuitOptions
  readonly #circuits = new Map<CircuitRef, Circuit>()
  /** When each was first seen, oldest first. */
  readonly #seen = new Map<CircuitRef, Instant>()
  /** When bytes of circuits that are not known here were answered, by circuit and neighbour, oldest first. */
  readonly #strays = new Map<string, Instant>()
  #carried = 0
  #armed = false

  constructor(options: CircuitOptions) {
    this.#options = options
  }

  /** Circuits that begin, end or pass here, or are looked for. */
  get size(): number {
    return this.#circuits.size
  }

  /** Whether this node takes part in it. */
  has(circuit: CircuitRef): boolean {
    return this.#circuits.has(circuit)
  }

  /** Circuits that are remembered, so that they are passed on once. */
  get remembered(): number {
    return this.#seen.size
  }

  /**
   * Where bytes go on to that came from `from`, or, undefined, from this node: to a neighbour, or `here`. Undefined
   * where there is no such circuit.
   */
  next(circuit: CircuitRef, from: NodeName | undefined): NodeName | 'here' | undefined {
    const known = this.#circuits.get(circuit)
    if (known === undefined || known.asked !== undefined) return undefined
    if (from === known.up) return from === undefined ? known.down : (known.down ?? 'here')
    return from === known.down ? (known.up ?? 'here') : undefined
  }

  step(input: CircuitInput, now: Instant, out: CircuitEffect[]): void {
    switch (input.type) {
      case 'dial':
        return this.#dial(input.circuit, input.destination, now, out)
      case 'close':
        return this.#close(input.circuit, undefined, input.reason, out)
      case 'message':
        return this.#message(input.from, input.message, now, out)
      case 'lost':
        return this.#lost(input.circuit, input.peer, out)
      case 'stray':
        return this.#stray(input.circuit, input.from, now, out)
      case 'down':
        for (const circuit of [...this.#circuits.keys()]) this.#lost(circuit, input.peer, out)
        return
      case 'timer':
        this.#armed = false
        return this.#expire(now, out)
      default:
        return unreachable(input)
    }
  }

  #dial(circuit: CircuitRef, destination: NodeName, now: Instant, out: CircuitEffect[]): void {
    const { self, hops } = this.#options
    this.#remember(circuit, now, out)
    const asked = this.#ask(circuit, { origin: self, destination, hops: hops - 1 }, undefined, out)
    if (asked.size === 0) {
      out.push({ type: 'forgotten', circuit, lost: undefined })
      return void out.push({ type: 'failed', circuit, why: 'unknown' })
    }
    this.#add(circuit, { up: undefined, asked, down: undefined, why: 'unknown', expires: now + searchMillis })
  }

  #message(from: NodeName, message: CircuitMessage, now: Instant, out: CircuitEffect[]): void {
    const { circuit } = message
    const known = this.#circuits.get(circuit)
    switch (message.type) {
      case 'open':
        return this.#open(from, message, now, out)
      case 'opened':
        if (known?.asked?.has(from) === true) return this.#opened(circuit, known, from, out)
        // It was given up, or another way was faster.
        if (known?.down === from) return
        return void out.push({ type: 'send', to: from, message: closing(circuit, 'nobody waits for it any more') })
      case 'refused':
        if (known !== undefined) this.#refused(circuit, known, from, message.why, out)
        return
      case 'close':
        if (known === undefined) return
        if (known.asked?.has(from) === true) return this.#refused(circuit, known, from, 'lost', out)
        if (from === known.up || from === known.down) this.#close(circuit, from, message.reason, out)
        return
      default:
        return unreachable(message)
    }
  }

  #open(from: NodeName, open: CircuitMessage & { type: 'open' }, now: Instant, out: CircuitEffect[]): void {
    const { self, admits, carried } = this.#options
    const { circuit, origin, destination, hops } = open
    const refuse = (why: NoWay): void => {
      out.push({ type: 'send', to: from, message: { type: 'refused', circuit, why } })
    }
    // Whoever came first has asked all that there are to ask. A copy may come when that is no longer remembered.
    if (this.#circuits.has(circuit) || this.#seen.has(circuit)) return refuse('unknown')
    if (!admits(from, origin, destination)) return refuse('unknown')
    if (this.#carried >= carried) {
      out.push({ type: 'count', what: 'refused' })
      return refuse('busy')
    }
    this.#remember(circuit, now, out)
    const base = { up: from, down: undefined, why: 'unknown', expires: now + searchMillis } as const
    if (destination === self) {
      this.#add(circuit, { ...base, asked: undefined })
      out.push({ type: 'accept', circuit, origin })
      return void out.push({ type: 'send', to: from, message: { type: 'opened', circuit } })
    }
    if (hops === 0) return refuse('hops')
    const asked = this.#ask(circuit, { origin, destination, hops: hops - 1 }, from, out)
    if (asked.size === 0) return refuse('unknown')
    out.push({ type: 'count', what: 'passed-on' })
    this.#add(circuit, { ...base, asked })
  }

  /** Asks everybody but whom the question came from, and whom it is about the origin of. */
  #ask(
    circuit: CircuitRef,
    question: { readonly origin: NodeName; readonly destination: NodeName; readonly hops: number },
    from: NodeName | undefined,
    out: CircuitEffect[],
  ): Set<NodeName> {
    const asked = new Set<NodeName>()
    for (const to of this.#options.ways(question.destination)) {
      if (to === from || to === question.origin) continue
      asked.add(to)
      out.push({ type: 'send', to, message: { type: 'open', circuit, ...question } })
    }
    return asked
  }

  #opened(circuit: CircuitRef, known: Circuit, from: NodeName, out: CircuitEffect[]): void {
    for (const peer of known.asked ?? []) {
      if (peer !== from) out.push({ type: 'send', to: peer, message: closing(circuit, 'another way was faster') })
    }
    known.asked = undefined
    known.down = from
    if (known.up === undefined) out.push({ type: 'opened', circuit })
    else out.push({ type: 'send', to: known.up, message: { type: 'opened', circuit } })
  }

  /** One of those that were asked knows no way. When none does, this node knows none either. */
  #refused(circuit: CircuitRef, known: Circuit, from: NodeName, why: NoWay, out: CircuitEffect[]): void {
    if (known.asked?.delete(from) !== true) return
    if (rank[why] > rank[known.why]) known.why = why
    if (known.asked.size > 0) return
    this.#forget(circuit, known, undefined, out)
    this.#tellNoWay(circuit, known, out)
  }

  #tellNoWay(circuit: CircuitRef, { up, why }: Circuit, out: CircuitEffect[]): void {
    if (up === undefined) out.push({ type: 'failed', circuit, why })
    else out.push({ type: 'send', to: up, message: { type: 'refused', circuit, why } })
  }

  #lost(circuit: CircuitRef, peer: NodeName, out: CircuitEffect[]): void {
    const known = this.#circuits.get(circuit)
    if (known === undefined) return
    if (known.asked?.has(peer) === true) {
      // It may look on all the same, and find a way that nobody needs.
      out.push({ type: 'send', to: peer, message: closing(circuit, 'the answer was lost') })
      return this.#refused(circuit, known, peer, 'lost', out)
    }
    if (peer !== known.up && peer !== known.down) return
    out.push({ type: 'count', what: 'broken' })
    this.#close(circuit, peer, 'a connection that it led over was lost', out, peer)
  }

  /** Whoever believes in a circuit that does not lead there is told, once in a while: nothing of it arrives. */
  #stray(circuit: CircuitRef, from: NodeName, now: Instant, out: CircuitEffect[]): void {
    const key = `${from}\n${circuit}`
    if (this.#strays.has(key) || this.#strays.size >= straysMax) return
    this.#strays.set(key, now)
    out.push({ type: 'send', to: from, message: closing(circuit, 'it does not lead through here') })
    this.#arm(out)
  }

  /** Ends a circuit: `by` this node, or a neighbour, who knows. */
  #close(circuit: CircuitRef, by: NodeName | undefined, reason: string, out: CircuitEffect[], lost?: NodeName): void {
    const known = this.#circuits.get(circuit)
    if (known === undefined) return
    const { up, down, asked } = known
    this.#forget(circuit, known, by, out)
    // Where something was lost the neighbour is told all the same: it may not have noticed.
    for (const to of [up, down, ...(asked ?? [])]) {
      if (to === undefined || (to === by && lost === undefined)) continue
      out.push({ type: 'send', to, message: closing(circuit, reason) })
    }
    const ends = up === undefined || (down === undefined && asked === undefined)
    if (ends && by !== undefined) out.push({ type: 'closed', circuit, reason })
  }

  #expire(now: Instant, out: CircuitEffect[]): void {
    forgetOld(this.#seen, now)
    forgetOld(this.#strays, now)
    for (const [circuit, known] of [...this.#circuits]) {
      if (known.asked === undefined || known.expires > now) continue
      for (const to of known.asked) {
        out.push({ type: 'send', to, message: closing(circuit, 'it was looked for too long') })
      }
      this.#forget(circuit, known, undefined, out)
      this.#tellNoWay(circuit, { ...known, why: 'lost' }, out)
    }
    this.#arm(out)
  }

  #add(circuit: CircuitRef, added: Circuit): void {
    this.#circuits.set(circuit, added)
    if (added.up !== undefined) this.#carried++
  }

  #forget(circuit: CircuitRef, { up }: Circuit, lost: NodeName | undefined, out: CircuitEffect[]): void {
    this.#circuits.delete(circuit)
    if (up !== undefined) this.#carried--
    out.push({ type: 'forgotten', circuit, lost })
  }

  #remember(circuit: CircuitRef, now: Instant, out: CircuitEffect[]): void {
    this.#seen.set(circuit, now)
    if (this.#seen.size > seenMax) {
      for (const oldest of this.#seen.keys()) {
        this.#seen.delete(oldest)
        break
      }
    }
    this.#arm(out)
  }

  #arm(out: CircuitEffect[]): void {
    if (this.#armed || (this.#seen.size === 0 && this.#strays.size === 0)) return
    this.#armed = true
    out.push({ type: 'arm', after: sweepMillis })
  }
}

/** Of two reasons the one that says more is told: what was lost may have been a way. */
const rank: Readonly<Record<NoWay, number>> = { unknown: 0, hops: 1, busy: 2, lost: 3 }

function forgetOld(memory: Map<string, Instant>, now: Instant): void {
  for (const [key, since] of memory) {
    if (now - since < seenMillis) return
    memory.delete(key)
  }
}

function closing(circuit: CircuitRef, reason: string): CircuitMessage {
  return { type: 'close', circuit, reason }
}
