import { InvalidOptionError } from '../core/errors.js'
import { isRecord } from '../core/name.js'
import { isNodeName } from '../core/node.js'
import { stackOf } from '../core/thrown.js'
import { checkArray, checkBoolean, isDuration } from '../manager/checks.js'
import { GuardedEmitter } from '../manager/guarded-emitter.js'
import type { Logger } from '../manager/options.js'
import { Allocation } from './allocation.js'
import { compareBytewise } from './bytewise.js'
import { PoolExistsError, type PoolMismatchError, type PoolSupplyError } from './errors.js'
import { NodeTable, type PoolPeer } from './node-table.js'
import { type CompletePoolSpec, checkDefaults, completeSpec, isSameSpec, type PoolSpec, poolsMax } from './pool-spec.js'
import type { Pools, PoolsEvents, PoolsOptions, PureNodes } from './pools.js'
import type { Candidate, Claim } from './supply.js'
import { poolTopics, TopicMap, type TopicNames, topicNames, withoutEnd } from './topics.js'
import type { PoolEvents, WorkPool, WorkPoolContext } from './work-pool.js'

interface WorkPoolsSettings<Made extends WorkPool> {
  readonly self: string
  readonly options: PoolsOptions
  /** The members at the beginning. */
  readonly nodes: readonly PoolPeer[]
  /** Whether exclusive pools may want more nodes than there are: others may join yet. */
  readonly awaitsNodes: boolean
  /** Is told what nobody may listen for. */
  readonly logger?: Logger
  readonly make: (spec: CompletePoolSpec, context: WorkPoolContext) => Made
}

const aNodeName = 'the name of a node: 1 to 255 bytes of text without control characters'
const defaultTypes = ['worker', 'proxy', 'logger'] as const

/** The pools of a node, kept in order with its table of nodes. */
export class WorkPools<Made extends WorkPool> implements Pools<Made>, PureNodes {
  readonly self: string
  readonly managerIsLogger: boolean
  readonly events: GuardedEmitter<PoolsEvents> = new GuardedEmitter((event, error) => this.failed(event, error))
  readonly topics: Required<TopicNames>
  readonly #settings: WorkPoolsSettings<Made>
  readonly #table = new NodeTable()
  readonly #allocation: Allocation
  readonly #pools = new TopicMap<Made>()
  /** Default pools whose specs nobody chose. */
  readonly #unchosen = new Set<Made>()
  /** The default pools as they were registered last, in the order of their types. */
  readonly #defaults: Made[] = []
  /** The topics of members; and who has each, without the separator at its end. */
  readonly #nodeTopics = new Map<string, string>()
  readonly #named = new Map<string, string>()
  /** What is told, in order, when all is up to date. */
  readonly #untold: (() => void)[] = []
  #isTelling = false
  readonly #shortages = new Map<string, string>()
  /** Pools of other nodes, which may have nodes that are then not free for those of this one, by topic. */
  #foreign: ReadonlyMap<string, Claim> = new TopicMap()

