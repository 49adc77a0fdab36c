import { type Line, number } from '../../table.js'
import type { Extent } from '../experiment.js'
import { Remote } from '../remote.js'
import type { IdleClientsTasks } from './idle-clients.js'
import type { IdleServerTasks } from './idle-server.js'
import type { Held, watchTasks } from './watch.js'

/** What one process takes for each idle peer. */
interface PerPeer {
  readonly process: string
  readonly peers: number
  readonly connections: number
  /** In bytes. */
  readonly resident: number
  readonly reachable: number
  /** Milliseconds in a second. */
  readonly cpu: number
}

const sizes: Readonly<Record<Extent, { readonly peers: readonly number[]; readonly millis: number }>> = {
  full: { peers: [200, 1_000], millis: 10_000 },
  quick: { peers: [100], millis: 1_000 },
  smoke: { peers: [4], millis: 20 },
}

/** Nodes that are connected before it is measured: what the first ones take, later ones share. */
const firstPeers = 16

/** What connections take with which nothing is done. */
export async function idleConnections(extent: Extent, progress: (text: string) => void): Promise<readonly PerPeer[]> {
  const { peers, millis } = sizes[extent]
  using one = new Remote<IdleServerTasks>(new URL('idle-server.js', import.meta.url), ['--expose-gc'])
  using many = new Remote<IdleClientsTasks>(new URL('idle-clients.js', import.meta.url), ['--expose-gc'])
  const watched: readonly [string, Watched][] = [
    ['one node, per peer', one],
    ['many nodes, per node', many],
  ]
  const server = await one.ask('start', undefined)
  await many.ask('open', { count: firstPeers, server })
  const before = await Promise.all(watched.map(([, remote]) => stateOf(remote, millis)))
  const connectionsBefore = await one.ask('connections', undefined)
  const found: PerPeer[] = []
  let open = 0
  for (const count of peers) {
    progress(`${count} idle peers`)
    await many.ask('open', { count: count - open, server })
    open = count
    const connections = (await one.ask('connections', undefined)) - connectionsBefore
    const after = await Promise.all(watched.map(([, remote]) => stateOf(remote, millis)))
    for (const [index, [process]] of watched.entries()) {
      const of = (figure: keyof State): number =>
        ((after[index]?.[figure] ?? 0) - (before[index]?.[figure] ?? 0)) / count
      found.push({
        ...{ process, peers: count, connections: connections / count },
        ...{ resident: of('resident'), reachable: of('reachable'), cpu: of('cpu') },
      })
    }
  }
  return found
}

type Watched = Pick<Remote<typeof watchTasks>, 'ask'>

interface State extends Held {
  readonly cpu: number
}

async function stateOf(remote: Watched, millis: number): Promise<State> {
  const held = await remote.ask('held', undefined)
  return { ...held, cpu: await remote.ask('busy', millis) }
}

export function idleLines(found: readonly PerPeer[]): Line[] {
  return [
    ['idle peers', 'peers', 'connections each', 'resident KiB', 'reachable KiB', 'CPU ms/s'],
    ...found.map(({ process, peers, connections, resident, reachable, cpu }) => [
      ...[`  ${process}`, number(peers), number(connections), number(resident / 1_024), number(reachable / 1_024)],
      number(cpu),
    ]),
  ]
}
