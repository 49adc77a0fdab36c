import { describe, expect, test } from 'vitest'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import { StrangerLimits, type StrangerLimitsOptions } from '../../src/transport/stranger-limits.js'

function limits(options: Partial<StrangerLimitsOptions> = {}): {
  clock: SimulatedClock
  limits: StrangerLimits
  log: string[]
  enter: (name: string) => ReturnType<StrangerLimits['enter']>
} {
  const clock = new SimulatedClock()
  const bound = new StrangerLimits({ clock, ...options })
  const log: string[] = []
  return { clock, limits: bound, log, enter: name => bound.enter(limit => log.push(`${name}: ${limit}`)) }
}

describe('the limits for strangers', () => {
  test('turn the oldest away when one too many comes', () => {
    const { limits: bound, log, enter } = limits({ count: 2 })
    for (const name of ['a', 'b', 'c', 'd']) enter(name)
    expect(log).toEqual(['a: count', 'b: count'])
    expect(bound.counters).toEqual({
      entered: 4,
      present: 2,
      turnedAway: { count: 2, bytes: 0, time: 0, closed: 0 },
    })
  })

  test('leave room for whoever comes when another has left', () => {
    const { log, enter } = limits({ count: 2 })
    enter('a')
    enter('b').leave()
    enter('c')
    expect(log).toEqual([])
  })

  test('turn away who sends too much, and count it once', () => {
    const { limits: bound, log, enter } = limits({ bytes: 100 })
    const stranger = enter('a')
    expect(stranger.read(100)).toBe(true)
    expect(stranger.read(101)).toBe(false)
    expect(stranger.read(102)).toBe(false)
    expect(log).toEqual(['a: bytes'])
    expect(bound.counters).toMatchObject({ present: 0, turnedAway: { bytes: 1 } })
  })

  test('turn away who stays too long, each at its own time', () => {
    const { clock, log, enter } = limits({ millis: 2000 })
    enter('a')
    clock.advance(500)
    enter('b')
    enter('c').leave()
    clock.advance(1499)
    expect(log).toEqual([])
    clock.advance(1)
    expect(log).toEqual(['a: time'])
    clock.advance(500)
    expect(log).toEqual(['a: time', 'b: time'])
  })

  test('do not concern who has left', () => {
    const { clock, log, enter } = limits()
    const stranger = enter('a')
    stranger.leave()
    stranger.leave()
    clock.advance(10_000)
    expect(log).toEqual([])
  })

  test('keep one timer, and none when nobody is there', () => {
    const { clock, enter } = limits()
    expect(clock.pending).toBe(0)
    const strangers = Array.from({ length: 100 }, (_, index) => enter(String(index)))
    expect(clock.pending).toBe(1)
    for (const stranger of strangers) stranger.leave()
    expect(clock.pending).toBe(0)
    enter('late')
    clock.advance(2000)
    expect(clock.pending).toBe(0)
  })

  test('turn everybody away when they close', () => {
    const { clock, limits: bound, log, enter } = limits()
    enter('a')
    enter('b')
    bound.close()
    expect(log).toEqual(['a: closed', 'b: closed'])
    expect(clock.pending).toBe(0)
  })

  test('have the defaults that are documented', () => {
    const { clock, log, enter } = limits()
    const stranger = enter('first')
    expect(stranger.read(16 * 1024)).toBe(true)
    for (let index = 1; index < 1024; index++) enter(`${index}`)
    expect(log).toEqual([])
    enter('one too many')
    expect(log).toEqual(['first: count'])
    clock.advance(2000)
    expect(log.length).toBe(1025)
  })
})
