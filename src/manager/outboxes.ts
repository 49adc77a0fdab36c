import type { Acknowledgement } from '../codec/acknowledgement-frame.js'
import type { NodeName } from '../core/node.js'
import type { Clock, Millis } from '../core/time.js'
import { Outstanding } from '../delivery/outstanding.js'
import type { LinkChannel } from '../link/channel.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'
import type { Tracker, Waiting } from '../link/queue.js'
import { errorOf } from './error-reports.js'

/** What a fault took away is sent, or asked for, again after so long. */
export const resendMillis: Millis = 1_000

/** What was sent over one channel to one life of a peer and is not acknowledged, by stream. */
class Outbox implements Tracker {
  readonly #channel: LinkChannel
  /** Those of which anything was sent. */
  readonly #streams: Outstanding<Waiting>[] = []

  constructor(channel: LinkChannel) {
    this.#channel = channel
  }

  lowest(stream: number): number | undefined {
    return this.#streams[stream]?.lowest
  }

  greatest(stream: number): number | undefined {
    return this.#streams[stream]?.greatest
  }

  sent(entry: Waiting): void {
    const { stream, sequence } = entry
    const outstanding = this.#streams[stream] ?? new Outstanding<Waiting>()
    this.#streams[stream] = outstanding
    outstanding.sent(sequence, entry)
  }

  giveUp(entry: Waiting): void {
    this.#streams[entry.stream]?.giveUp(entry.sequence)
    this.#forget(entry)
  }

  acknowledged(node: NodeName, { stream, upTo, open, refusals }: Acknowledgement): void {
    const refused = refusals.length === 0 ? undefined : new Map(refusals)
    this.#streams[stream]?.settle(upTo, open, (entry, number) => {
      this.#forget(entry)
      if (refused?.has(number) !== true) entry.settler?.sent()
      else entry.settler?.failed(errorOf(node, entry.server, refused.get(number), 'message'))
    })
  }

  /** Sends again what is outstanding of a stream after a number: on its lane if that is open, or as soon as it is. */
  again(stream: number, after = 0): void {
    const entries = this.#streams[stream]?.takeAfter(after) ?? []
    if (entries.length > 0) this.#channel.laneOf(stream).outbound.again(entries)
  }

  /** The lane was lost: what was sent on it and is outstanding waits for it again. */
  putBack(lane: Lane): void {
    for (let stream = lane.index; stream < this.#streams.length; stream += this.#channel.lanes.length)
      this.again(stream)
  }

  againAll(): void {
    for (const stream of this.#streams.keys()) this.again(stream)
  }

  /** Takes out everything, for good. */
  end(): Waiting[] {
    const entries = this.#streams.flatMap(stream => stream.takeAfter(0))
    for (const entry of entries) this.#forget(entry)
    return entries
  }

  #forget(entry: Waiting): void {
    this.#channel.laneOf(entry.stream).queue.settle(entry)
  }
}

/**
 * The sending end of acknowledgements. A message that was sent is kept until it is acknowledged; when its lane is lost
 * it goes back to the head of the queue, under the number that it had. Nothing else is ever sent twice: within a
 * connection only faults lose anything, and whoever carries them out knows.
 */
export class Outboxes {
  readonly #clock: Clock
  readonly #outboxes = new WeakMap<LinkChannel, Outbox>()
  readonly #timers = new Map<LinkChannel, () => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Of a channel that is new. */
  trackerFor(channel: LinkChannel): Tracker {
    const outbox = new Outbox(channel)
    this.#outboxes.set(channel, outbox)
    return outbox
  }

  acknowledged({ channel, link }: Lane, acknowledgement: Acknowledgement): void {
    const outbox = this.#outboxes.get(channel)
    outbox?.acknowledged(link.name, acknowledgement)
    // What is open was taken.
    if (acknowledgement.again) outbox?.again(acknowledgement.stream, acknowledgement.upTo)
  }

  /** A fault took an acknowledgement away: after a while everything is sent again, so that another comes. */
  missed({ channel }: Lane): void {
    if (this.#timers.has(channel)) return
    const cancel = this.#clock.schedule(resendMillis, () => {
      this.#timers.delete(channel)
      this.#outboxes.get(channel)?.againAll()
    })
    this.#timers.set(channel, cancel)
  }

  laneClosed(lane: Lane): void {
    this.#outboxes.get(lane.channel)?.putBack(lane)
  }

  /** The cut between the two is gone: what was said meanwhile is lost. */
  healed(link: Link): void {
    for (const channel of link.channels.values()) this.#outboxes.get(channel)?.againAll()
  }

  /** A life of the peer, or the membership in common, is over: takes out everything that it has not acknowledged. */
  end(link: Link): Waiting[] {
    return [...link.channels.values()].flatMap(channel => {
      this.#timers.get(channel)?.()
      this.#timers.delete(channel)
      return this.#outboxes.get(channel)?.end() ?? []
    })
  }
}
