import { refusalsPerFrame, runsPerFrame, writeAcknowledgement } from '../codec/acknowledgement-frame.js'
import { ByteWriter } from '../codec/byte-writer.js'
import { FrameKind } from '../codec/codec.js'
import { encodeToBytes } from '../codec/value-bytes.js'
import { StoppedError } from '../core/errors.js'
import { type Life, lifeOf } from '../core/node.js'
import type { Millis } from '../core/time.js'
import type { Acceptance } from '../delivery/acceptance.js'
import { isHeld, type Outcome, type Passage } from '../fault/interposition.js'
import type { LinkHub } from '../link/hub.js'
import type { IncomingAck, IncomingExtra } from '../link/inbound.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'
import { type ErrorReport, expiredReport, forgottenReport, reportOf, shortened } from './error-reports.js'
import type { Inboxes } from './inboxes.js'
import { aged, type IncomingContext } from './incoming.js'
import { resendMillis } from './outboxes.js'
import type { Acceptor } from './registry.js'
import { internalKindOf } from './server-ref.js'
import type { MessageContext } from './servers.js'

export interface AckedArrivalsContext extends IncomingContext {
  readonly hub: LinkHub
  readonly inboxes: Inboxes
}

/** A message that is to be acknowledged, on its way from its lane to its server. */
export interface AckedMessage {
  readonly lane: Lane
  readonly server: string
  readonly payload: unknown
  readonly extra: IncomingExtra
  readonly ack: IncomingAck
  readonly context: MessageContext
  /** The life of its sender. */
  readonly from: Life
}

/** A message that was taken, until it is settled. */
class Taken implements Acceptor {
  readonly lane: Lane
  readonly ack: IncomingAck
  readonly acceptance: Acceptance<Uint8Array>
  readonly #arrivals: AckedArrivals
  #given = false

  constructor(arrivals: AckedArrivals, lane: Lane, ack: IncomingAck, acceptance: Acceptance<Uint8Array>) {
    this.#arrivals = arrivals
    this.lane = lane
    this.ack = ack
    this.acceptance = acceptance
  }

  given(): void {
    this.#given = true
    if (!this.ack.handled) this.settle()
  }

  handled(): void {
    if (this.ack.handled) this.settle()
  }

