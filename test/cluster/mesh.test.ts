import { expect, test } from 'vitest'
import { within } from '../support/deadline.js'
import { PeerProcess, startMesh } from '../support/processes.js'

const secret = 'sesame'
const trio = [
  { name: 'a', secret },
  { name: 'b', secret },
  { name: 'c', secret },
] as const

function isNode(name: string): (node: string) => boolean {
  return node => node === name
}

test('three processes that know one seed become a whole mesh', async () => {
  await using peers = await startMesh(...trio)
  for (const peer of peers) {
    expect(await peer.members()).toEqual(['a', 'b', 'c'])
    for (const { name } of peers) {
      expect(await peer.call('request', name, 'echo', [peer.name, name], { timeout: 5_000 })).toEqual([peer.name, name])
    }
  }
})

test('a killed process is down everywhere at once, and stays a member', async () => {
  await using peers = await startMesh(...trio)
  const [a, b, c] = peers
  const killedAt = Date.now()
  c.kill('SIGKILL')
  const downs = await Promise.all([a, b].map(peer => peer.event('down', isNode('c'))))
  const millis = downs.map(({ at }) => at - killedAt)
  console.log(`down after kill -9: ${millis.join(' and ')} ms`)
  for (const peer of [a, b]) {
    expect(await peer.members()).toEqual(['a', 'b', 'c'])
    expect(peer.told.filter(({ event, details }) => event === 'down' && details[0] === 'c')).toHaveLength(1)
    await expect(peer.call('request', 'c', 'echo', 1)).rejects.toMatchObject({ plain: { code: 'ERR_NOT_CONNECTED' } })
  }
})

test('a stopped process is down within the default timeout, and up again when it goes on', async () => {
  await using peers = await startMesh(...trio)
  const [a, b, c] = peers
  const since = [a, b, c].map(peer => peer.told.length)
  const stoppedAt = Date.now()
  c.kill('SIGSTOP')
  const downs = await Promise.all([a, b].map((peer, index) => peer.event('down', isNode('c'), since[index])))
  const millis = downs.map(({ at }) => at - stoppedAt)
  console.log(`down after SIGSTOP: ${millis.join(' and ')} ms`)
  for (const each of millis) expect(each).toBeGreaterThan(1_000)
  const contAt = Date.now()
  c.kill('SIGCONT')
  const ups = await Promise.all([a, b].map((peer, index) => peer.event('up', isNode('c'), since[index])))
  console.log(`up after SIGCONT: ${ups.map(({ at }) => at - contAt).join(' and ')} ms`)
  for (const peer of [a, b]) {
    expect(await peer.call('request', 'c', 'echo', 'well?', { timeout: 5_000 })).toBe('well?')
  }
  expect(await c.call('request', 'a', 'echo', 'here', { timeout: 5_000 })).toBe('here')
})

test('a process ends by itself after stop(), in the middle of a mesh', async () => {
  await using peers = await startMesh(...trio)
  const [a, , c] = peers
  await c.command('stop')
  expect(await within(c.exited, 5_000, 'the exit after stop()')).toBe(0)
  await a.event('down', isNode('c'))
})

test('a process ends by itself after stop() while it was trying to join in vain', async () => {
  await using alone = await PeerProcess.start({ name: 'alone', seeds: ['ws://127.0.0.1:1'] })
  await alone.command('stop')
  expect(await within(alone.exited, 5_000, 'the exit after stop()')).toBe(0)
})
