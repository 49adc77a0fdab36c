import type { ClientRequestArgs } from 'node:http'
import type { Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import { abortReason, onAbort } from '../core/abort.js'
import { InvalidOptionError } from '../core/errors.js'
import { checkKeys } from '../core/option-keys.js'
import type { Clock, Millis } from '../core/time.js'
import type { Address, Connection, ConnectionHandler, ListenAddress, Transport } from './transport.js'
import { closeTimeout, WebSocketConnection } from './websocket-connection.js'
import { path, type StrangerBounds, subprotocol, WebSocketListener } from './websocket-listener.js'
import { type TlsOptions, tlsDefaults } from './websocket-security.js'

/** How WebSockets are opened and bounded. */
export interface WebSocketTransportOptions {
  readonly clock: Clock
  /** With it this transport listens on `wss`, and dials `wss` with it. Without, it dials `wss` with the defaults. */
  readonly tls?: TlsOptions
  /** Whether to agree when a dialler offers compression. Default false. */
  readonly compression?: boolean
  /** The largest chunk that is received. Default 1 MiB. */
  readonly frameBytes?: number
  /** Above this many bytes that wait, `send` returns false. Default 1 MiB. */
  readonly highWaterMark?: number
  /** At or below this, `drained` is called. Default 256 KiB. */
  readonly lowWaterMark?: number
  /** The `Origin` headers to let in. Only browsers send one; by default none is let in. */
  readonly allowedOrigins?: readonly string[]
  /** Bounds for connections whose peer is not known yet. Default 1,024 of 16 KiB and 2 s each, per listener. */
  readonly strangers?: StrangerBounds
}

const optionNames = [
  ...['clock', 'tls', 'compression', 'frameBytes', 'highWaterMark', 'lowWaterMark', 'allowedOrigins', 'strangers'],
] as const satisfies readonly (keyof WebSocketTransportOptions)[]

/** Moves bytes over WebSockets, with TLS or without. */
export class WebSocketTransport implements Transport {
  readonly schemes: readonly string[] = ['ws', 'wss']
  readonly #options: Required<Omit<WebSocketTransportOptions, 'tls'>>
  readonly #tls: TlsOptions | undefined

  /** @throws {@link InvalidOptionError} an option is none. */
  constructor(options: WebSocketTransportOptions) {
    checkKeys('options', options, optionNames)
    const { clock, tls, compression = false, frameBytes = 1_048_576, highWaterMark = 1_048_576 } = options
    const { lowWaterMark = 262_144, allowedOrigins = [], strangers = {} } = options
    this.#tls = tls
    this.#options = { clock, compression, frameBytes, highWaterMark, lowWaterMark, allowedOrigins, strangers }
  }

  listen(address: ListenAddress, accept: (connection: Connection) => ConnectionHandler): Promise<WebSocketListener> {
    const { compression, frameBytes } = this.#options
    const socket = { ...socketBounds(frameBytes), perMessageDeflate: compression }
    return WebSocketListener.listen({ ...this.#options, tls: this.#tls, socket }, address, accept)
  }

  async dial(address: Address, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted()
    const url = urlOf(address)
    const socket = new WebSocket(url, subprotocol, this.#clientOptions(url, address))
    return new Promise((resolve, reject) => {
      let stream: Socket
      const unlisten = onAbort(signal, () => {
        reject(abortReason(signal))
        socket.terminate()
      })
      socket.once('upgrade', response => {
        stream = response.socket
      })
      // At once, not after the promise: bytes may stand behind the upgrade already.
      socket.once('open', () => {
        unlisten()
        resolve(this.#connection(socket, stream, address.url, handler))
      })
      socket.on('error', error => {
        unlisten()
        reject(error)
      })
    })
  }

  #connection(socket: WebSocket, stream: Socket, remote: string, handler: ConnectionHandler): WebSocketConnection {
    const { clock, highWaterMark, lowWaterMark } = this.#options
    return new WebSocketConnection({ socket, stream, remote, clock, highWaterMark, lowWaterMark }, () => handler)
  }

  #clientOptions(url: URL, { compression = false }: Address): ClientOptions & ClientRequestArgs {
    return {
      ...(url.protocol === 'wss:' ? { ...tlsDefaults, ...this.#tls } : {}),
      ...socketBounds(this.#options.frameBytes),
      perMessageDeflate: compression,
      generateMask: noMask,
      followRedirects: false,
      maxHeaderSize: 4096,
    }
  }
}

/** What a peer may make either end of a WebSocket hold. */
interface SocketBounds {
  readonly maxPayload: number
  readonly maxFragments: number
  readonly maxBufferedChunks: number
  readonly maxPendingAutoPongs: number
  readonly closeTimeout: Millis
}

function socketBounds(frameBytes: number): SocketBounds {
  return {
    maxPayload: frameBytes,
    maxFragments: 64,
    // A frame arrives in as many chunks as there were segments, and no network's segments are smaller than these.
    maxBufferedChunks: Math.max(1024, Math.ceil(frameBytes / 256)),
    maxPendingAutoPongs: 16,
    closeTimeout,
  }
}

/** Masks protect old proxies from scripts in browsers, and peers are neither: zeros save a pass over the bytes. */
function noMask(mask: Buffer): void {
  mask.fill(0)
}

function urlOf(address: Address): URL {
  const url = URL.canParse(address.url) ? new URL(address.url) : undefined
  if (url === undefined || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) {
    throw new InvalidOptionError('address', 'a ws:// or wss:// URL', address.url)
  }
  // Another path than the root leads through somebody's reverse proxy.
  if (url.pathname === '/') url.pathname = path
  return url
}
