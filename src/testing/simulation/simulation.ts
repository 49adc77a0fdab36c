import { InvalidOptionError } from '../../core/errors.js'
import type { NodeName } from '../../core/node.js'
import { checkKeys } from '../../core/option-keys.js'
import { isPromiseLike } from '../../core/promise-like.js'
import type { SeededRandom } from '../../core/random.js'
import type { Millis } from '../../core/time.js'
import { checkAnswer, checkBoolean, checkDuration, checkFunction } from '../../manager/checks.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import { fullMesh } from '../../manager/overlays.js'
import type { Untyped } from '../../manager/servers.js'
import { MemoryNetwork } from '../../transport/memory.js'
import type { HistoryEvent } from '../histories/history-event.js'
import { Digest } from './digest.js'
import { Driver } from './driver.js'
import { NetworkFaults } from './network-faults.js'
import { NodeRecorder } from './node-recorder.js'
import { unsettled } from './settling.js'
import { SimulatedClock } from './simulated-clock.js'
import { SimulatedFaults, seededFor } from './simulated-faults.js'
import { type NodeWorld, SimulatedNode } from './simulated-node.js'
import type { SimulatedProcess } from './simulated-process.js'
import { checkHostName, checkSeeds, checkSimulationOptions, type SimulationOptions } from './simulation-options.js'

/** What was waited for did not come to pass in simulated time. */
export class SettleError extends Error {
  override readonly name: string = 'SettleError'
}

/**
 * A cluster of whole managers on one simulated network and clock: codec, links, delivery and faults are those of a real
 * one, and one seed decides everything else. Nothing happens until somebody waits: `settle`, `until` and `pass` let
 * simulated time pass. Any test runner will do; simulations know nothing of each other.
 *
 * After FoundationDB's simulation and TigerBeetle's VOPR.
 */
export class Simulation<Servers = Untyped> extends NetworkFaults implements AsyncDisposable {
  readonly seed: number
  readonly clock: SimulatedClock
  /** Chance for the test itself: what the nodes and the network draw does not disturb it. */
  readonly random: SeededRandom
  /** What happened so far, in order. See {@link HistoryEvent}. */
  readonly history: readonly HistoryEvent[]
  /** How many events were not kept, because of `historyMax`. */
  unrecorded = 0
  readonly #events: HistoryEvent[] = []
  readonly #options: SimulationOptions<Servers>
  readonly #driver: Driver
  readonly #nodes = new Map<NodeName, SimulatedNode<Servers>>()
  readonly #world: NodeWorld<Servers>
  readonly #digest = new Digest()
  #disposed = false

