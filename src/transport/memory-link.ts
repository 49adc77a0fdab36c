import { Fifo } from '../core/fifo.js'
import type { Clock, Instant, Millis } from '../core/time.js'

/** What travels on a link. */
export type Parcel =
  | { readonly type: 'open' }
  | { readonly type: 'refuse' }
  | { readonly type: 'chunk'; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly reason: string | undefined }
  | { readonly type: 'reset' }

/** What the way from one host to another does to what travels on it. */
export interface MemoryPath {
  /** How long the next parcel takes. It never overtakes the one before it. */
  latency(): Millis
  /** Whether nothing comes out for now. Who ends that calls {@link MemoryLink.wake}. */
  holds(): boolean
}

/**
 * One direction of a memory connection: what is put in comes out after the latency, in order. The only place that
 * decides when, and whether, something is delivered.
 */
export class MemoryLink {
  readonly #clock: Clock
  readonly #path: MemoryPath
  readonly #queue = new Fifo<Travelling>()
  #waiting = 0
  #paused = false
  /** How many stalls have not ended. */
  #stalls = 0
  /** Set while a wake-up is due or running. */
  #armed = false
  #deliver: (parcel: Parcel) => void = ignore
  #consumed: () => void = ignore

  constructor(clock: Clock, path: MemoryPath) {
    this.#clock = clock
    this.#path = path
  }

  /** Bytes in flight, or held back because the receiver does not read. */
  get waiting(): number {
    return this.#waiting
  }

  /** Who is told of each parcel, from now on. */
  receiver(deliver: (parcel: Parcel) => void): void {
    this.#deliver = deliver
  }

  /** Who is told that something has been delivered, from now on. */
  sender(consumed: () => void): void {
    this.#consumed = consumed
  }

  send(parcel: Parcel): void {
    const { last } = this.#queue
    const due = Math.max(this.#clock.now() + this.#path.latency(), last?.due ?? 0)
    this.#queue.add({ parcel, due })
    this.#waiting += size(parcel)
    this.#arm()
  }

  /** Drops what waits. */
  clear(): void {
    this.#queue.clear()
    this.#waiting = 0
  }

  /** Drops what waits and says so, even to a receiver that does not read. */
  reset(): void {
    this.clear()
    this.send({ type: 'reset' })
  }

  /** What waits is lost, and the receiver is told at once, even where nothing else comes out. */
  break(): void {
    this.clear()
    this.#clock.defer(() => this.#deliver({ type: 'reset' }))
  }

  /** Nothing comes out any more, not even a reset, until every stall has ended; what is returned ends this one. */
  stall(): () => void {
    let over = false
    this.#stalls++
    return () => {
      if (over) return
      over = true
      this.#stalls--
      this.#arm()
    }
  }

  /** Looks again whether something may come out. */
  wake(): void {
    this.#arm()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#arm()
  }

  get #head(): Travelling | undefined {
    const head = this.#queue.first
    if (head === undefined || this.#stalls > 0 || this.#path.holds()) return undefined
    return this.#paused && head.parcel.type !== 'reset' ? undefined : head
  }

  #arm(): void {
    const head = this.#head
    if (this.#armed || head === undefined) return
    this.#armed = true
    const after = head.due - this.#clock.now()
    if (after > 0) this.#clock.schedule(after, () => this.#run())
    else this.#clock.defer(() => this.#run())
  }

  /** Delivers what is due, but not what is sent meanwhile: two ends that answer each other must not stop time. */
  #run(): void {
    const now = this.#clock.now()
    for (let left = this.#queue.size; left > 0; left--) {
      const head = this.#head
      if (head === undefined || head.due > now) break
      this.#queue.removeFirst()
      this.#waiting -= size(head.parcel)
      this.#deliver(head.parcel)
    }
    this.#armed = false
    this.#arm()
    this.#consumed()
  }
}

interface Travelling {
  readonly parcel: Parcel
  readonly due: Instant
}

function size(parcel: Parcel): number {
  return parcel.type === 'chunk' ? parcel.bytes.length : 0
}

function ignore(): void {}
