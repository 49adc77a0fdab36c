import type { Life } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import { CausalMatrix, type Dependency, isSameLife, keyOfLife, type MatrixEntry } from './causal-matrix.js'
import { endedLifeMillis } from './ended-lives.js'

/** What is known of lives beside the messages of a label. */
export interface KnownLives {
  /** When it was told that it is over; undefined: it is not known to be. */
  endedSince(life: Life): Instant | undefined
  /** Whether there is a link to it: then its end will be told. */
  isNear(life: Life): boolean
}

/**
 * What is known at one life of a node to have been sent of a label, and so comes before all that it sends. What lives
 * that are over sent, and what others told of lives without a link, is known for a while only.
 */
export class CausalPast {
  readonly #self: Life
  readonly #lives: KnownLives
  readonly #matrix = new CausalMatrix()
  #forgotten = 0

  constructor(self: Life, lives: KnownLives) {
    this.#self = self
    this.#lives = lives
  }

  /** How many pairs of lives it has a number of. */
  get size(): number {
    return this.#matrix.size
  }

  /** Pairs that were forgotten before their time, because there were too many. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** All of it, but what this life sent to that one. */
  before(destination: Life, now: Instant): Dependency[] {
    const dependencies: Dependency[] = []
    for (const { from, to, number, sentAt } of this.#matrix.entries()) {
      if (isSameLife(to, destination) && isSameLife(from, this.#self)) continue
      // Rounded up: who hears of it again must not take it for younger.
      const age = Math.ceil(Math.min(Math.max(0, now - sentAt), hearsayMillis) / 1_000)
      dependencies.push({ from, to, number, age })
    }
    return dependencies
  }

  /** This life sent a message, or was handed one. */
  happened(from: Life, to: Life, number: number, now: Instant): void {
    this.#matrix.raise({ from, to, number, sentAt: now, teller: undefined })
    const excess = this.size - causalPairsMax
    // More goes than has to, so that this is not done at each message.
    if (excess > 0) this.#forget(excess + causalPairsMax / 4, () => 1)
  }

  /** A message of `teller` that is handed over depends on this. `number`: what is to be believed of it. */
  hear(dependency: Dependency, number: number, teller: Life, now: Instant): void {
    const { from, to, age } = dependency
    // What others sent to the sender, as far as it tells of it, was handed over there.
    if (isSameLife(to, teller) && !isSameLife(from, teller)) return this.#matrix.settle(dependency)
    // What it has sent itself this life knows best.
    if (number < 1 || isSameLife(from, this.#self) || this.#isOver(to) || this.#isStale(from, now)) return
    const entry = { from, to, number, sentAt: now - age * 1_000, teller: keyOfLife(teller) }
    if (!this.#isOld(entry, now)) this.#matrix.raise(entry)
  }

  /** Nothing more will come for lives that are over. */
  livesEnded(): void {
    this.#matrix.drop(({ to }) => this.#isOver(to))
  }

  /** Drops what has its age. */
  prune(now: Instant): void {
    this.#matrix.drop(entry => this.#isStale(entry.from, now) || this.#isOld(entry, now))
  }

  /** Forgets hearsay that takes about so many bytes in a message. Returns whether there was any. */
  forgetBytes(bytes: number): boolean {
    return this.#forget(bytes, ({ from, to }) => from.name.length + to.name.length + 24)
  }

  /**
   * There is more hearsay than may be: of who alone tells most of it the oldest goes first, so that nobody drives out
   * what others tell. What several tell goes last.
   */
  #forget(excess: number, weigh: (entry: MatrixEntry) => number): boolean {
    const shares = new Map<string | undefined, Share>()
    for (const entry of this.#matrix.entries()) {
      if (!this.#isHearsay(entry)) continue
      const share = shares.get(entry.teller) ?? { weight: 0, entries: [] }
      share.weight += weigh(entry)
      share.entries.push(entry)
      shares.set(entry.teller, share)
    }
    for (const { entries } of shares.values()) entries.sort((one, other) => other.sentAt - one.sentAt)
    const common = shares.get(undefined)
    shares.delete(undefined)
    const picked = new Set<MatrixEntry>()
    for (let weight = 0; weight < excess; ) {
      const share = greatest(shares.values()) ?? common
      const oldest = share?.entries.pop()
      if (share === undefined || oldest === undefined) break
      picked.add(oldest)
      share.weight -= weigh(oldest)
      weight += weigh(oldest)
    }
    this.#matrix.drop(entry => picked.has(entry))
    this.#forgotten += picked.size
    return picked.size > 0
  }

  #isOver(life: Life): boolean {
    return this.#lives.endedSince(life) !== undefined
  }

  /**
   * What a life sent is named as a dependency for so long after its end is known here: others may have yet to hear of
   * it, and to be handed what was under way.
   */
  #isStale(life: Life, now: Instant): boolean {
    const since = this.#lives.endedSince(life)
    return since !== undefined && now - since >= endedLifeMillis
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
}

/** What one life alone told of. */
interface Share {
  weight: number
  /** The oldest last. */
  readonly entries: MatrixEntry[]
}

function greatest(shares: Iterable<Share>): Share | undefined {
  let most: Share | undefined
  for (const share of shares) if (share.weight > (most?.weight ?? 0)) most = share
  return most
}

/** So long it is told what a life without a link here sent, or was sent. */
export const hearsayMillis: Millis = 120_000
/** Pairs of lives of one label. Only what lives with a link here send each other may be more. */
export const causalPairsMax = 4_096
