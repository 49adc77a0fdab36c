import { isRecord } from '../core/name.js'
import { type Incarnation, isIncarnation, isNodeName, type NodeName, type NodeSpec } from '../core/node.js'
import { isCount, list, parsePeer, sequenceMax } from './parsing.js'

/**
 * What nodes of a SCAMP overlay tell each other (Ganesh, Kermarrec and Massoulié, "Peer-to-peer membership management
 * for gossip-based protocols", IEEE Transactions on Computers, 2003).
 */
export type ScampMessage =
  /** Answer me: I have subscribed elsewhere just now. */
  | { readonly type: 'join' }
  /** Find places in the views of others for me. Subscriptions of one life are numbered from 1: the first is new. */
  | { readonly type: 'subscribe'; readonly sequence: number }
  /** The answer to both. Where the overlay is small, with all of the view that are connected. */
  | { readonly type: 'counted'; readonly view?: readonly NodeSpec[] }
  /** A new subscription looks for a contact; this takes so many steps more. */
  | {
      readonly type: 'indirection'
      readonly subscriber: NodeSpec
      readonly sequence: number
      readonly timeToLive: number
    }
  /** Your subscription with that number has led to me: I am your contact. */
  | { readonly type: 'contact'; readonly sequence: number }
  /** A copy of a subscription: the view in which it ends holds the subscriber. */
  | {
      readonly type: 'subscription'
      readonly subscriber: NodeSpec
      readonly sequence: number
      readonly timeToLive: number
    }
  /** You are in my view: the heartbeat. Where the overlay is small, with all of the view that are connected. */
  | { readonly type: 'holding'; readonly view?: readonly NodeSpec[] }
  /** That node has left, or was removed: please confirm. It may name another to take its place in your view. */
  | {
      readonly type: 'leaving'
      readonly node: NodeName
      readonly incarnation: Incarnation
      readonly instead?: NodeSpec
    }
  | { readonly type: 'noted'; readonly node: NodeName; readonly incarnation: Incarnation }

/** No copy of a subscription walks further; where it is by then it is kept. */
export const hopsMax = 128
/** Nobody tells of more nodes at once. */
const viewPerMessage = 64

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseScampMessage(value: unknown): ScampMessage | undefined {
  if (!isRecord(value)) return undefined
  switch (value.type) {
    case 'join':
      return { type: 'join' }
    case 'subscribe':
    case 'contact': {
      const { sequence } = value
      return isCount(sequence, 1, sequenceMax) ? { type: value.type, sequence } : undefined
    }
    case 'counted':
    case 'holding': {
      if (value.view === undefined) return { type: value.type }
      const view = list(value.view, viewPerMessage, parsePeer)
      return view && { type: value.type, view }
    }
    case 'indirection':
    case 'subscription': {
      const { sequence, timeToLive } = value
      const subscriber = parsePeer(value.subscriber)
      if (subscriber === undefined || !isCount(sequence, 1, sequenceMax)) return undefined
      return isCount(timeToLive, 0, hopsMax) ? { type: value.type, subscriber, sequence, timeToLive } : undefined
    }
    case 'leaving':
      return parseLeaving(value)
    case 'noted': {
      const { node, incarnation } = value
      return isNodeName(node) && isIncarnation(incarnation) ? { type: 'noted', node, incarnation } : undefined
    }
    default:
      return undefined
  }
}

function parseLeaving({ node, incarnation, ...value }: Record<string, unknown>): ScampMessage | undefined {
  if (!isNodeName(node) || !isIncarnation(incarnation)) return undefined
  if (value.instead === undefined) return { type: 'leaving', node, incarnation }
  const instead = parsePeer(value.instead)
  return instead && { type: 'leaving', node, incarnation, instead }
}
