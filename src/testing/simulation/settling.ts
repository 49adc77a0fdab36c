import type { NodeName } from '../../core/node.js'
import type { ConnectionInfo, PeerServiceManager } from '../../manager/manager.js'

/** What the judgement needs to know of the cluster. */
export interface SettlingContext {
  reachable(one: string, other: string): boolean
  severed(one: string, other: string): boolean
}

/** A node that runs. */
export interface SettlingNode {
  readonly name: NodeName
  readonly state: 'starting' | 'running' | 'gone'
  /** Whom it tries to join, whoever its members are. */
  readonly seeds: readonly NodeName[]
  readonly manager: Pick<
    PeerServiceManager,
    'members' | 'isConnected' | 'isFullyConnected' | 'connections' | 'supportsCapability'
  >
}

/** What is not at rest yet, in a sentence; undefined when everything is. */
export function unsettled(nodes: readonly SettlingNode[], context: SettlingContext): string | undefined {
  const starting = nodes.find(({ state }) => state === 'starting')
  if (starting !== undefined) return `'${starting.name}' is starting`
  const live = new Map(nodes.map(node => [node.name, node]))
  for (const node of nodes) {
    const why = links(node, live, context)
    if (why !== undefined) return why
  }
  const belong = (one: SettlingNode, other: SettlingNode): boolean =>
    context.reachable(one.name, other.name) && (knows(one, other) || knows(other, one))
  for (const group of components(nodes, belong)) {
    const why = apart(group) ?? disagreement(group)
    if (why !== undefined) return why
  }
  // Last, because it looks at every lane.
  for (const node of nodes) {
    const why = queues(node)
    if (why !== undefined) return why
  }
  return undefined
}

/** Whom it can reach it is connected with, and with nobody else. */
function links(
  { name, manager }: SettlingNode,
  live: ReadonlyMap<NodeName, SettlingNode>,
  context: SettlingContext,
): string | undefined {
  for (const member of manager.members()) {
    if (member === name) continue
    if (!live.has(member) || context.severed(name, member)) {
      const isDirect = lanesTo(manager, member).some(({ relayed }) => !relayed)
      if (isDirect && manager.isConnected(member)) return `'${name}' has not noticed that it cannot reach '${member}'`
    } else if (context.reachable(name, member)) {
      if (!manager.isFullyConnected(member)) return `'${name}' is not fully connected with '${member}'`
      if (lanesTo(manager, member).some(({ relayed }) => relayed)) return `'${name}' reaches '${member}' through others`
      if (!live.get(member)?.manager.isConnected(name)) return `'${member}' lost its connection with '${name}'`
    }
  }
  return undefined
}

/** Its open connections with a node. */
function lanesTo(manager: SettlingNode['manager'], node: NodeName): readonly ConnectionInfo[] {
  return manager.connections().filter(lane => lane.node === node && lane.state === 'open')
}

function queues({ name, manager }: SettlingNode): string | undefined {
  for (const { node, channel, queuedMessages } of manager.connections()) {
    if (queuedMessages > 0 && manager.isConnected(node)) {
      return `'${name}' has ${queuedMessages} messages waiting for '${node}' on channel '${channel}'`
    }
  }
  return undefined
}

function knows({ seeds, manager }: SettlingNode, { name }: SettlingNode): boolean {
  return seeds.includes(name) || manager.members().includes(name)
}

/** Who could reach each other, by whatever way, but are several clusters. */
function apart(group: readonly SettlingNode[]): string | undefined {
  const [one, other] = components(group, (a, b) => a.manager.isConnected(b.name) || b.manager.isConnected(a.name))
  if (one === undefined || other === undefined) return undefined
  return `{${names(one)}} and {${names(other)}} could reach each other, and are not connected`
}

function disagreement(group: readonly SettlingNode[]): string | undefined {
  const [first, ...others] = group.filter(({ manager }) => manager.supportsCapability('full-membership'))
  if (first === undefined) return undefined
  const members = first.manager.members().join(', ')
  const other = others.find(({ manager }) => manager.members().join(', ') !== members)
  if (other === undefined) return undefined
  return `'${first.name}' lists ${members}, but '${other.name}' lists ${other.manager.members().join(', ')}`
}

function components(
  nodes: readonly SettlingNode[],
  joined: (one: SettlingNode, other: SettlingNode) => boolean,
): SettlingNode[][] {
  const left = new Set(nodes)
  const found: SettlingNode[][] = []
  for (const first of left) {
    const component = [first]
    left.delete(first)
    for (const one of component) {
      for (const other of left) {
        if (!joined(one, other)) continue
        left.delete(other)
        component.push(other)
      }
    }
    found.push(component)
  }
  return found
}

function names(group: readonly SettlingNode[]): string {
  return group.map(({ name }) => name).join(', ')
}
