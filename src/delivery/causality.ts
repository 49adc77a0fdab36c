import type { Life } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import { type Dependency, isSameLife, keyOfLife } from './causal-matrix.js'
import { CausalPast, causalPairsMax, hearsayMillis, type KnownLives } from './causal-past.js'
import type { Conclusion } from './causal-rounds.js'
import { CausalSource, type Held, type Need } from './causal-source.js'

/** What became of a message that arrived. */
export type CausalVerdict =
  /** It is handed over in its turn: now, or when what it depends on was. */
  | 'taken'
  /** It was given up, and what depends on it may have been handed over. */
  | 'late'
  /** It was handed over before, or waits for its turn. */
  | 'duplicate'

/** Something that held messages wait for. */
export interface CausalWait<Message> {
  readonly source: CausalSource<Message>
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
  readonly #past: CausalPast
  readonly #sent = new Map<string, Sent>()
  readonly #sources = new Map<string, CausalSource<Message>>()
  #prunedAt: Instant | undefined
  /** Of sources that are forgotten. */
  #missed = 0
  #ignored = 0

  constructor(self: Life, lives: KnownLives) {
    this.#self = self
    this.#lives = lives
    this.#past = new CausalPast(self, lives)
  }

  /** How many pairs of lives it has a number of. */
  get size(): number {
    return this.#past.size
  }

  /** Whether it has numbers of more pairs than a message may tell of. */
  get isFull(): boolean {
    return this.size > causalPairsMax
  }

  /** Pairs that were forgotten before their time, or never looked at, because there were too many. */
  get forgotten(): number {
    return this.#past.forgotten + this.#ignored
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
    return this.#past.before(to, now)
  }

  /** Forgets what others told, of about so many bytes in a message. Returns whether there was any. */
  forgetBytes(bytes: number): boolean {
    return this.#past.forgetBytes(bytes)
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
    this.#past.happened(this.#self, to, sent.number, now)
    return sent.number
  }

  /** What is told to one who asks: below which number nothing will leave any more, and the last that was given. */
  sentTo(to: Life): { readonly floor: number; readonly last: number } {
    const sent = this.#sent.get(keyOfLife(to))
    const last = sent?.number ?? 0
    for (const floor of sent?.open ?? []) return { floor, last }
    return { floor: last + 1, last }
  }

  /** A message has left for good, or never will. */
  left(to: Life, number: number): void {
    this.#sent.get(keyOfLife(to))?.open.delete(number)
  }

  // Receiving. What may be handed over is appended to `out`, in order.

  /** A message is here, and a fault holds it back. */
  delayed(from: Life, number: number, now: Instant): void {
    this.#source(from, now).delay(number)
  }

