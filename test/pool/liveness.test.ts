import { describe, expect, test, vi } from 'vitest'
import { BoundedLoad, createPools, matchesTopic, type PoolKey, type PurePools, zeekKey } from '../../src/pool/pool.js'

function poolsOf(...names: readonly string[]): PurePools {
  const pools = createPools({ self: 'm', nodes: names.map(name => ({ name, type: 'worker', incarnation: 1 })) })
  for (const name of names) pools.nodeUp(name, 1)
  return pools
}

describe('a node of a pool', () => {
  test('is not dead because the end of an earlier life of it is heard of late', () => {
    const pools = poolsOf('a', 'b')
    pools.nodeUp('a', 2)
    pools.nodeDown('a', 1)
    expect(pools.worker.nodes.get('a')?.alive).toBe(true)
    pools.nodeDown('a', 2)
    expect(pools.worker.nodes.get('a')?.alive).toBe(false)
    pools.nodeUp('a', 1)
    expect(pools.worker.nodes.get('a')?.alive).toBe(false)
  })

  test('is not alive while only an earlier life of it was up', () => {
    const pools = poolsOf('a')
    pools.nodeJoined({ name: 'a', type: 'worker', incarnation: 2 })
    expect(pools.worker.aliveCount).toBe(0)
    pools.nodeUp('a', 2)
    expect(pools.worker.aliveCount).toBe(1)
  })

  test('has no work any more from when its life says that it leaves; its next one has', () => {
    const pools = poolsOf('a', 'b')
    pools.nodeLeaving('a', 1)
    expect(pools.worker.aliveCount).toBe(1)
    pools.nodeUp('a', 1)
    expect(pools.worker.aliveCount).toBe(1)
    pools.nodeLeaving('a', 1, false)
    expect(pools.worker.aliveCount).toBe(2)
    pools.nodeLeaving('a', 1)
    pools.nodeLeaving('a', 0)
    pools.nodeUp('a', 2)
    expect(pools.worker.aliveCount).toBe(2)
  })

  test('may be up before it is known to be a member, and changes its type', () => {
    const pools = createPools({ self: 'm' })
    pools.nodeUp('a', 1)
    expect(pools.worker.nodes.size).toBe(0)
    pools.nodeJoined({ name: 'a', type: 'worker', incarnation: 1 })
    expect([pools.worker.aliveCount, pools.activeNodeCount('worker')]).toEqual([1, 1])
    pools.nodeJoined({ name: 'a', type: 'proxy', incarnation: 1 })
    expect([pools.worker.nodes.size, pools.proxy.aliveCount]).toEqual([0, 1])
    pools.nodeLeft('a')
    pools.nodeJoined({ name: 'a', type: 'worker', incarnation: 1 })
    expect(pools.worker.aliveCount).toBe(1)
    expect(pools.nodesOfType('worker')).toEqual(['a'])
  })

  test('that is gone is forgotten with its lives, and of a stranger that is not up nothing is kept', () => {
    const pools = poolsOf('a')
    pools.nodeUp('b', 5)
    pools.nodeDown('b', 5)
    pools.nodeJoined({ name: 'c', type: 'worker', incarnation: 5 })
    pools.nodeUp('c', 5)
    pools.nodeLeft('c')
    pools.nodeDown('c', 5)
    pools.nodeLeaving('d', 5)
    // Known lives of them would be later.
    for (const name of ['b', 'c', 'd']) {
      pools.nodeJoined({ name, type: 'worker', incarnation: 1 })
      pools.nodeUp(name, 1)
    }
    expect(pools.worker.aliveCount).toBe(4)
  })

  test('that is this one is alive from the beginning', () => {
    const nodes = ['a', 'b'].map(name => ({ name, type: 'worker' }))
    const pools = createPools({ self: 'a', nodes })
    expect([pools.worker.aliveCount, pools.worker.hrw('key')?.name]).toEqual([1, 'a'])
    const without = createPools({ self: 'a', nodes, includeSelf: false })
    expect([without.worker.aliveCount, without.worker.hrw('key'), without.worker.rr()]).toEqual([
      1,
      undefined,
      undefined,
    ])
    without.nodeUp('b')
    const chosen = Array.from({ length: 20 }, (_, index) => [
      without.worker.hrw(`${index}`)?.name,
      without.worker.rr()?.name,
    ])
    expect(new Set(chosen.flat())).toEqual(new Set(['b']))
  })
})

