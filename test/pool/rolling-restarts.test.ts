import { expect, test } from 'vitest'
import { type ForwardOptions, type PeerServiceManager, SeededRandom } from '../../src/index.js'
import { type ManagedPools, managePools, type PublishResult } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
  /** What it has sent and is not done with. */
  readonly open: Set<Promise<unknown>>
  isRestarting: boolean
}

// The first three lost messages that a node had sent to itself, the others those of nodes that came up meanwhile.
test.each([1, 2, 16, 8, 9, 22])(
  'of up to four nodes under load lose, repeat and refuse nothing (seed %i)',
  async seed => {
    const random = new SeededRandom(seed)
    const draw = (below: number): number => Math.floor(random.next() * below)
    const isSmall = seed % 2 === 0
    const cluster = new Cluster({
      network: { latency: 1 + draw(5) },
      options: {
        channels: { wide: { parallelism: 3 } },
        limits: isSmall ? { queueBytes: 60_000, windowBytes: 20_000 } : {},
      },
    })
    const handled = new Map<number, number>()
    const members = (await cluster.mesh(['a', 'b', 'c', 'd', 'e'], { attributes: { type: 'worker' } })).map(
      (manager): Member => {
        manager.register('job', ([id]: [number]) => {
          handled.set(id, (handled.get(id) ?? 0) + 1)
          return draw(5) > 0 ? undefined : new Promise<void>(resolve => void cluster.clock.schedule(draw(8), resolve))
        })
        return { manager, pools: managePools(manager), open: new Set(), isRestarting: false }
      },
    )
    await cluster.pass(1_000)

    const results: Promise<PublishResult>[] = []
    const publish = ({ pools: { worker }, open }: Member): void => {
      const options: ForwardOptions = {
        ...(draw(2) === 0 && { ack: draw(2) === 0 ? true : { when: 'handled' } }),
        ...(draw(3) === 0 && { channel: 'wide' }),
        ...(draw(10) === 0 && { causalLabel: 'label' }),
      }
      const message = [results.length, new Uint8Array(isSmall ? 500 : 2_000)]
      const ways = [
        () => worker.publishRoundRobin('job', message, options),
        () => worker.publishHrw('hot', 'job', message, { ...options, boundedLoad: 1.5 }),
      ]
      const way = ways[draw(10)] ?? (() => worker.publishHrw(`key-${draw(200)}`, 'job', message, options))
      const result = way()
      results.push(result)
      open.add(result)
      void result.finally(() => open.delete(result))
    }
    const restart = async (member: Member): Promise<void> => {
      const { manager, pools, open } = member
      member.isRestarting = true
      await pools.depart({ timeout: 60_000 })
      await Promise.all(open)
      await manager.stop()
      await manager.start()
      // One that was stopped has to join again, by any that is there.
      const other = members.find(each => each !== member && !each.isRestarting)
      if (other === undefined) throw new Error('nobody is there to join')
      await manager.syncJoin(other.manager.spec)
      member.isRestarting = false
    }

    const restarts: Promise<void>[] = []
    for (let step = 0; step < 250; step++) {
      const there = members.filter(({ isRestarting }) => !isRestarting)
      for (const member of there) for (let count = 0; count < 3; count++) publish(member)
      if (draw(16) === 0 && there.length > 3) {
        const first = draw(there.length)
        for (const member of [...there, ...there].slice(first, first + 1 + draw(2))) restarts.push(restart(member))
      }
      await cluster.pass(1 + random.next() * 4)
    }
    await cluster.settle(Promise.all(restarts))
    const sent = await cluster.settle(Promise.all(results))
    await cluster.pass(2_000)
    expect(members.map(({ pools }) => pools.worker.aliveCount)).toEqual([5, 5, 5, 5, 5])
    expect(restarts.length).toBeGreaterThan(5)
    expect(sent.filter(result => !result.sent)).toEqual([])
    expect(sent.flatMap((_, id) => (handled.get(id) === 1 ? [] : [[id, handled.get(id)]]))).toEqual([])
  },
)
