import type { PeerServiceManager } from '../../src/index.js'
import type { MakeScenario, NodeContext, OperationContext } from '../../src/testing/testing.js'

/**
 * A small application with a small bug. A lock is kept by the member that is first in the alphabet among those that a
 * node is connected with: when not all see the same, there are two keepers, and each gives the lock away.
 */
export const lockService: MakeScenario = () => {
  /** Who works with the lock, and in which life. */
  const workers = new Map<string, PeerServiceManager>()
  return {
    nodes: 3,
    setup: (manager: PeerServiceManager, { clock }: NodeContext) => {
      let owner: string | undefined
      manager.register('acquire', (_, { from }) => {
        if (owner !== undefined && owner !== from) return false
        owner = from
        // Whoever is gone for so long does not work any more.
        clock.schedule(10_000, () => {
          if (owner === from) owner = undefined
        })
        return true
      })
      manager.register('release', (_, { from }) => {
        if (owner === from) owner = undefined
      })
    },
    operations: {
      work: async ({ node, name, clock, random }: OperationContext) => {
        if (workers.get(name) === node) return
        const keeper = node.members().find(member => member === name || node.isConnected(member)) ?? name
        const taken = await node.request(keeper, 'acquire', undefined, { timeout: 1_000 })
        if (taken !== true) return
        workers.set(name, node)
        await new Promise<void>(resolve => {
          clock.schedule(random.next() * 500, resolve)
        })
        workers.delete(name)
        await node.request(keeper, 'release', undefined, { timeout: 1_000 })
      },
    },
    check: net => {
      const working = [...workers].filter(([name, manager]) => net.node(name) === manager && !net.isCrashed(name))
      if (working.length > 1) throw new Error(`${working.map(([name]) => name).join(' and ')} work at the same time`)
    },
  }
}
