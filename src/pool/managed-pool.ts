import { InvalidOptionError } from '../core/errors.js'
import { checkKeys } from '../core/option-keys.js'
import type { ForwardOptions } from '../manager/manager.js'
import type { MessageOf, ServerName, Untyped } from '../manager/servers.js'
import { BoundedLoad, checkFactor } from './bounded-load.js'
import { PoolClosedError } from './errors.js'
import type { OwnedBy, PublishMessage } from './pool-messages.js'
import type { PoolSender, PublishCounts, PublishResult } from './pool-sender.js'
import type { CompletePoolSpec } from './pool-spec.js'
import { type Pool, WorkPool, type WorkPoolContext } from './work-pool.js'
import { digestOf, type PoolKey } from './zeek-key.js'

/** How a message is sent to the owner of its key. */
export interface HrwOptions extends ForwardOptions {
  /**
   * Above 1: sends to the first in the rank of the key of which no more than so many times the mean is under way, so
   * that a hot key is spread. What is under way is what this node has published so and is not done with: use `ack`.
   * Default: the owner has to bear it.
   */
  readonly boundedLoad?: number
}

/** How a message is sent to the next node in turn. */
export interface RoundRobinOptions extends ForwardOptions {
  /** What has turns of its own. Default `''`. */
  readonly roundRobinKey?: string
}

/** A pool of a node of a cluster. */
export interface ManagedPool<Servers = Untyped> extends Pool {
  /**
   * Sends a message to the server of that name at the owner of the key. Where that goes away meanwhile it is sent to
   * the next in rank: without `ack` only if it was not sent, with `ack` also if nobody knows, so that with
   * `ack: { when: 'handled' }` it is not lost; the first may have handled it, too (`ack: { onDown: 'reject' }` rejects
   * then). By default messages of one key that is a text keep their order. Rejects with what `forwardMessage` rejects
   * with, unless the result says it.
   * @throws {@link PoolClosedError} it is not registered any more. `StoppedError`: this node does not run.
   */
  publishHrw<Name extends ServerName<Servers>>(
    key: PoolKey,
    server: Name,
    message: MessageOf<Servers, Name>,
    options?: HrwOptions,
  ): Promise<PublishResult>
  /** The same, to the node whose turn it is. */
  publishRoundRobin<Name extends ServerName<Servers>>(
    server: Name,
    message: MessageOf<Servers, Name>,
    options?: RoundRobinOptions,
  ): Promise<PublishResult>
  /** What became of what this node published to it. */
  counters(): Readonly<PublishCounts>
}

const forwardNames = Object.keys({
  ...{ channel: 0, partitionKey: 0, clock: 0, whenDown: 0, transitive: 0, deadline: 0, timeout: 0, signal: 0 },
  ...{ ack: 0, causalLabel: 0 },
} satisfies Record<keyof ForwardOptions, 0>)
const hrwNames = [...forwardNames, 'boundedLoad']
const roundRobinNames = [...forwardNames, 'roundRobinKey']

/** A pool that sends. */
export class SendingPool extends WorkPool implements ManagedPool {
  readonly #sender: PoolSender
  readonly #loads: BoundedLoad = new BoundedLoad(this)
  readonly #counts: PublishCounts = { published: 0, resent: 0, empty: 0, overloaded: 0 }

  constructor(spec: CompletePoolSpec, context: WorkPoolContext, sender: PoolSender) {
    super(spec, context)
    this.#sender = sender
  }

  async publishHrw(key: PoolKey, server: string, message: unknown, options: HrwOptions = {}): Promise<PublishResult> {
    checkKeys('options', options, hrwNames)
    const { boundedLoad, ...forward } = options
    const digest = digestOf(key)
    if (boundedLoad !== undefined) return this.#publishBounded(key, server, message, boundedLoad, forward)
    const partitionKey = forward.partitionKey ?? (typeof key === 'string' ? key : digest)
    const { topic: pool, includeSelf } = this.spec
    const owned: OwnedBy = { pool, digest, partitionKey, ...(!includeSelf && { exceptSender: true }) }
    const choose = (tried: ReadonlySet<string>): string | undefined => {
      if (tried.size === 0) return this.hrw(key)?.name
      return this.ranked(key, this.sites.size).find(({ name }) => !tried.has(name))?.name
    }
    return this.#publish(choose, { type: 'publish', server, message, owned }, forward)
  }

  async publishRoundRobin(server: string, message: unknown, options: RoundRobinOptions = {}): Promise<PublishResult> {
    checkKeys('options', options, roundRobinNames)
    const { roundRobinKey = '', ...forward } = options
    if (typeof roundRobinKey !== 'string') throw new InvalidOptionError('roundRobinKey', 'a text', roundRobinKey)
    const choose = (tried: ReadonlySet<string>): string | undefined => {
      for (let step = 0; step < this.nodeList.length; step++) {
        const name = this.rr(roundRobinKey)?.name
        if (name === undefined || !tried.has(name)) return name
      }
      return undefined
    }
    return this.#publish(choose, { type: 'publish', server, message }, forward)
  }

  counters(): Readonly<PublishCounts> {
    return { ...this.#counts }
  }

  async #publishBounded(
    key: PoolKey,
    server: string,
    message: unknown,
    factor: number,
    options: ForwardOptions,
  ): Promise<PublishResult> {
    checkFactor('boundedLoad', factor)
    let lease: ReturnType<BoundedLoad['acquire']>
    const choose = (tried: ReadonlySet<string>): string | undefined => {
      lease?.[Symbol.dispose]()
      lease = this.#loads.acquire(key, factor, tried)
      return lease?.node
    }
    try {
      return await this.#publish(choose, { type: 'publish', server, message }, options)
    } finally {
      lease?.[Symbol.dispose]()
    }
  }

  async #publish(
    choose: (tried: ReadonlySet<string>) => string | undefined,
    message: PublishMessage,
    options: ForwardOptions,
  ): Promise<PublishResult> {
    if (this.isClosed) throw new PoolClosedError(this.spec.topic)
    const result = await this.#sender.publish(choose, message, options, this.#counts)
    if (result.reason === 'empty') this.tellEmpty()
    return result
  }
}
