import assert from 'node:assert/strict'
import type { ForwardOptions, PeerServiceManager } from '../../manager/manager.js'
import { bothWays, hear, type ManagerCase, type ManagerHarness, messagesOf, pair, trio } from './manager-harness.js'

/** What is promised about the bytes that a handler is given. */
export const bytesCases: readonly ManagerCase[] = [
  {
    name: 'a handler that moves its bytes to another thread takes nothing from others, nor of the rest of its message',
    async run(harness) {
      for (const [from, to] of bothWays(await pair(harness))) await moving(harness, from, to, {})
    },
  },
  {
    name: 'a handler that moves its bytes to another thread takes nothing from what comes through other nodes',
    async run(harness) {
      const { b, c } = await trio(harness)
      await moving(harness, b, c, { transitive: true })
    },
  },
]

async function moving(
  harness: ManagerHarness,
  from: PeerServiceManager,
  to: PeerServiceManager,
  options: ForwardOptions,
): Promise<void> {
  const others = hear(to, 'others')
  const rests: number[] = []
  to.register('bytes', move)
  to.register('both', ({ one, other }: Record<'one' | 'other', Uint8Array>) => {
    move(one)
    rests.push(other.length)
  })
  // Around the sizes at which bytes are copied, and are cut into chunks.
  const sizes = [500, 2_000, 4_000, 20_000, 40_000, 60_000, 100_000]
  await harness.eventually(from.forwardMessage(to.name, 'others', 0, { ...options, ack: true }))
  for (const size of sizes) {
    from.castMessage(to.name, 'bytes', new Uint8Array(size), options)
    from.castMessage(to.name, 'others', size, options)
    from.castMessage(to.name, 'both', { one: new Uint8Array(size), other: new Uint8Array(size) }, options)
    from.castMessage(to.name, 'others', 'x'.repeat(size), options)
  }
  await harness.eventually(from.forwardMessage(to.name, 'others', 'last', { ...options, ack: true }))
  const lengths = messagesOf(others).map(other => (typeof other === 'string' ? other.length : other))
  assert.deepEqual(lengths, [0, ...sizes.flatMap(size => [size, size]), 'last'.length])
  assert.deepEqual(rests, sizes)
}

function move(bytes: Uint8Array): void {
  try {
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
  } catch {
    // It may be told that this cannot be.
  }
}
