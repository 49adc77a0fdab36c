import type { ChannelOptions } from '../../core/channel.js'
import { InvalidOptionError } from '../../core/errors.js'
import { isNodeName, type NodeName } from '../../core/node.js'
import { checkKeys } from '../../core/option-keys.js'
import type { SeededRandom } from '../../core/random.js'
import type { Clock } from '../../core/time.js'
import { checkArray, checkFunction, isCount } from '../../manager/checks.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { PeerServiceOptions } from '../../manager/options.js'
import type { Untyped } from '../../manager/servers.js'
import type { LatencyOptions } from './simulated-faults.js'
import type { Simulation } from './simulation.js'

/** What a simulated cluster is made of. */
export interface SimulationOptions<Servers = Untyped> {
  /** How many nodes (`n1`, `n2`, ..., with zeros where needed so that they sort), or their names. */
  readonly nodes: number | readonly string[]
  /** The only source of chance: equal seeds give equal runs. Default 1. */
  readonly seed?: number
  /**
   * Makes the manager of a node from its name, clock, network and so on: add to these options what you like. Called
   * for each life of each node. Default `fullMesh`.
   */
  readonly manager?: (options: PeerServiceOptions) => PeerServiceManager<Servers>
  /** The channels of every node. */
  readonly channels?: Readonly<Record<string, ChannelOptions>>
  /** Whom a node joins when it starts: nodes of the simulation. Default: the first two of the others. */
  readonly seeds?: (node: NodeName) => readonly string[]
  /**
   * The application: registers servers, sets timers. Called for each life of each node, before it starts; what a
   * process would have in memory belongs in here, so that a crash loses it.
   */
  readonly setup?: (manager: PeerServiceManager<Servers>, context: NodeContext<Servers>) => void
  /** How slow the network is. */
  readonly latency?: LatencyOptions
  /** What the wall clocks show at the beginning. Default 2026-01-01. */
  readonly base?: Date
  /** How many events of the history are kept; later ones count in `unrecorded`. Default 1,000,000. */
  readonly historyMax?: number
}

/** What the application of a node may use: it stops with the node's process. */
export interface NodeContext<Servers = Untyped> {
  readonly name: NodeName
  /** Timers and time. The node's own: it stands still while the node is paused, and ends with it. */
  readonly clock: Clock
  /** Chance that belongs to this life of the node. */
  readonly random: SeededRandom
  readonly net: Simulation<Servers>
}

const optionNames: readonly (keyof SimulationOptions)[] = [
  ...(['nodes', 'seed', 'manager', 'channels', 'seeds', 'setup', 'latency', 'base', 'historyMax'] as const),
]

/** Checks what a caller gave. Throws an {@link InvalidOptionError} that names the option. */
export function checkSimulationOptions<Servers>(options: SimulationOptions<Servers>): readonly NodeName[] {
  checkKeys('options', options, optionNames)
  const { seed = 1, latency = {}, historyMax = 0, base, nodes } = options
  if (!Number.isSafeInteger(seed)) throw new InvalidOptionError('seed', 'a whole number', seed)
  if (!isCount(historyMax)) throw new InvalidOptionError('historyMax', 'a whole number', historyMax)
  checkKeys('latency', latency, ['least', 'mean', 'tail'])
  for (const [name, value] of Object.entries(latency)) {
    if (!(typeof value === 'number' && value >= 0 && Number.isFinite(value)) || (name === 'tail' && value > 1)) {
      throw new InvalidOptionError(`latency.${name}`, name === 'tail' ? 'from 0 to 1' : 'milliseconds', value)
    }
  }
  for (const name of ['manager', 'seeds', 'setup'] as const) {
    if (options[name] !== undefined) checkFunction(name, options[name])
  }
  if (base !== undefined && !(base instanceof Date && Number.isFinite(base.getTime()))) {
    throw new InvalidOptionError('base', 'a valid Date', base)
  }
  const names = namesOf(nodes)
  checkSeeds(options, names, names)
  return names
}

/** Nodes that join somebody who is not there would never be a cluster, each by itself at rest. */
export function checkSeeds<Servers>(
  { seeds }: Pick<SimulationOptions<Servers>, 'seeds'>,
  nodes: readonly NodeName[],
  known: readonly NodeName[],
): void {
  if (seeds === undefined) return
  for (const node of nodes) {
    const given: unknown = seeds(node)
    checkArray('seeds', given)
    const stranger = given.findIndex(seed => !known.includes(seed as NodeName))
    if (stranger !== -1) throw new InvalidOptionError('seeds', `some of ${known.join(', ')}`, given[stranger])
  }
}

function namesOf(nodes: number | readonly string[]): readonly NodeName[] {
  if (typeof nodes === 'number') {
    if (!isCount(nodes)) throw new InvalidOptionError('nodes', 'a whole number, or a list of names', nodes)
    const width = String(nodes).length
    return Array.from({ length: nodes }, (_, index) => `n${String(index + 1).padStart(width, '0')}` as NodeName)
  }
  if (!Array.isArray(nodes)) throw new InvalidOptionError('nodes', 'a whole number, or a list of names', nodes)
  for (const name of nodes) checkHostName(name)
  if (new Set(nodes).size < nodes.length) throw new InvalidOptionError('nodes', 'different names', nodes.join())
  return nodes as readonly NodeName[]
}

/** A node's name is its host's in the simulated network. */
export function checkHostName(name: unknown): asserts name is NodeName {
  if (!isNodeName(name) || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) {
    throw new InvalidOptionError('nodes', 'names of small letters, digits, dots and hyphens', name)
  }
}
