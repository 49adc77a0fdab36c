import { describe, expect, test } from 'vitest'
import { clientServer, fullMesh, InvalidOptionError } from '../../src/index.js'
import { judgeHistory, searchHistories, simulate } from '../../src/testing/testing.js'

describe('a simulated node', () => {
  test('is called for again in each life, and what it had in memory is gone', async () => {
    const lives: string[] = []
    await using net = simulate({
      nodes: ['a', 'b'],
      setup: (manager, { name }) => {
        let count = 0
        lives.push(name)
        manager.register('count', () => ++count)
      },
    })
    await net.settle()
    expect(await net.settle(net.node('a').request('b', 'count', 0))).toBe(1)
    expect(await net.settle(net.node('a').request('b', 'count', 0))).toBe(2)
    net.restart('b')
    await net.settle()
    expect(await net.settle(net.node('a').request('b', 'count', 0))).toBe(1)
    expect(lives).toEqual(['a', 'b', 'b'])
  })

  test('does nothing more from the instruction at which it crashes, not even what it has under way', async () => {
    const ticks: string[] = []
    await using net = simulate({
      nodes: ['a', 'b'],
      setup: (manager, { name, clock, net }) => {
        const tick = (): void => {
          ticks.push(name)
          clock.schedule(100, tick)
        }
        clock.schedule(100, tick)
        manager.register('die', () => {
          net.crash(name)
          manager.castMessage('a', 'log', 'from beyond')
          return 'an answer'
        })
        manager.register('log', message => void ticks.push(String(message)))
      },
    })
    await net.settle()
    const answer = net.node('a').request('b', 'die', 1)
    await expect(net.settle(answer)).rejects.toThrow('no answer')
    ticks.length = 0
    await net.pass(1_000)
    expect(ticks.filter(name => name === 'a').length).toBeGreaterThan(8)
    expect(ticks.filter(name => name !== 'a')).toEqual([])
  })

  test('takes part in nothing while it is paused, and in everything that waited when it goes on', async () => {
    const told: unknown[] = []
    await using net = simulate({
      nodes: ['a', 'b'],
      setup: (manager, { name }) => {
        if (name === 'b') manager.register('log', message => void told.push(message))
      },
    })
    await net.settle()
    net.pause('b')
    net.node('a').castMessage('b', 'log', 1)
    await net.pass(1_000)
    expect(told).toEqual([])
    net.resume('b')
    await net.pass(100)
    expect(told).toEqual([1])
    net.pause('b')
    await net.settle()
    expect(net.node('a').isConnected('b')).toBe(false)
    net.resume('b')
    await net.settle()
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test('that is slow does everything in its turn, one after the other', async () => {
    const told: number[] = []
    await using net = simulate({
      nodes: ['a', 'b'],
      setup: (manager, { name, clock }) => {
        if (name === 'b') manager.register('log', () => void told.push(clock.now()))
      },
    })
    await net.settle()
    net.slow('b', 50)
    for (let id = 0; id < 5; id++) {
      net.node('a').castMessage('b', 'log', id)
      await net.pass(1)
    }
    await net.until(() => told.length === 5, 5_000)
    const waits = told.slice(1).map((at, index) => at - (told[index] as number))
    for (const wait of waits) expect(wait === 0 || wait >= 50).toBe(true)
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(50)
    net.slow('b', 0)
    await net.settle()
  })

  test('whose wall clock is set back comes back all the same', async () => {
    await using net = simulate({ nodes: ['a', 'b'] })
    await net.settle()
    const before = net.node('b').spec.incarnation
    net.jump('b', -86_400_000)
    net.restart('b')
    await net.settle()
    expect(net.node('b').spec.incarnation).toBeGreaterThan(before)
    expect(net.node('a').isFullyConnected('b')).toBe(true)
  })

  test('may be added, stopped and started again', async () => {
    await using net = simulate({ nodes: ['a', 'b'] })
    net.add('c')
    await net.settle()
    expect(net.node('a').members()).toEqual(['a', 'b', 'c'])
    await net.stop('c')
    expect(net.live).toEqual(['a', 'b'])
    await net.settle()
    expect(net.node('a').isConnected('c')).toBe(false)
    await net.settle(net.node('c').start())
    expect(net.live).toEqual(['a', 'b', 'c'])
    await net.settle()
    await net.settle(net.node('b').stop())
    expect(net.live).toEqual(['a', 'c'])
  })

  test('may have any manager, and options of its own', async () => {
    await using net = simulate({
      nodes: ['s1', 's2', 'c1', 'c2'],
      manager: options =>
        options.name?.startsWith('s') === true
          ? clientServer({ ...options, role: 'server' })
          : clientServer({ ...options, role: 'client', listen: false }),
    })
    await net.settle()
    expect(net.node('s1').members()).toEqual(['c1', 'c2', 's1', 's2'])
    expect(net.node('c1').members()).toEqual(['c1', 's1', 's2'])
    await using small = simulate({
      nodes: 2,
      channels: { data: { parallelism: 3 } },
      manager: options => fullMesh({ ...options, heartbeat: { interval: 100, timeout: 300 } }),
    })
    await small.settle()
    expect(
      small
        .node('n1')
        .connections()
        .filter(({ channel }) => channel === 'data'),
    ).toHaveLength(3)
    small.partition('n1', 'n2')
    await small.until(() => !small.node('n1').isConnected('n2'), 1_500)
  })
})

describe('the history of a simulation', () => {
  test('tells of lives, ups and downs, views, cuts and faults, in order of time', async () => {
    await using net = simulate({ nodes: ['a', 'b'] })
    await net.settle()
    const ref = await net.settle(net.node('a').injectPartition('a', 0))
    await net.settle(net.node('a').resolvePartition(ref))
    await net.settle()
    net.crash('b')
    net.restart('b')
    await net.settle()
    net.record({ type: 'note', at: net.clock.now(), text: 'the end' })
    const types = new Set(net.history.map(({ type }) => type))
    for (const type of ['started', 'up', 'down', 'members', 'cut', 'healed', 'fault', 'crashed', 'note'])
      expect([...types]).toContain(type)
    const times = net.history.map(({ at }) => at)
    expect(times).toEqual([...times].sort((one, other) => one - other))
    const lives = net.history.filter(event => event.type === 'started' && event.node === 'b')
    expect(lives).toHaveLength(2)
  })

  test('is bounded, and says what it did not keep', async () => {
    await using net = simulate({ nodes: 2, historyMax: 3 })
    await net.settle()
    expect(net.history).toHaveLength(3)
    expect(net.unrecorded).toBeGreaterThan(0)
  })

  test('is part of the digest', async () => {
    const digests = await Promise.all(
      ['one', 'other', 'one'].map(async text => {
        await using net = simulate({ nodes: 2 })
        await net.settle()
        net.record({ type: 'note', at: 0, text })
        return net.digest()
      }),
    )
    expect(digests[0]).toBe(digests[2])
    expect(digests[0]).not.toBe(digests[1])
  })
})

describe('simulated time', () => {
  test('passes only while somebody waits, and stops where they wait for', async () => {
    await using net = simulate({ nodes: 2 })
    await net.settle()
    const before = net.clock.now()
    await new Promise(resolve => setImmediate(resolve))
    expect(net.clock.now()).toBe(before)
    await net.pass(1_234)
    expect(net.clock.now()).toBe(before + 1_234)
    await Promise.all([net.pass(100), net.pass(50)])
    expect(net.clock.now()).toBe(before + 1_334)
  })

  test('says of a promise that does not settle which nodes cannot answer', async () => {
    await using net = simulate({ nodes: ['a', 'b', 'c', 'd', 'e'] })
    await net.settle()
    net.pause('b')
    net.crash('c')
    net.crash('d', { silent: true })
    await net.stop('e')
    await expect(net.settle(net.node('b').leave(), 1_000)).rejects.toThrow(
      `1000 simulated ms (seed 1): 'b' is paused, 'c' has crashed, 'd' has lost its power, 'e' was stopped`,
    )
  })

  test('a condition that throws, or never holds, rejects', async () => {
    await using net = simulate({ nodes: 2 })
    await expect(
      net.until(() => {
        throw new Error('broken')
      }),
    ).rejects.toThrow('broken')
    await expect(net.until(() => false, 500)).rejects.toThrow('not within 500 simulated ms (seed 1)')
  })

  test('resumes each of several waits at its own time, before anything else happens', async () => {
    for (const nodes of [0, 1, 3]) {
      await using net = simulate({ nodes })
      await net.settle()
      const began = net.clock.now()
      const waited = async (millis: number): Promise<number> => {
        await net.pass(millis)
        return net.clock.now() - began
      }
      expect(await Promise.all([waited(7), waited(10_000), waited(0)])).toEqual([7, 10_000, 0])
    }
  })

  test('runs no event between a condition that holds and what waited for it, whoever waits beside', async () => {
    await using net = simulate({ nodes: 3 })
    const beside = net.pass(20_000)
    for (let events = 1; events <= 40; events++) {
      const wanted = net.steps + 3
      await net.until(() => net.steps >= wanted)
      expect(net.steps).toBe(wanted)
    }
    await beside
  })

  test('that stands still while events run without end is noticed', async () => {
    await using net = simulate({ nodes: 0 })
    const again = (): void => net.clock.defer(again)
    again()
    await expect(net.pass(1)).rejects.toThrow('stood still')
  })
})

describe('a simulation that was disposed', () => {
  test('starts no node any more', async () => {
    let lives = 0
    const net = simulate({ nodes: ['a', 'b'], setup: () => void lives++ })
    await net.settle()
    await net[Symbol.asyncDispose]()
    expect(() => net.restart('a')).toThrow(InvalidOptionError)
    expect(() => net.add('c')).toThrow('disposed')
    expect([net.live, net.names, lives]).toEqual([[], ['a', 'b'], 2])
  })
})

describe('a simulated node that its own manager ends', () => {
  const seeds = (name: string): string[] => ['s1', 's2'].filter(seed => seed !== name)

  test('is seen to stop and to start again, also where it does not listen', async () => {
    await using net = simulate({
      nodes: ['s1', 's2', 'c1'],
      seeds,
      manager: options => {
        if (options.name !== 'c1') return clientServer({ ...options, role: 'server' })
        return clientServer({ ...options, role: 'client', listen: false })
      },
    })
    await net.settle()
    const ended = (): number => net.history.filter(({ type }) => type === 'stopped').length
    for (const stop of [() => net.settle(net.node('c1').stop()), () => net.stop('c1')]) {
      const before = ended()
      await stop()
      expect(net.live).toEqual(['s1', 's2'])
      expect(net.node('c1').running).toBe(false)
      await net.settle()
      expect(net.node('s1').isConnected('c1')).toBe(false)
      expect(ended()).toBe(before + 1)
      await net.settle(net.node('c1').start())
      expect(net.node('c1').running).toBe(true)
      expect(net.live).toEqual(['s1', 's2', 'c1'])
      await net.settle()
      expect(net.node('c1').isFullyConnected('s1')).toBe(true)
    }
    net.record({ type: 'settled', at: net.clock.now(), live: net.live })
    expect(judgeHistory(net.history, { knows: (one, other) => one !== 'c1' || other !== 'c1' })).toEqual([])
  })

  test('is not taken for stopped when it was restarted meanwhile', async () => {
    await using net = simulate({ nodes: ['s1', 's2'] })
    await net.settle()
    const stopping = net.stop('s1')
    net.restart('s1')
    await stopping
    expect(net.live).toEqual(['s1', 's2'])
    await net.settle()
    expect(net.node('s1').isFullyConnected('s2')).toBe(true)
    net.record({ type: 'settled', at: net.clock.now(), live: net.live })
    expect(judgeHistory(net.history)).toEqual([])
  })

  test('may be stopped and started by the operations of a history', async () => {
    const report = await searchHistories(
      () => ({
        nodes: ['s1', 's2', 'c1'],
        seeds,
        steps: 10,
        manager: options => {
          if (options.name !== 'c1') return clientServer({ ...options, role: 'server' })
          return clientServer({ ...options, role: 'client', listen: false })
        },
        operations: {
          bounce: async ({ node, name, clock }) => {
            if (name !== 'c1') return
            await node.stop()
            await new Promise<void>(resolve => void clock.schedule(5_000, resolve))
            await node.start()
          },
        },
      }),
      { histories: 10, shrink: false },
    )
    expect(report.failures.map(({ violations }) => violations)).toEqual([])
  })
})
