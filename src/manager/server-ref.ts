import { InvalidOptionError, NoSuchServerError } from '../core/errors.js'
import { isName } from '../core/name.js'
import type { ServerRef } from './servers.js'

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

const reserved: ReadonlySet<string> = new Set([broadcastServer, relayServer])

/** Resolves a reference. Throws where it cannot be one, or its registry does not know the name. */
export function destinationOf(ref: ServerRef, self: string): Destination {
  if (typeof ref === 'string') return { node: self, server: checkServer(ref) }
  if (typeof ref !== 'object' || ref === null) {
    throw new InvalidOptionError('ref', 'a server name, { node, name } or { via, name }', ref)
  }
  if ('via' in ref) {
    const found = ref.via.whereIs(ref.name)
    if (found === undefined) throw new NoSuchServerError('the registry', ref.name)
    return { node: found.node, server: checkServer(found.name) }
  }
  const destination = { node: ref.node, server: checkServer(ref.name) }
  return ref.incarnation === undefined ? destination : { ...destination, incarnation: ref.incarnation }
}

/** Checks a server name that a caller gave. */
export function checkServer(name: unknown): string {
  if (typeof name === 'string' && isName(name, serverNameBytesMax) && !reserved.has(name)) return name
  throw new InvalidOptionError('server', `1 to ${serverNameBytesMax} bytes of text without control characters`, name)
}
