import { copyValue } from '../codec/value-copy.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { NotConnectedError } from '../core/errors.js'
import type { Incarnation } from '../core/node.js'
import type { Clock } from '../core/time.js'
import { isHeld, type Outcome, type Passage } from '../fault/interposition.js'
import type { LinkChannel } from '../link/channel.js'
import { costOf } from '../link/queue.js'
import type { Counters } from './counters.js'
import type { Delays } from './delays.js'
import { resendMillis } from './outboxes.js'
import { isAwaited, type Outgoing } from './outgoing.js'
import type { Room } from './room.js'
import { isUnnamed } from './server-ref.js'

export interface HeldBackContext {
  readonly clock: Clock
  readonly counters: Counters
  readonly delays: Delays
  readonly valueLimits: ValueLimits
  readonly room: Room
  judge(passage: Passage): Outcome
  /** Lets a message go on to its lane. Throws where it cannot even wait there. */
  goOn(channel: LinkChannel, outgoing: Outgoing): void
  /** Tells whoever waits for a message, or an event where nobody does, that it ends. */
  fail(channel: LinkChannel, outgoing: Outgoing, error: Error): void
  /** Calls `end` at the deadline or signal of a message, unless what is returned is called first. */
  watch(outgoing: Outgoing, end: (error: Error) => void): (() => void) | undefined
}

/** A message that a fault has taken away for now, or that waits behind one. */
interface Held {
  readonly outgoing: Outgoing
  readonly channel: LinkChannel
  readonly incarnation: Incarnation
  over: boolean
  /** Gives its room back. */
  leave: () => void
}

/** The messages of one stream, in order. */
interface Line {
  readonly waiting: Held[]
  cancel: (() => void) | undefined
}

/**
 * Messages with `ack` that interpositions of this node stand in the way of. What they drop is tried again after a
 * while, as a lost packet is; what comes after it in its stream waits, so that the order holds.
 */
export class HeldBack {
  readonly #context: HeldBackContext
  readonly #lines = new Map<string, Line>()

  constructor(context: HeldBackContext) {
    this.#context = context
  }

  /** Whether anything of the stream waits here: then what comes waits behind it. */
  has(channel: LinkChannel, stream: number): boolean {
    return this.#lines.size > 0 && this.#lines.has(keyOf(channel, stream))
  }

  take(channel: LinkChannel, stream: number, outgoing: Outgoing): void {
    const key = keyOf(channel, stream)
    const line = this.#lines.get(key)
    if (line === undefined) {
      const outcome = this.#judge(channel, outgoing)
      if (outcome.copies > 0 && !isHeld(outcome)) {
        return this.#context.goOn(channel, { ...outgoing, message: outcome.message })
      }
      const held = this.#hold(channel, outgoing)
      if (held === undefined) return
      const first: Line = { waiting: [held], cancel: undefined }
      this.#lines.set(key, first)
      return this.#wait(key, first, outcome)
    }
    const held = this.#hold(channel, outgoing)
    if (held !== undefined) line.waiting.push(held)
  }

  /** A life of this node ends. */
  stop(error: () => Error): void {
    const lines = [...this.#lines.values()]
    this.#lines.clear()
    for (const { cancel, waiting } of lines) {
      cancel?.()
      for (const held of waiting) this.#end(held, error())
    }
  }

  /** It waits as it is now, within the bounds of its queue; undefined: there is no room. */
  #hold(channel: LinkChannel, outgoing: Outgoing): Held | undefined {
    const { valueLimits, room } = this.#context
    const { value: message, bytes } = copyValue(outgoing.message, valueLimits)
    const awaited = isAwaited(outgoing)
    const leave = room.take(channel, costOf(bytes, awaited), awaited)
    if (leave === undefined) {
      this.#context.fail(channel, outgoing, room.refusal(channel))
      return undefined
    }
    const { incarnation } = channel.link.spec
    const held: Held = { outgoing: { ...outgoing, message }, channel, incarnation, over: false, leave }
    const unwatch = this.#context.watch(outgoing, error => this.#end(held, error))
    held.leave = () => {
      leave()
      unwatch?.()
    }
    return held
  }

  #end(held: Held, error: Error): void {
    if (held.over) return
    held.over = true
    held.leave()
    this.#context.fail(held.channel, held.outgoing, error)
  }

  /** The first of a line was dropped, or is held. */
  #wait(key: string, line: Line, outcome: Outcome): void {
    const { clock, counters, delays } = this.#context
    if (outcome.copies === 0) counters.add('faulted')
    else {
      const goOn = (): void => {
        const first = line.waiting.shift()
        if (first !== undefined) this.#pass(first, outcome.message)
        this.#advance(key, line)
      }
      line.cancel = delays.hold(outcome, goOn)
      if (line.cancel !== undefined) return
    }
    line.cancel = clock.schedule(resendMillis, () => this.#advance(key, line))
  }

  #advance(key: string, line: Line): void {
    line.cancel = undefined
    for (let first = line.waiting[0]; first !== undefined; first = line.waiting[0]) {
      if (!first.over) {
        const outcome = this.#judge(first.channel, first.outgoing)
        if (outcome.copies === 0 || isHeld(outcome)) return this.#wait(key, line, outcome)
        this.#pass(first, outcome.message)
      }
      line.waiting.shift()
    }
    this.#lines.delete(key)
  }

  #pass(held: Held, message: unknown): void {
    if (held.over) return
    held.over = true
    held.leave()
    const { channel, outgoing, incarnation } = held
    try {
      if (channel.link.spec.incarnation !== incarnation) throw new NotConnectedError(channel.link.name, 'restarted')
      this.#context.goOn(channel, { ...outgoing, message })
    } catch (error) {
      this.#context.fail(channel, outgoing, error as Error)
    }
  }

  #judge({ link, name: channel }: LinkChannel, { kind, server: named, message }: Outgoing): Outcome {
    const server = isUnnamed(kind) ? undefined : named
    return this.#context.judge({ direction: 'forward', peer: link.name, channel, kind, server, message })
  }
}

function keyOf({ link, name }: LinkChannel, stream: number): string {
  return `${link.name}\n${name}\n${stream}`
}
