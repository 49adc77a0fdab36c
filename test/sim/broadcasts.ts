import type { PeerServiceManager } from 'maquis'
import type { NodeContext, OperationContext, Simulation } from 'maquis/testing'
import { type Activity, ignore } from './activity.js'
import { type Configuration, chance, one } from './configuration.js'

interface News {
  readonly id: number
  readonly ballast?: string
}

/** Broadcasts: each life of a node is handed those of one life of another, on one channel, once and in order. */
export class Broadcasts implements Activity {
  readonly #channels: readonly string[]
  readonly #wrong: string[]
  #count = 0
  /** The greatest number that a life of a node was handed, by whose and over which channel it was. */
  readonly #last = new Map<string, number>()
  /** What was delivered lately, as `receiver id`. */
  readonly #delivered = new Set<string>()

  /** `wrong` is told of promises that were broken. */
  constructor(configuration: Configuration, wrong: string[]) {
    this.#channels = ['default', ...Object.keys(configuration.channels)]
    this.#wrong = wrong
  }

  readonly operations: Activity['operations'] = { broadcast: context => this.#broadcast(context) }

  readonly weights: Activity['weights'] = { broadcast: 2 }

  setup(manager: PeerServiceManager, { name }: NodeContext): void {
    manager.register('news', ({ id }: News, { from, incarnation, channel }) => {
      const { incarnation: life } = manager.spec
      const stream = `${from} ${incarnation} ${channel}, to ${name} ${life}`
      const last = this.#last.get(stream) ?? 0
      if (id <= last) this.#wrong.push(`of ${stream} came broadcast ${id} after ${last}`)
      if (from === name) this.#wrong.push(`${name} was told its own broadcast ${id}`)
      this.#last.set(stream, id)
      this.#delivered.add(`${name} ${id}`)
    })
  }

  /** In a whole cluster everybody hears everybody. */
  async settled(net: Simulation): Promise<void> {
    this.#delivered.clear()
    const sent = net.live.map(name => {
      const id = ++this.#count
      return { id, name, done: net.node(name).broadcast('news', { id }) }
    })
    await net.settle(Promise.all(sent.map(({ done }) => done)))
    const missing = (): string[] =>
      sent.flatMap(({ id, name }) => {
        const deaf = net.live.filter(node => node !== name && !this.#delivered.has(`${node} ${id}`))
        return deaf.map(node => `${node} does not hear what ${name} broadcasts in the end`)
      })
    for (let seconds = 0; seconds < 60 && missing().length > 0; seconds++) await net.pass(1_000)
    const [first] = missing()
    if (first !== undefined) throw new Error(first)
  }

  async #broadcast({ node, random }: OperationContext): Promise<void> {
    for (let count = 1 + Math.floor(random.next() * 5); count > 0; count--) {
      const id = ++this.#count
      const message: News = chance(random, 0.05) ? { id, ballast: 'x'.repeat(100_000) } : { id }
      await node.broadcast('news', message, { channel: one(random, this.#channels) }).catch(ignore)
    }
  }
}
