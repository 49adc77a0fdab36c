import type { Connection, Service, Stack } from '../stack.js'
import { echo, type Message, type Order, type Payload, within } from '../workload.js'
import { BatchReader, BytesBatch, ObjectBatch } from './batch.js'
import { type Pipe, Room } from './pipe.js'

/** Makes pipes of one kind. What a pipe receives goes to `read`, from the first frame on. */
export interface Pipes {
  listen(accept: (pipe: Pipe) => (frame: Buffer) => void): Promise<Service>
  dial(address: unknown, read: (frame: Buffer) => void, written: () => void): Promise<Pipe>
}

/**
 * A stack written by hand over a pipe: a batch per turn of the event loop, and no protocol beside that. What answers a
 * batch leaves as one, too.
 */
export function batched(pipes: Pipes): Stack {
  return {
    supports: () => true,
    serve: receive => pipes.listen(pipe => serve(pipe, receive)),
    async connect(address) {
      const waiting: ((message: Message) => void)[] = []
      const reader = new BatchReader(message => waiting.shift()?.(message))
      const room = new Room()
      const pipe = await pipes.dial(address, frame => reader.read(frame), room.written)
      return connection(pipe, room, waiting)
    },
  }
}

function serve(pipe: Pipe, receive: (message: Message) => void): (frame: Buffer) => void {
  const replies = new ObjectBatch(frame => pipe.write(frame))
  const reader = new BatchReader(message => {
    if ((message as Order).to === echo) replies.add(message)
    else receive(message)
  })
  return frame => {
    reader.read(frame)
    replies.flush()
  }
}

function connection(pipe: Pipe, room: Room, waiting: ((message: Message) => void)[]): Connection {
  const objects = new ObjectBatch(frame => pipe.write(frame))
  const bytes = new BytesBatch((frame, another) => pipe.write(frame, another))
  let flushing = false
  const flush = (): void => {
    flushing = false
    objects.flush()
  }
  return {
    async send(payload: Payload, make, count) {
      const batch = payload.kind === 'object' ? objects : bytes
      const perTurn = within(262_144, payload, 500)
      for (let sent = 0; sent < count; ) {
        for (let index = 0; index < perTurn && sent < count; index++) batch.add(make(sent++))
        batch.flush()
        await room.in(() => pipe.waiting)
      }
    },
    trip(message) {
      objects.add(message)
      // Whoever is woken by the same frame adds to the same batch.
      if (!flushing) queueMicrotask(flush)
      flushing = true
      return new Promise(resolve => waiting.push(resolve))
    },
  }
}