  constructor(settings: WorkPoolsSettings<Made>) {
    const { self, options } = settings
    if (!isNodeName(self)) throw new InvalidOptionError('self', aNodeName, self)
    checkDefaults('', options)
    const { managerIsLogger = false } = options
    checkBoolean('managerIsLogger', managerIsLogger)
    this.self = self
    this.managerIsLogger = managerIsLogger
    this.topics = topicNames(options, self, (where, error) => this.failed(where, error))
    this.#settings = settings
    this.#allocation = new Allocation(managerIsLogger)
    for (const peer of settings.nodes) this.#join(peer)
    this.#registerDefaults(options)
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
    checkArray('specs', specs)
    const complete = inZeeksOrder(specs).map(spec => completeSpec(spec, options))
    const next = new TopicMap<CompletePoolSpec>()
    for (const pool of this.#pools.values()) if (!this.#unchosen.has(pool)) next.set(pool.spec.topic, pool.spec)
    for (const spec of complete) {
      const known = next.get(spec.topic)
      if (known !== undefined && !isSameSpec(known, spec)) throw new PoolExistsError(spec.topic, known.topic)
      next.set(spec.topic, spec)
    }
    for (const { spec } of this.#unchosen) if (!next.has(spec.topic)) next.set(spec.topic, spec)
    if (next.size > poolsMax) throw new InvalidOptionError('specs', `${poolsMax} pools at the most`, next.size)
    if (!awaitsNodes) this.#allocation.check(next.values(), this.self)
    for (const spec of complete) this.#take(spec)
    this.#refresh()
    return specs.map(({ topic }) => this.#pools.get(topic) as Made)
  }

  unregister(topic: string): boolean {
    checkText('topic', topic)
    const pool = this.#pools.get(topic)
    if (pool === undefined) return false
    this.#pools.delete(topic)
    this.#unchosen.delete(pool)
    this.#allocation.claimIs(topic, this.#foreign.get(topic))
    this.#later(pool.place({ topic, nodes: [], touched: undefined }))
    pool.close()
    this.#refresh()
    return true
  }

  rrLogTopic(id: string, path: string = id): string {
    checkText('id', id)
    checkText('path', path)
    // One counter for all logs would give each of several, written in turns, the same loggers for ever.
    const isZeek = this.logger.spec.hash === 'zeek-7.1'
    const topic = this.logger.rrTopic(isZeek ? 'Cluster::rr_log_topic' : `log ${id} ${path}`)
    return topic === '' ? this.topics.defaultLogTopic(id, path) : topic
  }

  nodesOfType(type: string): readonly string[] {
    checkText('type', type)
    return this.#allocation.nodesOf(type).map(({ name }) => name)
  }

  activeNodeCount(type: string): number {
    return this.aliveOfType(type).length
  }

  /** The latest life of a node that is known. */
  lifeOf(name: string): number | undefined {
    return this.#table.lifeOf(name)
  }

  /** The member whose topic that is, with or without a separator at its end. */
  nodeOfTopic(topic: string): string | undefined {
    return this.#named.get(withoutEnd(topic))
  }

  nodeUp(name: string, incarnation?: number): void {
    // The end of the life before was not told of: it ended all the same, with what it had under way.
    const before = this.#table.lifeOf(name) ?? 0
    if (incarnation !== undefined && incarnation > before && this.#table.isAlive(name)) this.nodeDown(name, before)
    this.#changed(name, incarnation, () => this.#table.up(name, incarnation))
  }

  nodeDown(name: string, incarnation?: number): void {
    this.#changed(name, incarnation, () => this.#table.down(name, incarnation))
  }

  nodeLeaving(name: string, incarnation: number, isLeaving = true): void {
    this.#changed(name, incarnation, () => this.#table.leaving(name, incarnation, isLeaving))
  }

  nodeJoined(peer: PoolPeer): void {
    this.#join(peer)
    this.#refresh()
  }

  nodeLeft(name: string): void {
    checkNode(name)
    this.#leave(name)
    this.#refresh()
  }

  /** Nodes joined, or are not as they were, and others are no members any more: pools change once. */
  nodesChanged(joined: readonly PoolPeer[], gone: Iterable<{ readonly name: string }>): void {
    const names = new Set(joined.map(({ name }) => name))
    for (const { name } of gone) if (!names.has(name)) this.#leave(name)
    for (const peer of joined) this.#join(peer)
    this.#refresh()
  }

  /** Whether a node is up and has not said that it leaves, member or not. */
  isAlive(name: string): boolean {
    return this.#table.isAlive(name)
  }

  /** The members of a type that are alive. */
  aliveOfType(type: string): string[] {
    checkText('type', type)
    return this.#allocation.nodesOf(type).flatMap(({ name, alive }) => (alive ? [name] : []))
  }

  /** Nobody uses these pools any more. */
  close(): void {
    for (const pool of this.#pools.values()) pool.close()
  }

  /** These are the pools of other nodes that have nodes which those of this one would have otherwise. */
  foreignAre(claims: readonly Claim[]): void {
    const before = this.#foreign
    // Each state of a peer is compared anew, and most change nothing of this.
    if (claims.length === before.size && claims.every(claim => isSameClaim(before.get(claim.spec.topic), claim))) return
    this.#foreign = new TopicMap(claims.map(claim => [claim.spec.topic, claim]))
    for (const topic of new Set([...before.keys(), ...this.#foreign.keys()])) {
      if (!this.#pools.has(topic)) this.#allocation.claimIs(topic, this.#foreign.get(topic))
    }
    this.#refresh()
  }

  /** Other nodes disagree. */
  differs(mismatch: PoolMismatchError): void {
    this.#settings.logger?.warn(mismatch.message)
    this.events.emit('error', mismatch)
  }

  /** What a listener or subscriber threw. Of listeners of that nobody else is told. */
  failed(where: string, error: unknown): void {
    this.#settings.logger?.error(`${where} failed: ${stackOf(error)}`)
    if (where !== 'handler-error') this.events.emit('handler-error', { where, error })
  }

  #registerDefaults(options: PoolsOptions): void {
    const { workerPoolSpec, proxyPoolSpec, loggerPoolSpec } = options
    const chosen = { worker: workerPoolSpec, proxy: proxyPoolSpec, logger: loggerPoolSpec }
    const specs = defaultTypes.map(type => {
      const option = `${type}PoolSpec`
      const given: unknown = chosen[type]
      if (given !== undefined && !isRecord(given)) throw new InvalidOptionError(option, 'a plain object', given)
      const spec = { topic: poolTopics[type], nodeType: type, ...chosen[type] }
      completeSpec(spec, options, option)
      return spec
    })
    this.#defaults.push(...this.registerAll(specs))
    for (const [index, type] of defaultTypes.entries()) {
      if (chosen[type] === undefined) this.#unchosen.add(this.#defaults[index] as Made)
    }
  }

  #join(peer: PoolPeer): void {
    if (typeof peer !== 'object' || peer === null) throw new InvalidOptionError('node', 'an object', peer)
    const { name, type, incarnation } = peer
    if (!isNodeName(name)) throw new InvalidOptionError('node.name', aNodeName, name)
    if (type !== undefined && typeof type !== 'string') throw new InvalidOptionError('node.type', 'a text', type)
    checkIncarnation(incarnation)
    const was = this.#table.member(name)
    if (was === undefined) this.#name(name)
    this.#table.join(peer)
    if (name === this.self) this.#table.up(name, incarnation)
    this.#allocate(was, this.#table.member(name))
  }

  #leave(name: string): void {
    const was = this.#table.member(name)
    if (was === undefined) return
    this.#table.leave(name)
    const bare = withoutEnd(this.#nodeTopics.get(name) ?? '')
    this.#nodeTopics.delete(name)
    if (this.#named.get(bare) === name) this.#named.delete(bare)
    this.#allocate(was, undefined)
  }

  /** Once for each member: it is a function of the user. */
  #name(name: string): void {
    const topic = this.topics.nodeTopic(name)
    this.#nodeTopics.set(name, topic)
    this.#named.set(withoutEnd(topic), name)
  }

  #take(spec: CompletePoolSpec): void {
    const { topic } = spec
    const known = this.#pools.get(topic)
    if (known === undefined) this.#make(spec)
    else if (this.#unchosen.delete(known)) known.respecify(spec)
    else return
    this.#allocation.claimIs(topic, { spec, node: this.self })
  }

  #make(spec: CompletePoolSpec): void {
    const { topic } = spec
    const events = new GuardedEmitter<PoolEvents>((event, error) => this.failed(`${event} of pool '${topic}'`, error))
    const nodeTopic = (name: string): string => this.#nodeTopics.get(name) ?? ''
    const pool = this.#settings.make(spec, { self: this.self, nodeTopic, events })
    this.#pools.set(topic, pool)
    // It takes the place of one that was unregistered.
    const index = this.#defaults.findIndex(each => withoutEnd(each.spec.topic) === withoutEnd(topic))
    if (index >= 0) this.#defaults[index] = pool
  }

  #changed(name: string, incarnation: number | undefined, change: () => void): void {
    checkNode(name)
    checkIncarnation(incarnation)
    const was = this.#table.member(name)
    change()
    this.#allocate(was, this.#table.member(name))
    this.#refresh()
  }

  #allocate(was: Candidate | undefined, now: Candidate | undefined): void {
    if (was?.type !== now?.type || was?.alive !== now?.alive) this.#allocation.nodeIs(was, now)
  }

  /** Brings pools up to date, and tells of it then. */
  #refresh(): void {
    const { placements, shortages } = this.#allocation.allocate()
    for (const placement of placements) this.#later(this.#pools.get(placement.topic)?.place(placement))
    for (const [type, shortage] of shortages) this.#noteShortage(type, shortage)
    this.#tell()
  }

  #noteShortage(type: string, shortage: PoolSupplyError | undefined): void {
    if (this.#shortages.get(type) === shortage?.message) return
    if (shortage === undefined) {
      this.#shortages.delete(type)
      return
    }
    this.#shortages.set(type, shortage.message)
    this.#later(() => {
      this.#settings.logger?.warn(shortage.message)
      this.events.emit('shortage', shortage)
    })
  }

  #later(tell: (() => void) | undefined): void {
    if (tell !== undefined) this.#untold.push(tell)
  }

  /** What listeners do may change pools again: what was first is told first. */
  #tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next()
    this.#isTelling = false
  }
}

/** By topic: of several that are wrong the first is told of. */
function inZeeksOrder(specs: readonly PoolSpec[]): PoolSpec[] {
  const topicOf = (spec: unknown): string => String((spec as PoolSpec | null | undefined)?.topic)
  return [...specs].sort((one, other) => compareBytewise(topicOf(one), topicOf(other)))
}

function isSameClaim(known: Claim | undefined, claim: Claim): boolean {
  return known?.node === claim.node && known.spec.topic === claim.spec.topic && isSameSpec(known.spec, claim.spec)
}

function checkText(option: string, given: unknown): void {
  if (typeof given !== 'string') throw new InvalidOptionError(option, 'a text', given)
}

function checkNode(name: unknown): void {
  if (!isNodeName(name)) throw new InvalidOptionError('node', aNodeName, name)
}

function checkIncarnation(incarnation: number | undefined): void {
  if (incarnation === undefined || isDuration(incarnation)) return
  throw new InvalidOptionError('incarnation', 'a number from 0', incarnation)
}
