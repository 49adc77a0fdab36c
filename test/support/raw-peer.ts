import { connect, type Socket } from 'node:net'
import { within } from './deadline.js'
import { Waiters } from './waiters.js'

export interface UpgradeOptions {
  readonly path?: string
  /** False leaves the header out. */
  readonly protocol?: string | false
  readonly headers?: Readonly<Record<string, string>>
}

/** What a dialler sends first; every part can be made wrong. */
export function upgradeRequest({
  path = '/maquis',
  protocol = 'maquis.v1',
  headers = {},
}: UpgradeOptions = {}): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  if (protocol !== false) lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

export interface FrameOptions {
  readonly fin?: boolean
  readonly rsv1?: boolean
  readonly masked?: boolean
  /** The length to claim, where it is not that of the payload. */
  readonly claim?: number
}

/** One WebSocket frame, as a client sends it: masked, with zeros. */
export function frame(
  opcode: number,
  payload: Uint8Array | string = '',
  { fin = true, rsv1 = false, masked = true, claim }: FrameOptions = {},
): Buffer {
  const body = Buffer.from(payload)
  const length = claim ?? body.length
  const isShort = length < 126
  const head = Buffer.alloc(isShort ? 2 : 10)
  head[0] = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode
  head[1] = (masked ? 0x80 : 0) | (isShort ? length : 127)
  if (!isShort) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), body])
}

/** A TCP client without manners: it sends what it is told and collects what it gets. */
export class RawPeer implements Disposable {
  readonly socket: Socket
  #collected = Buffer.alloc(0)
  #closed = false
  readonly #waiters = new Waiters()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      this.#collected = Buffer.concat([this.#collected, bytes])
      this.#waiters.wake()
    })
    socket.on('close', () => {
      this.#closed = true
      this.#waiters.wake()
    })
  }

  /** Connects to where `url` says, over plain TCP. */
  static async connect(url: string): Promise<RawPeer> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const peer = new RawPeer(socket)
    await within(new Promise<void>(resolve => socket.once('connect', () => resolve())))
    return peer
  }

  /** Connects and asks for a WebSocket; resolves once it is open. */
  static async upgraded(url: string, options: UpgradeOptions = {}): Promise<RawPeer> {
    const peer = await RawPeer.connect(url)
    peer.write(upgradeRequest(options))
    await peer.until(() => peer.text.includes('\r\n\r\n'))
    return peer
  }

  get text(): string {
    return this.#collected.toString('latin1')
  }

  /** What came after the head of the answer. */
  get body(): Buffer {
    return this.#collected.subarray(this.#collected.indexOf('\r\n\r\n') + 4)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get closed(): Promise<void> {
    return this.until(() => this.#closed)
  }

  write(bytes: Uint8Array | string): void {
    this.socket.write(bytes)
  }

  /** Resolves when `condition` holds, which is asked whenever something happens here. */
  until(condition: () => boolean): Promise<void> {
    return this.#waiters.until(condition)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
