import type { Stack } from '../stack.js'
import { batched } from './batched.js'
import type { Pipe } from './pipe.js'
import { dial, listen, type Opened } from './web-socket.js'

/** The limit of our parts: ws and cbor-x by hand, a frame per batch, masked with zeros. */
export function stackOf(): Stack {
  return batched({
    listen: accept =>
      listen(opened => {
        const read = accept(pipeOf(opened, () => {}))
        opened.socket.on('message', read)
      }),
    async dial(address, read, written) {
      const opened = await dial(`${address as string}`)
      opened.socket.on('message', read)
      return pipeOf(opened, written)
    },
  })
}

function pipeOf({ socket, stream }: Opened, written: () => void): Pipe {
  return {
    write(frame, another) {
      stream.cork()
      socket.send(frame, written)
      if (another !== undefined) socket.send(another, written)
      stream.uncork()
    },
    get waiting() {
      return socket.bufferedAmount
    },
  }
}
