import { unreachable } from '../../core/invariant.js'
import type { Incarnation, NodeName } from '../../core/node.js'
import type { Millis } from '../../core/time.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import type { Simulation } from '../simulation/simulation.js'
import type { PlannedFault } from './planned-fault.js'

export interface InjectorContext<Servers> {
  readonly net: Simulation<Servers>
  /** Begins an operation of the scenario. */
  operate(name: string, node: NodeName, seed: number): void
  /** Calls `act` in the process of a node that runs, as soon as that is not paused. */
  call(what: string, node: NodeName, act: (manager: PeerServiceManager<Servers>) => Promise<unknown>): void
}

/** Carries out planned faults, and mends each when its time is over, or all of them. */
export class FaultInjector<Servers> {
  readonly #context: InjectorContext<Servers>
  readonly #ends = new Set<() => void>()
  readonly #paused = new Map<NodeName, number>()
  readonly #lags = new Map<NodeName, Millis[]>()
  readonly #factors: number[] = []
  #slowness: Disposable | undefined
  readonly #busyCrashes = new Set<{ readonly step: number; readonly crash: () => void }>()

  constructor(context: InjectorContext<Servers>) {
    this.#context = context
  }

  /** A fault of a node that does not run has no effect. */
  inject(fault: PlannedFault): void {
    const { net } = this.#context
    switch (fault.fault) {
      case 'partition':
      case 'bridge':
        return this.#mendAfter(fault.lasts, net.partition(fault.one, fault.other))
      case 'one-way':
        return this.#mendAfter(fault.lasts, net.partition(fault.one, fault.other, { direction: 'forth' }))
      case 'flapping':
        return this.#mendAfter(fault.lasts, net.flap(fault.one, fault.other, { every: fault.every }))
      case 'isolate':
        return this.#mendAfter(fault.lasts, net.isolate(fault.node))
      case 'clog':
      case 'refuse':
      case 'hang':
      case 'stall':
        return this.#mendAfter(fault.lasts, net[fault.fault](fault.from, fault.to))
      case 'swizzle-clog':
        for (const { from, to, after, lasts } of fault.links) this.#clogLater(from, to, after, lasts)
        return
      case 'slow-network':
        return this.#slowNetwork(fault.factor, fault.lasts)
      case 'lose':
        return net.lose(fault.from, fault.to)
      case 'half-open':
        return net.halfOpen(fault.from, fault.to)
      case 'lose-one':
        return net.lose(fault.from, fault.to, { connection: fault.connection })
      case 'half-open-one':
        return net.halfOpen(fault.from, fault.to, { connection: fault.connection })
      case 'stall-one':
        return this.#mendAfter(fault.lasts, net.stall(fault.from, fault.to, { connection: fault.connection }))
      case 'one-sided-end':
        return net.end(fault.from, fault.to)
      case 'disconnect':
        return this.#disconnect(fault.from, fault.to)
      case 'inject-partition':
        return this.#injectPartition(fault)
      case 'crash':
      case 'power-loss':
        return this.#crash(fault.node, fault.fault === 'power-loss', fault.lasts)
      case 'blackout':
        for (const { node, lasts } of fault.nodes) this.#crash(node, false, lasts)
        return
      case 'crash-busy':
        return this.#crashBusy(fault)
      case 'pause':
        return this.#pause(fault.node, fault.lasts)
      case 'slow':
        return this.#slow(fault.node, fault.lag, fault.lasts)
      case 'wall-jump':
        return net.jump(fault.node, fault.by)
      default:
        return unreachable(fault)
    }
  }

