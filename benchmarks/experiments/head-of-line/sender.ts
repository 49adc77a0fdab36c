import { fullMesh, type NodeSpec } from 'maquis'
import { type Case, type Course, channels, controlMessages, type Servers } from '../control-messages.js'
import { carryOut } from '../remote.js'

const node = fullMesh<Servers>({ name: 'sender', channels })

const tasks = {
  async connect(receiver: NodeSpec): Promise<void> {
    await node.start()
    await node.syncJoin(receiver)
  },

  measure: (given: Case): Promise<Course> => controlMessages(node, given),
}

export type SenderTasks = typeof tasks

carryOut(tasks)
