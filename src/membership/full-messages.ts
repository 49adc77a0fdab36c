import { isRecord } from '../core/name.js'
import {
  type Incarnation,
  isIncarnation,
  isNodeName,
  type NodeName,
  type NodeSpec,
  parseNodeSpec,
} from '../core/node.js'
import { type Farewell, parseFarewell } from './farewells.js'
import { isCount, list, parseName } from './parsing.js'

/** What is known of one node name. Within an incarnation `left` is final. */
export interface MemberEntry {
  readonly spec: NodeSpec
  readonly left: boolean
}

/** A live entry in short: enough to see which of two views is newer. */
export type EntryMark = readonly [name: NodeName, incarnation: Incarnation, version: number]

/** What members of a full mesh tell each other. */
export type FullMessage =
  /** Count me as a member, and those I know. */
  | { readonly type: 'join'; readonly entries: readonly MemberEntry[] }
  /** What changed. `counted` ends the answer to a join: the receiver is a member now. */
  | { readonly type: 'news'; readonly entries: readonly MemberEntry[]; readonly counted: boolean }
  /** A hash over the sender's live entries; `counted`: the receiver is among them. */
  | { readonly type: 'digest'; readonly hash: number; readonly check: number; readonly counted: boolean }
  /** The sender's live entries with names after `after` up to `upTo` (absent: no bound), in short. */
  | { readonly type: 'summary'; readonly after?: string; readonly upTo?: string; readonly marks: readonly EntryMark[] }
  /** Tell me of these. */
  | { readonly type: 'want'; readonly names: readonly NodeName[] }
  /** That node has left, or was removed: please confirm. */
  | { readonly type: 'leaving'; readonly entry: MemberEntry }
  | Extract<Farewell, { readonly type: 'noted' }>

/** More entries than this travel in several messages. */
export const entriesPerMessage = 64
export const marksPerMessage = 512

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseFullMessage(value: unknown): FullMessage | undefined {
  if (!isRecord(value)) return undefined
  switch (value.type) {
    case 'join': {
      const entries = list(value.entries, entriesPerMessage, parseEntry)
      return entries && { type: 'join', entries }
    }
    case 'news': {
      const entries = list(value.entries, entriesPerMessage, parseEntry)
      return entries && { type: 'news', entries, counted: value.counted === true }
    }
    case 'digest': {
      const { hash, check } = value
      if (typeof hash !== 'number' || typeof check !== 'number') return undefined
      return { type: 'digest', hash, check, counted: value.counted === true }
    }
    case 'summary': {
      const marks = list(value.marks, marksPerMessage, parseMark)
      const { after, upTo } = value
      if (marks === undefined || !optionalText(after) || !optionalText(upTo)) return undefined
      return { type: 'summary', marks, ...(after !== undefined && { after }), ...(upTo !== undefined && { upTo }) }
    }
    case 'want': {
      const names = list(value.names, marksPerMessage, parseName)
      return names && { type: 'want', names }
    }
    case 'leaving': {
      const entry = parseEntry(value.entry)
      return entry && { type: 'leaving', entry }
    }
    case 'noted': {
      const farewell = parseFarewell(value)
      return farewell?.type === 'noted' ? farewell : undefined
    }
    default:
      return undefined
  }
}

function parseEntry(value: unknown): MemberEntry | undefined {
  if (!isRecord(value)) return undefined
  const spec = parseNodeSpec(value.spec)
  return spec && { spec, left: value.left === true }
}

function parseMark(value: unknown): EntryMark | undefined {
  if (!Array.isArray(value)) return undefined
  const [name, incarnation, version] = value as unknown[]
  if (!isNodeName(name) || !isIncarnation(incarnation) || !isCount(version, 0, Number.MAX_SAFE_INTEGER))
    return undefined
  return [name, incarnation, version]
}

function optionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
