import type { Machine } from '../core/machine.js'
import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import type { Millis } from '../core/time.js'

/** What a membership strategy is told. */
export type MembershipInput<Message> =
  /** A new life of this node begins, alone. */
  | { readonly type: 'start'; readonly self: NodeSpec }
  /** The user, or a seed, wants to join this peer. A connection to it is open. */
  | { readonly type: 'join'; readonly peer: NodeSpec }
  /** This node leaves. Answer with `notify: told` once the others were told. */
  | { readonly type: 'leave' }
  /** Another member is removed by the user. Answer with `notify: told` or with `denied`. */
  | { readonly type: 'remove'; readonly node: NodeName }
  /** The first connection to a peer, member or not, is open. */
  | { readonly type: 'up'; readonly peer: NodeSpec }
  /** The last connection to a peer is gone. It says nothing about membership. */
  | { readonly type: 'down'; readonly node: NodeName }
  /** A message that {@link MembershipStrategy.parse} took. */
  | { readonly type: 'message'; readonly from: NodeSpec; readonly message: Message }
  /** A timer that the strategy armed. */
  | { readonly type: 'timer'; readonly timer: string }
  /** The user keeps a connection slot for a peer that announces the tag. */
  | { readonly type: 'reserve'; readonly tag: string }
  /** The round trip to a peer was measured. */
  | { readonly type: 'rtt'; readonly node: NodeName; readonly millis: Millis }

/** What a membership strategy wants done. */
export type MembershipEffect<Message> =
  /** Over the membership channel; dropped when the peer is not up. */
  | { readonly type: 'send'; readonly to: NodeName; readonly message: Message }
  /** Keep a connection to that peer from now, whatever happens to it. A newer spec replaces the older. */
  | { readonly type: 'connect'; readonly peer: NodeSpec }
  /** Close what is open to that peer and keep no connection. `left`: it is no member any more. */
  | {
      readonly type: 'disconnect'
      readonly node: NodeName
      readonly reason: 'left' | 'unwanted'
      /** Which life of it is meant: connections of a later one stay. Default: whichever is connected. */
      readonly incarnation?: Incarnation
    }
  /** Wake the strategy after a while. Arming a timer again replaces it. */
  | { readonly type: 'arm'; readonly timer: string; readonly after: Millis }
  | { readonly type: 'notify'; readonly event: MembershipEvent }

/** What a membership strategy tells of. */
export type MembershipEvent =
  /** `members()` answers something else now. */
  | { readonly type: 'members' }
  /** That peer counts this node as a member. */
  | { readonly type: 'joined'; readonly peer: NodeName }
  /**
   * This node, or the one that was removed, has left, and whoever of the others is connected has taken note of it, is
   * gone, or did not answer for a while. The removed node is told too, and not waited for: its connection ends. Where
   * members are told of nobody but themselves, as in a static mesh, nobody has to take note of a removal.
   */
  | { readonly type: 'told'; readonly node: NodeName }
  /** The user may not remove that member from here: the answer to `remove` instead of `told`. */
  | { readonly type: 'denied'; readonly node: NodeName; readonly why: string }
  /** Somebody removed this node. It is alone now. */
  | { readonly type: 'removed' }
  /** A later start of this node's name is known. */
  | { readonly type: 'superseded'; readonly known: Incarnation }

/** Why a strategy does not take a peer. */
export type Admission =
  | { readonly type: 'stale'; readonly known: Incarnation }
  | { readonly type: 'removed' }
  | { readonly type: 'role'; readonly why: string }

/** The local view of a strategy as plain data, for inspection. */
export interface MembershipState {
  readonly members: readonly NodeName[]
  readonly [detail: string]: unknown
}

/**
 * Who is in the cluster, whom to be connected with, and which way a message goes: all that one overlay does differently
 * from another. A pure machine: bring your own with `peerService(strategy, options)`.
 */
export interface MembershipStrategy<Message = unknown>
  extends Machine<MembershipInput<Message>, MembershipEffect<Message>> {
  /** This node included, ordered by name. */
  members(): readonly NodeSpec[]
  /** Next hops towards a node: the node itself in a mesh. Empty when there is no way. */
  route(to: NodeName): readonly NodeSpec[]
  /** Makes a message of what a peer sent; undefined when it is none. */
  parse(value: unknown): Message | undefined
  /** Whether a peer may connect at all: undefined when it may. */
  admit(peer: NodeSpec): Admission | undefined
  /** The local view, for inspection. */
  state(): MembershipState
  /**
   * Whether a seed that was joined has to be joined again. Where a strategy does not say, a seed is, whenever it is no
   * member or not connected; one whose members are a part of all can do without it. Without a name: whether a
   * seed at which nobody has answered yet is dialled in a hurry.
   */
  seeks?(seed: NodeName | undefined): boolean
  /** Tags that places can be reserved for. Where a strategy does not say, `maxReserved` alone counts. */
  readonly reservable?: number
  /** What this overlay can do beside what every manager can: `full-membership`, `relay`, ... */
  readonly capabilities: readonly string[]
}