describe('a pool', () => {
  test('tells of changes of those who live, and that it is empty', () => {
    const pools = poolsOf('a', 'b')
    const told: unknown[] = []
    pools.worker.events.on('changed', change => told.push(change))
    pools.worker.events.on('empty', () => told.push('empty'))
    pools.nodeDown('a')
    pools.nodeDown('a')
    pools.nodeDown('b')
    pools.nodeUp('b')
    expect(told).toEqual([
      { added: [], removed: ['a'], before: ['a', 'b'], after: ['b'], epoch: 3 },
      { added: [], removed: ['b'], before: ['b'], after: [], epoch: 4 },
      'empty',
      { added: ['b'], removed: [], before: [], after: ['b'], epoch: 5 },
    ])
    expect(pools.worker.epoch).toBe(5)
  })

  test('goes on when a listener throws, and tells of that', () => {
    const pools = poolsOf('a')
    const failures: unknown[] = []
    pools.events.on('handler-error', failure => {
      failures.push(failure)
      throw new Error('again')
    })
    const second = vi.fn()
    pools.worker.events.on('changed', () => {
      throw new Error('planted')
    })
    pools.worker.events.on('changed', second)
    pools.nodeDown('a')
    expect(second).toHaveBeenCalledOnce()
    expect(failures).toEqual([{ where: `changed of pool 'zeek/cluster/pool/worker'`, error: new Error('planted') }])
  })

  test('tells of what listeners do behind what they were told of', () => {
    const pools = poolsOf('a', 'b')
    const told: string[] = []
    pools.worker.events.on('changed', ({ removed }) => {
      if (removed.includes('a')) pools.nodeDown('b')
    })
    pools.worker.events.on('changed', ({ removed, after }) => told.push(`${removed.join()} of ${after.join()}`))
    pools.nodeDown('a')
    expect(told).toEqual(['a of b', 'b of '])
  })

  test('is awaited by so many at a time', async () => {
    const pools = poolsOf('a')
    const waiting = Array.from({ length: 1_024 }, () => pools.worker.ready({ alive: 2 }))
    await expect(pools.worker.ready({ alive: 2 })).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      option: 'ready',
    })
    await pools.worker.ready()
    pools.nodeJoined({ name: 'b', type: 'worker' })
    pools.nodeUp('b')
    await Promise.all(waiting)
    const more = pools.worker.ready({ alive: 3 })
    pools.nodeJoined({ name: 'c', type: 'worker' })
    pools.nodeUp('c')
    await more
  })

  test('that was unregistered and registered again is the default pool again', () => {
    const pools = poolsOf('a')
    const before = pools.worker
    pools.unregister(before.spec.topic)
    expect([pools.worker, pools.worker.aliveCount]).toEqual([before, 0])
    const again = pools.register({ topic: before.spec.topic, nodeType: 'worker' })
    expect([pools.worker, pools.worker.aliveCount]).toEqual([again, 1])
  })

  test('cannot be changed by what it gives', () => {
    const { worker } = poolsOf('a', 'b')
    const changes = [
      () => Object.assign(worker.nodes.get('a') ?? {}, { alive: false }),
      () => Object.assign(worker.hrw('key') ?? {}, { alive: false }),
      () => Object.assign(worker.nodeList, { length: 0 }),
      () => Object.assign(worker.spec, { maxNodes: 1 }),
    ]
    for (const change of changes) expect(change).toThrow(TypeError)
    expect(new Set([worker.rr()?.name, worker.rr()?.name])).toEqual(new Set(['a', 'b']))
  })

  test('is the same with and without a separator at the end of its topic', () => {
    const pools = poolsOf('a', 'b')
    const pool = pools.register({ topic: 't/', nodeType: 'worker', maxNodes: 1 })
    expect(pool.spec.topic).toBe('t/')
    expect(['t', 't/', 't.'].map(topic => pools.registered.get(topic))).toEqual([pool, pool, pool])
    expect(pools.register({ topic: 't/', nodeType: 'worker', maxNodes: 1 })).toBe(pool)
    expect(() => pools.register({ topic: 't/', nodeType: 'worker' })).toThrow('another spec')
    expect(() => pools.register({ topic: 't', nodeType: 'worker', maxNodes: 1 })).toThrow(
      "as 't/': a separator at its end",
    )
    expect([pools.unregister('t.'), pools.unregister('t')]).toEqual([true, false])
  })

  test.each<[string, unknown]>([
    ['alive', { alive: -1 }],
    ['alive', { alive: 2 }],
    ['signal', { signal: 1 }],
    ['options.live', { live: 1 }],
    ['options', null],
  ])('does not wait for what cannot be: it rejects, by the name of %s (%j)', async (option, options) => {
    const pool = poolsOf('a', 'b').register({ topic: 't', nodeType: 'worker', maxNodes: 1 })
    const waiting = pool.ready(options as never)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION', option })
  })

  test('is ready when so many are alive, unless a signal aborts or it ends', async () => {
    const pools = poolsOf('a', 'b')
    await pools.worker.ready()
    await pools.worker.ready({ alive: 2 })
    const three = pools.worker.ready({ alive: 3 })
    pools.nodeJoined({ name: 'c', type: 'worker' })
    pools.nodeUp('c')
    await three
    const abort = new AbortController()
    const aborted = pools.worker.ready({ alive: 4, signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    await expect(pools.worker.ready({ alive: 4, signal: abort.signal })).rejects.toThrow('enough')
    const never = pools.worker.ready({ alive: 4 })
    const { worker } = pools
    pools.unregister(worker.spec.topic)
    await expect(never).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED', topic: worker.spec.topic })
    await expect(worker.ready()).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' })
  })
})

