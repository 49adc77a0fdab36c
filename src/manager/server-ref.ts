import { InvalidOptionError, NoSuchServerError, NotConnectedError } from '../core/errors.js'
import { isName, isRecord } from '../core/name.js'
import { isIncarnation, isNodeName } from '../core/node.js'
import type { PassageKind } from '../fault/interposition.js'
import type { RemoteRef, ServerRef } from './servers.js'

/** Where a message goes. */
export interface Destination {
  readonly node: string
  readonly server: string
  /** Only this life of the node will do. */
  readonly incarnation?: number
}

const serverNameBytesMax = 255
/** What peers' managers tell each other about broadcasts goes to this name, which no server can have. */
export const broadcastServer = 'maquis:broadcast'
/** The same for circuits through other nodes. */
export const relayServer = 'maquis:relay'
/** And what they tell each other about monitors, to this one. */
export const monitorServer = 'maquis:monitor'

/** Whether servers of that name are this library's own, what is built on a manager included. */
export function isReserved(server: string): boolean {
  return server.startsWith('maquis:')
}

/** What a passage to such a server is called; undefined: it is a server of the user. */
export function internalKindOf(server: string): 'broadcast' | 'relay' | 'monitor' | undefined {
  if (server === broadcastServer) return 'broadcast'
  if (server === relayServer) return 'relay'
  return server === monitorServer ? 'monitor' : undefined
}

/** Whether passages of that kind are for no server of the user. */
export function isUnnamed(kind: PassageKind): boolean {
  return kind === 'manager' || kind === 'broadcast' || kind === 'relay' || kind === 'monitor'
}

/**
 * Resolves a reference, which may have come in a message. Throws where it cannot be one, or its registry does not know
 * the name.
 */
export function destinationOf(ref: ServerRef, self: string): Destination {
  if (typeof ref === 'string') return { node: self, server: checkServer(ref, 'ref') }
  if (typeof ref !== 'object' || ref === null) {
    throw new InvalidOptionError('ref', 'a server name, { node, name } or { via, name }', ref)
  }
  if ('via' in ref) {
    if (typeof ref.via?.whereIs !== 'function') throw new InvalidOptionError('ref.via', 'a registry', ref.via)
    const found = ref.via.whereIs(ref.name)
    if (found === undefined) throw unknownToRegistry(ref.name)
    return { node: checkNode(found.node), server: checkServer(found.name) }
  }
  const destination = { node: checkNode(ref.node), server: checkServer(ref.name, 'ref.name') }
  const { incarnation } = ref
  if (incarnation === undefined) return destination
  if (!isIncarnation(incarnation)) throw new InvalidOptionError('ref.incarnation', 'that of a life', incarnation)
  return { ...destination, incarnation }
}

function unknownToRegistry(name: string): NoSuchServerError {
  return new NoSuchServerError('the registry', name, `the registry knows no server '${name}': enter it there first`)
}

/**
 * Whether what came in a message is a {@link RemoteRef}: a name, a server and a life that there may be; of one of these
 * servers where any are named, as a typed cluster needs it. Whether that life is still there shows when it is used.
 */
export function isRemoteRef<Name extends string = string>(
  value: unknown,
  ...servers: readonly Name[]
): value is RemoteRef<Name> {
  if (!isRecord(value)) return false
  const { node, name, incarnation } = value
  const names: readonly unknown[] = servers
  if (names.length > 0 && !names.includes(name)) return false
  return isNodeName(node) && isServerName(name) && isIncarnation(incarnation) && incarnation > 0
}

/** Why a reference to one life of a node does not lead to the life that is known; undefined: it does. */
export function otherLife(node: string, wanted: number | undefined, known: number): NotConnectedError | undefined {
  // A peer from a list is known without a life before it was met.
  if (wanted === undefined || known === 0 || wanted === known) return undefined
  if (wanted < known) return new NotConnectedError(node, 'restarted')
  return new NotConnectedError(node, 'stranger', 'was not met yet in the life that is meant: wait for onUp')
}

/** Checks a server name that a caller gave, as `option`. */
export function checkServer(name: unknown, option = 'server'): string {
  if (isServerName(name)) return name
  throw new InvalidOptionError(option, `1 to ${serverNameBytesMax} bytes of text without control characters`, name)
}

function isServerName(name: unknown): name is string {
  return typeof name === 'string' && isName(name, serverNameBytesMax) && internalKindOf(name) === undefined
}

function checkNode(name: unknown): string {
  if (isNodeName(name)) return name
  throw new InvalidOptionError(
    'ref.node',
    'the name of a node: 1 to 255 bytes of text without control characters',
    name,
  )
}
