import { describe, expect, test } from 'vitest'
import type { NodeName } from '../../src/core/node.js'
import { CircuitConnection } from '../../src/manager/circuit-connection.js'
import { SimulatedClock } from '../../src/testing/testing.js'

/** An end of a circuit whose next node takes what it is told to take. */
function end() {
  const clock = new SimulatedClock()
  const told: string[] = []
  const sent: (() => void)[] = []
  const connection = new CircuitConnection({
    ...{ node: 'b' as NodeName, clock },
    write: (_, over) => void sent.push(over),
    close: (reason, drop) => void told.push(`close ${reason} ${drop}`),
  })
  connection.own({
    received: chunk => void told.push(`received ${chunk.length}`),
    drained: () => void told.push('drained'),
    closed: error => void told.push(`closed ${error?.message}`),
  })
  return { clock, told, sent, connection }
}

const chunk = (bytes: number): Uint8Array => new Uint8Array(bytes)

describe('an end of a circuit', () => {
  test('says when it is enough, and when it takes more', () => {
    const { connection, sent, told } = end()
    expect(connection.send(chunk(200_000))).toBe(true)
    expect(connection.send(chunk(100_000))).toBe(false)
    expect(connection.send(chunk(1))).toBe(false)
    sent.shift()?.()
    expect(told).toEqual([])
    sent.shift()?.()
    expect(told).toEqual(['drained'])
    expect(connection.send(chunk(1))).toBe(true)
  })

  test('hands over nothing while its reader pauses, and keeps the order', async () => {
    const { connection, told } = end()
    connection.pause()
    const first = connection.received(chunk(1))
    const second = connection.received(chunk(2))
    expect(told).toEqual([])
    connection.resume()
    await Promise.all([first, second])
    expect(connection.received(chunk(3))).toBeUndefined()
    expect(told).toEqual(['received 1', 'received 2', 'received 3'])
  })

  test('tells of its end once, and not from within a call', async () => {
    const { connection, clock, told } = end()
    connection.close('enough')
    connection.destroy()
    connection.ended('too late')
    expect(told).toEqual(['close enough false'])
    await clock.advanceAsync(0)
    expect(told).toEqual(['close enough false', 'closed undefined'])
    expect(connection.send(chunk(1))).toBe(false)
    expect(connection.received(chunk(1))).toBeUndefined()
    expect(told).toHaveLength(2)
  })

  test('that was closed from the other end says why; what nobody read is given back', async () => {
    const { connection, told } = end()
    connection.pause()
    const held = connection.received(chunk(1))
    connection.ended('a relay is gone')
    await held
    expect(told).toEqual(['closed a relay is gone'])
  })

  test('that is destroyed drops what waits', () => {
    const { connection, told } = end()
    connection.destroy()
    expect(told).toEqual(['close destroyed true'])
  })
})
