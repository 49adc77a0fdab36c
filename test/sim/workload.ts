import {
  DeadlineError,
  type Incarnation,
  MaquisError,
  type NodeName,
  OverflowError,
  type PeerServiceManager,
  StoppedError,
  UnknownOutcomeError,
} from 'maquis'
import type { HistoryEvent, NodeContext, Operation, OperationContext, Simulation } from 'maquis/testing'
import { type Configuration, chance, one } from './configuration.js'
import { complaintsAbout } from './judgement.js'
import type { Overlay } from './overlays.js'

/** What travels. `ballast` makes a message large enough to travel in chunks. */
interface Item {
  readonly life: Incarnation
  readonly key: string
  readonly id: number
  readonly ballast?: string
}

type Context = OperationContext

/** The clients and servers of one history, and everything that they promise each other. */
export class Workload {
  readonly #configuration: Configuration
  readonly #overlay: Overlay
  readonly #channels: readonly string[]
  readonly #ids = new Map<string, number>()
  readonly #answered = new Set<string>()
  readonly #ups = new WeakMap<PeerServiceManager, Set<string>>()
  /** The lives of which anything was delivered. */
  readonly #met = new Set<string>()
  readonly #comingBack = new Set<PeerServiceManager>()
  readonly #wrong: string[] = []
  #questions = 0
  #judgedAt = 2_000

  constructor(configuration: Configuration, overlay: Overlay) {
    this.#configuration = configuration
    this.#overlay = overlay
    this.#channels = ['default', ...Object.keys(configuration.channels)]
  }

