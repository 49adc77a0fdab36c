import { expect, test } from 'vitest'
import { PeerProcess, startMesh } from '../support/processes.js'

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

test('a rolling restart of all three refuses, loses and repeats nothing', async () => {
  await using peers = await startMesh(...trio)
  const started: PeerProcess[] = []
  await using _ = {
    [Symbol.asyncDispose]: async () => void (await Promise.all(started.map(peer => peer[Symbol.asyncDispose]()))),
  }
  const [a, b, c] = peers
  await Promise.all(peers.map(peer => peer.command('pools', { alive: 3 })))
  /** Ends the process as its user is told to, and starts one of that name in its place. */
  const restart = async (old: PeerProcess, other: PeerProcess): Promise<PeerProcess> => {
    await old.command('departPools')
    await old.command('stop')
    const peer = await PeerProcess.start({ ...worker, name: old.name })
    started.push(peer)
    const ready = peer.command('pools', { alive: 3 })
    await peer.join(other)
    await ready
    return peer
  }
  const publish = async (by: PeerProcess, from: number, restarts: () => Promise<void>): Promise<Ended[]> => {
    const many = by.command('publishMany', { from, count: 6_000, atOnce: 10 }, 60_000) as Promise<Ended[]>
    await by.event('work', (number: number) => number > from + 100)
    await restarts()
    return many
  }
  let second = b
  const ended = await publish(a, 0, async () => {
    second = await restart(b, a)
    await restart(c, a)
  })
  ended.push(...(await publish(second, 6_000, async () => void (await restart(a, second)))))
  expect(ended.filter(({ sent }) => !sent)).toEqual([])
  const handled = [...peers, ...started].flatMap(peer => [...given(peer)])
  expect(handled.sort((one, other) => one - other)).toEqual(Array.from({ length: 12_000 }, (_, index) => index))
  for (const peer of started) expect(given(peer).size).toBeGreaterThan(0)
}, 90_000)
