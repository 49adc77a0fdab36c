import { unreachable } from '../core/invariant.js'
import type { Machine } from '../core/machine.js'
import type { Incarnation, NodeName } from '../core/node.js'
import { sample } from '../core/random.js'
import type { Instant, Millis } from '../core/time.js'
import type { BroadcastEffect, BroadcastEffects, BroadcastInput, BroadcastTimer } from './broadcast-effects.js'
import { type BroadcastMessage, type Gossip, marksPerMessage, type StreamMark } from './broadcast-messages.js'
import { type BroadcastOptions, resolveBroadcastOptions } from './broadcast-options.js'
import { BroadcastRepair } from './broadcast-repair.js'
import { BroadcastCache, BroadcastStream } from './broadcast-stream.js'
import { BroadcastTrees } from './broadcast-trees.js'

/** A copy that comes so soon after its sender was pruned was on its way already. */
const pruneGrace: Millis = 1_000

/**
 * Epidemic broadcast trees: Plumtree (Leitão, Pereira and Rodrigues, SRDS 2007), one machine for each channel. Messages
 * are pushed along the eager links of a tree for each root and announced on the lazy ones; what is announced and does
 * not come is asked for (graft), and a link on which it comes twice becomes lazy (prune).
 *
 * Beyond the paper the messages of one origin are numbered, taken in order, and passed on only when they were taken.
 * So one number says what a neighbour has: announcements are cumulative, duplicates are seen without a list of
 * identities, whoever was cut off is told in one message what it missed, and order holds for each origin.
 */
export class Broadcast implements Machine<BroadcastInput, BroadcastEffect> {
  readonly #options: Required<BroadcastOptions>
  readonly #peers = new Set<NodeName>()
  readonly #trees: BroadcastTrees
  readonly #cache: BroadcastCache
  /** By origin: of each name the last life alone counts. In the order in which they were last heard of. */
  readonly #streams = new Map<NodeName, BroadcastStream>()
  readonly #repair: BroadcastRepair
  /** What has come since the last announcements. */
  readonly #news = new Set<BroadcastStream>()
  /** What full queues refused, by neighbour. */
  readonly #refused = new Map<NodeName, Set<BroadcastStream>>()
  #refusals = 0
  #established: boolean
  #exchanging = false

