import { isName, isRecord } from '../core/name.js'

/** Why a monitor ends, as the watched node tells it. `lost`: it has forgotten the monitor with the connection. */
export type NoticeReason = 'unregistered' | 'no-such-server' | 'refused' | 'lost'

/** What a watching node and a watched one tell each other. Monitors have numbers, given by the watching node. */
export type MonitorMessage =
  /** Tell me when these servers end. */
  | { readonly type: 'monitor'; readonly monitors: readonly MonitorEntry[] }
  /** I do not want to know any more. */
  | { readonly type: 'demonitor'; readonly ids: readonly number[] }
  /** These are all that I have with you on this channel. */
  | { readonly type: 'sync'; readonly ids: readonly number[] }
  /** These have ended. It counts when it has come on each of the sender's streams: so nothing is overtaken. */
  | {
      readonly type: 'down'
      readonly ids: readonly number[]
      readonly reason: NoticeReason
      readonly stream: number
      readonly streams: number
    }

export type MonitorEntry = readonly [id: number, server: string]

/** Makes a message of what a peer sent; undefined when it is none. */
export function parseMonitorMessage(value: unknown): MonitorMessage | undefined {
  if (!isRecord(value)) return undefined
  const { type, monitors, ids, reason, stream, streams } = value
  if (type === 'monitor') {
    if (!Array.isArray(monitors) || monitors.length > idsMax) return undefined
    const entries = Array.from<unknown>(monitors)
    return entries.every(isEntry) ? { type, monitors: entries } : undefined
  }
  if (!Array.isArray(ids) || ids.length > idsMax) return undefined
  const numbers = Array.from<unknown>(ids)
  if (!numbers.every(isId)) return undefined
  if (type === 'demonitor' || type === 'sync') return { type, ids: numbers }
  if (type !== 'down' || !isReason(reason) || !isId(streams) || streams > streamsMax) return undefined
  if (stream !== 0 && !isId(stream)) return undefined
  return stream < streams ? { type, ids: numbers, reason, stream, streams } : undefined
}

/** Numbers in one message: nobody may have more monitors at one node. */
export const idsMax = 16_384
/** As many as a channel may have. */
const streamsMax = 64
const serverNameBytesMax = 255

function isEntry(value: unknown): value is MonitorEntry {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [id, server] = value as unknown[]
  return isId(id) && typeof server === 'string' && isName(server, serverNameBytesMax)
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function isReason(value: unknown): value is NoticeReason {
  return value === 'unregistered' || value === 'no-such-server' || value === 'refused' || value === 'lost'
}
