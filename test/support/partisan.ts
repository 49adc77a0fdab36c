import type { ForwardOptions, Interposition, PeerServiceManager, PeerServiceOptions } from '../../src/index.js'

/** Where nodes live: a simulated cluster, or real sockets. */
export interface World {
  start(name: string, options?: PeerServiceOptions): Promise<PeerServiceManager>
  /** Lets time pass until the promise settles. */
  settle<Value>(promise: Promise<Value>): Promise<Value>
  /** Lets time pass until the condition holds. */
  until(condition: () => boolean): Promise<void>
}

/** How a group of Partisan's main suite configures its nodes, and how they send. */
export interface Group {
  /** As Partisan calls it. */
  readonly group: string
  readonly options?: PeerServiceOptions
  readonly forward?: ForwardOptions
  /** Default `'join'`. */
  readonly join?: 'join' | 'syncJoin'
  /** In force at every node before it joins. */
  readonly interposition?: Interposition
  /** So many bytes travel with each message. Default 0. */
  readonly padding?: number
}

/** The nodes of Partisan's main suite: three servers and three clients. */
export const six: readonly string[] = ['server-1', 'server-2', 'server-3', 'client-1', 'client-2', 'client-3']

/** Starts nodes of these names; as in Partisan's harness each joins each other, both ways and all at once. */
export async function joinAll(
  world: World,
  names: readonly string[],
  { options = {}, join = 'join', interposition }: Omit<Group, 'group'> = {},
): Promise<PeerServiceManager[]> {
  const nodes: PeerServiceManager[] = []
  for (const name of names) {
    const node = await world.start(name, options)
    if (interposition !== undefined) node.interpose(interposition)
    nodes.push(node)
  }
  const pairs = nodes.flatMap(node => nodes.flatMap(peer => (peer === node ? [] : [{ node, peer }])))
  await world.settle(Promise.all(pairs.map(({ node, peer }) => node[join](peer.spec))))
  return nodes
}

/** Whether each of the nodes lists just these and has every lane to each of them. */
export function isWhole(nodes: readonly PeerServiceManager[]): boolean {
  const names = nodes.map(({ name }) => name)
  const listed = [...names].sort().join()
  return nodes.every(node => node.members().join() === listed && names.every(name => node.isFullyConnected(name)))
}

/** How many lanes of each channel a node has open, by peer. */
export function openLanes(node: PeerServiceManager): Record<string, Record<string, number>> {
  const lanes: Record<string, Record<string, number>> = {}
  for (const { node: peer, channel, state } of node.connections()) {
    lanes[peer] = { ...lanes[peer], [channel]: (lanes[peer]?.[channel] ?? 0) + (state === 'open' ? 1 : 0) }
  }
  return lanes
}

/** What one node stored of what another sent it. */
export interface Stored {
  readonly at: string
  readonly from: string
  readonly value: number
  readonly padding: number
}

/**
 * Partisan's `check_forward_message`: every node sends one number to each member that it lists, and it must be stored
 * there. Gives what was stored until as much was stored as sent.
 */
export async function forwardToAll(
  world: World,
  nodes: readonly PeerServiceManager[],
  { forward = {}, padding = 0 }: Omit<Group, 'group'> = {},
): Promise<Stored[]> {
  const stored: Stored[] = []
  const registrations = nodes.map(node =>
    node.register('store', ({ value, ballast }: { value: number; ballast: Uint8Array }, { from }) => {
      stored.push({ at: node.name, from, value, padding: ballast.length })
    }),
  )
  const wanted = pairsOf(nodes, padding)
  const sent = nodes.flatMap(node =>
    wanted.flatMap(({ at, from, value }) => {
      const message = { value, ballast: new Uint8Array(padding).fill(value) }
      return from === node.name ? [node.forwardMessage(at, 'store', message, forward)] : []
    }),
  )
  await world.settle(Promise.all(sent))
  await world.until(() => stored.length >= wanted.length)
  for (const registration of registrations) registration[Symbol.dispose]()
  return stored.sort((one, other) => one.value - other.value)
}

/** What must be stored: one number for each node and each other member that it lists. */
export function pairsOf(nodes: readonly PeerServiceManager[], padding = 0): Stored[] {
  const pairs = nodes.flatMap(node => node.members().flatMap(at => (at === node.name ? [] : [{ at, from: node.name }])))
  return pairs.map((pair, value) => ({ ...pair, value, padding }))
}
