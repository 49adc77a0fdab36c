import { describe, expect, test } from 'vitest'
import { FrameKind } from '../../src/codec/codec.js'
import { Handover, handoverMillis } from '../../src/link/handover.js'
import { handshakeMillis } from '../../src/link/limits.js'
import { SimulatedClock } from '../../src/testing/testing.js'
import type { Connection } from '../../src/transport/transport.js'

const frame = (kind: number, ...body: number[]): Uint8Array => Uint8Array.of(kind, 0, 0, body.length, ...body)
const readyToGoOn = frame(FrameKind.ready, 1)

function begin(role: 'dialler' | 'acceptor') {
  const clock = new SimulatedClock()
  const log: string[] = []
  const connection: Connection = {
    remote: 'memory://b:1',
    send: chunk => log.push(`send ${[...chunk].join()}`) > 0,
    admit: () => {},
    pause: () => void log.push('pause'),
    resume: () => void log.push('resume'),
    close: () => void log.push('close'),
    destroy: () => void log.push('destroy'),
  }
  const handover = new Handover(connection, role, clock, {
    goOn: () => void log.push('go on'),
    over: () => void log.push('over'),
    failed: why => void log.push(`failed: ${why}`),
    abandoned: () => void log.push('abandoned'),
  })
  handover.begin()
  return { clock, log, handover }
}

describe('a handover', () => {
  test('of the dialler says that it goes on, does, and is over when the peer has said its last', () => {
    const { log, handover } = begin('dialler')
    expect(log).toEqual(['send 5,0,0,1,1', 'pause', 'go on'])
    handover.received(frame(FrameKind.ping, 1))
    handover.peerMoved()
    expect(log.slice(3)).toEqual(['over'])
    expect(handover.held).toEqual([frame(FrameKind.ping, 1)])
  })

  test('of the acceptor goes on when the dialler says so, and keeps what came with it', () => {
    const { log, handover } = begin('acceptor')
    expect(log).toEqual([])
    const ping = frame(FrameKind.ping, 1)
    handover.received(Uint8Array.of(...readyToGoOn, ...ping))
    expect(log).toEqual(['pause', 'go on'])
    handover.peerMoved()
    expect(log.slice(2)).toEqual(['over'])
    expect(handover.held).toEqual([ping])
  })

  test('is over as well when the last word on the former connection is the faster one', () => {
    const { log, handover } = begin('acceptor')
    handover.peerMoved()
    expect(log).toEqual([])
    handover.received(readyToGoOn)
    expect(log).toEqual(['pause', 'go on', 'over'])
  })

  test('that nobody says anything on is abandoned: the former connection stays', () => {
    const { clock, log } = begin('acceptor')
    clock.advance(handshakeMillis)
    expect(log).toEqual(['close', 'abandoned'])
  })

  test('whose new connection is lost is abandoned while nothing was said on it, and no longer', () => {
    expect(begin('acceptor').handover.abandon()).toBe(true)
    expect(begin('dialler').handover.abandon()).toBe(false)
    const { handover } = begin('acceptor')
    handover.peerMoved()
    expect(handover.abandon()).toBe(false)
  })

  test('fails when what was under way does not arrive in time', () => {
    const { clock, log } = begin('dialler')
    clock.advance(handoverMillis)
    expect(log.at(-1)).toBe('failed: what was under way on the connection before did not arrive in time')
  })

  test('fails when the dialler begins anew: it has lost the former connection', () => {
    const { log, handover } = begin('acceptor')
    handover.received(frame(FrameKind.ready))
    expect(log).toEqual(['failed: the dialler begins anew'])
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['a frame out of turn', frame(FrameKind.ping, 1)],
    ['a frame that is cut off', readyToGoOn.subarray(0, 3)],
  ])('is abandoned for %s instead of a word that the dialler is ready', (_, batch) => {
    const { log, handover } = begin('acceptor')
    handover.received(batch)
    expect(log).toEqual(['close', 'abandoned'])
  })
})
