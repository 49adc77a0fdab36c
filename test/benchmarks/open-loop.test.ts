import { describe, expect, test } from 'vitest'
import { openLoop } from '../../benchmarks/open-loop.js'

describe('an open loop', () => {
  test('begins the next before the last has ended', async () => {
    const begun: (() => void)[] = []
    const loop = openLoop(3, 1_000, () => new Promise<void>(end => begun.push(end)))
    while (begun.length < 3) await new Promise(resolve => setImmediate(resolve))
    for (const end of begun) end()
    expect(await loop).toHaveLength(3)
  })

  test('counts the time that a stall kept the later ones waiting', async () => {
    let first = true
    const stalled = 50
    const latencies = await openLoop(5, 1_000, async () => {
      if (!first) return
      first = false
      for (const until = performance.now() + stalled; performance.now() < until; );
    })
    // One begins each millisecond: each waited one less than the one before it.
    for (const [index, latency] of latencies.entries()) expect(latency).toBeGreaterThanOrEqual(stalled - index - 1)
  })

  test('rejects in the end when one fails, and has begun the others nevertheless', async () => {
    let begun = 0
    const failing = openLoop(3, 1_000, async () => {
      if (++begun === 1) throw new Error('not this one')
    })
    await expect(failing).rejects.toThrow('not this one')
    expect(begun).toBe(3)
  })
})
