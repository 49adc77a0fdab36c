import { expect, test } from 'vitest'
import { BatchBuffers } from '../../src/link/batch-buffers.js'
import { chunkedAbove } from '../../src/link/limits.js'

const busy = chunkedAbove

test('a buffer that was given back is the next one, whatever part of it the batch took', () => {
  const buffers = new BatchBuffers()
  const first = buffers.allocate(busy)
  expect(first.length).toBeGreaterThanOrEqual(busy)
  expect(buffers.allocate(busy).buffer).not.toBe(first.buffer)
  buffers.release(first.subarray(0, 20_000))
  const next = buffers.allocate(busy)
  expect(next.buffer).toBe(first.buffer)
  expect(next.length).toBe(first.length)
  expect(buffers.allocate(busy).buffer).not.toBe(first.buffer)
})

test('small and huge buffers are not kept', () => {
  const buffers = new BatchBuffers()
  const small = buffers.allocate(1_024)
  const large = buffers.allocate(100 * busy)
  expect([small.length, large.length]).toEqual([1_024, 100 * busy])
  buffers.release(small)
  buffers.release(large)
  expect(buffers.allocate(1_024).buffer).not.toBe(small.buffer)
  expect(buffers.allocate(busy).buffer).not.toBe(large.buffer)
})

test('no more than a few spare buffers are kept', () => {
  const buffers = new BatchBuffers()
  const given = Array.from({ length: 100 }, () => buffers.allocate(busy))
  for (const buffer of given) buffers.release(buffer)
  const known = new Set(given.map(({ buffer }) => buffer))
  const again = Array.from({ length: 100 }, () => buffers.allocate(busy))
  expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(32)
})
