import type { Incarnation, NodeName } from '../core/node.js'
import { Acceptance } from '../delivery/acceptance.js'
import type { Lane } from '../link/lane.js'
import type { Link } from '../link/link.js'

type Streams = Map<number, Acceptance<Uint8Array>>

/** What was taken of one life of a peer, by channel and stream. */
interface Inbox {
  readonly incarnation: Incarnation
  readonly channels: Map<string, Streams>
}

/**
 * What was taken of messages that are to be acknowledged, of every peer. It outlives connections, and links too: a peer
 * that is no neighbour for a while must not have what it sends again handled twice.
 */
export class Inboxes {
  readonly #most: number
  /** The one that was heard of last comes last. */
  readonly #inboxes = new Map<NodeName, Inbox>()
  #last: Inbox | undefined
  /** What was asked for last: messages of one stream come one after another. */
  #recent:
    | {
        readonly lane: Lane
        readonly stream: number
        readonly incarnation: Incarnation
        readonly acceptance: Acceptance<Uint8Array>
      }
    | undefined

  /** So many peers are remembered; beyond them, those that were heard of longest ago are forgotten. */
  constructor(most: number) {
    this.#most = most
  }

  of(lane: Lane, stream: number): Acceptance<Uint8Array> {
    const recent = this.#recent
    const { link, channel } = lane
    if (recent?.lane === lane && recent.stream === stream && recent.incarnation === link.spec.incarnation) {
      return recent.acceptance
    }
    const streams = this.#streamsOf(link, channel.name)
    const acceptance = streams.get(stream) ?? new Acceptance<Uint8Array>()
    streams.set(stream, acceptance)
    this.#recent = { lane, stream, incarnation: link.spec.incarnation, acceptance }
    return acceptance
  }

  /** The streams of a lane of which anything is known. */
  *onLane({ link, channel, index }: Lane): Iterable<readonly [stream: number, acceptance: Acceptance<Uint8Array>]> {
    const inbox = this.#inboxes.get(link.name)
    if (inbox?.incarnation !== link.spec.incarnation) return
    for (const [stream, acceptance] of inbox.channels.get(channel.name) ?? []) {
      if (stream % channel.lanes.length === index) yield [stream, acceptance]
    }
  }

  /** The peer numbers the streams of this lane anew. */
  forget({ link, channel, index }: Lane): void {
    this.#recent = undefined
    const streams = this.#inboxes.get(link.name)?.channels.get(channel.name)
    for (const stream of [...(streams?.keys() ?? [])]) {
      if (stream % channel.lanes.length === index) streams?.delete(stream)
    }
  }

  /** A new life of this node begins: nothing was sent to it yet. */
  clear(): void {
    this.#inboxes.clear()
    this.#last = undefined
    this.#recent = undefined
  }

  #streamsOf({ name, spec }: Link, channel: string): Streams {
    let inbox = this.#inboxes.get(name)
    if (inbox === undefined || inbox.incarnation !== spec.incarnation) {
      inbox = { incarnation: spec.incarnation, channels: new Map() }
    }
    if (inbox !== this.#last) this.#moveToEnd(name, inbox)
    const known = inbox.channels.get(channel)
    if (known !== undefined) return known
    const streams: Streams = new Map()
    inbox.channels.set(channel, streams)
    return streams
  }

  #moveToEnd(name: NodeName, inbox: Inbox): void {
    this.#last = inbox
    this.#inboxes.delete(name)
    this.#inboxes.set(name, inbox)
    for (const oldest of this.#inboxes.keys()) {
      if (this.#inboxes.size <= this.#most) break
      this.#inboxes.delete(oldest)
    }
  }
}
