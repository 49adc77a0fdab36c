import { NoSuchServerError } from '../core/errors.js'
import { callUser, isPromiseLike } from '../core/promise-like.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import type { MessageContext } from '../manager/servers.js'
import { SettledLater } from '../manager/settled-later.js'
import { PassingRoom, type Place } from './passing-room.js'
import type { Origin, OwnedBy, PublishMessage } from './pool-messages.js'
import { wrapped } from './pool-refusal.js'
import { goesOn, isStuck, type PoolSender } from './pool-sender.js'
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

const nobody: ReadonlySet<string> = new Set()

export interface PoolArrivalsContext {
  readonly manager: PeerServiceManager
  readonly pools: WorkPools<WorkPool>
  readonly sender: PoolSender
}

/**
 * What is published to this node: passed on once where another one owns the key, and handed over here.
 *
 * A message that is passed on gives its credit back at once. If it kept that until it has left, nodes that pass on to
 * each other would stall for ever: each would have to read what the other sent, to be granted credit for what it is to
 * pass on, and would not, because the credit of what it has read is kept. As it is, credit waits for handlers alone,
 * never for other nodes, so every lane moves on as long as handlers do. What may be on its way has a bound in return: a
 * message beyond it is handled here, and keeps its credit until it is, so that senders feel it; one that meets a full
 * queue is, too, and keeps its place among those. So nothing is refused, and nothing is lost; a key is with another
 * node than its owner for once.
 */
export class PoolArrivals {
  readonly #context: PoolArrivalsContext
  readonly #subscriptions = new Set<Subscription>()
  #unhandled = 0
  readonly #underWay = new UnderWay()
  readonly #room = new PassingRoom()
  /** Messages that were passed on to the owners of their keys. */
  forwarded = 0
  /** Messages that were handled here, though another node owns their keys, because they could not be passed on. */
  kept = 0

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

  /** Nobody is subscribed any more. */
  close(): void {
    this.#subscriptions.clear()
  }

  /** Settles when the message was handled, or given where that is enough, or with what its sender is told. */
  take(published: PublishMessage, context: MessageContext): Promise<void> | SettledLater {
    const { owned } = published
    const next = owned && this.#nextOf(owned, context.from, nobody)
    if (owned === undefined || next === undefined) return this.#track(this.#deliver(published, context))
    const place = this.#room.take(next, [published, context.clock])
    if (place !== undefined) return new SettledLater(this.#track(this.#pass(published, owned, context, place)))
    this.kept++
    return this.#track(this.#deliver(published, context))
  }

  /** Resolves when all that came so far was handled here, or passed on. */
  ended(): Promise<void> {
    return this.#underWay.ended()
  }

  #track(work: Promise<void>): Promise<void> {
    return this.#underWay.track(
      work.catch((error: unknown) => {
        throw wrapped(error)
      }),
    )
  }

  async #pass(published: PublishMessage, owned: OwnedBy, context: MessageContext, place: Place): Promise<void> {
    try {
      if (await this.#forward(published, owned, context, place)) {
        this.forwarded++
        return
      }
      if (this.#nextOf(owned, context.from, nobody) !== undefined) this.kept++
      await this.#deliver(published, context)
    } finally {
      place.leave()
    }
  }

  /**
   * To the owner, as it is seen from here, or whoever would be next; nobody passes it on from there. False: nobody can
   * be sent it.
   */
  async #forward(published: PublishMessage, owned: OwnedBy, context: MessageContext, place: Place): Promise<boolean> {
    const { ack, onDown, owned: _, ...rest } = published
    const { from: name, incarnation, channel, clock, causalLabel, deadline } = context
    const message = { ...rest, origin: { name, incarnation } }
    const options: ForwardOptions = {
      ...{ channel, partitionKey: owned.partitionKey },
      ...(ack !== undefined && { ack: { when: ack, ...(onDown !== undefined && { onDown }) } }),
      ...(clock !== undefined && { clock }),
      ...(causalLabel !== undefined && { causalLabel }),
      ...(deadline !== undefined && { deadline }),
    }
    const tried = new Set<string>()
    for (let node = this.#nextOf(owned, name, tried); node !== undefined; node = this.#nextOf(owned, name, tried)) {
      place.move(node)
      try {
        await this.#context.sender.send(node, message, options)
        return true
      } catch (error) {
        if (isStuck(error)) return false
        if (!goesOn(error, options)) throw error
        tried.add(node)
      }
    }
    return false
  }

  /** Whom a message that `sender` sent is to be passed on to, of those not tried; undefined: it is for this node. */
  #nextOf(
    { pool: topic, digest, exceptSender }: OwnedBy,
    sender: string,
    tried: ReadonlySet<string>,
  ): string | undefined {
    const pool = this.#context.pools.registered.get(topic)
    const isOpen = (name: string): boolean => !tried.has(name) && (exceptSender === undefined || name !== sender)
    let next = pool?.commonOwner(digest)?.name
    if (next !== undefined && !isOpen(next)) next = pool?.commonRank(digest).find(({ name }) => isOpen(name))?.name
    return next === this.#context.manager.name ? undefined : next
  }

  async #deliver(published: PublishMessage, context: MessageContext): Promise<void> {
    const { manager, pools } = this.#context
    const { server, message, origin, subscribersOnly } = published
    const own = pools.topics.nodeTopic(manager.name)
    const topic = published.topic ?? own
    const inner: MessageContext = origin === undefined ? context : this.#from(origin, context)
    const told = this.#tellSubscribers(topic, server, message, inner)
    // To a topic of many, who subscribed need not have the server; what is for one node is for its server.
    const isForMany = published.topic !== undefined && withoutEnd(topic) !== withoutEnd(own)
    const skipsServer = subscribersOnly === true || (isForMany && told.length > 0 && !manager.isRegistered(server))
    if (!skipsServer) await this.#handOver(published, inner)
    else if (told.length === 0 && published.ack !== undefined) throw new NoSuchServerError(manager.name, server)
    if (told.some(isPromiseLike)) await Promise.allSettled(told)
  }

  /** Of a life that this node knows nothing of nobody can have sent it: it is from who passed it on. */
  #from({ name, incarnation }: Origin, context: MessageContext): MessageContext {
    const known = this.#context.pools.lifeOf(name)
    return known === undefined || incarnation > known ? context : { ...context, from: name, incarnation }
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
