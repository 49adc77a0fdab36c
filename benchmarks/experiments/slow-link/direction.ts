import type { Clock } from 'maquis'

/** What a link is like, the same in both directions. */
export interface LinkOptions {
  /** Milliseconds that everything takes one way; there and back it is twice that. */
  readonly delay: number
  /** What the link carries in a second in each direction, over all connections. Infinity: whatever the machine does. */
  readonly bytesPerSecond: number
  /**
   * Bytes that one connection may have under way in one direction, as a TCP window: they are under way from when they
   * are read until they could be known, at the near end, to have arrived.
   */
  readonly window: number
}

/** What a link needs of a clock. */
export type LinkClock = Pick<Clock, 'now' | 'schedule'>

/** One direction of a link: what its connections share. */
export class Direction {
  readonly options: LinkOptions
  readonly clock: LinkClock
  /** When everything that was put on it has left. */
  #free = 0

  constructor(options: LinkOptions, clock: LinkClock) {
    this.options = options
    this.clock = clock
  }

  /** Puts so many bytes on the link, behind those of all connections. Returns when they arrive at its far end. */
  send(bytes: number): number {
    const { delay, bytesPerSecond } = this.options
    this.#free = Math.max(this.#free, this.clock.now()) + (bytes * 1_000) / bytesPerSecond
    return this.#free + delay
  }
}

/** The near end of a connection, which can be told to send no more. */
export interface Source {
  pause(): void
  resume(): void
}

/** The far end of a connection. Calls `taken` when it has room again. */
export interface Sink {
  write(chunk: Uint8Array, taken: () => void): void
  end(): void
}

/** One direction of one connection. It holds no more than its window, and one chunk. */
export class Flow {
  readonly #direction: Direction
  readonly #source: Source
  readonly #sink: Sink
  readonly #way: Delayed<Uint8Array | undefined>
  readonly #wayBack: Delayed<number>
  #underWay = 0
  #paused = false

  constructor(direction: Direction, source: Source, sink: Sink) {
    this.#direction = direction
    this.#source = source
    this.#sink = sink
    this.#way = new Delayed(direction.clock, chunk => this.#arrived(chunk))
    this.#wayBack = new Delayed(direction.clock, bytes => this.#acknowledged(bytes))
  }

  get underWay(): number {
    return this.#underWay
  }

  /** The source sent a chunk. */
  read(chunk: Uint8Array): void {
    this.#underWay += chunk.length
    this.#way.put(chunk, this.#direction.send(chunk.length))
    if (this.#paused || this.#underWay < this.#direction.options.window) return
    this.#paused = true
    this.#source.pause()
  }

  /** The source has ended. */
  end(): void {
    this.#way.put(undefined, this.#direction.send(0))
  }

  #arrived(chunk: Uint8Array | undefined): void {
    if (chunk === undefined) return this.#sink.end()
    const { clock, options } = this.#direction
    this.#sink.write(chunk, () => this.#wayBack.put(chunk.length, clock.now() + options.delay))
  }

  #acknowledged(bytes: number): void {
    this.#underWay -= bytes
    if (!this.#paused || this.#underWay >= this.#direction.options.window) return
    this.#paused = false
    this.#source.resume()
  }
}

/** Hands over what is put in, in order, when it is due. */
class Delayed<Item> {
  readonly #clock: LinkClock
  readonly #hand: (item: Item) => void
  readonly #waiting: { readonly item: Item; readonly due: number }[] = []

  constructor(clock: LinkClock, hand: (item: Item) => void) {
    this.#clock = clock
    this.#hand = hand
  }

  put(item: Item, due: number): void {
    this.#waiting.push({ item, due })
    if (this.#waiting.length === 1) this.#arm(due)
  }

  #arm(due: number): void {
    this.#clock.schedule(due - this.#clock.now(), () => this.#wake())
  }

  /** One timer for all that became due meanwhile: two timers of the system may fire in the wrong order. */
  #wake(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (first.due > this.#clock.now()) return this.#arm(first.due)
      this.#hand(first.item)
      this.#waiting.shift()
    }
  }
}
