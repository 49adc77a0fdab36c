import { bytesFor, type Payload } from '../codec/value-bytes.js'
import { copyValue } from '../codec/value-copy.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { abortError, onAbort } from '../core/abort.js'
import { type ChannelName, defaultChannel } from '../core/channel.js'
import {
  DeadlineError,
  InvalidOptionError,
  NotConnectedError,
  PartitionedError,
  SupersededError,
  UnknownChannelError,
} from '../core/errors.js'
import type { NodeName } from '../core/node.js'
import { isPromiseLike } from '../core/promise-like.js'
import { approximateBytes } from '../core/size.js'
import type { Clock } from '../core/time.js'
import { type Interpositions, isHeld, type Outcome, type Passage } from '../fault/interposition.js'
import type { LinkChannel } from '../link/channel.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import { tooLarge } from '../link/large-frame.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import { Written } from '../link/outbound-settings.js'
import { costOf, type Settler, type Waiting } from '../link/queue.js'
import type { CausalLabels } from './causal-labels.js'
import type { Counters } from './counters.js'
import type { Delays } from './delays.js'
import { HeldBack } from './held-back.js'
import { Introductions, unmetLife } from './introductions.js'
import type { ForwardOptions } from './manager.js'
import { ackOf, isPlain } from './message-options.js'
import { isAwaited, type Outgoing, waitingOf } from './outgoing.js'
import { Room } from './room.js'
import type { Seeker } from './seeker.js'
import { isReserved, isUnnamed, otherLife } from './server-ref.js'
import { Streams } from './streams.js'
import { type TellLost, Unawaited } from './unawaited.js'

/** What a sender needs of its node. */
export interface SenderContext {
  readonly hub: LinkHub
  readonly clock: Clock
  readonly limits: Limits
  readonly valueLimits: ValueLimits
  readonly interpositions: Interpositions
  readonly delays: Delays
  readonly counters: Counters
  readonly channelNames: readonly string[]
  readonly lost: TellLost
  readonly seeker: Seeker
  readonly causal: CausalLabels
  /** Asks the interpositions, and keeps what they throw from the caller. */
  judge(passage: Passage): Outcome
}

/** Below the high-water mark every call gets this same promise. */
export const resolved: Promise<void> = Promise.resolve()

/**
 * The sending path: peer, verdict, channel, stream, interpositions, lane. Each step is one call, and what a message
 * does not ask for costs it nothing.
 */
export class Sender {
  readonly #context: SenderContext
  readonly #room: Room
  readonly heldBack: HeldBack
  readonly #streams = new Streams()
  readonly #introductions: Introductions
  #order = 0

