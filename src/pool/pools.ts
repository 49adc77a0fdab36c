import type { EventEmitter } from 'eventemitter3'
import type { MaquisError } from '../core/errors.js'
import type { PoolSupplyError } from './errors.js'
import type { PoolPeer } from './node-table.js'
import type { PoolDefaults, PoolSpec } from './pool-spec.js'
import type { TopicNames } from './topics.js'
import type { Pool } from './work-pool.js'

/** What all pools of a node tell. */
export interface PoolsEvents {
  /** Other nodes disagree: a {@link PoolMismatchError}, once for each difference, whoever else has it later. */
  error: (error: MaquisError) => void
  /** Exclusive pools of a type want more nodes than there are: those whose topics come last are short of some. */
  shortage: (shortage: PoolSupplyError) => void
  /**
   * A listener or subscriber of the user threw, or its promise rejected; one of {@link TopicNames} failed; or other
   * nodes could not be told of the pools of this one.
   */
  'handler-error': (failure: { readonly where: string; readonly error: unknown }) => void
}

/** How pools are made. */
export interface PoolsOptions extends PoolDefaults, TopicNames {
  /** Whether the first manager, by name, is in the pools of loggers, behind these. Default false. */
  readonly managerIsLogger?: boolean
  /** What is to be different in the default pools. */
  readonly workerPoolSpec?: Partial<PoolSpec>
  readonly proxyPoolSpec?: Partial<PoolSpec>
  readonly loggerPoolSpec?: Partial<PoolSpec>
}

/** The pools of a node. */
export interface Pools<Made extends Pool = Pool> {
  /** The default pools: all nodes of the types `worker`, `proxy` and `logger`. */
  readonly worker: Made
  readonly proxy: Made
  readonly logger: Made
  /** All pools, by topic: found with and without a separator at its end. Its keys are without. */
  readonly registered: ReadonlyMap<string, Made>
  readonly events: EventEmitter<PoolsEvents>
  /**
   * Registers a pool, at any time: it has its nodes at once. The same spec twice is one pool.
   * @throws {@link PoolExistsError}, {@link PoolNodeTypeError}, {@link PoolLimitError}; of `createPools`
   * {@link PoolSupplyError}: nothing is registered.
   */
  register(spec: PoolSpec): Made
  /** Registers all of these or none: what Zeek checks of all its pools it checks of all of them together. */
  registerAll(specs: readonly PoolSpec[]): Made[]
  /** Ends a pool; whether there was one. Its nodes are free for others. */
  unregister(topic: string): boolean
  /**
   * The topic of the logger whose turn it is for a record of that log and path; the `defaultLogTopic` where no logger
   * is alive.
   */
  rrLogTopic(id: string, path?: string): string
  /** The names of all members of a type, sorted. */
  nodesOfType(type: string): readonly string[]
  /** How many members of a type are alive. */
  activeNodeCount(type: string): number
}

/** What is told to pools that nobody manages: who is a member, and who is up. */
export interface PureNodes {
  /** A life of a node is up. Without an incarnation: the latest. */
  nodeUp(name: string, incarnation?: number): void
  /** A life of a node is down. One that is over already changes nothing. */
  nodeDown(name: string, incarnation?: number): void
  /** A life of a node says that it will leave: it is given no more work. With false: that it will not after all. */
  nodeLeaving(name: string, incarnation: number, isLeaving?: boolean): void
  /** A node is a member, or a later life or another type of one. It is not alive before {@link nodeUp}. */
  nodeJoined(peer: PoolPeer): void
  /** A node is no member any more. */
  nodeLeft(name: string): void
}
