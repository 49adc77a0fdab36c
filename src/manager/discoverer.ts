import { CloseCode } from '../codec/codec.js'
import { abortReason, onAbort, untilAborted } from '../core/abort.js'
import { DiscoveryError, MaquisError } from '../core/errors.js'
import type { NodeSpec } from '../core/node.js'
import type { Random } from '../core/random.js'
import { classable } from '../core/thrown.js'
import type { Clock, Millis } from '../core/time.js'
import { answerMax, type Discovery } from '../discovery/discovery.js'
import type { Refusal } from '../link/handshake.js'
import type { LinkHub } from '../link/hub.js'
import { faultOfUrl, isUrl } from './checks.js'
import type { Joiner, Sought } from './joiner.js'
import type { Reporter } from './reporter.js'

/** How often is looked up, on average: each wait is drawn from half of it to one and a half. */
export const discoveryIntervalDefault: Millis = 10_000
/** How often while this node is connected with no other member. */
const discoveryIntervalAlone: Millis = 1_000
/** A lookup that takes longer has failed. */
const discoveryTimeout: Millis = 5_000
/** Addresses that are joined for ever at a time. At it those go that the discovery does not name any more. */
export const discoveredMax = 256
/** So many that are no addresses are told of at a time, and of each so many characters. */
const refusedMax = 16
const refusedTextMax = 256
/** What failed, where the discovery itself does not say. */
const option = "the option 'discovery'"

export interface DiscovererContext {
  readonly discovery: Discovery
  readonly interval: Millis
  readonly schemes: readonly string[]
  readonly hub: LinkHub
  readonly joiner: Joiner
  readonly clock: Clock
  readonly random: Random
  readonly reporter: Reporter
  readonly self: () => NodeSpec
  readonly sought: Sought
}

/** An address that was found in this life of the node. */
interface Found {
  /** Ends its joining. */
  readonly end: AbortController
  /** The number of the last lookup that found it. */
  seen: number
}

/**
 * Looks for nodes in intervals and joins what it finds, each for ever, as seeds are. It only ever adds. One serves one
 * life of a node, and ends with the joiner's work: when the node leaves, is removed or superseded, or stops.
 */
export class Discoverer {
  readonly #context: DiscovererContext
  readonly #found = new Map<string, Found>()
  /** What the last lookup found that is no address, and was told of. */
  #refused: ReadonlySet<string> = new Set()
  #lookups = 0
  /** Dials to this node itself whose accepting end has not told of them yet. */
  #ownDials = 0

  constructor(context: DiscovererContext) {
    this.#context = context
  }

  /** Resolves when it is over. Never rejects. */
  async run(): Promise<void> {
    const { joiner, reporter } = this.#context
    const { signal } = joiner
    reporter.isNoise = (peer, by, refusal) => this.#isOwnDial(peer, by, refusal)
    while (!signal.aborted) {
      try {
        const answer = await this.#lookUp(signal)
        if (!signal.aborted) this.#take(answer)
      } catch (thrown) {
        if (signal.aborted) break
        const error = classable(thrown)
        reporter.discoveryFailed(error instanceof MaquisError ? error : new DiscoveryError(option, error))
      }
      await joiner.until(() => false, signal, this.#pause()).catch(() => {})
    }
  }

  #pause(): Millis {
    const { interval, random, hub, sought } = this.#context
    const alone = ![...hub.links.values()].some(link => link.directLanes > 0 && !sought(link))
    return (alone ? Math.min(interval, discoveryIntervalAlone) : interval) * (0.5 + random.next())
  }

