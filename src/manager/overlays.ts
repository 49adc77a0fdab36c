import { InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { ClientMembership } from '../membership/client.js'
import { FullMembership } from '../membership/full.js'
import { HyParViewMembership, hyParViewRole } from '../membership/hyparview.js'
import type { Role } from '../membership/roles.js'
import { ScampMembership, scampRole } from '../membership/scamp.js'
import { ServerMembership } from '../membership/server.js'
import { StaticMembership, staticRole } from '../membership/static.js'
import type { MembershipStrategy } from '../membership/strategy.js'
import type { PeerServiceManager } from './manager.js'
import { type PeerServiceOptions, resolveOptions } from './options.js'
import { PeerService } from './peer-service.js'
import { resolveScamp, type ScampOptions, scampOptionNames } from './scamp-options.js'
import type { Untyped } from './servers.js'
import { resolvePeers, type StaticPeers } from './static-peers.js'
import { type HyParViewOptions, resolveViews, viewOptionNames } from './view-options.js'

/** What a node of an overlay of clients and servers can be told at its making. */
export interface ClientServerOptions extends PeerServiceOptions {
  /** Servers know everybody; a client knows the servers. */
  readonly role: 'client' | 'server'
}

/** What a node of a static mesh can be told at its making. */
export interface StaticMeshOptions extends PeerServiceOptions {
  /**
   * All peers there are, this node among them or not: their addresses by name (`[]` for one that only dials), or their
   * specs. Give every node the same, and no `seeds`. Default: the mesh is open, and members are those who joined each
   * other.
   */
  readonly peers?: StaticPeers
}

/**
 * A peer service whose members all know, and are all connected with, each other. The overlay to begin with; good for
 * some dozens of nodes.
 */
export function fullMesh<Servers = Untyped>(options: PeerServiceOptions = {}): PeerServiceManager<Servers> {
  const settings = resolveOptions(options)
  const { random, removeDownAfter } = settings
  return service(new PeerService(settings, new FullMembership({ random, removeDownAfter })))
}

/**
 * A peer service of some dozens of servers, which are a full mesh, and many clients, each connected with all servers
 * and with no other client. A client may have `listen: false`; a server may not, since two such could never meet.
 */
export function clientServer<Servers = Untyped>(options: ClientServerOptions): PeerServiceManager<Servers> {
  const role = roleOf(options)
  const settings = resolveOptions(options, role, ['role'])
  if (role === 'server' && settings.listen === undefined) {
    throw new InvalidOptionError('listen', 'where a server listens; only clients may do without', false)
  }
  const { random, removeDownAfter } = settings
  const strategy =
    role === 'server' ? new ServerMembership({ random, removeDownAfter }) : new ClientMembership({ random })
  return service(new PeerService(settings, strategy))
}

/**
 * A peer service whose members are those it was given, or, where none were given, those who joined each other: nobody
 * is
 * told of third parties.
 */
export function staticMesh<Servers = Untyped>(options: StaticMeshOptions = {}): PeerServiceManager<Servers> {
  const settings = resolveOptions(options, staticRole, ['peers'])
  const { removeDownAfter } = settings
  const peers = resolvePeers(options.peers, settings)
  if (peers !== undefined && settings.seeds.length > 0) {
    throw new InvalidOptionError('seeds', 'left out where peers are given: nobody else can join')
  }
  return service(new PeerService(settings, new StaticMembership({ peers, removeDownAfter })))
}

/**
 * A peer service of thousands of nodes: each is connected with a few neighbours, `members()` are these and the node
 * itself, and the overlay as a whole is connected.
 */
export function hyParView<Servers = Untyped>(options: HyParViewOptions = {}): PeerServiceManager<Servers> {
  const settings = resolveOptions(options, hyParViewRole, viewOptionNames)
  const { random } = settings
  return service(new PeerService(settings, new HyParViewMembership({ random, ...resolveViews(options) })))
}

/**
 * A peer service of hundreds or a few thousands of nodes that need not know how many they are: each holds (c + 1) ln n
 * others, `members()` are these and the node itself, and heavy failures leave the overlay connected.
 */
export function scamp<Servers = Untyped>(options: ScampOptions = {}): PeerServiceManager<Servers> {
  const settings = resolveOptions(options, scampRole, scampOptionNames)
  const { random } = settings
  return service(new PeerService(settings, new ScampMembership({ random, ...resolveScamp(options) })))
}

/** A peer service over an overlay of your own: any {@link MembershipStrategy}. */
export function peerService<Servers = Untyped, Message = unknown>(
  strategy: MembershipStrategy<Message>,
  options: PeerServiceOptions = {},
): PeerServiceManager<Servers> {
  return service(new PeerService(resolveOptions(options), strategy as MembershipStrategy))
}

function roleOf(options: unknown): Role {
  if (!isRecord(options)) throw new InvalidOptionError('options', 'a plain object', options)
  const { role } = options
  if (role !== 'client' && role !== 'server') throw new InvalidOptionError('role', `'client' or 'server'`, role)
  return role
}

/** Server names, messages and replies are checked by the compiler alone. */
function service<Servers>(untyped: PeerService): PeerServiceManager<Servers> {
  const typed: unknown = untyped
  return typed as PeerServiceManager<Servers>
}
