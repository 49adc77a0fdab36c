import { checkKeys } from '../core/option-keys.js'
import { checkArray } from '../manager/checks.js'
import type { PoolPeer } from './node-table.js'
import type { Pools, PoolsOptions, PureNodes } from './pools.js'
import { type Pool, WorkPool } from './work-pool.js'
import { WorkPools } from './work-pools.js'

/** What pools are made of that nobody manages. */
export interface CreatePoolsOptions extends PoolsOptions {
  /** The name of this node. It is alive from the beginning, where it is one of the nodes. */
  readonly self: string
  /** The members. They are not alive before `nodeUp`. Default none. */
  readonly nodes?: readonly PoolPeer[]
}

/** Pools that are told who is a member, and who is up. */
export interface PurePools extends Pools<Pool>, PureNodes {}

/** The names of the options that all pools have. */
export const poolsOptionNames: readonly string[] = [
  ...['hash', 'allocation', 'refill', 'includeSelf', 'nodeTopic', 'typeTopic', 'defaultLogTopic'],
  ...['managerIsLogger', 'workerPoolSpec', 'proxyPoolSpec', 'loggerPoolSpec'],
]

/**
 * Pools as pure bookkeeping: who owns a key, whose turn it is, and who was moved. It sends nothing, and is told of
 * everything. `managePools` gives the same to a node of a cluster.
 */
export function createPools(options: CreatePoolsOptions): PurePools {
  checkKeys('options', options, ['self', 'nodes', ...poolsOptionNames])
  const { self, nodes = [] } = options
  checkArray('nodes', nodes)
  return new WorkPools({
    ...{ self, options, awaitsNodes: false, nodes },
    make: (spec, context) => new WorkPool(spec, context),
  })
}
