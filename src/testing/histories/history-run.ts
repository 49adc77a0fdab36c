import { MaquisError, RemoteError } from '../../core/errors.js'
import type { NodeName } from '../../core/node.js'
import { isPromiseLike } from '../../core/promise-like.js'
import { SeededRandom } from '../../core/random.js'
import type { Instant, Millis } from '../../core/time.js'
import type { PeerServiceManager } from '../../manager/manager.js'
import { Digest } from '../simulation/digest.js'
import { Simulation } from '../simulation/simulation.js'
import type { NodeContext } from '../simulation/simulation-options.js'
import { FaultInjector } from './fault-injector.js'
import type { HistoryEvent } from './history-event.js'
import { type Action, moment, type Plan } from './plan.js'
import type { ResolvedScenario } from './scenario.js'

/** What became of one history. */
export interface HistoryReport {
  readonly seed: number
  /** Over everything that happened: equal for equal runs. */
  readonly digest: string
  /** Events that were run. */
  readonly steps: number
  /** How much time passed in it. */
  readonly simulated: Millis
  /** What was broken, with the time. Empty: nothing. */
  readonly violations: readonly string[]
  /** What was thrown, where the first violation is something that was thrown. */
  readonly cause?: unknown
  readonly plan: Plan
  readonly history: readonly HistoryEvent[]
  /** How the operations ended, such as `acquire: ok` or `acquire: ERR_NOT_CONNECTED`, and how often each. */
  readonly outcomes: Readonly<Record<string, number>>
}

/** Something that was begun, and has to end. */
interface Pending {
  readonly what: string
  readonly node: NodeName
  readonly manager: unknown
  readonly at: Instant
}

/** Ends a history at its first violation. */
class Broken extends Error {}

/** One history: the faults and operations of a plan, then everything is mended and has to come to rest. */
export class HistoryRun<Servers> {
  readonly #scenario: ResolvedScenario<Servers>
  readonly #plan: Plan
  readonly #contexts = new Map<NodeName, NodeContext<Servers>>()
  readonly #net: Simulation<Servers>
  readonly #injector: FaultInjector<Servers>
  readonly #pending = new Set<Pending>()
  readonly #violations: string[] = []
  readonly #outcomes = new Map<string, number>()
  #cause: unknown
  #begun = 0

