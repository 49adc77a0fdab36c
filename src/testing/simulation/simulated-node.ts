import type { NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { MemoryNetwork } from '../../transport/memory.js'
import type { NodeRecorder } from './node-recorder.js'
import type { SimulatedClock } from './simulated-clock.js'
import { seededFor } from './simulated-faults.js'
import { SimulatedProcess } from './simulated-process.js'

/** What a node needs of its world. */
export interface NodeWorld<Servers> {
  readonly seed: number
  readonly clock: SimulatedClock
  readonly network: MemoryNetwork
  seedsOf(name: NodeName): readonly NodeName[]
  /** The manager of a new process. */
  make(name: NodeName, process: SimulatedProcess): PeerServiceManager<Servers>
  /** The application of a new process, before its start. */
  setup(name: NodeName, manager: PeerServiceManager<Servers>, process: SimulatedProcess): void
  recorder(node: SimulatedNode<Servers>): NodeRecorder
  /** A chunk arrived at the node. */
  arrived(name: NodeName, remote: string, chunk: Uint8Array): void
}

/** A host, and the process that runs on it, if any. */
export class SimulatedNode<Servers> {
  readonly name: NodeName
  process: SimulatedProcess
  manager: PeerServiceManager<Servers>
  recorder: NodeRecorder
  /** The whole host is away: nobody is told, nothing is refused. */
  silent = false
  /** How far the host's wall clock is ahead. */
  wallOffset: Millis = 0
  startError: unknown
  readonly #world: NodeWorld<Servers>
  #booting = false
  #lives = 0
  #startedAt = Number.NaN

  constructor(name: NodeName, world: NodeWorld<Servers>) {
    this.name = name
    this.#world = world
    this.process = this.#newProcess()
    this.manager = world.make(name, this.process)
    this.recorder = world.recorder(this)
  }

  /** A process that has nothing of the last one. */
  renew(): void {
    this.process = this.#newProcess()
    this.manager = this.#world.make(this.name, this.process)
    this.recorder = this.#world.recorder(this)
  }

  /** Why it answers nothing, in words; undefined when nothing keeps it from that. */
  get plight(): string | undefined {
    if (this.process.dead) return this.silent ? 'has lost its power' : 'has crashed'
    if (this.state === 'gone') return 'was stopped'
    if (this.process.paused) return 'is paused'
    return this.state === 'starting' ? 'is starting' : undefined
  }

  /** `starting` until the `start()` of its boot resolves; `gone` after a crash or a stop, whoever asked for it. */
  get state(): 'starting' | 'running' | 'gone' {
    if (this.process.dead) return 'gone'
    if (this.#booting) return 'starting'
    return this.manager.running ? 'running' : 'gone'
  }

  /** Writes it down when the manager was stopped: it does not tell of that itself. */
  look(): void {
    if (!this.process.dead && this.state === 'gone') this.recorder.ended('stopped')
  }

  /** Whom it joins by itself: nobody once it has left. */
  get seeds(): readonly NodeName[] {
    return this.manager.departed ? [] : this.#world.seedsOf(this.name)
  }

  boot(): void {
    const { process, manager } = this
    this.#booting = true
    this.silent = false
    this.#moveOn()
    this.startError = undefined
    this.#world.setup(this.name, manager, process)
    manager.start().then(
      () => {
        if (this.process === process) this.#booting = false
      },
      (error: unknown) => {
        if (this.process === process) this.startError = error
      },
    )
  }

  /** No system starts a program twice within a millisecond: two lives begin at different times. */
  #moveOn(): void {
    const wall = this.process.clock.wall().getTime()
    if (wall === this.#startedAt) this.wallOffset++
    this.#startedAt = wall
  }

  #newProcess(): SimulatedProcess {
    const { seed, clock, network } = this.#world
    const random = seededFor(seed, `${this.name}/${++this.#lives}`)
    const bytes = random.fork()
    return new SimulatedProcess({
      ...{ clock, random, transport: network.transport(this.name) },
      entropy: { bytes: count => Uint8Array.from({ length: count }, () => Math.floor(bytes.next() * 256)) },
      wallOffset: () => this.wallOffset,
      awake: () => network.wake(),
      arrived: (chunk, remote) => this.#world.arrived(this.name, remote, chunk),
    })
  }
}
