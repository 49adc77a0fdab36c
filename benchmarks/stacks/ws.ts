import { Encoder } from 'cbor-x'
import type { Stack } from '../stack.js'
import { echo, type Message, type Order, within } from '../workload.js'
import { Room } from './pipe.js'
import { dial, listen } from './web-socket.js'

/** ws as most use it: a frame per message. One socket for orders, in CBOR, and one for bytes, as they are. */
export function stackOf(): Stack {
  const cbor = new Encoder({ useRecords: false })
  return {
    supports: () => true,
    serve: receive =>
      listen(({ socket }, path) => {
        if (path === '/bytes') {
          socket.on('message', (bytes: Buffer) => receive(bytes))
          return
        }
        socket.on('message', (frame: Buffer) => {
          const order = cbor.decode(frame) as Order
          if (order.to === echo) socket.send(cbor.encode(order))
          else receive(order)
        })
      }),
    async connect(address) {
      const { socket: objects } = await dial(`${address as string}/objects`)
      const { socket: bytes } = await dial(`${address as string}/bytes`)
      const waiting: ((message: Message) => void)[] = []
      objects.on('message', (frame: Buffer) => waiting.shift()?.(cbor.decode(frame) as Message))
      const room = new Room()
      return {
        async send(payload, make, count) {
          const isObject = payload.kind === 'object'
          const socket = isObject ? objects : bytes
          const perTurn = within(262_144, payload, 500)
          for (let sent = 0; sent < count; ) {
            const end = Math.min(count, sent + perTurn)
            for (; sent < end; sent++) {
              const message = make(sent)
              const frame = isObject ? cbor.encode(message) : (message as Uint8Array)
              // Only the last of a turn is waited for.
              if (sent < end - 1) socket.send(frame)
              else socket.send(frame, room.written)
            }
            await room.in(() => socket.bufferedAmount)
          }
        },
        trip(message) {
          objects.send(cbor.encode(message))
          return new Promise(resolve => waiting.push(resolve))
        },
      }
    },
  }
}
