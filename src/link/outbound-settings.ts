import type { ValueLimits } from '../codec/value-encoder.js'
import type { Clock } from '../core/time.js'
import type { BatchBuffers } from './batch-buffers.js'
import type { Flusher } from './flusher.js'
import type { Tracker } from './queue.js'

/** What became of a message that was offered to the fast path. */
export const Written = {
  /** It is in the batch. */
  sent: 0,
  /** The lane is closed, full or out of credit, or the message needs chunks: it has to wait. */
  wait: 1,
  /** Nobody has tried: something else comes first. */
  untried: 2,
} as const
export type Written = (typeof Written)[keyof typeof Written]

/** What an outbound half needs of its lane. */
export interface OutboundSettings {
  readonly clock: Clock
  readonly flusher: Flusher
  readonly buffers: BatchBuffers
  readonly valueLimits: ValueLimits
  readonly messageBytes: number
  readonly controlBytes: number
  readonly replyBytes: number
  /** The sender's next numbers, one per stream: they outlive connections. */
  readonly sequences: Float64Array
  /** Keeps what is to be acknowledged, once it was sent. */
  readonly tracker: Tracker
}
