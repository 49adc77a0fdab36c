import { clientServer, type NodeSpec } from 'maquis'
import { closedLoop } from '../../closed-loop.js'
import { carryOut } from '../remote.js'
import { watchTasks } from './watch.js'

// A process with many nodes, each connected with the same one.

/** Kept: a node that nobody holds could be collected. */
const nodes: unknown[] = []
const joinsAtOnce = 32

const tasks = {
  ...watchTasks,

  /** Starts so many more nodes, and resolves when all are connected. */
  async open({ count, server }: { readonly count: number; readonly server: NodeSpec }): Promise<void> {
    const first = nodes.length
    await closedLoop(count, joinsAtOnce, async index => {
      const node = clientServer({ name: `client-${first + index}`, role: 'client', listen: false })
      nodes.push(node)
      await node.start()
      await node.syncJoin(server)
    })
  },
}

export type IdleClientsTasks = typeof tasks

carryOut(tasks)
