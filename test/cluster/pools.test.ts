import { expect, test } from 'vitest'
import { type PeerProcess, startMesh } from '../support/processes.js'

const worker = { secret: 'sesame', attributes: { type: 'worker' } }
const trio = [
  { name: 'a', ...worker },
  { name: 'b', ...worker },
  { name: 'c', ...worker },
] as const

interface Ended {
  readonly number: number
  readonly sent: boolean
  readonly node?: string
}

/** The numbers that the servers of these processes were given. */
function given(...peers: readonly PeerProcess[]): Set<number> {
  const told = peers.flatMap(peer => peer.told.filter(({ event }) => event === 'work'))
  return new Set(told.map(({ details }) => details[0] as number))
}

async function keyOf(peer: PeerProcess, owner: string): Promise<{ readonly key: string; readonly ranked: string[] }> {
  for (let index = 0; ; index++) {
    const key = `key-${index}`
    const ranked = (await peer.command('ranked', { key, count: 3 })) as string[]
    if (ranked[0] === owner) return { key, ranked }
  }
}

test('when the owner of a key is killed the next in rank has it, and nothing sent with ack is lost', async () => {
  await using peers = await startMesh(...trio)
  const [a, b, c] = peers
  await Promise.all(peers.map(peer => peer.command('pools', { alive: 3 })))
  const { key, ranked } = await keyOf(a, 'c')
  for (const peer of [b, c]) expect(await peer.command('ranked', { key, count: 3 })).toEqual(ranked)
  expect(await a.command('publish', { key, message: -1, options: { ack: true } })).toEqual({ sent: true, node: 'c' })
  expect(given(c)).toContain(-1)

  const count = 3_000
  const many = a.command('publishMany', { from: 0, count, atOnce: 50 }, 60_000) as Promise<Ended[]>
  await c.event('work', (number: number) => number > 300)
  const killedAt = Date.now()
  c.kill('SIGKILL')
  await c.exited
  const next = await a.command('publish', { key, message: -2, options: { ack: true } })
  console.log(`published to the next in rank ${Date.now() - killedAt} ms after the kill`)
  expect(next).toEqual({ sent: true, node: ranked[1] })
  const ended = await many
  expect(ended.length).toBe(count)
  expect(ended.filter(({ sent }) => !sent)).toEqual([])
  const handled = given(a, b, c)
  expect(ended.filter(({ number }) => !handled.has(number))).toEqual([])
  expect(handled).toContain(-2)
  console.log(`of ${count}: a ${given(a).size}, b ${given(b).size}, c ${given(c).size}; in all ${handled.size}`)
}, 90_000)

test('a rolling restart refuses nothing: who departs is given no more, and hands on what comes', async () => {
  await using peers = await startMesh(...trio)
  const [a, b, c] = peers
  await Promise.all(peers.map(peer => peer.command('pools', { alive: 3 })))
  const many = a.command('publishMany', { from: 0, count: 2_000, atOnce: 20 }, 60_000) as Promise<Ended[]>
  await c.event('work', (number: number) => number > 200)
  await c.command('departPools')
  await c.command('stop')
  const ended = await many
  expect(ended.filter(({ sent }) => !sent)).toEqual([])
  const handled = [a, b, c].flatMap(peer => [...given(peer)])
  // Nothing is lost, and nothing is done twice either.
  expect(handled.sort((one, other) => one - other)).toEqual(Array.from({ length: 2_000 }, (_, index) => index))
}, 90_000)
