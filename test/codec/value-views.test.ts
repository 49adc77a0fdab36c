import { expect, test } from 'vitest'
import { isWorthAView, sharedView, viewOrCopy } from '../../src/codec/value-views.js'

/** What cannot be transferred is cloned by some versions of Node.js, and refused by others. */
function isTransferable(bytes: Uint8Array): boolean {
  try {
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
  } catch {
    return false
  }
  return bytes.byteLength === 0
}

/** A batch of a size, whose bytes are all different from those of others. */
function batchOf(size: number, fill: number): Uint8Array {
  return Buffer.allocUnsafeSlow(size).fill(fill).subarray(7)
}

test('every buffer that views were made of stays where it is, in whatever order they were', () => {
  const batches = [batchOf(40_000, 1), batchOf(40_000, 2), batchOf(400_000, 3), batchOf(40_000, 4)]
  const views = [0, 0, 1, 2, 1, 2, 3, 0].map(index => {
    const batch = batches[index] as Uint8Array
    return { fill: index + 1, view: viewOrCopy(batch, 1_000, 9_000) }
  })
  for (const { fill, view } of views) {
    expect(view).toEqual(new Uint8Array(8_000).fill(fill))
    expect(batches.some(({ buffer }) => buffer === view.buffer)).toBe(true)
    expect(isTransferable(view)).toBe(false)
  }
})

test('a view is of the part that was asked for, of a batch that begins in the middle of its buffer', () => {
  const batch = Uint8Array.from({ length: 4_000 }, (_, index) => index & 0xff).subarray(100)
  for (const start of [0, 5, 1_000]) expect(viewOrCopy(batch, start, start + 1_024)[0]).toBe((100 + start) & 0xff)
})

test('what is small, or would keep much alive, is copied, and its buffer may move', () => {
  const batch = batchOf(100_000, 1)
  for (const size of [0, 1, 1_023, 1_500]) {
    expect(isWorthAView(batch, size)).toBe(false)
    const copy = viewOrCopy(batch, 0, size)
    expect([copy.length, copy.buffer.byteLength]).toEqual([size, size])
  }
  expect(isTransferable(batch)).toBe(true)
})

test('a batch of which no views were made yet is looked at anew', () => {
  const [one, other] = [batchOf(40_000, 1), batchOf(40_000, 2)]
  expect(isWorthAView(one, 2_000)).toBe(true)
  sharedView(one, 0, 2_000)
  expect(isWorthAView(other, 2_000)).toBe(true)
  expect(isTransferable(sharedView(other, 0, 2_000))).toBe(false)
  expect(isTransferable(one)).toBe(false)
})
