import type { NodeSpec } from '../../src/core/node.js'
import { ClientMembership } from '../../src/membership/client.js'
import type { ServerMessage } from '../../src/membership/client-server-messages.js'
import { ServerMembership } from '../../src/membership/server.js'
import type { MembershipStrategy } from '../../src/membership/strategy.js'
import { MembershipBus, specOf } from './membership-bus.js'

/** A node whose name begins with `c` is a client without an address, any other a server. */
export function nodeOf(name: string, incarnation = 1, more: Partial<NodeSpec> = {}): NodeSpec {
  const role = name.startsWith('c') ? 'client' : 'server'
  return specOf(name, incarnation, { role, ...(role === 'client' && { addresses: [] }), ...more })
}

/** A bus of clients and servers. */
export class RoleBus extends MembershipBus<ServerMessage> {
  constructor(seed = 1) {
    super((spec, random) => {
      const machine = spec.role === 'client' ? new ClientMembership({ random }) : new ServerMembership({ random })
      return machine as MembershipStrategy as MembershipStrategy<ServerMessage>
    }, seed)
  }

  override start(
    name: string,
    incarnation = 1,
    more: Partial<NodeSpec> = {},
  ): ReturnType<MembershipBus<ServerMessage>['start']> {
    return super.start(name, incarnation, nodeOf(name, incarnation, more))
  }

  /** Whether servers list exactly these, and clients the servers of these and themselves. */
  isWhole(...names: readonly string[]): boolean {
    return [...this.nodes.values()].every(({ name, members }) => {
      const known = names.filter(each => !name.startsWith('c') || each === name || !each.startsWith('c'))
      return members.join() === [...known].sort().join()
    })
  }

  clientsOf(server: string): unknown {
    return this.node(server).machine.state().clients
  }
}

/** The servers joined the first of them, each client one of them. */
export function roleCluster(names: readonly string[], seed?: number): RoleBus {
  const bus = new RoleBus(seed)
  for (const name of names) bus.start(name)
  const servers = names.filter(name => !name.startsWith('c'))
  for (const [index, name] of names.entries()) {
    const peer = name.startsWith('c') ? servers[index % servers.length] : servers[0]
    if (peer !== undefined && peer !== name) bus.join(name, peer)
  }
  bus.run(2_000)
  return bus
}
