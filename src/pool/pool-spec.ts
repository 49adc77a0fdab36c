import { InvalidOptionError } from '../core/errors.js'
import { checkKeys } from '../core/option-keys.js'
import { checkBoolean, isCount } from '../manager/checks.js'
import { PoolLimitError, PoolNodeTypeError } from './errors.js'
import { type HashName, hashNames } from './hash.js'
import { isPoolTopic, isTopic, topicBytesMax } from './topics.js'

/**
 * How the nodes of limited pools are chosen. `rendezvous`: those of the greatest weight for the pool's topic, so a join
 * disturbs few pools. `sorted`: in Zeek's order, slices of the names in bytewise order.
 */
export type Allocation = 'rendezvous' | 'sorted'

/** What a pool is. Give every node the same: they compare. */
export interface PoolSpec {
  /**
   * Reaches all its nodes. Of two pools with exclusive claims the one whose topic comes first, by its bytes, is served
   * first. With and without a separator (`/` or `.`) at its end it is one pool; write it alike at all nodes.
   */
  readonly topic: string
  /** The `attributes.type` of its nodes, 1 to 512 bytes. `Cluster::WORKER` and `WORKER` are `worker`. */
  readonly nodeType: string
  /** As many nodes as it has at most. Default: all of the type. */
  readonly maxNodes?: number | undefined
  /** Whether its nodes are in no other pool. Needs `maxNodes`. Default false. */
  readonly exclusive?: boolean | undefined
  /** Default `'fmix32-v1'`. */
  readonly hash?: HashName | undefined
  /** Default `'rendezvous'`; with `hash: 'zeek-7.1'` it is `'sorted'`. */
  readonly allocation?: Allocation | undefined
  /**
   * Whether a living node of the type takes the place of a dead one, where `maxNodes` leaves some over, until that is
   * back. Default true; with `hash: 'zeek-7.1'` false, as in Zeek.
   */
  readonly refill?: boolean | undefined
  /**
   * Whether this node may be chosen here. Default true. With false its choices differ from those of the others, and
   * only from them, and no node passes its messages for keys back to it; in Zeek, and with `hash: 'zeek-7.1'`, the
   * round robin includes it all the same. It is counted.
   */
  readonly includeSelf?: boolean | undefined
}

/** A spec with its defaults. */
export interface CompletePoolSpec extends PoolSpec {
  readonly maxNodes: number | undefined
  readonly exclusive: boolean
  readonly hash: HashName
  readonly allocation: Allocation
  readonly refill: boolean
  readonly includeSelf: boolean
}

/** What all pools of a node have that do not say otherwise. */
export interface PoolDefaults {
  /** Default `'fmix32-v1'`. */
  readonly hash?: HashName | undefined
  /** Default `'rendezvous'`, or `'sorted'` with `hash: 'zeek-7.1'`. */
  readonly allocation?: Allocation | undefined
  /** Default true, or false with `hash: 'zeek-7.1'`. */
  readonly refill?: boolean | undefined
  /** Default true. */
  readonly includeSelf?: boolean | undefined
}

/** What of a spec has to be the same at all nodes. `includeSelf` is each node's own affair. */
export interface SharedSpec {
  readonly topic: string
  readonly nodeType: string
  readonly maxNodes: number | undefined
  readonly exclusive: boolean
  readonly hash: string
  readonly allocation: string
  readonly refill: boolean
}

/** As many pools as a node has. */
export const poolsMax = 1_024

const specKeys = ['topic', 'nodeType', 'maxNodes', 'exclusive', 'hash', 'allocation', 'refill', 'includeSelf']
/** Zeek's types of nodes: in its scripts they are written in capitals. */
const zeekTypes = ['none', 'control', 'manager', 'worker', 'proxy', 'logger']

/** A type of nodes as it is compared: `Cluster::X` is `X`, and the types of Zeek are the same in capitals. */
export function nodeTypeOf(type: string): string {
  const bare = type.replace(/^Cluster::(?=.)/, '')
  const lower = bare.toLowerCase()
  return zeekTypes.includes(lower) ? lower : bare
}

