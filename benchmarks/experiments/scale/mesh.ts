import { type Line, number } from '../../table.js'
import { systemMillis } from '../../usage.js'
import type { Extent } from '../experiment.js'
import { Remote } from '../remote.js'
import type { MeshNodesTasks } from './mesh-nodes.js'

/** How long a mesh took to be one, in milliseconds from the call of the joins. */
interface Mesh {
  readonly nodes: number
  readonly processes: number
  readonly known: number
  readonly connected: number
  /** CPU of all processes, in milliseconds. */
  readonly cpu: number
}

const sizes: Readonly<Record<Extent, { readonly nodes: readonly number[]; readonly processes: number }>> = {
  full: { nodes: [8, 16, 32], processes: 4 },
  quick: { nodes: [16], processes: 4 },
  smoke: { nodes: [4], processes: 2 },
}

/** All nodes join one of them at the same time. */
export async function meshes(extent: Extent, progress: (text: string) => void): Promise<readonly Mesh[]> {
  const { nodes, processes } = sizes[extent]
  const found: Mesh[] = []
  for (const count of nodes) {
    progress(`a mesh of ${count} nodes`)
    found.push(await mesh(count, processes))
  }
  return found
}

async function mesh(nodes: number, processes: number): Promise<Mesh> {
  const module = new URL('mesh-nodes.js', import.meta.url)
  const remotes = Array.from({ length: processes }, () => new Remote<MeshNodesTasks>(module))
  try {
    const names = Array.from({ length: nodes }, (_, index) => `node-${index}`)
    const [seed] = await Promise.all(
      remotes.map((remote, at) => remote.ask('start', { names: names.filter((_, index) => index % processes === at) })),
    )
    if (seed === undefined) throw new Error('a mesh has a node at the least')
    const start = systemMillis()
    const moments = await Promise.all(remotes.map(remote => remote.ask('join', { seed, total: nodes })))
    return {
      ...{ nodes, processes },
      known: Math.max(...moments.map(({ known }) => known)) - start,
      connected: Math.max(...moments.map(({ connected }) => connected)) - start,
      cpu: moments.reduce((sum, { cpu }) => sum + cpu * 1_000, 0),
    }
  } finally {
    for (const remote of remotes) remote[Symbol.dispose]()
  }
}

export function meshLines(found: readonly Mesh[]): Line[] {
  return [
    ['a full mesh, joined through one seed', 'processes', 'all know all, ms', 'all connected, ms', 'CPU ms', 'a pair'],
    ...found.map(({ nodes, processes, known, connected, cpu }) => [
      ...[`  ${nodes} nodes`, String(processes), number(known), number(connected), number(cpu)],
      number((cpu * 2) / nodes / (nodes - 1)),
    ]),
  ]
}
