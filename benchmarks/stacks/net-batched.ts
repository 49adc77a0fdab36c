import { createServer, connect as dial, type Socket } from 'node:net'
import type { Stack } from '../stack.js'
import { batched } from './batched.js'
import { Frames, lengthBytes } from './frames.js'
import type { Pipe } from './pipe.js'

/** What TCP allows: the same batches as over WebSockets, each behind its length. */
export function stackOf(): Stack {
  return batched({
    async listen(accept) {
      const server = createServer({ noDelay: true }, socket => {
        const frames = new Frames(accept(pipeOf(socket, () => {})))
        socket.on('data', (chunk: Buffer) => frames.take(chunk))
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      return {
        address: server.address(),
        async close() {
          server.close()
        },
      }
    },
    async dial(address, read, written) {
      const { port } = address as { port: number }
      const socket = dial({ port, host: '127.0.0.1', noDelay: true })
      await new Promise((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('error', reject)
      })
      const frames = new Frames(read)
      socket.on('data', (chunk: Buffer) => frames.take(chunk))
      return pipeOf(socket, written)
    },
  })
}

function pipeOf(socket: Socket, written: () => void): Pipe {
  const write = (frame: Uint8Array): void => {
    const length = Buffer.allocUnsafe(lengthBytes)
    length.writeUInt32LE(frame.length)
    socket.write(length)
    socket.write(frame, written)
  }
  return {
    write(frame, another) {
      socket.cork()
      write(frame)
      if (another !== undefined) write(another)
      socket.uncork()
    },
    get waiting() {
      return socket.writableLength
    },
  }
}
