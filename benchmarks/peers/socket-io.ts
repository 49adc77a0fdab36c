import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import * as msgpack from 'socket.io-msgpack-parser'
import { type Stack, turn } from '../stack.js'
import { type Message, within } from '../workload.js'

/** Socket.IO over WebSockets alone, with its own parser or the one for MessagePack. */
export function stackOf(name: string): Stack {
  const parser = name === 'socket.io-msgpack' ? { parser: msgpack } : {}
  return {
    supports: () => true,
    async serve(receive) {
      const http = createServer()
      const server = new Server(http, { ...parser, transports: ['websocket'], maxHttpBufferSize: 67_108_864 })
      server.on('connection', socket => {
        socket.on('orders', receive)
        socket.on('echo', (message: Message, answer: (message: Message) => void) => answer(message))
      })
      await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
      const { port } = http.address() as AddressInfo
      return { address: `http://127.0.0.1:${port}`, close: () => server.close() }
    },
    async connect(address) {
      const socket = io(address as string, { ...parser, transports: ['websocket'] })
      await new Promise((resolve, reject) => {
        socket.once('connect', () => resolve(undefined))
        socket.once('connect_error', reject)
      })
      const { engine } = socket.io
      return {
        // It queues without a bound: the loop waits until the engine has written what it was given.
        async send(payload, make, count) {
          const perTurn = within(1_048_576, payload, 500)
          for (let sent = 0; sent < count; ) {
            for (let index = 0; index < perTurn && sent < count; index++) socket.emit('orders', ofNode(make(sent++)))
            if (engine.writeBuffer.length > 0) await new Promise(resolve => engine.once('drain', () => resolve(0)))
            await turn()
          }
        },
        trip: message => socket.emitWithAck('echo', message) as Promise<Message>,
      }
    },
  }
}

/** The parser for MessagePack knows bytes by the class of Node.js alone. */
function ofNode(message: Message): Message {
  return message instanceof Uint8Array ? Buffer.from(message.buffer, message.byteOffset, message.length) : message
}
