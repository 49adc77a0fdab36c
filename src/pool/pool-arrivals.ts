import { NoSuchServerError } from '../core/errors.js'
import { callUser, isPromiseLike } from '../core/promise-like.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import type { MessageContext } from '../manager/servers.js'
import type { OwnedBy, PublishMessage } from './pool-messages.js'
import { goesOn, type PoolSender, wrapped } from './pool-sender.js'
import { matchesTopic, withoutEnd } from './topics.js'
import { UnderWay } from './under-way.js'
import type { WorkPool } from './work-pool.js'
import type { WorkPools } from './work-pools.js'

/** What a subscriber is told beside the message. */
export interface TopicContext extends MessageContext {
  readonly topic: string
  /** The server that the message is for. */
  readonly server: string
}

/** Takes messages of a topic; one that returns a promise is felt by those who send. */
export type Subscriber<Message = unknown> = (message: Message, context: TopicContext) => unknown

interface Subscription {
  readonly prefix: string
  readonly fn: Subscriber
}

/** Handlers that may be at work on acknowledged messages of pools, before these wait until they are handled. */
const unhandledMax = 1_024

export interface PoolArrivalsContext {
  readonly manager: PeerServiceManager
  readonly pools: WorkPools<WorkPool>
  readonly sender: PoolSender
}

/** What is published to this node: passed on once where another one owns the key, and handed over here. */
export class PoolArrivals {
  readonly #context: PoolArrivalsContext
  readonly #subscriptions = new Set<Subscription>()
  #unhandled = 0
  readonly #underWay = new UnderWay()
  /** Messages that were passed on to the owners of their keys. */
  forwarded = 0

  constructor(context: PoolArrivalsContext) {
    this.#context = context
  }

  subscribe(prefix: string, fn: Subscriber): Disposable {
    const subscription: Subscription = { prefix, fn }
    this.#subscriptions.add(subscription)
    return { [Symbol.dispose]: () => void this.#subscriptions.delete(subscription) }
  }

  hasSubscribers(topic: string): boolean {
    return [...this.#subscriptions].some(({ prefix }) => matchesTopic(prefix, topic))
  }

  /** Resolves when the message was handled, or given where that is enough; rejects with what its sender is told. */
  take(published: PublishMessage, context: MessageContext): Promise<void> {
    return this.#underWay.track(this.#take(published, context))
  }

  /** Resolves when all that came so far was handled here, or passed on. */
  ended(): Promise<void> {
    return this.#underWay.ended()
  }

  async #take(published: PublishMessage, context: MessageContext): Promise<void> {
    try {
      if (published.owned === undefined || this.#isHere(published.owned)) await this.#deliver(published, context)
      else await this.#forward(published, context)
    } catch (error) {
      throw wrapped(error)
    }
  }

  #isHere({ pool, digest }: OwnedBy): boolean {
    const owner = this.#context.pools.registered.get(pool)?.commonOwner(digest)
    return owner === undefined || owner.name === this.#context.manager.name
  }

  /** To the owner, as it is seen from here, or whoever would be next; nobody passes it on from there. */
  async #forward(published: PublishMessage, context: MessageContext): Promise<void> {
    const { manager, pools, sender } = this.#context
    const { owned, ack } = published
    const { from: name, incarnation, channel, clock, causalLabel, deadline } = context
    const { owned: _, ...rest } = published
    const message = { ...rest, origin: { name, incarnation } }
    const options: ForwardOptions = {
      ...{ channel, partitionKey: owned?.partitionKey ?? published.server },
      ...(ack !== undefined && { ack: { when: ack } }),
      ...(clock !== undefined && { clock }),
      ...(causalLabel !== undefined && { causalLabel }),
      ...(deadline !== undefined && { deadline }),
    }
    for (const node of pools.registered.get(owned?.pool ?? '')?.commonRank(owned?.digest ?? 0) ?? []) {
      if (node.name === manager.name) break
      if (node.name === name && owned?.exceptSender === true) continue
      try {
        await sender.send(node.name, message, options)
        this.forwarded++
        return
      } catch (error) {
        if (!goesOn(error, options)) throw error
      }
    }
    await this.#deliver(published, context)
  }

  async #deliver(published: PublishMessage, context: MessageContext): Promise<void> {
    const { manager, pools } = this.#context
    const { server, message, origin, subscribersOnly } = published
    const own = pools.topics.nodeTopic(manager.name)
    const topic = published.topic ?? own
    const inner: MessageContext = origin === undefined ? context : { ...context, from: origin.name, ...origin }
    const told = this.#tellSubscribers(topic, server, message, inner)
    // To a topic of many, who subscribed need not have the server; what is for one node is for its server.
    const isForMany = published.topic !== undefined && withoutEnd(topic) !== withoutEnd(own)
    const skipsServer = subscribersOnly === true || (isForMany && told.length > 0 && !manager.isRegistered(server))
    if (!skipsServer) await this.#handOver(published, inner)
    else if (told.length === 0 && published.ack !== undefined) throw new NoSuchServerError(manager.name, server)
    if (told.some(isPromiseLike)) await Promise.allSettled(told)
  }

  /** What subscribers returned. */
  #tellSubscribers(topic: string, server: string, message: unknown, context: MessageContext): unknown[] {
    const told: unknown[] = []
    for (const { prefix, fn } of [...this.#subscriptions]) {
      if (!matchesTopic(prefix, topic)) continue
      const failed = (error: unknown): void => this.#context.pools.failed(`the subscription to '${prefix}'`, error)
      let result: unknown
      callUser(() => {
        result = fn(message, { ...context, topic, server })
        return result
      }, failed)
      told.push(result)
    }
    return told
  }

  /** Beyond the limit a message is acknowledged when it was handled, so that senders feel a slow handler. */
  #handOver({ server, message, ack }: PublishMessage, context: MessageContext): Promise<void> {
    const { manager } = this.#context
    if (ack === undefined) return manager.handOver(server, message, context)
    return new Promise((resolve, reject) => {
      const waits = ack === 'handled' || this.#unhandled >= unhandledMax
      this.#unhandled++
      const given = (): void => {
        if (!waits) resolve()
      }
      // One that is acknowledged when it is given is under way until it was handled, too.
      this.#underWay
        .track(manager.handOver(server, message, context, ack, given))
        .finally(() => void this.#unhandled--)
        .then(resolve, reject)
    })
  }
}
