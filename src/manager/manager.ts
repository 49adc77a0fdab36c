import type { EventEmitter } from 'eventemitter3'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Clock, Millis } from '../core/time.js'
import type { Interposition } from '../fault/interposition.js'
import type { PartitionRef } from '../fault/partition.js'
import type { BroadcastOptions } from './broadcaster.js'
import type { CounterValues } from './counters.js'
import type { ManagerEvents } from './events.js'
import type { MonitorEnd, MonitorOptions } from './monitoring.js'
import type { NodeEvent } from './node-monitors.js'
import type { Logger } from './options.js'
import type { ReplicatedStore, ReplicateOptions } from './replicas.js'
import type {
  Delivery,
  MessageContext,
  MessageOf,
  Register,
  RegisterOptions,
  RemoteRef,
  ReplyOf,
  ServerName,
  ServerRef,
  Untyped,
} from './servers.js'

/** How a message is acknowledged. */
export interface AckOptions {
  /**
   * When the receiver acknowledges: when the message was given to its handler (default), or when what the handler
   * returns has resolved. If that rejects, so does the sender's promise, with `RemoteError`. An iterator of `receive`
   * is given a message when it takes it; what it has not taken when it ends is refused, with `NoSuchServerError`.
   */
  readonly when?: 'given' | 'handled' | undefined
  /**
   * Whether to go on with what was sent while the peer is down, in its present life. Default `'wait'`. A partition is
   * not a down. What was not sent yet goes by `whenDown`; but with `'wait'` what the call had accepted before the peer
   * went down waits too, for that life.
   */
  readonly onDown?: 'wait' | 'reject' | undefined
}

/** How a request is sent. */
export interface RequestOptions {
  /** Default `'default'`. An unknown channel is an error, never a silent fallback. */
  readonly channel?: string | undefined
  /** Messages of one key keep their order and share a lane. Default: the name of the server. */
  readonly partitionKey?: string | number | undefined
  /** Carried with the message and handed to the handler. */
  readonly clock?: unknown
  /**
   * What to do with what was not yet sent when the peer is down. Default `'reject'`; `'wait'` keeps the message until
   * it is up again.
   */
  readonly whenDown?: 'reject' | 'wait' | undefined
  /**
   * Whether the message may go through other nodes where there is no direct connection. A way is then looked for, and
   * what is opened is a connection like any other, end to end: all other options mean what they always mean. It rejects
   * with `NoRouteError` when there is no way. Default `false`.
   */
  readonly transitive?: boolean | undefined
  /**
   * Stops waiting at this time, in epoch milliseconds. The smaller of `deadline` and `timeout` counts. `Infinity`, as
   * anything more than 2^45 ms (a thousand years) from now, is the same as none.
   */
  readonly deadline?: number | undefined
  /** Stops waiting after so many milliseconds; 0 is over at once. */
  readonly timeout?: Millis | undefined
  /**
   * Stops waiting when it aborts; rejects with its reason. A message with `ack` that was sent rejects with
   * `UnknownOutcomeError`, whose `cause` is the reason; a request always with the reason, and may have been handled.
   */
  readonly signal?: AbortSignal | undefined
}

/** How a message is sent. */
export interface ForwardOptions extends RequestOptions {
  /**
   * Sends the message again until it is acknowledged, and hands it over once. The promise then tells how it ended: it
   * resolves on the acknowledgement; it rejects with an error whose `outcome` is `'unknown'` where the message may have
   * been handled, and with another one where it was not, or where its handler failed (`RemoteError`). None
   * waits for the handler of another. Not for requests, whose answer tells the same. Default `false`.
   */
  readonly ack?: boolean | AckOptions | undefined
  /**
   * Hands the message over after all messages of this label that were sent to the same node before it, in the sense
   * of Lamport's "happened before": by this node, by whoever sent this node one of the label that was handed over here,
   * and so on, over whatever channels, keys and servers (Raynal, Schiper and Toueg, "The causal ordering abstraction
   * and a simple way to implement it", 1991). A name of 1 to 64 bytes. What did not come while something that depends
   * on it was handed over never is: with `ack`, its sender is told by `CausalOrderError`. With `whenDown: 'wait'` it
   * waits for the peer's present life alone. Not for requests. Default: none.
   */
  readonly causalLabel?: string | undefined
}

/** How long a message to the manager of a peer may wait until it is sent. */
export type SendMessageOptions = Pick<RequestOptions, 'deadline' | 'timeout' | 'signal'>

/** How long a join, or a connect, is tried. */
export interface JoinOptions {
  /** Ends the attempts; the promise rejects with its reason. Without one, a join tries for ever. */
  readonly signal?: AbortSignal | undefined
}

