import { ByteReader } from '../codec/byte-reader.js'
import { ByteWriter } from '../codec/byte-writer.js'
import { abortReason, onAbort } from '../core/abort.js'
import type { ChannelName } from '../core/channel.js'
import { StoppedError } from '../core/errors.js'
import { unreachable } from '../core/invariant.js'
import { NoRouteError } from '../core/no-route-error.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Millis } from '../core/time.js'
import { type CircuitRef, isCircuitRef, type NoWay, parseCircuitMessage } from '../delivery/circuit-messages.js'
import { type CircuitEffect, type CircuitInput, Circuits } from '../delivery/circuits.js'
import type { LinkHub } from '../link/hub.js'
import type { Lane } from '../link/lane.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import type { CircuitAddress } from '../link/ways.js'
import { isClient } from '../membership/roles.js'
import type { MembershipStrategy } from '../membership/strategy.js'
import type { Connection, ConnectionHandler } from '../transport/transport.js'
import { CircuitConnection } from './circuit-connection.js'
import { CircuitSide, type CircuitSideContext } from './circuit-side.js'
import type { CounterName } from './counters.js'
import { RelayArrivals, type RelayArrivalsContext } from './relay-arrivals.js'
import type { Reporter } from './reporter.js'

export interface RelayerContext
  extends CircuitSideContext,
    Omit<RelayArrivalsContext, 'take' | 'dropped' | 'counters'> {
  readonly self: () => NodeSpec
  readonly hub: LinkHub
  readonly strategy: () => MembershipStrategy
  readonly reporter: Reporter
  readonly limits: Limits
}

/** What of a circuit cannot be passed on for so long closes it: it keeps credit of others who use the same lane. */
const stallMillis: Millis = 3_000

/** What is kept of a circuit here beside its place in the machine. */
interface Kept {
  readonly channel: ChannelName
  /** Precedes the bytes of each chunk. */
  readonly head: Uint8Array
  readonly sides: Map<NodeName, CircuitSide>
  /** Connections of neighbours that it has used: when one is lost, something of it may be. */
  readonly lanes: Set<Lane>
  /** Set where this node is one of its ends. */
  end: CircuitConnection | undefined
  /** Who dialled it, until it is open. */
  dial: { opened(): void; failed(why: NoWay | Error): void } | undefined
}

/** Ways through other nodes: the shell of the {@link Circuits} machine, whose circuits are connections here. */
export class Relayer {
  readonly arrivals: RelayArrivals
  readonly #context: RelayerContext
  readonly #kept = new Map<CircuitRef, Kept>()
  readonly #lanes = new Map<Lane, Set<CircuitRef>>()
  readonly #inputs: { readonly input: CircuitInput; readonly channel: ChannelName | undefined }[] = []
  #stepping = false
  #machine: Circuits
  #count = 0
  #cancelTimer: (() => void) | undefined

  constructor(context: RelayerContext) {
    this.#context = context
    this.#machine = this.#fresh()
    this.arrivals = new RelayArrivals({
      ...context,
      counters: context.reporter.counters,
      take: (lane, message) => this.#take(lane, message),
      dropped: (lane, message) => this.#dropped(lane, message),
    })
  }

  /** Circuits that begin, end or pass here, or are looked for. */
  get size(): number {
    return this.#kept.size
  }