  failed(error: unknown): boolean {
    // The life in which it came is over: nobody is told anything any more. What the user's code throws is never this.
    if (error instanceof StoppedError && !this.#given) return false
    if (!this.ack.handled && this.#given) return false
    this.settle(reportOf(error))
    return true
  }

  settle(report?: ErrorReport): void {
    this.#arrivals.settled(this, report)
  }
}

/** The receiving end of acknowledgements: hands over each message once and in order, and tells its sender so. */
export class AckedArrivals {
  readonly #context: AckedArrivalsContext
  /** Streams whose state has to be told, by lane, when what runs has ended. */
  readonly #due = new Map<Lane, Set<number>>()
  /** A retry of what a fault took away, by stream. */
  readonly #timers = new Map<Acceptance<Uint8Array>, () => void>()

  constructor(context: AckedArrivalsContext) {
    this.#context = context
  }

  message(message: AckedMessage): PromiseLike<unknown> | undefined {
    const { lane, ack, payload } = message
    const { inboxes, counters, interpositions } = this.#context
    const acceptance = inboxes.of(lane, ack.stream)
    const verdict = acceptance.judge(ack.number, ack.previous, ack.lowest)
    if (verdict === 'duplicate') {
      counters.add('duplicates')
      this.#owe(lane, ack.stream)
      return undefined
    }
    if (verdict === 'later') {
      this.#retry(lane, ack.stream, acceptance, acceptance.owes ? 0 : resendMillis)
      return undefined
    }
    if (lane.link.state.phase === 'cut') {
      counters.add('faulted')
      acceptance.dropped()
      return undefined
    }
    if (!interpositions.active) return this.#deliver(message, payload, acceptance)
    const internal = internalKindOf(message.server)
    const server = internal === undefined ? message.server : undefined
    const outcome = this.#judge(lane, 'receive', internal ?? 'message', server, payload)
    if (outcome.copies > 0) lane.heard()
    if (outcome.copies > 0 && !isHeld(outcome)) return this.#deliver(message, outcome.message, acceptance)
    if (outcome.copies > 0) return this.#hold(message, outcome, acceptance)
    counters.add('faulted')
    acceptance.dropped()
    this.#retry(lane, ack.stream, acceptance)
    return undefined
  }

  /** The cut between the two is gone: what was dropped behind it is asked for, and what was settled is told. */
  healed(link: Link): void {
    for (const lane of link.lanes()) {
      for (const [stream] of this.#context.inboxes.onLane(lane)) this.#tell(lane, stream, true)
    }
  }

  /** A life of this node ends. */
  clear(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
    this.#due.clear()
    this.#context.inboxes.clear()
  }

  /** What comes after a message that is held back waits for it: it is dropped, and asked for again afterwards. */
  #hold(message: AckedMessage, outcome: Outcome, acceptance: Acceptance<Uint8Array>): PromiseLike<unknown> | undefined {
    const { clock } = this.#context
    const { number } = message.ack
    const arrived = clock.now()
    acceptance.hold(number)
    const { causal } = message.extra
    if (causal !== undefined) this.#context.causal.delayed(lifeOf(message.from), causal)
    let resolve = (): void => {}
    const gone = new Promise<void>(settle => {
      resolve = settle
    })
    const goOn = (): void => {
      const extra = aged(message.extra, clock.now() - arrived)
      const handled = this.#deliver({ ...message, extra }, outcome.message, acceptance)
      if (handled === undefined) resolve()
      else handled.then(resolve, resolve)
      // What came meanwhile was dropped.
      this.#tell(message.lane, message.ack.stream, true)
    }
    if (this.#context.delays.hold(outcome, goOn, resolve) !== undefined) return gone
    this.#context.counters.add('faulted')
    acceptance.letGo()
    if (causal !== undefined) this.#context.causal.undelayed(lifeOf(message.from), causal)
    this.#retry(message.lane, message.ack.stream, acceptance)
    return undefined
  }

  #deliver(
    message: AckedMessage,
    payload: unknown,
    acceptance: Acceptance<Uint8Array>,
  ): PromiseLike<unknown> | undefined {
    const { lane, extra, ack } = message
    acceptance.take(ack.number)
    const taken = new Taken(this, lane, ack, acceptance)
    const { causal } = extra
    if (causal === undefined) return this.#hand(message, payload, taken, taken)
    const { clock } = this.#context
    const arrived = clock.now()
    return this.#context.causal.take(lifeOf(message.from), causal, taken, acceptor =>
      this.#hand({ ...message, extra: aged(extra, clock.now() - arrived) }, payload, taken, acceptor),
    )
  }

  #hand(
    { server, extra, context }: AckedMessage,
    payload: unknown,
    taken: Taken,
    acceptor: Acceptor,
  ): PromiseLike<unknown> | undefined {
    if (extra.budget !== 0) return this.#context.registry.accept(server, payload, context, acceptor)
    this.#context.counters.add('expired')
    taken.settle(expiredReport)
    return undefined
  }

