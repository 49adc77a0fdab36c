import type { BusNode, MachineBus } from './overlay-bus.js'

/** How the survivors are connected. */
export interface OverlayShape {
  /** The share of the survivors that a flood from one of them reaches over active views. */
  readonly reached: number
  /** The share of the survivors that are in the largest component. */
  readonly connected: number
  readonly components: number
  /** How many survivors have so many living neighbours, or so many living nodes in their views. */
  readonly degrees: ReadonlyMap<number, number>
  /** Neighbourhoods that one of both ends does not know of. */
  readonly oneSided: number
  /** Entries of active views that are dead. */
  readonly dead: number
  /** Survivors that are in no survivor's view. */
  readonly unheld: number
}

export function shapeOf<Message>(bus: MachineBus<Message>, origin?: BusNode<Message>): OverlayShape {
  const { survivors } = bus
  const neighbors = new Map(survivors.map(node => [node.index, neighborsOf(node)]))
  let [oneSided, dead] = [0, 0]
  const degrees = new Map<number, number>()
  const held = new Set<number>()
  for (const [index, listed] of neighbors) {
    const alive = listed.filter(peer => neighbors.has(peer))
    dead += listed.length - alive.length
    for (const peer of alive) held.add(peer)
    oneSided += alive.filter(peer => neighbors.get(peer)?.includes(index) !== true).length
    degrees.set(alive.length, (degrees.get(alive.length) ?? 0) + 1)
  }
  const components = componentsOf(neighbors)
  const first = origin ?? survivors[Math.floor(bus.random.next() * survivors.length)]
  const reached = first === undefined ? 0 : flood(first.index, neighbors).size
  return {
    reached: reached / survivors.length,
    connected: Math.max(0, ...components) / survivors.length,
    components: components.length,
    ...{ degrees, oneSided, dead, unheld: neighbors.size - held.size },
  }
}

function neighborsOf<Message>(node: BusNode<Message>): number[] {
  const names = node.machine.members().map(({ name }) => Number(name.slice(1)))
  return names.filter(index => index !== node.index)
}

/** Whom a message reaches that everybody passes on to all living neighbours. */
function flood(first: number, neighbors: ReadonlyMap<number, readonly number[]>): Set<number> {
  const reached = new Set([first])
  for (const index of reached) {
    for (const peer of neighbors.get(index) ?? []) if (neighbors.has(peer)) reached.add(peer)
  }
  return reached
}

/** The sizes of the components, where a connection leads both ways. */
function componentsOf(neighbors: ReadonlyMap<number, readonly number[]>): number[] {
  const both = new Map<number, number[]>([...neighbors.keys()].map(index => [index, []]))
  for (const [index, listed] of neighbors) {
    for (const peer of listed) {
      if (!neighbors.has(peer)) continue
      both.get(index)?.push(peer)
      both.get(peer)?.push(index)
    }
  }
  const sizes: number[] = []
  const seen = new Set<number>()
  for (const index of both.keys()) {
    if (seen.has(index)) continue
    const component = flood(index, both)
    for (const member of component) seen.add(member)
    sizes.push(component.size)
  }
  return sizes
}
