import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { SystemClock } from '../../src/runtime/system-clock.js'

/** Notes when what it is asked for runs; `ended` is the end of a turn. */
function setUp(): { clock: SystemClock; soon: (name: string) => void; ran: string[] } {
  const clock = new SystemClock()
  const ran: string[] = []
  return { clock, soon: name => clock.soon(() => ran.push(name)), ran }
}

/** Lets what runs end, with its microtasks and next ticks; the turn goes on. */
function pause(): Promise<void> {
  return new Promise(resolve => process.nextTick(() => process.nextTick(resolve)))
}

describe('what runs soon', () => {
  test('runs before the end of the turn, in order', async () => {
    const { clock, soon, ran } = setUp()
    clock.defer(() => ran.push('end of the turn'))
    soon('first')
    soon('second')
    expect(ran).toEqual([])
    await setImmediate()
    expect(ran).toEqual(['first', 'second', 'end of the turn'])
  })

  test('runs after all microtasks: who awaits each message has them all in one batch', async () => {
    const { soon, ran } = setUp()
    soon('flush')
    for (let count = 0; count < 10; count++) {
      await Promise.resolve()
      ran.push('message')
    }
    expect(ran).toEqual(Array.from({ length: 10 }, () => 'message'))
    await pause()
    expect(ran.at(-1)).toBe('flush')
  })

  test('runs with what asked for it while that runs', async () => {
    const { clock, soon, ran } = setUp()
    clock.soon(() => {
      ran.push('acknowledge')
      soon('flush')
    })
    await pause()
    expect(ran).toEqual(['acknowledge', 'flush'])
  })

  test('waits for the end of the turn when that happened a few times: many callbacks share a batch', async () => {
    const { clock, soon, ran } = setUp()
    await setImmediate()
    clock.defer(() => ran.push('end of the turn'))
    for (let count = 0; count < 10; count++) {
      soon(`callback ${count}`)
      await pause()
    }
    const early = ran.length
    expect(early).toBeGreaterThan(0)
    expect(early).toBeLessThan(6)
    await setImmediate()
    expect(ran.slice(early)).toEqual(['end of the turn', ...range(early, 10).map(count => `callback ${count}`)])
    const before = ran.length
    soon('in the next turn')
    await pause()
    expect(ran.slice(before)).toEqual(['in the next turn'])
  })
})

function range(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, index) => from + index)
}
