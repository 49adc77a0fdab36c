import type { Life } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import { CausalMatrix, type Dependency, keyOfLife, type MatrixEntry } from './causal-matrix.js'
import { CausalSource, type Held } from './causal-source.js'
import { endedLifeMillis } from './ended-lives.js'

/** What became of a message that arrived. */
export type CausalVerdict =
  /** It is handed over in its turn: now, or when what it depends on was. */
  | 'taken'
  /** It was given up, and what depends on it may have been handed over. */
  | 'late'
  /** It was handed over before, or waits for its turn. */
  | 'duplicate'

/** What is known of lives beside the messages of a label. */
export interface KnownLives {
  /** When it was told that it is over; undefined: it is not known to be. */
  endedSince(life: Life): Instant | undefined
  /** Whether there is a link to it: then its end will be told. */
  isNear(life: Life): boolean
}

/** Something that a held message waits for. */
export interface CausalWait {
  readonly from: Life
  /** Messages of it up to this number. */
  readonly number: number
  readonly since: Instant
}

/** The messages of a label to one life, as their sender knows them. */
interface Sent {
  readonly to: Life
  /** The last number that was given. */
  number: number
  /** Those that may still leave, in the order of their numbers. */
  readonly open: Set<number>
}

/**
 * Messages of one label at one life of a node: which of them may be handed over, and what each that is sent depends on.
 * Raynal, Schiper and Toueg (1991), with numbers that may be given up: a message that did not come while anything that
 * depends on it was handed over is never handed over afterwards. So what is handed over is in causal order whatever is
 * lost, and whenever somebody loses patience. Pure bookkeeping: it neither waits nor sends.
 */
export class Causality<Message> {
  readonly #self: Life
  readonly #lives: KnownLives
  readonly #matrix = new CausalMatrix()
  readonly #sent = new Map<string, Sent>()
  readonly #sources = new Map<string, CausalSource<Message>>()
  #prunedAt: Instant | undefined
  /** Of sources that are forgotten. */
  #missed = 0
  #forgotten = 0

  constructor(self: Life, lives: KnownLives) {
    this.#self = self
    this.#lives = lives
  }

  /** How many pairs of lives it has a number of. */
  get size(): number {
    return this.#matrix.size
  }

  /** Whether it has numbers of more pairs than a message may tell of. */
  get isFull(): boolean {
    return this.size > causalPairsMax
  }

  /** Pairs that were forgotten before their time, because there were too many. */
  get forgotten(): number {
    return this.#forgotten
  }

  /**
   * Whether all that it knew is over, so that a new one would do the same. While a life with which it has numbers may
   * go on it is not: the other end would take numbers that begin anew for those that it knows.
   */
  isForgettable(now: Instant): boolean {
    this.#prune(now)
    return this.#sent.size === 0 && this.#sources.size === 0 && this.size === 0
  }

