import { describe, expect, test } from 'vitest'
import { sample } from '../../src/core/random.js'
import { type Incarnation, type PartitionRef, type PeerServiceManager, SeededRandom } from '../../src/index.js'
import { Cluster } from '../support/cluster.js'

const names = ['a', 'b', 'c', 'd']
const channels = { data: { parallelism: 3 }, small: { parallelism: 1 } }
const histories = Number(process.env.HISTORIES ?? 60)
const firstSeed = Number(process.env.SEED ?? 1)

interface Item {
  readonly from: string
  readonly life: Incarnation
  readonly channel: string
  readonly key: string
  readonly number: number
}

/**
 * One history of a cluster: messages with keys, while connections break, links split, nodes stop and start, partitions
 * are injected and resolved. Then everything heals, and the cluster must be whole.
 */
class History {
  readonly #random: SeededRandom
  readonly #cluster: Cluster
  readonly #nodes = new Map<string, PeerServiceManager>()
  readonly #numbers = new Map<string, number>()
  readonly #seen = new Map<string, number>()
  readonly #up = new Map<string, boolean>()
  readonly #refs: PartitionRef[] = []
  readonly wrong: string[] = []
  delivered = 0
  #questions = 0
  readonly #pending = new Set<string>()

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const latency = 1 + Math.floor(this.#random.next() * 20)
    this.#cluster = new Cluster({
      network: { latency },
      options: { channels, seeds: ['memory://a:1', 'memory://b:1'] },
    })
  }

  async run(): Promise<void> {
    for (const name of names) await this.#start(name)
    for (let round = 0; round < 60; round++) {
      await this.#act()
      await this.#cluster.pass(Math.floor(this.#random.next() * 400))
    }
    await this.#heal()
  }

  async #start(name: string): Promise<void> {
    let node = this.#nodes.get(name)
    if (node === undefined) {
      node = this.#cluster.node(name)
      this.#nodes.set(name, node)
      node.register('sink', item => this.#take(name, item as Item))
      node.register('echo', question => this.#answer(name, question as string))
      node.onUp('*', peer => this.#edge(name, peer, true))
      node.onDown('*', peer => this.#edge(name, peer, false))
      node.events.on('handler-error', ({ error }) => this.wrong.push(`handler-error at ${name}: ${String(error)}`))
      node.events.on('violation', violation => this.wrong.push(`violation at ${name}: ${JSON.stringify(violation)}`))
    }
    await this.#cluster.settle(node.start())
  }

  /** Ups and downs of a peer alternate. */
  #edge(at: string, peer: string, up: boolean): void {
    const edge = `${at} ${peer}`
    if ((this.#up.get(edge) ?? false) === up)
      this.wrong.push(`${at} was told twice that ${peer} is ${up ? 'up' : 'down'}`)
    this.#up.set(edge, up)
  }

  async #act(): Promise<void> {
    const roll = this.#random.next()
    const [one = '', other = ''] = sample(this.#random, names, 2)
    if (roll < 0.4) this.#burst(one, other)
    else if (roll < 0.5) this.#ask(one, other)
    else if (roll < 0.53) this.#track(`leave of ${one}`, this.#leave(one))
    else if (roll < 0.56)
      this.#track(`disconnect of ${other}`, (this.#nodes.get(one) as PeerServiceManager).disconnect(other))
    else if (roll < 0.65) this.#cluster.sever(one, other)
    else if (roll < 0.72) this.#cluster.split(one, other)
    else if (roll < 0.8) this.#cluster.heal()
    else if (roll < 0.86) await this.#restart(one)
    else if (roll < 0.93) await this.#inject(one, other)
    else await this.#resolve(one)
  }

  #burst(from: string, to: string): void {
    const node = this.#nodes.get(from)
    if (node === undefined) return
    const count = 1 + Math.floor(this.#random.next() * 20)
    for (let index = 0; index < count; index++) {
      const [channel = ''] = sample(this.#random, Object.keys(channels), 1)
      const key = `k${Math.floor(this.#random.next() * 5)}`
      const life = node.spec.incarnation
      const stream = `${from} ${life} ${to} ${channel} ${key}`
      const number = (this.#numbers.get(stream) ?? 0) + 1
      this.#numbers.set(stream, number)
      const item: Item = { from, life, channel, key, number }
      const options = { channel, partitionKey: key, ...(this.#random.next() < 0.2 && { whenDown: 'wait' as const }) }
      // Now and then one that travels in chunks.
      const message = this.#random.next() < 0.05 ? { ...item, ballast: 'x'.repeat(150_000) } : item
      if (this.#random.next() < 0.5) node.castMessage(to, 'sink', message, options)
      else this.#track(`forward to ${to}`, node.forwardMessage(to, 'sink', message, options))
    }
  }

  #ask(from: string, to: string): void {
    const node = this.#nodes.get(from) as PeerServiceManager
    const question = `${from} ${++this.#questions}`
    const timeout = 200 + Math.floor(this.#random.next() * 5_000)
    const answered = node.request(to, 'echo', question, { channel: 'data', timeout }).then(answer => {
      if (answer !== question) this.wrong.push(`${from} asked ${question} and was answered ${String(answer)}`)
    })
    this.#track(`request to ${to}`, answered)
  }

  /** Leaves, and comes back by the other seed a while later; at times before the leave has ended. */
  async #leave(name: string): Promise<void> {
    const node = this.#nodes.get(name) as PeerServiceManager
    const left = node.leave().catch(() => {})
    if (this.#random.next() < 0.7) await left
    const seed = name === 'a' ? 'memory://b:1' : 'memory://a:1'
    await new Promise<void>(resolve => {
      this.#cluster.clock.schedule(this.#random.next() * 15_000, resolve)
    })
    await node.join(seed).catch(() => {})
    await left
  }

  /** Everything that can be pending has to settle in the end. */
  #track(what: string, promise: Promise<unknown>): void {
    const key = `${what} (${++this.#questions})`
    this.#pending.add(key)
    const settled = (): boolean => this.#pending.delete(key)
    promise.then(settled, settled)
  }

  /** At most once, in order per key, and only of the sender's latest life. */
  #take(at: string, item: Item): void {
    this.delivered++
    const stream = `${item.from} ${item.life} ${at} ${item.channel} ${item.key}`
    const last = this.#seen.get(stream) ?? 0
    if (item.number <= last) this.wrong.push(`${at} got ${item.number} after ${last} of ${stream}`)
    this.#seen.set(stream, item.number)
    const lives = `${item.from} lives ${at}`
    if (item.life < (this.#seen.get(lives) ?? 0))
      this.wrong.push(`${at} got a message of an ended life of ${item.from}`)
    this.#seen.set(lives, item.life)
  }

  /** A request is handled at most once. */
  #answer(at: string, question: string): string {
    const key = `${at} answers ${question}`
    if (this.#seen.has(key)) this.wrong.push(`${key} twice`)
    this.#seen.set(key, 1)
    return question
  }

  async #restart(name: string): Promise<void> {
    const node = this.#nodes.get(name)
    if (node === undefined) return
    await this.#cluster.settle(node.stop())
    await this.#cluster.pass(Math.floor(this.#random.next() * 3_000))
    await this.#start(name)
  }

  async #inject(at: string, origin: string): Promise<void> {
    const node = this.#nodes.get(at) as PeerServiceManager
    const ttl = Math.floor(this.#random.next() * 2)
    const injected = node.injectPartition(origin, ttl).then(
      ref => void this.#refs.push(ref),
      () => {},
    )
    await this.#cluster.settle(injected)
  }

  async #resolve(at: string): Promise<void> {
    const ref = this.#refs.shift()
    if (ref !== undefined) await this.#cluster.settle((this.#nodes.get(at) as PeerServiceManager).resolvePartition(ref))
  }

  async #heal(): Promise<void> {
    this.#cluster.heal()
    while (this.#refs.length > 0) await this.#resolve('a')
    // A ref whose promise was rejected may have been carried out all the same: whoever lists it can resolve it.
    for (const node of this.#nodes.values()) for (const { ref } of node.partitions()) await node.resolvePartition(ref)
    const nodes = [...this.#nodes.values()]
    await this.#cluster.until(() => this.#pending.size === 0)
    await this.#cluster.until(() => nodes.every(node => names.every(name => node.isFullyConnected(name))), 60_000)
    await this.#cluster.until(() => nodes.every(node => node.members().join() === names.join()))
    for (const node of nodes) expect(node.partitions()).toEqual([])
    for (const [index, node] of nodes.entries()) {
      const to = names[(index + 1) % names.length] as string
      await this.#cluster.settle(node.forwardMessage(to, 'sink', this.#last(node, to), { channel: 'data' }))
    }
    await this.#cluster.pass(1_000)
    for (const node of nodes) {
      expect(node.connections().filter(({ queuedMessages, queuedBytes }) => queuedMessages + queuedBytes > 0)).toEqual(
        [],
      )
    }
    for (const node of nodes) await this.#cluster.settle(node.stop())
  }

  #last(node: PeerServiceManager, to: string): Item {
    const stream = `${node.name} ${node.spec.incarnation} ${to} data last`
    this.#numbers.set(stream, 1)
    return { from: node.name, life: node.spec.incarnation, channel: 'data', key: 'last', number: 1 }
  }
}

describe('a cluster whose links break, split and are cut, and whose nodes restart', () => {
  test.each(Array.from({ length: histories }, (_, index) => firstSeed + index))(
    'keeps order, delivers at most once and is whole again (seed %i)',
    async seed => {
      const history = new History(seed)
      await history.run()
      expect(history.wrong).toEqual([])
      expect(history.delivered).toBeGreaterThan(0)
    },
  )
})