  /** A life of this node begins or ends. */
  reset(): void {
    this.#cancelTimer?.()
    const all = [...this.#kept.values()]
    this.#kept.clear()
    this.#lanes.clear()
    this.#inputs.length = 0
    this.#machine = this.#fresh()
    for (const { sides, end, dial } of all) {
      for (const side of sides.values()) side.drop()
      dial?.failed(new StoppedError(this.#context.self().name, 'it was stopped'))
      if (dial === undefined) end?.ended('the node stops')
    }
  }

  /** Opens a circuit. See {@link Transport.dial}. */
  dial({ channel, node }: CircuitAddress, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection> {
    const { self, limits } = this.#context
    const { name, incarnation } = self()
    const next = (): CircuitRef => `${name}/${incarnation}/${++this.#count}` as CircuitRef
    let circuit = next()
    // A peer may have named one of its own so.
    while (this.#kept.has(circuit)) circuit = next()
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const kept = this.#keep(circuit, channel)
      const end = this.#connection(circuit, node)
      end.own(handler)
      kept.end = end
      const over = (): void => {
        kept.dial = undefined
        unlisten()
      }
      const unlisten = onAbort(signal, () => {
        kept.dial = undefined
        this.#step({ type: 'close', circuit, reason: 'it was given up' })
        reject(abortReason(signal))
      })
      kept.dial = {
        opened: () => {
          over()
          resolve(end)
        },
        failed: why => {
          over()
          const reason = why === 'lost' ? 'time' : why
          reject(reason instanceof Error ? reason : new NoRouteError(node, reason, limits.hops))
        },
      }
      this.#step({ type: 'dial', circuit, destination: node })
    })
  }

  /** A connection of a neighbour is lost, and with it whatever was under way on it. */
  laneClosed(lane: Lane): void {
    const circuits = this.#lanes.get(lane)
    if (circuits === undefined) return
    this.#lanes.delete(lane)
    for (const circuit of circuits) this.#step({ type: 'lost', circuit, peer: lane.link.name })
  }

  /** A node is no neighbour any more: no connection is left, or a cut lies between. */
  parted({ name }: Link): void {
    this.#step({ type: 'down', peer: name })
  }

  /** Regular care: what is stuck here on its way through. */
  tick(): void {
    const now = this.#context.clock.now()
    for (const [circuit, { sides, end }] of [...this.#kept]) {
      if (end !== undefined) continue
      for (const { peer, waitsSince } of [...sides.values()]) {
        if (now - (waitsSince ?? now) >= stallMillis) this.#step({ type: 'lost', circuit, peer })
      }
    }
  }

  #fresh(): Circuits {
    const { self, limits } = this.#context
    return new Circuits({
      self: self().name,
      ways: to => this.#ways(to),
      admits: (from, origin, destination) => this.#admits(from, origin, destination),
      hops: limits.hops,
      carried: limits.circuits,
    })
  }

  /** Neighbours that may know a way: the node itself alone, those that the overlay names, or all. */
  #ways(to: NodeName): readonly NodeName[] {
    const { hub, strategy } = this.#context
    const isNeighbour = ({ name }: NodeSpec): boolean => hub.links.get(name)?.state.direct === true
    if (hub.links.get(to)?.state.direct === true) return [to]
    const overlay = strategy()
    // Where nobody knows all, whoever is connected may know one, whether both count each other or not.
    if (!knowsAll(overlay))
      return [...hub.links.values()]
        .map(({ spec }) => spec)
        .filter(isNeighbour)
        .map(({ name }) => name)
    const named = overlay.route(to).filter(isNeighbour)
    // The overlay takes it for a neighbour, which it is not just now, or has not heard of it: a neighbour may have.
    // Clients carry nothing for others.
    const others = () => overlay.members().filter(spec => isNeighbour(spec) && !isClient(spec))
    return (named.length > 0 ? named : others()).map(({ name }) => name)
  }

  /** Circuits come from neighbours, and, as far as the overlay knows everybody, from, for and of members. */
  #admits(from: NodeName, origin: NodeName, destination: NodeName): boolean {
    const overlay = this.#context.strategy()
    if (!knowsAll(overlay)) return this.#context.hub.links.get(from)?.state.direct === true
    if (!overlay.route(from).some(({ name }) => name === from)) return false
    const members = new Set(overlay.members().map(({ name }) => name))
    return members.has(origin) && members.has(destination)
  }

  #take(lane: Lane, message: unknown): PromiseLike<unknown> | undefined {
    if (message instanceof Uint8Array) return this.#data(lane, message)
    const { name: from } = lane.link
    const parsed = parseCircuitMessage(message)
    if (parsed === undefined) {
      this.#context.reporter.violation(from, 'malformed', 'a message about circuits that cannot be read')
      return undefined
    }
    this.#step({ type: 'message', from, message: parsed }, lane.channel.name)
    this.#bind(parsed.circuit, lane)
    return undefined
  }

