import { expect, test } from 'vitest'
import { type ForwardOptions, type PeerServiceManager, SeededRandom } from '../../src/index.js'
import { type ManagedPools, managePools, type PoolSpec, type TopicResult } from '../../src/pool/pool.js'
import { Cluster } from '../support/cluster.js'

interface Member {
  readonly manager: PeerServiceManager
  readonly pools: ManagedPools
  /** What it has sent and is not done with. */
  readonly open: Set<Promise<unknown>>
  isRestarting: boolean
}

/** A message, and who is to have had it; of one for a key, how many: its owner may have been another by then. */
interface Sent {
  readonly id: number
  readonly to: readonly string[] | number
}

const limited: readonly PoolSpec[] = [
  { topic: 'one', nodeType: 'worker', maxNodes: 1, exclusive: true },
  { topic: 'two', nodeType: 'worker', maxNodes: 2 },
  { topic: 'first', nodeType: 'worker', maxNodes: 1, allocation: 'sorted' },
  { topic: 'apart', nodeType: 'worker', maxNodes: 1, allocation: 'sorted', exclusive: true, hash: 'zeek-7.1' },
]

// What was published to subscribers that departed was lost with these.
test.each([2, 3, 5])(
  'nodes that restart in order, and register pools meanwhile, hear all that they were sent, and agree (seed %i)',
  async seed => {
    const random = new SeededRandom(seed)
    const draw = (below: number): number => Math.floor(random.next() * below)
    const isSmall = seed % 2 === 0
    const cluster = new Cluster({
      network: { latency: 1 + draw(8) },
      options: {
        channels: { wide: { parallelism: 3 } },
        limits: isSmall ? { queueBytes: 30_000, windowBytes: 20_000 } : {},
      },
    })
    const heard = new Map<number, string[]>()
    const members = (await cluster.mesh(['a', 'b', 'c', 'd'], { attributes: { type: 'worker' } })).map(
      (manager): Member => {
        const hear = ([id]: [number]): Promise<void> | undefined => {
          heard.set(id, [...(heard.get(id) ?? []), manager.name].sort())
          return draw(5) > 0 ? undefined : new Promise<void>(resolve => void cluster.clock.schedule(draw(30), resolve))
        }
        manager.register('job', hear)
        const pools = managePools(manager)
        pools.subscribe<[number]>('news', hear)
        return { manager, pools, open: new Set(), isRestarting: false }
      },
    )
    await cluster.pass(1_000)

    const results: Promise<Sent>[] = []
    const publish = ({ pools, open }: Member): void => {
      const options: ForwardOptions = {
        ...(draw(2) === 0 && { ack: draw(2) === 0 ? true : { when: 'handled' } }),
        ...(draw(2) === 0 && { channel: 'wide' }),
        ...(draw(10) === 0 && { causalLabel: 'label' }),
      }
      const id = results.length
      const message = [id, new Uint8Array(draw(1_500))]
      const node = `zeek/cluster/node/${'abcd'.charAt(draw(4))}/`
      const topics = [
        () => pools.publish('zeek/cluster/worker', 'job', message, options),
        () => pools.publish(node, 'job', message, options),
        () => pools.publish('news/today', 'none', message, options),
      ]
      const toTopic = topics[draw(4)]
      const sent: Promise<Sent> =
        toTopic === undefined
          ? pools.worker
              .publishHrw(`key-${draw(50)}`, 'job', message, options)
              .then(({ sent }) => ({ id, to: Number(sent) }))
          : toTopic().then(({ nodes, missed }: TopicResult) => ({ id, to: [...nodes, ...missed.keys()].sort() }))
      results.push(sent)
      open.add(sent)
      void sent.finally(() => open.delete(sent))
    }
    const restart = async (member: Member): Promise<void> => {
      const { manager, pools, open } = member
      member.isRestarting = true
      await pools.depart({ timeout: 60_000 })
      await Promise.all(open)
      await manager.stop()
      await manager.start()
      const other = members.find(each => !each.isRestarting) as Member
      await manager.syncJoin(other.manager.spec)
      member.isRestarting = false
    }
    const agree = async (restarts: readonly Promise<void>[]): Promise<void> => {
      await cluster.settle(Promise.all(restarts))
      await cluster.pass(2_000)
      for (const topic of new Set(members.flatMap(({ pools }) => [...pools.registered.keys()]))) {
        const views = members.flatMap(({ pools }) => {
          const pool = pools.registered.get(topic)
          return pool === undefined ? [] : [Array.from({ length: 30 }, (_, key) => pool.hrw(`key-${key}`)?.name).join()]
        })
        expect([topic, new Set(views).size]).toEqual([topic, 1])
        // The default pools are at all nodes.
        if (topic.startsWith('zeek/')) expect(views.length).toBe(members.length)
      }
    }

    const restarts: Promise<void>[] = []
    for (let step = 0; step < 200; step++) {
      const there = members.filter(({ isRestarting }) => !isRestarting)
      for (const member of there) for (let count = 0; count < 2; count++) publish(member)
      const chosen = there[draw(there.length)] as Member
      if (draw(20) === 0 && there.length > 2) restarts.push(restart(chosen))
      const spec = limited[draw(30)]
      if (spec !== undefined && !chosen.pools.unregister(spec.topic)) chosen.pools.register(spec)
      if (step % 50 === 49) await agree(restarts)
      await cluster.pass(1 + random.next() * 20)
    }
    await agree(restarts)
    expect(restarts.length).toBeGreaterThan(3)
    const sent = await cluster.settle(Promise.all(results))
    const wrong = sent.flatMap(({ id, to }) => {
      const nodes = heard.get(id) ?? []
      const isRight = typeof to === 'number' ? nodes.length === to : nodes.join() === to.join()
      return isRight ? [] : [{ id, to, nodes }]
    })
    expect(wrong).toEqual([])
  },
)
