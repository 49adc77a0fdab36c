import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { ChannelName } from '../../src/core/channel.js'
import { InvalidOptionError } from '../../src/core/errors.js'
import type { NodeName } from '../../src/core/node.js'
import { type Interposition, Interpositions, type Passage, type Verdict } from '../../src/fault/interposition.js'

const passage: Passage = {
  ...{ direction: 'forward', peer: 'b' as NodeName, channel: 'default' as ChannelName },
  ...{ kind: 'message', server: 'orders', message: 1 },
}

function judge(...all: readonly Interposition[]): unknown {
  const interpositions = new Interpositions(() => {})
  for (const one of all) interpositions.add(one)
  return interpositions.judge(passage)
}

const until = Promise.resolve()

describe('interpositions', () => {
  test('let a message pass when there are none', () => {
    expect(new Interpositions(() => {}).active).toBe(false)
    expect(judge()).toEqual({ message: 1, copies: 1, holds: [], delay: 0 })
  })

  test.each<[string, Interposition, unknown]>([
    ['pass', () => ({ type: 'pass' }), { message: 1, copies: 1, holds: [], delay: 0 }],
    ['drop', () => ({ type: 'drop' }), { message: undefined, copies: 0, holds: [], delay: 0 }],
    ['duplicate', () => ({ type: 'duplicate' }), { message: 1, copies: 2, holds: [], delay: 0 }],
    ['delay', () => ({ type: 'delay', by: 5 }), { message: 1, copies: 1, holds: [], delay: 5 }],
    ['hold', () => ({ type: 'hold', until }), { message: 1, copies: 1, holds: [expect.any(Promise)], delay: 0 }],
    ['replace', () => ({ type: 'replace', message: 2 }), { message: 2, copies: 1, holds: [], delay: 0 }],
  ])('can %s a message', (_name, interposition, outcome) => {
    expect(judge(interposition)).toEqual(outcome)
  })

  test('are asked in the order they were added, each with what the ones before made of the message', () => {
    const seen: unknown[] = []
    const outcome = judge(
      () => ({ type: 'replace', message: 2 }),
      ({ message }) => {
        seen.push(message)
        return { type: 'replace', message: 3 }
      },
      ({ message, server, kind }) => {
        seen.push([message, server, kind])
        return { type: 'pass' }
      },
    )
    expect(seen).toEqual([2, [3, 'orders', 'message']])
    expect(outcome).toMatchObject({ message: 3 })
  })

  test('add up', () => {
    const outcome = judge(
      () => ({ type: 'duplicate' }),
      () => ({ type: 'delay', by: 5 }),
      () => ({ type: 'hold', until }),
      () => ({ type: 'duplicate' }),
      () => ({ type: 'delay', by: 7 }),
      () => ({ type: 'hold', until }),
    )
    expect(outcome).toEqual({ message: 1, copies: 4, holds: [until, until], delay: 12 })
  })

  test('are not asked about what one before has dropped', () => {
    let asked = 0
    const outcome = judge(
      () => ({ type: 'drop' }),
      () => {
        asked++
        return { type: 'pass' }
      },
    )
    expect(outcome).toMatchObject({ copies: 0 })
    expect(asked).toBe(0)
  })

  test.each<[string, Verdict]>([
    ['delays by nothing that is time', { type: 'delay', by: Number.NaN }],
    ['delays by less than nothing', { type: 'delay', by: -1 }],
    ['holds until nothing that can be waited for', { type: 'hold', until: 5 as never }],
  ])('throw for one that %s', (_name, verdict) => {
    expect(() => judge(() => verdict)).toThrow(InvalidOptionError)
  })

  describe('that hold until a promise settles', () => {
    const failing = (message: string): Interposition => {
      return () => ({ type: 'hold', until: Promise.reject(new Error(message)) })
    }
    const forEver = new Promise<never>(() => {})

    test.each<[string, Interposition]>([
      ['another is waited for', () => ({ type: 'hold', until: forEver })],
      ['the passage is dropped', () => ({ type: 'drop' })],
      ['another throws', () => ({ type: 'delay', by: Number.NaN })],
    ])('tell why it rejected, also where %s', async (_name, next) => {
      const failures: unknown[] = []
      const interpositions = new Interpositions(error => void failures.push(error))
      for (const one of [failing('one'), next, failing('other')]) interpositions.add(one)
      const isDropped = next(passage).type !== 'hold'
      try {
        interpositions.judge(passage)
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidOptionError)
      }
      await setImmediate()
      expect(failures).toEqual([new Error('one'), ...(isDropped ? [] : [new Error('other')])])
    })

    test('let the passage go on when it rejects', async () => {
      const interpositions = new Interpositions(() => {})
      interpositions.add(failing('one'))
      const { holds } = interpositions.judge(passage)
      await Promise.all(holds)
      expect(holds).toHaveLength(1)
    })
  })

  test('are refused when they answer with a promise, which is looked after', async () => {
    const failures: unknown[] = []
    const interpositions = new Interpositions(error => void failures.push(error))
    const later = async (): Promise<Verdict> => {
      throw new Error('mine')
    }
    interpositions.add(later as unknown as Interposition)
    expect(() => interpositions.judge(passage)).toThrow(InvalidOptionError)
    await setImmediate()
    expect(failures).toEqual([new Error('mine')])
  })

  test('end when they are disposed, one for each time they were added', () => {
    const interpositions = new Interpositions(() => {})
    const drop: Interposition = () => ({ type: 'drop' })
    const first = interpositions.add(drop)
    const second = interpositions.add(drop)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    expect(interpositions.judge(passage).copies).toBe(0)
    second[Symbol.dispose]()
    expect(interpositions.active).toBe(false)
    expect(interpositions.judge(passage).copies).toBe(1)
  })

  test('may be disposed while they are asked', () => {
    const interpositions = new Interpositions(() => {})
    const registration = interpositions.add(() => {
      registration[Symbol.dispose]()
      return { type: 'duplicate' }
    })
    interpositions.add(() => ({ type: 'delay', by: 1 }))
    expect(interpositions.judge(passage)).toEqual({ message: 1, copies: 2, holds: [], delay: 1 })
    expect(interpositions.judge(passage)).toEqual({ message: 1, copies: 1, holds: [], delay: 1 })
  })
})
