import {
  EncodeError,
  InvalidOptionError,
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  PartitionedError,
  StoppedError,
  UnknownChannelError,
  UnknownOutcomeError,
} from '../core/errors.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { ackOf, checkOptions, checkTimes } from '../manager/message-options.js'
import { checkPublished, type PublishMessage, poolServer } from './pool-messages.js'
import { unwrapped } from './pool-refusal.js'
import { PoolTraffic } from './pool-traffic.js'
import { WaitingRoom } from './waiting-room.js'

/** What became of a message that is for one node. */
export type PublishResult =
  /**
   * It was sent, to that node; with `ack` it was acknowledged. Where the node saw another owner of the key it passed
   * the message on, and that one has it.
   */
  | { readonly sent: true; readonly node: string; readonly reason?: undefined }
  /** It was not sent: nobody is alive, or the queue of that node is full. */
  | { readonly sent: false; readonly reason: 'empty'; readonly node?: undefined }
  | { readonly sent: false; readonly reason: 'overloaded'; readonly node: string }

/** What becomes of messages of one pool. */
export interface PublishCounts {
  /** Messages that were sent. */
  published: number
  /** Times that a message was sent on to another node, because the first one went away. */
  resent: number
  /** Messages that were not sent because nobody was alive. */
  empty: number
  /** Messages that were not sent because a queue was full. */
  overloaded: number
}

/** What a sender needs to know of nodes. */
export interface KnownNodes {
  /** Whether the node has pools of its own; undefined: it is up, and has not told yet. */
  readonly runsPools: (node: string) => boolean | undefined
  /** Its incarnation, where it is known. */
  readonly lifeOf: (node: string) => number | undefined
}

const nobody: ReadonlySet<string> = new Set()

/** Sends to the pools of other nodes, and to this node's own in the same way. */
export class PoolSender {
  readonly #manager: PeerServiceManager
  readonly #nodes: KnownNodes
  /** What is on its way to other nodes. */
  readonly traffic: PoolTraffic
  /** What is for nodes of which it is not known yet whether they have pools. */
  readonly waitingRoom: WaitingRoom

  constructor(manager: PeerServiceManager, nodes: KnownNodes) {
    this.#manager = manager
    this.#nodes = nodes
    this.traffic = new PoolTraffic(manager)
    const isKnown = (node: string): boolean => nodes.runsPools(node) !== undefined
    this.waitingRoom = new WaitingRoom(() => manager.clock, isKnown)
  }

