import {
  NoSuchServerError,
  NotConnectedError,
  OverflowError,
  PartitionedError,
  RemoteError,
  UnknownOutcomeError,
} from '../core/errors.js'
import { errorOf, reportOf } from '../manager/error-reports.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import { ackOf, checkOptions } from '../manager/message-options.js'
import { type PublishMessage, poolServer } from './pool-messages.js'
import { PoolTraffic } from './pool-traffic.js'

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
  /** Whether it is known that the node has pools of its own. */
  readonly runsPools: (node: string) => boolean
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

  constructor(manager: PeerServiceManager, nodes: KnownNodes) {
    this.#manager = manager
    this.#nodes = nodes
    this.traffic = new PoolTraffic(manager)
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
    // By life: one that was started anew has not been tried.
    const tried = new Map<string, number | undefined>()
    const within = this.deadlineOf(options)
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
          counts.overloaded++
          return { sent: false, reason: 'overloaded', node }
        }
        if (!goesOn(error, options)) throw error
        counts.resent++
        tried.set(node, life)
        if (!isUnsent(error)) inDoubt = error as Error
      }
    }
    // Somebody may have handled it, so it cannot be said that it was not sent.
    if (inDoubt !== undefined) throw inDoubt
    counts.empty++
    return { sent: false, reason: 'empty' }
  }

  #stillTried(tried: ReadonlyMap<string, number | undefined>): ReadonlySet<string> {
    if (tried.size === 0) return nobody
    return new Set([...tried].flatMap(([node, life]) => (this.#nodes.lifeOf(node) === life ? [node] : [])))
  }

  /** The same options with a deadline in the place of a timeout, which does not begin anew with every attempt. */
  deadlineOf(options: ForwardOptions): ForwardOptions {
    const { timeout, ...rest } = options
    if (timeout === undefined || !(timeout >= 0)) return options
    const deadline = this.#manager.clock.wall().getTime() + timeout
    return { ...rest, deadline: Math.min(deadline, rest.deadline ?? Number.POSITIVE_INFINITY) }
  }

  /** Sends to one node. A node that runs no pools gets what a user would have sent. */
  send(node: string, message: PublishMessage, options: ForwardOptions): Promise<void> {
    return this.traffic.track(node, this.#send(node, message, options))
  }

  async #send(node: string, message: PublishMessage, options: ForwardOptions): Promise<void> {
    const acked = ackOf(options)
    if (!this.#nodes.runsPools(node)) return this.#plain(node, message, options)
    const { server } = message
    const sent: ForwardOptions = { partitionKey: message.owned?.partitionKey ?? server, ...options }
    try {
      if (acked === undefined) {
        this.traffic.unanswered(node, sent)
        await this.#manager.forwardMessage(node, poolServer, message, sent)
      } else {
        // What the server is given there is told by the answer of the pools there.
        const ack = { when: 'handled', onDown: 'reject' } as const
        await this.#manager.forwardMessage(node, poolServer, { ...message, ack: acked.when }, { ...sent, ack })
      }
    } catch (error) {
      const isGone = error instanceof NoSuchServerError && error.server === poolServer
      if (isGone) return this.#plain(node, message, options)
      throw unwrapped(error, node, server)
    }
  }

  async #plain(
    node: string,
    { server, message, subscribersOnly }: PublishMessage,
    options: ForwardOptions,
  ): Promise<void> {
    if (subscribersOnly === true) return
    const acked = ackOf(options)
    const rejecting = acked && { ack: { when: acked.when, onDown: 'reject' as const } }
    await this.#manager.forwardMessage(node, server, message, { ...options, ...rejecting })
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

/** Carries to the sender why its message was not handled, over the pools of two nodes. */
class PoolRefusal extends Error {
  override readonly name = refusalName
}

const refusalName = 'PoolRefusal'

/** What the pools of this node throw, for those that sent the message. */
export function wrapped(error: unknown): Error {
  if (!(error instanceof RemoteError)) return new PoolRefusal(JSON.stringify(reportOf(error)))
  const { remoteName: name, remoteMessage: message, remoteCode: code } = error
  return new PoolRefusal(JSON.stringify({ name, message: message.slice(0, refusalMessageMax), code }))
}

/** A handler's words are cut where a whole refusal would be too long. */
const refusalMessageMax = 2_048

function unwrapped(error: unknown, node: string, server: string): unknown {
  if (!(error instanceof RemoteError) || error.remoteName !== refusalName) return error
  try {
    return errorOf(node, server, JSON.parse(error.remoteMessage), 'message')
  } catch {
    return error
  }
}