  constructor(scenario: ResolvedScenario<Servers>, plan: Plan) {
    this.#scenario = scenario
    this.#plan = plan
    const { seeds, setup } = scenario.simulation
    this.#net = new Simulation({
      ...scenario.simulation,
      ...(seeds !== undefined && { seeds: name => seeds(name).filter(seed => plan.nodes.includes(seed as NodeName)) }),
      nodes: plan.nodes,
      seed: plan.seed,
      setup: (manager, context) => this.#setUp(manager, context, setup),
    })
    this.#injector = new FaultInjector({
      net: this.#net,
      operate: (name, node, seed) => this.#operate(name, node, seed),
      call: (what, node, act) => this.#begin(what, node, act),
    })
  }

  async run(): Promise<HistoryReport> {
    await using net = this.#net
    try {
      await this.#watch('the cluster did not form', net.settle(undefined, this.#scenario.within))
      for (const action of this.#plan.actions) {
        await this.#passUntil(action.at)
        this.#act(action)
      }
      await this.#passUntil(this.#plan.heals)
      this.#injector.mend()
      await this.#watch('the cluster did not come to rest', this.#comeToRest())
      net.record({ type: 'settled', at: net.clock.now(), live: net.live })
      await this.#watch('settled', this.#callSettled())
    } catch (error) {
      if (!(error instanceof Broken)) this.#violate('a callback threw', error)
    }
    return this.#report()
  }

  #report(): HistoryReport {
    const { clock, steps, history } = this.#net
    const digest = new Digest().add(this.#net.digest()).add(String(steps))
    for (const violation of this.#violations) digest.add(violation)
    return {
      seed: this.#plan.seed,
      digest: digest.toString(),
      ...{ steps, simulated: clock.now(), violations: [...this.#violations], plan: this.#plan, history },
      outcomes: Object.fromEntries([...this.#outcomes].sort(([one], [other]) => (one < other ? -1 : 1))),
      ...(this.#cause !== undefined && { cause: this.#cause }),
    }
  }

  #act(action: Action): void {
    if (action.type === 'operation') this.#operate(action.name, action.node, action.seed)
    else this.#injector.inject(action)
  }

  // Time.

  async #passUntil(at: Instant): Promise<void> {
    const { clock } = this.#net
    await this.#net.until(() => this.#isBroken() || clock.now() >= at, Math.max(at - clock.now(), 0))
    this.#endIfBroken()
  }

  /** Waits for what lets time pass itself, and checks meanwhile. */
  async #watch(what: string, promise: Promise<void>): Promise<void> {
    let over = false
    promise.then(
      () => {
        over = true
      },
      (error: unknown) => {
        over = true
        this.#violate(what, error)
      },
    )
    // Whoever waits in there has bounds of its own.
    await this.#net.until(() => this.#isBroken() || over, Number.MAX_SAFE_INTEGER)
    this.#endIfBroken()
  }

  #isBroken(): boolean {
    this.#injector.stepped()
    if (this.#violations.length > 0) return true
    const { stepsMax } = this.#scenario
    if (this.#net.steps > stepsMax) this.#violate('no rest', `more than ${stepsMax} events`)
    try {
      this.#scenario.check(this.#net)
    } catch (error) {
      this.#violate('check', error)
    }
    return this.#violations.length > 0
  }

  #endIfBroken(): void {
    if (this.#violations.length > 0) throw new Broken()
  }

  #violate(what: string, error: unknown): void {
    if (this.#violations.length === 0 && error instanceof Error) this.#cause = error
    const text = error instanceof Error ? messageOf(error) : String(error)
    this.#violations.push(`${moment(this.#net.clock.now()).trim()} ${what}: ${text}`)
  }

  // The application.

  #setUp(
    manager: PeerServiceManager<Servers>,
    context: NodeContext<Servers>,
    setup: ((manager: PeerServiceManager<Servers>, context: NodeContext<Servers>) => void) | undefined,
  ): void {
    const { name, net } = context
    this.#contexts.set(name, context)
    const told = (what: string, error: unknown): void => {
      if (net.node(name) === manager && !net.isCrashed(name)) this.#violate(what, error)
    }
    manager.events.on('handler-error', ({ where, error, answered = false }) => {
      if (error instanceof MaquisError || (answered && !isMistake(error))) return
      told(`${where} at ${name} failed`, error)
    })
    // Its clock was set back, and the first peer that it met had forgotten it: whoever runs it starts it again.
    manager.events.on('superseded', () => {
      this.#begin('start anew', name, async node => {
        await node.stop()
        await node.start()
      })
    })
    manager.events.on('violation', ({ node, rule, detail }) => {
      told(`${name} saw ${node} break the protocol`, `${rule}: ${detail}`)
    })
    try {
      setup?.(manager, context)
    } catch (error) {
      this.#violations.push(`setup of ${name}: ${error instanceof Error ? messageOf(error) : String(error)}`)
      this.#cause ??= error
    }
  }

  #operate(name: string, node: NodeName, seed: number): void {
    const operation = this.#scenario.operations.get(name)
    const context = this.#contexts.get(node)
    if (operation === undefined || context === undefined) return
    const { net, clock } = context
    this.#begin(name, node, manager => {
      return operation({ net, node: manager, name: node, clock, random: new SeededRandom(seed) })
    })
  }

  /** Runs in the process of the node: not while that is paused, and never when it dies first. */
  #begin(what: string, node: NodeName, act: (manager: PeerServiceManager<Servers>) => unknown): void {
    const net = this.#net
    const context = this.#contexts.get(node)
    if (context === undefined || !net.live.includes(node)) return
    const label = `${what} #${++this.#begun}`
    const pending: Pending = { what: label, node, manager: net.node(node), at: net.clock.now() }
    this.#pending.add(pending)
    context.clock.defer(() => {
      this.#note(node, label)
      let result: unknown
      try {
        result = act(net.node(node))
      } catch (error) {
        return this.#rejected(pending, what, error)
      }
      if (!isPromiseLike(result)) return this.#ended(pending, what, 'ok')
      result.then(
        () => this.#ended(pending, what, 'ok'),
        (error: unknown) => this.#rejected(pending, what, error),
      )
    })
  }

  #rejected(pending: Pending, what: string, error: unknown): void {
    if (!this.#isAlive(pending)) return
    if (!isMisfortune(error)) this.#violate(`${pending.what} at ${pending.node} failed`, error)
    this.#ended(pending, what, error instanceof MaquisError ? error.code : 'failed')
  }

  #ended(pending: Pending, what: string, outcome: string): void {
    this.#pending.delete(pending)
    if (!this.#isAlive(pending)) return
    this.#note(pending.node, `${pending.what}: ${outcome}`)
    const key = `${what}: ${outcome}`
    this.#outcomes.set(key, (this.#outcomes.get(key) ?? 0) + 1)
  }

  /** Whatever promises of a process still do after its death, nobody can see it. */
  #isAlive({ node, manager }: Pending): boolean {
    return this.#net.node(node) === manager && !this.#net.isCrashed(node)
  }

  #note(node: NodeName, text: string): void {
    this.#net.record({ type: 'note', at: this.#net.clock.now(), node, text })
  }

  // The end.

  /** Resolves when the cluster is at rest, no partition is left, and everything that was begun has ended. */
  async #comeToRest(): Promise<void> {
    const net = this.#net
    const deadline = net.clock.now() + this.#scenario.within
    const left = (): Millis => Math.max(deadline - net.clock.now(), 0)
    for (;;) {
      await net.settle(undefined, left())
      if (!this.#resolvePartitions()) break
      await this.#untilAllEnded(left())
    }
    await this.#untilAllEnded(left())
    await net.until(() => this.#scenario.atRest(net), left())
    await net.settle(undefined, left())
  }

  /** Says whether there were any. */
  #resolvePartitions(): boolean {
    let some = false
    for (const node of this.#net.live) {
      for (const { ref } of this.#net.node(node).partitions()) {
        some = true
        this.#begin('resolvePartition', node, manager => manager.resolvePartition(ref))
      }
    }
    return some
  }

  async #untilAllEnded(within: Millis): Promise<void> {
    const late = (): Pending | undefined => [...this.#pending].find(pending => this.#isAlive(pending))
    if (late() === undefined) return
    await this.#net
      .until(() => late() === undefined, within)
      .catch(() => {
        const [first] = [...this.#pending].filter(pending => this.#isAlive(pending))
        if (first === undefined) return
        throw new Error(`${first.what} at ${first.node}, begun at ${moment(first.at).trim()}, has not ended`)
      })
  }

  async #callSettled(): Promise<void> {
    const { settled, within } = this.#scenario
    await this.#net.settle(Promise.resolve(settled(this.#net)), within)
  }
}

/** What no handler throws as an answer: a mistake in its code, wherever it was told. */
const mistakes: ReadonlySet<string> = new Set([
  'TypeError',
  'ReferenceError',
  'RangeError',
  'SyntaxError',
  'AssertionError',
])

function isMistake(error: unknown): boolean {
  return error instanceof Error && mistakes.has(error.name)
}

/** A bad day of the cluster, or an answer of the application. */
function isMisfortune(error: unknown): error is MaquisError {
  return error instanceof MaquisError && !(error instanceof RemoteError && mistakes.has(error.remoteName))
}

function messageOf(error: Error): string {
  const text = error.message === '' ? error.name : error.message
  return error.constructor === Error ? text : `${error.name}: ${text}`
}
