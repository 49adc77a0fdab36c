import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { Overlay } from '../../src/manager/overlay.js'
import type { MembershipEffect, MembershipInput, MembershipStrategy } from '../../src/membership/strategy.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import { specOf } from '../support/membership-bus.js'

type Answer = (input: MembershipInput<unknown>) => readonly MembershipEffect<unknown>[]

const start: MembershipInput<unknown> = { type: 'start', self: specOf('a') }
const joined = (peer: string): MembershipEffect<unknown> => ({
  ...{ type: 'notify', event: { type: 'joined', peer: peer as NodeName } },
})

/** An overlay whose strategy answers as it is told; what it takes and does is written down. */
function setUp(answer: Answer): { clock: SimulatedClock; overlay: Overlay; log: string[] } {
  const log: string[] = []
  const strategy: MembershipStrategy = {
    ...{ capabilities: [], members: () => [], route: () => [], parse: () => undefined, admit: () => undefined },
    state: () => ({ members: [] }),
    step: (input, _now, out) => {
      log.push(input.type === 'timer' ? `timer ${input.timer}` : input.type)
      out.push(...answer(input))
    },
  }
  const clock = new SimulatedClock()
  const overlay: Overlay = new Overlay(strategy, clock, {
    ...{ send: () => {}, connect: () => {}, disconnect: () => {} },
    notify: event => {
      if (event.type !== 'joined') return
      log.push(`joined ${event.peer}`)
      if (event.peer === 'once') overlay.step({ type: 'leave' })
    },
  })
  return { clock, overlay, log }
}

describe('the shell of an overlay', () => {
  test('takes what an effect causes after all effects of the same step', () => {
    const { overlay, log } = setUp(({ type }) => (type === 'start' ? [joined('once'), joined('x')] : [joined('y')]))
    overlay.step(start)
    expect(log).toEqual(['start', 'joined once', 'joined x', 'leave', 'joined y'])
  })

  test('arms a timer anew in the place of the one of the same name', () => {
    const { clock, overlay, log } = setUp(({ type }) =>
      type === 'timer' ? [] : [{ type: 'arm', timer: 'digest', after: 100 }],
    )
    overlay.step(start)
    clock.advance(60)
    overlay.step({ type: 'leave' })
    clock.advance(99)
    expect(log).toEqual(['start', 'leave'])
    clock.advance(1_000)
    expect(log).toEqual(['start', 'leave', 'timer digest'])
  })

  test('fires no timer of an ended life', () => {
    const { clock, overlay, log } = setUp(() => [{ type: 'arm', timer: 'digest', after: 100 }])
    overlay.step(start)
    overlay.stop()
    clock.advance(1_000)
    expect([log, clock.pending]).toEqual([['start'], 0])
  })

  test('goes on after a strategy threw', () => {
    let broken = true
    const { overlay, log } = setUp(() => {
      if (!broken) return []
      broken = false
      throw new Error('the strategy failed')
    })
    expect(() => overlay.step(start)).toThrow('the strategy failed')
    overlay.step({ type: 'leave' })
    expect(log).toEqual(['start', 'leave'])
  })
})
