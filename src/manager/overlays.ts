import { FullMembership } from '../membership/full.js'
import type { MembershipStrategy } from '../membership/strategy.js'
import type { PeerServiceManager } from './manager.js'
import { type PeerServiceOptions, resolveOptions } from './options.js'
import { PeerService } from './peer-service.js'
import type { Untyped } from './servers.js'

/**
 * A peer service whose members all know, and are all connected with, each other. The overlay to begin with; good for
 * some dozens of nodes.
 */
export function fullMesh<Servers = Untyped>(options: PeerServiceOptions = {}): PeerServiceManager<Servers> {
  const settings = resolveOptions(options)
  const { random, removeDownAfter } = settings
  return service(new PeerService(settings, new FullMembership({ random, removeDownAfter })))
}

/** A peer service over an overlay of your own: any {@link MembershipStrategy}. */
export function peerService<Servers = Untyped, Message = unknown>(
  strategy: MembershipStrategy<Message>,
  options: PeerServiceOptions = {},
): PeerServiceManager<Servers> {
  return service(new PeerService(resolveOptions(options), strategy as MembershipStrategy))
}

/** Server names, messages and replies are checked by the compiler alone. */
function service<Servers>(untyped: PeerService): PeerServiceManager<Servers> {
  const typed: unknown = untyped
  return typed as PeerServiceManager<Servers>
}
