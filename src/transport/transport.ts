/** Where bytes are sent: a URL whose scheme names the transport (`ws://127.0.0.1:7001`, `memory://a:1`). */
export interface Address {
  readonly url: string
  /** Whether to offer compression on this connection. The other end may decline. Default false. */
  readonly compression?: boolean
}

/** Where to listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/**
 * Moves bytes; knows nothing of nodes, channels or messages.
 *
 * What arrives on a connection arrives in chunks with the boundaries that `send` gave them, in order, without
 * duplicates, until the connection ends. A transport bounds what strangers may cost (in number, bytes and time) until
 * the owner of a connection calls {@link Connection.admit}.
 */
export interface Transport {
  /** The schemes this transport dials, without the colon: `['ws', 'wss']`. */
  readonly schemes: readonly string[]
  /**
   * Listens and calls `accept` for each connection; the handler that it returns owns the connection from its first
   * byte. `accept` may send, close or destroy already, and must not throw. Rejects when the address cannot be bound.
   */
  listen(address: ListenAddress, accept: (connection: Connection) => ConnectionHandler): Promise<Listener>
  /**
   * Opens a connection. `handler` owns it from its first byte: it may be told of bytes before the promise resolves.
   * Rejects when the peer cannot be reached or `signal` aborts; then the handler is never called.
   */
  dial(address: Address, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection>
}

/** A bound address. */
export interface Listener {
  /** The URL to dial, with the real port. */
  readonly url: string
  /** Stops listening and ends strangers. Connections that were admitted live on. Closing again does nothing. */
  close(): Promise<void>
}

/** What a connection's own security layer says of the other end (TLS). */
export interface ConnectionSecurity {
  /** The names in the peer's verified certificate (common name, DNS names); empty when it showed none. */
  readonly names: readonly string[]
  /** Keying material of the TLS connection (RFC 5705), the same on both ends, absent where the layer gives none. */
  readonly exporter: Uint8Array | undefined
}

/** One full-duplex connection. */
export interface Connection {
  /** The other end, for people: a URL or host and port. */
  readonly remote: string
  readonly security?: ConnectionSecurity
  /** Whether it leads through other nodes of the cluster. Default false. */
  readonly relayed?: boolean
  /**
   * Sends one chunk, whatever waits already. The transport owns the bytes from now on: do not write to them again,
   * unless it gives them back by calling `release`: at most once, later, when it reads neither them nor what was sent
   * before any more. Returns false when more than the high-water mark waits; {@link ConnectionHandler.drained} tells
   * when it no longer does. On a connection that is closing or closed it does nothing and returns false. `more`: the
   * next chunk is sent right behind it, and both may be handed to the network together.
   */
  send(chunk: Uint8Array, release?: (chunk: Uint8Array) => void, more?: boolean): boolean
  /** The peer is known now: the limits for strangers end. Both ends say so, each for itself. */
  admit(): void
  /**
   * Stops reading, as a backstop: the peer will feel it. A few chunks that were read already may still come, and the
   * end of the other side may go unnoticed until `resume`.
   */
  pause(): void
  /** Reads again. */
  resume(): void
  /**
   * Closes in order after what was sent, with at most a short wait for a peer that does not answer. `reason` is told to
   * the other end, cut to about a hundred bytes. Nothing is received any more, only the handler's `closed` is to come.
   */
  close(reason?: string): void
  /** Closes at once and drops what waits. Only the handler's `closed` is to come. */
  destroy(): void
}

/** The one owner of a connection. Never called from within a call to its connection, nor before `accept` returned. */
export interface ConnectionHandler {
  /**
   * One chunk, with the boundaries of the `send` that sent it. The bytes belong to the handler; the buffer they are in
   * may hold those of other chunks, too, and is not to be moved or transferred.
   */
  received(chunk: Uint8Array): void
  /** What waits has fallen to the low-water mark after `send` returned false. */
  drained(): void
  /**
   * Called exactly once, last, unless dialling failed. `error` is absent when the connection ended in order, or this
   * end destroyed it; otherwise it says what went wrong, or for what reason the other end closed.
   */
  closed(error?: Error): void
}
