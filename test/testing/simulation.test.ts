import { describe, expect, test } from 'vitest'
import { clientServer, fullMesh } from '../../src/index.js'
import { SettleError, simulate } from '../../src/testing/testing.js'

describe('a simulated cluster', () => {
  test('settles only when a client that lost all servers to a leave is back with those that came again', async () => {
    await using net = simulate({
      nodes: ['s1', 's2', 'c'],
      seeds: name => ['s1', 's2'].filter(seed => seed !== name),
      manager: options => clientServer({ ...options, role: options.name === 'c' ? 'client' : 'server' }),
    })
    await net.settle()
    await net.settle(net.node('s1').leave('s2'))
    await net.settle(net.node('s1').leave())
    expect(net.node('c').members()).toEqual(['c'])
    expect(net.node('c').departed).toBe(false)
    for (const name of ['s1', 's2'] as const) net.restart(name)
    await net.settle()
    expect(net.node('c').members()).toEqual(['c', 's1', 's2'])
  })

  test('starts, joins and settles', async () => {
    await using net = simulate({ nodes: 3 })
    await net.settle()
    for (const name of net.names) expect(net.node(name).members()).toEqual(['n1', 'n2', 'n3'])
  })

  test('is split by a partition and whole again after it', async () => {
    await using net = simulate({ nodes: ['a', 'b', 'c'], seed: 4 })
    await net.settle()
    net.partition(['a'], ['b', 'c'])
    await net.settle()
    expect(net.node('a').isConnected('b')).toBe(false)
    expect(net.node('b').isConnected('c')).toBe(true)
    net.heal()
    await net.settle()
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test.each([false, true])('loses a node that crashes (silent: %s) and takes its next life', async silent => {
    await using net = simulate({ nodes: ['a', 'b', 'c'], seed: 4 })
    await net.settle()
    const before = net.node('b').spec.incarnation
    net.crash('b', { silent })
    await net.settle()
    expect(net.live).toEqual(['a', 'c'])
    expect(net.node('a').members()).toEqual(['a', 'b', 'c'])
    expect(net.node('a').isConnected('b')).toBe(false)
    net.restart('b')
    await net.settle()
    expect(net.node('b').spec.incarnation).toBeGreaterThan(before)
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test('gives the same digest for the same seed, and another for another', async () => {
    const run = async (seed: number): Promise<string> => {
      await using net = simulate({ nodes: 3, seed })
      await net.settle()
      net.lose('n1', 'n2')
      net.partition('n1', 'n3')
      await net.pass(7_000)
      net.heal()
      net.restart('n2')
      await net.settle()
      return net.digest()
    }
    expect(await run(1)).toBe(await run(1))
    expect(await run(1)).not.toBe(await run(2))
  })

  test('a node that left is at rest alone, and one that nobody joined as well', async () => {
    await using net = simulate({ nodes: ['a', 'b', 'c'], seeds: name => (name === 'c' ? [] : ['a']) })
    await net.settle()
    expect(net.node('c').members()).toEqual(['c'])
    await net.settle(net.node('b').leave())
    await net.settle()
    expect([net.node('a').members(), net.node('b').members()]).toEqual([['a'], ['b']])
    void net.node('b').join(net.node('c').spec)
    void net.node('a').join(net.node('c').spec)
    await net.settle()
    expect(net.node('b').members()).toEqual(['a', 'b', 'c'])
  })

  test('islands are not at rest while one is a seed of the other', async () => {
    await using net = simulate({ nodes: ['a', 'b'] })
    const apart = net.refuse('a', 'b')
    net.refuse('b', 'a')
    await net.settle()
    apart[Symbol.dispose]()
    net.refuse('a', 'b')
    await net.settle()
    net.heal()
    await net.settle()
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test('a start that fails is told at once, with its cause', async () => {
    await using net = simulate({
      nodes: ['a', 'b'],
      manager: options => fullMesh({ ...options, listen: { host: 'shared', port: 1 } }),
    })
    const failure = await net.settle().catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'SettleError', cause: { code: 'ERR_LISTEN' } })
    expect(net.clock.now()).toBeLessThan(1_000)
  })

  test('says what is not at rest', async () => {
    await using net = simulate({ nodes: 2 })
    await expect(net.settle(new Promise(() => {}), 1_000)).rejects.toThrow(SettleError)
  })
})
