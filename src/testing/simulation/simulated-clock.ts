import { InvalidOptionError } from '../../core/errors.js'
import { Fifo } from '../../core/fifo.js'
import { checkKeys } from '../../core/option-keys.js'
import type { Clock, Instant, Millis } from '../../core/time.js'
import { drainMicrotasks } from '../../runtime/microtasks.js'

/** Where a simulated clock begins. */
export interface SimulatedClockOptions {
  /** What `wall()` says at instant 0. */
  readonly base?: Date
}

/** When a run ends. */
export interface RunOptions {
  /** Asked before the first event and after each: true ends the run. */
  readonly until?: () => boolean
  /** The most events to run. Default 1,000,000. */
  readonly maxSteps?: number
}

/** Why a run ended: its condition held, nothing was left to do, or it had run as many events as it may. */
export type RunEnd = 'until' | 'idle' | 'exhausted'

/**
 * Virtual time. Nothing happens until somebody advances it; then everything happens in the order of its instant, and
 * at the same instant in the order in which it was asked for. Deferred functions run before time moves.
 *
 * An event is one deferred function or one timer. The asynchronous variants let every promise reaction that is ready
 * run after each event; the others run events back to back.
 */
export class SimulatedClock implements Clock {
  #now: Instant = 0
  #base: Date
  #sequence = 0
  readonly #deferred = new Fifo<() => void>()
  readonly #timers = new TimerHeap()

  /** @throws `InvalidOptionError` an option is none. */
  constructor(options: SimulatedClockOptions = {}) {
    checkKeys('options', options, ['base'])
    this.#base = options.base ?? new Date(0)
  }

  now(): Instant {
    return this.#now
  }

  wall(): Date {
    return new Date(this.#base.getTime() + this.#now)
  }

  /** Makes `wall()` say `time` now, as when somebody sets the system's clock. `now()` does not move. */
  setWall(time: Date): void {
    this.#base = new Date(time.getTime() - this.#now)
  }

  defer(fn: () => void): void {
    this.#deferred.add(fn)
  }

  /** Like {@link defer}: an event is over when the next begins. */
  soon(fn: () => void): void {
    this.#deferred.add(fn)
  }

  schedule(after: Millis, wake: () => void): () => void {
    if (Number.isNaN(after)) throw new InvalidOptionError('after', 'milliseconds', after)
    const timer = { due: this.#now + Math.max(after, 0), sequence: this.#sequence++, wake, index: -1 }
    this.#timers.add(timer)
    return () => this.#timers.remove(timer)
  }

  /** How many events wait. */
  get pending(): number {
    return this.#deferred.size + this.#timers.size
  }

  /** When the next event is due; absent when nothing waits. */
  get next(): Instant | undefined {
    return this.#deferred.size > 0 ? this.#now : this.#timers.first?.due
  }

  /** Runs the next event, if there is one, and says whether there was. */
  step(): boolean {
    return this.#runNext(Number.POSITIVE_INFINITY)
  }

  /** Lets `millis` pass, with everything that is due until then and what follows from it. */
  advance(millis: Millis): void {
    const end = this.#now + millis
    while (this.#runNext(end));
    this.#now = end
  }

  /** Like {@link advance}; lets promises react after each event. */
  async advanceAsync(millis: Millis): Promise<void> {
    const end = this.#now + millis
    await drainMicrotasks()
    while (this.#runNext(end)) await drainMicrotasks()
    this.#now = end
  }

  /** Runs event after event. Time moves only as far as the events need. */
  run({ until = never, maxSteps = 1_000_000 }: RunOptions = {}): RunEnd {
    for (let steps = 0; ; steps++) {
      if (until()) return 'until'
      if (this.pending === 0) return 'idle'
      if (steps >= maxSteps) return 'exhausted'
      this.step()
    }
  }

  /** Like {@link run}; lets promises react after each event. */
  async runAsync({ until = never, maxSteps = 1_000_000 }: RunOptions = {}): Promise<RunEnd> {
    for (let steps = 0; ; steps++) {
      await drainMicrotasks()
      if (until()) return 'until'
      if (this.pending === 0) return 'idle'
      if (steps >= maxSteps) return 'exhausted'
      this.step()
    }
  }

  #runNext(end: Instant): boolean {
    const deferred = this.#deferred.first
    if (deferred !== undefined) {
      this.#deferred.removeFirst()
      deferred()
      return true
    }
    const timer = this.#timers.first
    if (timer === undefined || timer.due > end) return false
    this.#timers.remove(timer)
    this.#now = timer.due
    timer.wake()
    return true
  }
}

interface Timer {
  readonly due: Instant
  readonly sequence: number
  readonly wake: () => void
  /** Its place in the heap; -1 outside. */
  index: number
}

/** A binary heap, earliest first, in which each timer knows its place, so that cancelling leaves nothing behind. */
class TimerHeap {
  readonly #timers: Timer[] = []

  get size(): number {
    return this.#timers.length
  }

  get first(): Timer | undefined {
    return this.#timers[0]
  }

  add(timer: Timer): void {
    this.#timers.push(timer)
    this.#rise(timer, this.#timers.length - 1)
  }

  /** Does nothing when the timer has been removed before. */
  remove(timer: Timer): void {
    const index = timer.index
    if (index === -1) return
    timer.index = -1
    const last = this.#timers.pop()
    if (last === undefined || last === timer) return
    this.#rise(last, index)
    this.#sink(last, last.index)
  }

  #rise(timer: Timer, from: number): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#timers[above]
      if (parent === undefined || earlier(parent, timer)) break
      this.#place(parent, index)
      index = above
    }
    this.#place(timer, index)
  }

  #sink(timer: Timer, from: number): void {
    let index = from
    for (;;) {
      const child = this.#earlierChild(index)
      if (child === undefined || earlier(timer, child)) break
      const below = child.index
      this.#place(child, index)
      index = below
    }
    this.#place(timer, index)
  }

  #earlierChild(index: number): Timer | undefined {
    const left = this.#timers[2 * index + 1]
    const right = this.#timers[2 * index + 2]
    if (left === undefined || right === undefined) return left
    return earlier(left, right) ? left : right
  }

  #place(timer: Timer, index: number): void {
    this.#timers[index] = timer
    timer.index = index
  }
}

function earlier(one: Timer, other: Timer): boolean {
  return one.due < other.due || (one.due === other.due && one.sequence < other.sequence)
}

function never(): boolean {
  return false
}