  /** A message that a fault held back will not go on. */
  undelayed(from: Life, number: number, now: Instant, out: Message[]): void {
    this.#release(this.#source(from, now).undelay(number), now, out)
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
    source.came(number)
    if (source.has(number)) return 'duplicate'
    if (number <= source.resolved) return source.wasMissed(number) ? 'late' : 'duplicate'
    const held: Held<Message> = { source, number, dependencies, message, since: now, needs: new Set() }
    source.hold(held)
    this.#need(held, source, number - 1)
    for (const dependency of dependencies) {
      if (!isSameLife(dependency.to, this.#self)) continue
      const other = this.#source(dependency.from, now, source)
      // How much it has sent itself this life knows best.
      const most = isSameLife(dependency.from, this.#self) ? this.sentTo(this.#self).last : dependency.number
      if (other !== undefined) this.#need(held, other, Math.min(dependency.number, most))
    }
    this.#handOver([held], now, out)
    return 'taken'
  }

  /** A sender has told what may still come of it, and how much it has sent. */
  concluded({ from, askedAt, goneUpTo, last }: Omit<Conclusion, 'label'>, now: Instant, out: Message[]): void {
    const source = this.#isOver(from) ? undefined : this.#sources.get(keyOfLife(from))
    if (source === undefined) return
    this.#release(source.told(last, askedAt), now, out)
    this.#release(source.giveUp(goneUpTo), now, out)
  }

  /** Some lives are over: nothing more of them, or for them, will come. */
  livesEnded(now: Instant, out: Message[]): void {
    this.#past.livesEnded()
    for (const [key, { to }] of [...this.#sent]) if (this.#isOver(to)) this.#sent.delete(key)
    for (const [key, source] of [...this.#sources]) {
      if (!this.#isOver(source.life)) continue
      this.#release(source.giveUp(Number.POSITIVE_INFINITY), now, out)
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
  *waits(): Iterable<CausalWait<Message>> {
    for (const source of this.#sources.values()) {
      for (const [number, since] of source.waits()) yield { source, number, since }
    }
  }

  /** Regular care: gives up what was waited for long enough. Returns who has to be asked what may still come. */
  care(now: Instant, out: Message[]): Set<Life> {
    const asked = new Set<Life>()
    for (const { source, number, since } of [...this.waits()]) {
      if (now - since >= causalPatienceMillis) this.#expire(source, number, now, out)
      else if (now - since >= causalAskMillis) asked.add(source.life)
    }
    return asked
  }

  /**
   * A number was waited for long enough: it is given up, with all that what is here of it waits for in its turn. What a
   * fault holds back is here.
   */
  #expire(wanted: CausalSource<Message>, upTo: number, now: Instant, out: Message[]): void {
    const path: Held<Message>[] = []
    let [source, number] = [wanted, upTo]
    while (wanted.resolved < upTo) {
      this.#release(source.abandon(number, now), now, out)
      const { first } = source
      if (source.resolved >= number) {
        // What waited for that goes on.
        path.length = 0
        source = wanted
        number = upTo
        continue
      }
      if (first === undefined) return
      const start = path.indexOf(first)
      path.push(first)
      // Only who lies makes a circle: whatever came first goes first.
      const oldest = start < 0 ? undefined : path.slice(start).reduce((one, two) => (two.since < one.since ? two : one))
      const need = firstOf((oldest ?? first).needs)
      if (need === undefined) return
      source = need.source
      number = need.number
      if (oldest === undefined) continue
      source.unwait(need)
      this.#release([need], now, out)
      path.length = 0
      source = wanted
      number = upTo
    }
  }

  #isOver(life: Life): boolean {
    return this.#lives.endedSince(life) !== undefined
  }

  #source(life: Life, now: Instant): CausalSource<Message>
  /** The same of a life that a message of another tells of; undefined: it tells of too many. */
  #source(life: Life, now: Instant, teller: CausalSource<Message>): CausalSource<Message> | undefined
  #source(life: Life, now: Instant, teller?: CausalSource<Message>): CausalSource<Message> | undefined {
    const key = keyOfLife(life)
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    const isStranger = teller !== undefined && !this.#lives.isNear(life)
    if (isStranger && teller.strangers >= causalStrangersMax) {
      this.#ignored++
      return undefined
    }
    const isOver = this.#isOver(life)
    const source = new CausalSource<Message>(life, now, isStranger && !isOver ? teller : undefined)
    // What still came of a life that is over was heard before its end.
    if (isOver) source.giveUp(Number.POSITIVE_INFINITY)
    else this.#sources.set(key, source)
    return source
  }

  /** A message waits until all numbers of a sender up to this one are resolved. */
  #need(held: Held<Message>, source: CausalSource<Message>, number: number): void {
    if (source.resolved >= number) return
    const need = { held, source, number }
    held.needs.add(need)
    source.wait(need)
  }

  /** That is not waited for any more: hands over what waited for nothing else. */
  #release(needs: Iterable<Need<Message>>, now: Instant, out: Message[]): void {
    const ready: Held<Message>[] = []
    for (const need of needs) if (isLast(need)) ready.push(need.held)
    this.#handOver(ready, now, out)
  }

  /** Hands over those that wait for nothing, and what waited for them alone. */
  #handOver(held: Held<Message>[], now: Instant, out: Message[]): void {
    // What this releases is appended to what is gone through.
    for (const next of held) {
      if (next.needs.size > 0) continue
      this.#enter(next, now)
      out.push(next.message)
      for (const need of next.source.deliver(next.number)) if (isLast(need)) held.push(need.held)
    }
  }

  /** A message is handed over: what it depends on, and itself, come before all that is sent from now. */
  #enter({ source, number, dependencies }: Held<Message>, now: Instant): void {
    for (const dependency of dependencies) {
      this.#past.hear(dependency, this.#believed(dependency), source.life, now)
    }
    this.#past.happened(source.life, this.#self, number, now)
  }

  /** Of what others tell of messages to this life only that is told on which their sender tells, too. */
  #believed({ from, to, number }: Dependency): number {
    if (!isSameLife(to, this.#self)) return number
    const { resolved, greatest } = this.#sources.get(keyOfLife(from)) ?? { resolved: number, greatest: number }
    return Math.min(number, resolved, greatest)
  }

  /** Now and then: what lives sent that are long over, and lives that nothing was heard of for long, are forgotten. */
  #prune(now: Instant): void {
    if (this.#prunedAt !== undefined && now - this.#prunedAt < pruneEvery) return
    this.#prunedAt = now
    this.#past.prune(now)
    for (const [key, source] of [...this.#sources]) {
      const { life, heardAt, doubtedAt, greatest } = source
      if (this.#lives.isNear(life)) continue
      // It cannot be asked, and others may have lied.
      if (doubtedAt !== undefined && now - doubtedAt >= hearsayMillis && !this.#isOver(life)) source.retract()
      if (now - heardAt >= (greatest > 0 ? strangerMillis : hearsayMillis)) this.#forgetIdle(key)
    }
  }

  #forgetIdle(key: string): void {
    const source = this.#sources.get(key)
    if (source?.isIdle !== true) return
    this.#missed += source.missed
    this.#sources.delete(key)
    source.introduce()
  }
}

/** What is missing is asked for after so long. */
export const causalAskMillis: Millis = 500
/** What is missing is not waited for any longer. */
export const causalPatienceMillis: Millis = 10_000
/** A life without a link, whose end nobody tells here, is forgotten after so long without news. */
export const strangerMillis: Millis = 600_000
/** Lives without a link, of which nothing came, that the messages of one life may depend on. */
export const causalStrangersMax = 256
const pruneEvery: Millis = 1_000

/** Whether the message waits for nothing else. */
function isLast<Message>(need: Need<Message>): boolean {
  need.held.needs.delete(need)
  return need.held.needs.size === 0
}

function firstOf<Item>(items: Iterable<Item>): Item | undefined {
  for (const item of items) return item
  return undefined
}