  /** Has to be called after every event. */
  stepped(): void {
    for (const planned of this.#busyCrashes) {
      if (this.#context.net.steps < planned.step) continue
      this.#busyCrashes.delete(planned)
      planned.crash()
    }
  }

  /** Mends everything but injected partitions, now. */
  mend(): void {
    this.#busyCrashes.clear()
    for (const end of [...this.#ends]) end()
    this.#context.net.heal()
  }

  #endAfter(lasts: Millis, end: () => void): void {
    const once = (): void => {
      if (!this.#ends.delete(once)) return
      cancel()
      end()
    }
    this.#ends.add(once)
    const cancel = this.#context.net.clock.schedule(lasts, once)
  }

  #mendAfter(lasts: Millis, fault: Disposable): void {
    this.#endAfter(lasts, () => fault[Symbol.dispose]())
  }

  #clogLater(from: NodeName, to: NodeName, after: Millis, lasts: Millis): void {
    let clog: Disposable | undefined
    this.#endAfter(after + lasts, () => {
      cancel()
      clog?.[Symbol.dispose]()
    })
    const cancel = this.#context.net.clock.schedule(after, () => {
      clog = this.#context.net.clog(from, to)
    })
  }

  #crash(node: NodeName, silent: boolean, lasts: Millis): void {
    const { net } = this.#context
    if (!net.live.includes(node)) return
    net.crash(node, { silent })
    const dead = net.node(node)
    this.#endAfter(lasts, () => {
      // Somebody else may have started it meanwhile.
      if (net.node(node) === dead && !net.live.includes(node)) net.restart(node)
    })
  }

  #crashBusy({ node, operation, seed, events, lasts }: PlannedFault & { readonly fault: 'crash-busy' }): void {
    const { net } = this.#context
    if (!net.live.includes(node)) return
    this.#context.operate(operation, node, seed)
    this.#busyCrashes.add({ step: net.steps + 1 + events, crash: () => this.#crash(node, false, lasts) })
  }

  #pause(node: NodeName, lasts: Millis): void {
    const { net } = this.#context
    if (!net.live.includes(node)) return
    this.#paused.set(node, (this.#paused.get(node) ?? 0) + 1)
    net.pause(node)
    this.#endAfter(lasts, () => {
      const others = (this.#paused.get(node) ?? 0) - 1
      this.#paused.set(node, others)
      if (others === 0 && net.isPaused(node)) net.resume(node)
    })
  }

  #slow(node: NodeName, lag: Millis, lasts: Millis): void {
    const { net } = this.#context
    if (!net.live.includes(node)) return
    const lags = this.#lags.get(node) ?? []
    this.#lags.set(node, lags)
    lags.push(lag)
    net.slow(node, Math.max(...lags))
    this.#endAfter(lasts, () => {
      lags.splice(lags.indexOf(lag), 1)
      // It may be stopped meanwhile, and start again in the same process.
      if (!net.isCrashed(node)) net.slow(node, Math.max(0, ...lags))
    })
  }

  #disconnect(from: NodeName, to: NodeName): void {
    const { net } = this.#context
    this.#context.call('disconnect', from, manager => {
      const at = net.clock.now()
      net.record({ type: 'fault', at, until: at, nodes: [from, to], what: 'disconnect' })
      return manager.disconnect(to)
    })
  }

  /** Of several at a time the slowest counts: factors that multiply would stop everything for minutes. */
  #slowNetwork(factor: number, lasts: Millis): void {
    const factors = this.#factors
    const update = (): void => {
      this.#slowness?.[Symbol.dispose]()
      this.#slowness = factors.length === 0 ? undefined : this.#context.net.slowNetwork(Math.max(...factors))
    }
    factors.push(factor)
    update()
    this.#endAfter(lasts, () => {
      factors.splice(factors.indexOf(factor), 1)
      update()
    })
  }

  /** The life of a node that has whom to be cut off from. */
  #lifeInCompany(name: NodeName): Incarnation | undefined {
    const { net } = this.#context
    const node = net.live.includes(name) ? net.node(name) : undefined
    return node !== undefined && node.members().length > 1 ? node.spec.incarnation : undefined
  }

  #injectPartition(fault: PlannedFault & { readonly fault: 'inject-partition' }): void {
    const { from, origin, ttl, resolver, lasts } = fault
    const { net } = this.#context
    this.#context.call('injectPartition', from, async manager => {
      const before = this.#lifeInCompany(origin)
      const ref = await manager.injectPartition(origin, ttl)
      // Nobody knows the reference yet, so nobody can have resolved it.
      if (before !== undefined && before === this.#lifeInCompany(origin)) {
        const cuts = net.node(origin).partitions()
        if (!cuts.some(cut => cut.ref === ref)) throw new Error(`${origin} is not cut off from anybody`)
      }
      this.#endAfter(lasts, () => {
        this.#context.call('resolvePartition', resolver, async other => other.resolvePartition(ref))
      })
    })
  }
}
