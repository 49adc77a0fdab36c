import { describe, expect, test } from 'vitest'
import { clientServer, fullMesh, type PeerServiceManager } from '../../src/index.js'
import { type Simulation, simulate } from '../../src/testing/testing.js'

/** A cluster at rest. */
async function cluster(nodes: readonly string[], seed = 1): Promise<Simulation> {
  const net = simulate({ nodes, seed })
  await net.settle()
  return net
}

/** The peers that come up at a node from now on. */
function upsAt(manager: PeerServiceManager): string[] {
  const ups: string[] = []
  manager.events.on('up', peer => void ups.push(peer))
  return ups
}

describe('what belongs to a life of a node ends with it', () => {
  test('messages that wait for their turn at a server are not handled after a stop', async () => {
    await using net = await cluster(['a', 'b'])
    const handled: unknown[] = []
    let finish = (): void => {}
    net.node('b').register(
      'slow',
      (message: unknown) => {
        handled.push(message)
        return new Promise<void>(resolve => {
          finish = resolve
        })
      },
      { concurrency: 1 },
    )
    for (const message of [1, 2, 3]) net.node('a').castMessage('b', 'slow', message)
    await net.until(() => handled.length === 1)
    await net.pass(100)
    await net.settle(net.node('b').stop())
    finish()
    await net.pass(100)
    expect(handled).toEqual([1])
    await net.settle(net.node('b').start())
    await net.settle()
    await net.settle(net.node('a').forwardMessage('b', 'slow', 4))
    await net.until(() => handled.length > 1)
    expect(handled).toEqual([1, 4])
  })

  test('messages of a node to itself are not handled after a stop', async () => {
    await using net = await cluster(['a'])
    const a = net.node('a')
    const handled: unknown[] = []
    a.register('self', (message: unknown) => void handled.push(message))
    const stopped = a.stop()
    a.castMessage('a', 'self', 1)
    await net.settle(stopped)
    await net.pass(100)
    expect(handled).toEqual([])
  })

  test('a node that leaves and joins again has no cuts, as one that restarts', async () => {
    await using net = await cluster(['a', 'b', 'c'])
    const b = net.node('b')
    await net.settle(b.injectPartition('b', 0))
    await net.settle(b.leave())
    await net.settle(b.join('memory://a:1'))
    await net.settle()
    for (const name of net.names) expect(net.node(name).partitions()).toEqual([])
    expect(net.node('a').isFullyConnected('b')).toBe(true)
    expect(net.node('c').isFullyConnected('b')).toBe(true)
  })
})

describe('a node that was superseded', () => {
  test('begins a life later than that when it is started again, though its clock was set back', async () => {
    const nodes = ['a', 'b', 'c']
    await using net = simulate({
      nodes,
      manager: options => clientServer({ ...options, role: options.name === 'c' ? 'client' : 'server' }),
      seeds: name => nodes.filter(other => other !== name && other !== 'c'),
    })
    await net.settle()
    // The client alone remembers the life of `a` that left: servers tell of it, clients do not.
    await net.settle(net.node('a').leave())
    net.crash('a')
    net.restart('b')
    await net.settle()
    net.jump('a', -3_600_000)
    net.restart('a')
    const a = net.node('a')
    const known: number[] = []
    a.events.on('superseded', incarnation => void known.push(incarnation))
    await net.until(() => known.length > 0)
    await net.settle(a.stop())
    await net.settle(a.start())
    await net.settle()
    expect(a.spec.incarnation).toBeGreaterThan(known[0] as number)
    expect(net.node('c').isFullyConnected('a')).toBe(true)
    expect(known).toHaveLength(1)
  })
})

describe('a partition that was injected', () => {
  test('cuts a peer off on the links that it opens anew', async () => {
    await using net = await cluster(['a', 'b', 'c', 'd'])
    const b = net.node('b')
    await net.settle(net.node('c').injectPartition('d', 0))
    await net.settle()
    const ups = upsAt(b)
    // `d` is not told, and dials.
    await net.settle(b.leave())
    await net.pass(2_000)
    expect(ups).toEqual([])
    expect(b.isConnected('d')).toBe(false)
  })
})

describe('a node with many seeds', () => {
  test('joins them all at a time without a warning of Node about leaks', async () => {
    const warnings: string[] = []
    const warned = (warning: Error): void => void warnings.push(warning.name)
    process.on('warning', warned)
    const nodes = Array.from({ length: 14 }, (_, index) => `n${index}`)
    await using net = simulate({ nodes, manager: options => fullMesh(options), seeds: () => nodes })
    await net.settle()
    await new Promise(setImmediate)
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })
})
