import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Clock, Millis } from '../core/time.js'
import { hostAndPort } from './host-and-port.js'
import { type Stranger, type StrangerCounters, StrangerLimits } from './stranger-limits.js'
import type { Connection, ConnectionHandler, ListenAddress, Listener } from './transport.js'
import { WebSocketConnection } from './websocket-connection.js'
import { type TlsOptions, tlsDefaults } from './websocket-security.js'

/** The only path that is served. */
export const path = '/maquis'

/** The only subprotocol that is spoken. Later versions of the protocol are negotiated inside it. */
export const subprotocol = 'maquis.v1'

export interface WebSocketListenerOptions {
  readonly clock: Clock
  readonly tls: TlsOptions | undefined
  readonly allowedOrigins: readonly string[]
  readonly strangers: StrangerBounds
  readonly highWaterMark: number
  readonly lowWaterMark: number
  /** What the WebSockets are told. */
  readonly socket: ServerOptions
}

/** Bounds for connections whose peer is not known yet, per listener. */
export interface StrangerBounds {
  readonly count?: number
  readonly bytes?: number
  readonly millis?: Millis
}

/** What a request may cost before it is known to be a peer's. */
const requestBounds = {
  maxHeaderSize: 4096,
  headersTimeout: 2000,
  requestTimeout: 2000,
  connectionsCheckingInterval: 500,
  keepAlive: false,
}
const handshakeTimeout: Millis = 2000

/**
 * Accepts WebSockets, and nothing else, on a server of its own. Whoever opens a TCP connection is a stranger from then
 * on until the owner of its WebSocket admits it.
 */
export class WebSocketListener implements Listener {
  readonly url: string
  readonly #options: WebSocketListenerOptions
  readonly #accept: (connection: Connection) => ConnectionHandler
  readonly #server: Server
  readonly #upgrader: WebSocketServer
  readonly #strangers: StrangerLimits
  /** By the addresses of both ends: under TLS the socket that asks for the upgrade is not the one that came. */
  readonly #visitors = new Map<string, Visitor>()

  /** Rejects when the address cannot be bound. */
  static async listen(
    options: WebSocketListenerOptions,
    { host, port }: ListenAddress,
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<WebSocketListener> {
    const { tls } = options
    const server =
      tls === undefined
        ? createServer(requestBounds)
        : createSecureServer({ ...tlsDefaults, ...tls, ...requestBounds, handshakeTimeout })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    return new WebSocketListener(options, server, host, accept)
  }

  private constructor(
    options: WebSocketListenerOptions,
    server: Server,
    host: string,
    accept: (connection: Connection) => ConnectionHandler,
  ) {
    this.url = `${options.tls === undefined ? 'ws' : 'wss'}://${hostAndPort(host, portOf(server))}`
    this.#options = options
    this.#accept = accept
    this.#server = server
    this.#strangers = new StrangerLimits({ clock: options.clock, ...options.strangers })
    this.#upgrader = new WebSocketServer({ ...options.socket, noServer: true, clientTracking: false, handleProtocols })
    server.on('connection', (socket: Socket) => this.#arrived(socket))
    server.on('request', refuseRequest)
    server.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head))
    // A failure to accept one connection (too many open files) does not concern the next.
    server.on('error', ignore)
  }

  /** What the limits for strangers have seen. */
  get strangers(): StrangerCounters {
    return this.#strangers.counters
  }

  /** Stops listening and ends every stranger. Admitted connections live on. */
  async close(): Promise<void> {
    this.#server.close()
    this.#strangers.close()
  }

  #arrived(socket: Socket): void {
    socket.on('error', ignore)
    const key = endsOf(socket)
    const visitor: Visitor = {
      stranger: this.#strangers.enter(limit => {
        visitor.connection?.turnAway(limit)
        socket.destroy()
      }),
    }
    this.#visitors.set(key, visitor)
    socket.once('close', () => {
      visitor.stranger.leave()
      if (this.#visitors.get(key) === visitor) this.#visitors.delete(key)
    })
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', ignore)
    const visitor = stream instanceof Socket ? this.#visitors.get(endsOf(stream)) : undefined
    if (visitor === undefined || !(stream instanceof Socket)) {
      stream.destroy()
      return
    }
    const refusal = this.#refusal(request)
    if (refusal !== undefined) refuseUpgrade(stream, refusal)
    else if (visitor.stranger.read(stream.bytesRead)) {
      this.#upgrader.handleUpgrade(request, stream, head, socket => this.#opened(visitor, stream, socket))
    }
  }

  #opened(visitor: Visitor, stream: Socket, socket: WebSocket): void {
    const { clock, highWaterMark, lowWaterMark } = this.#options
    const remote = hostAndPort(stream.remoteAddress ?? 'unknown', stream.remotePort ?? 0)
    const { stranger } = visitor
    const options = { socket, stream, remote, clock, highWaterMark, lowWaterMark, stranger }
    visitor.connection = new WebSocketConnection(options, this.#accept)
  }

  /** The status to refuse with, if any. No browser is a peer, and only browsers send an origin. */
  #refusal({ url, headers }: IncomingMessage): number | undefined {
    const origin = headers.origin ?? headers['sec-websocket-origin']
    if (origin !== undefined && !this.#options.allowedOrigins.includes(String(origin))) return 403
    if (url !== path) return 404
    const offered = headers['sec-websocket-protocol']?.split(',').map(name => name.trim())
    return offered?.includes(subprotocol) ? undefined : 400
  }
}

interface Visitor {
  readonly stranger: Stranger
  connection?: WebSocketConnection
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function endsOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}

function handleProtocols(): string {
  return subprotocol
}

function refuseRequest(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { Connection: 'close', Upgrade: 'websocket', 'Content-Length': 0 }).end()
}

function refuseUpgrade(stream: Duplex, status: number): void {
  stream.once('finish', () => stream.destroy())
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function ignore(): void {}
