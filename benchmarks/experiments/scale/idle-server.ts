import { clientServer, type NodeSpec } from 'maquis'
import { carryOut } from '../remote.js'
import { watchTasks } from './watch.js'

// A process with one node, which many are connected with.

const node = clientServer({ name: 'server', role: 'server' })

const tasks = {
  ...watchTasks,

  async start(): Promise<NodeSpec> {
    await node.start()
    return node.spec
  },

  /** Connections that are open. */
  connections(): number {
    return node.connections().filter(({ state }) => state === 'open').length
  },
}

export type IdleServerTasks = typeof tasks

carryOut(tasks)
