import { decodeMultiple, Encoder } from 'cbor-x'
import { WebSocket as Client, type WebSocket, WebSocketServer } from 'ws'
import { type Figures, messages, order, perSecond, turn } from './workload.js'

const encoder = new Encoder({ useRecords: false })

/** The limit of our parts: ws and cbor-x, written by hand, a batch per turn of the event loop, zero masks. */
export function serveBaseline(announce: (url: string) => void): void {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false }, () => {
    const address = server.address()
    if (typeof address === 'object' && address !== null) announce(`ws://127.0.0.1:${address.port}`)
  })
  server.on('connection', socket => {
    let taken = 0
    socket.on('message', (batch: Buffer) => {
      decodeMultiple(batch, () => {
        taken++
      })
      if (taken === messages) {
        taken = 0
        socket.send('done')
      }
    })
  })
}

export async function runBaseline(url: string): Promise<Figures> {
  const socket = new Client(url, { perMessageDeflate: false, generateMask: mask => mask.fill(0) })
  await new Promise(resolve => socket.once('open', resolve))
  const start = performance.now()
  const done = new Promise(resolve => socket.once('message', resolve))
  for (let sent = 0; sent < messages; ) {
    const parts: Buffer[] = []
    for (let index = 0; index < 500 && sent < messages; index++) parts.push(encoder.encode(order(sent++)))
    socket.send(Buffer.concat(parts))
    await roomIn(socket)
  }
  await done
  const figures = { 'cast, msg/s': perSecond(messages, start) }
  socket.close()
  return figures
}

async function roomIn(socket: WebSocket): Promise<void> {
  do await turn()
  while (socket.bufferedAmount > 1_048_576)
}
