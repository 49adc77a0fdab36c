import { expect, test } from 'vitest'
import type { PeerServiceManager, PeerServiceOptions } from '../../src/index.js'
import { type ManagedPools, managePools } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

const worker: PeerServiceOptions = { attributes: { type: 'worker' } }

/** Messages whose promises said `sent`, and whether a handler of 50 ms has ended on each, when their owner crashes. */
async function crash(ack: true | { readonly when: 'handled' }): Promise<{ sent: number; ended: number }> {
  const cluster = new Cluster()
  const nodes = await cluster.mesh(['a', 'b', 'c'], worker)
  const ended = new Set<unknown>()
  let isDead = false
  const pools = nodes.map((node): ManagedPools => {
    node.register('work', (message: unknown) => {
      return new Promise<void>(resolve => {
        node.clock.schedule(50, () => {
          if (node.name !== 'b' || !isDead) ended.add(message)
          resolve()
        })
      })
    })
    return managePools(node)
  })
  const [a] = pools as [ManagedPools]
  await cluster.settle(a.worker.ready({ alive: 3 }))
  await cluster.pass(1_000)
  const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`).filter(key => a.worker.hrw(key)?.name === 'b')
  const sent = keys.map(key => a.worker.publishHrw(key, 'work', key, { ack }))
  await cluster.pass(20)
  isDead = true
  await cluster.settle((nodes[1] as PeerServiceManager).stop())
  const results = await cluster.settle(Promise.all(sent))
  await cluster.pass(1_000)
  return { sent: results.filter(({ sent: is }) => is).length, ended: ended.size }
}

test("with `when: 'handled'` what its owner had not finished when it crashed goes to the next in rank", async () => {
  const { sent, ended } = await crash({ when: 'handled' })
  expect(sent).toBeGreaterThan(5)
  expect(ended).toBe(sent)
})

test('with `ack: true` what its owner was given, and had not finished, is lost with it', async () => {
  const { sent, ended } = await crash(true)
  expect(sent).toBeGreaterThan(5)
  expect(ended).toBe(0)
})
