import { describe, expect, test } from 'vitest'
import { Acceptance, refusalsMax, reportsMax } from '../../src/delivery/acceptance.js'
import { Outstanding } from '../../src/delivery/outstanding.js'
import { collectGarbage } from '../support/memory.js'

/** Takes and settles these numbers, one after another, each acknowledged before the next. */
function taken(...numbers: readonly number[]): Acceptance<string> {
  const acceptance = new Acceptance<string>()
  for (const number of numbers) {
    expect(acceptance.judge(number, 0, number)).toBe('deliver')
    acceptance.take(number)
    acceptance.settled(number)
  }
  return acceptance
}

/** Every number up to this one is settled. */
function upTo(acceptance: Acceptance<string>): number {
  const told = acceptance.tell(10, all)
  return (told.open[0] ?? told.upTo + 1) - 1
}

const all = (refusals: readonly unknown[]): number => refusals.length

function told(acceptance: Acceptance<string>, runs = 10): { readonly upTo: number; readonly open: readonly number[] } {
  const { upTo, open } = acceptance.tell(runs, all)
  return { upTo, open }
}

describe('a stream of messages that are to be acknowledged', () => {
  test('is taken in order, each number once, gaps or not', () => {
    const acceptance = taken(1, 2, 5)
    expect(upTo(acceptance)).toBe(5)
    for (const number of [1, 2, 3, 5]) expect(acceptance.judge(number, 0, 1)).toBe('duplicate')
    expect(acceptance.judge(6, 5, 5)).toBe('deliver')
    acceptance.take(6)
    expect(upTo(acceptance)).toBe(5)
    acceptance.settled(6)
    expect(upTo(acceptance)).toBe(6)
  })

  test('takes nothing whose predecessor it has not taken, whatever was taken away', () => {
    const acceptance = taken(1)
    expect(acceptance.judge(2, 1, 1)).toBe('deliver')
    acceptance.dropped()
    expect([acceptance.judge(3, 2, 1), acceptance.judge(4, 3, 1)]).toEqual(['later', 'later'])
    expect([upTo(acceptance), acceptance.misses]).toEqual([1, true])
    acceptance.asked()
    expect(acceptance.misses).toBe(false)
    // What was under way when it was asked for.
    expect(acceptance.judge(5, 4, 2)).toBe('later')
    expect(acceptance.judge(2, 0, 2)).toBe('deliver')
    acceptance.take(2)
    expect(acceptance.judge(6, 5, 2)).toBe('later')
    expect(acceptance.judge(3, 2, 2)).toBe('deliver')
  })

  test('goes on when nobody waits any more for what a fault took away', () => {
    const acceptance = taken(1)
    acceptance.judge(2, 1, 1)
    acceptance.dropped()
    expect(acceptance.judge(3, 2, 2)).toBe('later')
    expect(acceptance.judge(3, 1, 1)).toBe('deliver')
  })

  test('waits for what a fault holds back, which comes again meanwhile for nothing', () => {
    const acceptance = taken(1)
    acceptance.judge(2, 1, 1)
    acceptance.hold(2)
    expect([acceptance.judge(2, 0, 2), acceptance.judge(3, 2, 2), acceptance.misses]).toEqual([
      'duplicate',
      'later',
      false,
    ])
    acceptance.take(2)
    expect(acceptance.misses).toBe(true)
    // Sent while 2 was not acknowledged, and after 3.
    expect(acceptance.judge(4, 3, 2)).toBe('later')
    expect(acceptance.judge(3, 2, 2)).toBe('deliver')
  })

  test('comes again when what held it back is given up', () => {
    const acceptance = taken(1)
    acceptance.hold(2)
    acceptance.letGo()
    expect([acceptance.misses, acceptance.judge(2, 0, 2)]).toEqual([true, 'deliver'])
  })

  /** The first is open, and each of the others is refused. */
  function refused(acceptance: Acceptance<string>, from: number, until: number): string[] {
    const verdicts: string[] = []
    for (let number = from; number <= until; number++) {
      const verdict = acceptance.judge(number, number - 1, 1)
      verdicts.push(verdict)
      if (verdict !== 'deliver') continue
      acceptance.take(number)
      if (number > 1) acceptance.settled(number, 'no')
    }
    return verdicts
  }

  test('takes no more than so many before their sender is told of refusals', () => {
    const acceptance = new Acceptance<string>()
    const verdicts = refused(acceptance, 1, reportsMax + 2)
    expect(verdicts.indexOf('later')).toBe(reportsMax + 1)
    expect([acceptance.owes, acceptance.isFull]).toEqual([true, true])
    expect(acceptance.tell(10, all).refusals).toHaveLength(reportsMax)
    expect([acceptance.owes, acceptance.isFull]).toEqual([false, false])
    expect(refused(acceptance, reportsMax + 2, reportsMax + 2)).toEqual(['deliver'])
  })

  test('remembers why for the latest that were told, and that they were refused for more', () => {
    const acceptance = new Acceptance<string>()
    for (let number = 1; number <= refusalsMax + 1; number++) {
      expect(refused(acceptance, number, number)).toEqual(['deliver'])
      if (number % 100 === 0) acceptance.tell(10, all)
    }
    acceptance.tell(10, all)
    expect([acceptance.owes, acceptance.isFull]).toEqual([false, true])
    expect(refused(acceptance, refusalsMax + 2, refusalsMax + 2)).toEqual(['later'])
    for (const [number, why] of [
      [2, undefined],
      [refusalsMax - reportsMax, undefined],
      [refusalsMax + 1, 'no'],
    ] as const) {
      expect(acceptance.judge(number, 1, 1)).toBe('duplicate')
      expect(acceptance.tell(10, all).refusals).toEqual([[number, why]])
    }
    // With its predecessor before it, though the sender was told of all refusals.
    expect(acceptance.judge(refusalsMax + 3, refusalsMax + 2, refusalsMax + 2)).toBe('later')
    expect(acceptance.judge(refusalsMax + 2, 0, refusalsMax + 2)).toBe('deliver')
    expect(acceptance.tell(10, all).refusals).toEqual([])
  })

  test('forgets refusals behind a message that is open for long when their sender waits for them no more', () => {
    const acceptance = new Acceptance<string>()
    const arrive = (number: number, previous: number): string => {
      const verdict = acceptance.judge(number, previous, 1)
      if (verdict !== 'deliver') return verdict
      acceptance.take(number)
      if (number > 1) acceptance.settled(number, 'no')
      return verdict
    }
    for (let number = 1; number <= reportsMax + 1; number++) expect(arrive(number, number - 1)).toBe('deliver')
    expect(arrive(reportsMax + 2, reportsMax + 1)).toBe('later')
    expect(arrive(reportsMax + 2, 1)).toBe('deliver')
    expect(acceptance.tell(10, all).refusals).toEqual([[reportsMax + 2, 'no']])
    // What came before was not waited for by then, and nothing else is forgotten.
    expect(arrive(reportsMax + 3, reportsMax + 2)).toBe('deliver')
    expect(told(acceptance)).toEqual({ upTo: reportsMax + 3, open: [1, 1, reportsMax + 2, reportsMax + 2] })
  })

  test('tells a refusal once, and again when its message comes again; meanwhile it goes by as open', () => {
    const acceptance = new Acceptance<string>()
    for (const number of [1, 2, 3]) {
      acceptance.judge(number, number - 1, 1)
      acceptance.take(number)
      if (number > 1) acceptance.settled(number, `no ${number}`)
    }
    const one = (): number => 1
    const first = { upTo: 2, open: [1, 1], refusals: [[2, 'no 2']], isLast: false }
    const second = { upTo: 3, open: [1, 2], refusals: [[3, 'no 3']], isLast: true }
    const nothing = { upTo: 3, open: [1, 3], refusals: [], isLast: true }
    const tell = (): unknown => acceptance.tell(10, one)
    expect([tell(), tell(), tell()]).toEqual([first, second, nothing])
    expect(acceptance.judge(2, 1, 1)).toBe('duplicate')
    const again = { upTo: 3, open: [1, 1, 3, 3], refusals: [[2, 'no 2']], isLast: true }
    expect([tell(), tell()]).toEqual([again, nothing])
    // Its sender waits for it no more.
    acceptance.judge(4, 1, 1)
    expect(tell()).toEqual({ upTo: 3, open: [1, 1], refusals: [], isLast: true })
  })

  test('leaves out of what is open what its sender has given up', () => {
    const acceptance = new Acceptance<string>()
    for (let number = 1; number <= 5; number++) {
      acceptance.judge(number, number - 1, 1)
      acceptance.take(number)
    }
    acceptance.judge(6, 2, 1)
    acceptance.take(6)
    expect(told(acceptance)).toEqual({ upTo: 6, open: [1, 2, 6, 6] })
  })
})

