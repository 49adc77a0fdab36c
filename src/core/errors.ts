import type { ChannelName } from './channel.js'
import { describe } from './describe.js'
import type { Incarnation, NodeName } from './node.js'
import type { SendOutcome } from './send-outcome.js'

/**
 * The caller's mistakes and the world's refusals. Each class carries its facts and a stable `code`; docs/errors.md
 * has a section for each code. What a peer does wrong is never thrown: it closes the link and emits an event.
 */
export abstract class MaquisError extends Error {
  abstract readonly code: string
  /** Errors that tell of messages both before and after they are sent say so; others are clear without it. */
  declare readonly outcome?: SendOutcome
  /** The name of the class. */
  override get name(): string {
    return this.constructor.name
  }
}

/** An option, name, address or argument that cannot be meant so. */
export class InvalidOptionError extends MaquisError {
  readonly code = 'ERR_INVALID_OPTION'
  readonly option: string

  constructor(option: string, expected: string, got?: unknown) {
    super(`${option} must be ${expected}${got === undefined ? '' : `, but is ${describe(got)}`}`)
    this.option = option
  }
}

/** The node was not started, or has been stopped. */
export class StoppedError extends MaquisError {
  readonly code = 'ERR_STOPPED'
  override readonly outcome: SendOutcome

  constructor(node: string, what = 'this needs a running node', outcome: SendOutcome = 'not-sent') {
    super(`node '${node}' is not running: ${what}; call start() first`)
    this.outcome = outcome
  }
}

/** The node would listen beyond loopback while anybody could join it. */
export class InsecureError extends MaquisError {
  readonly code = 'ERR_INSECURE'

  constructor(host: string) {
    super(
      `refusing to listen on '${host}' without a secret or TLS with client certificates: anybody who reaches it ` +
        `could join. Set 'secret' or 'listen.tls', or 'insecure: true' if the network is trusted`,
    )
  }
}

/** Listening failed. */
export class ListenError extends MaquisError {
  readonly code = 'ERR_LISTEN'

  constructor(host: string, port: number, cause: unknown) {
    super(`cannot listen on ${host}:${port}: ${describe(cause)}; choose another port, or 0 for any`, { cause })
  }
}

/** There is no connection to the node, and it is not a member that one could wait for; or it is down. */
export class NotConnectedError extends MaquisError {
  readonly code = 'ERR_NOT_CONNECTED'
  readonly node: NodeName
  readonly reason: 'stranger' | 'down' | 'left' | 'restarted'

  constructor(node: string, reason: NotConnectedError['reason'], isRelayable = false) {
    const fix = {
      stranger: `is not a member: join it first${isRelayable ? ', or pass transitive: true to go through others' : ''}`,
      down: `is down; pass whenDown: 'wait' to wait for it`,
      left: 'has left the cluster',
      restarted: 'has been started anew: the message was meant for a life of it that ended',
    }
    super(`node '${node}' ${fix[reason]}`)
    this.node = node as NodeName
    this.reason = reason
  }
}

/** A partition that was injected on purpose lies between this node and the peer. */
export class PartitionedError extends MaquisError {
  readonly code = 'ERR_PARTITIONED'
  readonly node: NodeName
  override readonly outcome: SendOutcome

  constructor(node: string, outcome: SendOutcome = 'not-sent') {
    super(`an injected partition cuts node '${node}' off; resolvePartition(ref) heals it`)
    this.node = node as NodeName
    this.outcome = outcome
  }
}

/** No channel of that name, here or at the peer. */
export class UnknownChannelError extends MaquisError {
  readonly code = 'ERR_UNKNOWN_CHANNEL'
  readonly channel: ChannelName
  readonly where: 'local' | 'remote'

  constructor(channel: string, where: 'local' | 'remote', known: readonly string[]) {
    super(
      `${where === 'local' ? 'this node' : 'the peer'} has no channel '${channel}', only ${known.join(', ')}; ` +
        `declare it in the 'channels' option${where === 'local' ? '' : ' of both nodes'}`,
    )
    this.channel = channel as ChannelName
    this.where = where
  }
}

/** A queue is full and its policy does not let the message in. */
export class OverflowError extends MaquisError {
  readonly code = 'ERR_OVERFLOW'
  readonly node: NodeName
  readonly channel: ChannelName

  /** `why`: where it is not what waits that is too much. */
  constructor(node: string, channel: string, limit: string, why?: string) {
    const waits = `too much waits for node '${node}' on channel '${channel}' (${limit})`
    super(why ?? `${waits}: await forwardMessage, or raise the limit`)
    this.node = node as NodeName
    this.channel = channel as ChannelName
  }
}

