import { fullMesh, type NodeSpec } from 'maquis'
import { answer, channels, type Servers } from '../control-messages.js'
import { carryOut } from '../remote.js'

const tasks = {
  async start(): Promise<NodeSpec> {
    const node = await fullMesh<Servers>({ name: 'receiver', channels }).start()
    answer(node)
    return node.spec
  },
}

export type ReceiverTasks = typeof tasks

carryOut(tasks)
