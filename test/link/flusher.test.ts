import { describe, expect, test } from 'vitest'
import { Flusher } from '../../src/link/flusher.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'

function setUp(): { clock: SimulatedClock; flusher: Flusher; flushed: string[] } {
  const clock = new SimulatedClock()
  return { clock, flusher: new Flusher(clock), flushed: [] }
}

describe('the flusher', () => {
  test('flushes what was marked once, in order, at the end of the turn', () => {
    const { clock, flusher, flushed } = setUp()
    for (const name of ['a', 'b', 'c']) flusher.mark({ flush: () => flushed.push(name) })
    expect(flushed).toEqual([])
    clock.step()
    expect(flushed).toEqual(['a', 'b', 'c'])
    expect(clock.pending).toBe(0)
  })

  test('asks the clock once a turn, however much is marked', () => {
    const { clock, flusher } = setUp()
    for (let count = 0; count < 100; count++) flusher.mark({ flush: () => {} })
    expect(clock.pending).toBe(1)
  })

  test('flushes nothing in a microtask: awaiting each message does not cost each a batch', async () => {
    const { clock, flusher, flushed } = setUp()
    flusher.mark({ flush: () => flushed.push('a') })
    for (let count = 0; count < 10; count++) await Promise.resolve()
    expect(flushed).toEqual([])
    clock.step()
    expect(flushed).toEqual(['a'])
  })

  test('leaves what is marked while it flushes to the next turn', () => {
    const { clock, flusher, flushed } = setUp()
    const again = { flush: () => flushed.push('again') }
    flusher.mark({
      flush: () => {
        flushed.push('first')
        flusher.mark(again)
      },
    })
    clock.step()
    expect(flushed).toEqual(['first'])
    clock.step()
    expect(flushed).toEqual(['first', 'again'])
    expect(clock.pending).toBe(0)
  })
})
