import { describe, expect, test } from 'vitest'
import { createPools, type PurePools } from '../../src/pool/pool.js'

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
