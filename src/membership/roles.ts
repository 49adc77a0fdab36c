import type { NodeSpec } from '../core/node.js'
import type { Admission } from './strategy.js'

/** The part of a node in an overlay of clients and servers. */
export type Role = 'client' | 'server'

export function isServer(node: NodeSpec | undefined): boolean {
  return node?.role === 'server'
}

export function isClient(node: NodeSpec | undefined): boolean {
  return node?.role === 'client'
}

/** Whether a node of our role connects with that peer: undefined when it does. */
export function judgeRole(ours: Role, peer: NodeSpec): Admission | undefined {
  if (isServer(peer)) return undefined
  if (!isClient(peer)) return { type: 'role', why: otherOverlay }
  return ours === 'server' ? undefined : { type: 'role', why: bothClients }
}

// The other end reads these texts too, so they say the same from both sides.
const bothClients = 'clients do not connect with each other; each of them joins servers'
const otherOverlay = 'one is a client or a server, the other is neither: they run different overlays'
