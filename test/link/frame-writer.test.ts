import { expect, test } from 'vitest'
import { FrameKind } from '../../src/codec/codec.js'
import { BatchBuffers } from '../../src/link/batch-buffers.js'
import { FrameWriter } from '../../src/link/frame-writer.js'
import type { Tracker } from '../../src/link/queue.js'
import { SimulatedClock } from '../../src/testing/testing.js'
import type { Connection } from '../../src/transport/transport.js'

const tracker: Tracker = { lowest: () => undefined, greatest: () => undefined, sent: () => {}, giveUp: () => {} }

function setUp(): { writer: FrameWriter; write(bytes: number): void; buffers: BatchBuffers } {
  const buffers = new BatchBuffers()
  const writer = new FrameWriter(new SimulatedClock(), new Float64Array(1), tracker, buffers)
  const write = (bytes: number): void => {
    const start = writer.begin(FrameKind.chunk)
    writer.bytes.bytes(new Uint8Array(bytes))
    writer.end(start)
  }
  return { writer, write, buffers }
}

test('a batch in parts gives its buffer back with the last of them, when none is read any more', () => {
  const { writer, write, buffers } = setUp()
  for (let count = 0; count < 4; count++) {
    writer.separate()
    write(16_000)
  }
  const sent: [bytes: number, releases: boolean, more: boolean][] = []
  const connection = {
    send: (chunk: Uint8Array, release?: (chunk: Uint8Array) => void, more = false) => {
      sent.push([chunk.length, release !== undefined, more])
      return true
    },
  } as Partial<Connection> as Connection
  expect(writer.sendTo(connection, buffers.release)).toBe(true)
  expect(sent).toEqual([
    [16_004, false, true],
    [16_004, false, true],
    [16_004, false, true],
    [16_004, true, false],
  ])
  // The next batch is one again.
  write(16_000)
  write(16_000)
  writer.sendTo(connection, buffers.release)
  expect(sent.slice(4)).toEqual([[32_008, true, false]])
})

test('a lane that has little to send keeps no large buffer', () => {
  const { writer, write, buffers } = setUp()
  write(60_000)
  const busy = writer.bytes.buffer.buffer
  buffers.release(writer.take())
  write(60_000)
  expect(writer.bytes.buffer.buffer).toBe(busy)
  writer.bytes.reset(100)
  expect(writer.take().buffer.byteLength).toBe(100)
  expect(writer.bytes.buffer.length).toBe(0)
  // Others use it meanwhile.
  expect(buffers.allocate(60_000).buffer).toBe(busy)
})
