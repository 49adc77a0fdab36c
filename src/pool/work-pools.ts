import type { EventEmitter } from 'eventemitter3'
import { InvalidOptionError, type MaquisError } from '../core/errors.js'
import { isNodeName } from '../core/node.js'
import { checkFunction, isDuration } from '../manager/checks.js'
import { GuardedEmitter } from '../manager/guarded-emitter.js'
import { allocate, type Candidate, checkSupply, shortages } from './allocation.js'
import { compareBytewise } from './bytewise.js'
import { PoolExistsError, type PoolSupplyError } from './errors.js'
import { NodeTable, type PoolPeer } from './node-table.js'
import {
  type CompletePoolSpec,
  checkDefaults,
  completeSpec,
  isSameSpec,
  nodeTypeOf,
  type PoolDefaults,
  type PoolSpec,
  poolsMax,
} from './pool-spec.js'
import { poolTopics, type TopicNames, zeekTopics } from './topics.js'
import type { Pool, PoolChange, PoolEvents, WorkPool, WorkPoolContext } from './work-pool.js'

/** What all pools of a node tell. */
export interface PoolsEvents {
  /** A node disagrees: a {@link PoolMismatchError}, once for each difference. */
  error: (error: MaquisError) => void
  /** Exclusive pools of a type want more nodes than there are: those whose topics come last are short of some. */
  shortage: (shortage: PoolSupplyError) => void
  /** A listener or subscriber of the user threw, or its promise rejected. */
  'handler-error': (failure: { readonly where: string; readonly error: unknown }) => void
}

/** How pools are made. */
export interface PoolsOptions extends PoolDefaults, TopicNames {
  /** Whether the first manager, by name, is in the pools of loggers, behind these. Default false. */
  readonly managerIsLogger?: boolean
  /** What is to be different in the default pools. */
  readonly workerPoolSpec?: Partial<PoolSpec>
  readonly proxyPoolSpec?: Partial<PoolSpec>
  readonly loggerPoolSpec?: Partial<PoolSpec>
}

/** The pools of a node. */
export interface Pools<Made extends Pool = Pool> {
  /** The default pools: all nodes of the types `worker`, `proxy` and `logger`. */
  readonly worker: Made
  readonly proxy: Made
  readonly logger: Made
  /** All pools, by topic. */
  readonly registered: ReadonlyMap<string, Made>
  readonly events: EventEmitter<PoolsEvents>
  /**
   * Registers a pool, at any time: it has its nodes at once. The same spec twice is one pool.
   * @throws {@link PoolExistsError}, {@link PoolNodeTypeError}, {@link PoolLimitError}; of `createPools`
   * {@link PoolSupplyError}: nothing is registered.
   */
  register(spec: PoolSpec): Made
  /** Registers all of these or none: what Zeek checks of all its pools it checks of all of them together. */
  registerAll(specs: readonly PoolSpec[]): Made[]
  /** Ends a pool; whether there was one. Its nodes are free for others. */
  unregister(topic: string): boolean
  /**
   * The topic of the logger whose turn it is for a record of that log and path; the `defaultLogTopic` where no logger
   * is alive.
   */
  rrLogTopic(id: string, path?: string): string
  /** The names of all members of a type, sorted. */
  nodesOfType(type: string): readonly string[]
  /** How many members of a type are alive. */
  activeNodeCount(type: string): number
}

/** What is told to pools that nobody manages: who is a member, and who is up. */
export interface PureNodes {
  /** A life of a node is up. Without an incarnation: the latest. */
  nodeUp(name: string, incarnation?: number): void
  /** A life of a node is down. One that is over already changes nothing. */
  nodeDown(name: string, incarnation?: number): void
  /** A life of a node says that it will leave: it is given no more work. With false: that it will not after all. */
  nodeLeaving(name: string, incarnation: number, isLeaving?: boolean): void
  /** A node is a member, or a later life or another type of one. It is not alive before {@link nodeUp}. */
  nodeJoined(peer: PoolPeer): void
  /** A node is no member any more. */
  nodeLeft(name: string): void
}

interface WorkPoolsSettings<Made extends WorkPool> {
  readonly self: string
  readonly options: PoolsOptions
  /** The members at the beginning. */
  readonly nodes: readonly PoolPeer[]
  /** Whether exclusive pools may want more nodes than there are: others may join yet. */
  readonly awaitsNodes: boolean
  readonly make: (spec: CompletePoolSpec, context: WorkPoolContext) => Made
}

