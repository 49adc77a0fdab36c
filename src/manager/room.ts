import { OverflowError } from '../core/errors.js'
import type { LinkChannel } from '../link/channel.js'
import type { Lane } from '../link/lane.js'
import type { Limits } from '../link/limits.js'
import { costOf, type Settler, type Waiting } from '../link/queue.js'
import type { Counters } from './counters.js'

export interface RoomContext {
  readonly limits: Limits
  readonly counters: Counters
}

/** Where one more message may wait: in the queue, with its caller, or nowhere. */
export type Place = 'queue' | 'caller' | 'none'

/** Keeps what waits for a peer and channel within its budget, as the channel's policy says. */
export class Room {
  readonly #context: RoomContext

  constructor(context: RoomContext) {
    this.#context = context
  }

  /** Finds room for `bytes` more, dropping what the policy drops for them. `awaited`: a caller waits and may block. */
  find(channel: LinkChannel, bytes: number, awaited: boolean): Place {
    const { queueBytes, blockedCalls } = this.#context.limits
    const { budget, overflow } = channel
    // Alone, a message may be larger than the queue.
    if (bytes <= 0 || budget.bytes === 0 || budget.bytes + bytes <= queueBytes) return 'queue'
    if (overflow === 'block') return awaited && budget.blocked < blockedCalls ? 'caller' : 'none'
    if (overflow !== 'drop-oldest') return 'none'
    // Rather than drop all that can be dropped in vain.
    if (budget.pinned > 0 && budget.pinned + bytes > queueBytes) return 'none'
    while (budget.bytes > 0 && budget.bytes + bytes > queueBytes) if (!this.#dropOldest(channel)) return 'none'
    return 'queue'
  }

  /** The bytes that may still wait without anything being dropped. */
  leftOf({ budget }: LinkChannel): number {
    // Alone, a message may be larger than the queue.
    return budget.bytes === 0 ? Number.POSITIVE_INFINITY : this.#context.limits.queueBytes - budget.bytes
  }

  /** Takes room for a message that is held elsewhere, until what is returned is called; undefined: there is none. */
  take(channel: LinkChannel, bytes: number, awaited: boolean): (() => void) | undefined {
    const place = this.find(channel, bytes, awaited)
    if (place === 'none') return undefined
    const { budget } = channel
    const count = place === 'queue' ? { bytes, blocked: 0 } : { bytes: 0, blocked: 1 }
    budget.bytes += count.bytes
    budget.pinned += count.bytes
    budget.blocked += count.blocked
    return () => {
      budget.bytes -= count.bytes
      budget.pinned -= count.bytes
      budget.blocked -= count.blocked
    }
  }

  /** Whether no message at all would be let in: then none needs to be encoded to find that out. */
  isFull({ budget, overflow }: LinkChannel, awaited: boolean): boolean {
    const { queueBytes, blockedCalls } = this.#context.limits
    if (budget.bytes + costOf(0, awaited) <= queueBytes || overflow === 'drop-oldest') return false
    return !(overflow === 'block' && awaited && budget.blocked < blockedCalls)
  }

  /** A message ends because there is no room: its promise tells, or, where there is none, an event. */
  refuse(channel: LinkChannel, settler: Settler | undefined): void {
    settler?.failed(this.refusal(channel))
  }

  /** Counts a message for which there is no room, and says so. */
  refusal(channel: LinkChannel): OverflowError {
    this.#context.counters.add('overflowed')
    return new OverflowError(channel.link.name, channel.name, 'limits.queueBytes')
  }

  /** Of what was sent already nothing is dropped. False: there is nothing else. */
  #dropOldest(channel: LinkChannel): boolean {
    let oldest: { readonly lane: Lane; readonly entry: Waiting } | undefined
    for (const lane of channel.lanes) {
      const entry = lane.queue.oldestUnsent()
      if (entry !== undefined && (oldest === undefined || entry.order < oldest.entry.order)) oldest = { lane, entry }
    }
    if (oldest === undefined) return false
    oldest.lane.queue.remove(oldest.entry)
    this.refuse(channel, oldest.entry.settler)
    return true
  }
}