describe('what is settled of a stream', () => {
  function open(...numbers: readonly number[]): Acceptance<string> {
    const acceptance = new Acceptance<string>()
    for (const number of numbers) {
      acceptance.judge(number, number - 1, 1)
      acceptance.take(number)
    }
    return acceptance
  }

  test('is all but what is open: nobody waits for a handler that another message is with', () => {
    const acceptance = open(1, 2, 3, 4)
    acceptance.settled(2)
    acceptance.settled(4)
    expect(told(acceptance)).toEqual({ upTo: 4, open: [1, 1, 3, 3] })
    acceptance.settled(1)
    acceptance.settled(3)
    expect(told(acceptance)).toEqual({ upTo: 4, open: [] })
  })

  test('is told up to as much as may be named', () => {
    const acceptance = open(1, 2, 3, 4, 5)
    acceptance.settled(4)
    expect(told(acceptance, 1)).toEqual({ upTo: 4, open: [1, 3] })
    expect(told(acceptance, 2)).toEqual({ upTo: 5, open: [1, 3, 5, 5] })
    acceptance.settled(2)
    expect(acceptance.tell(1, all)).toMatchObject({ upTo: 2, open: [1, 1], isLast: false })
    expect(acceptance.tell(1, all, 2)).toMatchObject({ upTo: 4, open: [1, 3], isLast: false })
    expect(acceptance.tell(1, all, 4)).toMatchObject({ upTo: 5, open: [1, 5], isLast: true })
  })

  test('leaves out what nobody waits for any more, however it ends', () => {
    const acceptance = open(1, 2, 3)
    acceptance.settled(2)
    expect(acceptance.judge(4, 3, 3)).toBe('deliver')
    expect(told(acceptance)).toEqual({ upTo: 3, open: [3, 3] })
    expect(acceptance.judge(4, 0, 4)).toBe('deliver')
    expect(told(acceptance)).toEqual({ upTo: 3, open: [] })
    acceptance.settled(1, 'late')
    expect(acceptance.tell(10, all).refusals).toEqual([])
  })
})