/** A newer message of a monotonic channel took this one's place before it was sent. */
export class SupersededError extends MaquisError {
  readonly code = 'ERR_SUPERSEDED'

  constructor() {
    super('a newer message of the same key took its place before it was sent (the channel is monotonic)')
  }
}

/**
 * A message of a causal label came after messages that depend on it had been handed over at the node, which had given
 * it up: it was not handed over.
 */
export class CausalOrderError extends MaquisError {
  readonly code = 'ERR_CAUSAL_ORDER'
  readonly node: NodeName
  readonly label: string

  constructor(node: string, label: string) {
    super(
      `node '${node}' had given the message up, and handed over what depends on it (causal label '${label}'): ` +
        'send what it says again, in a new message',
    )
    this.node = node as NodeName
    this.label = label
  }
}

/** The deadline or timeout passed. */
export class DeadlineError extends MaquisError {
  readonly code = 'ERR_DEADLINE'
  override readonly outcome: SendOutcome

  constructor(what: string, outcome: SendOutcome) {
    super(`${what} passed its deadline (${outcome === 'not-sent' ? 'it was not handled' : 'it may have been handled'})`)
    this.outcome = outcome
  }
}

/** The message holds something that cannot travel, or is larger than a message may be. */
export class EncodeError extends MaquisError {
  readonly code = 'ERR_ENCODE'

  constructor(why: string) {
    super(`the message cannot be sent: ${why}`)
  }
}

/**
 * What was sent may or may not have been handled: the peer, or the connection, went away before it answered; or the
 * signal of a message with `ack` aborted, whose reason is the `cause`.
 */
export class UnknownOutcomeError extends MaquisError {
  readonly code = 'ERR_UNKNOWN_OUTCOME'
  readonly node: NodeName
  override readonly outcome = 'unknown'

  constructor(node: string, what: 'message' | 'request', why: string, options?: ErrorOptions) {
    super(`no answer from node '${node}': ${why}; the ${what} may or may not have been handled`, options)
    this.node = node as NodeName
  }
}

/** Nobody has registered that name at the node. */
export class NoSuchServerError extends MaquisError {
  readonly code = 'ERR_NO_SUCH_SERVER'
  readonly node: NodeName
  readonly server: string

  constructor(node: string, server: string) {
    super(`no server '${server}' is registered at node '${node}'`)
    this.node = node as NodeName
    this.server = server
  }
}

/** The name is taken: each name has one handler or iterator at a time. */
export class ServerExistsError extends MaquisError {
  readonly code = 'ERR_SERVER_EXISTS'
  readonly server: string

  constructor(server: string, text?: string) {
    super(text ?? `server '${server}' is registered already; dispose the earlier registration first`)
    this.server = server
  }
}

/**
 * The handler threw: upon a request, or a message with `ack: { when: 'handled' }`. What it threw is told by name, code
 * and message, of whatever class it is; its stack does not cross the wire.
 */
export class RemoteError extends MaquisError {
  readonly code = 'ERR_REMOTE'
  readonly node: NodeName
  readonly server: string
  /** The `name` of the error that the handler threw. */
  readonly remoteName: string
  /** Its `code`, when it had one. */
  readonly remoteCode: string | undefined
  /** Its `message`, word for word, up to 4,096 characters. */
  readonly remoteMessage: string

  constructor(node: string, server: string, remote: { name: string; message: string; code?: string | undefined }) {
    super(`server '${server}' at node '${node}' failed: ${remote.message}`)
    this.node = node as NodeName
    this.server = server
    this.remoteName = remote.name
    this.remoteCode = remote.code
    this.remoteMessage = remote.message
  }
}

/** The message does not fit the schema that the server was registered with. */
export class SchemaError extends MaquisError {
  readonly code = 'ERR_SCHEMA'
  readonly server: string
  readonly issues: readonly string[]

  constructor(server: string, issues: readonly string[]) {
    super(`the message does not fit the schema of server '${server}': ${issues.join('; ')}`)
    this.server = server
    this.issues = issues
  }
}

/** The overlay keeps no further connection slots. */
export class ReservationError extends MaquisError {
  readonly code = 'ERR_RESERVATION'

  constructor(tag: string, maxReserved: number) {
    super(`cannot reserve a slot for '${tag}': all ${maxReserved} are taken; raise maxReserved`)
  }
}

/** The node that should cut itself off does not take faults from others. */
export class FaultsDeniedError extends MaquisError {
  readonly code = 'ERR_FAULTS_DENIED'
  readonly node: NodeName

  constructor(node: string) {
    super(`node '${node}' takes no faults from other nodes; start it with allowRemoteFaults: true`)
    this.node = node as NodeName
  }
}

