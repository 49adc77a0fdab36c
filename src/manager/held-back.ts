import { copyValue } from '../codec/value-copy.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import type { Clock } from '../core/time.js'
import { isHeld, type Outcome, type Passage } from '../fault/interposition.js'
import type { LinkChannel } from '../link/channel.js'
import type { Link } from '../link/link.js'
import { costOf, type Patience } from '../link/queue.js'
import type { Counters } from './counters.js'
import type { Delays } from './delays.js'
import { resendMillis } from './outboxes.js'
import { isAwaited, type Outgoing, patienceOf } from './outgoing.js'
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
  readonly line: Line
  /** Gives its room back. */
  leave: () => void
}

/** The messages of one stream, in order. What ends leaves it at once, wherever it stands. */
interface Line {
  readonly key: string
  readonly waiting: Set<Held>
  /** The first of them: a fault dropped it, or holds it. */
  first: Held | undefined
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

  /** Whether nothing waits here. */
  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** Whether anything of the stream waits here: then what comes waits behind it. */
  has(channel: LinkChannel, stream: number): boolean {
    return this.#lines.size > 0 && this.#lines.has(keyOf(channel, stream))
  }

  take(channel: LinkChannel, stream: number, outgoing: Outgoing): void {
    const key = keyOf(channel, stream)
    const known = this.#lines.get(key)
    if (known !== undefined) {
      this.#hold(known, channel, outgoing)
      return
    }
    const outcome = this.#judge(channel, outgoing)
    if (outcome.copies > 0 && !isHeld(outcome)) {
      return this.#context.goOn(channel, { ...outgoing, message: outcome.message })
    }
    const line: Line = { key, waiting: new Set(), first: undefined, cancel: undefined }
    const held = this.#hold(line, channel, outgoing)
    if (held === undefined) return
    this.#lines.set(key, line)
    this.#wait(held, outcome)
  }

  /** Something happened to that peer: what `isOver` picks ends, and is counted. */
  end({ name }: Link, isOver: (message: Patience) => boolean, error: () => Error): number {
    let count = 0
    for (const { waiting } of [...this.#lines.values()]) {
      for (const held of waiting) {
        const { options, extra } = held.outgoing
        const { transitive } = options ?? {}
        if (held.channel.link.name !== name) break
        if (!isOver({ patience: patienceOf(options), sequence: 0, transitive, extra })) continue
        count++
        this.#end(held, error())
      }
    }
    return count
  }

  /** A life of this node ends. */
  stop(error: () => Error): void {
    const lines = [...this.#lines.values()]
    this.#lines.clear()
    for (const line of lines) {
      for (const held of line.waiting) this.#end(held, error())
      line.cancel?.()
    }
  }

  /** It waits as it is now, within the bounds of its queue; undefined: there is no room. */
  #hold(line: Line, channel: LinkChannel, outgoing: Outgoing): Held | undefined {
    const { valueLimits, room } = this.#context
    const { value: message, bytes } = copyValue(outgoing.message, valueLimits)
    const awaited = isAwaited(outgoing)
    const leave = room.take(channel, costOf(bytes, awaited), awaited)
    if (leave === undefined) {
      this.#context.fail(channel, outgoing, room.refusal(channel))
      return undefined
    }
    const held: Held = { outgoing: { ...outgoing, message }, channel, line, leave }
    const unwatch = this.#context.watch(outgoing, error => this.#end(held, error))
    held.leave = () => {
      leave()
      unwatch?.()
    }
    line.waiting.add(held)
    return held
  }

  #end(held: Held, error: Error): void {
    if (!this.#leave(held)) return
    const { channel, outgoing, line } = held
    // What waited behind it has nothing to wait for any more.
    if (line.first === held) this.#advanceSoon(line)
    this.#context.fail(channel, outgoing, error)
  }

  /** Whether it was still there. */
  #leave(held: Held): boolean {
    if (!held.line.waiting.delete(held)) return false
    held.leave()
    return true
  }

  /** The first of its line was dropped, or is held. */
  #wait(held: Held, outcome: Outcome): void {
    const { clock, counters, delays } = this.#context
    const { line } = held
    line.first = held
    if (outcome.copies === 0) counters.add('faulted')
    else {
      line.cancel = delays.hold(outcome, () => {
        this.#pass(held, outcome.message)
        this.#advance(line)
      })
      if (line.cancel !== undefined) return
    }
    line.cancel = clock.schedule(resendMillis, () => this.#advance(line))
  }

  /** On the next turn: what ends with the first of a line may be all of it. */
  #advanceSoon(line: Line): void {
    line.first = undefined
    line.cancel?.()
    line.cancel = this.#context.clock.schedule(0, () => this.#advance(line))
  }

  #advance(line: Line): void {
    line.first = undefined
    line.cancel = undefined
    for (const held of line.waiting) {
      const outcome = this.#judge(held.channel, held.outgoing)
      if (outcome.copies === 0 || isHeld(outcome)) return this.#wait(held, outcome)
      this.#pass(held, outcome.message)
    }
    this.#lines.delete(line.key)
  }

  #pass(held: Held, message: unknown): void {
    if (!this.#leave(held)) return
    const { channel, outgoing } = held
    try {
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
