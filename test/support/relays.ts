import { type PeerServiceManager, type PeerServiceOptions, staticMesh } from '../../src/index.js'
import { Cluster } from './cluster.js'

export const relayed = { transitive: true } as const

export type Row = readonly [PeerServiceManager, PeerServiceManager, PeerServiceManager, ...PeerServiceManager[]]

/** A static mesh of nodes that are connected in pairs: the first of each has joined the second. */
export async function graph(
  pairs: readonly (readonly [string, string])[],
  options: PeerServiceOptions = {},
): Promise<{ cluster: Cluster; node: (name: string) => PeerServiceManager }> {
  const cluster = new Cluster({ make: staticMesh, options, network: { latency: 1 } })
  const nodes = new Map<string, PeerServiceManager>()
  for (const name of new Set(pairs.flat())) nodes.set(name, await cluster.start(name))
  const node = (name: string): PeerServiceManager => nodes.get(name) as PeerServiceManager
  for (const [one, other] of pairs) await cluster.settle(node(one).syncJoin(node(other).spec))
  return { cluster, node }
}

/** Nodes `a`, `b`, ... each connected with the next. */
export async function line(length: number, options?: PeerServiceOptions): Promise<{ cluster: Cluster; row: Row }> {
  const names = Array.from({ length }, (_, index) => String.fromCharCode(97 + index))
  const pairs = names.slice(1).map((name, index): [string, string] => [name, names[index] as string])
  const { cluster, node } = await graph(pairs, options)
  return { cluster, row: names.map(node) as unknown as Row }
}

export function hear(node: PeerServiceManager, server = 'inbox'): unknown[] {
  const heard: unknown[] = []
  node.register(server, (message: unknown) => void heard.push(message))
  return heard
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

export function lanesTo(node: PeerServiceManager, peer: string): boolean[] {
  return node
    .connections()
    .filter(({ node: name, state }) => name === peer && state === 'open')
    .map(({ relayed }) => relayed)
}
