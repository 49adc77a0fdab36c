import type { ChannelName } from '../core/channel.js'
import type { NodeName } from '../core/node.js'
import type { Instant, Millis } from '../core/time.js'
import type { Address, Connection } from '../transport/transport.js'
import type { Lane } from './lane.js'
import { circuitHandshakeMillis, dialMillis, handshakeMillis } from './limits.js'
import type { Link } from './link.js'

/** Where a circuit through other nodes leads: on a channel, to a node. */
export interface CircuitAddress extends Address {
  readonly channel: ChannelName
  readonly node: NodeName
}

/** Opening a circuit through other nodes takes at most so long: they tell before that when there is no way. */
const circuitDialMillis: Millis = 12_000

/** What is open to a peer stays so long without a control lane where this end does not want it. */
const leftMillis: Millis = 10_000

/**
 * Where a lane that may want a connection is dialled next; undefined: nowhere. Direct connections are dialled where
 * the overlay or the user wants them, also in the place of relayed ones, and where one is kept; circuits while there is
 * no direct connection: a search would ask the peer itself, over the very lane that is missing.
 */
export function wayTo(lane: Lane): Address | undefined {
  const { link, connection, dials } = lane
  const { state, spec, directLanes } = link
  if (lane.retired || lane.attempt !== undefined || state.phase === 'left' || link.asked) return undefined
  const { addresses } = spec
  const isControl = lane === link.control
  const wanted = state.wanted || link.pinned
  // A connection that is kept for what goes over it is kept whole.
  const kept = state.sought && directLanes > 0 && connection === undefined
  // While the peer is away one dial at a time asks for it: its control lane.
  const direct =
    (wanted || kept) &&
    addresses.length > 0 &&
    (connection === undefined || (lane.relayed && !lane.moving)) &&
    (directLanes > 0 || isControl)
  const circuit =
    state.sought &&
    state.phase !== 'cut' &&
    connection === undefined &&
    directLanes === 0 &&
    (link.openLanes > 0 || isControl)
  if (circuit && (!direct || dials % 2 === 0)) return circuitTo(lane)
  if (!direct) return undefined
  const url = addresses[(circuit ? dials >> 1 : dials) % addresses.length] as string
  return { url, compression: lane.channel.compression }
}

/**
 * Whether lanes are open that neither end keeps: this one does not want the peer, and for a while nobody has opened the
 * control lane, which whoever does want it dials first.
 */
export function isLeft({ control, state, pinned, openLanes }: Link, now: Instant): boolean {
  if (openLanes === 0 || state.wanted || state.sought || pinned) return false
  return control.connection === undefined && control.attempt === undefined && now - control.closedAt >= leftMillis
}

function circuitTo({ channel, link }: Lane): CircuitAddress {
  return { url: `relay:${link.name}`, channel: channel.name, node: link.name }
}

/** Whether it leads through other nodes. What nodes tell of their addresses never does: it has a URL alone. */
export function isCircuit(address: Address): address is CircuitAddress {
  return 'node' in address && 'channel' in address
}

/** How long a handshake may take, and the dialler may be silent after it. */
export function handshakePatienceOf({ relayed }: Connection): Millis {
  return relayed === true ? circuitHandshakeMillis : handshakeMillis
}

/** How long a dial may take. */
export function patienceOf(address: Address): Millis {
  return isCircuit(address) ? circuitDialMillis : dialMillis
}
