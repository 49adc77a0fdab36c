import { createServer, connect as dial, type Socket } from 'node:net'
import type { Stack } from '../stack.js'
import { batched } from './batched.js'
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

const lengthBytes = 4

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

/** Makes frames of a stream of bytes. One that came in several chunks is copied together once. */
class Frames {
  readonly #read: (frame: Buffer) => void
  #chunks: Buffer[] = []
  #length = 0
  /** So much has to be here before there is anything to do. */
  #needed = lengthBytes

  constructor(read: (frame: Buffer) => void) {
    this.#read = read
  }

  take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length)
    let at = 0
    this.#needed = lengthBytes
    while (bytes.length - at >= lengthBytes) {
      const end = at + lengthBytes + bytes.readUInt32LE(at)
      this.#needed = end - at
      if (end > bytes.length) break
      this.#read(bytes.subarray(at + lengthBytes, end))
      at = end
      this.#needed = lengthBytes
    }
    this.#length = bytes.length - at
    this.#chunks = this.#length === 0 ? [] : [bytes.subarray(at)]
  }
}