describe('what is outstanding of a stream', () => {
  test('takes no more room however long one is open', () => {
    const outstanding = new Outstanding<number>()
    const used = (): number => {
      collectGarbage()
      return process.memoryUsage().heapUsed
    }
    const before = used()
    for (let number = 1; number <= 200_000; number++) {
      outstanding.sent(number, number)
      if (number % 100 === 0) outstanding.settle(number, [1, 1], () => {})
    }
    expect(used() - before).toBeLessThan(1_000_000)
    expect(outstanding.takeAfter(0)).toEqual([1])
  })

  test('is settled but for what is open', () => {
    const outstanding = new Outstanding<string>()
    const settled: number[] = []
    for (let number = 1; number <= 10_000; number++) {
      outstanding.sent(number, `m${number}`)
      if (number % 10 === 0) outstanding.settle(number, [1, 1, 5, 5], (_message, which) => settled.push(which))
    }
    expect(settled.length).toBe(9_998)
    expect(settled.slice(0, 6)).toEqual([2, 3, 4, 6, 7, 8])
    expect([outstanding.lowest, outstanding.greatest]).toEqual([1, 5])
    outstanding.giveUp(1)
    expect(outstanding.takeAfter(0)).toEqual(['m5'])
  })

  test('is settled up to a number, and given up one by one', () => {
    const outstanding = new Outstanding<string>()
    expect([outstanding.lowest, outstanding.greatest]).toEqual([undefined, undefined])
    for (const number of [2, 4, 5, 7, 9]) outstanding.sent(number, `m${number}`)
    outstanding.giveUp(2)
    outstanding.giveUp(9)
    expect([outstanding.lowest, outstanding.greatest]).toEqual([4, 7])
    outstanding.giveUp(3)
    const settled: unknown[] = []
    outstanding.settle(5, [], (message, number) => settled.push([message, number]))
    expect(settled).toEqual([
      ['m4', 4],
      ['m5', 5],
    ])
    expect([outstanding.lowest, outstanding.greatest]).toEqual([7, 7])
    outstanding.sent(10, 'm10')
    outstanding.sent(12, 'm12')
    expect(outstanding.takeAfter(8)).toEqual(['m10', 'm12'])
    expect([outstanding.lowest, outstanding.greatest]).toEqual([7, 7])
    outstanding.sent(11, 'm11')
    outstanding.settle(11, [8, 10], (_message, number) => settled.push(number))
    expect(settled.slice(2)).toEqual([7, 11])
    outstanding.sent(13, 'm13')
    expect(outstanding.takeAfter(0)).toEqual(['m13'])
    expect([outstanding.lowest, outstanding.greatest]).toEqual([undefined, undefined])
  })
})
