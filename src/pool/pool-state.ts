import { isRecord } from '../core/name.js'
import { isCount } from '../manager/checks.js'
import { type HashName, hashNames } from './hash.js'
import { type Allocation, type CompletePoolSpec, poolsMax, type SharedSpec } from './pool-spec.js'
import { isPoolTopic, isTopic } from './topics.js'

/** What a node tells of its pools: all of it, whenever any of it changes. */
export interface StateMessage {
  readonly type: 'state'
  /** Greater is newer, in one life of a node, also where its pools were made anew meanwhile. */
  readonly version: number
  /** The version of the receiver's state that the sender has. 0: none. */
  readonly heard: number
  /** Its life is about to end: it is to be given no more work. Not with `ended`. */
  readonly leaving: boolean
  /** It has no pools any more: what it told is over, as if it had never had any. */
  readonly ended: boolean
  /** Whether the first manager is in its pools of loggers. */
  readonly managerIsLogger: boolean
  readonly specs: readonly SharedSpec[]
  /** The prefixes of topics that it wants to hear of. */
  readonly subscriptions: readonly string[]
}

/** As many subscriptions as a node has. */
export const subscriptionsMax = 1_024

/** Makes a state of what a peer sent, or undefined where it is none. */
export function parseState(value: Record<string, unknown>): StateMessage | undefined {
  const { version, heard, leaving, ended, managerIsLogger, specs, subscriptions } = value
  if (!isCount(version) || !isCount(heard)) return undefined
  if (typeof leaving !== 'boolean' || typeof ended !== 'boolean' || typeof managerIsLogger !== 'boolean')
    return undefined
  if (!Array.isArray(specs) || specs.length > poolsMax) return undefined
  if (!Array.isArray(subscriptions) || subscriptions.length > subscriptionsMax) return undefined
  const parsed = Array.from<unknown, SharedSpec | undefined>(specs, parseSpec)
  const prefixes = Array.from<unknown>(subscriptions)
  if (!parsed.every(spec => spec !== undefined) || !prefixes.every(isPrefix)) return undefined
  return { type: 'state', version, heard, leaving, ended, managerIsLogger, specs: parsed, subscriptions: prefixes }
}

/** A hash that this version does not know is kept by its name: it differs from all others. */
function parseSpec(value: unknown): SharedSpec | undefined {
  if (!isRecord(value)) return undefined
  const { topic, nodeType, maxNodes, exclusive, hash, allocation, refill } = value
  if (!isPoolTopic(topic) || !isTopic(nodeType) || !isTopic(hash) || !isTopic(allocation)) return undefined
  if (maxNodes !== undefined && !isCount(maxNodes)) return undefined
  if (typeof exclusive !== 'boolean' || typeof refill !== 'boolean') return undefined
  if (exclusive && maxNodes === undefined) return undefined
  return { topic, nodeType, maxNodes, exclusive, hash, allocation, refill }
}

function isPrefix(value: unknown): value is string {
  return value === '' || isTopic(value)
}

/** A spec of another node as this one can reckon with it; undefined where it is of another version. */
export function knownSpec(spec: SharedSpec): CompletePoolSpec | undefined {
  const hash: HashName | undefined = hashNames.find(name => name === spec.hash)
  const allocation: Allocation | undefined = (['rendezvous', 'sorted'] as const).find(name => name === spec.allocation)
  return hash && allocation && { ...spec, hash, allocation, includeSelf: true }
}