  constructor(options: BroadcastOptions) {
    this.#options = resolveBroadcastOptions(options)
    const { self, established, rootsMax, cacheBytes, cacheAge } = this.#options
    this.#established = established
    this.#trees = new BroadcastTrees(rootsMax)
    this.#cache = new BroadcastCache(cacheBytes, cacheAge)
    this.#repair = new BroadcastRepair(this.#options, this.#peers, this.#trees, {
      take: (stream, gossip, from, now, out) => this.#take(stream, gossip, from, now, out),
      skip: (stream, upTo, now, out) => this.#skip(stream, upTo, now, out),
    })
    this.#streams.set(self.name, new BroadcastStream(self.name, self.incarnation, 0))
  }

  /** Whom messages of that root are pushed to from here. */
  eager(root: NodeName): readonly NodeName[] {
    return [...this.#peers].filter(peer => !this.#trees.isLazy(root, peer))
  }

  /** What is held, for tests and for reports. */
  size(): Readonly<Record<'streams' | 'roots' | 'cacheBytes' | 'heldBytes', number>> {
    const { heldBytes } = this.#repair
    return { streams: this.#streams.size, roots: this.#trees.size, cacheBytes: this.#cache.bytes, heldBytes }
  }

  step(input: BroadcastInput, now: Instant, out: BroadcastEffects): void {
    switch (input.type) {
      case 'up':
        this.#peers.add(input.peer)
        return this.#sync(input.peer, this.#established ? 'no' : 'all', false, out)
      case 'down':
        return this.#down(input.peer, now, out)
      case 'renewed':
        return this.#peers.has(input.peer) ? this.#sync(input.peer, this.#question, false, out) : undefined
      case 'broadcast':
        return this.#broadcast(input.server, input.body, now, out)
      case 'message':
        return this.#message(input.from, input.message, now, out)
      case 'refused':
        return this.#refuse(input.peer, input.origin, out)
      case 'timer':
        return this.#timer(input.timer as BroadcastTimer, now, out)
      default:
        return unreachable(input)
    }
  }

  #timer(timer: BroadcastTimer, now: Instant, out: BroadcastEffects): void {
    if (timer === 'announce') this.#announce(out)
    else if (timer === 'graft') this.#repair.tick(now, out)
    else this.#exchange(now, out)
  }

  #down(peer: NodeName, now: Instant, out: BroadcastEffects): void {
    this.#peers.delete(peer)
    this.#trees.forget(peer)
    this.#refusals -= this.#refused.get(peer)?.size ?? 0
    this.#refused.delete(peer)
    this.#repair.forget(peer, now, out)
  }

  #broadcast(server: string, body: Uint8Array, now: Instant, out: BroadcastEffects): void {
    const { self } = this.#options
    const stream = this.#streams.get(self.name) as BroadcastStream
    const number = ++stream.delivered
    const gossip: Gossip = {
      ...{ type: 'gossip', origin: self.name, incarnation: self.incarnation, number, floor: number, round: 0 },
      ...{ server, body },
    }
    this.#keep(stream, gossip, now, out)
    this.#push(stream, gossip, undefined, out)
  }

  #message(from: NodeName, message: BroadcastMessage, now: Instant, out: BroadcastEffects): void {
    if (!this.#peers.has(from)) return
    switch (message.type) {
      case 'gossip':
        return this.#gossip(from, message, now, out)
      case 'announce':
        for (const mark of message.marks) this.#announced(from, mark, now, out)
        return
      case 'graft': {
        const { origin, incarnation, from: first, upTo } = message
        this.#trees.makeEager(origin, from)
        return this.#resend(from, this.#known(origin, incarnation), { origin, incarnation }, first, upTo, out)
      }
      case 'prune': {
        const stream = this.#known(message.origin, message.incarnation)
        this.#trees.makeLazy(message.origin, from, now)
        if (stream?.parent === from) stream.parent = undefined
        return
      }
      case 'gone': {
        const stream = this.#known(message.origin, message.incarnation)
        return stream && this.#repair.gone(stream, from, message, now, out)
      }
      case 'sync': {
        for (const mark of message.marks) this.#compare(from, mark, now, out)
        if (!message.last) return
        // Whoever tells this node of streams has told it where it begins with them; what comes later it wants whole.
        this.#established = true
        return message.asks === 'no' ? undefined : this.#sync(from, 'no', message.asks === 'all', out)
      }
      default:
        return unreachable(message)
    }
  }

  #gossip(from: NodeName, gossip: Gossip, now: Instant, out: BroadcastEffects): void {
    const { origin, incarnation, number } = gossip
    const own = this.#streams.get(origin)
    if (origin === this.#options.self.name) {
      return own?.incarnation === incarnation ? this.#duplicate(from, own, now, out) : undefined
    }
    // An established node has been told of whatever there was before it came.
    const before = this.#established ? 0 : number - 1
    const stream = this.#heardOf(origin, incarnation, before)
    if (stream === undefined) return
    if (number <= stream.delivered || stream.held.has(number)) return this.#duplicate(from, stream, now, out)
    if (number > stream.delivered + 1) return this.#repair.hold(stream, gossip, from, now, out)
    this.#take(stream, gossip, from, now, out)
    this.#repair.advance(stream, now, out)
  }

  /** It is the next of its stream. */
  #take(stream: BroadcastStream, gossip: Gossip, from: NodeName, now: Instant, out: BroadcastEffects): void {
    const { origin, number, round } = gossip
    const pruned = this.#trees.prunedAt(origin, from)
    if (pruned === undefined || now - pruned >= pruneGrace) {
      this.#trees.makeEager(origin, from)
      stream.parent = from
      stream.round = round + 1
    }
    if (gossip.omitted !== undefined) return this.#leaveOut(stream, number, from, now, out)
    stream.delivered = number
    stream.progress = now
    this.#keep(stream, gossip, now, out)
    out.push({ type: 'deliver', gossip, from })
    this.#push(stream, gossip, from, out)
  }

  /** Whom it came from first keeps the link eager; all others become lazy. */
  #duplicate(from: NodeName, stream: BroadcastStream, now: Instant, out: BroadcastEffects): void {
    out.push({ type: 'count', what: 'duplicate', count: 1 })
    if (stream.parent === from) return
    const pruned = this.#trees.prunedAt(stream.origin, from)
    if (pruned === undefined || now - pruned >= pruneGrace) this.#prune(from, stream, now, out)
  }

  #prune(peer: NodeName, { origin, incarnation }: BroadcastStream, now: Instant, out: BroadcastEffects): void {
    this.#trees.makeLazy(origin, peer, now)
    out.push({ type: 'send', to: peer, message: { type: 'prune', origin, incarnation } })
  }

  #push(stream: BroadcastStream, gossip: Gossip, from: NodeName | undefined, out: BroadcastEffects): void {
    const round = from === undefined ? 0 : gossip.round + 1
    const message: Gossip = { ...gossip, round, floor: Math.min(stream.floor, gossip.number) }
    for (const to of this.#peers) {
      if (to !== from && !this.#trees.isLazy(gossip.origin, to)) out.push({ type: 'send', to, message })
    }
    this.#note(stream, out)
  }

  #note(stream: BroadcastStream, out: BroadcastEffects): void {
    if (this.#news.size === 0 && this.#refusals === 0) this.#arm('announce', this.#options.announceInterval, out)
    this.#news.add(stream)
  }

  #announced(from: NodeName, [origin, incarnation, upTo, hops]: StreamMark, now: Instant, out: BroadcastEffects): void {
    const before = this.#established ? 0 : Math.max(0, upTo - 1)
    const stream = this.#heardOf(origin, incarnation, before)
    if (stream === undefined) return
    if (upTo > stream.delivered) return this.#repair.missing(stream, from, upTo, false, now, out)
    const { parent } = stream
    const isShorter = upTo === stream.delivered && hops + 1 + this.#options.hopThreshold <= stream.round
    if (!isShorter || parent === undefined || parent === from || !this.#peers.has(parent)) return
    stream.parent = from
    stream.round = hops + 1
    this.#trees.makeEager(origin, from)
    // What comes meanwhile may reach neither the old link nor the new one by itself, so it is asked for.
    const graft = { type: 'graft', origin, incarnation, from: upTo + 1, upTo: upTo + this.#options.resendMax } as const
    out.push({ type: 'send', to: from, message: graft })
    this.#prune(parent, stream, now, out)
  }

  /** What a neighbour says that it has, when it comes up or is asked. */
  #compare(from: NodeName, [origin, incarnation, upTo]: StreamMark, now: Instant, out: BroadcastEffects): void {
    // Who has just come is not told of what was before.
    const before = this.#established ? 0 : upTo
    const stream = this.#heardOf(origin, incarnation, before)
    if (stream !== undefined && upTo > stream.delivered) this.#repair.missing(stream, from, upTo, true, now, out)
  }

  #resend(
    to: NodeName,
    stream: BroadcastStream | undefined,
    { origin, incarnation }: { readonly origin: NodeName; readonly incarnation: Incarnation },
    from: number,
    upTo: number,
    out: BroadcastEffects,
  ): void {
    if (stream !== undefined && from > stream.delivered) return
    const kept = stream?.kept.filter(({ number }) => number >= from && number <= upTo) ?? []
    const [first] = kept
    if (first === undefined || first.number > from) {
      const gone = first === undefined ? Math.min(upTo, stream?.delivered ?? upTo) : first.number - 1
      const had = stream !== undefined && stream.begin < gone
      out.push({ type: 'send', to, message: { type: 'gone', origin, incarnation, upTo: gone, had } })
    }
    const round = origin === this.#options.self.name ? 0 : (stream?.round ?? 0)
    for (const { number, server, body } of kept.slice(0, this.#options.resendMax)) {
      const floor = first?.number ?? number
      out.push({
        type: 'send',
        to,
        message: { type: 'gossip', origin, incarnation, number, floor, round, server, body },
      })
    }
  }

  /** It will never come: whatever of it is still to come is a duplicate. */
  #skip(stream: BroadcastStream, upTo: number, now: Instant, out: BroadcastEffects): void {
    // A stream begins where this node came, or where its origin did: whatever follows was to come here.
    const count = upTo - stream.delivered
    if (count > 0) out.push({ type: 'missed', origin: stream.origin, count })
    stream.delivered = upTo
    stream.progress = now
  }

  /** It is too large for this node. Those who would have got it from here are told, and ask others. */
  #leaveOut(stream: BroadcastStream, number: number, from: NodeName, now: Instant, out: BroadcastEffects): void {
    this.#skip(stream, number, now, out)
    const { origin, incarnation, round } = stream
    const message: BroadcastMessage = { type: 'announce', marks: [[origin, incarnation, number, round]] }
    for (const to of this.eager(origin)) if (to !== from && to !== origin) out.push({ type: 'send', to, message })
    this.#note(stream, out)
  }

  #refuse(peer: NodeName, origin: NodeName, out: BroadcastEffects): void {
    const stream = this.#streams.get(origin)
    if (stream === undefined || !this.#peers.has(peer)) return
    const refused = this.#refused.get(peer) ?? new Set()
    if (refused.has(stream)) return
    if (this.#refusals >= this.#options.refusedMax) {
      return void out.push({ type: 'count', what: 'unannounced', count: 1 })
    }
    if (this.#news.size === 0 && this.#refusals === 0) this.#arm('announce', this.#options.announceInterval, out)
    this.#refused.set(peer, refused.add(stream))
    this.#refusals++
  }

  /** Tells lazy neighbours, some of them where they are many, what has come since the last time. */
  #announce(out: BroadcastEffects): void {
    const { random, announceFanout } = this.#options
    const marks = new Map<NodeName, StreamMark[]>()
    const add = (to: NodeName, { origin, incarnation, delivered, round }: BroadcastStream): void => {
      const its = marks.get(to)
      const mark: StreamMark = [origin, incarnation, delivered, round]
      if (its === undefined) marks.set(to, [mark])
      else its.push(mark)
    }
    for (const stream of this.#news) {
      const lazy = [...this.#peers].filter(peer => this.#trees.isLazy(stream.origin, peer) && peer !== stream.origin)
      for (const to of sample(random, lazy, announceFanout)) add(to, stream)
    }
    for (const [to, streams] of this.#refused) for (const stream of streams) add(to, stream)
    this.#news.clear()
    this.#refused.clear()
    this.#refusals = 0
    for (const [to, all] of marks) {
      for (let at = 0; at < all.length; at += marksPerMessage) {
        out.push({ type: 'send', to, message: { type: 'announce', marks: all.slice(at, at + marksPerMessage) } })
      }
    }
  }

  /** What a neighbour is asked when it is told what is here. */
  get #question(): 'kept' | 'all' {
    return this.#established ? 'kept' : 'all'
  }

  /** Tells a neighbour all that is kept, or known, here, in parts where it is much. */
  #sync(to: NodeName, asks: 'no' | 'kept' | 'all', all: boolean, out: BroadcastEffects): void {
    const marks: StreamMark[] = []
    for (const { origin, incarnation, delivered, kept, floor } of this.#streams.values()) {
      if (kept.length > 0 || (all && delivered > 0)) marks.push([origin, incarnation, delivered, floor])
    }
    for (let at = 0; at === 0 || at < marks.length; at += marksPerMessage) {
      const last = at + marksPerMessage >= marks.length
      const part = marks.slice(at, at + marksPerMessage)
      out.push({ type: 'send', to, message: { type: 'sync', marks: part, last, asks: last ? asks : 'no' } })
    }
  }

  /** From time to time one neighbour and this node tell each other what they have: nothing stays missing for long. */
  #exchange(now: Instant, out: BroadcastEffects): void {
    this.#cache.expire(now)
    this.#exchanging = false
    const [peer] = sample(this.#options.random, [...this.#peers], 1)
    if (this.#cache.empty) return
    if (peer !== undefined) this.#sync(peer, this.#question, false, out)
    this.#armExchange(out)
  }

  #keep(stream: BroadcastStream, gossip: Gossip, now: Instant, out: BroadcastEffects): void {
    this.#cache.add(stream, gossip, now)
    // The order of the map is that of use.
    this.#streams.delete(stream.origin)
    this.#streams.set(stream.origin, stream)
    this.#armExchange(out)
  }

  #armExchange(out: BroadcastEffects): void {
    if (this.#exchanging) return
    this.#exchanging = true
    this.#arm('exchange', this.#options.exchangeInterval * (0.5 + this.#options.random.next()), out)
  }

  #arm(timer: BroadcastTimer, after: Millis, out: BroadcastEffects): void {
    out.push({ type: 'arm', timer, after })
  }

  #known(origin: NodeName, incarnation: Incarnation): BroadcastStream | undefined {
    const stream = this.#streams.get(origin)
    return stream?.incarnation === incarnation ? stream : undefined
  }

  /**
   * The stream of another node; one that was not known begins after `delivered`. Undefined for an earlier life of its
   * node, which nobody is told of any more.
   */
  #heardOf(origin: NodeName, incarnation: Incarnation, delivered: number): BroadcastStream | undefined {
    const earlier = this.#streams.get(origin)
    if (origin === this.#options.self.name) return undefined
    if (earlier !== undefined && earlier.incarnation >= incarnation) {
      return earlier.incarnation === incarnation ? earlier : undefined
    }
    if (earlier !== undefined) this.#drop(earlier)
    else if (this.#streams.size >= this.#options.streamsMax) this.#forgetOldest()
    const stream = new BroadcastStream(origin, incarnation, delivered)
    this.#streams.set(origin, stream)
    return stream
  }

  #forgetOldest(): void {
    for (const stream of this.#streams.values()) {
      if (stream.origin === this.#options.self.name) continue
      return this.#drop(stream)
    }
  }

  #drop(stream: BroadcastStream): void {
    this.#streams.delete(stream.origin)
    this.#cache.clear(stream)
    this.#repair.drop(stream)
    this.#news.delete(stream)
    for (const streams of this.#refused.values()) if (streams.delete(stream)) this.#refusals--
  }
}
