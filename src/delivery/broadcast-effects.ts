import type { NodeName } from '../core/node.js'
import type { Millis } from '../core/time.js'
import type { BroadcastMessage, Gossip } from './broadcast-messages.js'

/** What a broadcast machine is told. */
export type BroadcastInput =
  /** A neighbour can be reached. */
  | { readonly type: 'up'; readonly peer: NodeName }
  /** It cannot any more. */
  | { readonly type: 'down'; readonly peer: NodeName }
  /** One of its connections was replaced: something may have been lost. */
  | { readonly type: 'renewed'; readonly peer: NodeName }
  /** Sends a message to everybody. */
  | { readonly type: 'broadcast'; readonly server: string; readonly body: Uint8Array }
  | { readonly type: 'message'; readonly from: NodeName; readonly message: BroadcastMessage }
  /** A message of that origin could not be handed to the neighbour: its queue is full. */
  | { readonly type: 'refused'; readonly peer: NodeName; readonly origin: NodeName }
  | { readonly type: 'timer'; readonly timer: string }

/** What it wants done. */
export type BroadcastEffect =
  | { readonly type: 'send'; readonly to: NodeName; readonly message: BroadcastMessage }
  /** Hand it to this node's server. Each message of each life is so handed over once, in order. */
  | { readonly type: 'deliver'; readonly gossip: Gossip; readonly from: NodeName }
  /** Arming a timer again replaces it. */
  | { readonly type: 'arm'; readonly timer: BroadcastTimer; readonly after: Millis }
  | { readonly type: 'count'; readonly what: BroadcastCount; readonly count: number }
  /** So many messages of that origin were skipped: they will never come. */
  | { readonly type: 'missed'; readonly origin: NodeName; readonly count: number }

export type BroadcastTimer = 'announce' | 'graft' | 'exchange'

/** `duplicate`: it came twice. `unannounced`: the exchange has to tell of it. */
export type BroadcastCount = 'duplicate' | 'unannounced'

export type BroadcastEffects = BroadcastEffect[]
