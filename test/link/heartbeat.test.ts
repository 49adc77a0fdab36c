import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Heartbeat, type HeartbeatEffect, type HeartbeatInput } from '../../src/link/heartbeat.js'

const interval = 1_000
const timeout = 4_000
const pulse = interval / 2

/** A heartbeat that is ticked by hand. */
class Watch {
  readonly heartbeat = new Heartbeat({ interval, timeout })
  now = 0

  constructor(start = 0) {
    this.now = start
    this.step('start')
  }

  step(type: HeartbeatInput['type']): HeartbeatEffect[] {
    const effects: HeartbeatEffect[] = []
    this.heartbeat.step({ type }, this.now, effects)
    return effects
  }

  /** Lets time pass in regular ticks; returns when what was told. */
  pass(millis: number): [number, HeartbeatEffect['type']][] {
    const transcript: [number, HeartbeatEffect['type']][] = []
    for (const end = this.now + millis; this.now < end; ) {
      this.now += pulse
      for (const { type } of this.step('tick')) transcript.push([this.now, type])
    }
    return transcript
  }
}

describe('a heartbeat', () => {
  test('asks a silent peer once an interval, and finds it down at the timeout', () => {
    const watch = new Watch(10_000)
    expect(watch.pass(4_000)).toEqual([
      [11_000, 'ping'],
      [12_000, 'ping'],
      [13_000, 'ping'],
      [14_000, 'silent'],
    ])
  })

  test('says for how long nothing was heard', () => {
    const watch = new Watch()
    watch.pass(3_500)
    watch.now = 4_000
    expect(watch.step('tick')).toEqual([{ type: 'silent', for: 4_000 }])
  })

  test('never asks a busy peer', () => {
    const watch = new Watch()
    for (let round = 0; round < 100; round++) {
      watch.now += pulse - 10
      expect(watch.step('heard')).toEqual([])
      watch.now += 10
      expect(watch.step('tick')).toEqual([])
    }
  })

  test('asks an idle peer that answers about once an interval', () => {
    const watch = new Watch()
    let pings = 0
    for (let time = 0; time < 60_000; time += pulse) {
      for (const [, type] of watch.pass(pulse)) {
        expect(type).toBe('ping')
        pings++
        watch.now += 1
        watch.step('heard')
        watch.now -= 1
      }
    }
    expect(pings).toBeGreaterThanOrEqual(40)
    expect(pings).toBeLessThanOrEqual(60)
  })

  test('does not hold a stall of its own process against the peer', () => {
    const watch = new Watch()
    watch.pass(500)
    watch.now += 60_000
    expect(watch.step('tick').map(({ type }) => type)).not.toContain('silent')
    // From now on silence counts again.
    const silent = watch.pass(timeout).find(([, type]) => type === 'silent')
    expect(silent).toBeDefined()
    expect((silent?.[0] ?? 0) - 60_500).toBeGreaterThanOrEqual(timeout - interval - pulse)
  })

  test('does not take what arrives after a stall for the future', () => {
    const watch = new Watch()
    watch.now = 10_000
    watch.step('heard')
    expect(watch.step('tick')).toEqual([])
    expect(watch.pass(timeout).at(-1)).toEqual([14_000, 'silent'])
  })

  test('begins anew with the first lane: the time before it is not silence', () => {
    const watch = new Watch()
    watch.now = 100_000
    watch.step('start')
    watch.now = 100_500
    expect(watch.step('tick')).toEqual([])
  })

  test('has defaults of one second and four', () => {
    const heartbeat = new Heartbeat({})
    const effects: HeartbeatEffect[] = []
    heartbeat.step({ type: 'start' }, 0, effects)
    for (let now = 500; now <= 4_000; now += 500) heartbeat.step({ type: 'tick' }, now, effects)
    expect(effects.map(({ type }) => type)).toEqual(['ping', 'ping', 'ping', 'silent'])
  })
})

describe('over any schedule', () => {
  /** What passes between two ticks, and at which part of it the peer is heard, if at all. */
  const gap = fc.record({
    millis: fc.oneof(fc.constant(pulse), fc.integer({ min: 1, max: interval }), fc.integer({ min: 1, max: 90_000 })),
    heard: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
  })

  test('silence that regular ticks saw is found within timeout and one tick, and never earlier', () => {
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 60 }), gaps => {
        const watch = new Watch()
        let heardAt = 0
        /** Silence as far as ticks watched it: of each gap at most an interval. */
        let watched = 0
        for (const { millis, heard } of gaps) {
          const end = watch.now + millis
          if (heard !== undefined) {
            watch.now += Math.floor(millis * heard)
            heardAt = watch.now
            watched = 0
            watch.step('heard')
          }
          watched += Math.min(interval, end - Math.max(heardAt, end - millis))
          watch.now = end
          const types = watch.step('tick').map(({ type }) => type)
          expect(types.length).toBeLessThanOrEqual(1)
          if (types[0] === 'silent') expect(end - heardAt).toBeGreaterThanOrEqual(timeout)
          if (watched < timeout) expect(types).not.toContain('silent')
          if (millis <= interval && watched >= timeout) expect(types).toContain('silent')
          if (types[0] === 'silent') return
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('a peer that goes silent for good is down within timeout, whatever was before', () => {
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 20 }), gaps => {
        const watch = new Watch()
        for (const { millis, heard } of gaps) {
          watch.now += millis
          if (heard !== undefined) watch.step('heard')
          watch.step('tick')
        }
        watch.step('heard')
        const from = watch.now
        const silent = watch.pass(timeout + interval).find(([, type]) => type === 'silent')
        expect(silent?.[0]).toBeLessThanOrEqual(from + timeout + pulse)
      }),
    )
  })
})
