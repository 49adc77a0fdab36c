import { expect, test } from 'vitest'
import { Frames, lengthBytes } from '../../benchmarks/stacks/frames.js'

const texts = ['a', 'of several bytes', 'bc', 'the last']
const written = Buffer.concat(
  texts.flatMap(text => {
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32LE(text.length)
    return [length, Buffer.from(text)]
  }),
)
/** In memory of its own: copies come from a pool, which it would share. */
const stream = Buffer.from(Uint8Array.from(written).buffer)

test.each([1, 2, 3, 4, 5, 7, 11, 19, 64])('frames come out whole of chunks of %i bytes', size => {
  const read: string[] = []
  const frames = new Frames(frame => read.push(String(frame)))
  for (let at = 0; at < stream.length; at += size) frames.take(stream.subarray(at, at + size))
  expect(read).toEqual(texts)
})

test('only a frame that was cut is copied', () => {
  const read: Buffer[] = []
  const frames = new Frames(frame => read.push(frame))
  // Within the second of four.
  for (const chunk of [stream.subarray(0, 12), stream.subarray(12)]) frames.take(chunk)
  expect(read.map(frame => frame.buffer === stream.buffer)).toEqual([true, false, true, true])
})
