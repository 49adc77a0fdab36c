import type { Socket } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import type { Service } from '../stack.js'

const maxPayload = 67_108_864

/** A WebSocket, and the socket below it. */
export interface Opened {
  readonly socket: WebSocket
  readonly stream: Socket
}

/** Listens on a port of the system's choice. */
export async function listen(accept: (opened: Opened, path: string) => void): Promise<Service> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload })
  server.on('connection', (socket, { socket: stream, url = '/' }) => accept({ socket, stream }, url))
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  return {
    address: `ws://127.0.0.1:${port}`,
    async close() {
      server.close()
    },
  }
}

/** Connects. Masks are zeros, which ws does not apply: random ones would halve the rate of large messages or worse. */
export async function dial(url: string): Promise<Opened> {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload, generateMask: mask => mask.fill(0) })
  return new Promise((resolve, reject) => {
    // It opens at once after that.
    socket.once('upgrade', ({ socket: stream }) => socket.once('open', () => resolve({ socket, stream })))
    socket.once('error', reject)
  })
}
