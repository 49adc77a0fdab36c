import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/codec/codec.js'
import type { Machine } from '../../src/core/machine.js'
import type { Established, HandshakeEffect, HandshakeInput, Refusal } from '../../src/link/handshake.js'
import { Handshaking } from '../../src/link/handshaking.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import type { Connection } from '../../src/transport/transport.js'
import { identity, limits, slot } from '../support/handshake-ends.js'

const established: Established & { readonly type: 'established' } = {
  ...{ type: 'established', peer: identity('b').spec, slot, version: 1, features: [], limits, fresh: true },
}
const refused: Refusal & { readonly type: 'failed'; readonly by: 'us' } = {
  ...{ type: 'failed', by: 'us', code: CloseCode.role, text: 'not here' },
}

/** A connection that writes down what becomes of it. */
function connection(): Connection & { readonly fate: string[] } {
  const fate: string[] = []
  return {
    ...{ fate, remote: 'memory://b:1', send: () => true, admit: () => {}, pause: () => {}, resume: () => {} },
    close: () => void fate.push('closed'),
    destroy: () => void fate.push('destroyed'),
  }
}

/** A handshake whose machine says `answer` to the first chunk and to the end of its time, and whose outcome is told. */
function setUp(answer: HandshakeEffect): { clock: SimulatedClock; handshake: Handshaking; told: string[] } {
  const clock = new SimulatedClock()
  const machine: Machine<HandshakeInput, HandshakeEffect> = {
    step: ({ type }, _now, out) => {
      if (type !== 'open') out.push(answer)
    },
  }
  const told: string[] = []
  const handshake = new Handshaking(machine, clock, {
    established: () => {
      told.push('established')
      return undefined
    },
    failed: refusal => void told.push(`failed ${refusal?.text}`),
  })
  return { clock, handshake, told }
}

describe('the connection of a handshake', () => {
  test('is closed when no lane takes it any more', () => {
    const [wire, { handshake, told }] = [connection(), setUp(established)]
    handshake.begin(wire)
    handshake.received(Uint8Array.of(1))
    expect([told, wire.fate]).toEqual([['established'], ['closed']])
  })

  test('is closed when the peer is refused, and when it does not answer', () => {
    for (const end of ['chunk', 'time'] as const) {
      const [wire, { clock, handshake, told }] = [connection(), setUp(refused)]
      handshake.begin(wire)
      if (end === 'chunk') handshake.received(Uint8Array.of(1))
      clock.advance(2_000)
      expect([told, wire.fate], end).toEqual([['failed not here'], ['closed']])
    }
  })

  test('is closed when its own node gives it up, which tells nobody', () => {
    const [wire, { clock, handshake, told }] = [connection(), setUp(refused)]
    handshake.begin(wire)
    handshake.abandon()
    handshake.received(Uint8Array.of(1))
    clock.advance(10_000)
    expect([told, wire.fate]).toEqual([[], ['closed']])
  })

  test('is dropped when it opens after that', () => {
    const [wire, { handshake, told }] = [connection(), setUp(established)]
    handshake.abandon()
    handshake.begin(wire)
    expect([told, wire.fate]).toEqual([[], ['destroyed']])
  })

  test('may end by itself: that is told, once', () => {
    const [wire, { clock, handshake, told }] = [connection(), setUp(refused)]
    handshake.begin(wire)
    handshake.closed()
    handshake.closed()
    handshake.received(Uint8Array.of(1))
    clock.advance(10_000)
    expect([told, clock.pending]).toEqual([['failed undefined'], 0])
  })

  test('leaves no timer behind when the handshake is over', () => {
    const { clock, handshake } = setUp(established)
    handshake.begin(connection())
    expect(clock.pending).toBe(1)
    handshake.received(Uint8Array.of(1))
    expect(clock.pending).toBe(0)
  })
})
