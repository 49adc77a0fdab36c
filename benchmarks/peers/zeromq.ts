import { Encoder } from 'cbor-x'
import { Dealer, Pull, Push } from 'zeromq'
import type { Stack } from '../stack.js'
import type { Message, Order } from '../workload.js'

interface Addresses {
  readonly orders: string
  readonly bytes: string
  readonly large: string
  readonly echo: string
}

/** Messages above this go over a socket that queues few. */
const largeFrom = 65_536
const highWaterMark = 4

/** ZeroMQ: push and pull with the default high-water marks, and dealers for round trips. Orders are CBOR. */
export function stackOf(): Stack {
  const cbor = new Encoder({ useRecords: false })
  return {
    supports: () => true,
    async serve(receive) {
      const pulls = { orders: new Pull(), bytes: new Pull(), large: new Pull({ receiveHighWaterMark: highWaterMark }) }
      const echoes = new Dealer()
      const address: Addresses = {
        orders: await bind(pulls.orders),
        bytes: await bind(pulls.bytes),
        large: await bind(pulls.large),
        echo: await bind(echoes),
      }
      void each(pulls.orders, frame => receive(cbor.decode(frame) as Order))
      void each(pulls.bytes, receive)
      // The first byte of an order in CBOR; bytes are all x.
      void each(pulls.large, frame => receive(frame[0] === 120 ? frame : (cbor.decode(frame) as Order)))
      void each(echoes, frame => echoes.send(cbor.encode(cbor.decode(frame) as Order)))
      return {
        address,
        async close() {
          for (const socket of [...Object.values(pulls), echoes]) socket.close()
        },
      }
    },
    async connect(address) {
      const addresses = address as Addresses
      const pushes = { object: new Push(), bytes: new Push(), large: new Push({ sendHighWaterMark: highWaterMark }) }
      const echoes = new Dealer()
      pushes.object.connect(addresses.orders)
      pushes.bytes.connect(addresses.bytes)
      pushes.large.connect(addresses.large)
      echoes.connect(addresses.echo)
      const waiting: ((message: Message) => void)[] = []
      void each(echoes, frame => waiting.shift()?.(cbor.decode(frame) as Order))
      // Only one send of a socket may be under way.
      let sending = Promise.resolve()
      return {
        async send({ kind, size }, make, count) {
          const socket = size > largeFrom ? pushes.large : pushes[kind]
          for (let sent = 0; sent < count; sent++) {
            const message = make(sent)
            await socket.send(kind === 'object' ? cbor.encode(message) : (message as Uint8Array))
          }
        },
        trip(message) {
          const back = new Promise<Message>(resolve => waiting.push(resolve))
          sending = sending.then(() => echoes.send(cbor.encode(message)))
          return back
        },
      }
    },
  }
}

async function bind(socket: Pull | Dealer): Promise<string> {
  await socket.bind('tcp://127.0.0.1:*')
  if (socket.lastEndpoint === null) throw new Error('a socket was not bound')
  return socket.lastEndpoint
}

/** What a handler returns is awaited: only one send of a socket may be under way. */
async function each(socket: Pull | Dealer, handle: (frame: Buffer) => unknown): Promise<void> {
  for await (const [frame] of socket as AsyncIterable<Buffer[]>) {
    if (frame !== undefined) await handle(frame)
  }
}
