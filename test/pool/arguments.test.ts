import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createPools, HrwSites, managePools, type PurePools, zeekKey } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

describe('topics of nodes that a function makes', () => {
  test('are those of Zeek where it fails, which is told of, once for each node', () => {
    const failures: string[] = []
    const pools = createPools({
      self: 'm',
      nodeTopic: name => {
        if (name === 'bad') throw new Error('planted')
        return name === 'worse' ? (7 as unknown as string) : `node/${name}`
      },
      typeTopic: () => '',
      defaultLogTopic: () => {
        throw new Error('planted, too')
      },
    })
    pools.events.on('handler-error', ({ where, error }) => failures.push(`${where}: ${(error as Error).message}`))
    for (const name of ['good', 'bad', 'worse']) {
      pools.nodeJoined({ name, type: 'worker' })
      pools.nodeUp(name)
    }
    expect(pools.worker.nodeList.map(({ topic }) => topic)).toEqual([
      ...['zeek/cluster/node/bad/', 'node/good', 'zeek/cluster/node/worse/'],
    ])
    expect(pools.rrLogTopic('conn')).toBe('zeek/logs/conn')
    expect(failures).toEqual([
      'nodeTopic: planted',
      'nodeTopic: nodeTopic must be a function that gives 1 to 512 bytes of text, but is 7',
      'defaultLogTopic: planted, too',
    ])
  })

  test('are tried with the name of this node, and refused where they fail', () => {
    const fails = (nodeTopic: unknown): unknown => {
      try {
        return createPools({ self: 'm', nodeTopic: nodeTopic as () => string })
      } catch (error) {
        return (error as { option?: string }).option
      }
    }
    const broken = (): string => {
      throw new Error('planted')
    }
    expect([broken, () => 5, () => '', () => 'x'.repeat(513), 'text'].map(fails)).toEqual(Array(5).fill('nodeTopic'))
  })
})

describe('what is no argument', () => {
  const options = { self: 'm', nodes: [{ name: 'a', type: 'worker' }] }
  test.each<[string, (pools: PurePools) => unknown]>([
    ['specs', pools => pools.registerAll(undefined as never)],
    ['spec', pools => pools.registerAll([null as never, { topic: 'p', nodeType: 'worker' }])],
    ['topic', pools => pools.unregister(undefined as never)],
    ['node', () => createPools({ ...options, nodes: [null as never] })],
    ['workerPoolSpec.max', () => createPools({ ...options, workerPoolSpec: { max: 1 } as never })],
    ['proxyPoolSpec.maxNodes', () => createPools({ ...options, proxyPoolSpec: { maxNodes: -1 } })],
    ['loggerPoolSpec.hash', () => createPools({ ...options, loggerPoolSpec: { hash: 'md5' as never } })],
    ['loggerPoolSpec', () => createPools({ ...options, loggerPoolSpec: null as never })],
    ['manager', () => managePools(undefined as never)],
    ['manager', () => managePools('m' as never)],
    ['site.id', () => new HrwSites().addSite({ id: -1, userData: 1 })],
    ['site.id', () => new HrwSites().addSite({ id: 2 ** 32, userData: 1 })],
    ['managerIsLogger', () => createPools({ ...options, managerIsLogger: 1 as never })],
    ['node', pools => pools.nodeJoined(undefined as never)],
    ['node', pools => pools.nodeUp(undefined as never)],
    ['node', pools => pools.nodeUp('\n')],
    ['node', pools => pools.nodeDown(1 as never)],
    ['node', pools => pools.nodeLeaving('', 1)],
    ['node', pools => pools.nodeLeft(null as never)],
    ['incarnation', pools => pools.nodeUp('a', Number.NaN)],
    ['type', pools => pools.nodesOfType(undefined as never)],
    ['type', pools => pools.activeNodeCount(1 as never)],
    ['id', pools => pools.rrLogTopic(undefined as never)],
    ['path', pools => pools.rrLogTopic('conn', 1 as never)],
    ['count', pools => pools.worker.ranked('key', -1)],
    ['count', pools => pools.worker.ranked('key', Number.NaN)],
    ['key', pools => pools.worker.rr(Number.NaN as never)],
    ['key', pools => pools.worker.rr({} as never)],
    ['keys', pools => pools.worker.moved('xy', [], [])],
    ['before', pools => pools.worker.moved(['key'], 'xy', [])],
    ['after', pools => pools.worker.moved(['key'], [], [1 as never])],
    ['after', pools => pools.worker.moved(['key'], [], undefined as never)],
  ])('is refused, by the name of %s', (option, call) => {
    const expected = { code: 'ERR_INVALID_OPTION', option }
    expect(() => call(createPools(options))).toThrow(expect.objectContaining(expected))
  })
})

describe('what is refused says what to do', () => {
  const supply = (): unknown =>
    createPools({ self: 'm' }).register({ topic: 'p', nodeType: 'worker', maxNodes: 1, exclusive: true })
  test.each<[string, () => unknown]>([
    ['such as 9007199254740992n, but is 9007199254740992', () => zeekKey.count(2 ** 53)],
    ['such as 9007199254740992n, but is -9007199254740992', () => zeekKey.int(-(2 ** 53))],
    [
      "zeekKey.subnet must be an address and its length, as in 10.0.0.0/8, but is '10.0.0.0'",
      () => zeekKey.subnet('10.0.0.0'),
    ],
    ['start more nodes, or lower maxNodes', supply],
    ['1 to 255 bytes of text without control characters', () => createPools({ self: 'm', nodes: [{ name: 'a\tb' }] })],
    ['1 to 255 bytes of text without control characters', () => createPools({ self: '' })],
    ['1 to 255 bytes of text without control characters', () => createPools({ self: 'm' }).nodeUp('x'.repeat(256))],
  ])('%s', (text, call) => {
    expect(call).toThrow(text)
  })

  test('of a node that has pools already, by its name', async () => {
    const cluster = new Cluster()
    const [manager] = await cluster.mesh(['a'])
    if (manager === undefined) throw new Error('no node')
    const pools = managePools(manager)
    const again = (): unknown => managePools(manager)
    expect(again).toThrow(expect.objectContaining({ code: 'ERR_SERVER_EXISTS' }))
    expect(again).toThrow("node 'a' has pools already")
    pools[Symbol.dispose]()
    expect(again).not.toThrow()
  })
})

test('an acknowledgement that is none is refused with all that it may be', async () => {
  const cluster = new Cluster()
  const pools = managePools(await cluster.start('a', { attributes: { type: 'worker' } }))
  const published = pools.worker.publishHrw('key', 'job', 1, { ack: 3 as never })
  expect(await cluster.failure(published)).toMatchObject({
    message: 'ack must be true, false, or a plain object, but is 3',
  })
})

test('a pool is shown in a few words', () => {
  const nodes = ['a', 'b'].map(name => ({ name, type: 'worker' }))
  const pools = createPools({ self: 'a', nodes })
  expect(inspect(pools.worker, { breakLength: 120 })).toBe(
    "{ topic: 'zeek/cluster/pool/worker', alive: 1, nodes: [ 'a', 'b (dead)' ] }",
  )
})