/** What a connection slot is at. */
export interface ConnectionInfo {
  readonly node: NodeName
  readonly channel: string
  readonly lane: number
  /** `opening`: the handshake is under way. */
  readonly state: 'closed' | 'opening' | 'open'
  /** Messages that wait for this lane. */
  readonly queuedMessages: number
  /** Bytes that wait for this peer and channel, over all its lanes. */
  readonly queuedBytes: number
  /** It leads, or last led, through other nodes. */
  readonly relayed: boolean
  /** Smoothed, in milliseconds; undefined before it was measured. */
  readonly roundTrip: Millis | undefined
}

/** Sends one message to a server of a node, or to a reference. */
export interface Send<Servers, Result> {
  <Name extends ServerName<Servers>>(
    node: string,
    server: Name,
    message: MessageOf<Servers, Name>,
    options?: ForwardOptions,
  ): Result
  <Name extends ServerName<Servers>>(
    ref: Exclude<ServerRef<Name>, string>,
    message: MessageOf<Servers, Name>,
    options?: ForwardOptions,
  ): Result
  /** A text alone names a server of this node. With options, write `{ node, name }`. */
  <Name extends ServerName<Servers>>(server: Name, message: MessageOf<Servers, Name>): Result
}

/** Asks a server of a node, or a reference, and resolves with what it answers. */
export interface Request<Servers> {
  <Name extends ServerName<Servers>>(
    node: string,
    server: Name,
    message: MessageOf<Servers, Name>,
    options?: RequestOptions,
  ): Promise<ReplyOf<Servers, Name>>
  <Name extends ServerName<Servers>>(
    ref: Exclude<ServerRef<Name>, string>,
    message: MessageOf<Servers, Name>,
    options?: RequestOptions,
  ): Promise<ReplyOf<Servers, Name>>
  /** A text alone names a server of this node. With options, write `{ node, name }`. */
  <Name extends ServerName<Servers>>(server: Name, message: MessageOf<Servers, Name>): Promise<ReplyOf<Servers, Name>>
}

/** What came of asking several nodes. Each of them is in one of the two. */
export interface Replies<Reply = unknown> {
  /** What was answered, by node. */
  readonly replies: ReadonlyMap<string, Reply>
  /** What a request of its own would have rejected with, for each node that did not answer. */
  readonly missing: ReadonlyMap<string, Error>
}

/** Asks the server of that name at several nodes. */
export type RequestAll<Servers> = <Name extends ServerName<Servers>>(
  nodes: readonly string[],
  server: Name,
  message: MessageOf<Servers, Name>,
  options?: RequestOptions,
) => Promise<Replies<ReplyOf<Servers, Name>>>

/** Sends one message to the server of that name at every other member. */
export type BroadcastTo<Servers> = <Name extends ServerName<Servers>>(
  name: Name,
  message: MessageOf<Servers, Name>,
  options?: BroadcastOptions,
) => Promise<void>

/** Called when a peer, or a channel to it where one was named, comes up or goes down. */
export type Watcher = (node: NodeName, channel?: string) => void

/** What a watcher watches. */
export interface WatchOptions {
  /** Watches this channel alone. */
  readonly channel?: string
}

/**
 * A node of a cluster: its membership, and messages to its peers over named channels. The same for every overlay; after
 * Partisan's `partisan_peer_service_manager` behaviour.
 */
export interface PeerServiceManager<Servers = Untyped> extends AsyncDisposable {
  readonly name: NodeName
  /** What this node tells of itself. Holds the real port once started. */
  readonly spec: NodeSpec
  /** Whether it has left its cluster, or was removed: it is alone and looks for no seeds, until it joins somebody. */
  readonly departed: boolean
  /** Whether it runs: {@link start} has listened, and nothing has begun to {@link stop} it since. */
  readonly running: boolean
  readonly events: EventEmitter<ManagerEvents>
  /** What it takes the time from. */
  readonly clock: Clock
  /** Passes lines on to the `logger` of its options, where it has one, and never throws: for what is built on it. */
  readonly logger: Logger

  /**
   * Begins a new life: listens, joins the seeds. Resolves with this manager. May follow `stop()`.
   * @throws {@link ListenError} the address cannot be bound. @throws {@link InsecureError} anybody could join.
   */
  start(): Promise<this>
  /**
   * Ends this life without leaving: the others see the node down. Registrations and watchers stay; what is pending
   * rejects. The next life knows no members: seeds, a join, or peers that dial its old address bring it back.
   */
  stop(): Promise<void>