  constructor(context: SenderContext) {
    this.#context = context
    this.#room = new Room(context)
    this.#introductions = new Introductions({ ...context, submit: outgoing => this.submit(outgoing) })
    this.heldBack = new HeldBack({
      ...{ ...context, room: this.#room },
      goOn: ({ link }, outgoing) => {
        // Accepted before its peer went down, it waits for it.
        const waits = ackOf(outgoing.options ?? {})?.onDown === 'wait'
        const options = waits ? ({ ...outgoing.options, whenDown: 'wait' } as const) : outgoing.options
        this.#dispatch(this.#channelFor(link, options), outgoing)
      },
      watch: (outgoing, end) => this.#watch(outgoing, end),
      fail: (channel, { settler, server }, error) => (settler ?? this.#unawaited(channel, server)).failed(error),
    })
  }

  /** The fast path of `forwardMessage` and `castMessage`. Throws typed errors. */
  send(node: string, server: string, message: unknown, options: ForwardOptions | undefined): Written {
    const { hub, interpositions, seeker } = this.#context
    if (interpositions.active || (options !== undefined && !isPlain(options))) return Written.untried
    const link = hub.links.get(node as NodeName)
    if (link === undefined) {
      if (options?.transitive === true) return Written.untried
      throw seeker.stranger(node)
    }
    const channel = this.#channelFor(link, options)
    const stream = this.#streams.of(channel, server, options)
    return channel.laneOf(stream).outbound.offer(server, stream, message, undefined)
  }

  /** The lane that a message of these options leaves on. */
  laneFor(node: string, server: string, options: ForwardOptions | undefined): Lane | undefined {
    const channel = this.#context.hub.links
      .get(node as NodeName)
      ?.channels.get((options?.channel ?? defaultChannel) as ChannelName)
    return channel?.laneOf(this.#streams.of(channel, server, options))
  }

  /** The whole path. Throws a typed error when the message cannot even wait. */
  submit(outgoing: Outgoing): void {
    const { node, server, options } = outgoing
    const link = this.#linkTo(node, options)
    const channel = this.#channelFor(link, options, outgoing.extra?.life)
    options?.signal?.throwIfAborted()
    const { expires } = outgoing.extra ?? {}
    if (expires !== undefined && expires <= this.#context.clock.now()) {
      this.#context.counters.add('expired')
      throw new DeadlineError(`the message to server '${server}'`, 'not-sent')
    }
    if (options?.causalLabel === undefined) return this.#pass(channel, outgoing)
    this.#label(channel, options.causalLabel, outgoing)
  }

  /** Gives a message its place among those of its causal label: the last step that can refuse it before it counts. */
  #label(channel: LinkChannel, label: string, outgoing: Outgoing): void {
    const { server, options, extra } = outgoing
    // Throws for a bad name.
    this.#streams.of(channel, server, options)
    const inner = outgoing.settler ?? this.#unawaited(channel, server)
    if (this.#introductions.has(outgoing.node)) return this.#introductions.follow(outgoing, inner)
    const isUnmet = channel.link.spec.incarnation === unmetLife && options?.transitive === true
    if (isUnmet) return this.#dispatch(channel, this.#introductions.waitingFor(outgoing, inner))
    const { causal, settler } = this.#context.causal.send(label, channel, inner, outgoing.settler !== undefined)
    try {
      this.#pass(channel, { ...outgoing, extra: { ...extra, causal }, settler })
    } catch (error) {
      settler.left()
      throw error
    }
  }

  /** From the interpositions on. */
  #pass(channel: LinkChannel, outgoing: Outgoing): void {
    const { interpositions } = this.#context
    const { server } = outgoing
    const { link } = channel
    if (outgoing.extra?.ack !== undefined && (interpositions.active || !this.heldBack.isEmpty)) {
      const stream = this.#streamOf(channel, outgoing)
      if (interpositions.active || this.heldBack.has(channel, stream)) {
        return this.heldBack.take(channel, stream, outgoing)
      }
    }
    if (!interpositions.active) return this.#dispatch(channel, outgoing)
    const { kind, message } = outgoing
    const outcome = this.#context.judge({
      ...{ direction: 'forward', peer: link.name, channel: channel.name, kind, message },
      server: isUnnamed(kind) ? undefined : server,
    })
    if (outcome.copies === 0) {
      this.#context.counters.add('faulted')
      // Not a byte of a circuit may be skipped, or come twice.
      return kind === 'relay' ? outgoing.settler?.failed(new Error('dropped')) : outgoing.settler?.sent()
    }
    const given = { ...outgoing, message: outcome.message }
    const once = kind === 'relay' ? { ...outcome, copies: 1 } : outcome
    if (isHeld(outcome)) this.#hold(link, channel, given, once)
    else this.#copies(channel, given, once.copies)
  }

