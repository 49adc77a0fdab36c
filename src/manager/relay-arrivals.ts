import { type Interpositions, isHeld, type Outcome, type Passage } from '../fault/interposition.js'
import type { Lane } from '../link/lane.js'
import type { Counters } from './counters.js'
import type { Delays } from './delays.js'

export interface RelayArrivalsContext {
  readonly interpositions: Interpositions
  readonly delays: Delays
  readonly counters: Counters
  judge(passage: Passage): Outcome
  /** Takes a message. Resolves when what it carries was passed on, if that is later. */
  take(lane: Lane, message: unknown): PromiseLike<unknown> | undefined
  /** An interposition took the message away. */
  dropped(lane: Lane, message: unknown): void
}

/** What neighbours tell of circuits, past the interpositions of this node: in order, whatever these hold. */
export class RelayArrivals {
  readonly #context: RelayArrivalsContext
  /** The last of what waits on each lane. */
  readonly #waiting = new Map<Lane, Promise<unknown>>()

  constructor(context: RelayArrivalsContext) {
    this.#context = context
  }

  receive(lane: Lane, message: unknown): PromiseLike<unknown> | undefined {
    const { interpositions } = this.#context
    const before = this.#waiting.get(lane)
    if (!interpositions.active && before === undefined) return this.#context.take(lane, message)
    const outcome = this.#context.judge({
      ...{ direction: 'receive', peer: lane.link.name, channel: lane.channel.name, kind: 'relay' },
      ...{ server: undefined, message },
    })
    const dropped = (): undefined => {
      this.#context.counters.add('faulted')
      this.#context.dropped(lane, message)
    }
    if (outcome.copies === 0) return dropped()
    lane.heard()
    const held = isHeld(outcome)
    // A stream of bytes has no duplicates.
    if (!held && before === undefined) return this.#context.take(lane, outcome.message)
    const turn = Promise.all([before, held ? this.#hold(outcome) : undefined])
    const taken = turn.then(() => this.#context.take(lane, outcome.message), dropped)
    const last = taken.then(() => {
      if (this.#waiting.get(lane) === last) this.#waiting.delete(lane)
    })
    this.#waiting.set(lane, last)
    return taken
  }

  /** Rejects when the node stops, or too much is held already. */
  #hold(outcome: Outcome): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#context.delays.hold(outcome, resolve, reject)
      if (cancel === undefined) reject(new Error('too much is held'))
    })
  }
}