  /** A message that was taken needs nothing more here: its handler has got it, or it was refused. */
  settled({ lane, ack, acceptance }: Taken, report: ErrorReport | undefined): void {
    acceptance.settled(ack.number, report === undefined ? undefined : this.#encoded(report))
    this.#owe(lane, ack.stream)
  }

  #owe(lane: Lane, stream: number): void {
    if (this.#due.size === 0) this.#context.clock.soon(() => this.#pay())
    const streams = this.#due.get(lane)
    if (streams !== undefined) streams.add(stream)
    else this.#due.set(lane, new Set([stream]))
  }

  #pay(): void {
    const due = [...this.#due]
    this.#due.clear()
    for (const [lane, streams] of due) for (const stream of streams) this.#tell(lane, stream)
  }

  /** `asks`: for what was dropped, too; not with each acknowledgement, or a fault would have it dropped again. */
  #tell(came: Lane, stream: number, asks = false): void {
    const lane = came.phase === 'open' ? came : this.#presentOf(came, stream)
    // On the next connection everything that is outstanding comes again, and is acknowledged again.
    if (lane?.phase !== 'open') return
    const { interpositions, counters, delays } = this.#context
    if (lane.link.state.phase === 'cut') return counters.add('faulted')
    if (!interpositions.active) return this.#write(lane, stream, asks)
    const outcome = this.#judge(lane, 'forward', 'ack', undefined, undefined)
    if (outcome.copies === 0) {
      counters.add('faulted')
      return this.#retry(lane, stream, this.#context.inboxes.of(lane, stream))
    }
    if (!isHeld(outcome)) return this.#write(lane, stream, asks)
    const held = delays.hold(outcome, () => {
      if (lane.phase === 'open') this.#write(lane, stream, asks)
    })
    if (held === undefined) this.#retry(lane, stream, this.#context.inboxes.of(lane, stream))
  }

  /** Between two nodes that no overlay has together, a link may end and another take its place. */
  #presentOf({ link, channel }: Lane, stream: number): Lane | undefined {
    return this.#context.hub.links.get(link.name)?.channels.get(channel.name)?.laneOf(stream)
  }

  #write(lane: Lane, stream: number, asks: boolean): void {
    const acceptance = this.#context.inboxes.of(lane, stream)
    const again = asks && acceptance.misses
    if (again) acceptance.asked()
    for (let after = 0; ; ) {
      const { isLast, ...telling } = acceptance.tell(runsPerFrame, countWithin, after)
      const refusals = telling.refusals.map(([number, report]) => [number, report ?? forgotten] as const)
      const writer = new ByteWriter(16)
      writeAcknowledgement(writer, { stream, ...telling, refusals, again: isLast && again })
      lane.outbound.control(FrameKind.ack, writer.take())
      if (isLast) return
      after = telling.upTo
    }
  }

  /** What cannot travel is told in fewer words. */
  #encoded(report: ErrorReport): Uint8Array {
    const { valueLimits } = this.#context
    try {
      const bytes = encodeToBytes(report, valueLimits)
      if (bytes.length <= refusalBytesMax / 2) return bytes
    } catch {
      // Its words are to blame.
    }
    return encodeToBytes(shortened(report), valueLimits)
  }

  /** After a while, once for each stream: what a fault took away is asked for, or told, again. */
  #retry(lane: Lane, stream: number, acceptance: Acceptance<Uint8Array>, after: Millis = resendMillis): void {
    if (this.#timers.has(acceptance)) return
    const cancel = this.#context.clock.schedule(after, () => {
      this.#timers.delete(acceptance)
      this.#tell(lane, stream, true)
    })
    this.#timers.set(acceptance, cancel)
  }

  #judge(
    { link, channel }: Lane,
    direction: Passage['direction'],
    kind: Passage['kind'],
    server: string | undefined,
    message: unknown,
  ): Outcome {
    return this.#context.judge({ direction, peer: link.name, channel: channel.name, kind, server, message })
  }
}

const forgotten = encodeToBytes(forgottenReport, { depth: 2, items: 2 })

/** Refusals that one acknowledgement carries, in bytes: less than what travels in chunks. */
const refusalBytesMax = 32_768

/** How many of them one frame can hold. */
function countWithin(refusals: readonly (readonly [number: number, report: Uint8Array | undefined])[]): number {
  let bytes = 0
  for (const [index, [, report]] of refusals.entries()) {
    bytes += (report?.length ?? 0) + 16
    if (index === refusalsPerFrame || (index > 0 && bytes > refusalBytesMax)) return index
  }
  return refusals.length
}
