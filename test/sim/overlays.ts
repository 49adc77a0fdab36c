import {
  clientServer,
  fullMesh,
  hyParView,
  type PeerServiceManager,
  type PeerServiceOptions,
  scamp,
  staticMesh,
} from 'maquis'

/** How nodes of one kind of cluster are made, and who knows whom in it. */
export interface Overlay {
  readonly manager: (options: PeerServiceOptions, names: readonly string[]) => PeerServiceManager
  /** Whom a node joins when it starts, and to come back after it left. */
  readonly seeds: (node: string, names: readonly string[]) => readonly string[]
  /** Whether a node may take others out of the cluster. Absent: everybody may. */
  readonly mayRemove?: (node: string, names: readonly string[]) => boolean
  /** Whether a node believes others more than what it remembers itself. Absent: nobody does. */
  readonly follows?: (node: string, names: readonly string[]) => boolean
  /** Whether a node lists another, and is connected with it. Absent: everybody knows everybody. */
  readonly knows?: (node: string, peer: string, names: readonly string[]) => boolean
  /** Views are whole some rounds after a fault; until then nodes connect to ask each other, and part again. */
  readonly mendsInRounds?: boolean
}

/** Whether a node lists another, and is connected with it. */
export function knows(overlay: Overlay, node: string, peer: string, names: readonly string[]): boolean {
  return node === peer || overlay.knows === undefined || overlay.knows(node, peer, names)
}

const others = (node: string, names: readonly string[]): readonly string[] => names.filter(name => name !== node)

/** The first half of the nodes. */
const isServer = (node: string, names: readonly string[]): boolean => names.indexOf(node) < Math.ceil(names.length / 2)

/** By the name of the scenario. */
export const overlays: Readonly<Record<string, Overlay>> = {
  'full-mesh': {
    manager: options => fullMesh(options),
    seeds: (node, names) => others(node, names).slice(0, 2),
  },
  'client-server': {
    manager: (options, names) => {
      return clientServer({ ...options, role: isServer(options.name ?? '', names) ? 'server' : 'client' })
    },
    seeds: (node, names) => others(node, names).filter(name => isServer(name, names)),
    mayRemove: isServer,
    follows: (node, names) => !isServer(node, names),
    knows: (node, peer, names) => isServer(node, names) || isServer(peer, names),
  },
  'static-mesh': {
    manager: (options, names) => {
      return staticMesh({ ...options, peers: Object.fromEntries(names.map(name => [name, `memory://${name}:1`])) })
    },
    seeds: () => [],
  },
  /** No more nodes than an active view holds: the overlay is a mesh, of those who are up. */
  hyparview: {
    manager: options => hyParView(options),
    seeds: (node, names) => others(node, names).slice(0, 2),
    knows: () => true,
    mendsInRounds: true,
  },
  'open-static-mesh': {
    manager: options => staticMesh(options),
    seeds: others,
  },
  scamp: {
    manager: options => scamp(options),
    seeds: (node, names) => others(node, names).slice(0, 2),
  },
}