  constructor(options: SimulationOptions<Servers>) {
    const names = checkSimulationOptions(options)
    const { seed = 1, base = new Date('2026-01-01T00:00:00Z'), latency = {} } = options
    const clock = new SimulatedClock({ base })
    const busy = (host: string): boolean => this.#nodes.get(host as NodeName)?.process.busy === true
    const absent = (host: string): boolean => this.#nodes.get(host as NodeName)?.silent === true
    const conditions = new SimulatedFaults(latency, seed, busy, absent)
    super(clock, new MemoryNetwork(clock, { conditions }), conditions)
    this.seed = seed
    this.clock = clock
    this.random = seededFor(seed, 'test')
    this.history = this.#events
    this.#options = options
    this.#driver = new Driver(clock, () => this.#look())
    this.#world = this.#makeWorld()
    for (const name of names) this.#nodes.set(name, new SimulatedNode(name, this.#world))
    for (const node of this.#nodes.values()) node.boot()
  }

  /** The names of all nodes that were ever added, in the order they were given. */
  get names(): readonly NodeName[] {
    return [...this.#nodes.keys()]
  }

  /** The nodes that run, or are starting. A paused node runs. */
  get live(): readonly NodeName[] {
    return this.names.filter(name => this.#find(name).state !== 'gone')
  }

  /** How many events have been run. */
  get steps(): number {
    return this.#driver.steps
  }

  /** The manager of a node: that of its present process, or of its last. */
  node(name: string): PeerServiceManager<Servers> {
    return this.#find(name).manager
  }

  /** A further node, which starts now. */
  add(name: string): PeerServiceManager<Servers> {
    this.#needUndisposed(name)
    checkHostName(name)
    if (this.#nodes.has(name)) throw new InvalidOptionError('name', 'a name that no node has', name)
    checkSeeds(this.#options, [name], [...this.names, name])
    const node = new SimulatedNode(name, this.#world)
    this.#nodes.set(name, node)
    this.added(name)
    node.boot()
    return node.manager
  }

  // Time.

  /** Lets so many milliseconds pass. */
  async pass(millis: Millis): Promise<void> {
    checkDuration('millis', millis)
    await this.#driver.wait(() => false, millis)
  }

  /** Lets time pass until `condition` holds: it is asked after every event. Rejects with a {@link SettleError}. */
  async until(condition: () => boolean, within: Millis = settleWithin): Promise<void> {
    checkFunction('condition', condition)
    checkDuration('within', within)
    const holds = (): boolean => {
      const held = condition()
      checkAnswer('condition', held)
      return held
    }
    if (await this.#driver.wait(holds, within)) return
    throw new SettleError(`not within ${within} simulated ms (seed ${this.seed}): ${String(condition)}`)
  }

  /**
   * Lets time pass until the cluster is at rest: every node that was told to run has started; who can reach each other
   * are fully connected, agree on the members, and make up one cluster; who cannot have noticed it; nothing waits in a
   * queue. With a promise: until that settles, and with what it settles. Rejects with a {@link SettleError} that says
   * what is not so after `within` simulated milliseconds, by default 60,000.
   */
  async settle(promise?: undefined, within?: Millis): Promise<void>
  async settle<Value>(promise: PromiseLike<Value>, within?: Millis): Promise<Value>
  async settle(promise?: PromiseLike<unknown>, within: Millis = settleWithin): Promise<unknown> {
    checkDuration('within', within)
    if (promise !== undefined) return this.#settled(promise, within)
    let why: string | undefined = 'too little time'
    let since = Number.POSITIVE_INFINITY
    const atRest = (): boolean => {
      this.#checkStarts()
      why = unsettled(this.#awake(), this)
      since = why === undefined ? Math.min(since, this.clock.now()) : Number.POSITIVE_INFINITY
      return this.clock.now() - since >= settleQuiet
    }
    if (await this.#driver.wait(atRest, within, settleInterval)) return undefined
    throw new SettleError(`not at rest within ${within} simulated ms (seed ${this.seed}): ${why}`)
  }

  // Nodes.

  /**
   * The process of the node is gone, between one instruction and the next: nothing of it runs again, and what it had in
   * memory is lost. Its peers see their connections reset; with `silent`, as after a power cut, they see nothing.
   */
  crash(node: string, options: { readonly silent?: boolean } = {}): void {
    checkKeys('options', options, ['silent'])
    const { silent = false } = options
    checkBoolean('silent', silent)
    const found = this.#find(node)
    found.look()
    if (found.state === 'gone') return
    this.fault(silent ? 'power loss' : 'crash', [found.name])
    if (found.process.paused) this.fault('pause: over', [found.name])
    if (found.process.slowed) this.fault('slow: over', [found.name])
    found.recorder.ended('crashed')
    found.silent = silent
    found.process.kill()
    this.network.unlisten(node)
    for (const wire of this.network.wires) {
      if (wire.from !== node && wire.to !== node) continue
      if (silent) wire.vanish(node)
      else wire.abandon(node)
      if (!silent && wire.over) this.network.forget(wire)
    }
  }

  /** A new process under the same name: a new life that remembers nothing. One that still runs is crashed first. */
  restart(node: string): void {
    this.#needUndisposed(node)
    const found = this.#find(node)
    this.crash(node)
    this.network.unlisten(node)
    for (const wire of this.network.wires) {
      if (wire.from !== node && wire.to !== node) continue
      wire.disown(node)
      if (wire.over) this.network.forget(wire)
    }
    this.fault('restart', [found.name])
    found.renew()
    found.boot()
  }

  /** Ends the node in order; {@link restart} begins a new life. Resolves, too, when it is crashed meanwhile. */
  async stop(node: string): Promise<void> {
    const { manager, process } = this.#find(node)
    await this.settle(Promise.race([manager.stop(), process.death]))
    this.#look()
  }

  /** Stops the node's process between two events, as SIGSTOP does; what is sent to it waits. */
  pause(node: string): void {
    const { name, process } = this.#find(node)
    if (!process.paused) this.fault('pause', [name], true)
    process.pause()
  }

  /** Lets a paused node go on, with everything that has become due meanwhile. */
  resume(node: string): void {
    const { name, process } = this.#find(node)
    if (process.paused) this.fault('pause: over', [name])
    process.resume()
  }

  /** Every event of the node takes so many milliseconds from now; 0 makes it fast again. */
  slow(node: string, lag: Millis): void {
    checkDuration('lag', lag)
    const { name, process } = this.#find(node)
    if (process.slowed) this.fault('slow: over', [name])
    if (lag > 0) this.fault('slow', [name], true)
    process.slow(lag)
  }

  /** Sets the wall clock of the node's host forward, or back. It stays so in its later lives. */
  jump(node: string, millis: Millis): void {
    if (!Number.isFinite(millis)) throw new InvalidOptionError('millis', 'milliseconds, forward or back', millis)
    const found = this.#find(node)
    this.fault('wall-clock jump', [found.name])
    found.wallOffset += millis
  }

  /** Whether the node's process is stopped by {@link pause}. */
  isPaused(node: string): boolean {
    return this.#find(node).process.paused
  }

  /** Whether the node's last process was crashed, and none has taken its place. */
  isCrashed(node: string): boolean {
    return this.#find(node).process.dead
  }

  /** Whether both run and nothing between them is broken or cut, in either direction. */
  reachable(one: string, other: string): boolean {
    return !this.severed(one, other) && !(this.conditions.barred(one, other) && this.conditions.barred(other, one))
  }

  /** Whether nothing can pass between the two, in one direction at least. */
  severed(one: string, other: string): boolean {
    const away = [one, other].some(name => {
      const { state, process } = this.#find(name)
      return state === 'gone' || process.paused
    })
    const { conditions } = this
    return away || conditions.held(one, other) || conditions.held(other, one) || this.#cut(one, other)
  }

  // What happened.

  /** Adds an event to the history; it counts in the digest. */
  record(event: HistoryEvent): void {
    this.#look()
    this.#write(event)
  }

  #write(event: HistoryEvent): void {
    this.#digest.add(JSON.stringify(event))
    if (this.#events.length < (this.#options.historyMax ?? historyMax)) this.#events.push(event)
    else this.unrecorded++
  }

  /** A hash over everything that arrived anywhere, and over the history: equal for equal runs. */
  digest(): string {
    return this.#digest.toString()
  }

  /** Ends every process; no other begins. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    for (const node of this.#nodes.values()) node.process.kill()
    await Promise.resolve()
  }

  #needUndisposed(name: string): void {
    if (this.#disposed) throw new InvalidOptionError('node', 'started before its simulation is disposed', name)
  }

  #find(name: string): SimulatedNode<Servers> {
    const found = this.#nodes.get(name as NodeName)
    if (found === undefined) throw new InvalidOptionError('node', `one of ${this.names.join(', ')}`, name)
    return found
  }

  protected override fault(what: string, nodes: readonly NodeName[], lasts = false): void {
    const at = this.clock.now()
    this.record({ type: 'fault', at, ...(!lasts && { until: at }), nodes, what })
  }

  #makeWorld(): NodeWorld<Servers> {
    const { clock, network, seed } = this
    const { setup } = this.#options
    return {
      ...{ seed, clock, network, seedsOf: name => this.#seedsOf(name) },
      make: (name, process) => this.#make(name, process),
      setup: (name, manager, process) => {
        setup?.(manager, { name, clock: process.clock, random: process.random.fork(), net: this })
      },
      recorder: ({ manager, process }) =>
        new NodeRecorder({
          ...{ manager, now: () => clock.now(), dead: () => process.dead },
          lifeOf: name => this.#nodes.get(name)?.recorder.life,
          record: event => this.#write(event),
        }),
      arrived: (name, remote, chunk) => {
        this.#digest.add(`${clock.now()} ${remote} ${name}`).addBytes(chunk)
      },
    }
  }

  /** What managers do of themselves. */
  #look(): void {
    for (const node of this.#nodes.values()) node.look()
  }

  #awake(): SimulatedNode<Servers>[] {
    return [...this.#nodes.values()].filter(({ state, process }) => state !== 'gone' && !process.paused)
  }

  #make(name: NodeName, { clock, transport, random, entropy }: SimulatedProcess): PeerServiceManager<Servers> {
    const { manager = options => fullMesh<Servers>(options), channels } = this.#options
    return manager({
      ...{ name, clock, transport, random, entropy, listen: { host: name, port: 1 } },
      ...(channels !== undefined && { channels }),
      seeds: this.#seedsOf(name).map(seed => `memory://${seed}:1`),
    })
  }

  #seedsOf(name: NodeName): readonly NodeName[] {
    const { seeds = own => this.names.filter(other => other !== own).slice(0, 2) } = this.#options
    return seeds(name) as readonly NodeName[]
  }

  async #settled<Value>(promise: PromiseLike<Value>, within: Millis): Promise<Value> {
    if (!isPromiseLike(promise)) throw new InvalidOptionError('promise', 'a promise', promise)
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    if (await this.#driver.wait(() => settled, within)) return promise
    const why = [...this.#nodes.values()].flatMap(({ plight, name }) => (plight ? [`'${name}' ${plight}`] : []))
    const after = why.length === 0 ? '' : `: ${why.join(', ')}`
    throw new SettleError(`a promise did not settle within ${within} simulated ms (seed ${this.seed})${after}`)
  }

  #checkStarts(): void {
    for (const { name, startError, state } of this.#nodes.values()) {
      if (startError === undefined || state !== 'starting') continue
      throw new SettleError(`'${name}' did not start (seed ${this.seed})`, { cause: startError })
    }
  }

  #cut(one: string, other: string): boolean {
    const cuts = (at: string, peer: string): boolean =>
      this.#find(at)
        .manager.partitions()
        .some(({ node }) => node.name === peer)
    return cuts(one, other) || cuts(other, one)
  }
}

/**
 * A simulated cluster. Its nodes are starting; {@link Simulation.settle} waits for them.
 *
 * @throws `InvalidOptionError` an option cannot be meant so.
 */
export function simulate<Servers = Untyped>(options: SimulationOptions<Servers>): Simulation<Servers> {
  return new Simulation(options)
}

const settleWithin: Millis = 60_000
/** How often the whole cluster is looked at. */
const settleInterval: Millis = 50
/** It is at rest when it stays so: what is on its way now has arrived by then. */
const settleQuiet: Millis = 250
const historyMax = 1_000_000