  /** One lookup, which ends in time whatever the discovery does. */
  #lookUp(signal: AbortSignal): Promise<readonly string[]> {
    const { discovery, clock } = this.#context
    const limit = new AbortController()
    const unlisten = onAbort(signal, () => limit.abort(abortReason(signal)))
    const late = new DiscoveryError(option, `no answer within ${discoveryTimeout} ms`)
    const cancel = clock.schedule(discoveryTimeout, () => limit.abort(late))
    const answer = Promise.resolve().then(() => discovery.lookup(limit.signal))
    return untilAborted(limit.signal, answer).finally(() => {
      cancel()
      unlisten()
    })
  }

  #take(answer: unknown): void {
    if (!Array.isArray(answer)) throw new DiscoveryError(option, 'its answer is no array of addresses')
    this.#lookups++
    const { schemes, reporter } = this.#context
    const urls = new Set<string>()
    const refused: unknown[] = []
    for (const address of answer.slice(0, answerMax) as unknown[]) {
      if (isUrl(address, schemes)) urls.add(address)
      else refused.push(address)
    }
    this.#refuse(refused)
    for (const url of urls) {
      const known = this.#found.get(url)
      if (known !== undefined) known.seen = this.#lookups
    }
    const added = [...urls].filter(url => this.#isNews(url) && this.#keep(url))
    if (added.length > 0) reporter.discovered(added)
  }

  /** Counts what is no address, and tells of what the lookup before did not find: of a few at a time. */
  #refuse(refused: readonly unknown[]): void {
    const { schemes, reporter } = this.#context
    const known = new Set<string>()
    let told = 0
    for (const address of refused) {
      reporter.counters.add('discoveryRefused')
      const text = textOfRefused(address)
      if (known.has(text)) continue
      if (!this.#refused.has(text)) {
        if (told === refusedMax) continue
        told++
        reporter.discoveryRefused(text, faultOfUrl(address, schemes))
      }
      known.add(text)
    }
    this.#refused = known
  }

  /** Whether nobody who is connected tells of that address already. */
  #isNews(url: string): boolean {
    const { hub, self, sought } = this.#context
    if (this.#found.has(url) || self().addresses.some(own => isSame(own, url))) return false
    return ![...hub.links.values()].some(
      link => link.directLanes > 0 && !sought(link) && link.spec.addresses.some(known => isSame(known, url)),
    )
  }

  /** Joins what answers there, for ever. False when there is no room. */
  #keep(url: string): boolean {
    const { joiner, sought, reporter } = this.#context
    if (this.#found.size >= discoveredMax && !this.#makeRoom()) {
      reporter.counters.add('discoveryRefused')
      return false
    }
    const end = new AbortController()
    // Where this node itself answers the joining ends, and the address stays here so that it is not tried again.
    this.#found.set(url, { end, seen: this.#lookups })
    void joiner.keep(url, sought, end.signal)
    return true
  }

  /** Gives up the address that has been missing from the answers for longest. False when all are in the last one. */
  #makeRoom(): boolean {
    const [oldest] = [...this.#found].sort(([, a], [, b]) => a.seen - b.seen)
    if (oldest === undefined || oldest[1].seen === this.#lookups) return false
    oldest[1].end.abort()
    return this.#found.delete(oldest[0])
  }

  /** That a found address is this node's own is no news: neither where it was dialled nor where it was accepted. */
  #isOwnDial(peer: string, by: 'us' | 'peer', { code, text }: Refusal): boolean {
    if (code !== CloseCode.wrongNode || text !== this.#context.self().name) return false
    if (by === 'us') {
      if (!this.#found.has(peer)) return false
      this.#ownDials++
      return true
    }
    if (this.#ownDials === 0) return false
    this.#ownDials--
    return true
  }
}

/** Whether two addresses are one, however they are written. */
function isSame(one: string, other: string): boolean {
  return one === other || (URL.canParse(one) && new URL(one).href === new URL(other).href)
}

/** In one line of a log, whatever is in it. */
function textOfRefused(address: unknown): string {
  if (typeof address !== 'string') return `a ${typeof address}`
  return address.slice(0, refusedTextMax).replace(/\p{Cc}/gu, '\ufffd')
}
