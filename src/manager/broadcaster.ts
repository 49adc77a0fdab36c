import { encodeToBytes } from '../codec/value-bytes.js'
import { decodeValue } from '../codec/value-decoder.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { abortReason, onAbort } from '../core/abort.js'
import type { ChannelName } from '../core/channel.js'
import { DeadlineError, EncodeError, UnknownChannelError } from '../core/errors.js'
import { unreachable } from '../core/invariant.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import { isPromiseLike } from '../core/promise-like.js'
import type { Random } from '../core/random.js'
import type { Clock, Instant, Millis } from '../core/time.js'
import { Broadcast } from '../delivery/broadcast.js'
import type { BroadcastEffect, BroadcastInput } from '../delivery/broadcast-effects.js'
import { type BroadcastMessage, type Gossip, parseBroadcastMessage } from '../delivery/broadcast-messages.js'
import type { LinkHub } from '../link/hub.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import { checkSignal, expiryOf } from './message-options.js'
import type { Registry } from './registry.js'
import type { Reporter } from './reporter.js'
import type { Sender } from './sender.js'
import { broadcastServer, isReserved } from './server-ref.js'

export interface BroadcasterContext {
  readonly self: () => NodeSpec
  readonly hub: LinkHub
  readonly sender: Sender
  readonly registry: Registry
  readonly reporter: Reporter
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly valueLimits: ValueLimits
  readonly peerValueLimits: ValueLimits
  readonly channelNames: readonly string[]
  /** The overlay's next hops towards a node. */
  readonly route: (to: NodeName) => readonly NodeSpec[]
}

/** How a broadcast is sent. */
export interface BroadcastOptions {
  /** Default `'default'`. Nodes that lack the channel neither get the message nor pass it on. */
  readonly channel?: string | undefined
  /**
   * Stops waiting at this time, in epoch milliseconds, with a {@link DeadlineError}. The smaller of `deadline` and
   * `timeout` counts; `Infinity` is the same as none. Once it was sent, the message is on its way all the same.
   */
  readonly deadline?: number | undefined
  /** Stops waiting after so many milliseconds; 0 is over at once, and nothing is sent. */
  readonly timeout?: Millis | undefined
  /** Stops waiting when it aborts; rejects with its reason. What was sent is on its way all the same. */
  readonly signal?: AbortSignal | undefined
}

/** Copies that wait for one neighbour, over all channels; a further one is announced to it later. */
const copiesMax = 256
/** Who has had a neighbour for so long would have been told of what was broadcast before. */
const settledAfter: Millis = 1_000

/** What a channel on which something was broadcast needs. */
interface Tree {
  readonly machine: Broadcast
  readonly timers: Map<string, () => void>
}

/**
 * Sends messages to everybody: the shell of one {@link Broadcast} machine for each channel on which somebody ever
 * broadcast something in this life. Neighbours are those whom this node is connected with and its overlay leads
 * to without a detour.
 */
export class Broadcaster {
  readonly #context: BroadcasterContext
  readonly #trees = new Map<ChannelName, Tree>()
  /** Neighbours, with the copies that wait for each. */
  readonly #neighbours = new Map<NodeName, number>()
  #firstMet: Instant | undefined
  /** Who waits for the copies of the broadcast that is being made. */
  #copies: Promise<void>[] | undefined
  /** What the handlers of this node return for the messages that are being handed over. */
  #handled: PromiseLike<unknown>[] | undefined

  constructor(context: BroadcasterContext) {
    this.#context = context
  }

