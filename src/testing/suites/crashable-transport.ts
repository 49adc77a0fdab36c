import { onAbort } from '../../core/abort.js'
import type { Clock } from '../../core/time.js'
import type { Connection, ConnectionHandler, Listener, Transport } from '../../transport/transport.js'

/** What a node sees of a network, until its power fails: then nothing leaves or arrives, and nobody is told. */
export class CrashableTransport implements Transport {
  readonly schemes: readonly string[]
  readonly #inner: Transport
  readonly #clock: Clock
  readonly #listeners = new Set<Listener>()
  readonly #connections = new Set<Connection>()
  #crashed = false

  constructor(inner: Transport, clock: Clock) {
    this.schemes = inner.schemes
    this.#inner = inner
    this.#clock = clock
  }

  async listen(
    address: Parameters<Transport['listen']>[0],
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Listener> {
    const listener = await this.#inner.listen(address, connection => {
      this.#connections.add(connection)
      const handler: ConnectionHandler = accept(this.#wrap(connection, () => handler))
      return this.#watch(handler, () => connection)
    })
    this.#listeners.add(listener)
    return listener
  }

  async dial(
    address: Parameters<Transport['dial']>[0],
    handler: ConnectionHandler,
    signal: AbortSignal,
  ): Promise<Connection> {
    if (this.#crashed) return silence(signal)
    let own: Connection | undefined
    const connection = await this.#inner.dial(
      address,
      this.#watch(handler, () => own),
      signal,
    )
    own = connection
    this.#connections.add(connection)
    return this.#wrap(connection, () => handler)
  }

  /** The power fails. Its address is free for others. */
  crash(): void {
    this.#crashed = true
    for (const listener of this.#listeners) void listener.close()
  }

  /** Ends what a crash left behind. */
  bury(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  #watch(handler: ConnectionHandler, connection: () => Connection | undefined): ConnectionHandler {
    return {
      received: chunk => {
        if (!this.#crashed) handler.received(chunk)
      },
      drained: () => {
        if (!this.#crashed) handler.drained()
      },
      closed: error => {
        const ended = connection()
        if (ended !== undefined) this.#connections.delete(ended)
        if (!this.#crashed) handler.closed(error)
      },
    }
  }

  /** After the crash the owner may believe what it likes: nothing is done. */
  #wrap(connection: Connection, handler: () => ConnectionHandler): Connection {
    let ended = false
    const end = (orderly: () => void): void => {
      if (!this.#crashed) return orderly()
      if (ended) return
      ended = true
      this.#clock.defer(() => handler().closed())
    }
    return {
      remote: connection.remote,
      ...(connection.security !== undefined && { security: connection.security }),
      send: (chunk, release) => (this.#crashed ? !ended : connection.send(chunk, release)),
      admit: () => connection.admit(),
      pause: () => connection.pause(),
      resume: () => connection.resume(),
      close: reason => end(() => connection.close(reason)),
      destroy: () => end(() => connection.destroy()),
    }
  }
}

/** A dial into the void. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const aborted = (): void => reject(signal.reason as Error)
    if (signal.aborted) aborted()
    else onAbort(signal, aborted)
  })
}