describe('a round robin', () => {
  test('passes the dead over without a double share for their successors, and begins anywhere', () => {
    const pools = poolsOf('a', 'b', 'c', 'd')
    pools.nodeDown('b')
    const counts = new Map<string, number>()
    for (let turn = 0; turn < 30; turn++) {
      const name = pools.worker.rr()?.name ?? ''
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    expect([...counts].sort(([one], [other]) => (one < other ? -1 : 1))).toEqual([
      ['a', 10],
      ['c', 10],
      ['d', 10],
    ])
    const firsts = Array.from({ length: 40 }, (_, index) => {
      const nodes = ['a', 'b', 'c', 'd'].map(name => ({ name, type: 'worker' }))
      const others = createPools({ self: `self-${index}`, nodes })
      for (const { name } of nodes) others.nodeUp(name)
      return others.worker.rr()?.name
    })
    expect(new Set(firsts).size).toBe(4)
  })

  test('has turns of its own for each key, of which it forgets the least recently used', () => {
    const { worker } = poolsOf('a', 'b', 'c')
    const first = worker.rr('kept')?.name
    for (let key = 0; key < 2_000; key++) {
      worker.rr(`key-${key}`)
      if (key % 500 === 0) for (let turn = 0; turn < 3; turn++) worker.rr('kept')
    }
    expect([worker.rrKeySeq.size, worker.roundRobinForgotten]).toEqual([1_024, 977])
    for (let turn = 0; turn < 2; turn++) worker.rr('kept')
    expect(worker.rr('kept')?.name).toBe(first)
  })

  test('counts the turns of each node while that is in the pool', () => {
    const pools = poolsOf('a', 'b', 'c')
    const { worker } = pools
    for (const key of ['', 'one', 'two']) for (let turn = 0; turn < 5; turn++) worker.rrTopic(key)
    expect([...worker.roundRobinTurns.keys()].sort()).toEqual(['a', 'b', 'c'])
    expect([...worker.roundRobinTurns.values()].reduce((sum, turns) => sum + turns, 0)).toBe(15)
    pools.nodeDown('b', 1)
    const { size } = worker.roundRobinTurns
    pools.nodeLeft('b')
    expect([size, [...worker.roundRobinTurns.keys()].sort()]).toEqual([3, ['a', 'c']])
    pools.register({ topic: 'alone', nodeType: 'worker', maxNodes: 1, exclusive: true })
    expect([...worker.roundRobinTurns.keys()]).toEqual(worker.nodeList.map(({ name }) => name))
    pools.unregister(worker.spec.topic)
    expect(worker.roundRobinTurns.size).toBe(0)
  })

  test('of logs is one for each log and path', () => {
    const nodes = ['l1', 'l2', 'l3'].map(name => ({ name, type: 'logger' }))
    const pools = createPools({ self: 'm', nodes, defaultLogTopic: (id, path) => `logs/${id}/${path}` })
    expect(pools.rrLogTopic('conn', 'conn-http')).toBe('logs/conn/conn-http')
    for (const { name } of nodes) pools.nodeUp(name)
    // Three logs written in turns to three loggers: each log meets them all.
    const met = new Map<string, Set<string>>()
    for (let record = 0; record < 9; record++) {
      for (const log of ['conn', 'dns', 'http']) {
        met.set(log, (met.get(log) ?? new Set()).add(pools.rrLogTopic(log, log)))
      }
    }
    expect([...met.values()].map(({ size }) => size)).toEqual([3, 3, 3])
  })
})

describe('a bounded load', () => {
  test('spreads a hot key over as many nodes as it takes, and gives it back when work is done', () => {
    const { worker } = poolsOf('a', 'b', 'c', 'd')
    const load = new BoundedLoad(worker, { factor: 1.25 })
    const owner = worker.hrw('hot')?.name
    expect(load.acquire('hot')?.node).toBe(owner)
    const leases = Array.from({ length: 99 }, () => load.acquire('hot'))
    const counts = [...load.loads.values()]
    expect(Math.max(...counts)).toBeLessThanOrEqual(Math.ceil((1.25 * 100) / 4))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(100)
    const order = worker.ranked('hot', 4).map(({ name }) => load.loads.get(name) ?? 0)
    expect(order).toEqual([...order].sort((one, other) => other - one))
    for (const lease of leases) {
      lease?.[Symbol.dispose]()
      lease?.[Symbol.dispose]()
    }
    expect(load.loads).toEqual(new Map([[owner, 1]]))
    expect(new BoundedLoad(createPools({ self: 'm' }).worker).acquire('hot')).toBe(undefined)
    expect(() => new BoundedLoad(worker, { factor: 1 })).toThrow('a number above 1')
  })

  test('gives nothing to those that are left out, even where all others are busy', () => {
    const { worker } = poolsOf('a', 'b', 'c')
    const [first, second, third] = worker.ranked('hot', 3).map(({ name }) => name) as [string, string, string]
    const load = new BoundedLoad(worker)
    const given = Array.from({ length: 20 }, () => load.acquire('hot', 1.25, new Set([first, second]))?.node)
    expect(new Set(given)).toEqual(new Set([third]))
    expect(load.acquire('hot', 1.25, new Set([first, second, third]))).toBe(undefined)
  })
})

describe('keys and topics', () => {
  test('that are no text, bytes or typed key are refused', () => {
    const { worker } = poolsOf('a')
    for (const key of [1, true, undefined, null, {}]) {
      expect(() => worker.hrw(key as PoolKey)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
    }
    expect(worker.hrw(zeekKey.count(1))?.name).toBe('a')
  })

  test('of types of Zeek are refused where they cannot be of that type', () => {
    const wrong = [
      () => zeekKey.count(-1),
      () => zeekKey.count(2n ** 64n),
      () => zeekKey.count(1.5),
      () => zeekKey.int(2n ** 63n),
      () => zeekKey.bool(1 as unknown as boolean),
      () => zeekKey.double('1' as unknown as number),
      () => zeekKey.addr('1.2.3'),
      () => zeekKey.addr('fe80::1%eth0'),
      () => zeekKey.subnet('10.0.0.0/33'),
      () => zeekKey.subnet('10.0.0.0'),
      () => zeekKey.port(65_536, 'tcp'),
      () => zeekKey.port(1, 'sctp' as 'tcp'),
    ]
    for (const make of wrong) expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  })

  test('of addresses are the same in every spelling', () => {
    const bytes = (text: string): string => Buffer.from(zeekKey.addr(text).bytes.subarray(4)).toString()
    const spellings: Record<string, string[]> = {
      '2001:db8::1\0': ['2001:DB8:0:0::1', '2001:db8:0:0:0:0:0:1', '2001:0db8::0001'],
      '::\0': ['0::0', '0:0:0:0:0:0:0:0'],
      '1.2.3.4\0': ['::ffff:1.2.3.4', '::ffff:102:304'],
      '::1.2.3.4\0': ['::102:304'],
      '1:0:2::\0': ['1:0:2:0:0:0:0:0'],
      '1:2:3:4:5:6:7:8\0': ['1:2:3:4:5:6:7:8'],
      'a:0:1:2:3:4:5:6\0': ['a:0:1:2:3:4:5:6'],
    }
    for (const [canonical, texts] of Object.entries(spellings)) {
      for (const text of texts) expect(bytes(text)).toBe(canonical)
    }
    const subnet = Buffer.from(zeekKey.subnet('10.1.2.3/12').bytes.subarray(4)).toString()
    expect(subnet).toBe('10.0.0.0/12\0')
  })

  test.each<[string, string, boolean]>([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/', true],
    ['a/b/', 'a/b', true],
    ['a/b', 'a/b/c', true],
    ['a/b', 'a/bc', false],
    ['a/b/', 'a/b/c', true],
    ['a/b/', 'a/b.c', false],
    ['a.b', 'a.b.c', true],
    ['a.b.', 'a.b', true],
    ['a.b', 'a.bc', false],
    ['', 'anything', true],
    ['a/b/c', 'a/b', false],
  ])('a subscription to %s hears of %s: %s', (prefix, topic, matches) => {
    expect(matchesTopic(prefix, topic)).toBe(matches)
  })
})
