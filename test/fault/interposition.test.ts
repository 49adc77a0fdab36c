import { describe, expect, test } from 'vitest'
import type { ChannelName } from '../../src/core/channel.js'
import type { NodeName } from '../../src/core/node.js'
import { type Interposition, Interpositions, type Passage } from '../../src/fault/interposition.js'

const passage: Passage = {
  ...{ direction: 'forward', peer: 'b' as NodeName, channel: 'default' as ChannelName },
  ...{ kind: 'message', server: 'orders', message: 1 },
}

function judge(...all: readonly Interposition[]): unknown {
  const interpositions = new Interpositions()
  for (const one of all) interpositions.add(one)
  return interpositions.judge(passage)
}

describe('interpositions', () => {
  test('let a message pass when there are none', () => {
    expect(new Interpositions().active).toBe(false)
    expect(judge()).toEqual({ message: 1, copies: 1, delay: 0 })
  })

  test.each<[string, Interposition, unknown]>([
    ['pass', () => ({ type: 'pass' }), { message: 1, copies: 1, delay: 0 }],
    ['drop', () => ({ type: 'drop' }), { message: undefined, copies: 0, delay: 0 }],
    ['duplicate', () => ({ type: 'duplicate' }), { message: 1, copies: 2, delay: 0 }],
    ['delay', () => ({ type: 'delay', by: 5 }), { message: 1, copies: 1, delay: 5 }],
    ['replace', () => ({ type: 'replace', message: 2 }), { message: 2, copies: 1, delay: 0 }],
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
      () => ({ type: 'duplicate' }),
      () => ({ type: 'delay', by: 7 }),
    )
    expect(outcome).toEqual({ message: 1, copies: 4, delay: 12 })
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

  test('end when they are disposed, one for each time they were added', () => {
    const interpositions = new Interpositions()
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
    const interpositions = new Interpositions()
    const registration = interpositions.add(() => {
      registration[Symbol.dispose]()
      return { type: 'duplicate' }
    })
    interpositions.add(() => ({ type: 'delay', by: 1 }))
    expect(interpositions.judge(passage)).toEqual({ message: 1, copies: 2, delay: 1 })
    expect(interpositions.judge(passage)).toEqual({ message: 1, copies: 1, delay: 1 })
  })
})
