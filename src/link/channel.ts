import type { ValueLimits } from '../codec/value-encoder.js'
import type { ChannelName, ChannelOptions, ChannelSpec, Overflow } from '../core/channel.js'
import type { InboundSettings } from './inbound.js'
import { Lane } from './lane.js'
import type { Link } from './link.js'
import type { OutboundSettings } from './outbound-settings.js'
import type { QueueBudget } from './queue.js'

/** One channel to one peer: its lanes, the numbering of its streams, and what may wait. */
export class LinkChannel {
  readonly link: Link
  readonly name: ChannelName
  readonly compression: boolean
  readonly overflow: Overflow
  readonly monotonic: ChannelOptions['monotonic']
  /** Streams of this node's messages: its own declared parallelism, whatever was negotiated. */
  readonly streams: number
  readonly budget: QueueBudget = { bytes: 0, pinned: 0, blocked: 0 }
  readonly outboundSettings: OutboundSettings
  readonly inboundSettings: InboundSettings
  readonly lanes: readonly Lane[]
  /** Lanes that are open now. */
  open = 0

  constructor(link: Link, name: ChannelName, shared: ChannelSpec, peerStreams: number) {
    const { clock, flusher, buffers, limits, valueLimits, channels } = link.settings
    const options = channels[name] ?? {}
    this.link = link
    this.name = name
    this.compression = shared.compression
    this.overflow = options.overflow ?? 'block'
    this.monotonic = options.monotonic
    this.streams = options.parallelism ?? 1
    this.outboundSettings = {
      ...{ ...limits, clock, flusher, buffers, valueLimits },
      ...{ sequences: new Float64Array(this.streams), tracker: link.handler.tracker(this) },
    }
    this.inboundSettings = {
      ...limits,
      valueLimits: link.settings.peerValueLimits,
      lastSeen: new Float64Array(peerStreams),
      lanes: shared.parallelism,
    }
    this.lanes = Array.from({ length: shared.parallelism }, (_, index) => new Lane(this, index))
  }

  /** Grows with every message, either way. */
  get traffic(): number {
    const sum = (numbers: Float64Array): number => numbers.reduce((total, number) => total + number, 0)
    return sum(this.outboundSettings.sequences) + sum(this.inboundSettings.lastSeen)
  }

  /** The largest message that both ends take; undefined while it is not known, as no connection was ever open. */
  get messageBytes(): number | undefined {
    const known = this.lanes.map(({ outbound }) => outbound.agreed.messageBytes).filter(bytes => bytes > 0)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /** What a value may cost that both ends take, as far as it is known. */
  get valueLimits(): ValueLimits {
    return this.laneOf(0).outbound.agreed.values
  }

  /** The lane that carries a stream. */
  laneOf(stream: number): Lane {
    return this.lanes[stream % this.lanes.length] as Lane
  }

  /** The peer numbers the streams of this lane anew. */
  forgetSeen(lane: number): void {
    const { lastSeen } = this.inboundSettings
    for (let stream = lane; stream < lastSeen.length; stream += this.lanes.length) lastSeen[stream] = 0
  }
}