/** Zeek's types of nodes that are in no pool. */
const unpooledTypes = ['none', 'control', 'manager']

/** Checks a spec, of that name, and gives it the defaults. Refuses what Zeek refuses. */
export function completeSpec(spec: PoolSpec, defaults: PoolDefaults, option = 'spec'): CompletePoolSpec {
  checkKeys(option, spec, specKeys)
  checkDefaults(`${option}.`, spec)
  const { topic, nodeType, maxNodes, exclusive = false, hash = defaults.hash ?? 'fmix32-v1' } = spec
  if (!isPoolTopic(topic)) {
    throw new InvalidOptionError(
      `${option}.topic`,
      `1 to ${topicBytesMax} bytes of text, with one '/' or '.' at its end at the most`,
      topic,
    )
  }
  // What other nodes would refuse of it they are not told.
  if (!isTopic(nodeType)) {
    throw new InvalidOptionError(`${option}.nodeType`, `1 to ${topicBytesMax} bytes of text`, nodeType)
  }
  if (maxNodes !== undefined && !isCount(maxNodes)) {
    throw new InvalidOptionError(`${option}.maxNodes`, 'a whole number from 0', maxNodes)
  }
  checkBoolean(`${option}.exclusive`, exclusive)
  const isZeek = hash === 'zeek-7.1'
  const { allocation = defaults.allocation ?? (isZeek ? 'sorted' : 'rendezvous') } = spec
  const { refill = defaults.refill ?? !isZeek, includeSelf = defaults.includeSelf ?? true } = spec
  if (allocation === 'sorted' && unpooledTypes.includes(nodeTypeOf(nodeType)))
    throw new PoolNodeTypeError(topic, nodeType)
  if (exclusive && maxNodes === undefined) throw new PoolLimitError(topic)
  // The user is given it, too.
  return Object.freeze({ topic, nodeType, maxNodes, exclusive, hash, allocation, refill, includeSelf })
}

/** Checks the options that a spec and all pools of a node have in common. */
export function checkDefaults(prefix: string, { hash, allocation, refill, includeSelf }: PoolDefaults): void {
  if (hash !== undefined && !hashNames.includes(hash)) {
    throw new InvalidOptionError(`${prefix}hash`, `one of ${hashNames.join(', ')}`, hash)
  }
  if (allocation !== undefined && allocation !== 'rendezvous' && allocation !== 'sorted') {
    throw new InvalidOptionError(`${prefix}allocation`, `'rendezvous' or 'sorted'`, allocation)
  }
  if (refill !== undefined) checkBoolean(`${prefix}refill`, refill)
  if (includeSelf !== undefined) checkBoolean(`${prefix}includeSelf`, includeSelf)
}

const sharedFields = ['topic', 'nodeType', 'maxNodes', 'exclusive', 'hash', 'allocation', 'refill'] as const

/** The first field in which two pools of one topic differ: it may have a separator at its end in one of them alone. */
export function differingField(one: SharedSpec, other: SharedSpec): (typeof sharedFields)[number] | undefined {
  return sharedFields.find(field => {
    if (field === 'nodeType') return nodeTypeOf(one.nodeType) !== nodeTypeOf(other.nodeType)
    return one[field] !== other[field]
  })
}

/** Whether others of its type may have other nodes because of it. */
export function affectsOthers({ exclusive, allocation, maxNodes }: CompletePoolSpec): boolean {
  return exclusive || (allocation === 'sorted' && maxNodes !== undefined)
}

/** Whether two specs are the same. */
export function isSameSpec(one: CompletePoolSpec, other: CompletePoolSpec): boolean {
  return one.includeSelf === other.includeSelf && differingField(one, other) === undefined
}

/** What of a spec others are told. */
export function sharedSpec({ topic, nodeType, maxNodes, exclusive, ...rest }: CompletePoolSpec): SharedSpec {
  const { hash, allocation, refill } = rest
  return { topic, nodeType, maxNodes, exclusive, hash, allocation, refill }
}