/** The pools of a node, kept in order with its table of nodes. */
export class WorkPools<Made extends WorkPool> implements Pools<Made>, PureNodes {
  readonly self: string
  readonly events: GuardedEmitter<PoolsEvents> = new GuardedEmitter((event, error) => this.failed(event, error))
  readonly topics: Required<TopicNames>
  readonly #settings: WorkPoolsSettings<Made>
  readonly #table = new NodeTable()
  readonly #pools = new Map<string, Made>()
  /** Default pools whose specs nobody chose, by topic. */
  readonly #unchosen = new Set<string>()
  readonly #defaults: readonly Made[]
  /** What is told, in order, when all is up to date. */
  readonly #untold: (() => void)[] = []
  #isTelling = false
  readonly #shortages = new Map<string, string>()
  /** Pools of other nodes, which may have nodes that are then not free for those of this one. */
  #foreign: readonly CompletePoolSpec[] = []

  constructor(settings: WorkPoolsSettings<Made>) {
    const { self, options } = settings
    if (!isNodeName(self)) throw new InvalidOptionError('self', 'the name of a node', self)
    checkDefaults('', options)
    const { nodeTopic, typeTopic, defaultLogTopic } = { ...zeekTopics, ...options }
    for (const [name, fn] of Object.entries({ nodeTopic, typeTopic, defaultLogTopic })) checkFunction(name, fn)
    this.self = self
    this.topics = { nodeTopic, typeTopic, defaultLogTopic }
    this.#settings = settings
    for (const peer of settings.nodes) this.#join(peer)
    this.#defaults = this.#registerDefaults(options)
  }

  get worker(): Made {
    return this.#defaults[0] as Made
  }

  get proxy(): Made {
    return this.#defaults[1] as Made
  }

  get logger(): Made {
    return this.#defaults[2] as Made
  }

  get registered(): ReadonlyMap<string, Made> {
    return this.#pools
  }

  /** What was told of lives that were over, and changed nothing. */
  get stale(): number {
    return this.#table.stale
  }

  register(spec: PoolSpec): Made {
    return this.registerAll([spec])[0] as Made
  }

