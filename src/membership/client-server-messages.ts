import { isRecord } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { type FullMessage, type MemberEntry, parseFullMessage } from './full-messages.js'
import { list, parseName } from './parsing.js'
import { isClient, isServer } from './roles.js'

/** Which clients are connected with the sender, a server. */
export interface ClientsMessage {
  readonly type: 'clients'
  /** Forget what the sender told before. */
  readonly whole: boolean
  readonly here: readonly NodeName[]
  readonly gone: readonly NodeName[]
  /** Over all of them, once these changes were taken; absent when more parts follow. */
  readonly hash?: number
}

/** What servers tell each other. */
export type ServerMessage =
  | FullMessage
  | ClientsMessage
  /** Tell me of all clients that are connected with you. */
  | { readonly type: 'ask-clients' }

/** What a client and a server tell each other: of servers, and of the client itself. */
export type ClientMessage = Extract<FullMessage, { readonly type: 'join' | 'news' | 'digest' | 'leaving' | 'noted' }>

/** More names than this travel in several messages. */
export const clientsPerMessage = 512

/** Makes a message for a server of what a peer sent; undefined when it is none. */
export function parseServerMessage(value: unknown): ServerMessage | undefined {
  if (!isRecord(value)) return undefined
  if (value.type === 'clients') return parseClients(value)
  if (value.type === 'ask-clients') return { type: 'ask-clients' }
  const message = parseFullMessage(value)
  if (message === undefined) return undefined
  return entriesOf(message).every(({ spec }) => isServer(spec) || isClient(spec)) ? message : undefined
}

/** Makes a message for the client `self` of what a peer sent; undefined when it is none, or tells of other clients. */
export function parseClientMessage(value: unknown, self: NodeName | undefined): ClientMessage | undefined {
  const message = parseFullMessage(value)
  if (message === undefined || message.type === 'summary' || message.type === 'want') return undefined
  const concerns = (spec: NodeSpec): boolean => isServer(spec) || (isClient(spec) && spec.name === self)
  return entriesOf(message).every(({ spec }) => concerns(spec)) ? message : undefined
}

function parseClients({ whole, here, gone, hash }: Record<string, unknown>): ClientsMessage | undefined {
  const parsedHere = list(here, clientsPerMessage, parseName)
  const parsedGone = list(gone, clientsPerMessage, parseName)
  if (parsedHere === undefined || parsedGone === undefined || typeof whole !== 'boolean') return undefined
  if (hash !== undefined && typeof hash !== 'number') return undefined
  return { type: 'clients', whole, here: parsedHere, gone: parsedGone, ...(hash !== undefined && { hash }) }
}

function entriesOf(message: FullMessage): readonly MemberEntry[] {
  switch (message.type) {
    case 'join':
    case 'news':
      return message.entries
    case 'leaving':
      return [message.entry]
    default:
      return []
  }
}
