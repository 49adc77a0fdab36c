import { isRemoteRef, type MonitorEnd, OverflowError, type PeerServiceManager, type RemoteRef } from 'maquis'
import type { OperationContext, Simulation } from 'maquis/testing'
import { type Activity, sleep } from './activity.js'
import { type Configuration, chance, one } from './configuration.js'

type Context = OperationContext

/** What a process does with its server `watched`, and whom it saw go down how often. */
interface Process {
  registration: Disposable | undefined
  /** How often the registration ended. */
  ends: number
  readonly downs: Map<string, number>
}

/** A monitor, and what was so when it began. */
interface Monitor {
  readonly id: number
  readonly by: PeerServiceManager
  readonly target: PeerServiceManager
  readonly channel: string
  readonly wasConnected: boolean
  readonly wasRegistered: boolean
  readonly ends: number
  readonly downs: number
  /** How it ended; `disposed`: here. */
  end: MonitorEnd['reason'] | 'disposed' | undefined
  /** It can only have been told of the first end after it began. */
  ofFirst: boolean
}

/** Monitors and references: each ends, or arrives, as it is promised. */
export class Watching implements Activity {
  readonly #configuration: Configuration
  readonly #channels: readonly string[]
  readonly #wrong: string[]
  readonly #processes = new WeakMap<PeerServiceManager, Process>()
  readonly #monitors: Monitor[] = []
  readonly #refs: RemoteRef[] = []

  constructor(configuration: Configuration, wrong: string[]) {
    this.#configuration = configuration
    this.#channels = ['default', ...Object.keys(configuration.channels)]
    this.#wrong = wrong
  }

  setup(manager: PeerServiceManager): void {
    const process: Process = { registration: undefined, ends: 0, downs: new Map() }
    this.#processes.set(manager, process)
    manager.onDown('*', peer => void process.downs.set(peer, (process.downs.get(peer) ?? 0) + 1))
    this.#register(manager)
    manager.register('words', ({ monitor: id, ends }: { monitor: number; ends: number }) => {
      const monitor = this.#monitors[id]
      if (monitor?.end !== 'unregistered' || !monitor.ofFirst || monitor.ends !== ends) return
      this.#wrong.push(`${manager.name} was told of the end of ${nameOf(monitor)} before what had been sent before it`)
    })
    manager.register('referred', (ref: unknown) => {
      const { name, spec } = manager
      if (isRemoteRef(ref) && ref.node === name && ref.incarnation === spec.incarnation) return
      this.#wrong.push(`${name} was given in its life ${spec.incarnation} what was for ${JSON.stringify(ref)}`)
    })
    const lives = new Map<string, number>()
    manager.monitorNodes(event => {
      const { type, node, incarnation } = event
      const expected = type === 'up' ? undefined : incarnation
      if (lives.get(node) !== expected) this.#wrong.push(`${manager.name}, out of turn: ${JSON.stringify(event)}`)
      if (type === 'up') lives.set(node, incarnation)
      else lives.delete(node)
    })
  }

  readonly operations: Activity['operations'] = {
    monitor: context => this.#monitor(context),
    'end a server': context => this.#endServer(context),
    refer: context => this.#refer(context),
  }

  readonly weights: Activity['weights'] = { monitor: 4, 'end a server': 1.5, refer: 2 }

