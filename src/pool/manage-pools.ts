import type { EventEmitter } from 'eventemitter3'
import { InvalidOptionError, ServerExistsError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import type { NodeSpec } from '../core/node.js'
import { checkKeys } from '../core/option-keys.js'
import { endlessMillis } from '../core/time.js'
import { checkFunction, isDuration } from '../manager/checks.js'
import type { ForwardOptions, PeerServiceManager } from '../manager/manager.js'
import type { MessageContext, MessageOf, ServerName, Untyped } from '../manager/servers.js'
import { SettledLater } from '../manager/settled-later.js'
import { poolsOptionNames } from './create-pools.js'
import { PartialMembershipError, PoolClosedError, type PoolMismatchError } from './errors.js'
import { type ManagedPool, SendingPool } from './managed-pool.js'
import { peerOf } from './node-table.js'
import { PeerPools } from './peer-pools.js'
import { PoolArrivals, type Subscriber } from './pool-arrivals.js'
import { parsePoolMessage, poolServer } from './pool-messages.js'
import { unreadable } from './pool-refusal.js'
import { PoolSender } from './pool-sender.js'
import type { PoolSpec } from './pool-spec.js'
import { subscriptionsMax } from './pool-state.js'
import type { Pools, PoolsEvents, PoolsOptions } from './pools.js'
import { TopicPublisher, type TopicResult } from './topic-publisher.js'
import { checkTopic } from './topics.js'
import { within } from './under-way.js'
import { WorkPools } from './work-pools.js'

/** What is counted of all pools of a node. */
export interface PoolsCounters {
  /** Messages that came here and were passed on to the owners of their keys. */
  readonly forwarded: number
  /**
   * Messages that came here and were handled here although another node owns their keys, because they could not be
   * passed on: its queue was full, or too many were on their way.
   */
  readonly kept: number
  /** What was told of lives that were over, and changed nothing. */
  readonly stale: number
  /** Messages between pools that were none. */
  readonly malformed: number
  /** Times that a node was told of the pools of this one again, because of a full queue for example. */
  readonly retold: number
}

/**
 * The pools of a node of a cluster. They follow its membership until they are disposed: then they are empty, and their
 * subscriptions end. To others the node is then one that never had pools: while it is up it is a member of theirs by
 * its type, also if it had departed, and is sent plain messages. So dispose of pools that departed after the `stop()`.
 */
export interface ManagedPools<Servers = Untyped> extends Pools<ManagedPool<Servers>>, Disposable {
  /** Differences with nodes that are up: there owners are others. Each was told by the event `error`. */
  readonly mismatches: readonly PoolMismatchError[]
  /**
   * Sends a message to a topic: that of a node reaches its server of that name; that of a pool, or of a type, those of
   * all that are alive. Who subscribed to the topic, or to what it lies below, is told, wherever it is. It does not
   * reject for a node's sake: `missed` tells. The topic `''`, of `hrwTopic` where nobody is alive, reaches nobody. With
   * `ack` it resolves when all have acknowledged, and goes to nobody else.
   */
  publish<Name extends ServerName<Servers>>(
    topic: string,
    server: Name,
    message: MessageOf<Servers, Name>,
    options?: ForwardOptions,
  ): Promise<TopicResult>
  /**
   * Calls `fn` with what is published anywhere to this topic or to one below it: `a/b` is below `a`, and `ab` is not.
   * For what is sent to this node by `publishHrw` and the like that is this node's topic. `''` is all.
   */
  subscribe<Message = unknown>(prefix: string, fn: Subscriber<Message>): Disposable
  /**
   * Tells the others that this node is about to end, so that it is given no more work and hears of no more topics; what
   * comes all the same is passed on to the new owners. Resolves when they have taken note, when all that pools had sent
   * here before has arrived and was handled or passed on, and when what was passed on has arrived: a `stop()` then
   * loses nothing, and repeats nothing. Or after `timeout` milliseconds (1,000). For this life.
   */
  depart(options?: { readonly timeout?: number | undefined }): Promise<void>
  /** Departs, and leaves the cluster. */
  leave(options?: { readonly timeout?: number | undefined }): Promise<void>
  /** What was counted of all pools. */
  counters(): PoolsCounters
}

const departTimeout = 1_000
/** As many subscribe to one prefix. */
const subscribersMax = 1_024

/**
 * Pools of a node of a cluster, fed by its membership. Make them at every node, with the same specs. Registrations and
 * subscriptions outlive `stop()`.
 * @throws {@link PartialMembershipError} this overlay does not know all members.
 * @throws `ServerExistsError` the node has pools already.
 */
export function managePools<Servers = Untyped>(
  manager: PeerServiceManager<Servers>,
  options: PoolsOptions = {},
): ManagedPools<Servers> {
  checkManager(manager)
  checkKeys('options', options, poolsOptionNames)
  if (!manager.supportsCapability('full-membership')) throw new PartialMembershipError(manager.name)
  const untyped: unknown = manager
  try {
    const typed: unknown = new ClusterPools(untyped as PeerServiceManager, options)
    return typed as ManagedPools<Servers>
  } catch (error) {
    if (!(error instanceof ServerExistsError)) throw error
    throw new ServerExistsError(
      error.server,
      `node '${manager.name}' has pools already: use these, or dispose them first`,
    )
  }
}

/** What joins the bookkeeping of pools to a manager. */
class ClusterPools implements ManagedPools {
  readonly #manager: PeerServiceManager
  readonly #pools: WorkPools<SendingPool>
  readonly #peers: PeerPools
  readonly #sender: PoolSender
  readonly #arrivals: PoolArrivals
  readonly #publisher: TopicPublisher
  readonly #disposables: Disposable[] = []
  readonly #refresh = (): void => this.#membersChanged()
  /** How many subscribed to each prefix. */
  readonly #subscribed = new Map<string, number>()
  /** The members as they were told of last: those that are told of again in the same words are not looked at. */
  #members: ReadonlySet<NodeSpec> = new Set()
  #leaving: number | undefined
  #isDisposed = false
  #malformed = 0
  /** How often another node came up. */
  #ups = 0

  constructor(manager: PeerServiceManager, options: PoolsOptions) {
    this.#manager = manager
    this.#sender = new PoolSender(manager, {
      runsPools: node => this.#peers.runs(node),
      lifeOf: node => this.#pools.lifeOf(node),
    })
    this.#pools = new WorkPools({
      ...{ self: manager.name, options, awaitsNodes: true, nodes: [], logger: manager.logger },
      make: (spec, context) => new SendingPool(spec, context, this.#sender),
    })
    this.#arrivals = new PoolArrivals({ manager, pools: this.#pools, sender: this.#sender })
    this.#peers = new PeerPools({
      ...{ manager, pools: this.#pools, traffic: this.#sender.traffic },
      subscriptions: () => [...this.#subscribed.keys()],
      isLeaving: () => this.#leaving === manager.spec.incarnation,
      known: node => this.#sender.waitingRoom.open(node),
    })
    this.#publisher = new TopicPublisher({
      ...{ manager, pools: this.#pools, peers: this.#peers, sender: this.#sender, arrivals: this.#arrivals },
    })
    this.#membersChanged()
    this.#disposables.push(
      manager.register(poolServer, (message: unknown, context): unknown => this.#receive(message, context)),
    )
    manager.events.on('members', this.#refresh)
    this.#disposables.push(
      manager.monitorNodes(({ type, node, incarnation }) => {
        if (type === 'up') {
          this.#ups++
          this.#pools.nodeUp(node, incarnation)
          this.#peers.up(node, incarnation)
        } else {
          this.#pools.nodeDown(node, incarnation)
          this.#peers.down(node, incarnation)
          this.#sender.traffic.forget(node)
        }
      }),
    )
  }

  get worker(): ManagedPool {
    return this.#pools.worker
  }

  get proxy(): ManagedPool {
    return this.#pools.proxy
  }

  get logger(): ManagedPool {
    return this.#pools.logger
  }

  get registered(): ReadonlyMap<string, ManagedPool> {
    return this.#pools.registered
  }

  get events(): EventEmitter<PoolsEvents> {
    return this.#pools.events
  }

  get mismatches(): readonly PoolMismatchError[] {
    return this.#peers.mismatches
  }

  register(spec: PoolSpec): ManagedPool {
    return this.registerAll([spec])[0] as ManagedPool
  }

  registerAll(specs: readonly PoolSpec[]): ManagedPool[] {
    this.#needOpen()
    const made = this.#pools.registerAll(specs)
    this.#peers.changed()
    return made
  }

  unregister(topic: string): boolean {
    const isThere = this.#pools.unregister(topic)
    if (isThere) this.#peers.changed()
    return isThere
  }

  rrLogTopic(id: string, path?: string): string {
    return this.#pools.rrLogTopic(id, path)
  }

  nodesOfType(type: string): readonly string[] {
    return this.#pools.nodesOfType(type)
  }

  activeNodeCount(type: string): number {
    return this.#pools.activeNodeCount(type)
  }

  async publish(topic: string, server: string, message: unknown, options: ForwardOptions = {}): Promise<TopicResult> {
    this.#needOpen()
    return this.#publisher.publish(topic, server, message, options)
  }

  subscribe<Message = unknown>(prefix: string, fn: Subscriber<Message>): Disposable {
    if (prefix !== '') checkTopic('prefix', prefix)
    checkFunction('fn', fn)
    this.#needOpen()
    const count = this.#subscribed.get(prefix) ?? 0
    if (count === 0 && this.#subscribed.size >= subscriptionsMax) {
      throw new InvalidOptionError('prefix', `one of ${subscriptionsMax} that a node may subscribe to at the most`)
    }
    if (count >= subscribersMax) {
      throw new InvalidOptionError('prefix', `subscribed to by ${subscribersMax} at the most`, prefix)
    }
    // What is published is what its publisher says that it is.
    const subscription = this.#arrivals.subscribe(prefix, (message, context) => fn(message as Message, context))
    this.#subscribed.set(prefix, count + 1)
    if (count === 0) this.#peers.changed()
    let isOver = false
    return {
      [Symbol.dispose]: () => {
        if (isOver) return
        isOver = true
        subscription[Symbol.dispose]()
        const left = (this.#subscribed.get(prefix) ?? 1) - 1
        if (left > 0) return void this.#subscribed.set(prefix, left)
        this.#subscribed.delete(prefix)
        this.#peers.changed()
      },
    }
  }

  async depart(options: { readonly timeout?: number | undefined } = {}): Promise<void> {
    checkKeys('options', options, ['timeout'])
    const { timeout = departTimeout } = options
    if (!isDuration(timeout)) throw new InvalidOptionError('timeout', 'milliseconds, 0 or more', timeout)
    this.#needOpen()
    this.#sender.needRunning()
    const { incarnation } = this.#manager.spec
    this.#leaving = incarnation
    this.#pools.nodeLeaving(this.#manager.name, incarnation)
    // The clock of a user need not know times that long.
    const bounded = Math.min(timeout, endlessMillis)
    await within(this.#manager.clock, bounded, this.#drain(bounded))
  }

  /**
   * The others know of it, and then answer when what they had sent before has arrived, so nothing comes behind their
   * answers. Who comes up meanwhile may send before it hears of it, and is asked, too.
   */
  async #drain(timeout: number): Promise<void> {
    const isLeaving = (): boolean => this.#leaving === this.#manager.spec.incarnation
    for (let asked = -1; asked !== this.#ups && isLeaving(); ) {
      asked = this.#ups
      await this.#peers.announce(timeout)
      // What this node sends to itself comes on its next turn.
      await this.#sender.traffic.flush(this.#manager.name)
      await this.#arrivals.ended()
      await this.#sender.traffic.flushAll()
    }
  }

  async leave(options?: { readonly timeout?: number | undefined }): Promise<void> {
    await this.depart(options)
    await this.#manager.leave()
  }

  counters(): PoolsCounters {
    const { forwarded, kept } = this.#arrivals
    const { retold } = this.#peers
    return { forwarded, kept, stale: this.#pools.stale, malformed: this.#malformed, retold }
  }

  [Symbol.dispose](): void {
    this.#manager.events.off('members', this.#refresh)
    for (const each of this.#disposables.splice(0)) each[Symbol.dispose]()
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#arrivals.close()
    // Others must not take it for a node that runs pools, and would look at what they send it.
    void this.#peers.end(departTimeout).then(() => this.#sender.waitingRoom.openAll())
    this.#pools.close()
    this.#pools.nodesChanged([], this.#members)
  }

  #needOpen(): void {
    if (this.#isDisposed) throw new PoolClosedError()
  }

  #membersChanged(): void {
    const members = new Set(this.#manager.membersForOrchestration())
    const joined = [...members].filter(spec => !this.#members.has(spec))
    const gone = [...this.#members].filter(spec => !members.has(spec))
    this.#members = members
    this.#pools.nodesChanged(joined.map(peerOf), gone)
  }

  /** Says what its sender is told of it. */
  #receive(message: unknown, context: MessageContext): Promise<void> | SettledLater | undefined {
    const parsed = parsePoolMessage(message)
    if (parsed === undefined) {
      this.#malformed++
      // A state would be told again and again to nobody's good; what is published is not to be taken for handled.
      return isRecord(message) && message.type === 'state' ? undefined : new SettledLater(Promise.reject(unreadable()))
    }
    if (parsed.type === 'publish') return this.#arrivals.take(parsed, context)
    if (parsed.type === 'flush' || context.from === this.#manager.name) return undefined
    if (parsed.type === 'drain') return this.#peers.drains.answer(context.from)
    this.#peers.heard(context.from, context.incarnation, parsed)
    return undefined
  }
}

function checkManager(manager: unknown): void {
  const isObject = typeof manager === 'object' && manager !== null
  if (isObject && 'supportsCapability' in manager) return
  throw new InvalidOptionError('manager', 'a node, as fullMesh makes it', manager)
}