/** The node that a fault was meant for is neither a member nor connected, or does not answer; or a dial failed. */
export class UnreachableError extends MaquisError {
  readonly code = 'ERR_UNREACHABLE'
  readonly peer: string

  constructor(peer: string, cause?: unknown) {
    super(`cannot reach '${peer}'${cause === undefined ? '' : `: ${describe(cause)}`}`, { cause })
    this.peer = peer
  }
}

/** A discovery could not tell where nodes are: it failed, or took too long. It is looked up again. */
export class DiscoveryError extends MaquisError {
  readonly code = 'ERR_DISCOVERY'

  constructor(what: string, cause: unknown) {
    super(`discovery by ${what} failed: ${describe(cause)}`, { cause })
  }
}

/** A peer refused the handshake, or this node refused the peer. `permanent` refusals are not retried. */
export abstract class RefusedError extends MaquisError {
  /** The other node, or its address where the name is not known. */
  readonly peer: string
  /** Who refused. */
  readonly by: 'us' | 'peer'

  constructor(peer: string, by: 'us' | 'peer', message: string) {
    super(message)
    this.peer = peer
    this.by = by
  }
}

/** The two nodes belong to different clusters. */
export class WrongClusterError extends RefusedError {
  readonly code = 'ERR_WRONG_CLUSTER'
  constructor(peer: string, by: 'us' | 'peer') {
    super(peer, by, `'${peer}' belongs to another cluster; set the same 'cluster' option on both nodes`)
  }
}

/** The shared secrets differ, or only one of the two nodes has one. */
export class WrongSecretError extends RefusedError {
  readonly code = 'ERR_WRONG_SECRET'
  constructor(peer: string, by: 'us' | 'peer') {
    super(peer, by, `'${peer}' did not prove the same secret; set the same 'secret' option on both nodes`)
  }
}

/** No protocol version is common to both nodes. */
export class WrongVersionError extends RefusedError {
  readonly code = 'ERR_WRONG_VERSION'
  constructor(peer: string, by: 'us' | 'peer') {
    super(peer, by, `'${peer}' speaks no protocol version that this node speaks; upgrade the older of the two`)
  }
}

/** A node of that name with a later incarnation is known. */
export class StaleIncarnationError extends RefusedError {
  readonly code = 'ERR_STALE_INCARNATION'
  /** The later incarnation that is known. */
  readonly known: Incarnation

  constructor(peer: string, by: 'us' | 'peer', known: Incarnation) {
    super(
      peer,
      by,
      by === 'peer'
        ? `'${peer}' knows a later start of this node's name: two nodes use one name, and the later one stays`
        : `'${peer}' is superseded: a later start of it is known`,
    )
    this.known = known
  }
}

/** The certificate does not name the node that showed it. */
export class WrongCertificateError extends RefusedError {
  readonly code = 'ERR_WRONG_CERTIFICATE'
  constructor(peer: string, by: 'us' | 'peer') {
    super(
      peer,
      by,
      `the certificate shown between this node and '${peer}' does not bear the name of the node that showed it`,
    )
  }
}

/** The overlay of one of the two nodes does not take the other, or does not let it do that. */
export class RoleError extends RefusedError {
  readonly code = 'ERR_ROLE'
  constructor(peer: string, by: 'us' | 'peer', why: string) {
    super(peer, by, `the roles of this node and '${peer}' do not allow it: ${why}`)
  }
}

/** The node was removed from the cluster, or has left it, in this incarnation. */
export class RemovedError extends RefusedError {
  readonly code = 'ERR_REMOVED'
  constructor(peer: string, by: 'us' | 'peer') {
    super(
      peer,
      by,
      by === 'peer'
        ? `'${peer}' says that this node has left the cluster; join() or start() begins anew`
        : `'${peer}' has left the cluster, in this incarnation`,
    )
  }
}

/** Another node than the expected one answers at an address, or a node dialled itself. */
export class WrongNodeError extends RefusedError {
  readonly code = 'ERR_WRONG_NODE'
  /** Who answered. */
  readonly found: string

  constructor(peer: string, by: 'us' | 'peer', found: string) {
    super(peer, by, `'${peer}' is not the node that was meant: it is '${found}'`)
    this.found = found
  }
}

/** A node keeps links to so many others and no more. */
export class TooManyPeersError extends RefusedError {
  readonly code = 'ERR_TOO_MANY_PEERS'
  constructor(peer: string, by: 'us' | 'peer') {
    super(peer, by, `${by === 'us' ? 'this node' : `'${peer}'`} has as many peers as limits.peers allows`)
  }
}
