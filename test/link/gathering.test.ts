import { expect, test } from 'vitest'
import { MalformedError } from '../../src/codec/value-decoder.js'
import { Gathering } from '../../src/link/gathering.js'

const mebi = 1_048_576

/** Takes `frame` in pieces of `size` bytes, each in the middle of what it came with. */
function gather(gathering: Gathering, frame: Uint8Array, size: number): Uint8Array | undefined {
  gathering.begin(frame.length)
  let whole: Uint8Array | undefined
  for (let at = 0; at < frame.length; at += size) {
    expect(whole).toBe(undefined)
    const piece = Buffer.concat([Buffer.alloc(3, 0xaa), frame.subarray(at, at + size), Buffer.alloc(5, 0xbb)])
    whole = gathering.add(piece, 3, piece.length - 5)
    piece.fill(0xcc)
  }
  return whole
}

test.each([
  [1, 1],
  [100_000, 16_320],
  [mebi, 65_536],
  [mebi + 1, 100_000],
  [9 * mebi, 1_000_003],
  [3 * mebi, 3 * mebi],
])('%i bytes in pieces of %i are put together', (total, size) => {
  const frame = Uint8Array.from({ length: total }, (_, index) => index * 31)
  const whole = gather(new Gathering(total), frame, size)
  expect(whole?.length).toBe(total)
  expect(Buffer.compare(whole as Uint8Array, frame)).toBe(0)
})

test('frames follow each other, and each has bytes of its own', () => {
  const gathering = new Gathering(100)
  const one = gather(gathering, Uint8Array.of(1, 2, 3), 2)
  const other = gather(gathering, Uint8Array.of(4, 5), 1)
  expect([[...(one ?? [])], [...(other ?? [])]]).toEqual([
    [1, 2, 3],
    [4, 5],
  ])
})

test('what was given up is no part of the next', () => {
  const gathering = new Gathering(100)
  gathering.begin(10)
  gathering.add(Uint8Array.of(9, 9, 9), 0, 3)
  gathering.giveUp()
  expect([...(gather(gathering, Uint8Array.of(1, 2, 3), 1) ?? [])]).toEqual([1, 2, 3])
})

test('memory is set aside for what came, not for what was announced', () => {
  const gathering = new Gathering(1_024 * mebi)
  const before = process.memoryUsage().arrayBuffers
  gathering.begin(1_024 * mebi)
  gathering.add(new Uint8Array(100), 0, 100)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * mebi)
  for (let count = 0; count < 3; count++) gathering.add(new Uint8Array(mebi), 0, mebi)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(48 * mebi)
})

test('what breaks the rules is malformed', () => {
  const gathering = new Gathering(100)
  expect(() => gathering.add(new Uint8Array(1), 0, 1)).toThrow(MalformedError)
  expect(() => gathering.begin(101)).toThrow(MalformedError)
  gathering.begin(2)
  expect(() => gathering.begin(2)).toThrow(MalformedError)
  expect(() => gathering.add(new Uint8Array(1), 1, 1)).toThrow(MalformedError)
  expect(() => gathering.add(new Uint8Array(3), 0, 3)).toThrow(MalformedError)
})

test('who begins and gives up without end has nothing set aside each time', () => {
  const gathering = new Gathering(64 * mebi)
  const before = process.memoryUsage().arrayBuffers
  for (let count = 0; count < 1_000; count++) {
    gathering.begin(count < 500 ? 64 * mebi - count : mebi - 1_000 + count)
    gathering.add(Uint8Array.of(7), 0, 1)
    gathering.giveUp()
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * mebi)
  // What was set aside serves a smaller frame, which keeps no more alive than it is.
  const whole = gather(gathering, Uint8Array.of(1, 2, 3), 2)
  expect([[...(whole ?? [])], whole?.buffer.byteLength]).toEqual([[1, 2, 3], 3])
})
