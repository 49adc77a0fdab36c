import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FrameKind, ignorableBit } from '../../src/codec/codec.js'
import { takenOutside } from '../../src/core/collector.js'
import { Inbound, type InboundHandler } from '../../src/link/inbound.js'
import { defaultLimits } from '../../src/link/limits.js'

/** A young generation is 16 MiB large at most, so this is at least one collection for each 32 MiB outside. */
const taken = 512 * 1_048_576
const least = taken / 2 / 16 / 1_048_576 / 2

/** How often the young were collected during that. */
async function collections(work: () => void): Promise<number> {
  let count = 0
  const isYoung = (entry: object): boolean =>
    'detail' in entry && (entry.detail as { readonly kind: number }).kind === constants.NODE_PERFORMANCE_GC_MINOR
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (isYoung(entry)) count++
  })
  observer.observe({ entryTypes: ['gc'] })
  work()
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  observer.disconnect()
  return count
}

test('memory that is taken outside the heap brings the collection of the young forward', async () => {
  expect(
    await collections(() => {
      for (let left = taken; left > 0; left -= 65_536) takenOutside(65_536)
    }),
  ).toBeGreaterThan(least)
})

test('little memory brings nothing forward', async () => {
  expect(
    await collections(() => {
      for (let count = 0; count < 10_000; count++) takenOutside(8)
    }),
  ).toBeLessThan(2)
})

/** An inbound half that is given a batch until so many bytes came. */
function receiving(batch: Uint8Array): Promise<number> {
  const { windowBytes, messageBytes } = defaultLimits
  const settings = { valueLimits: { depth: 64, items: 10 }, windowBytes, messageBytes }
  const handler = {} as InboundHandler
  const inbound = new Inbound({ ...settings, lastSeen: new Float64Array(1), lanes: 1 }, handler, 0, true)
  return collections(() => {
    for (let left = taken; left > 0; left -= batch.length) inbound.received(batch)
  })
}

/** Frames that are skipped: they leave nothing young themselves. */
function frames(count: number, length: number): Uint8Array {
  const header = Uint8Array.of(FrameKind.fault | ignorableBit, length >>> 16, (length >>> 8) & 0xff, length & 0xff)
  const frame = Buffer.concat([header, new Uint8Array(length)])
  return Buffer.concat(Array.from({ length: count }, () => frame))
}

test('large frames count, and small ones do not, whose messages are young and larger than they', async () => {
  expect(await receiving(frames(1, 65_536))).toBeGreaterThan(least)
  expect(await receiving(frames(200, 300))).toBeLessThan(2)
})
