import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { Attempt } from '../../src/link/attempt.js'
import type { HandshakePolicy } from '../../src/link/handshake.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import type { Connection, ConnectionHandler, Transport } from '../../src/transport/transport.js'
import { acceptor, identity, slot } from '../support/handshake-ends.js'

/** A dial to b, whose end of the connection answers as an honest acceptor, once it opens. */
class Dial {
  readonly clock = new SimulatedClock()
  readonly told: string[] = []
  readonly attempt: Attempt
  signal: AbortSignal | undefined
  #open: (connection: Connection) => void = () => {}

  constructor(mutualTls = false) {
    const dial: Transport['dial'] = (_address, handler, signal) => {
      this.signal = signal
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
        this.#open = connection => {
          this.#handler = handler
          resolve(connection)
        }
      })
    }
    const transport: Transport = { schemes: ['memory'], listen: () => Promise.reject(new Error('it dials')), dial }
    this.attempt = new Attempt({
      ...{ transport, mutualTls, clock: this.clock, identity: () => identity('a') },
      entropy: { bytes: count => new Uint8Array(count).fill(7) },
    })
    const policy: HandshakePolicy = { choose: () => ({ ...slot, fresh: true }), admit: () => ({ fresh: true }) }
    this.attempt.begin({ url: 'memory://b:1' }, 'b' as NodeName, policy, {
      established: () => {
        this.told.push('established')
        return undefined
      },
      failed: (refusal, error) => void this.told.push(`failed: ${refusal?.text ?? error?.message}`),
      cancelled: () => void this.told.push('cancelled'),
    })
  }

  #handler: ConnectionHandler | undefined

  /** The connection opens; the peer shows a certificate with these names. */
  async opens(...names: readonly string[]): Promise<void> {
    const peer = acceptor({ identity: identity('b') })
    this.#open({
      ...{ remote: 'memory://b:1', security: { names, exporter: undefined } },
      send: chunk => {
        for (const effect of peer.take(chunk)) {
          if (effect.type === 'send') this.clock.defer(() => this.#handler?.received(effect.chunk))
        }
        return true
      },
      ...{ admit: () => {}, pause: () => {}, resume: () => {}, close: () => {}, destroy: () => {} },
    })
    await this.clock.advanceAsync(0)
  }
}

describe('an attempt', () => {
  test('ends when the handshake does, and leaves no timer behind', async () => {
    const dial = new Dial()
    await dial.opens()
    expect([dial.told, dial.clock.pending]).toEqual([['established'], 0])
  })

  test('ends a dial that hangs, after a second', async () => {
    const dial = new Dial()
    await dial.clock.advanceAsync(999)
    expect([dial.told, dial.signal?.aborted]).toEqual([[], false])
    await dial.clock.advanceAsync(1)
    expect(dial.signal?.aborted).toBe(true)
    expect(dial.told).toEqual([expect.stringContaining('no answer within 1000 ms')])
  })

  test('does not hold a stall of its own process against the peer', async () => {
    const dial = new Dial()
    // What was due meanwhile comes late, one after another.
    const { schedule } = dial.clock
    dial.clock.schedule = (after, wake) => schedule.call(dial.clock, after + 400, wake)
    await dial.clock.advanceAsync(2_900)
    expect(dial.told).toEqual([])
    await dial.opens()
    expect(dial.told).toEqual(['established'])
  })

  test('ends its dial when it is given up, and tells that alone', async () => {
    const dial = new Dial()
    dial.attempt.cancel()
    dial.attempt.cancel()
    expect(dial.signal?.aborted).toBe(true)
    await dial.clock.advanceAsync(5_000)
    expect(dial.told).toEqual(['cancelled'])
  })

  test('takes a peer with a certificate only where that bears the name of the peer', async () => {
    for (const [names, told] of [
      [['b'], 'established'],
      [['c', 'b'], 'established'],
      [['c'], 'failed: the certificate bears another name'],
      [[], 'failed: the certificate bears another name'],
    ] as const) {
      const dial = new Dial(true)
      await dial.opens(...names)
      expect(dial.told).toEqual([told])
    }
  })
})