  #data(lane: Lane, message: Uint8Array): PromiseLike<unknown> | undefined {
    const { name: from } = lane.link
    const reader = new ByteReader(message)
    const circuit = reader.string(refBytesMax)
    if (!reader.ok || !isCircuitRef(circuit)) {
      this.#context.reporter.violation(from, 'malformed', 'bytes of a circuit without its name')
      return undefined
    }
    const kept = this.#kept.get(circuit)
    const to = this.#machine.next(circuit, from)
    if (kept === undefined || to === undefined) {
      this.#step({ type: 'stray', circuit, from }, lane.channel.name)
      return undefined
    }
    this.#bind(circuit, lane)
    if (to === 'here') return kept.end?.received(message.subarray(reader.position))
    let over = false
    let resolve = (): void => {}
    this.#send(circuit, kept, to, message, () => {
      over = true
      resolve()
    })
    if (over) return undefined
    return new Promise<void>(settle => {
      resolve = settle
    })
  }

  #send(circuit: CircuitRef, kept: Kept, to: NodeName, message: unknown, over: () => void): void {
    let side = kept.sides.get(to)
    if (side === undefined) {
      side = new CircuitSide(this.#context, circuit, kept.channel, to, isForeign => {
        if (!isForeign) return this.#step({ type: 'lost', circuit, peer: to })
        this.#step({ type: 'message', from: to, message: { type: 'refused', circuit, why: 'unknown' } })
      })
      kept.sides.set(to, side)
      this.#bind(circuit, side.lane)
    }
    side.send(message, over)
  }

  #keep(circuit: CircuitRef, channel: ChannelName): Kept {
    const writer = new ByteWriter(64)
    writer.string(circuit)
    const head = writer.take()
    const kept: Kept = { channel, head, sides: new Map(), lanes: new Set(), end: undefined, dial: undefined }
    this.#kept.set(circuit, kept)
    return kept
  }

  #bind(circuit: CircuitRef, lane: Lane | undefined): void {
    const kept = this.#kept.get(circuit)
    if (kept === undefined || lane === undefined || kept.lanes.has(lane)) return
    kept.lanes.add(lane)
    const circuits = this.#lanes.get(lane)
    if (circuits === undefined) this.#lanes.set(lane, new Set([circuit]))
    else circuits.add(circuit)
  }

  #forget(circuit: CircuitRef): Kept | undefined {
    const kept = this.#kept.get(circuit)
    this.#kept.delete(circuit)
    for (const lane of kept?.lanes ?? []) {
      const circuits = this.#lanes.get(lane)
      circuits?.delete(circuit)
      if (circuits?.size === 0) this.#lanes.delete(lane)
    }
    return kept
  }

  #connection(circuit: CircuitRef, node: NodeName): CircuitConnection {
    return new CircuitConnection({
      node,
      clock: this.#context.clock,
      write: (chunk, sent) => {
        const kept = this.#kept.get(circuit)
        const to = this.#machine.next(circuit, undefined)
        if (kept === undefined || to === undefined || to === 'here') return sent()
        const message = new Uint8Array(kept.head.length + chunk.length)
        message.set(kept.head)
        message.set(chunk, kept.head.length)
        this.#send(circuit, kept, to, message, sent)
      },
      close: (reason, drop) => {
        const { sides } = this.#kept.get(circuit) ?? {}
        if (drop) for (const side of sides?.values() ?? []) side.drop()
        // What is still to be said goes with another.
        if (drop) sides?.clear()
        this.#step({ type: 'close', circuit, reason })
      },
    })
  }

  /** An interposition took something of a circuit away. */
  #dropped(lane: Lane, message: unknown): void {
    const named = message instanceof Uint8Array ? new ByteReader(message).string(refBytesMax) : undefined
    const circuit = named ?? parseCircuitMessage(message)?.circuit
    if (isCircuitRef(circuit)) this.#step({ type: 'lost', circuit, peer: lane.link.name })
  }

  /** What an effect causes is taken after the other effects. */
  #step(input: CircuitInput, channel?: ChannelName): void {
    this.#inputs.push({ input, channel })
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects: CircuitEffect[] = []
        const gone = new Map<CircuitRef, Kept>()
        this.#machine.step(next.input, this.#context.clock.now(), effects)
        for (const effect of effects) this.#carryOut(effect, next.channel, gone)
      }
    } finally {
      this.#stepping = false
    }
  }

  /** `channel`: that of the message that caused it; `gone`: what was forgotten since. */
  #carryOut(effect: CircuitEffect, channel: ChannelName | undefined, gone: Map<CircuitRef, Kept>): void {
    const { reporter, clock, hub } = this.#context
    switch (effect.type) {
      case 'send': {
        const { to, message } = effect
        const { circuit } = message
        const kept = this.#kept.get(circuit) ?? gone.get(circuit)
        if (kept !== undefined) return this.#send(circuit, kept, to, message, ignore)
        if (channel === undefined) return
        if (message.type === 'open') return this.#send(circuit, this.#keep(circuit, channel), to, message, ignore)
        return new CircuitSide(this.#context, circuit, channel, to, ignore).send(message, ignore)
      }
      case 'accept': {
        const kept = this.#keep(effect.circuit, channel as ChannelName)
        kept.end = this.#connection(effect.circuit, effect.origin)
        return kept.end.own(hub.accept(kept.end))
      }
      case 'opened':
        return this.#kept.get(effect.circuit)?.dial?.opened()
      case 'failed':
        return gone.get(effect.circuit)?.dial?.failed(effect.why)
      case 'closed':
        return gone.get(effect.circuit)?.end?.ended(effect.reason)
      case 'forgotten': {
        const kept = this.#forget(effect.circuit)
        if (kept === undefined) return
        gone.set(effect.circuit, kept)
        if (effect.lost === undefined) return
        const side = kept.sides.get(effect.lost)
        // What is still to be said goes with another.
        kept.sides.delete(effect.lost)
        return side?.drop()
      }
      case 'arm':
        this.#cancelTimer = clock.schedule(effect.after, () => this.#step({ type: 'timer' }))
        return
      case 'count':
        return reporter.counters.add(counterOf[effect.what])
      default:
        return unreachable(effect)
    }
  }
}

const counterOf = {
  'passed-on': 'circuits',
  refused: 'circuitsRefused',
  broken: 'circuitsBroken',
} as const satisfies Record<string, CounterName>

const refBytesMax = 512

function knowsAll({ capabilities }: MembershipStrategy): boolean {
  return capabilities.includes('full-membership')
}

function ignore(): void {}
