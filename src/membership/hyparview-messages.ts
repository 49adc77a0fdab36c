import { isRecord } from '../core/name.js'
import { type Incarnation, isIncarnation, isNodeName, type NodeName, type NodeSpec } from '../core/node.js'
import { type Farewell, parseFarewell } from './farewells.js'
import { isCount, list, parseName, parsePeer, sequenceMax } from './parsing.js'
import type { MembershipEffect } from './strategy.js'

/**
 * How badly a node needs a neighbour: `high` when it has none, and then it is not refused; `reserved` when it keeps a
 * slot for the receiver, which is to keep it in return.
 */
export type Priority = 'high' | 'low' | 'reserved'

const priorities: readonly unknown[] = ['high', 'low', 'reserved'] satisfies readonly Priority[]

/** Which component of the overlay a node is in: the oldest node in it, and how often that one has been heard of. */
export interface ComponentMark {
  readonly root: NodeName
  readonly life: Incarnation
  readonly sequence: number
}

/** What nodes of a HyParView overlay tell each other (Leitão, Pereira and Rodrigues, "HyParView", DSN 2007). */
export type HyParViewMessage =
  /** Make me your neighbour, and tell others of me. */
  | { readonly type: 'join' }
  /** You are my neighbour: the answer to a join. */
  | { readonly type: 'counted'; readonly nodes: readonly NodeSpec[] }
  /** That node has joined; this takes so many steps more. */
  | { readonly type: 'forward-join'; readonly peer: NodeSpec; readonly timeToLive: number }
  /** Become my neighbour. */
  | { readonly type: 'neighbor'; readonly priority: Priority }
  | { readonly type: 'neighbor-reply'; readonly accepted: boolean }
  /** You are no neighbour of mine, or not any more. */
  | { readonly type: 'disconnect' }
  /** Nodes that the origin knows, itself not among them. `path`: whom the reply has to pass on its way back. */
  | {
      readonly type: 'shuffle'
      readonly origin: NodeSpec
      readonly nodes: readonly NodeSpec[]
      readonly timeToLive: number
      readonly path: readonly NodeName[]
    }
  | { readonly type: 'shuffle-reply'; readonly nodes: readonly NodeSpec[]; readonly path: readonly NodeName[] }
  /** You are my neighbour, and this is the component I am in. */
  | { readonly type: 'confirm'; readonly component: ComponentMark }
  /** Are you there, and in which component? */
  | { readonly type: 'probe'; readonly component: ComponentMark }
  | { readonly type: 'probe-reply'; readonly component: ComponentMark }
  /** Answer at once, so that the round trip is known. */
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  /** X-BOT: become my neighbour in the place of that one, which is farther away. */
  | { readonly type: 'optimize'; readonly old: NodeSpec }
  /** I am your neighbour, or not. `swapped`: the old one has another neighbour in your place. */
  | { readonly type: 'optimized'; readonly accepted: boolean; readonly swapped: boolean }
  /** X-BOT: I would give you up for the initiator, should its old neighbour be nearer to you than I am. */
  | { readonly type: 'replace'; readonly initiator: NodeName; readonly old: NodeSpec }
  | { readonly type: 'replaced'; readonly accepted: boolean }
  /** X-BOT: become my neighbour in the place of the initiator, which gets another. */
  | { readonly type: 'switch'; readonly initiator: NodeName }
  | { readonly type: 'switched'; readonly accepted: boolean }
  /** That node has left, or was removed. */
  | Farewell

/** What a strategy of this overlay wants done. */
export type Effects = MembershipEffect<HyParViewMessage>[]

/** No walk is longer, whatever the options of a peer say. */
export const walkMax = 16
/** A shuffle tells of at most so many nodes. */
export const nodesPerShuffle = 64

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseHyParViewMessage(value: unknown): HyParViewMessage | undefined {
  if (!isRecord(value)) return undefined
  switch (value.type) {
    case 'join':
    case 'disconnect':
    case 'ping':
    case 'pong':
      return { type: value.type }
    case 'counted': {
      const nodes = list(value.nodes, nodesPerShuffle, parsePeer)
      return nodes && { type: 'counted', nodes }
    }
    case 'forward-join': {
      const peer = parsePeer(value.peer)
      const { timeToLive } = value
      return peer && isCount(timeToLive, 0, walkMax) ? { type: 'forward-join', peer, timeToLive } : undefined
    }
    case 'neighbor': {
      const { priority } = value
      return isPriority(priority) ? { type: 'neighbor', priority } : undefined
    }
    case 'neighbor-reply':
    case 'replaced':
    case 'switched': {
      const { accepted } = value
      return typeof accepted === 'boolean' ? { type: value.type, accepted } : undefined
    }
    case 'optimize': {
      const old = parsePeer(value.old)
      return old && { type: 'optimize', old }
    }
    case 'optimized': {
      const { accepted, swapped } = value
      if (typeof accepted !== 'boolean' || typeof swapped !== 'boolean') return undefined
      return { type: 'optimized', accepted, swapped }
    }
    case 'replace': {
      const [initiator, old] = [parseName(value.initiator), parsePeer(value.old)]
      return initiator && old && { type: 'replace', initiator, old }
    }
    case 'switch': {
      const initiator = parseName(value.initiator)
      return initiator && { type: 'switch', initiator }
    }
    case 'shuffle':
      return parseShuffle(value)
    case 'shuffle-reply': {
      const nodes = list(value.nodes, nodesPerShuffle, parsePeer)
      const path = list(value.path, walkMax, parseName)
      return nodes && path && { type: 'shuffle-reply', nodes, path }
    }
    case 'confirm':
    case 'probe':
    case 'probe-reply': {
      const component = parseMark(value.component)
      return component && { type: value.type, component }
    }
    default:
      return parseFarewell(value)
  }
}

function isPriority(value: unknown): value is Priority {
  return priorities.includes(value)
}

function parseShuffle({ timeToLive, ...value }: Record<string, unknown>): HyParViewMessage | undefined {
  const origin = parsePeer(value.origin)
  const nodes = list(value.nodes, nodesPerShuffle, parsePeer)
  const path = list(value.path, walkMax, parseName)
  if (origin === undefined || nodes === undefined || path === undefined) return undefined
  return isCount(timeToLive, 0, walkMax) ? { type: 'shuffle', origin, nodes, timeToLive, path } : undefined
}

function parseMark(value: unknown): ComponentMark | undefined {
  if (!isRecord(value)) return undefined
  const { root, life, sequence } = value
  if (!isNodeName(root) || !isIncarnation(life) || !isCount(sequence, 0, sequenceMax)) return undefined
  return { root, life, sequence }
}
