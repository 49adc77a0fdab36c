import { describe, expect, test } from 'vitest'
import { SystemClock } from '../../src/runtime/system-clock.js'
import { SimulatedClock } from '../../src/testing/simulation/simulated-clock.js'
import type { TransportHarness } from '../../src/testing/suites/transport-harness.js'
import { transportSuite } from '../../src/testing/suites/transport-suite.js'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/transport/memory.js'
import type { Connection, Listener } from '../../src/transport/transport.js'
import { within } from '../support/deadline.js'
import { Recorder } from '../support/recorder.js'

const nobody = { url: 'memory://nobody:1' }

async function real(): Promise<TransportHarness> {
  const transport = new MemoryNetwork(new SystemClock()).transport()
  return { transport, host: 'a', nobody, frameBytes: 1_048_576, eventually: promise => within(promise) }
}

async function simulated(latency: number): Promise<TransportHarness> {
  const clock = new SimulatedClock()
  const transport = new MemoryNetwork(clock, { latency }).transport()
  return { transport, host: 'a', nobody, frameBytes: 1_048_576, eventually }

  async function eventually<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    const end = await clock.runAsync({ until: () => settled, maxSteps: 100_000 })
    if (end !== 'until') throw new Error(`the simulation ended first: ${end}`)
    return promise
  }
}

transportSuite('the memory transport in real time', real, { describe, test })
transportSuite('the memory transport in virtual time', () => simulated(0), { describe, test })
transportSuite('the memory transport with latency', () => simulated(25), { describe, test })

describe('the memory network', () => {
  const noSignal = new AbortController().signal

  /** Two ends on a network, on virtual time. */
  async function pair(options: MemoryNetworkOptions = {}): Promise<{
    clock: SimulatedClock
    near: Recorder
    far: Recorder
    connection: Connection
  }> {
    const clock = new SimulatedClock()
    const network = new MemoryNetwork(clock, options)
    const near = new Recorder()
    const far = new Recorder()
    const listener = await network.transport('far').listen({ host: 'far', port: 7 }, far.accept)
    const dialling = network.transport('near').dial({ url: listener.url }, near, noSignal)
    await clock.runAsync({ until: () => far.connection !== undefined })
    await clock.runAsync()
    return { clock, near, far, connection: await dialling }
  }

  test('gives listeners the ports they ask for, and the next free one for 0', async () => {
    const transport = new MemoryNetwork(new SimulatedClock()).transport()
    const listen = (host: string, port: number): Promise<Listener> =>
      transport.listen({ host, port }, () => new Recorder())
    expect((await listen('a', 2)).url).toBe('memory://a:2')
    expect((await listen('a', 0)).url).toBe('memory://a:1')
    expect((await listen('a', 0)).url).toBe('memory://a:3')
    expect((await listen('::1', 9)).url).toBe('memory://[::1]:9')
    await expect(listen('a', 2)).rejects.toThrow(/EADDRINUSE/)
  })

  test('tells each end where the other is', async () => {
    const { far, connection } = await pair()
    expect(connection.remote).toBe('memory://far:7')
    expect(far.connection?.remote).toBe('memory://near')
  })

  test('copies the bytes: what the sender does to them afterwards is not seen', async () => {
    const { clock, far, connection } = await pair()
    const bytes = Uint8Array.of(1, 2, 3)
    connection.send(bytes)
    bytes.fill(9)
    clock.run()
    expect(far.chunks).toEqual([Uint8Array.of(1, 2, 3)])
  })

  test('takes the latency in each direction', async () => {
    const { clock, near, far, connection } = await pair({ latency: 25 })
    const start = clock.now()
    connection.send(Uint8Array.of(1))
    clock.run({ until: () => far.chunks.length === 1 })
    expect(clock.now() - start).toBe(25)
    far.connection?.send(Uint8Array.of(2))
    clock.run({ until: () => near.chunks.length === 1 })
    expect(clock.now() - start).toBe(50)
  })

  test('calls no handler from within send, close or destroy', async () => {
    const { near, far, connection } = await pair()
    connection.send(Uint8Array.of(1))
    connection.close()
    connection.destroy()
    expect([near.errors, far.chunks, far.errors]).toEqual([[], [], []])
  })

  test('destroy drops what waits', async () => {
    const { clock, near, far, connection } = await pair({ latency: 25 })
    connection.send(Uint8Array.of(1))
    connection.destroy()
    clock.run()
    expect(far.chunks).toEqual([])
    expect([near.errors.length, far.errors.length]).toEqual([1, 1])
  })

  test('counts what is in flight and what is unread against the mark', async () => {
    const { clock, near, far, connection } = await pair({ latency: 25, highWaterMark: 100, lowWaterMark: 50 })
    expect(connection.send(new Uint8Array(100))).toBe(true)
    expect(connection.send(new Uint8Array(1))).toBe(false)
    clock.run()
    expect(near.drains).toBe(1)
    far.connection?.pause()
    expect(connection.send(new Uint8Array(101))).toBe(false)
    clock.run()
    expect(near.drains).toBe(1)
    far.connection?.resume()
    clock.run()
    expect([near.drains, far.bytes]).toEqual([2, 202])
  })

  test('lets a handler that makes more and more work take turns with everybody else', async () => {
    const { clock, far, connection } = await pair()
    far.received = bytes => void connection.send(bytes)
    connection.send(Uint8Array.of(1))
    expect(clock.run({ maxSteps: 1000 })).toBe('exhausted')
  })

  test('tells even an end that does not read when the other one drops the connection', async () => {
    const { clock, far, connection } = await pair()
    far.connection?.pause()
    connection.send(Uint8Array.of(1))
    clock.run()
    connection.destroy()
    clock.run()
    expect([far.chunks, far.errors]).toEqual([[], [expect.any(Error)]])
  })

  test('leaves nothing pending behind closed connections', async () => {
    const { clock, near, far, connection } = await pair({ latency: 25 })
    connection.send(Uint8Array.of(1))
    connection.close()
    expect(clock.run()).toBe('idle')
    expect([near.errors, far.errors]).toEqual([[undefined], [undefined]])
    expect(clock.now()).toBeLessThan(1000)
  })

  test('knows nothing of another network', async () => {
    const clock = new SimulatedClock()
    const listener = await new MemoryNetwork(clock).transport().listen({ host: 'a', port: 1 }, () => new Recorder())
    const dialling = new MemoryNetwork(clock).transport().dial({ url: listener.url }, new Recorder(), noSignal)
    const refusal = expect(dialling).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await clock.runAsync()
    await refusal
  })

  test('refuses an address of another kind as the mistake it is', async () => {
    const transport = new MemoryNetwork(new SimulatedClock()).transport()
    for (const url of ['ws://a:1', 'nonsense', '']) {
      await expect(transport.dial({ url }, new Recorder(), noSignal)).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
      })
    }
  })

  test('tells the same story twice', async () => {
    const tell = async (): Promise<string[]> => {
      const { clock, near, far, connection } = await pair({ latency: 3 })
      const story: string[] = []
      near.received = bytes => void story.push(`${clock.now()} near ${bytes.join()}`)
      far.received = bytes => {
        story.push(`${clock.now()} far ${bytes.join()}`)
        far.connection?.send(bytes)
      }
      for (let index = 0; index < 20; index++) {
        clock.schedule(index % 7, () => void connection.send(Uint8Array.of(index)))
      }
      clock.run()
      return story
    }
    const story = await tell()
    expect(story.length).toBe(40)
    expect(await tell()).toEqual(story)
  })
})
