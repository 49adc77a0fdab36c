import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/core/random.js'
import { InvalidOptionError } from '../../src/index.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'

/** A clock and a diary of what happened when. */
function diary(): { clock: SimulatedClock; log: string[]; note: (what: string) => () => void } {
  const clock = new SimulatedClock()
  const log: string[] = []
  return { clock, log, note: what => () => log.push(`${clock.now()} ${what}`) }
}

describe('a simulated clock', () => {
  test('stands still until it is advanced', () => {
    const { clock, log, note } = diary()
    clock.schedule(10, note('timer'))
    clock.defer(note('deferred'))
    expect([clock.now(), clock.pending, clock.next]).toEqual([0, 2, 0])
    expect(log).toEqual([])
    clock.advance(9)
    expect([clock.now(), clock.pending, clock.next]).toEqual([9, 1, 10])
    expect(log).toEqual(['0 deferred'])
    clock.advance(1)
    expect([clock.now(), clock.pending, clock.next]).toEqual([10, 0, undefined])
    expect(log).toEqual(['0 deferred', '10 timer'])
  })

  test('refuses a time that is no number', () => {
    const { clock, log, note } = diary()
    expect(() => clock.schedule(Number.NaN, note('never'))).toThrow(InvalidOptionError)
    clock.schedule(5, note('b'))
    clock.schedule(1, note('a'))
    clock.advance(10)
    expect(log).toEqual(['1 a', '5 b'])
  })

  test('wakes in the order of time, and at the same time in the order of asking', () => {
    const { clock, log, note } = diary()
    clock.schedule(20, note('c'))
    clock.schedule(10, note('a'))
    clock.schedule(10, note('b'))
    clock.schedule(0, note('first'))
    clock.advance(30)
    expect(log).toEqual(['0 first', '10 a', '10 b', '20 c'])
    expect(clock.now()).toBe(30)
  })

  test('runs deferred functions before time moves, also those deferred meanwhile', () => {
    const { clock, log, note } = diary()
    clock.schedule(5, () => {
      note('timer')()
      clock.defer(() => {
        note('deferred')()
        clock.defer(note('deferred by it'))
      })
    })
    clock.schedule(5, note('other timer'))
    clock.advance(5)
    expect(log).toEqual(['5 timer', '5 deferred', '5 deferred by it', '5 other timer'])
  })

  test('runs what a timer schedules within the same advance', () => {
    const { clock, log, note } = diary()
    clock.schedule(10, () => clock.schedule(10, note('second')))
    clock.advance(20)
    expect(log).toEqual(['20 second'])
  })

  test('forgets a cancelled timer, once; cancelling it again or late is harmless', () => {
    const { clock, log, note } = diary()
    const cancel = clock.schedule(10, note('cancelled'))
    const late = clock.schedule(10, note('kept'))
    cancel()
    cancel()
    expect(clock.pending).toBe(1)
    clock.advance(10)
    late()
    expect(log).toEqual(['10 kept'])
    expect(clock.pending).toBe(0)
  })

  test('lets a timer cancel another of the same instant', () => {
    const { clock, log, note } = diary()
    let cancel = (): void => {}
    clock.schedule(10, () => cancel())
    cancel = clock.schedule(10, note('cancelled'))
    clock.advance(10)
    expect(log).toEqual([])
  })

  test('takes a negative wait for none', () => {
    const { clock, log, note } = diary()
    clock.advance(5)
    clock.schedule(-3, note('at once'))
    clock.advance(0)
    expect(log).toEqual(['5 at once'])
  })

  test('keeps its order through thousands of timers and cancellations (seed 4711)', () => {
    const random = new SeededRandom(4711)
    const clock = new SimulatedClock()
    const fired: { due: number; index: number }[] = []
    const expected: { due: number; index: number }[] = []
    for (let index = 0; index < 5000; index++) {
      const due = Math.floor(random.next() * 500)
      const cancel = clock.schedule(due, () => fired.push({ due: clock.now(), index }))
      if (random.next() < 0.5) cancel()
      else expected.push({ due, index })
    }
    expected.sort((one, other) => one.due - other.due || one.index - other.index)
    expect(clock.pending).toBe(expected.length)
    expect(clock.run()).toBe('idle')
    expect(fired).toEqual(expected)
  })

  test('runs until a condition holds, until nothing is left, or for so many events', () => {
    const { clock, log, note } = diary()
    for (const millis of [10, 20, 30]) clock.schedule(millis, note('timer'))
    expect(clock.run({ until: () => log.length === 1 })).toBe('until')
    expect(clock.now()).toBe(10)
    expect(clock.run({ maxSteps: 1 })).toBe('exhausted')
    expect(clock.now()).toBe(20)
    expect(clock.run()).toBe('idle')
    expect(clock.now()).toBe(30)
    expect(clock.run({ until: () => true })).toBe('until')
  })

  test('does not run for ever where timers breed', () => {
    const clock = new SimulatedClock()
    const again = (): void => void clock.schedule(1, again)
    again()
    expect(clock.run({ maxSteps: 1000 })).toBe('exhausted')
    expect(clock.now()).toBe(1000)
  })

  test('lets every ready promise react after each event, when run asynchronously', async () => {
    const { clock, log, note } = diary()
    const chain = async (name: string): Promise<void> => {
      for (let link = 0; link < 3; link++) await Promise.resolve()
      note(name)()
      clock.defer(note(`deferred by ${name}`))
    }
    clock.schedule(10, () => void chain('one'))
    clock.schedule(20, () => void chain('two'))
    expect(await clock.runAsync()).toBe('idle')
    expect(log).toEqual(['10 one', '10 deferred by one', '20 two', '20 deferred by two'])
  })

  test('lets promises react within an asynchronous advance, up to its end and not beyond', async () => {
    const { clock, log, note } = diary()
    const sleeper = async (): Promise<void> => {
      for (;;) {
        await new Promise<void>(resolve => void clock.schedule(10, resolve))
        note('woke')()
      }
    }
    void sleeper()
    await clock.advanceAsync(35)
    expect(log).toEqual(['10 woke', '20 woke', '30 woke'])
    expect([clock.now(), clock.next]).toEqual([35, 40])
  })

  test('has a wall that moves with time and can be set, while time goes on', () => {
    const clock = new SimulatedClock({ base: new Date('2026-01-01T00:00:00Z') })
    clock.advance(1500)
    expect(clock.wall()).toEqual(new Date('2026-01-01T00:00:01.500Z'))
    clock.setWall(new Date('2020-01-01T00:00:00Z'))
    expect(clock.now()).toBe(1500)
    clock.advance(1000)
    expect(clock.wall()).toEqual(new Date('2020-01-01T00:00:01Z'))
  })

  test('is usable after an event threw: the event is gone, the rest is there', () => {
    const { clock, log, note } = diary()
    clock.schedule(10, () => {
      throw new Error('a bug')
    })
    clock.schedule(10, note('the rest'))
    expect(() => clock.advance(20)).toThrow('a bug')
    clock.advance(10)
    expect(log).toEqual(['10 the rest'])
  })
})