  /**
   * Joins the cluster of `peer`, a spec or a URL; resolves once the peer counts this node as a member. Retries until
   * then, but rejects with a {@link RefusedError} when the peer refuses for good: cluster, secret, version, role.
   */
  join(peer: string | NodeSpec, options?: JoinOptions): Promise<void>
  /** Joins, and resolves once all channels' lanes to the peer are open, usable both ways. */
  syncJoin(peer: string | NodeSpec, options?: JoinOptions): Promise<void>
  /**
   * Takes this node, or the named member, out of the cluster; resolves when the members that are up have taken note, or
   * after a second. This node runs on, alone, until `join()` begins a new incarnation.
   */
  leave(node?: string): Promise<void>
  /** The names of all members, this node included, sorted. In a partial overlay: the active view. */
  members(): readonly NodeName[]
  /** The specs of all members, this node included, ordered by name. */
  membersForOrchestration(): readonly NodeSpec[]
  /**
   * Joins the missing members and removes the surplus ones. An empty list changes nothing. An address that is not yet a
   * member's is joined before anybody is removed, because it may be a member's other address.
   */
  updateMembers(members: readonly (string | NodeSpec)[], options?: JoinOptions): Promise<void>
  /** The overlay's view, as plain data. */
  getLocalState(): unknown
  /** The member names in a view that `getLocalState` gave. */
  decode(state: unknown): readonly NodeName[]
  /**
   * Keeps a connection slot for a peer whose `attributes.tag` is this tag. The same tag twice is one slot. A node of a
   * partial view looks for such a peer, too, and asks it to be a neighbour.
   * @throws {@link ReservationError} `maxReserved` are kept already.
   * @throws {@link InvalidOptionError} the overlay has no more places to keep: `activeViewSize` - 1 in HyParView.
   */
  reserve(tag: string): void
  /** Whether this manager can do that: see the table in docs/guarantees.md. */
  supportsCapability(name: string): boolean

  /** Every connection slot of every peer. */
  connections(): readonly ConnectionInfo[]
  /**
   * Whether any lane, of that channel where one is named, is open to the node and no partition cuts it off. A relayed
   * one counts, but is used by messages with `transitive` alone.
   */
  isConnected(node: string, channel?: string): boolean
  /** Whether all lanes of all channels that both nodes have are. */
  isFullyConnected(node: string): boolean
  /**
   * Opens what is missing to a peer, without joining, and keeps it open until {@link disconnect}. With `prune` it drops
   * and returns the stale specs: older incarnations or addresses of that name that were known.
   */
  connect(peer: string | NodeSpec, options?: JoinOptions & { readonly prune?: boolean }): Promise<readonly NodeSpec[]>
  /**
   * Drops the connections, and calls `fn` for each node. Members stay members, so they are dialled again. What `fn`
   * throws, or its promise rejects with, is told by the event `handler-error`.
   */
  disconnect(nodes: string | readonly string[], fn?: (node: NodeName) => void): Promise<void>