  /**
   * Sends to the first that can be reached of those that are chosen one after the other. With `ack` one that goes away
   * before it has answered is not the end of it, but may have handled the message: then two do.
   */
  async publish(
    choose: (tried: ReadonlySet<string>) => string | undefined,
    message: PublishMessage,
    options: ForwardOptions,
    counts: PublishCounts,
  ): Promise<PublishResult> {
    checkOptions(options)
    checkPublished(message.server)
    this.needRunning()
    // By life: one that was started anew has not been tried.
    const tried = new Map<string, number | undefined>()
    const within = this.deadlineOf(options)
    // Somebody may have handled it, so it cannot be said that it was not sent.
    let inDoubt: Error | undefined
    for (;;) {
      const node = choose(this.#stillTried(tried))
      if (node === undefined) break
      const life = this.#nodes.lifeOf(node)
      try {
        await this.send(node, message, within)
        counts.published++
        return { sent: true, node }
      } catch (error) {
        if (error instanceof OverflowError) {
          if (inDoubt !== undefined) throw inDoubt
          counts.overloaded++
          return { sent: false, reason: 'overloaded', node }
        }
        if (!goesOn(error, options)) throw error
        counts.resent++
        tried.set(node, life)
        if (!isUnsent(error)) inDoubt = error as Error
      }
    }
    if (inDoubt !== undefined) throw inDoubt
    counts.empty++
    return { sent: false, reason: 'empty' }
  }

  /** A node that does not run has pools, and nobody to send to. */
  needRunning(): void {
    const { running, name } = this.#manager
    if (!running) throw new StoppedError(name, 'publishing needs a running node')
  }

  #stillTried(tried: ReadonlyMap<string, number | undefined>): ReadonlySet<string> {
    if (tried.size === 0) return nobody
    return new Set([...tried].flatMap(([node, life]) => (this.#nodes.lifeOf(node) === life ? [node] : [])))
  }

  /** The same options with a deadline in the place of a timeout, which does not begin anew with every attempt. */
  deadlineOf(options: ForwardOptions): ForwardOptions {
    const { timeout, ...rest } = options
    checkTimes(rest.deadline, timeout)
    if (timeout === undefined) return options
    const deadline = this.#manager.clock.wall().getTime() + timeout
    return { ...rest, deadline: Math.min(deadline, rest.deadline ?? Number.POSITIVE_INFINITY) }
  }

  /** Sends to one node. A node that runs no pools gets what a user would have sent. */
  send(node: string, message: PublishMessage, options: ForwardOptions): Promise<void> {
    return this.traffic.track(node, this.#send(node, message, options))
  }

  async #send(node: string, message: PublishMessage, options: ForwardOptions): Promise<void> {
    if (!this.waitingRoom.isClosed(node)) return this.#sendNow(node, message, options)
    try {
      await this.waitingRoom.enter(node, `the message to server '${message.server}'`, options)
    } catch (error) {
      this.waitingRoom.leave(node)
      throw error
    }
    const sent = this.#sendNow(node, message, options)
    this.waitingRoom.leave(node)
    return sent
  }

  async #sendNow(node: string, message: PublishMessage, options: ForwardOptions): Promise<void> {
    const acked = ackOf(options)
    const { server, owned } = message
    const partitionKey = options.partitionKey ?? owned?.partitionKey ?? server
    const sent: ForwardOptions = { ...options, partitionKey }
    if (this.#nodes.runsPools(node) === false) return this.#plain(node, message, sent)
    try {
      if (acked === undefined) {
        await this.#manager.forwardMessage(node, poolServer, message, sent)
        this.traffic.unanswered(node, sent)
      } else {
        // What the server is given there is told by the answer of the pools there.
        const ack = { when: 'handled', onDown: 'reject' } as const
        const asked = { ...message, ack: acked.when, ...(acked.onDown === 'reject' && { onDown: acked.onDown }) }
        await this.#manager.forwardMessage(node, poolServer, asked, { ...sent, ack })
      }
    } catch (error) {
      const isGone = error instanceof NoSuchServerError && error.server === poolServer
      if (isGone) return this.#plain(node, message, sent)
      throw unwrapped(error, node, server)
    }
  }

  async #plain(
    node: string,
    { server, message, subscribersOnly }: PublishMessage,
    options: ForwardOptions,
  ): Promise<void> {
    // There is nobody there any more to tell subscribers.
    if (subscribersOnly === true) throw new NoSuchServerError(node, server)
    const acked = ackOf(options)
    const rejecting = acked && { ack: { when: acked.when, onDown: 'reject' as const } }
    await this.#manager.forwardMessage(node, server, message, { ...options, ...rejecting })
    if (acked === undefined) this.traffic.unanswered(node, options)
  }
}

/** Whether it was certainly not handled, and not for its own sake. */
function isUnsent(error: unknown): boolean {
  return error instanceof NotConnectedError || (error instanceof PartitionedError && error.outcome === 'not-sent')
}

/** Whether another node may be tried. */
export function goesOn(error: unknown, options: ForwardOptions): boolean {
  if (options.signal?.aborted === true) return false
  if (isUnsent(error)) return true
  if (ackOf(options)?.onDown !== 'wait') return false
  return error instanceof UnknownOutcomeError || error instanceof PartitionedError
}

/** Whether the message cannot be sent to that node, though it is there. */
export function isStuck(error: unknown): boolean {
  return error instanceof OverflowError || error instanceof UnknownChannelError || error instanceof EncodeError
}

/** Why a message for several nodes was sent to none of them. */
export function reasonOf(errors: readonly Error[]): 'empty' | 'overloaded' | 'failed' {
  if (errors.some(error => error instanceof OverflowError)) return 'overloaded'
  return errors.length > 0 ? 'failed' : 'empty'
}

/** What would be wrong for every node. */
export function isCallersMistake(error: unknown): boolean {
  if (error instanceof UnknownChannelError) return error.where === 'local'
  return error instanceof InvalidOptionError || error instanceof StoppedError
}
