import { describe, expect, test } from 'vitest'
import { fullMesh, InsecureError, InvalidOptionError } from '../../src/index.js'
import { SystemClock } from '../../src/runtime/system-clock.js'
import {
  MemoryNetwork,
  SimulatedClock,
  type Spike,
  type SpikeOptions,
  spike,
  transportSuite,
} from '../../src/testing/testing.js'
import type { Connection, ConnectionHandler, Transport } from '../../src/transport/transport.js'
import { WebSocketTransport } from '../../src/transport/websocket.js'
import { Cluster } from '../support/cluster.js'
import { within } from '../support/deadline.js'
import { Recorder } from '../support/recorder.js'

const clock = new SystemClock()
const noSignal = new AbortController().signal
const harmless = { prob: 0, margin: 0, seed: 1 }
const suite = { host: '127.0.0.1', frameBytes: 1_048_576, eventually: within }

transportSuite(
  'a spiked memory transport of probability 0',
  async () => ({
    ...suite,
    ...{ transport: spike(new MemoryNetwork(clock).transport(), harmless), nobody: { url: 'memory://nobody:1' } },
  }),
  { describe, test },
)
transportSuite(
  'a spiked WebSocket transport of probability 0',
  async () => ({
    ...suite,
    ...{ transport: spike(new WebSocketTransport({ clock }), harmless), nobody: { url: 'ws://127.0.0.1:1' } },
  }),
  { describe, test },
)

/** Two ends on virtual time; the near one is spiked. */
class Pair {
  readonly clock = new SimulatedClock()
  readonly spike: Spike
  readonly near = new Recorder()
  readonly far = new Recorder()
  readonly #network = new MemoryNetwork(this.clock)

