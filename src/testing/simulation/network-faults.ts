import { InvalidOptionError } from '../../core/errors.js'
import type { NodeName } from '../../core/node.js'
import { checkKeys } from '../../core/option-keys.js'
import type { Millis } from '../../core/time.js'
import { checkArray, isCount, isDuration } from '../../manager/checks.js'
import type { MemoryNetwork } from '../../transport/memory.js'
import type { MemoryWire } from '../../transport/memory-wire.js'
import type { SimulatedClock } from './simulated-clock.js'
import type { SimulatedFaults } from './simulated-faults.js'

/** Which connections between two nodes a fault concerns. */
export interface ConnectionChoice {
  /**
   * One alone: counted from 0, the oldest, and from there again when there are fewer. Default: all that exist, dials
   * under way among them.
   */
  readonly connection?: number
}

/**
 * What can be broken between nodes. A fault that lasts gives back what ends it, and ends with {@link heal} at the
 * latest; several may overlap. Where nothing comes through, what is sent waits, as TCP keeps it; what was sent over a
 * connection that is given up meanwhile is lost.
 */
export abstract class NetworkFaults {
  /** @internal */
  protected readonly network: MemoryNetwork
  /** @internal */
  protected readonly conditions: SimulatedFaults
  readonly #clock: SimulatedClock
  readonly #lasting = new Set<Disposable>()
  /** The faults in force: each is told of a node that was added. */
  readonly #growing = new Set<(name: NodeName) => void>()

  /** @internal */
  protected constructor(clock: SimulatedClock, network: MemoryNetwork, conditions: SimulatedFaults) {
    this.#clock = clock
    this.network = network
    this.conditions = conditions
  }

  /** The names of all nodes. */
  abstract get names(): readonly NodeName[]

  /**
   * Writes down that something was broken at, or between, these nodes. What lasts ends with a fault whose name has
   * `: over` after it.
   */
  protected abstract fault(what: string, nodes: readonly NodeName[], lasts?: boolean): void