  /**
   * Registers the server `name` of this node. What the handler returns answers requests. Handlers start in the order of
   * the messages and are not awaited; `concurrency: 1` serialises them.
   * @throws {@link ServerExistsError} the name is taken.
   */
  readonly register: Register<Servers>
  /**
   * The same as an iterator. A message that was not taken yet is felt by its sender, and one whose deadline has passed
   * is not handed over. Like every registration it outlives `stop()`: end it with `return()` or `await using`, or by
   * leaving the loop. A request that was taken and not answered by then ends with `UnknownOutcomeError`.
   */
  receive<Name extends ServerName<Servers>>(
    name: Name,
    options?: Pick<RegisterOptions<MessageOf<Servers, Name>>, 'schema'>,
  ): AsyncIterableIterator<Delivery<MessageOf<Servers, Name>, ReplyOf<Servers, Name>>> & AsyncDisposable
  /**
   * Sends a message. Resolves when it is with a connection: awaiting it is back-pressure. Rejects with a typed error
   * when it will not be sent.
   */
  readonly forwardMessage: Send<Servers, Promise<void>>
  /** Sends a message and never throws for a peer's sake: what is lost is counted, and told by the event `dropped`. */
  readonly castMessage: Send<Servers, void>
  /**
   * Asks, and resolves with the answer. Rejects at once when the peer goes down; see docs/errors.md for all outcomes.
   */
  readonly request: Request<Servers>
  /**
   * Asks the same of several nodes at once, which may include this one, and resolves when each has answered or failed.
   * It does not reject for a peer's sake: who did not answer is named in `missing`, with the error that a request would
   * have rejected with. `timeout`, `deadline` and `signal` end the waiting, not the call: what was answered by then is
   * kept. Without them a node that never answers is waited for as long as it is up.
   * @throws {@link InvalidOptionError}, {@link UnknownChannelError}, {@link EncodeError}, {@link StoppedError}: nobody
   * was asked.
   */
  readonly requestAll: RequestAll<Servers>
  /**
   * A reference to a server of this node in its present life, to be sent in messages: who gets it answers with
   * `forwardMessage(ref, answer)`. What is sent to it reaches this life or nobody. The server need not be registered
   * yet.
   * @throws {@link StoppedError} there is no life to refer to.
   */
  ref<Name extends ServerName<Servers>>(name: Name): RemoteRef<Name>
  /**
   * Sends a message to the server `name` of every other member that is reached over the overlay, along a tree
   * (Plumtree).
   * This node's own server is not told, as in Partisan: whoever wants it calls it too. Each life of each node is handed
   * the broadcasts of one origin and channel once and in order; those that it missed while it was cut off follow as
   * long as anybody keeps them, for about a minute. Resolves when the copies that leave this node are with connections:
   * awaiting it is back-pressure. It does not reject for a peer's sake.
   * @throws {@link UnknownChannelError}, {@link EncodeError}, {@link StoppedError}: nothing was sent.
   * @throws {@link DeadlineError} its `outcome` tells whether anything was.
   */
  readonly broadcast: BroadcastTo<Servers>
  /**
   * Keeps a store alike with those of the other members: its `merge` is the server `name`, so `broadcast(name, item)`
   * tells all copies of an item, and from time to time a random neighbour and this node give each other what one of
   * them lacks, however long it was away. Exchanges go to the server `name:exchange`.
   * @throws {@link ServerExistsError} one of the two names is taken.
   */
  replicate<Item, Digest>(name: string, store: ReplicatedStore<Item, Digest>, options?: ReplicateOptions): Disposable
  /**
   * Sends a message to the peer's manager itself, which tells of it by the event `message`.
   * @throws {@link DeadlineError} it was not sent in time.
   */
  sendMessage(node: string, message: unknown, options?: SendMessageOptions): Promise<void>
  /**
   * Hands a message in as if it had arrived from `node`: `{ server, message }` goes to that server, anything else to
   * the manager.
   */
  receiveMessage(node: string, channel: string, message: unknown): void
  /** Whether a server of that name is registered at this node. */
  isRegistered(server: string): boolean
  /**
   * Hands a message on to a server of this node, with the context in which it came: for what is built on a manager and
   * brings messages of its own. Resolves when it was handled. Without `when` it is a message like any other, and how it
   * went is not told. With `when` it is one with `ack`, so it rejects where it is not handed over, or, with
   * `'handled'`, where its handler fails; `given` is called when its handler was given it.
   */
  handOver(
    server: string,
    message: unknown,
    context: MessageContext,
    when?: 'given' | 'handled',
    given?: () => void,
  ): Promise<void>
  /**
   * Hands a message to a server of this node; one that is not registered is counted and evented.
   * @throws {@link NotConnectedError} the reference belongs to another life of this node.
   */
  processForward(ref: ServerRef, message: unknown): void

  /**
   * Calls `fn` when the first connection to the node (`'*'`: to any) opens, again after each down, and at once when
   * it is up already. With a channel: when that channel's first lane opens.
   */
  onUp(node: string, fn: Watcher, options?: WatchOptions): Disposable
  /** Calls `fn` when the last connection is gone, exactly once for each up. */
  onDown(node: string, fn: Watcher, options?: WatchOptions): Disposable
  /**
   * Calls `fn` exactly once, when the server ends: its registration, or its node as seen from here; and soon when there
   * is no such server, or no such node. Never before messages that its node had sent to this one on the monitor's
   * channel. A member that was never up is waited for; of a node that is reached only through others it ends soon.
   * Until disposed; never before this call has returned.
   * @throws {@link StoppedError}, {@link InvalidOptionError}, {@link UnknownChannelError}: nothing is watched.
   * {@link NoSuchServerError}: the registry of the reference does not know the name.
   */
  monitor(ref: ServerRef<ServerName<Servers>>, fn: (end: MonitorEnd) => void, options?: MonitorOptions): Disposable
  /**
   * Calls `fn` for each peer that is up, and from then on whenever a life of any peer comes up or goes down. For each
   * node the two alternate, and the end of a life precedes the beginning of the next.
   */
  monitorNodes(fn: (event: NodeEvent) => void): Disposable

  /**
   * Makes `origin` cut itself off from all its peers, and its neighbours from theirs for `ttl` more hops. Messages stop
   * both ways until {@link resolvePartition}. Resolves when the origin has done it.
   */
  injectPartition(origin: string | NodeSpec, ttl: number): Promise<PartitionRef>
  /** Heals a partition, from whichever node. */
  resolvePartition(ref: PartitionRef): Promise<void>
  /** What is cut off from this node. */
  partitions(): readonly { readonly ref: PartitionRef; readonly node: NodeSpec }[]
  /** Puts a fault into the way of every message of this node, until it is disposed. */
  interpose(fn: Interposition): Disposable

  /** What was counted since the first start. */
  counters(): CounterValues
}
