import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { SimulatedClock } from '../../src/testing/testing.js'
import { WebSocketConnection } from '../../src/transport/websocket-connection.js'

/** What a connection uses of a socket that receives, and a note of when it reads. */
class ReadingSocket extends EventEmitter {
  readonly OPEN = 1
  readonly readyState = 1
  readonly extensions = ''
  reads = true

  pause(): void {
    this.reads = false
  }

  resume(): void {
    this.reads = true
  }

  readonly written: ((error?: Error) => void)[] = []

  send(_bytes: Uint8Array, _options: unknown, written: (error?: Error) => void): void {
    this.written.push(written)
  }

  /** So many chunks of 64 KiB arrive. */
  receives(chunks: number): void {
    for (let count = 0; count < chunks; count++) this.emit('message', Buffer.alloc(65_536), true)
  }
}

function setUp(): {
  socket: ReadingSocket
  clock: SimulatedClock
  connection: WebSocketConnection
  taken: number[]
  corks: number[]
  drained: () => number
} {
  /** How many chunks were written before the stream was corked, and, negative, uncorked. */
  const corks: number[] = []
  const socket = new ReadingSocket()
  const stream = Object.assign(new EventEmitter(), {
    setNoDelay: () => {},
    cork: () => void corks.push(socket.written.length),
    uncork: () => void corks.push(-socket.written.length),
  })
  const clock = new SimulatedClock()
  const taken: number[] = []
  let drained = 0
  const connection = new WebSocketConnection(
    {
      ...{ socket: socket as unknown as WebSocket, stream: stream as unknown as Socket, remote: 'test', clock },
      ...{ highWaterMark: 1_000, lowWaterMark: 100 },
    },
    () => ({ received: chunk => taken.push(chunk.length), drained: () => void drained++, closed: () => {} }),
  )
  return { socket, clock, connection, taken, corks, drained: () => drained }
}

test('a connection that has much to read lets others have their turn now and then', () => {
  const { socket, clock, taken } = setUp()
  socket.receives(3)
  expect(socket.reads).toBe(true)
  socket.receives(1)
  expect(socket.reads).toBe(false)
  // What was read already still comes.
  socket.receives(1)
  clock.advance(0)
  expect(socket.reads).toBe(true)
  socket.receives(3)
  expect([socket.reads, taken.length]).toEqual([false, 8])
})

test('a turn of others ends no pause of its owner', () => {
  const { socket, clock, connection } = setUp()
  socket.receives(4)
  connection.pause()
  clock.advance(0)
  expect(socket.reads).toBe(false)
  connection.resume()
  expect(socket.reads).toBe(true)
})

test('bytes are given back when they were written, and never after an error', () => {
  const { socket, connection } = setUp()
  const released: number[] = []
  const release = (chunk: Uint8Array): void => void released.push(chunk.length)
  connection.send(new Uint8Array(1), release)
  connection.send(new Uint8Array(2), release)
  expect(released).toEqual([])
  socket.written[0]?.()
  socket.written[1]?.(new Error('broken'))
  expect(released).toEqual([1])
})

test('chunks that follow each other leave with one call into the system', () => {
  const { connection, corks } = setUp()
  connection.send(new Uint8Array(1))
  expect(corks).toEqual([])
  connection.send(new Uint8Array(1), undefined, true)
  connection.send(new Uint8Array(1), undefined, true)
  connection.send(new Uint8Array(1))
  connection.send(new Uint8Array(1))
  expect(corks).toEqual([1, -4])
})

test('who sends without end is stopped, however much the system takes, until it is known what has left', () => {
  const { socket, connection, drained } = setUp()
  const chunk = new Uint8Array(300)
  expect([1, 2, 3, 4, 5].map(() => connection.send(chunk))).toEqual([true, true, true, false, false])
  for (const written of socket.written.slice(0, 4)) written()
  // 300 bytes are more than the low-water mark.
  expect(drained()).toBe(0)
  socket.written[4]?.()
  expect(drained()).toBe(1)
  expect(connection.send(chunk)).toBe(true)
  socket.written[5]?.()
  expect(drained()).toBe(1)
})