  /**
   * Nothing passes between a node of one group and a node of the other; dials hang. With `direction: 'forth'` only
   * what `groupA` sends is held back. Nodes in neither group reach everybody, so groups that leave some out make a
   * bridge.
   */
  partition(
    groupA: string | readonly string[],
    groupB: string | readonly string[],
    options: { readonly direction?: 'both' | 'forth' } = {},
  ): Disposable {
    checkKeys('options', options, ['direction'])
    const { direction = 'both' } = options
    if (direction !== 'both' && direction !== 'forth') {
      throw new InvalidOptionError('direction', `'both' or 'forth'`, direction)
    }
    const pairs = this.#pairs(groupA, groupB)
    const ways = direction === 'both' ? [...pairs, ...pairs.map(([from, to]) => [to, from] as const)] : pairs
    return this.#last('partition', pairs, by => {
      for (const [from, to] of ways) this.conditions.hold(from, to, by)
    })
  }

  /** Nothing passes between this node and any other, those included that are added later. */
  isolate(node: string): Disposable {
    const others = this.names.filter(name => name !== node)
    const pairs = this.#pairs([node], others)
    const hold = (one: NodeName, other: NodeName, by: 1 | -1): void => {
      this.conditions.hold(one, other, by)
      this.conditions.hold(other, one, by)
    }
    const change = (by: 1 | -1): void => {
      for (const [one, other] of pairs) hold(one, other, by)
    }
    return this.#last('partition', pairs, change, added => {
      hold(node as NodeName, added, 1)
      return [node as NodeName, added]
    })
  }

  /** A partition that comes and goes: broken for so many milliseconds, then whole for as many, and so on. */
  flap(
    groupA: string | readonly string[],
    groupB: string | readonly string[],
    options: { readonly every: Millis },
  ): Disposable {
    checkKeys('options', options, ['every'])
    const { every } = options
    if (!isDuration(every) || every === 0) throw new InvalidOptionError('every', 'milliseconds above 0', every)
    let broken: Disposable | undefined
    let cancel = (): void => {}
    const turn = (): void => {
      if (broken === undefined) broken = this.partition(groupA, groupB)
      else {
        broken[Symbol.dispose]()
        broken = undefined
      }
      cancel = this.#clock.schedule(every, turn)
    }
    turn()
    return this.#remember(() => {
      cancel()
      broken?.[Symbol.dispose]()
    })
  }

  /** What `from` sends to `to` is held back, on all connections. */
  clog(from: string, to: string): Disposable {
    return this.partition([from], [to], { direction: 'forth' })
  }

  /** Dials from `from` to `to` are refused. Connections that are open stay. */
  refuse(from: string, to: string): Disposable {
    const pairs = this.#pairs([from], [to])
    return this.#last('refused dials', pairs, by => this.conditions.refuse(from, to, by))
  }

  /** Dials from `from` to `to` are never answered. Connections that are open stay. */
  hang(from: string, to: string): Disposable {
    const pairs = this.#pairs([from], [to])
    return this.#last('hanging dials', pairs, by => this.conditions.hang(from, to, by))
  }

  /** Everything takes so many times as long, at nodes that are added later, too. */
  slowNetwork(factor: number): Disposable {
    if (!isDuration(factor) || factor === 0) throw new InvalidOptionError('factor', 'a number above 0', factor)
    const change = (by: 1 | -1): void => this.conditions.scale(by === 1 ? factor : 1 / factor)
    return this.#last('slow network', [this.names], change, () => this.names)
  }

  /** Every connection between the two, or one, breaks: both are told, and what is on its way is lost. */
  lose(one: string, other: string, choice: ConnectionChoice = {}): void {
    this.#once('lost connections', one, other, choice, wire => wire.break())
  }

  /** `at` is told that its connections with `peer` broke; `peer` is not told, and goes on believing in them. */
  halfOpen(at: string, peer: string, choice: ConnectionChoice = {}): void {
    this.#once('half-open connections', at, peer, choice, wire => wire.lose(at))
  }

  /** The connections between the two are closed in order, from the end at `at`, by none of the owners. */
  end(at: string, peer: string, choice: ConnectionChoice = {}): void {
    this.#once('closed connections', at, peer, choice, wire => wire.close(at))
  }

  /** `at` reads nothing from the connections with `peer` that are open now: a slow reader. */
  stall(at: string, peer: string, choice: ConnectionChoice = {}): Disposable {
    const [[one, other]] = this.#pairs([at], [peer]) as [readonly [NodeName, NodeName]]
    const ends = this.#between(one, other, choice).map(wire => wire.stall(at))
    this.fault('slow reader', [one, other], true)
    return this.#remember(() => {
      for (const end of ends) end()
      this.fault('slow reader: over', [one, other])
    })
  }

  /** The network is whole again: every fault that lasts ends. What happened to nodes stays. */
  heal(): void {
    for (const fault of [...this.#lasting]) fault[Symbol.dispose]()
  }

  /**
   * A node was added, and has not started.
   *
   * @internal
   */
  protected added(name: NodeName): void {
    for (const takeIn of this.#growing) takeIn(name)
  }

  /**
   * Several pairs are one fault: it begins with 1, ends with -1, and is written down pair by pair. `takeIn` extends it
   * to a node that is added meanwhile, and says which nodes to write down with that one.
   */
  #last(
    what: string,
    pairs: (readonly NodeName[])[],
    change: (by: 1 | -1) => void,
    takeIn: (added: NodeName) => readonly NodeName[] | undefined = () => undefined,
  ): Disposable {
    for (const pair of pairs) this.fault(what, pair, true)
    change(1)
    const grow = (added: NodeName): void => {
      const pair = takeIn(added)
      if (pair === undefined) return
      pairs.push(pair)
      this.fault(what, pair, true)
    }
    this.#growing.add(grow)
    return this.#remember(() => {
      this.#growing.delete(grow)
      for (const pair of pairs) this.fault(`${what}: over`, pair)
      change(-1)
      this.network.wake()
    })
  }

  #remember(end: () => void): Disposable {
    const fault: Disposable = {
      [Symbol.dispose]: () => {
        if (this.#lasting.delete(fault)) end()
      },
    }
    this.#lasting.add(fault)
    return fault
  }

  #once(what: string, one: string, other: string, choice: ConnectionChoice, act: (wire: MemoryWire) => void): void {
    const [pair] = this.#pairs([one], [other])
    const wires = this.#between(one, other, choice)
    this.fault(what, pair as readonly [NodeName, NodeName])
    for (const wire of wires) act(wire)
  }

  #between(one: string, other: string, choice: ConnectionChoice): MemoryWire[] {
    checkKeys('options', choice, ['connection'])
    const { connection } = choice
    if (connection !== undefined && !isCount(connection)) {
      throw new InvalidOptionError('connection', 'a whole number', connection)
    }
    const wires = this.network.wires.filter(wire => wire.joins(one, other))
    if (connection === undefined || wires.length === 0) return wires
    return [wires[connection % wires.length] as MemoryWire]
  }

  #pairs(groupA: string | readonly string[], groupB: string | readonly string[]): (readonly [NodeName, NodeName])[] {
    const ones = this.#known(groupA)
    const others = this.#known(groupB)
    const both = ones.find(name => others.includes(name))
    if (both !== undefined) throw new InvalidOptionError('groups', 'without a node in common', both)
    return ones.flatMap(one => others.map(other => [one, other] as const))
  }

  #known(group: string | readonly string[]): readonly NodeName[] {
    const names = typeof group === 'string' ? [group] : group
    checkArray('group', names)
    const stranger = names.find(name => !this.names.includes(name as NodeName))
    if (stranger !== undefined) throw new InvalidOptionError('node', `one of ${this.names.join(', ')}`, stranger)
    return names as readonly NodeName[]
  }
}