  /** Of what an interposition duplicates only the last copy settles. */
  #copies(channel: LinkChannel, outgoing: Outgoing, copies: number): void {
    for (let copy = 1; copy < copies; copy++) this.#dispatch(channel, { ...outgoing, settler: undefined })
    this.#dispatch(channel, outgoing)
  }

  /** What an interposition holds back waits as it is now, within the bounds of its queue. */
  #hold(link: Link, channel: LinkChannel, outgoing: Outgoing, outcome: Outcome): void {
    const { options } = outgoing
    const awaited = isAwaited(outgoing)
    const settler = outgoing.settler ?? this.#unawaited(channel, outgoing.server)
    const { value: message, bytes } = copyValue(outgoing.message, this.#context.valueLimits)
    const leave = this.#room.take(channel, costOf(bytes, awaited), awaited)
    let unwatch: (() => void) | undefined
    const failed = (error: Error): void => {
      leave?.()
      unwatch?.()
      settler.failed(error)
    }
    const goOn = (): void => {
      leave?.()
      unwatch?.()
      if (settler.wanted?.() === false) return
      try {
        // The peer may have been lost, cut off or started anew meanwhile.
        const channel = this.#channelFor(link, options, outgoing.extra?.life)
        this.#copies(channel, { ...outgoing, message }, outcome.copies)
      } catch (error) {
        settler.failed(error as Error)
      }
    }
    const cancel = leave && this.#context.delays.hold(outcome, goOn, failed)
    if (cancel === undefined) {
      leave?.()
      return this.#room.refuse(channel, settler)
    }
    unwatch = this.#watch(outgoing, error => {
      cancel()
      failed(error)
    })
  }

  #dispatch(channel: LinkChannel, outgoing: Outgoing): void {
    const { server, message, extra, settler } = outgoing
    if (extra?.causal !== undefined) this.#context.causal.check(extra.causal, channel.link)
    const stream = this.#streamOf(channel, outgoing)
    const lane = channel.laneOf(stream)
    const isSent = !outgoing.offered && lane.outbound.offer(server, stream, message, extra) === Written.sent
    if (isSent) return settler?.sent()
    this.#enqueue(channel, lane, stream, outgoing)
  }

  #enqueue(channel: LinkChannel, lane: Lane, stream: number, outgoing: Outgoing): void {
    const { message, settler, extra, server } = outgoing
    const isMonotonic = channel.monotonic !== undefined && channel.monotonic !== false
    // What the library's own servers tell each other is not the newest of anything.
    if (isMonotonic && outgoing.kind === 'message' && !isReserved(server)) {
      this.#coalesce(channel, lane, stream, outgoing)
      return lane.outbound.drain()
    }
    const awaited = isAwaited(outgoing)
    const ends = settler ?? this.#unawaited(channel, server)
    if (this.#room.isFull(channel, awaited)) return this.#room.refuse(channel, ends)
    if (extra?.ack !== undefined && this.#keep(channel, lane, stream, outgoing, ends)) return
    const body: Payload = message instanceof Uint8Array ? bytesFor(message, awaited) : lane.outbound.encode(message)
    // A getter of the message may have ended all that is pending.
    if (channel.link.state.phase === 'left') throw new NotConnectedError(channel.link.name, 'left')
    const size = body.end - body.start
    if (size > this.#context.limits.messageBytes) throw tooLarge(size, this.#context.limits.messageBytes)
    const bytes = costOf(size + (extra?.causal?.bytes.length ?? 0), awaited)
    const place = this.#room.find(channel, bytes, awaited)
    if (place === 'none') return this.#room.refuse(channel, ends)
    const entry =
      place === 'queue'
        ? this.#waiting(outgoing, stream, ends, undefined, body, bytes)
        : this.#waiting(outgoing, stream, ends, undefined, { type: 'value', value: message }, 0)
    lane.queue.push(entry)
    this.#watchQueued(entry, outgoing)
    lane.outbound.drain()
  }

  #waiting(
    outgoing: Outgoing,
    stream: number,
    settler: Settler,
    key?: string,
    body?: Waiting['body'],
    bytes?: number,
  ): Waiting {
    return waitingOf(outgoing, stream, settler, ++this.#order, key, body, bytes)
  }

  /** Sends a message that is to be acknowledged past the queue. False: it has to wait. */
  #keep(channel: LinkChannel, lane: Lane, stream: number, outgoing: Outgoing, ends: Settler): boolean {
    const entry = this.#waiting(outgoing, stream, ends)
    if (!lane.outbound.offerKept(entry, outgoing.message, this.#room.leftOf(channel))) return false
    this.#watchQueued(entry, outgoing)
    return true
  }

  #unawaited(channel: LinkChannel, server: string): Settler {
    return new Unawaited(this.#context.lost, channel.link.name, channel.name, server)
  }

  /** On a monotonic channel the newest message of a key takes the place of the one that waits. */
  #coalesce(channel: LinkChannel, lane: Lane, stream: number, outgoing: Outgoing): void {
    const { server, message: value, extra } = outgoing
    const awaited = isAwaited(outgoing)
    const ends = outgoing.settler ?? this.#unawaited(channel, server)
    const bytes = costOf(approximateBytes(value) + (extra?.causal?.bytes.length ?? 0), awaited)
    const key = keyOf(channel, server, value)
    const waiting = lane.queue.waitingFor(key)
    let place = this.#room.find(channel, bytes - (waiting?.bytes ?? 0), awaited)
    // Finding room may have dropped the one that waited, and its bytes with it.
    if (waiting?.gone === true) place = this.#room.find(channel, bytes, awaited)
    if (place === 'none') return this.#room.refuse(channel, ends)
    const entry = this.#waiting(outgoing, stream, ends, key, { type: 'value', value }, place === 'caller' ? 0 : bytes)
    if (waiting === undefined || waiting.gone) {
      lane.queue.push(entry)
      return this.#watchQueued(entry, outgoing)
    }
    const { settler } = waiting
    // Before others of its label that it comes after, it would wait at the receiver for what waits behind it here.
    const takesPlace = extra?.causal === undefined
    if (takesPlace) lane.queue.supersede(waiting, entry)
    else lane.queue.remove(waiting)
    this.#context.counters.add('superseded')
    settler?.failed(new SupersededError())
    if (!takesPlace) lane.queue.push(entry)
    this.#watchQueued(takesPlace ? waiting : entry, outgoing)
  }

  /** A message that is queued ends with its deadline or signal. */
  #watchQueued(entry: Waiting, outgoing: Outgoing): void {
    if (outgoing.options?.signal === undefined && outgoing.extra?.expires === undefined) return
    const { settler } = entry
    const unwatch = this.#watch(
      outgoing,
      error => {
        entry.tracker?.giveUp(entry)
        entry.queue?.remove(entry)
        settler?.failed(error)
      },
      () => entry.sequence > 0,
    )
    if (unwatch === undefined) return
    entry.release = () => {
      unwatch()
      entry.release = undefined
    }
  }

  /** Calls `end` at the deadline or signal of a message, if it has any, unless what is returned is called first. */
  #watch(
    { options, extra, node, server }: Outgoing,
    end: (error: Error) => void,
    wasSent: () => boolean = () => false,
  ): (() => void) | undefined {
    const signal = options?.signal
    if (signal === undefined && extra?.expires === undefined) return undefined
    const aborted = (): void => end(abortError(signal, node, wasSent()))
    // By a getter of the message, while it was encoded.
    if (signal?.aborted === true) {
      aborted()
      return undefined
    }
    const unlisten = signal && onAbort(signal, aborted)
    const { clock, counters } = this.#context
    const cancel =
      extra?.expires === undefined
        ? undefined
        : clock.schedule(Math.max(0, extra.expires - clock.now()), () => {
            counters.add('expired')
            end(new DeadlineError(`the message to server '${server}'`, wasSent() ? 'unknown' : 'not-sent'))
          })
    return () => {
      unlisten?.()
      cancel?.()
    }
  }

  #linkTo(node: string, options: ForwardOptions | undefined): Link {
    const { hub, seeker } = this.#context
    const link = hub.links.get(node as NodeName)
    if (link !== undefined) return link
    if (options?.transitive !== true) throw seeker.stranger(node)
    return seeker.find(node)
  }

  /** The negotiated channel that the options name, if a message may go there now. */
  #channelFor(link: Link, options: ForwardOptions | undefined, life?: number): LinkChannel {
    const { verdict } = link.state
    const other = life === undefined ? undefined : otherLife(link.name, life, link.spec.incarnation)
    if (other !== undefined) throw other
    if (verdict !== 'send') this.#refuse(link, verdict, options)
    else if (options?.transitive === true && !link.state.direct) this.#context.seeker.seek(link)
    const name = (options?.channel ?? defaultChannel) as ChannelName
    const channel = link.channels.get(name)
    if (channel === undefined) throw this.#unknownChannel(link, name)
    return channel
  }

  #refuse(link: Link, verdict: Exclude<Link['state']['verdict'], 'send'>, options: ForwardOptions | undefined): void {
    if (options?.transitive === true && this.#context.seeker.seek(link)) return
    if (verdict === 'cut') throw new PartitionedError(link.name)
    if (verdict === 'down' && options?.whenDown === 'wait') return
    throw verdict === 'stranger' ? this.#context.seeker.stranger(link.name) : new NotConnectedError(link.name, verdict)
  }

  #unknownChannel(link: Link, name: string): UnknownChannelError {
    const { channelNames } = this.#context
    if (!channelNames.includes(name)) return new UnknownChannelError(name, 'local', channelNames)
    return new UnknownChannelError(name, 'remote', Object.keys(link.spec.channels))
  }

  #streamOf(channel: LinkChannel, { stream, server, options }: Outgoing): number {
    return stream ?? this.#streams.of(channel, server, options)
  }
}

function keyOf(channel: LinkChannel, server: string, message: unknown): string {
  const key: unknown = typeof channel.monotonic === 'function' ? channel.monotonic(message) : ''
  if (typeof key === 'string' || typeof key === 'number') return `${server}\n${key}`
  if (isPromiseLike(key)) key.then(undefined, () => {})
  throw new InvalidOptionError('monotonic', 'a function that answers with a text or a number', key)
}
