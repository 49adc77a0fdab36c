import { isName, isRecord } from '../core/name.js'
import { type Incarnation, isIncarnation, isNodeName, type NodeName } from '../core/node.js'

/** The messages of one life of one node, on one channel, are a stream: they are numbered from 1. */
export interface StreamId {
  readonly origin: NodeName
  readonly incarnation: Incarnation
}

/** How far the sender is with a stream: all up to `upTo`; for an announcement `last` is its hops, else its lowest. */
export type StreamMark = readonly [origin: NodeName, incarnation: Incarnation, upTo: number, last: number]

/** A message that is broadcast, on one hop of its way. */
export interface Gossip extends StreamId {
  readonly type: 'gossip'
  readonly number: number
  /** The lowest number that the sender still has. */
  readonly floor: number
  /** Hops that it has behind it. */
  readonly round: number
  readonly server: string
  /** An encoded value. It is passed on as it came. */
  readonly body: Uint8Array
  /** The body was left out: it has so many bytes, and the receiver takes no message as large. */
  readonly omitted?: number
}

/** What neighbours tell each other: Plumtree's GOSSIP, IHAVE, GRAFT and PRUNE, and an exchange of what each has. */
export type BroadcastMessage =
  | Gossip
  /** I have these streams up to there. Marks end with the sender's hops. */
  | { readonly type: 'announce'; readonly marks: readonly StreamMark[] }
  /** Send me what you have of these, and from now on all that follows. */
  | ({ readonly type: 'graft'; readonly from: number; readonly upTo: number } & StreamId)
  /** Send me no more of this origin, but announce it. */
  | ({ readonly type: 'prune' } & StreamId)
  /** I have nothing of it up to there: the answer to a graft. `had`: I did once, or have waited for it in vain. */
  | ({ readonly type: 'gone'; readonly upTo: number; readonly had: boolean } & StreamId)
  /**
   * The streams that I keep messages of, or, where I was asked for all, all that I know. Marks end with the lowest
   * number kept. `asks`: tell me the same.
   */
  | {
      readonly type: 'sync'
      readonly marks: readonly StreamMark[]
      /** It is the last part. */
      readonly last: boolean
      readonly asks: 'no' | 'kept' | 'all'
    }

export const marksPerMessage = 512
const serverNameBytesMax = 255

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseBroadcastMessage(value: unknown): BroadcastMessage | undefined {
  if (!isRecord(value)) return undefined
  const { type, marks } = value
  if (type === 'announce' || type === 'sync') {
    if (!Array.isArray(marks) || marks.length > marksPerMessage || !Array.from<unknown>(marks).every(isMark)) {
      return undefined
    }
    const parsed = marks as readonly StreamMark[]
    if (type === 'announce') return { type, marks: parsed }
    const { last, asks } = value
    if (asks !== 'no' && asks !== 'kept' && asks !== 'all') return undefined
    return { type, marks: parsed, last: last === true, asks }
  }
  const { origin, incarnation, number, floor, round, server, body, from, upTo } = value
  if (!isNodeName(origin) || !isIncarnation(incarnation)) return undefined
  const stream = { origin, incarnation }
  switch (type) {
    case 'gossip': {
      if (!isNumber(number) || !isNumber(floor) || floor > number || !isNatural(round)) return undefined
      if (typeof server !== 'string' || !isName(server, serverNameBytesMax)) return undefined
      if (!(body instanceof Uint8Array)) return undefined
      const { omitted } = value
      if (omitted !== undefined && !(isNumber(omitted) && body.length === 0)) return undefined
      return { type, ...stream, number, floor, round, server, body, ...(omitted !== undefined && { omitted }) }
    }
    case 'graft':
      return isNumber(from) && isNatural(upTo) ? { type, ...stream, from, upTo } : undefined
    case 'prune':
      return { type, ...stream }
    case 'gone':
      return isNatural(upTo) ? { type, ...stream, upTo, had: value.had === true } : undefined
    default:
      return undefined
  }
}

function isMark(value: unknown): value is StreamMark {
  if (!Array.isArray(value) || value.length !== 4) return false
  const [origin, incarnation, upTo, last] = value as unknown[]
  return isNodeName(origin) && isIncarnation(incarnation) && isNatural(upTo) && isNatural(last)
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isNumber(value: unknown): value is number {
  return isNatural(value) && value > 0
}