  constructor(options: SpikeOptions) {
    this.spike = spike(this.#network.transport('near'), options)
  }

  async dial(): Promise<Connection> {
    await this.#network.transport().listen({ host: 'far', port: 1 }, this.far.accept)
    return this.settle(this.spike.dial({ url: 'memory://far:1' }, this.near, noSignal))
  }

  /** The far end dials; the near one accepts. */
  async accept(): Promise<Connection> {
    await this.spike.listen({ host: 'near', port: 1 }, this.near.accept)
    // What is dropped as it is accepted, the other end may never have seen open.
    await this.settle(this.#network.transport().dial({ url: 'memory://near:1' }, this.far, noSignal)).catch(() => {})
    if (this.near.connection === undefined) throw new Error('nothing was accepted')
    return this.near.connection
  }

  async settle<Value>(promise: Promise<Value>): Promise<Value> {
    promise.catch(() => {})
    await this.turn()
    return promise
  }

  async turn(): Promise<void> {
    await this.clock.runAsync()
  }
}

const dropped = expect.objectContaining({ code: 'ECONNRESET', message: expect.stringContaining('on purpose') })
const byte = (value = 1): Uint8Array => Uint8Array.of(value)

describe('spike', () => {
  test('of probability 1 and no margin drops the dial itself', async () => {
    const pair = new Pair({ prob: 1, margin: 0, seed: 1 })
    await expect(pair.dial()).rejects.toEqual(dropped)
    expect([pair.near.errors, pair.far.connection, pair.spike.drops]).toEqual([[], undefined, 1])
  })

  test.each([0, 1])('of probability 1 and margin %i drops a connection as it is accepted', async margin => {
    const pair = new Pair({ prob: 1, margin, seed: 1 })
    const connection = await pair.accept()
    await pair.turn()
    expect([pair.near.errors, pair.spike.drops]).toEqual([[dropped], 1])
    expect(connection.send(byte())).toBe(false)
    await pair.turn()
    expect([pair.far.chunks, pair.near.errors.length, pair.spike.drops]).toEqual([[], 1, 1])
  })

  test('of margin 2 drops a dialled connection as it opens: the dial was its first operation', async () => {
    const pair = new Pair({ prob: 1, margin: 2, seed: 1 })
    const connection = await pair.dial()
    expect(connection.send(byte())).toBe(false)
    await pair.turn()
    expect([pair.near.errors, pair.far.chunks]).toEqual([[dropped], []])
  })

  test('loses the chunk whose sending drops the connection', async () => {
    const pair = new Pair({ prob: 1, margin: 4, seed: 1 })
    const connection = await pair.dial()
    expect(connection.send(byte(3))).toBe(true)
    await pair.turn()
    expect([connection.send(byte(4)), connection.send(byte(5))]).toEqual([false, false])
    await pair.turn()
    expect([pair.far.chunks, pair.far.errors.length]).toEqual([[byte(3)], 1])
    expect([pair.near.errors, pair.spike.drops]).toEqual([[dropped], 1])
  })

  test('hands on the chunk whose receipt drops the connection, and nothing that answers it is sent', async () => {
    const pair = new Pair({ prob: 1, margin: 4, seed: 1 })
    const connection = await pair.dial()
    const answers: boolean[] = []
    const receive = pair.near.received.bind(pair.near)
    pair.far.connection?.send(byte(3))
    await pair.turn()
    pair.near.received = chunk => {
      receive(chunk)
      answers.push(connection.send(chunk))
    }
    for (const value of [4, 5]) pair.far.connection?.send(byte(value))
    await pair.turn()
    expect(pair.near.chunks).toEqual([byte(3), byte(4)])
    expect([answers, pair.far.chunks, pair.near.errors]).toEqual([[false], [], [dropped]])
    expect(pair.spike.drops).toBe(1)
  })

  test('counts neither ends nor pauses, and drops nothing that the owner has ended', async () => {
    const pair = new Pair({ prob: 1, margin: 3, seed: 1 })
    const connection = await pair.dial()
    for (let count = 0; count < 5; count++) {
      connection.admit()
      connection.pause()
      connection.resume()
    }
    await pair.turn()
    connection.close('enough')
    expect(connection.send(byte())).toBe(false)
    await pair.turn()
    expect([pair.near.errors, pair.spike.drops]).toEqual([[undefined], 0])
    expect(pair.far.errors).toEqual([expect.objectContaining({ message: expect.stringContaining('enough') })])
  })

  test('says nothing of its own when the owner destroys a connection that it has dropped', async () => {
    const pair = new Pair({ prob: 1, margin: 3, seed: 1 })
    const connection = await pair.dial()
    connection.send(byte())
    connection.destroy()
    await pair.turn()
    expect(pair.near.errors).toEqual([undefined])
  })

  test('leaves a dial that fails by itself as it is', async () => {
    const pair = new Pair({ prob: 1, margin: 2, seed: 1 })
    await expect(pair.settle(pair.spike.dial({ url: 'memory://no:1' }, pair.near, noSignal))).rejects.toThrow(/REFUSED/)
    const aborted = AbortSignal.abort(new Error('mine'))
    await expect(pair.spike.dial({ url: 'memory://no:1' }, pair.near, aborted)).rejects.toThrow('mine')
    expect(pair.spike.drops).toBe(0)
  })

  test('may drop a connection before the dial has resolved', async () => {
    let destroyed = 0
    let opened: ((connection: Connection) => void) | undefined
    let handler: ConnectionHandler | undefined
    const early: Transport = {
      schemes: ['early'],
      listen: () => Promise.reject(new Error('no')),
      dial: (_address, given) => {
        handler = given
        return new Promise(resolve => {
          opened = resolve
        })
      },
    }
    const near = new Recorder()
    const dialling = spike(early, { prob: 1, margin: 2, seed: 1 }).dial({ url: 'early://x' }, near, noSignal)
    handler?.received(byte(1))
    handler?.received(byte(2))
    opened?.({ ...quiet, destroy: () => void destroyed++ })
    const connection = await dialling
    expect([near.chunks, destroyed, connection.send(byte())]).toEqual([[byte(1)], 1, false])
    handler?.closed()
    expect(near.errors).toEqual([dropped])
  })

  /** After how many chunks each of so many connections was dropped, one operation of each in turn. */
  async function lives(options: SpikeOptions, connections: number, chunks: number, turns: boolean): Promise<number[]> {
    const network = new MemoryNetwork(new SimulatedClock())
    const spiked = spike({ ...network.transport(), dial: async () => quiet }, options)
    const all = await Promise.all(
      Array.from({ length: connections }, () =>
        spiked.dial({ url: 'memory://x:1' }, new Recorder(), noSignal).catch(() => undefined),
      ),
    )
    const sent = all.map(() => 0)
    const one = (index: number): void => {
      if (all[index]?.send(byte()) === true) sent[index] = (sent[index] ?? 0) + 1
    }
    for (let outer = 0; outer < (turns ? chunks : connections); outer++) {
      for (let inner = 0; inner < (turns ? connections : chunks); inner++) one(turns ? inner : outer)
    }
    return sent
  }

  test('drops the same operations for the same seed, whatever the other connections do meanwhile', async () => {
    const options = { prob: 0.05, margin: 10, seed: 4711 }
    const first = await lives(options, 20, 200, true)
    expect(await lives(options, 20, 200, false)).toEqual(first)
    expect((await lives(options, 30, 200, true)).slice(0, 20)).toEqual(first)
    expect(await lives({ ...options, seed: 4712 }, 20, 200, true)).not.toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(5)
  })

  test('never drops before the margin, and then with its probability', async () => {
    const counts = await lives({ prob: 0.1, margin: 10, seed: 1 }, 4_000, 300, true)
    // Two operations are the dial and its success: the tenth is the eighth chunk, which is lost.
    expect(Math.min(...counts)).toBe(7)
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
    expect(mean).toBeGreaterThan(7 + 9 - 0.5)
    expect(mean).toBeLessThan(7 + 9 + 0.5)
  })

  test('throws the dice below the margin too: another margin changes only which throws count', async () => {
    const early = await lives({ prob: 0.02, margin: 0, seed: 3 }, 300, 300, true)
    const late = await lives({ prob: 0.02, margin: 20, seed: 3 }, 300, 300, true)
    const survivors = early.flatMap((count, index) => (count >= 18 ? [[count, late[index]]] : []))
    expect(survivors.length).toBeGreaterThan(100)
    for (const [one, other] of survivors) expect(other).toBe(one)
  })

  test.each([
    ['prob', { prob: 1.1, seed: 1 }],
    ['prob', { prob: -0.1, seed: 1 }],
    ['prob', { prob: Number.NaN, seed: 1 }],
    ['margin', { margin: -1, seed: 1 }],
    ['margin', { margin: 0.5, seed: 1 }],
    ['seed', { seed: 0.5 }],
    ['seed', {} as SpikeOptions],
  ])('refuses a %s that cannot be meant so: %j', (option, options) => {
    const refusal = expect.objectContaining({ constructor: InvalidOptionError, option })
    expect(() => spike(new MemoryNetwork(clock).transport(), options)).toThrow(refusal)
  })
})

describe('a cluster under spike', () => {
  async function run(seed: number): Promise<{ drops: number; heard: string; whole: boolean }> {
    const spikes: Spike[] = []
    const cluster = new Cluster()
    const nodes = await cluster.mesh(['a', 'b', 'c'], {
      wrapTransport: transport => {
        const spiked = spike(transport, { prob: 0.02, seed: seed + spikes.length })
        spikes.push(spiked)
        return spiked
      },
    })
    const heard: string[] = []
    for (const node of nodes) {
      node.register('log', (message: unknown) => void heard.push(`${node.name}:${String(message)}`))
    }
    for (let round = 0; round < 40; round++) {
      for (const node of nodes) {
        for (const other of nodes) {
          if (node !== other) node.forwardMessage(other.name, 'log', round, { whenDown: 'wait' }).catch(() => {})
        }
      }
      await cluster.pass(500)
    }
    await cluster.until(() => nodes.every(node => nodes.every(({ name }) => node.isFullyConnected(name))))
    return {
      drops: spikes.reduce((sum, { drops }) => sum + drops, 0),
      heard: heard.join(' '),
      whole: nodes.every(node => node.members().length === 3),
    }
  }

  test('loses connections again and again, and is whole again each time, the same way for the same seed', async () => {
    const one = await run(100)
    expect(one.whole).toBe(true)
    expect(one.drops).toBeGreaterThan(5)
    expect(one.heard.split(' ').length).toBeGreaterThan(150)
    expect(await run(100)).toEqual(one)
    expect((await run(200)).heard).not.toBe(one.heard)
  })
})

describe('the option wrapTransport', () => {
  test('wraps the transport that the node makes of its other options, once, and what is passed in too', () => {
    const wrapped: Transport[] = []
    const wrapTransport = (transport: Transport): Transport => {
      wrapped.push(transport)
      return transport
    }
    const own = new MemoryNetwork(clock).transport()
    for (const options of [{}, { transport: own }]) fullMesh({ ...options, wrapTransport })
    expect(wrapped).toEqual([expect.any(WebSocketTransport), own])
  })

  test('makes a node no less careful', () => {
    const wrapTransport = (transport: Transport): Transport => transport
    expect(() => fullMesh({ wrapTransport, listen: { host: '0.0.0.0' } })).toThrow(InsecureError)
    const refusal = expect.objectContaining({ constructor: InvalidOptionError, option: 'wrapTransport' })
    expect(() => fullMesh({ wrapTransport: {} as never })).toThrow(refusal)
  })
})

const quiet: Connection = {
  ...{ remote: 'x', send: () => true, admit: () => {}, pause: () => {}, resume: () => {}, close: () => {} },
  destroy: () => {},
}
