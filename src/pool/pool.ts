/**
 * Work pools, after Zeek's: which node owns a key, whose turn it is, and how to send it there. Begin with
 * {@link managePools}.
 *
 * @module
 */

export { fnv1a32 } from '../core/fnv.js'
export { BoundedLoad, type Lease, type RankedPool } from './bounded-load.js'
export { type CreatePoolsOptions, createPools, type PurePools } from './create-pools.js'
export {
  PartialMembershipError,
  type PoolClaim,
  PoolClosedError,
  PoolExistsError,
  PoolLimitError,
  PoolMismatchError,
  PoolNodeTypeError,
  PoolSupplyError,
} from './errors.js'
export { type HashName, hashNames, type SiteIdentity } from './hash.js'
export { type ManagedPools, managePools, type PoolsCounters } from './manage-pools.js'
export type { HrwOptions, ManagedPool, RoundRobinOptions } from './managed-pool.js'
export type { PoolPeer } from './node-table.js'
export type { Subscriber, TopicContext } from './pool-arrivals.js'
export type { PoolNode } from './pool-members.js'
export type { PublishCounts, PublishResult } from './pool-sender.js'
export type { Allocation, CompletePoolSpec, PoolDefaults, PoolSpec } from './pool-spec.js'
export type { Pools, PoolsEvents, PoolsOptions, PureNodes } from './pools.js'
export type { TopicResult } from './topic-publisher.js'
export { matchesTopic, poolTopics, type TopicNames, zeekTopics } from './topics.js'
export type { MovedKey, Pool, PoolChange, PoolEvents, ReadyOptions } from './work-pool.js'
export { fnv1a64, type HrwSite, HrwSites, hrwWeight } from './zeek-hash.js'
export { type PoolKey, ZeekKey, zeekKey } from './zeek-key.js'
