import { describe, expect, test } from 'vitest'
import { type PeerProcess, startMesh } from '../support/processes.js'

const queueBytes = 8_388_608
/** What a process may grow by for other reasons: buffers of sockets, compiled code, fragments of the heap. */
const processBytes = 8_388_608
const rate = 50_000

const options = {
  channels: { data: { parallelism: 2 } },
  limits: { queueBytes },
  // Longer than the test: the stalled peer is to stay up.
  heartbeat: { interval: 10_000, timeout: 60_000 },
}

const quartet = [
  { name: 'a', ...options },
  { name: 'b', ...options },
  { name: 'c', ...options },
  { name: 'd', ...options },
] as const

interface Flood {
  readonly sent: Readonly<Record<string, number>>
  /** The longest that one message had to wait, in milliseconds. */
  readonly worst: number
  readonly most: number
  readonly seconds: number
}

async function flood(sender: PeerProcess, facts: object): Promise<Flood> {
  const given = { channel: 'data', size: 100, perSecond: rate, flowing: ['b', 'c'], ...facts }
  return (await sender.command('flood', given, 60_000)) as Flood
}

describe('while 50,000 messages a second go to two peers, a third one', () => {
  for (const [what, server, signal] of [
    ['whose process is stopped', 'count', 'SIGSTOP'],
    ['whose handler never ends', 'stuck', undefined],
  ] as const) {
    test(`${what} holds up nobody, and costs no more than its queue`, async () => {
      await using peers = await startMesh(...quartet)
      const [a, b, c, d] = peers
      await flood(a, { millis: 1_500, stalled: 'd', server: 'count' })
      const before = await a.memory()
      if (signal !== undefined) d.kill(signal)
      const { sent, worst, most, seconds } = await flood(a, { millis: 3_000, stalled: 'd', server })
      const after = await a.memory()
      const mebi = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`
      const perSecond = ((sent.b ?? 0) + (sent.c ?? 0)) / seconds
      console.log(
        `${what}: ${Math.round(perSecond)} messages/s to the others, the slowest took ${worst.toFixed(0)} ms; ` +
          `memory +${mebi(after.rss - before.rss)} (in use +${mebi(after.used - before.used)}), ` +
          `at the most +${mebi(most - before.rss)} before collection`,
      )
      const { overflowed } = await a.counters()
      expect(overflowed).toBeGreaterThan(0)
      expect(await a.call('isConnected', 'd')).toBe(true)
      expect(after.used - before.used).toBeLessThan(queueBytes * 1.2)
      expect(after.rss - before.rss).toBeLessThan(queueBytes * 1.2 + processBytes)
      expect(perSecond).toBeGreaterThan(rate / 5)
      for (const peer of [b, c]) {
        expect(await peer.call('request', 'a', 'echo', peer.name, { timeout: 5_000 })).toBe(peer.name)
        expect(peer.told.filter(({ event }) => event === 'down')).toEqual([])
      }
      const waiting = (await a.connections()).filter(({ node, channel }) => node === 'd' && channel === 'data')
      for (const { queuedBytes } of waiting) expect(queuedBytes).toBeLessThanOrEqual(queueBytes)
    })
  }
})