  /** When all servers end, so do all monitors. */
  async settled(net: Simulation): Promise<void> {
    for (const name of net.names) this.#unregister(net.node(name))
    const isLeft = ({ by, end }: Monitor): boolean => end === undefined && net.node(by.name) === by
    for (let patience = 0; patience < 120 && this.#monitors.some(isLeft); patience++) await net.pass(500)
    const left = this.#monitors.find(isLeft)
    if (left !== undefined) throw new Error(`${nameOf(left)} has not ended in the end`)
  }

  async #monitor({ net, node, random, clock }: Context): Promise<void> {
    const to = one(random, this.#configuration.nodes)
    const target = net.node(to)
    const channel = one(random, this.#channels)
    const process = this.#of(target)
    const monitor: Monitor = {
      ...{ id: this.#monitors.length, by: node, target, channel, end: undefined, ofFirst: false },
      ...{ wasConnected: isNear(node, to), wasRegistered: process.registration !== undefined },
      ...{ ends: process.ends, downs: this.#downs(node, target) },
    }
    this.#monitors.push(monitor)
    const ref = { node: to, name: 'watched' }
    let registration: Disposable | undefined
    const ended = (end: MonitorEnd): void => {
      if (registration === undefined) this.#wrong.push(`${nameOf(monitor)} ended before it began`)
      this.#ended(net, monitor, end)
    }
    try {
      registration = node.monitor(ref, ended, { channel })
      if (chance(random, 0.7)) return
      await sleep(clock, random.next() * 5_000)
      registration[Symbol.dispose]()
      monitor.end ??= 'disposed'
    } finally {
      if (registration === undefined) monitor.end = 'disposed'
    }
  }

  #ended(net: Simulation, monitor: Monitor, { reason, error }: MonitorEnd): void {
    const { by, target, end } = monitor
    if (end !== undefined) this.#wrong.push(`${nameOf(monitor)} ended as ${reason} after it was ${end}`)
    monitor.end = reason
    const { ends } = this.#of(target)
    const isSame = (): boolean => net.node(target.name) === target
    monitor.ofFirst = ends === monitor.ends + 1
    const isRight = {
      unregistered: !isSame() || ends > monitor.ends,
      'no-such-server': !isSame() || ends > monitor.ends || !monitor.wasRegistered,
      'node-down': by !== target,
      refused: error instanceof OverflowError && this.#configuration.limits.queueBytes !== undefined,
      stopped: !by.running || by.departed,
    }
    const judge = (right: boolean): void => {
      if (!right) this.#wrong.push(`${nameOf(monitor)} ended as ${reason}: ${String(error)}`)
    }
    judge(isRight[reason])
    if (reason !== 'node-down') return
    // Who watches nodes may be told in the same instant, a little later.
    net.clock.schedule(0, () => {
      judge(!isSame() || !monitor.wasConnected || this.#downs(by, target) > monitor.downs)
    })
  }

  /** Some last words to all who watch, then the end, and perhaps another beginning. */
  async #endServer({ node, random, clock }: Context): Promise<void> {
    const process = this.#of(node)
    const watching = this.#monitors.filter(({ target, end }) => target === node && end === undefined)
    for (const { id, by, channel } of watching.slice(-20)) {
      const options = { channel, partitionKey: Math.floor(random.next() * 8), ack: chance(random, 0.5) }
      node.castMessage(by.name, 'words', { key: `w${id}`, monitor: id, ends: process.ends }, options)
    }
    this.#unregister(node)
    if (chance(random, 0.5)) await sleep(clock, random.next() * 3_000)
    this.#register(node)
  }

  /** To a server of some life of somebody. */
  async #refer({ node, random }: Context): Promise<void> {
    this.#refs.push(node.ref('referred'))
    const ref = one(random, this.#refs)
    const options = {
      channel: one(random, this.#channels),
      ...(chance(random, 0.6) && { whenDown: 'wait' as const }),
      ...(chance(random, 0.3) && { timeout: random.next() * 10_000 }),
    }
    if (chance(random, 0.3)) node.castMessage(ref, { ...ref }, options)
    else if (chance(random, 0.5)) await node.request(ref, { ...ref }, options)
    else await node.forwardMessage(ref, { ...ref }, { ...options, ack: chance(random, 0.5) })
  }

  #register(manager: PeerServiceManager): void {
    const process = this.#of(manager)
    process.registration ??= manager.register('watched', () => {})
  }

  #unregister(manager: PeerServiceManager): void {
    const process = this.#of(manager)
    if (process.registration === undefined) return
    process.ends++
    process.registration[Symbol.dispose]()
    process.registration = undefined
  }

  #of(manager: PeerServiceManager): Process {
    const process = this.#processes.get(manager)
    if (process === undefined) throw new Error(`${manager.name} was never set up`)
    return process
  }

  /** How often one of the two was told that the other is down. */
  #downs(one: PeerServiceManager, other: PeerServiceManager): number {
    return (this.#of(one).downs.get(other.name) ?? 0) + (this.#of(other).downs.get(one.name) ?? 0)
  }
}

function nameOf({ id, by, target, channel }: Monitor): string {
  return `monitor ${id} of ${target.name} by ${by.name} on ${channel}`
}

/** Whether there is a direct connection: monitors know no other. */
function isNear(node: PeerServiceManager, to: string): boolean {
  if (node.name === to || !node.isConnected(to)) return node.name === to
  return node.connections().some(lane => lane.node === to && lane.state === 'open' && !lane.relayed)
}
