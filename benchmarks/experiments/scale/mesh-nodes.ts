import { fullMesh, type NodeSpec, type PeerServiceManager } from 'maquis'
import { cpuSeconds, systemMillis } from '../../usage.js'
import { carryOut } from '../remote.js'

// A process with some of the nodes of a full mesh.

const nodes: PeerServiceManager[] = []

/** When something was so for all nodes of the process: milliseconds of the system's clock. */
export interface Moments {
  /** Each counts all nodes among its members. */
  readonly known: number
  /** Each has all its connections to all of them. */
  readonly connected: number
  /** CPU of this process until then, in seconds. */
  readonly cpu: number
}

const tasks = {
  /** Starts so many nodes, each by itself. Returns the first. */
  async start({ names }: { readonly names: readonly string[] }): Promise<NodeSpec> {
    for (const name of names) nodes.push(await fullMesh({ name }).start())
    return nodes[0]?.spec as NodeSpec
  },

  /** All join the seed at once; resolves when they see `total` nodes. */
  async join({ seed, total }: { readonly seed: NodeSpec; readonly total: number }): Promise<Moments> {
    const cpu = cpuSeconds()
    const joins = nodes.filter(({ name }) => name !== seed.name).map(node => node.syncJoin(seed))
    const known = await when(() => nodes.every(node => node.members().length === total))
    const connected = await when(() => nodes.every(isConnectedWithAll))
    const taken = cpuSeconds() - cpu
    await Promise.all(joins)
    return { known, connected, cpu: taken }
  },
}

export type MeshNodesTasks = typeof tasks

carryOut(tasks)

function isConnectedWithAll(node: PeerServiceManager): boolean {
  return node.members().every(member => member === node.name || node.isFullyConnected(member))
}

/** Looking often would itself keep the process busy. */
const lookMillis = 20

async function when(holds: () => boolean): Promise<number> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, lookMillis))
  return systemMillis()
}
