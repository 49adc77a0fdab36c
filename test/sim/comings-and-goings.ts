import type { NodeName, PeerServiceManager } from 'maquis'
import type { NodeContext, OperationContext, Simulation } from 'maquis/testing'
import { type Activity, address, head, ignore, OutOfPatience, sleep } from './activity.js'
import { type Configuration, chance, one } from './configuration.js'
import { knows, type Overlay } from './overlays.js'

type Context = OperationContext

/** Nodes that join, leave, are removed, stop and start, and come back. */
export class ComingsAndGoings implements Activity {
  readonly #configuration: Configuration
  readonly #overlay: Overlay
  readonly #wrong: string[]
  readonly #comingBack = new Set<PeerServiceManager>()

  /** `wrong` is told of promises that were broken. */
  constructor(configuration: Configuration, overlay: Overlay, wrong: string[]) {
    this.#configuration = configuration
    this.#overlay = overlay
    this.#wrong = wrong
  }

  readonly operations: Activity['operations'] = {
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

  readonly weights: Activity['weights'] = {
    ...{ leave: 0.5, remove: 0.3, 'stop and start': 0.5 },
    ...{ join: 0.3, 'sync join': 0.3, connect: 0.3, 'update members': 0.2 },
  }

  setup(manager: PeerServiceManager, { name, clock, random }: NodeContext): void {
    manager.events.on('removed', () => {
      // Whoever was removed without having asked for it comes back.
      this.#comingBack.add(manager)
      clock.schedule(random.next() * 3_000, () => {
        void this.#rejoin(name, manager)
          .catch(ignore)
          .catch(error => this.#wrong.push(`${name} cannot come back: ${String(error)}`))
          .then(() => this.#comingBack.delete(manager))
      })
    })
  }

  /** Nobody is on the way back, or tries a seed. What a node that crashed was about to do is over. */
  atRest(net: Simulation): boolean {
    return !net.names.some(name => this.#comingBack.has(net.node(name)) || this.#triesSeeds(net, name))
  }

  #triesSeeds(net: Simulation, name: NodeName): boolean {
    const isThere = (node: string): boolean => net.live.includes(node as NodeName) && !net.node(node).departed
    const seeds = this.#overlay.seeds(name, this.#configuration.nodes).filter(isThere)
    const members = net.node(name).members()
    return isThere(name) && seeds.some(seed => !members.includes(seed as NodeName))
  }

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
    const seeds = nodes.filter(peer => peer !== name && knows(this.#overlay, name, peer, nodes))
    await Promise.all(seeds.map(seed => node.join(address(seed)).catch(ignore)))
  }

  async #stopAndStart({ node, clock, random }: Context): Promise<void> {
    await node.stop()
    await sleep(clock, random.next() * 3_000)
    await node.start()
  }
}
