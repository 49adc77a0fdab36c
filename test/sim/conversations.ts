import type { Incarnation, NodeName, PeerServiceManager, Random } from 'maquis'
import type { HistoryEvent, NodeContext, OperationContext, Simulation } from 'maquis/testing'
import { type Activity, head, ignore, outcomeOf, sleep } from './activity.js'
import { type Configuration, chance, one } from './configuration.js'

/** What travels. Whoever is given it tells others of the same label, and those as many times less as `hops` says. */
interface Talk {
  readonly life: Incarnation
  readonly key: string
  readonly id: number
  readonly hops: number
  readonly ballast?: string
}

const labels = ['chat', 'chat', 'chat', 'other']

/** Messages of causal labels, over whatever channels, that others pass on. */
export class Conversations implements Activity {
  readonly #configuration: Configuration
  readonly #wrong: string[]
  readonly #channels: readonly string[]
  readonly #ids = new Map<string, number>()
  /** How many messages of each life of a node are waited for. */
  readonly #pending = new WeakMap<PeerServiceManager, number>()

  /** `wrong` is told of promises that were broken. */
  constructor(configuration: Configuration, wrong: string[]) {
    this.#configuration = configuration
    this.#wrong = wrong
    this.#channels = ['default', ...Object.keys(configuration.channels)]
  }

  readonly operations: Activity['operations'] = {
    talk: context => this.#talk(context),
  }

  readonly weights: Activity['weights'] = { talk: 8 }

  setup(manager: PeerServiceManager, { clock, random, net }: NodeContext): void {
    const { handling, concurrency } = this.#configuration
    manager.register(
      'talk',
      ({ life: fromLife, key, id, hops }: Talk, { from, channel, causalLabel: label = '' }) => {
        const of = { from: from as NodeName, fromLife, channel, key, id, label }
        this.#record(net, { type: 'delivered', ...head(net, manager.name, manager.spec.incarnation), ...of })
        for (let count = hops > 0 ? 1 + Math.floor(random.next() * 2) : 0; count > 0; count--) {
          this.#tell(net, manager, one(random, this.#configuration.nodes), label, hops - 1, random)
        }
        return handling > 0 ? sleep(clock, random.next() * 2 * handling) : undefined
      },
      concurrency > 0 ? { concurrency } : {},
    )
  }

  /** Nobody will tell others any more: only messages that are waited for are passed on. */
  atRest(net: Simulation): boolean {
    return net.names.every(name => (this.#pending.get(net.node(name)) ?? 0) === 0)
  }

  /** When everything is whole again, each talks with each. */
  async settled(net: Simulation): Promise<void> {
    for (const name of net.names) {
      const node = net.node(name)
      for (const to of node.members()) {
        const item = this.#next(net, node, to, 'default', 'talk in the end', 'chat', 0)
        const options = { partitionKey: item.key, causalLabel: 'chat', ack: true }
        await net.settle(node.forwardMessage(to, 'talk', item, options))
      }
    }
  }

  #talk({ net, node, random }: OperationContext): void {
    const label = one(random, labels)
    for (let count = 1 + Math.floor(random.next() * 8); count > 0; count--) {
      this.#tell(net, node, one(random, this.#configuration.nodes), label, Math.floor(random.next() * 3), random)
    }
  }

  #tell(net: Simulation, node: PeerServiceManager, to: string, label: string, hops: number, random: Random): void {
    // A stopped node refuses everything, and some of its handlers may still be at work.
    if (!node.running) return
    const channel = one(random, this.#channels)
    const isAcked = channel !== 'latest' && chance(random, 0.6)
    const key = `talk ${label}${isAcked ? ' acked' : ''} ${Math.floor(random.next() * 3)}`
    const item = this.#next(net, node, to, channel, key, label, isAcked ? hops : 0)
    const message = chance(random, 0.03) ? { ...item, ballast: 'x'.repeat(150_000) } : item
    const options = {
      ...{ channel, partitionKey: key, causalLabel: label },
      ...(chance(random, 0.4) && { whenDown: 'wait' as const }),
      ...(chance(random, 0.1) && { timeout: random.next() * 3_000 }),
    }
    if (!isAcked && chance(random, 0.5)) return node.castMessage(to, 'talk', message, options)
    const { name } = node
    const told = (outcome: 'taken' | 'unknown' | 'not-taken'): void => {
      if (!isAcked) return
      const of = { to: to as NodeName, channel, key, id: item.id, outcome }
      this.#record(net, { type: 'acknowledged', ...head(net, name, item.life), ...of })
    }
    const refused = (error: unknown): void => {
      ignore(error)
      told(outcomeOf(error))
    }
    const count = (by: number): void => void this.#pending.set(node, (this.#pending.get(node) ?? 0) + by)
    count(1)
    node
      .forwardMessage(to, 'talk', message, isAcked ? { ...options, ack: true } : options)
      .then(() => told('taken'), refused)
      .finally(() => count(-1))
      .catch(error => this.#wrong.push(`${name} failed to send: ${String(error)}`))
  }

  /** The next message of a stream, written down as sent. */
  #next(
    net: Simulation,
    { name, spec }: PeerServiceManager,
    to: string,
    channel: string,
    key: string,
    label: string,
    hops: number,
  ): Talk {
    const { incarnation: life } = spec
    const stream = `${name} ${life} ${to} ${channel} ${key}`
    const id = (this.#ids.get(stream) ?? 0) + 1
    this.#ids.set(stream, id)
    this.#record(net, { type: 'sent', ...head(net, name, life), to: to as NodeName, channel, key, id, label })
    return { life, key, id, hops }
  }

  #record(net: Simulation, event: HistoryEvent): void {
    const monotonic = 'channel' in event && this.#configuration.channels[event.channel]?.monotonic !== undefined
    net.record(monotonic ? { ...event, monotonic: true } : event)
  }
}
