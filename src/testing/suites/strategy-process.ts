import type { Incarnation, NodeName, NodeSpec } from '../../core/node.js'
import type { Clock } from '../../core/time.js'
import { Overlay, type OverlayHandler } from '../../manager/overlay.js'
import type { MembershipEvent, MembershipInput } from '../../membership/strategy.js'
import type { WatchedStrategy } from './watched-strategy.js'

/** What a process knows of a peer. */
export interface BusPeer {
  /** The newest spec it has met. */
  spec: NodeSpec
  /** The connection, while this end takes it to be open. */
  connection: number | undefined
  /** The strategy wants a connection. */
  wanted: boolean
  /** A dial is under way, or about to be. */
  dialling: boolean
}

/** A join that goes on until the peer counts this node. */
export interface BusJoin {
  readonly peer: NodeName
  /** When it was asked last. */
  asked: number | undefined
}

/** One process on a bus: a machine, and what its shell keeps. It may live several lives. */
export class StrategyProcess {
  readonly name: NodeName
  readonly strategy: WatchedStrategy
  readonly overlay: Overlay
  /** What the strategy told of in this life. */
  readonly events: MembershipEvent[] = []
  readonly peers: Map<NodeName, BusPeer> = new Map()
  readonly joins: Set<BusJoin> = new Set()
  spec: NodeSpec
  running = false
  /** It has left, or was removed. */
  departed = false
  /** It was told of a later life of its name. */
  superseded: Incarnation | undefined

  constructor(
    spec: NodeSpec,
    strategy: WatchedStrategy,
    clock: Clock,
    handler: (self: StrategyProcess) => OverlayHandler,
  ) {
    this.name = spec.name
    this.spec = spec
    this.strategy = strategy
    this.overlay = new Overlay(strategy, clock, handler(this))
  }

  /** Begins a life. */
  begin(incarnation: Incarnation): void {
    this.spec = { ...this.spec, incarnation }
    this.running = true
    this.departed = false
    this.superseded = undefined
    this.events.length = 0
    this.overlay.stop()
    this.step({ type: 'start', self: this.spec })
  }

  step(input: MembershipInput<unknown>): void {
    this.overlay.step(input)
  }

  isUp(peer: NodeName): boolean {
    return this.peers.get(peer)?.connection !== undefined
  }

  get members(): readonly NodeName[] {
    return this.strategy.members().map(({ name }) => name)
  }

  told(type: MembershipEvent['type']): MembershipEvent[] {
    return this.events.filter(event => event.type === type)
  }
}
