import type { Incarnation, NodeSpec } from '../core/node.js'
import type { Millis } from '../core/time.js'
import type { Refusal } from './handshake.js'
import type { Lane } from './lane.js'
import type { Link, LinkHandler } from './link.js'

/** Who is told what happens on the links of a node, and judges who may have one. */
export interface HubHandler extends LinkHandler {
  /** Whether this node takes that peer at all; `relayed`: through other nodes. */
  admit(peer: NodeSpec, relayed: boolean): Refusal | undefined
  /** A link to a peer that there was none to, before anything happens on it. */
  created(link: Link): void
  /** Slots that are kept for others than that peer. */
  reservedFor(peer: NodeSpec): number
  /** A later start of this node's own name lives. */
  superseded(known: Incarnation): void
  /** A peer refused this node, because it knows a later start of its name. */
  refusedAsStale(known: Incarnation): void
  /** Somebody who proves nothing says that a later start of this node's name is known. */
  heardOfLater(known: Incarnation): void
  /** The peer says that this node has left the cluster. */
  removedBy(): void
  /** A handshake was refused, here or there. */
  refused(peer: string, by: 'us' | 'peer', refusal: Refusal): void
  /** A dial through other nodes failed. */
  unreached(lane: Lane, error: Error): void
  /** A dial failed; the next follows after `delay`. */
  retrying(peer: string, error: Error, delay: Millis): void
}