  registerAll(specs: readonly PoolSpec[]): Made[] {
    const { options, awaitsNodes } = this.#settings
    const inZeeksOrder = [...specs].sort((one, other) => compareBytewise(String(one.topic), String(other.topic)))
    const complete = new Map(inZeeksOrder.map(spec => [spec, completeSpec(spec, options)]))
    const next = new Map([...this.#pools].map(([topic, { spec }]) => [topic, spec]))
    const chosen = new Set<string>()
    for (const spec of complete.values()) {
      const known = next.get(spec.topic)
      const isFree = known === undefined || (this.#unchosen.has(spec.topic) && !chosen.has(spec.topic))
      if (!isFree && !isSameSpec(known, spec)) throw new PoolExistsError(spec.topic)
      next.set(spec.topic, spec)
      chosen.add(spec.topic)
    }
    if (next.size > poolsMax) throw new InvalidOptionError('specs', `${poolsMax} pools at the most`, next.size)
    if (!awaitsNodes) checkSupply([...next.values()], this.#candidates(), options.managerIsLogger ?? false)
    for (const spec of complete.values()) this.#take(spec)
    this.#refresh()
    return specs.map(spec => this.#pools.get(spec.topic) as Made)
  }

  unregister(topic: string): boolean {
    const pool = this.#pools.get(topic)
    if (pool === undefined) return false
    this.#pools.delete(topic)
    this.#unchosen.delete(topic)
    const change = pool.place([])
    if (change !== undefined) this.#untold.push(() => tell(pool, change))
    pool.close()
    this.#refresh()
    return true
  }

  rrLogTopic(id: string, path: string = id): string {
    // One counter for all logs would give each of several, written in turns, the same loggers for ever.
    const isZeek = this.logger.spec.hash === 'zeek-7.1'
    const topic = this.logger.rrTopic(isZeek ? 'Cluster::rr_log_topic' : `log ${id} ${path}`)
    return topic === '' ? this.topics.defaultLogTopic(id, path) : topic
  }

  nodesOfType(type: string): readonly string[] {
    const wanted = nodeTypeOf(type)
    return this.#candidates()
      .filter(each => each.type === wanted)
      .map(({ name }) => name)
      .sort(compareBytewise)
  }

  activeNodeCount(type: string): number {
    return this.aliveOfType(type).length
  }

  /** The latest life of a node that is known. */
  lifeOf(name: string): number | undefined {
    return this.#table.lifeOf(name)
  }

  nodeUp(name: string, incarnation?: number): void {
    this.#changed(name, incarnation, () => this.#table.up(name, incarnation))
  }

  nodeDown(name: string, incarnation?: number): void {
    this.#changed(name, incarnation, () => this.#table.down(name, incarnation))
  }

  nodeLeaving(name: string, incarnation: number, isLeaving = true): void {
    this.#changed(name, incarnation, () => this.#table.leaving(name, incarnation, isLeaving))
  }

  nodeJoined(peer: PoolPeer): void {
    this.nodesJoined([peer])
  }

  /** Several at a time: pools change once. */
  nodesJoined(peers: Iterable<PoolPeer>): void {
    for (const peer of peers) this.#join(peer)
    this.#refresh()
  }

  nodeLeft(name: string): void {
    this.#table.leave(name)
    this.#refresh()
  }

  /** These are all members there are. */
  nodesAre(peers: readonly PoolPeer[]): void {
    const names = new Set(peers.map(({ name }) => name))
    for (const { name } of this.#candidates()) if (!names.has(name)) this.#table.leave(name)
    this.nodesJoined(peers)
  }

  /** Whether a node is up and has not said that it leaves, member or not. */
  isAlive(name: string): boolean {
    return this.#table.isAlive(name)
  }

  /** The members of a type that are alive. */
  aliveOfType(type: string): string[] {
    const wanted = nodeTypeOf(type)
    return this.#candidates()
      .filter(each => each.type === wanted && each.alive)
      .map(({ name }) => name)
  }

  /** Nobody uses these pools any more. */
  close(): void {
    for (const pool of this.#pools.values()) pool.close()
  }

  /** These are the pools of other nodes. */
  foreignAre(specs: readonly CompletePoolSpec[]): void {
    this.#foreign = specs
    this.#refresh()
  }

  /** What a listener or subscriber threw. */
  failed(where: string, error: unknown): void {
    if (where !== 'handler-error') this.events.emit('handler-error', { where, error })
  }

  #registerDefaults({ workerPoolSpec, proxyPoolSpec, loggerPoolSpec }: PoolsOptions): Made[] {
    const chosen = { worker: workerPoolSpec, proxy: proxyPoolSpec, logger: loggerPoolSpec }
    const types = ['worker', 'proxy', 'logger'] as const
    const specs = types.map(type => ({ topic: poolTopics[type], nodeType: type, ...chosen[type] }))
    const made = this.registerAll(specs)
    for (const [index, type] of types.entries()) {
      if (chosen[type] === undefined) this.#unchosen.add((specs[index] as PoolSpec).topic)
    }
    return made
  }

  #join(peer: PoolPeer): void {
    const { name, type, incarnation } = peer
    if (!isNodeName(name)) throw new InvalidOptionError('node.name', 'the name of a node', name)
    if (type !== undefined && typeof type !== 'string') throw new InvalidOptionError('node.type', 'a text', type)
    checkIncarnation(incarnation)
    this.#table.join(peer)
    if (name === this.self) this.#table.up(name, incarnation)
  }

  #take(spec: CompletePoolSpec): void {
    const { topic } = spec
    const known = this.#pools.get(topic)
    if (known === undefined) {
      const events = new GuardedEmitter<PoolEvents>((event, error) => this.failed(`${event} of pool '${topic}'`, error))
      this.#pools.set(topic, this.#settings.make(spec, { self: this.self, nodeTopic: this.topics.nodeTopic, events }))
    } else if (this.#unchosen.delete(topic)) known.respecify(spec)
  }

  #changed(name: string, incarnation: number | undefined, change: () => void): void {
    checkIncarnation(incarnation)
    const was = this.#table.isAlive(name)
    change()
    if (this.#table.isAlive(name) !== was) this.#refresh()
  }

  #candidates(): Candidate[] {
    return this.#table.members()
  }

  /** Brings all pools up to date, and tells of it then. */
  #refresh(): void {
    const { managerIsLogger = false } = this.#settings.options
    const foreign = this.#foreign.filter(({ topic }) => !this.#pools.has(topic))
    const specs = [...[...this.#pools.values()].map(({ spec }) => spec), ...foreign]
    const candidates = this.#candidates()
    const alive = new Map(candidates.map(each => [each.name, each.alive]))
    for (const [topic, names] of allocate(specs, candidates, managerIsLogger)) {
      const pool = this.#pools.get(topic)
      if (pool === undefined) continue
      const change = pool.place(names.map(name => ({ name, alive: alive.get(name) ?? false })))
      if (change !== undefined) this.#untold.push(() => tell(pool, change))
    }
    this.#noteShortages(shortages(specs, candidates, managerIsLogger))
    this.#tell()
  }

  #noteShortages(found: readonly PoolSupplyError[]): void {
    const now = new Map(found.map(each => [each.nodeType, each]))
    for (const type of this.#shortages.keys()) if (!now.has(type)) this.#shortages.delete(type)
    for (const [type, shortage] of now) {
      if (this.#shortages.get(type) === shortage.message) continue
      this.#shortages.set(type, shortage.message)
      this.#untold.push(() => void this.events.emit('shortage', shortage))
    }
  }

  /** What listeners do may change pools again: what was first is told first. */
  #tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next()
    this.#isTelling = false
  }
}

function tell(pool: WorkPool, change: PoolChange): void {
  pool.events.emit('changed', change)
  if (change.after.length === 0) pool.tellEmpty()
}

function checkIncarnation(incarnation: number | undefined): void {
  if (incarnation === undefined || isDuration(incarnation)) return
  throw new InvalidOptionError('incarnation', 'a number from 0', incarnation)
}
