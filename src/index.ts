/**
 * A peer service for Node.js: cluster membership, and messages over named channels. Begin with {@link fullMesh}.
 *
 * @module
 */

export type { ChannelMap, ChannelName, ChannelOptions, ChannelSpec, Overflow, Unchecked } from './core/channel.js'
export {
  CausalOrderError,
  DeadlineError,
  DiscoveryError,
  EncodeError,
  FaultsDeniedError,
  InsecureError,
  InvalidOptionError,
  ListenError,
  MaquisError,
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  PartitionedError,
  RefusedError,
  RemoteError,
  RemovedError,
  ReservationError,
  RoleError,
  SchemaError,
  ServerExistsError,
  StaleIncarnationError,
  StoppedError,
  SupersededError,
  TooManyPeersError,
  UnknownChannelError,
  UnknownOutcomeError,
  UnreachableError,
  WrongCertificateError,
  WrongClusterError,
  WrongNodeError,
  WrongSecretError,
  WrongVersionError,
} from './core/errors.js'
export type { Machine } from './core/machine.js'
export { NoRouteError } from './core/no-route-error.js'
export { type Incarnation, type NodeAttributes, type NodeName, type NodeSpec, parseNodeSpec } from './core/node.js'
export { type Entropy, type Random, SeededRandom } from './core/random.js'
export type { SendOutcome } from './core/send-outcome.js'
export type { Clock, Instant, Millis } from './core/time.js'
export type { Discovery } from './discovery/discovery.js'
export { type DnsDiscoveryOptions, type DnsResolver, dnsDiscovery, type ServiceRecord } from './discovery/dns.js'
export { fileDiscovery } from './discovery/file.js'
export { staticList } from './discovery/static-list.js'
export {
  type Interposition,
  type Passage,
  type PassageKind,
  passageKinds,
  type Verdict,
} from './fault/interposition.js'
export { only, type PassageFilter } from './fault/only.js'
export type { PartitionRef } from './fault/partition.js'
export type { HeartbeatOptions } from './link/heartbeat.js'
export type { Limits } from './link/limits.js'
export type { BroadcastOptions } from './manager/broadcaster.js'
export type { CounterName, CounterValues } from './manager/counters.js'
export type { DropReason, ManagerEvents } from './manager/events.js'
export type {
  AckOptions,
  BroadcastTo,
  ConnectionInfo,
  ForwardOptions,
  JoinOptions,
  PeerServiceManager,
  Replies,
  Request,
  RequestAll,
  RequestOptions,
  Send,
  SendMessageOptions,
  Watcher,
  WatchOptions,
} from './manager/manager.js'
export type { MonitorEnd, MonitorOptions } from './manager/monitoring.js'
export type { NodeEvent } from './manager/node-monitors.js'
export type { ListenOptions, Logger, PeerServiceOptions } from './manager/options.js'
export {
  type ClientServerOptions,
  clientServer,
  fullMesh,
  hyParView,
  peerService,
  type StaticMeshOptions,
  scamp,
  staticMesh,
} from './manager/overlays.js'
export type { ReplicatedStore, ReplicateOptions } from './manager/replicas.js'
export type { ScampOptions } from './manager/scamp-options.js'
export { isRemoteRef } from './manager/server-ref.js'
export type {
  Delivery,
  Handler,
  MessageContext,
  MessageOf,
  Register,
  RegisterOptions,
  Registry,
  RemoteRef,
  ReplyOf,
  ServerName,
  ServerRef,
  ServerShape,
  Untyped,
} from './manager/servers.js'
export type { StandardIssue, StandardResult, StandardSchemaV1 } from './manager/standard-schema.js'
export type { StaticPeers } from './manager/static-peers.js'
export type { HyParViewOptions, XBotOptions } from './manager/view-options.js'
export type {
  Admission,
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipState,
  MembershipStrategy,
} from './membership/strategy.js'
export type {
  Address,
  Connection,
  ConnectionHandler,
  ConnectionSecurity,
  ListenAddress,
  Listener,
  Transport,
} from './transport/transport.js'
export { WebSocketTransport, type WebSocketTransportOptions } from './transport/websocket.js'
export type { StrangerBounds } from './transport/websocket-listener.js'
export type { TlsOptions } from './transport/websocket-security.js'
