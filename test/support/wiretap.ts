import type { Connection, ConnectionHandler, Transport } from '../../src/transport/transport.js'

/** One end of a connection, overheard. */
export interface Tap {
  readonly role: 'dialler' | 'acceptor'
  readonly connection: Connection
  /** The same, as its owner knows it. */
  readonly overheard: Connection
  readonly handler: ConnectionHandler
  /** What this end sent, and what it received, chunk by chunk. */
  readonly sent: Uint8Array[]
  readonly received: Uint8Array[]
  closed: boolean
}

/** A transport that overhears, and through which a test reaches in. */
export class Wiretap implements Transport {
  readonly schemes: readonly string[]
  readonly taps: Tap[] = []
  /** Dials fail while this is set. */
  severed = false
  dials = 0
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
    this.schemes = transport.schemes
  }

  /** The ends that are open. */
  get open(): Tap[] {
    return this.taps.filter(({ closed }) => !closed)
  }

  listen: Transport['listen'] = (address, accept) =>
    this.#transport.listen(address, connection => {
      const tapped = this.#tap('acceptor', connection)
      if (this.severed) connection.destroy()
      return tapped.own(accept(tapped.connection))
    })

  dial: Transport['dial'] = async (address, handler, signal) => {
    this.dials++
    if (this.severed) throw new Error('severed')
    const early = this.#overhear('dialler', handler)
    return early.attach(await this.#transport.dial(address, early.handler, signal))
  }

  /** The end of that connection. */
  of(overheard: Connection | undefined): Tap {
    const tap = this.taps.find(one => one.overheard === overheard)
    if (tap === undefined) throw new Error('that connection is of another node')
    return tap
  }

  /** Drops every connection, as when a cable is pulled and put back. */
  drop(which: (tap: Tap) => boolean = () => true): void {
    for (const tap of this.open.filter(which)) tap.connection.destroy()
  }

  #overhear(role: Tap['role'], owner: ConnectionHandler) {
    const tap = { role, handler: owner, sent: [] as Uint8Array[], received: [] as Uint8Array[], closed: false }
    const handler: ConnectionHandler = {
      received: chunk => {
        tap.received.push(new Uint8Array(chunk))
        owner.received(chunk)
      },
      drained: () => owner.drained(),
      closed: error => {
        tap.closed = true
        owner.closed(error)
      },
    }
    const attach = (connection: Connection): Connection => {
      const overheard = overhear(connection, tap.sent)
      this.taps.push(Object.assign(tap, { connection, overheard }))
      return overheard
    }
    return { handler, attach }
  }

  #tap(role: Tap['role'], connection: Connection) {
    const later: { owner: ConnectionHandler | undefined } = { owner: undefined }
    const owner: ConnectionHandler = {
      received: chunk => later.owner?.received(chunk),
      drained: () => later.owner?.drained(),
      closed: error => later.owner?.closed(error),
    }
    const { handler, attach } = this.#overhear(role, owner)
    return {
      connection: attach(connection),
      own: (given: ConnectionHandler): ConnectionHandler => {
        later.owner = given
        return handler
      },
    }
  }
}

function overhear(connection: Connection, sent: Uint8Array[]): Connection {
  return {
    remote: connection.remote,
    ...(connection.security !== undefined && { security: connection.security }),
    send: chunk => {
      sent.push(new Uint8Array(chunk))
      return connection.send(chunk)
    },
    admit: () => connection.admit(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: reason => connection.close(reason),
    destroy: () => connection.destroy(),
  }
}
