import { expect, test } from 'vitest'
import { PeerProcess, startMesh } from '../support/processes.js'

const secret = 'sesame'
const trio = [
  { name: 'a', secret },
  { name: 'b', secret },
  { name: 'c', secret },
] as const
const partitioned = { plain: { code: 'ERR_PARTITIONED' } }

function ask(from: PeerProcess, to: PeerProcess): Promise<unknown> {
  return from.call('request', to.name, 'echo', from.name, { timeout: 5_000 })
}

function isNode(name: string): (node: string) => boolean {
  return node => node === name
}

test('a partition between processes stops messages and gossip both ways, and heals from another node', async () => {
  await using peers = await startMesh(...trio)
  const [a, b, c] = peers
  const downs = [b, c].map(peer => peer.event('down', isNode('a'), peer.told.length))
  const ref = await b.call('injectPartition', 'a', 0)
  await Promise.all(downs)

  for (const peer of [b, c]) {
    await expect(ask(a, peer)).rejects.toMatchObject(partitioned)
    await expect(ask(peer, a)).rejects.toMatchObject(partitioned)
    expect(await peer.call('partitions')).toMatchObject([{ ref, node: { name: 'a' } }])
  }
  expect(await ask(b, c)).toBe('b')
  expect(await a.members()).toEqual(['a', 'b', 'c'])

  // Gossip is cut off as well: who joins meanwhile is known on one side alone.
  await using d = await PeerProcess.start({ name: 'd', secret })
  await d.join(b)
  await c.hasMembers('a', 'b', 'c', 'd')
  expect(await a.members()).toEqual(['a', 'b', 'c'])

  const ups = [b, c].map(peer => peer.event('up', isNode('a'), peer.told.length))
  await c.call('resolvePartition', ref)
  await Promise.all(ups)
  await a.event('up', isNode('d'))
  await a.hasMembers('a', 'b', 'c', 'd')
  for (const peer of [b, c, d]) {
    expect(await ask(a, peer)).toBe('a')
    expect(await ask(peer, a)).toBe(peer.name)
    expect(await peer.call('partitions')).toEqual([])
  }
})
