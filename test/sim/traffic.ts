import type { Incarnation, NodeName, PeerServiceManager, Random } from 'maquis'
import type { HistoryEvent, NodeContext, OperationContext, Simulation } from 'maquis/testing'
import { type Activity, head, ignore, outcomeOf, sleep } from './activity.js'
import { type Configuration, chance, one } from './configuration.js'

/** What travels. `ballast` makes a message large enough to travel in chunks. */
interface Item {
  readonly life: Incarnation
  readonly key: string
  readonly id: number
  readonly ballast?: string
}

type Context = OperationContext

/** Messages: each is written down when it is sent, and when it is delivered. */
export class Traffic implements Activity {
  readonly #configuration: Configuration
  readonly #wrong: string[]
  readonly #channels: readonly string[]
  readonly #ids = new Map<string, number>()
  /** The lives of which anything was delivered. */
  readonly #met = new Set<string>()

  /** `wrong` is told of promises that were broken. */
  constructor(configuration: Configuration, wrong: string[]) {
    this.#configuration = configuration
    this.#wrong = wrong
    this.#channels = ['default', ...Object.keys(configuration.channels)]
  }

  readonly operations: Activity['operations'] = {
    burst: context => this.#burst(context),
    'acked burst': context => this.#ackedBurst(context),
    latest: context => this.#latest(context),
  }

  readonly weights: Activity['weights'] = { burst: 10, 'acked burst': 6, latest: 3 }

  setup(manager: PeerServiceManager, { clock, random, net }: NodeContext): void {
    const { handling, concurrency } = this.#configuration
    manager.register(
      'sink',
      (item: Item, { from, channel, incarnation }) => {
        this.#delivered(net, manager, item, { from, channel, incarnation })
        return handling > 0 ? sleep(clock, random.next() * 2 * handling) : undefined
      },
      concurrency > 0 ? { concurrency } : {},
    )
    void this.#consume(net, manager)
  }

  #burst({ net, node, random }: Context): Promise<unknown> {
    const promises: Promise<unknown>[] = []
    const to = one(random, this.#configuration.nodes)
    const count = 1 + Math.floor(random.next() * 20)
    const way = wayOf(random)
    for (let index = 0; index < count; index++) {
      const channel = one(random, this.#channels)
      const key = `k${Math.floor(random.next() * 4)}`
      const item = this.#next(net, node, to, channel, key)
      // Now and then one that travels in chunks.
      const message = chance(random, 0.03) ? { ...item, ballast: 'x'.repeat(150_000) } : item
      const options = {
        ...{ channel, partitionKey: key, ...way },
        ...(chance(random, 0.2) && { whenDown: 'wait' as const }),
        ...(chance(random, 0.1) && { timeout: random.next() * 3_000 }),
      }
      const server = 'sink'
      if (chance(random, 0.5)) node.castMessage(to, server, message, options)
      else promises.push(node.forwardMessage(to, server, message, options).catch(ignore))
    }
    return Promise.all(promises)
  }

  /** Messages with `ack`, under keys of their own: what becomes of each is written down. */
  #ackedBurst({ net, node, name, random }: Context): Promise<unknown> {
    const to = one(random, this.#configuration.nodes)
    const channel = one(
      random,
      this.#channels.filter(other => other !== 'latest'),
    )
    const ack = {
      when: chance(random, 0.3) ? 'handled' : 'given',
      onDown: chance(random, 0.2) ? 'reject' : 'wait',
    } as const
    const way = wayOf(random)
    const sends = Array.from({ length: 1 + Math.floor(random.next() * 20) }, async () => {
      const key = `ack${Math.floor(random.next() * 2)}`
      const item = this.#next(net, node, to, channel, key)
      const message = chance(random, 0.03) ? { ...item, ballast: 'x'.repeat(150_000) } : item
      const options = {
        ...{ channel, partitionKey: key, ack, ...way },
        ...(chance(random, 0.3) && { whenDown: 'wait' as const }),
        ...(chance(random, 0.2) && { timeout: random.next() * 3_000 }),
      }
      const { life, id } = item
      const told = (outcome: 'taken' | 'unknown' | 'not-taken'): void => {
        const head = { at: net.clock.now(), node: name, life }
        this.#record(net, { type: 'acknowledged', ...head, to: to as NodeName, channel, key, id, outcome })
      }
      await node.forwardMessage(to, 'sink', message, options).then(
        () => told('taken'),
        (error: unknown) => told(outcomeOf(error)),
      )
    })
    return Promise.all(sends)
  }

  /** Values of which only the newest counts. */
  async #latest({ net, node, random, clock }: Context): Promise<void> {
    if (this.#configuration.channels.latest === undefined) return
    const to = one(random, this.#configuration.nodes)
    const key = `v${Math.floor(random.next() * 2)}`
    for (let count = Math.floor(random.next() * 10); count > 0; count--) {
      const item = this.#next(net, node, to, 'latest', key)
      node.castMessage(to, 'inbox', item, { channel: 'latest', partitionKey: key })
      if (chance(random, 0.3)) await sleep(clock, random.next() * 50)
    }
  }

  /** The next message of a stream, written down as sent. */
  #next(net: Simulation, { name, spec }: PeerServiceManager, to: string, channel: string, key: string): Item {
    const { incarnation: life } = spec
    const stream = `${name} ${life} ${to} ${channel} ${key}`
    const id = (this.#ids.get(stream) ?? 0) + 1
    this.#ids.set(stream, id)
    this.#record(net, { type: 'sent', ...head(net, name, life), to: to as NodeName, channel, key, id })
    return { life, key, id }
  }

  #delivered(
    net: Simulation,
    { name, spec }: PeerServiceManager,
    { life: fromLife, key, id }: Item,
    { from, channel, incarnation }: { readonly from: string; readonly channel: string; readonly incarnation: number },
  ): void {
    if (from !== name) this.#met.add(`${from} ${incarnation}`)
    // A life that nobody else had met may have become a later one while the message waited: the clock was set back.
    if (incarnation < fromLife || (incarnation > fromLife && this.#met.has(`${from} ${fromLife}`))) {
      this.#wrong.push(`${name} was given a message of life ${fromLife} of ${from} in its life ${incarnation}`)
    }
    const of = { from: from as NodeName, fromLife }
    this.#record(net, { type: 'delivered', ...head(net, name, spec.incarnation), ...of, channel, key, id })
  }

  /** Takes what comes from an iterator. */
  async #consume(net: Simulation, manager: PeerServiceManager): Promise<void> {
    for await (const { message, from, channel, incarnation } of manager.receive('inbox')) {
      this.#delivered(net, manager, message as Item, { from, channel, incarnation })
    }
  }

  #record(net: Simulation, event: HistoryEvent): void {
    const monotonic = 'channel' in event && this.#configuration.channels[event.channel]?.monotonic !== undefined
    net.record(monotonic ? { ...event, monotonic: true } : event)
  }
}

/** Whether messages may go through other nodes: now and then. */
export function wayOf(random: Random): { readonly transitive?: true } {
  return chance(random, 0.25) ? { transitive: true } : {}
}
