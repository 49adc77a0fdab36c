import { fullMesh, type NodeSpec } from 'maquis'
import { echo, type Order } from '../../workload.js'
import { carryOut } from '../remote.js'
import { channels } from './channels.js'

export interface Servers {
  echo: { message: Order; reply: Order }
  bulk: { message: Uint8Array; reply: number }
}

const tasks = {
  async start(): Promise<NodeSpec> {
    const node = await fullMesh<Servers>({ name: 'receiver', channels }).start()
    node.register(echo, order => order)
    node.register('bulk', bytes => bytes.length)
    return node.spec
  },
}

export type ReceiverTasks = typeof tasks

carryOut(tasks)
