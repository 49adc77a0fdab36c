import { CloseCode } from '../codec/codec.js'
import { type ChannelMap, negotiateChannels } from '../core/channel.js'
import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import type { Freshness, Refusal, Slot } from './handshake.js'
import type { Lane, LaneAttempt } from './lane.js'
import type { Link } from './link.js'

/** What is known when a peer that has proved itself wants a slot. */
export interface AdmissionContext {
  readonly self: NodeSpec
  readonly channelMap: ChannelMap
  readonly links: ReadonlyMap<NodeName, Link>
  /** Links that may still be made for that peer. */
  readonly free: number
  /** What the overlay says of the peer. */
  readonly refusal: Refusal | undefined
  /** The connection leads through other nodes. */
  readonly relayed: boolean
}

/**
 * May the peer have the slot? `ours` is the attempt of this node that the connection comes from; undefined for an
 * accepted one. Of two attempts at the same generation the one of the node with the smaller name goes on; a later
 * generation always takes the place of an earlier one.
 */
export function admitPeer(
  { self, channelMap, links, free, refusal, relayed }: AdmissionContext,
  peer: NodeSpec,
  slot: Slot,
  ours: LaneAttempt | undefined,
): Freshness | Refusal {
  if (peer.name === self.name) {
    return peer.incarnation < self.incarnation ? staleIncarnation(self.incarnation) : namesake(self.name)
  }
  const link = links.get(peer.name)
  if (link !== undefined && peer.incarnation < link.spec.incarnation) return staleIncarnation(link.spec.incarnation)
  if (refusal !== undefined) return refusal
  const shared = negotiateChannels(channelMap, peer.channels).get(slot.channel)
  if (shared === undefined || slot.lane >= shared.parallelism) return unknownChannel(slot)
  if ((link === undefined || link.openLanes === 0) && free <= 0) return tooManyPeers
  if (link === undefined) return { fresh: true }
  if (link.spec.incarnation !== peer.incarnation) return { fresh: true }
  const lane = link.channels.get(slot.channel)?.lanes[slot.lane]
  if (lane === undefined) return unknownChannel(slot)
  if (slot.generation <= lane.generation) {
    return { code: CloseCode.staleGeneration, text: 'a later connection exists', known: lane.generation }
  }
  if (slot.generation > lane.generation + generationLeapMax) return wildGeneration
  if (ours === undefined && lane.attempt?.generation === slot.generation && self.name < peer.name) return tieBreak
  // The dialler may have sent messages on the relayed one: they are on their way behind its word that it is ready.
  if (!relayed && lane.relayed && lane.phase === 'opening') return opening
  return { fresh: lane.fresh }
}

/** What a greeting may ask for. */
export interface ControlChoice {
  /** The control lane of the peer's link; undefined where there is no link yet. */
  readonly lane: Lane | undefined
  readonly generation: number
  readonly fresh: boolean
  /** The lane is open, or about to be: there is nothing to ask for. */
  readonly taken: Link | undefined
  readonly refusal: Refusal | undefined
}

/** What a greeting may ask of a peer whose name it has just learnt: its control lane, unless that is taken. */
export function chooseControl(
  links: ReadonlyMap<NodeName, Link>,
  peer: { readonly name: NodeName; readonly incarnation: Incarnation },
): ControlChoice {
  const link = links.get(peer.name)
  const first = { lane: undefined, generation: 1, fresh: true, taken: undefined, refusal: undefined }
  if (link === undefined || peer.incarnation > link.spec.incarnation) return { ...first, lane: link?.control }
  if (peer.incarnation < link.spec.incarnation) return { ...first, refusal: staleIncarnation(link.spec.incarnation) }
  const lane = link.control
  const isOpen = lane.connection !== undefined && !lane.relayed
  const taken = isOpen || lane.attempt?.generation !== undefined ? link : undefined
  return { ...first, lane, generation: lane.generation + 1, fresh: lane.fresh, taken }
}

export function staleIncarnation(known: Incarnation): Refusal {
  return { code: CloseCode.staleIncarnation, text: 'a later start of this node is known', known }
}

export const wrongCertificate: Refusal = { code: CloseCode.certificate, text: 'the certificate bears another name' }

function namesake(name: NodeName): Refusal {
  return { code: CloseCode.wrongNode, text: name }
}

function unknownChannel({ channel, lane }: Slot): Refusal {
  return { code: CloseCode.unknownChannel, text: `no lane ${lane} of channel '${channel}'` }
}

/** A lane that forgot its generation is told of it; one that leaps further would soon run out of numbers. */
const generationLeapMax = 1_000_000
const wildGeneration: Refusal = { code: CloseCode.malformed, text: 'a generation that no lane reaches' }
const tooManyPeers: Refusal = { code: CloseCode.tooManyPeers, text: 'limits.peers is reached' }
const opening: Refusal = { code: CloseCode.opening, text: 'a connection through other nodes is about to open' }
const tieBreak: Refusal = { code: CloseCode.tieBreak, text: 'both nodes dialled, and the smaller name is preferred' }