  /** How many messages were given up so far. */
  get missed(): number {
    let missed = this.#missed
    for (const source of this.#sources.values()) missed += source.missed
    return missed
  }

  // Sending.

  /** What the next message to that life depends on, beside the one before it. */
  dependencies(to: Life, now: Instant): Dependency[] {
    this.#prune(now)
    const own = keyOfLife(this.#self)
    const destination = keyOfLife(to)
    const dependencies: Dependency[] = []
    for (const { from, to, number, sentAt } of this.#matrix.entries()) {
      if (keyOfLife(from) === own && keyOfLife(to) === destination) continue
      const age = Math.floor(Math.min(Math.max(0, now - sentAt), hearsayMillis) / 1_000)
      dependencies.push({ from, to, number, age })
    }
    return dependencies
  }

  /** The number of the next message to that life. */
  next(to: Life): number {
    return (this.#sent.get(keyOfLife(to))?.number ?? 0) + 1
  }

  /** Gives the next message to that life its number. It is open until {@link left}. */
  send(to: Life, now: Instant): number {
    const key = keyOfLife(to)
    let sent = this.#sent.get(key)
    if (sent === undefined) {
      sent = { to, number: 0, open: new Set() }
      this.#sent.set(key, sent)
    }
    sent.number++
    sent.open.add(sent.number)
    this.#matrix.raise({ from: this.#self, to, number: sent.number, sentAt: now })
    return sent.number
  }

  /** A message has left for good, or never will. */
  left(to: Life, number: number): void {
    this.#sent.get(keyOfLife(to))?.open.delete(number)
  }

  /** Of what was sent to that life no number below this one will leave any more. */
  floor(to: Life): number {
    const sent = this.#sent.get(keyOfLife(to))
    for (const number of sent?.open ?? []) return number
    return (sent?.number ?? 0) + 1
  }

  // Receiving. What may be handed over is appended to `out`, in order.

  /** A message is here, and a fault holds it back. */
  delayed(from: Life, number: number, now: Instant): void {
    this.#source(from, now).delay(number)
  }

  /** A message that a fault held back will not go on. */
  undelayed(from: Life, number: number, now: Instant, out: Message[]): void {
    this.#settle(this.#source(from, now).undelay(number), now, out)
  }

  arrived(
    from: Life,
    number: number,
    dependencies: readonly Dependency[],
    message: Message,
    now: Instant,
    out: Message[],
  ): CausalVerdict {
    this.#prune(now)
    const source = this.#source(from, now)
    source.heardAt = now
    if (source.has(number)) return 'duplicate'
    if (number <= source.resolved) return source.wasMissed(number) ? 'late' : 'duplicate'
    const self = keyOfLife(this.#self)
    const own = dependencies.filter(({ to }) => keyOfLife(to) === self)
    const held = { source, number, dependencies, own, message }
    source.hold(held)
    this.#settle([held], now, out)
    return 'taken'
  }

  /** What has not arrived of the messages of that life up to this number will not come, or is not waited for. */
  giveUp(from: Life, upTo: number, now: Instant, out: Message[]): void {
    this.#settle(this.#source(from, now).giveUp(upTo), now, out)
  }

  /** Some lives are over: nothing more of them, or for them, will come. */
  livesEnded(now: Instant, out: Message[]): void {
    this.#matrix.drop(({ to }) => this.#isOver(to))
    for (const [key, { to }] of [...this.#sent]) if (this.#isOver(to)) this.#sent.delete(key)
    for (const [key, source] of [...this.#sources]) {
      if (!this.#isOver(source.life)) continue
      this.#settle(source.giveUp(Number.POSITIVE_INFINITY), now, out)
      this.#forgetIdle(key)
    }
    this.#prune(now)
  }

  /** Whether anything is waited for. */
  get isWaiting(): boolean {
    for (const _ of this.waits()) return true
    return false
  }

  /** What is waited for. */
  *waits(): Iterable<CausalWait> {
    for (const source of this.#sources.values()) {
      for (const [number, since] of source.waits()) yield { from: source.life, number, since }
    }
  }

  /** Regular care: gives up what was waited for long enough. Returns who has to be asked what may still come. */
  care(now: Instant, out: Message[]): Life[] {
    const asked: Life[] = []
    for (const { from, number, since } of [...this.waits()]) {
      if (now - since >= causalPatienceMillis) this.giveUp(from, number, now, out)
      else if (now - since >= causalAskMillis) asked.push(from)
    }
    return asked
  }

  #isOver(life: Life): boolean {
    return this.#lives.endedSince(life) !== undefined
  }

  #source(life: Life, now: Instant): CausalSource<Message> {
    const key = keyOfLife(life)
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    const source = new CausalSource<Message>(life, now)
    // What still came of a life that is over was heard before its end.
    if (this.#isOver(life)) source.giveUp(Number.POSITIVE_INFINITY)
    else this.#sources.set(key, source)
    return source
  }

  /** Hands over those that depend on nothing more, and what waited for them. */
  #settle(ready: Held<Message>[], now: Instant, out: Message[]): void {
    // What this releases is appended to what is gone through.
    for (const held of ready) {
      const missing = this.#missing(held, now)
      if (missing !== undefined) {
        missing.source.wait(missing.number, held, now)
        continue
      }
      this.#enter(held, now)
      out.push(held.message)
      for (const released of held.source.deliver(held.number)) ready.push(released)
    }
  }

  /** The first thing that a message depends on and that is not resolved. */
  #missing(
    { source, number, own }: Held<Message>,
    now: Instant,
  ): { readonly source: CausalSource<Message>; readonly number: number } | undefined {
    if (source.resolved < number - 1) return { source, number: number - 1 }
    for (const dependency of own) {
      const other = this.#source(dependency.from, now)
      if (other.resolved < dependency.number) return { source: other, number: dependency.number }
    }
    return undefined
  }

  /** A message is handed over: what it depends on, and itself, come before all that is sent from now. */
  #enter({ source, number, dependencies }: Held<Message>, now: Instant): void {
    const sender = keyOfLife(source.life)
    for (const dependency of dependencies) {
      // What others sent to the sender, as far as it tells of it, was handed over there.
      const isSettled = keyOfLife(dependency.to) === sender && keyOfLife(dependency.from) !== sender
      if (isSettled) this.#matrix.settle(dependency)
      else if (!this.#isOver(dependency.to) && !this.#isStale(dependency.from, now)) this.#hear(dependency, now)
    }
    this.#matrix.raise({ from: source.life, to: this.#self, number, sentAt: now })
    if (this.size > causalPairsMax) this.#forgetHearsay()
  }

  /** Somebody tells of messages between others. */
  #hear({ from, to, number, age }: Dependency, now: Instant): void {
    const entry = { from, to, number, sentAt: now - age * 1_000 }
    if (!this.#isOld(entry, now)) this.#matrix.raise(entry)
  }

  /** Whether one of the two has no link here: then nobody may ever tell of its end, or it never was. */
  #isHearsay({ from, to }: MatrixEntry): boolean {
    return !(this.#lives.isNear(from) && this.#lives.isNear(to))
  }

  /**
   * Hearsay is not named for ever. A destination waits ten seconds for what does not come, so that after two minutes
   * these messages are with it or given up, unless their sender still keeps them. The age travels, lest those who
   * forget at different times, or come anew, tell each other for ever.
   */
  #isOld(entry: MatrixEntry, now: Instant): boolean {
    return now - entry.sentAt >= hearsayMillis && this.#isHearsay(entry)
  }

  /** There are more pairs than may be: the oldest hearsay goes. */
  #forgetHearsay(): void {
    const hearsay = [...this.#matrix.entries()].filter(entry => this.#isHearsay(entry))
    hearsay.sort((one, other) => one.sentAt - other.sentAt)
    // More go than have to, so that this is not done at each message.
    const picked = new Set(hearsay.slice(0, this.size - causalPairsMax * 0.75))
    this.#matrix.drop(entry => picked.has(entry))
    this.#forgotten += picked.size
  }

  /**
   * What a life sent is named as a dependency for so long after its end is known here: others may have yet to hear of
   * it, and to be handed what was under way.
   */
  #isStale(life: Life, now: Instant): boolean {
    const since = this.#lives.endedSince(life)
    return since !== undefined && now - since >= endedLifeMillis
  }

  /** Now and then: what lives sent that are long over, and lives that nothing was heard of for long, are forgotten. */
  #prune(now: Instant): void {
    if (this.#prunedAt !== undefined && now - this.#prunedAt < pruneEvery) return
    this.#prunedAt = now
    this.#matrix.drop(entry => this.#isStale(entry.from, now) || this.#isOld(entry, now))
    for (const [key, { life, heardAt }] of [...this.#sources]) {
      if (!this.#lives.isNear(life) && now - heardAt >= strangerMillis) this.#forgetIdle(key)
    }
  }

  #forgetIdle(key: string): void {
    const source = this.#sources.get(key)
    if (source?.isIdle !== true) return
    this.#missed += source.missed
    this.#sources.delete(key)
  }
}

/** What is missing is asked for after so long. */
export const causalAskMillis: Millis = 500
/** What is missing is not waited for any longer. */
export const causalPatienceMillis: Millis = 10_000
/** A life without a link, whose end nobody tells here, is forgotten after so long without news. */
export const strangerMillis: Millis = 600_000
/** So long it is told what a life without a link here sent, or was sent. */
export const hearsayMillis: Millis = 120_000
/** Pairs of lives of one label. Only what lives with a link here send each other may be more. */
export const causalPairsMax = 4_096
const pruneEvery: Millis = 1_000
