import { describe, expect, test } from 'vitest'
import { membershipChannel } from '../../src/core/channel.js'
import { fullMesh, type PeerServiceManager, type PeerServiceOptions } from '../../src/index.js'
import { type Simulation, simulate } from '../../src/testing/testing.js'

/** Two nodes; the lane that carries the overlay's own messages is lost, and cannot be opened again. */
async function withoutControlLane(): Promise<Simulation> {
  // A peer is given up before an idle lane would be asked by itself, and before the overlay has anything to say.
  const heartbeat = { interval: 100, timeout: 200 }
  const manager = (options: PeerServiceOptions): PeerServiceManager => fullMesh({ ...options, heartbeat })
  const net = simulate({ nodes: ['a', 'b'], channels: { bulk: {} }, manager })
  await net.settle()
  net.refuse('a', 'b')
  net.refuse('b', 'a')
  net.lose('a', 'b', { connection: 0 })
  await net.pass(100)
  for (const name of net.names) {
    const lanes = net.node(name).connections()
    const open = lanes.filter(({ state }) => state === 'open')
    expect(open.map(({ channel }) => channel)).not.toContain(membershipChannel)
    expect(open.length).toBe(lanes.length - 1)
  }
  return net
}

describe('a peer whose control lane alone is lost', () => {
  test('stays up: heartbeats go over whatever lane is open', async () => {
    await using net = await withoutControlLane()
    await net.pass(30_000)
    expect(net.history.filter(({ type }) => type === 'down')).toEqual([])
    expect([net.node('a').isConnected('b'), net.node('b').isConnected('a')]).toEqual([true, true])
    net.heal()
    await net.settle()
  })

  test('hears of a leave over whatever lane is open', async () => {
    await using net = await withoutControlLane()
    await net.settle(net.node('a').leave())
    expect(net.node('b').members()).toEqual(['b'])
  })

  test('hears of a partition over whatever lane is open', async () => {
    await using net = await withoutControlLane()
    const ref = await net.settle(net.node('a').injectPartition('b', 0))
    expect(net.node('b').partitions().length).toBe(1)
    await net.settle(net.node('a').resolvePartition(ref))
    await net.pass(1_000)
    expect(net.node('b').partitions()).toEqual([])
  })
})

describe('a channel whose lane is lost behind a cut', () => {
  test('goes down once: with the cut', async () => {
    await using net = simulate({ nodes: ['a', 'b'], channels: { bulk: {} } })
    await net.settle()
    const told: string[] = []
    for (const name of ['a', 'b']) {
      for (const channel of ['bulk', 'default']) {
        net.node(name).onDown('*', () => void told.push(`${name} ${channel}`), { channel })
      }
    }
    await net.settle(net.node('a').injectPartition('b', 0))
    await net.pass(1_000)
    const once = ['a bulk', 'a default', 'b bulk', 'b default']
    expect(told.sort()).toEqual(once)
    for (let connection = 0; connection < 3; connection++) {
      net.lose('a', 'b', { connection })
      await net.pass(1_000)
    }
    expect(told.sort()).toEqual(once)
  })
})