  /** A life begins or ends. */
  reset(): void {
    for (const { timers } of this.#trees.values()) for (const cancel of timers.values()) cancel()
    this.#trees.clear()
    this.#neighbours.clear()
    this.#firstMet = undefined
  }

  /** Those whom this node is connected with and its overlay leads to without a detour. */
  get neighbours(): readonly NodeName[] {
    return [...this.#neighbours.keys()]
  }

  /** Sends; resolves when every copy that leaves here is with a connection, or its neighbour is gone. */
  async broadcast(server: string, message: unknown, options: BroadcastOptions): Promise<void> {
    const { channelNames, valueLimits, limits, clock } = this.#context
    const { channel = 'default', signal } = options
    if (!channelNames.includes(channel)) throw new UnknownChannelError(channel, 'local', channelNames)
    if (signal !== undefined) checkSignal(signal)
    signal?.throwIfAborted()
    const what = `the broadcast to server '${server}'`
    const expires = expiryOf(options, clock)
    if (expires !== undefined && expires <= clock.now()) throw new DeadlineError(what, 'not-sent')
    const body = encodeToBytes(message, valueLimits)
    const most = limits.messageBytes - headBytes
    if (body.length > most) {
      throw new EncodeError(`it takes ${body.length} bytes, and a broadcast at most ${most}: raise limits.messageBytes`)
    }
    const copies: Promise<void>[] = []
    this.#copies = copies
    this.#step(channel as ChannelName, { type: 'broadcast', server, body })
    this.#copies = undefined
    await new Promise<unknown>((resolve, reject) => {
      const late = (): void => reject(new DeadlineError(what, 'unknown'))
      const cancel = expires === undefined ? undefined : clock.schedule(expires - clock.now(), late)
      const unlisten = signal && onAbort(signal, () => reject(abortReason(signal)))
      void Promise.all(copies)
        .then(resolve, reject)
        .finally(() => {
          cancel?.()
          unlisten?.()
        })
    })
  }

  /** Something happened to links or to the membership: who is a neighbour now? */
  refresh(): void {
    const { hub, route, clock } = this.#context
    const now = new Set<NodeName>()
    for (const { name, state } of hub.links.values()) {
      if (state.direct && route(name).some(hop => hop.name === name)) now.add(name)
    }
    for (const peer of [...this.#neighbours.keys()]) {
      if (now.has(peer)) continue
      this.#neighbours.delete(peer)
      this.#tell({ type: 'down', peer })
    }
    for (const peer of now) {
      if (this.#neighbours.has(peer)) continue
      this.#firstMet ??= clock.now()
      this.#neighbours.set(peer, 0)
      this.#tell({ type: 'up', peer })
    }
  }

  /** The peer that was known by this link is gone, whoever comes next under its name. */
  down(peer: NodeName): void {
    if (this.#neighbours.delete(peer)) this.#tell({ type: 'down', peer })
  }

  /** A connection to a peer was opened. */
  laneOpened(peer: NodeName, channel: ChannelName): void {
    if (this.#neighbours.has(peer) && this.#trees.has(channel)) this.#step(channel, { type: 'renewed', peer })
  }

  /** A neighbour's message. Resolves when what came with it was handled: until then the neighbour lacks the credit. */
  receive({ name }: Link, channel: ChannelName, value: unknown): PromiseLike<unknown> | undefined {
    const message = parseBroadcastMessage(value)
    if (message === undefined) {
      this.#context.reporter.violation(name, 'malformed', 'a broadcast message that cannot be read')
      return undefined
    }
    if (!this.#neighbours.has(name)) this.refresh()
    const handled: PromiseLike<unknown>[] = []
    this.#handled = handled
    this.#step(channel, { type: 'message', from: name, message })
    this.#handled = undefined
    return handled.length === 0 ? undefined : Promise.all(handled)
  }

  #tell(input: BroadcastInput): void {
    for (const channel of this.#trees.keys()) this.#step(channel, input)
  }

  #step(channel: ChannelName, input: BroadcastInput): void {
    const tree = this.#trees.get(channel) ?? this.#plant(channel)
    const effects: BroadcastEffect[] = []
    tree.machine.step(input, this.#context.clock.now(), effects)
    for (const effect of effects) this.#carryOut(channel, tree, effect)
  }

  #plant(channel: ChannelName): Tree {
    const { self, random, clock } = this.#context
    const now = clock.now()
    const established = this.#firstMet !== undefined && now - this.#firstMet >= settledAfter
    const tree: Tree = { machine: new Broadcast({ self: self(), random, established }), timers: new Map() }
    this.#trees.set(channel, tree)
    for (const peer of this.#neighbours.keys()) this.#step(channel, { type: 'up', peer })
    return tree
  }

  #carryOut(channel: ChannelName, tree: Tree, effect: BroadcastEffect): void {
    const { clock, reporter } = this.#context
    // A handler may have ended the life that this belongs to.
    if (this.#trees.get(channel) !== tree) return
    switch (effect.type) {
      case 'send':
        return this.#send(channel, effect.to, effect.message)
      case 'deliver':
        return this.#deliver(channel, effect.gossip)
      case 'arm': {
        const { timer } = effect
        tree.timers.get(timer)?.()
        const fire = (): void => this.#step(channel, { type: 'timer', timer })
        return void tree.timers.set(timer, clock.schedule(effect.after, fire))
      }
      case 'count':
        return reporter.counters.add(counterOf[effect.what], effect.count)
      case 'missed': {
        const { origin: node, count } = effect
        return reporter.broadcastsMissed({ node, channel, count })
      }
      default:
        return unreachable(effect)
    }
  }

  #send(channel: ChannelName, to: NodeName, message: BroadcastMessage): void {
    const waiting = this.#neighbours.get(to)
    if (waiting === undefined) return
    if (waiting >= copiesMax && message.type === 'gossip') return this.#defer(channel, to, message)
    this.#neighbours.set(to, waiting + 1)
    const copy = new Promise<void>(resolve => {
      const over = (): void => {
        const left = this.#neighbours.get(to)
        if (left !== undefined && left > 0) this.#neighbours.set(to, left - 1)
        resolve()
      }
      const failed = (error: unknown): void => {
        over()
        if (message.type !== 'gossip') return
        if (error instanceof EncodeError) this.#leaveOut(channel, to, message)
        else this.#defer(channel, to, message)
      }
      const outgoing = { node: to, server: broadcastServer, message, options: { channel }, extra: undefined } as const
      try {
        this.#context.sender.submit({ ...outgoing, kind: 'broadcast', settler: { sent: over, failed } })
      } catch (error) {
        failed(error)
      }
    })
    this.#copies?.push(copy)
  }

  /** The neighbour takes no message as large. It is told so at once: else it would ask for it, of one after another. */
  #leaveOut(channel: ChannelName, to: NodeName, gossip: Gossip): void {
    // What is left of it fits: else nobody can be told anything.
    if (gossip.omitted !== undefined) return
    const { reporter } = this.#context
    reporter.warn(`a broadcast of ${gossip.body.length} bytes is too large for '${to}': raise its limits.messageBytes`)
    reporter.dropped('encode', 'forward', to, channel, gossip.server)
    this.#send(channel, to, { ...gossip, body: nothing, omitted: gossip.body.length })
  }

  /** The neighbour does not take it now: it is told later that there is something, and asks for it when it can. */
  #defer(channel: ChannelName, peer: NodeName, { origin }: Gossip): void {
    this.#context.reporter.counters.add('broadcastsDeferred')
    const { clock } = this.#context
    const tree = this.#trees.get(channel)
    // Not now: this may be in the middle of another step.
    clock.defer(() => {
      if (tree !== undefined && this.#trees.get(channel) === tree && this.#neighbours.has(peer)) {
        this.#step(channel, { type: 'refused', peer, origin })
      }
    })
  }

  #deliver(channel: ChannelName, { origin, incarnation, server, body }: Gossip): void {
    const { registry, peerValueLimits, reporter } = this.#context
    // Who a broadcast is from is what it says itself: nothing that a node tells of itself comes so.
    if (isReserved(server)) return reporter.violation(origin, 'malformed', 'a broadcast to a server of the library')
    let message: unknown
    try {
      // Out of a copy: the body goes on to others, and its bytes are the handler's to change.
      message = decodeValue(body.slice(), 0, body.length, peerValueLimits)
    } catch {
      return reporter.violation(origin, 'malformed', 'a broadcast that cannot be decoded')
    }
    const handled = registry.deliver(server, message, { from: origin, incarnation, channel })
    if (isPromiseLike(handled)) this.#handled?.push(handled)
  }
}

const counterOf = {
  duplicate: 'broadcastDuplicates',
  unannounced: 'broadcastsDeferred',
} as const

const nothing = new Uint8Array(0)
/** Names and numbers that travel with a body, at the most. */
const headBytes = 1_024
