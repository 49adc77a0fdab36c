import { describe, expect, test } from 'vitest'
import { EncodeError, NoSuchServerError, OverflowError, type PeerServiceManager } from '../../src/index.js'
import { Differences } from '../../src/pool/differences.js'
import { PeerPools } from '../../src/pool/peer-pools.js'
import type { StateMessage } from '../../src/pool/pool-state.js'
import { PoolTraffic } from '../../src/pool/pool-traffic.js'
import { WorkPool } from '../../src/pool/work-pool.js'
import { WorkPools } from '../../src/pool/work-pools.js'
import { SimulatedClock } from '../../src/testing/testing.js'
import { Cluster } from '../support/cluster.js'

describe('what a node tells', () => {
  function poolsOf(): WorkPools<WorkPool> {
    return new WorkPools({
      ...{ self: 'a', options: {}, awaitsNodes: true, nodes: [] },
      make: (spec, context) => new WorkPool(spec, context),
    })
  }

  function peerPoolsOf(manager: PeerServiceManager, pools: WorkPools<WorkPool> = poolsOf()): PeerPools {
    return new PeerPools({
      manager,
      pools,
      traffic: new PoolTraffic(manager),
      subscriptions: () => [],
      isLeaving: () => false,
      known: () => {},
    })
  }

  async function peerPools(): Promise<PeerPools> {
    return peerPoolsOf(await new Cluster().start('a'))
  }

  /** What is on its way to others, until it is acknowledged. */
  function slowManager(): { clock: SimulatedClock; sent: number[]; acknowledge: () => void; manager: unknown } {
    const clock = new SimulatedClock()
    const sent: number[] = []
    let acknowledge = (): void => {}
    const forwardMessage = (_node: string, _server: string, { version }: StateMessage): Promise<void> => {
      sent.push(version)
      return new Promise(resolve => {
        acknowledge = resolve
      })
    }
    return { clock, sent, acknowledge: () => acknowledge(), manager: { name: 'a', clock, forwardMessage } }
  }

  const stateOf = (version: number, ...subscriptions: string[]): StateMessage => ({
    ...{ type: 'state', version, heard: 0, leaving: false, ended: false, managerIsLogger: false },
    ...{ specs: [], subscriptions },
  })

  test('is one message at a time, and then the latest', async () => {
    const { clock, sent, acknowledge, manager } = slowManager()
    const peers = peerPoolsOf(manager as PeerServiceManager)
    peers.up('b', 1)
    for (let change = 0; change < 3; change++) {
      await clock.advanceAsync(10)
      peers.changed()
    }
    expect(sent).toEqual([1])
    acknowledge()
    await clock.advanceAsync(10)
    expect(sent).toEqual([1, 4])
    acknowledge()
    await clock.advanceAsync(1_000)
    expect(sent.length).toBe(2)
  })

  test.each([
    ['the first of it', false, [1, 1]],
    ['a later one', true, [1, 2, 2]],
  ])('is told again where pools were made anew while %s was on its way', async (_what, isLater, all) => {
    const { clock, sent, acknowledge, manager } = slowManager()
    const peers = peerPoolsOf(manager as PeerServiceManager)
    peers.up('b', 1)
    await clock.advanceAsync(10)
    peers.heard('b', 1, stateOf(1))
    if (isLater) {
      acknowledge()
      await clock.advanceAsync(10)
      // It has told of itself before it was told: what was on its way does.
      expect(sent).toEqual([1])
      peers.changed()
      await clock.advanceAsync(10)
    }
    peers.heard('b', 1, stateOf(2))
    acknowledge()
    await clock.advanceAsync(10)
    expect(sent).toEqual(all)
  })

  /** What is on its way to others fails with that error, or arrives. */
  function failing(error: () => Error | undefined, onSent: (sent: StateMessage) => void = () => {}) {
    const clock = new SimulatedClock()
    const sent: StateMessage[] = []
    const forwardMessage = async (_node: string, _server: string, state: StateMessage): Promise<void> => {
      sent.push(state)
      onSent(state)
      const thrown = error()
      if (thrown !== undefined) throw thrown
    }
    const manager: unknown = { name: 'a', clock, forwardMessage, isConnected: () => true }
    return { clock, sent, manager: manager as PeerServiceManager }
  }

  test('is not told again where it cannot be encoded, until it is another', async () => {
    const { clock, sent, manager } = failing(() => new EncodeError('too deep'))
    const peers = peerPoolsOf(manager)
    peers.up('b', 1)
    peers.heard('b', 1, stateOf(1))
    await clock.advanceAsync(10)
    expect(sent.length).toBe(1)
    peers.changed()
    await clock.advanceAsync(10_000)
    expect(sent.length).toBe(2)
  })

  test('is told again where pools were made while the answer was on its way that there are none', async () => {
    let isFirst = true
    const { clock, sent, manager } = failing(
      () => (isFirst ? new NoSuchServerError('b', 'maquis:pools') : undefined),
      ({ heard }) => {
        isFirst = heard === 0
        if (isFirst) peers.heard('b', 1, stateOf(1, 'news'))
      },
    )
    const peers: PeerPools = peerPoolsOf(manager)
    peers.up('b', 1)
    await clock.advanceAsync(10)
    expect([sent.map(({ heard }) => heard), peers.runs('b')]).toEqual([[0, 1], true])
  })

  test('is told again where one says that who could not be told before', async () => {
    const clock = new SimulatedClock()
    const sent: number[] = []
    const forwardMessage = async (_node: string, _server: string, { heard }: StateMessage): Promise<void> => {
      sent.push(heard)
      if (sent.length === 1) throw new OverflowError('b', 'membership', 'queueBytes')
      if (sent.length > 2) return
      peers.heard('b', 1, stateOf(1, 'news'))
      await new Promise<void>(resolve => void clock.schedule(10, resolve))
      throw new NoSuchServerError('b', 'maquis:pools')
    }
    const manager: unknown = { name: 'a', clock, forwardMessage, isConnected: () => true }
    const peers = peerPoolsOf(manager as PeerServiceManager)
    peers.up('b', 1)
    await clock.advanceAsync(10_000)
    expect([sent, peers.retold]).toEqual([[0, 0, 1], 1])
  })

  test('of a departure counts also where it came before the node was known to be up', async () => {
    const { manager } = failing(() => undefined)
    const pools = poolsOf()
    const peers = peerPoolsOf(manager, pools)
    peers.heard('b', 1, { ...stateOf(1), leaving: true })
    pools.nodesChanged([{ name: 'b', type: 'worker', incarnation: 1 }], [])
    pools.nodeUp('b', 1)
    expect(pools.worker.aliveCount).toBe(1)
    peers.up('b', 1)
    expect(pools.worker.aliveCount).toBe(0)
  })

  test('late, or of a life that is over, changes nothing', async () => {
    const peers = await peerPools()
    peers.up('b', 2)
    peers.heard('b', 2, stateOf(5, 'news'))
    peers.heard('b', 2, stateOf(4, 'old'))
    peers.heard('b', 2, stateOf(5, 'same'))
    peers.heard('b', 1, stateOf(9, 'older'))
    peers.down('b', 1)
    expect(['news', 'old', 'same', 'older'].map(topic => peers.subscribers(topic))).toEqual([['b'], [], [], []])
    peers.heard('b', 3, stateOf(1, 'next'))
    expect(['news', 'next'].map(topic => peers.subscribers(topic))).toEqual([[], ['b']])
    peers.down('b', 3)
    expect([peers.subscribers('next'), peers.runs('b'), peers.runs('a')]).toEqual([[], false, true])
  })

  test('when it is neither up nor connected is not kept', async () => {
    const peers = await peerPools()
    peers.heard('b', 1, stateOf(1, 'news'))
    expect([peers.subscribers('news'), peers.runs('b')]).toEqual([[], false])
  })

  test('of more pools than one node may have is reckoned with in the order of topics', () => {
    const differences = new Differences()
    const own = { managerIsLogger: false, specs: [] }
    for (const [node, letter] of Object.entries({ b: 'y', a: 'x', c: 'x' })) {
      const specs = Array.from({ length: 1_000 }, (_, index) => ({
        ...{ topic: `${letter}${1_000 + index}`, nodeType: 'worker', maxNodes: 1, exclusive: true, refill: true },
        ...{ hash: 'fmix32-v1', allocation: 'rendezvous' },
      }))
      expect(differences.compare(node, own, { ...stateOf(1), specs })).toBe(true)
    }
    const claims = differences.claims.map(({ spec, node }) => `${spec.topic} ${node}`)
    expect([claims.length, claims[0], claims[999], claims[1_000], claims[1_023]]).toEqual([
      ...[1_024, 'x1000 a', 'x1999 a', 'y1000 b', 'y1023 b'],
    ])
    // All of them are told of, whether they are reckoned with or not.
    expect(differences.takeNews().length).toBe(2_000)
  })
})
