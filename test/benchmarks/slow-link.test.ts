import { describe, expect, test } from 'vitest'
import { Direction, Flow, type LinkOptions } from '../../benchmarks/experiments/slow-link/direction.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'

interface Arrival {
  readonly at: number
  readonly bytes: number
}

/** A link on a simulated clock; what a connection sends while it is paused is an error. */
class TestLink {
  readonly clock = new SimulatedClock()
  readonly arrivals: Arrival[] = []
  readonly #direction: Direction

  constructor({ delay = 10, bytesPerSecond = Number.POSITIVE_INFINITY, window = 1_000 }: Partial<LinkOptions>) {
    this.#direction = new Direction({ delay, bytesPerSecond, window }, this.clock)
  }

  /** A connection. With `slow`, its far end keeps what it gets. */
  connection(slow = false): { flow: Flow; paused: () => boolean; kept: (() => void)[]; ended: () => boolean } {
    let [paused, ended] = [false, false]
    const kept: (() => void)[] = []
    const source = {
      pause() {
        paused = true
      },
      resume() {
        paused = false
      },
    }
    const sink = {
      write: (chunk: Uint8Array, taken: () => void) => {
        this.arrivals.push({ at: this.clock.now(), bytes: chunk.length })
        if (slow) kept.push(taken)
        else taken()
      },
      end: () => {
        ended = true
      },
    }
    return { flow: new Flow(this.#direction, source, sink), paused: () => paused, kept, ended: () => ended }
  }
}

const chunk = (bytes: number): Uint8Array => new Uint8Array(bytes)

describe('a slow link', () => {
  test('hands over after its delay, in order', () => {
    const link = new TestLink({ delay: 10 })
    const { flow } = link.connection()
    flow.read(chunk(1))
    link.clock.advance(3)
    flow.read(chunk(2))
    link.clock.advance(9.5)
    expect(link.arrivals).toEqual([{ at: 10, bytes: 1 }])
    link.clock.advance(1)
    expect(link.arrivals[1]).toEqual({ at: 13, bytes: 2 })
  })

  test('carries no more a second than its rate, over all connections', () => {
    const link = new TestLink({ delay: 10, bytesPerSecond: 1_000, window: 10_000 })
    const [one, other] = [link.connection(), link.connection()]
    one.flow.read(chunk(500))
    other.flow.read(chunk(500))
    one.flow.read(chunk(500))
    link.clock.advance(10_000)
    expect(link.arrivals.map(({ at }) => at)).toEqual([510, 1_010, 1_510])
  })

  test('earns nothing by being idle', () => {
    const link = new TestLink({ delay: 10, bytesPerSecond: 1_000, window: 10_000 })
    const { flow } = link.connection()
    link.clock.advance(60_000)
    flow.read(chunk(500))
    flow.read(chunk(500))
    link.clock.advance(10_000)
    expect(link.arrivals.map(({ at }) => at)).toEqual([60_510, 61_010])
  })

  test('is filled by one connection whose window is twice what is under way at its rate', () => {
    const link = new TestLink({ delay: 10, bytesPerSecond: 1_000_000, window: 40_000 })
    const { flow, paused } = link.connection()
    for (let millis = 0; millis < 1_000; millis++) {
      while (!paused()) flow.read(chunk(1_000))
      link.clock.advance(1)
    }
    // A byte in each microsecond, from when the first has come.
    expect(link.arrivals.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(990_000)
  })

  test('makes what is small wait for the windows of others, and for no more', () => {
    const link = new TestLink({ delay: 10, bytesPerSecond: 1_000_000, window: 40_000 })
    const [bulk, control] = [link.connection(), link.connection()]
    while (!bulk.paused()) bulk.flow.read(chunk(1_000))
    control.flow.read(chunk(100))
    link.clock.advance(1_000)
    expect(link.arrivals.find(({ bytes }) => bytes === 100)?.at).toBeCloseTo(50.1, 0)
  })

  test('stops a connection that has its window under way, until it could know that something arrived', () => {
    const link = new TestLink({ delay: 10, window: 1_000 })
    const { flow, paused } = link.connection()
    flow.read(chunk(999))
    expect(paused()).toBe(false)
    flow.read(chunk(1))
    expect(paused()).toBe(true)
    link.clock.advance(19.5)
    expect(paused()).toBe(true)
    link.clock.advance(0.5)
    expect(paused()).toBe(false)
    expect(flow.underWay).toBe(0)
  })

  test('so a connection sends one window in each round trip', () => {
    const link = new TestLink({ delay: 10, window: 1_000 })
    const { flow, paused } = link.connection()
    for (let millis = 0; millis < 1_000; millis++) {
      for (let count = 0; count < 20 && !paused(); count++) flow.read(chunk(100))
      link.clock.advance(1)
    }
    // 1,000 bytes each 20 ms, less what is on its way.
    expect(link.arrivals.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(48_000)
    expect(link.arrivals.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(50_000)
  })

  test('stops no other connection', () => {
    const link = new TestLink({ window: 1_000 })
    link.connection().flow.read(chunk(1_000))
    const other = link.connection()
    other.flow.read(chunk(999))
    expect(other.paused()).toBe(false)
  })

  test('feels a far end that does not read', () => {
    const link = new TestLink({ delay: 10, window: 1_000 })
    const { flow, paused, kept } = link.connection(true)
    flow.read(chunk(1_000))
    link.clock.advance(10_000)
    expect(paused()).toBe(true)
    for (const taken of kept) taken()
    link.clock.advance(10)
    expect(paused()).toBe(false)
  })

  test('ends behind what was sent', () => {
    const link = new TestLink({ delay: 10, bytesPerSecond: 1_000 })
    const { flow, ended } = link.connection()
    flow.read(chunk(500))
    flow.end()
    link.clock.advance(509)
    expect(ended()).toBe(false)
    link.clock.advance(1)
    expect(ended()).toBe(true)
    expect(link.arrivals).toHaveLength(1)
  })
})
