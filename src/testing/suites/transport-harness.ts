import assert from 'node:assert/strict'
import type { Address, Connection, ConnectionHandler, Listener, Transport } from '../../transport/transport.js'

/** What the cases need of a transport under test. */
export interface TransportHarness {
  readonly transport: Transport
  /** Where the cases listen, with port 0. */
  readonly host: string
  /** Where nobody listens. */
  readonly nobody: Address
  /** The largest chunk that the transport carries. */
  readonly frameBytes: number
  /** Lets time pass until `promise` settles, and rejects when it does not within a few seconds. */
  eventually<Value>(promise: Promise<Value>): Promise<Value>
  /** Called after the case, whatever came of it. */
  dispose?(): Promise<void>
}

/** One promise that every transport keeps. */
export interface TransportCase {
  readonly name: string
  /** Checks it; rejects when it was broken. */
  readonly run: (harness: TransportHarness) => Promise<void>
}

/** A handler that writes down what it is told. */
export class Recorder implements ConnectionHandler {
  readonly chunks: Uint8Array[] = []
  readonly errors: (Error | undefined)[] = []
  /** What it was told, in order. */
  readonly log: ('received' | 'drained' | 'closed')[] = []
  readonly #waiters = new Set<() => void>()
  #connection: Connection | undefined

  get connection(): Connection {
    assert.ok(this.#connection, 'there is a connection')
    return this.#connection
  }

  set connection(connection: Connection) {
    this.#connection = connection
  }

  readonly accept = (connection: Connection): ConnectionHandler => {
    connection.admit()
    this.#connection = connection
    return this
  }

  received(bytes: Uint8Array): void {
    this.chunks.push(bytes)
    this.#note('received')
  }

  drained(): void {
    this.#note('drained')
  }

  closed(error?: Error): void {
    this.errors.push(error)
    this.#note('closed')
  }

  /** Resolves when `chunks` chunks have come. */
  count(chunks: number): Promise<void> {
    return this.#until(() => this.chunks.length >= chunks)
  }

  /** Resolves when `drained` has been called `times` times. */
  drains(times: number): Promise<void> {
    return this.#until(() => this.log.filter(entry => entry === 'drained').length >= times)
  }

  get ended(): Promise<void> {
    return this.#until(() => this.errors.length > 0)
  }

  #note(entry: 'received' | 'drained' | 'closed'): void {
    this.log.push(entry)
    for (const wake of this.#waiters) wake()
  }

  #until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise(resolve => {
      const wake = (): void => {
        if (!condition()) return
        this.#waiters.delete(wake)
        resolve()
      }
      this.#waiters.add(wake)
    })
  }
}

export interface Pair {
  readonly listener: Listener
  /** The end that dialled. */
  readonly near: Recorder
  /** The end that accepted. */
  readonly far: Recorder
  /** Closes what is open and checks that each end was told once, last. */
  readonly end: () => Promise<void>
}

export async function connect(harness: TransportHarness): Promise<Pair> {
  const far = new Recorder()
  const listener = await harness.eventually(harness.transport.listen({ host: harness.host, port: 0 }, far.accept))
  const near = new Recorder()
  await harness.eventually(dial(harness, listener, near))
  return { listener, near, far, end }

  async function end(): Promise<void> {
    near.connection.destroy()
    await harness.eventually(Promise.all([near.ended, far.ended, listener.close()]))
    await exchange(harness)
    for (const { log } of [near, far]) assert.equal(log.indexOf('closed'), log.length - 1)
  }
}

export async function dial(
  harness: TransportHarness,
  listener: Listener,
  handler: Recorder,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const connection = await harness.transport.dial({ url: listener.url }, handler, signal)
  connection.admit()
  handler.connection = connection
}

/** Gives whatever is still under way the time of a connection's whole life. */
export async function exchange(harness: TransportHarness): Promise<void> {
  const far = new Recorder()
  const listener = await harness.eventually(harness.transport.listen({ host: harness.host, port: 0 }, far.accept))
  const near = new Recorder()
  await harness.eventually(dial(harness, listener, near))
  near.connection.send(chunk(0, 1))
  await harness.eventually(far.count(1))
  far.connection.close()
  await harness.eventually(Promise.all([near.ended, far.ended, listener.close()]))
}

/** Sends until told to wait, and says how many chunks that took. */
export function fill(connection: Connection): number {
  for (let count = 1; count <= 2048; count++) {
    if (!connection.send(chunk(count - 1, 65_536))) return count
  }
  assert.fail('send returns false at some time')
}

/** Bytes that differ from those of another seed, and from themselves when shifted. */
export function chunk(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = (seed * 31 + index * 7 + (index >> 8)) & 255
  return bytes
}

/** Some transports hand over a subclass. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
