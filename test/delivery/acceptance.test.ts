import { describe, expect, test } from 'vitest'
import { Acceptance, refusalsMax } from '../../src/delivery/acceptance.js'
import { Outstanding } from '../../src/delivery/outstanding.js'

/** Takes and settles these numbers, one after another. */
function taken(...numbers: readonly number[]): Acceptance<string> {
  const acceptance = new Acceptance<string>()
  for (const number of numbers) {
    expect(acceptance.judge(number, number)).toBe('deliver')
    acceptance.settled(number)
  }
  return acceptance
}

describe('a stream of messages that are to be acknowledged', () => {
  test('is taken in order, each number once, gaps or not', () => {
    const acceptance = taken(1, 2, 5)
    expect(acceptance.upTo).toBe(5)
    for (const number of [1, 2, 3, 5]) expect(acceptance.judge(number, 1)).toBe('duplicate')
    expect(acceptance.judge(6, 1)).toBe('deliver')
    expect(acceptance.upTo).toBe(5)
    acceptance.settled(6)
    expect(acceptance.upTo).toBe(6)
  })

  test('goes back to what a fault took away, and asks once for what it passed over meanwhile', () => {
    const acceptance = taken(1)
    expect(acceptance.judge(2, 1)).toBe('deliver')
    acceptance.dropped(2)
    expect([acceptance.judge(3, 1), acceptance.judge(4, 1)]).toEqual(['later', 'later'])
    expect(acceptance.upTo).toBe(1)
    expect(acceptance.judge(2, 2)).toBe('deliver')
    acceptance.settled(2)
    expect([acceptance.takeAgain(), acceptance.takeAgain()]).toEqual([true, false])
    expect(acceptance.judge(3, 3)).toBe('deliver')
  })

  test('goes on when nobody waits any more for what a fault took away', () => {
    const acceptance = taken(1)
    acceptance.judge(2, 1)
    acceptance.dropped(2)
    expect(acceptance.judge(3, 3)).toBe('deliver')
    acceptance.settled(3)
    expect(acceptance.upTo).toBe(3)
  })

  test('waits for what a fault holds back, which comes again meanwhile for nothing', () => {
    const acceptance = taken(1)
    acceptance.judge(2, 1)
    acceptance.held(2)
    expect([acceptance.judge(2, 1), acceptance.judge(3, 3), acceptance.takeAgain()]).toEqual([
      'duplicate',
      'later',
      false,
    ])
    acceptance.released(2)
    acceptance.settled(2)
    expect(acceptance.takeAgain()).toBe(true)
    expect(acceptance.judge(3, 3)).toBe('deliver')
  })

  test('remembers refusals until their sender was told, and waits when they are too many', () => {
    const acceptance = new Acceptance<string>()
    for (let number = 1; number <= refusalsMax; number++) {
      acceptance.judge(number, 1)
      acceptance.settled(number, 'no')
    }
    expect(acceptance.judge(refusalsMax + 1, 1)).toBe('later')
    expect(acceptance.takeAgain()).toBe(true)
    expect(acceptance.judge(refusalsMax + 1, refusalsMax + 1)).toBe('deliver')
    expect(acceptance.refusals.size).toBe(0)
  })
})

describe('what is outstanding of a stream', () => {
  test('is settled up to a number, and given up one by one', () => {
    const outstanding = new Outstanding<string>()
    for (const number of [2, 4, 5, 7]) outstanding.sent(number, `m${number}`)
    expect(outstanding.lowest).toBe(2)
    outstanding.giveUp(2)
    expect([outstanding.lowest, outstanding.size]).toEqual([4, 3])
    expect(outstanding.settle(5)).toEqual([
      [4, 'm4'],
      [5, 'm5'],
    ])
    expect(outstanding.takeAbove(0)).toEqual(['m7'])
    expect([outstanding.lowest, outstanding.size]).toEqual([undefined, 0])
  })
})
