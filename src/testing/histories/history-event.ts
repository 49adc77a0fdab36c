import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'

/**
 * What happened in a history, as plain data: what a simulation records, or a run of real processes, and what the
 * checkers judge. A history is in the order in which things happened; `at` is in milliseconds and never decreases.
 */
export type HistoryEvent =
  | LifeEvent
  | SentEvent
  | DeliveredEvent
  | AcknowledgedEvent
  | UpEvent
  | DownEvent
  | MembersEvent
  | LeaveEvent
  | CutEvent
  | FaultEvent
  | SettledEvent
  | NoteEvent

/** What a running node did, or was told, in one of its lives. */
interface NodeEvent {
  readonly at: Millis
  readonly node: NodeName
  readonly life: Incarnation
}

/** A life of a node began, ended, or was told that it is over. */
export interface LifeEvent extends NodeEvent {
  /**
   * `started` begins the life, once, before anything else is told of it; `stopped` and `crashed` end it, and so does a
   * later life of the node: a rejoin after a leave begins one as well. `removed`: the node was told that it is no
   * member any more, and runs on alone. `superseded`: it was told that a later life of its name is about.
   */
  readonly type: 'started' | 'stopped' | 'crashed' | 'removed' | 'superseded'
}

/** Of one message. One (node, life, to, channel, key) is a stream, within which order is promised. */
interface MessageEvent extends NodeEvent {
  readonly channel: string
  /** The partition key. */
  readonly key: string
  /** Rises with every message of the stream, whether or not it was taken. */
  readonly id: number
  /** The channel keeps the newest message alone. */
  readonly monotonic?: true
  /** The causal label, if it has one. */
  readonly label?: string
}

/** `node` was about to send a message; recorded before the call, so that no delivery can precede it. */
export interface SentEvent extends MessageEvent {
  readonly type: 'sent'
  readonly to: NodeName
}

/** A handler at `node` was given a message. */
export interface DeliveredEvent extends MessageEvent {
  readonly type: 'delivered'
  readonly from: NodeName
  /** The life in which it was sent. */
  readonly fromLife: Incarnation
}

/** The promise of a message that was sent with `ack` settled at `node`. */
export interface AcknowledgedEvent extends MessageEvent {
  readonly type: 'acknowledged'
  readonly to: NodeName
  /** `taken`: it resolved. `unknown`: it rejected and the message may have been handled. `not-taken`: it was not. */
  readonly outcome: 'taken' | 'unknown' | 'not-taken'
}

/** Watchers at `node` were told that `peer` is up. */
export interface UpEvent extends NodeEvent {
  readonly type: 'up'
  readonly peer: NodeName
  /** The peer's life, where it was recorded. */
  readonly peerLife?: Incarnation
}

/** Watchers at `node` were told that `peer` is down. */
export interface DownEvent extends NodeEvent {
  readonly type: 'down'
  readonly peer: NodeName
  /** The life that was up. */
  readonly peerLife?: Incarnation
  readonly reason?: 'lost' | 'cut' | 'left' | 'restarted'
}

/** One member in a view. */
export interface MemberLife {
  readonly name: NodeName
  readonly life: Incarnation
}

/** The view of `node` is this from now on. */
export interface MembersEvent extends NodeEvent {
  readonly type: 'members'
  readonly members: readonly MemberLife[]
}

/** `leave()`, or `leave(leaver)`, was called at `node`. */
export interface LeaveEvent extends NodeEvent {
  readonly type: 'leave'
  readonly leaver: NodeName
  /** The life of the leaver that is meant: the one that `node` listed. */
  readonly leaverLife: Incarnation
}

/** An injected partition cuts `peer` off at `node`, or does no longer. Several may cut off the same peer. */
export interface CutEvent extends NodeEvent {
  readonly type: 'cut' | 'healed'
  readonly peer: NodeName
  readonly ref: string
}

/**
 * Something was broken on purpose, or mended: `what` followed by `: over` says that the fault of that name between the
 * same nodes ended. Ends of lives, leaves and injected partitions have events of their own; what an application does to
 * its own connections, such as `disconnect`, is a fault.
 */
export interface FaultEvent {
  readonly type: 'fault'
  readonly at: Millis
  /**
   * When it ended: `at` itself for what takes no time. Absent: it lasts until it is said to be over, or everything is
   * settled.
   */
  readonly until?: Millis
  /** Whom it touched: a node alone and all its links, or the links between those that are named. */
  readonly nodes: readonly NodeName[]
  readonly what: string
}

/** All faults are over, and everybody has had the time to notice. */
export interface SettledEvent {
  readonly type: 'settled'
  readonly at: Millis
  /** The nodes that run. */
  readonly live: readonly NodeName[]
}

/** An application's own. */
export interface NoteEvent {
  readonly type: 'note'
  readonly at: Millis
  readonly node?: NodeName
  readonly text: string
}

const types: { readonly [Type in HistoryEvent['type']]: true } = {
  ...({ started: true, stopped: true, crashed: true, removed: true, superseded: true, leave: true } as const),
  ...({
    sent: true,
    delivered: true,
    acknowledged: true,
    up: true,
    down: true,
    members: true,
    cut: true,
    healed: true,
  } as const),
  ...({ fault: true, settled: true, note: true } as const),
}

/** Every type that an event can have. */
export const eventTypes: readonly string[] = Object.keys(types)
