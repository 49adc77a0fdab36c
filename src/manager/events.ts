import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import type { Millis } from '../core/time.js'
import type { PartitionRef } from '../fault/partition.js'

/** Why a message ended without being sent or handled. */
export type DropReason =
  | 'overflow'
  | 'superseded'
  | 'down'
  | 'left'
  | 'expired'
  | 'no-such-server'
  | 'schema'
  | 'partitioned'
  | 'not-connected'
  | 'unknown-channel'
  | 'unreachable'
  | 'encode'
  | 'causal-order'

/**
 * What a manager tells of itself: `manager.events.on('up', ...)`. Listeners are called in order. What one throws, or
 * its promise rejects with, is told by `handler-error`, and holds neither the manager nor other listeners up.
 */
export interface ManagerEvents {
  /** The first connection to a peer is open. It precedes the membership that is agreed on over it. */
  up: (node: NodeName) => void
  /** The last connection to a peer is gone. */
  down: (node: NodeName, reason: 'lost' | 'cut' | 'left' | 'restarted') => void
  /** `members()` answers something else now. */
  members: (members: readonly NodeName[]) => void
  /** Somebody removed this node from the cluster: it is alone until `join()` or `start()`. */
  removed: () => void
  /** A later start of this node's name is known: this one stops dialling, for ever. */
  superseded: (known: Incarnation) => void
  /** A handshake was refused, by this node or by the peer (its name, or its address where the name is not known). */
  refused: (refusal: { readonly peer: string; readonly by: 'us' | 'peer'; readonly error: Error }) => void
  /** A dial failed; the next follows after `delay`. */
  retry: (retry: { readonly peer: string; readonly error: Error; readonly delay: Millis }) => void
  /** The discovery found addresses that are new: they are joined from now, for ever. */
  discovered: (addresses: readonly string[]) => void
  /** A lookup of the discovery failed, or took too long; the next follows. */
  'discovery-failed': (error: Error) => void
  /**
   * The discovery found what is no address of this transport, such as a malformed line of a file or one with the port
   * 0: its first 256 characters, and what is wrong. Once while it goes on being found, of at most 16 such at a time.
   */
  'discovery-refused': (refusal: { readonly address: string; readonly reason: string }) => void
  /** A connection was closed because the peer broke the protocol. */
  violation: (violation: { readonly node: NodeName; readonly rule: string; readonly detail: string }) => void
  /** A message ended, and no promise or only an ignored one tells of it. */
  dropped: (drop: {
    readonly reason: DropReason
    /** Where it was going, or where it came from. */
    readonly node: string
    readonly direction: 'forward' | 'receive'
    readonly channel: string
    readonly server: string
  }) => void
  /** Messages of a causal label, that others depended on, did not come and are not waited for any more. */
  'causal-gap': (gap: { readonly label: string; readonly count: number }) => void
  /**
   * So many broadcasts of that node, one after the other, will never come here: nobody kept them for as long as this
   * node was cut off, or they are larger than its `limits.messageBytes`.
   */
  'broadcast-gap': (gap: { readonly node: NodeName; readonly channel: string; readonly count: number }) => void
  /** A handler, watcher, listener, store or interposition of the user threw, or its promise rejected. */
  'handler-error': (failure: {
    readonly where: string
    readonly error: unknown
    /** Whoever sent a handler its message is told, too: it is acknowledged when it was handled. Default false. */
    readonly answered?: boolean
  }) => void
  /** A message for the manager itself, from `sendMessage`. */
  message: (message: { readonly from: string; readonly channel: string; readonly message: unknown }) => void
  /** A partition was injected between this node and the other. */
  partition: (cut: { readonly ref: PartitionRef; readonly node: NodeSpec }) => void
  /** It was resolved. */
  heal: (cut: { readonly ref: PartitionRef; readonly node: NodeSpec }) => void
}
