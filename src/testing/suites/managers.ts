import { InvalidOptionError } from '../../core/errors.js'
import { checkKeys } from '../../core/option-keys.js'
import { SeededRandom } from '../../core/random.js'
import type { Clock, Millis } from '../../core/time.js'
import { checkArray, checkFunction } from '../../manager/checks.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { PeerServiceOptions } from '../../manager/options.js'
import { keepAlive } from '../../runtime/keep-alive.js'
import { SystemClock } from '../../runtime/system-clock.js'
import { MemoryNetwork } from '../../transport/memory.js'
import type { Transport } from '../../transport/transport.js'
import { WebSocketTransport } from '../../transport/websocket.js'
import { SimulatedClock } from '../simulation/simulated-clock.js'
import { CrashableTransport } from './crashable-transport.js'
import type { ManagerHarness, ManagerTraits, SuiteNode } from './manager-harness.js'

/**
 * Makes the manager of a node of a case. Pass the options on to the factory; where the overlay has roles, add that of
 * the node.
 */
export type MakeManager = (options: PeerServiceOptions, name: SuiteNode) => PeerServiceManager

/** The managers of a case on virtual time and a network in memory with some latency: a `setup` of `managerSuite`. */
export function simulatedManagers(
  make: MakeManager,
  traits: Partial<ManagerTraits> = {},
): () => Promise<ManagerHarness> {
  checkMaking(make, traits)
  return async () => {
    const clock = new SimulatedClock({ base: new Date('2026-01-01T00:00:00Z') })
    const network = new MemoryNetwork(clock, { latency: 5 })
    const random = new SeededRandom(1)
    const options = (name: SuiteNode): PeerServiceOptions => {
      const bytes = random.fork()
      return {
        ...{ clock, random: random.fork(), listen: { host: name, port: 0 } },
        entropy: { bytes: count => Uint8Array.from({ length: count }, () => Math.floor(bytes.next() * 256)) },
      }
    }
    const until = async (condition: () => boolean): Promise<boolean> => {
      const deadline = clock.now() + simulatedDeadline
      await clock.runAsync({ until: () => condition() || clock.now() > deadline })
      return condition()
    }
    return new Managers({ clock, until, options, transport: name => network.transport(name) }, make, traits)
  }
}

/** The managers of a case over WebSockets on loopback, in real time: a `setup` of `managerSuite`. */
export function webSocketManagers(
  make: MakeManager,
  traits: Partial<ManagerTraits> = {},
): () => Promise<ManagerHarness> {
  checkMaking(make, traits)
  return async () => {
    const clock = new SystemClock()
    const until = async (condition: () => boolean): Promise<boolean> => {
      const deadline = clock.now() + realDeadline
      // Nothing else may: the sockets of stopped nodes are closed, and the clock's timers wait for nobody.
      const letGo = keepAlive()
      try {
        while (!condition() && clock.now() < deadline) await new Promise<void>(resolve => clock.schedule(1, resolve))
        return condition()
      } finally {
        letGo()
      }
    }
    const options = (): PeerServiceOptions => ({ heartbeat: { interval: 100, timeout: 2_000 } })
    return new Managers({ clock, until, options, transport: () => new WebSocketTransport({ clock }) }, make, traits)
  }
}

interface World {
  readonly clock: Clock
  readonly until: (condition: () => boolean) => Promise<boolean>
  readonly options: (name: SuiteNode) => PeerServiceOptions
  readonly transport: (name: SuiteNode) => Transport
}

interface Process {
  readonly name: SuiteNode
  readonly manager: PeerServiceManager
  readonly transport: CrashableTransport
}

class Managers implements ManagerHarness {
  readonly traits: ManagerTraits
  readonly #world: World
  readonly #make: MakeManager
  readonly #processes: Process[] = []

  constructor(world: World, make: MakeManager, traits: Partial<ManagerTraits>) {
    this.#world = world
    this.#make = make
    this.traits = { ...meshTraits, ...traits }
  }

  node(name: SuiteNode, options: PeerServiceOptions = {}): PeerServiceManager {
    const { clock, options: defaults, transport: network } = this.#world
    const transport = new CrashableTransport(network(name), clock)
    const manager = this.#make({ name, transport, ...defaults(name), ...options }, name)
    this.#processes.push({ name, manager, transport })
    return manager
  }

  async eventually<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    if (await this.#world.until(() => settled)) return promise
    throw new Error('a promise does not settle')
  }

  async until(condition: () => boolean): Promise<void> {
    if (!(await this.#world.until(condition))) throw new Error(`this does not come true: ${String(condition)}`)
  }

  now(): Millis {
    return this.#world.clock.now()
  }

  crash(name: SuiteNode): void {
    for (const process of this.#processes) if (process.name === name) process.transport.crash()
  }

  async dispose(): Promise<void> {
    const stopped = Promise.all(this.#processes.map(({ manager }) => manager.stop()))
    try {
      await this.eventually(stopped)
    } finally {
      for (const { transport } of this.#processes) transport.bury()
    }
  }
}

const everybody = ['a', 'b', 'c'] as const

/** Those of a full mesh. */
const meshTraits: ManagerTraits = {
  members: { a: everybody, b: everybody, c: everybody },
  join: 'joins',
  removal: { a: 'removes', b: 'removes', c: 'removes' },
  capabilities: { a: ['full-membership'], b: ['full-membership'], c: ['full-membership'] },
}

function checkMaking(make: MakeManager, traits: Partial<ManagerTraits>): void {
  checkFunction('make', make)
  checkKeys('traits', traits, Object.keys(meshTraits))
  const { members, join, removal, capabilities } = { ...meshTraits, ...traits }
  checkEach('traits.members', members, checkNames)
  checkOutcome('traits.join', join, 'joins')
  checkEach('traits.removal', removal, (option, given) => checkOutcome(option, given, 'removes'))
  checkEach('traits.capabilities', capabilities, checkArray)
}

function checkEach(option: string, given: unknown, check: (option: string, given: unknown) => void): void {
  checkKeys(option, given, everybody)
  for (const name of everybody) check(`${option}.${name}`, (given as Readonly<Record<string, unknown>>)[name])
}

function checkNames(option: string, given: unknown): void {
  checkArray(option, given)
  const stranger = given.findIndex(name => !everybody.includes(name as SuiteNode))
  if (stranger !== -1) throw new InvalidOptionError(option, `some of ${everybody.join(', ')}`, given[stranger])
}

function checkOutcome(option: string, given: unknown, done: string): void {
  if (given === done || (typeof given === 'string' && given.startsWith('ERR_'))) return
  throw new InvalidOptionError(option, `'${done}', or the code of an error`, given)
}

const simulatedDeadline: Millis = 60_000
const realDeadline: Millis = 10_000