  /** The application of a node, in each of its lives. */
  readonly setup = (manager: PeerServiceManager, { name, clock, random, net }: NodeContext): void => {
    const { handling, concurrency } = this.#configuration
    const options = concurrency > 0 ? { concurrency } : {}
    const comeBack = (how: () => Promise<unknown>): void => {
      this.#comingBack.add(manager)
      clock.schedule(random.next() * 3_000, () => {
        void how()
          .catch(ignore)
          .catch(error => this.#wrong.push(`${name} cannot come back: ${String(error)}`))
          .then(() => this.#comingBack.delete(manager))
      })
    }
    const handle = (): Promise<void> | undefined =>
      handling > 0 ? sleep(clock, random.next() * 2 * handling) : undefined
    manager.register(
      'sink',
      (item: Item, { from, channel, incarnation }) => {
        this.#delivered(net, manager, item, { from, channel, incarnation })
        return handle()
      },
      options,
    )
    manager.register('echo', async (question: string) => {
      if (this.#answered.has(`${name} ${question}`)) this.#wrong.push(`${name} was asked ${question} twice`)
      this.#answered.add(`${name} ${question}`)
      await handle()
      return question
    })
    void this.#consume(net, manager)
    manager.events.on('removed', () => {
      // Whoever was removed without having asked for it comes back.
      comeBack(() => this.#rejoin(name, manager))
    })
    const ups = new Set<string>()
    this.#ups.set(manager, ups)
    manager.onUp('*', peer => {
      if (ups.has(peer)) this.#wrong.push(`${name} was told twice that ${peer} is up`)
      ups.add(peer)
    })
    manager.onDown('*', peer => {
      if (!ups.delete(peer)) this.#wrong.push(`${name} was told that ${peer} is down, which was not up`)
    })
  }

  readonly operations: Readonly<Record<string, Operation>> = {
    burst: context => this.#burst(context),
    'acked burst': context => this.#ackedBurst(context),
    latest: context => this.#latest(context),
    ask: context => this.#ask(context),
    'ask all': context => this.#askAll(context),
    leave: context => this.#leave(context),
    remove: context => this.#remove(context),
    'stop and start': context => this.#stopAndStart(context),
    join: async ({ node, random }) => node.join(address(one(random, this.#configuration.nodes))),
    'sync join': async ({ node, random, clock }) => {
      const patience = new AbortController()
      clock.schedule(random.next() * 3_000, () => patience.abort(new OutOfPatience()))
      await node.syncJoin(address(one(random, this.#configuration.nodes)), { signal: patience.signal }).catch(ignore)
    },
    connect: async ({ node, random, clock }) => {
      const patience = new AbortController()
      clock.schedule(random.next() * 3_000, () => patience.abort(new OutOfPatience()))
      const peer = address(one(random, this.#configuration.nodes))
      await node.connect(peer, { prune: chance(random, 0.5), signal: patience.signal }).catch(ignore)
    },
    'update members': async ({ node, name }) => {
      const peers = this.#overlay.seeds(name, this.#configuration.nodes)
      const missing = peers.filter(peer => !node.members().includes(peer as NodeName))
      for (const peer of missing) await node.join(address(peer))
    },
  }

  readonly weights: Readonly<Record<string, number>> = {
    ...{ burst: 10, 'acked burst': 6, latest: 3, ask: 4, 'ask all': 1, leave: 0.5, remove: 0.3, 'stop and start': 0.5 },
    ...{ join: 0.3, 'sync join': 0.3, connect: 0.3, 'update members': 0.2 },
  }

  readonly check = (net: Simulation): void => {
    if (this.#wrong.length > 0) throw new Error(this.#wrong.join('\n'))
    if (net.history.length < this.#judgedAt) return
    this.#judgedAt += 2_000
    this.#judge(net)
  }

  /** Nobody is on the way back, or tries a seed. What a node that crashed was about to do is over. */
  readonly atRest = (net: Simulation): boolean => {
    if (net.names.some(name => this.#comingBack.has(net.node(name)) || this.#triesSeeds(net, name))) return false
    return (
      this.#overlay.mendsInRounds !== true || net.names.every(name => this.#listed(net, name) === this.#all(net, name))
    )
  }

  #listed(net: Simulation, name: string): string {
    return net.node(name).members().join()
  }

  /** Whom a node lists in the end. */
  #all(net: Simulation, name: string): string {
    const { nodes } = this.#configuration
    return nodes.filter(peer => net.names.includes(peer as NodeName) && this.#knows(name, peer)).join()
  }

  #triesSeeds(net: Simulation, name: NodeName): boolean {
    const isThere = (node: string): boolean => net.live.includes(node as NodeName) && !net.node(node).departed
    const seeds = this.#overlay.seeds(name, this.#configuration.nodes).filter(isThere)
    const members = net.node(name).members()
    return isThere(name) && seeds.some(seed => !members.includes(seed as NodeName))
  }

  /** Everybody is there, and can be asked over every channel; nothing waits anywhere. Then everybody stops. */
  readonly settled = async (net: Simulation): Promise<void> => {
    this.#judge(net)
    const missing = net.names.filter(name => !net.live.includes(name))
    if (missing.length > 0) throw new Error(`${missing.join()} does not run in the end`)
    for (const name of net.names) {
      const members = this.#all(net, name)
      const listed = this.#listed(net, name)
      if (listed !== members) throw new Error(`${name} lists ${listed} in the end, and not ${members}`)
    }
    const pairs = net.names.flatMap(name => net.names.map(peer => [name, peer] as const))
    const known = pairs.filter(([name, peer]) => this.#knows(name, peer))
    await Promise.all(known.map(([name, peer]) => this.#meet(net, name, peer)))
    for (const name of net.names) {
      for (const { node, queuedMessages, queuedBytes } of net.node(name).connections()) {
        if (queuedMessages + queuedBytes > 0) throw new Error(`${name} keeps something for ${node} in the end`)
      }
    }
    this.#judge(net)
    for (const name of net.names) await net.stop(name)
    for (const name of net.names) {
      const left = [...(this.#ups.get(net.node(name)) ?? [])]
      if (left.length > 0) throw new Error(`${name} has stopped, and was not told that ${left.join()} is down`)
    }
  }

  // Messages.

  #burst({ net, node, random }: Context): Promise<unknown> {
    const promises: Promise<unknown>[] = []
    const to = one(random, this.#configuration.nodes)
    const count = 1 + Math.floor(random.next() * 20)
    for (let index = 0; index < count; index++) {
      const channel = one(random, this.#channels)
      const key = `k${Math.floor(random.next() * 4)}`
      const item = this.#next(net, node, to, channel, key)
      // Now and then one that travels in chunks.
      const message = chance(random, 0.03) ? { ...item, ballast: 'x'.repeat(150_000) } : item
      const options = {
        ...{ channel, partitionKey: key },
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
    const sends = Array.from({ length: 1 + Math.floor(random.next() * 20) }, async () => {
      const key = `ack${Math.floor(random.next() * 2)}`
      const item = this.#next(net, node, to, channel, key)
      const message = chance(random, 0.03) ? { ...item, ballast: 'x'.repeat(150_000) } : item
      const options = {
        ...{ channel, partitionKey: key, ack },
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

  async #ask({ node, name, random }: Context): Promise<void> {
    const question = `${name} ${++this.#questions}`
    const to = one(random, this.#configuration.nodes)
    const options = {
      channel: one(random, this.#channels),
      ...(chance(random, 0.7) && { timeout: 200 + random.next() * 5_000 }),
      ...(chance(random, 0.2) && { whenDown: 'wait' as const }),
    }
    const answer = await node.request(to, 'echo', question, options)
    if (answer !== question) throw new Error(`${name} asked ${question} and was answered ${String(answer)}`)
  }

  async #askAll({ node, name, random }: Context): Promise<void> {
    const question = `${name} ${++this.#questions}`
    const channel = one(random, this.#channels)
    await Promise.all(node.members().map(peer => node.request(peer, 'echo', question, { channel }).catch(ignore)))
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

  // Members.

  async #leave({ net, node, name, clock, random }: Context): Promise<void> {
    net.record({
      type: 'leave',
      ...head(net, name, node.spec.incarnation),
      leaver: name,
      leaverLife: node.spec.incarnation,
    })
    const left = node.leave().catch(ignore)
    if (chance(random, 0.7)) await left
    await sleep(clock, random.next() * 10_000)
    await this.#rejoin(name, node)
    await left
  }

  async #remove({ net, node, name, random }: Context): Promise<void> {
    const leaver = one(random, node.membersForOrchestration())
    const of = { leaver: leaver.name, leaverLife: leaver.incarnation }
    const { mayRemove = () => true } = this.#overlay
    if (mayRemove(name, this.#configuration.nodes) || leaver.name === name) {
      net.record({ type: 'leave', ...head(net, name, node.spec.incarnation), ...of })
    }
    await node.leave(leaver.name)
    if (leaver.name === name) await this.#rejoin(name, node)
  }

  /** Joins everybody it may, so that those who leave at a time do not end as a cluster of their own. */
  async #rejoin(name: string, node: PeerServiceManager): Promise<void> {
    const { nodes } = this.#configuration
    const seeds = nodes.filter(peer => peer !== name && this.#knows(name, peer))
    await Promise.all(seeds.map(seed => node.join(address(seed)).catch(ignore)))
  }

  async #stopAndStart({ node, clock, random }: Context): Promise<void> {
    await node.stop()
    await sleep(clock, random.next() * 3_000)
    await node.start()
  }

  #knows(node: string, peer: string): boolean {
    const { knows = () => true } = this.#overlay
    return node === peer || knows(node, peer, this.#configuration.nodes)
  }

  // The end.

  /** One question at a time: the limits may allow no more. */
  async #meet(net: Simulation, name: string, peer: string): Promise<void> {
    for (const channel of this.#channels) {
      const question = `${name} meets ${peer} on ${channel}`
      const ask = (): Promise<unknown> => net.settle(net.node(name).request(peer, 'echo', question, { channel }))
      // What a node sent to itself may wait for a slow server still: no connection shows that.
      const again = async (error: unknown): Promise<unknown> => {
        if (name !== peer || !(error instanceof OverflowError)) throw error
        await net.pass(1_000)
        return ask().catch(again)
      }
      const answer = await ask().catch(again)
      if (answer !== question) throw new Error(`${name} asked ${question} and was answered ${String(answer)}`)
    }
  }

  #judge(net: Simulation): void {
    const { nodes } = this.#configuration
    const { knows, follows = () => false, mendsInRounds: parts = false } = this.#overlay
    const complaints = complaintsAbout(net.history, {
      isLate: ({ key }) => this.#configuration.concurrency > 0 || key.startsWith('v'),
      follows: node => follows(node, nodes),
      parts,
      ...(knows && { knows: (node, peer) => knows(node, peer, nodes) }),
    })
    if (complaints.length > 0) throw new Error(complaints.slice(0, 5).join('\n'))
  }
}

class OutOfPatience extends Error {}

function address(name: string): string {
  return `memory://${name}:1`
}

function head(net: Simulation, node: NodeName, life: Incarnation): { at: number; node: NodeName; life: Incarnation } {
  return { at: net.clock.now(), node, life }
}

function sleep(clock: Pick<NodeContext['clock'], 'schedule'>, millis: number): Promise<void> {
  return new Promise(resolve => {
    clock.schedule(millis, resolve)
  })
}

/** Refusals are outcomes here; anything else is a bug of somebody. */
function ignore(error: unknown): void {
  if (!(error instanceof MaquisError) && !(error instanceof OutOfPatience)) throw error
}

/** What the sender of a message with `ack` knows of it. */
function outcomeOf(error: unknown): 'unknown' | 'not-taken' {
  // A stop ends everything, and says nothing of what was sent.
  if (error instanceof UnknownOutcomeError || error instanceof StoppedError) return 'unknown'
  return error instanceof DeadlineError && error.outcome === 'unknown' ? 'unknown' : 'not-taken'
}
