import { type NodeName, OverflowError, type PeerServiceManager } from 'maquis'
import type { NodeContext, Operation, Simulation } from 'maquis/testing'
import type { Activity } from './activity.js'
import { Broadcasts } from './broadcasts.js'
import { ComingsAndGoings } from './comings-and-goings.js'
import type { Configuration } from './configuration.js'
import { Conversations } from './conversations.js'
import { complaintsAbout } from './judgement.js'
import { knows, type Overlay } from './overlays.js'
import { Questions } from './questions.js'
import { Traffic } from './traffic.js'
import { UpsAndDowns } from './ups-and-downs.js'
import { Watching } from './watching.js'

/** The clients and servers of one history, and everything that they promise each other. */
export class Workload {
  readonly #configuration: Configuration
  readonly #overlay: Overlay
  readonly #wrong: string[] = []
  readonly #upsAndDowns = new UpsAndDowns(this.#wrong)
  readonly #activities: readonly Activity[]
  readonly #isCarriedOut: (operation: string) => boolean
  #judgedAt = 2_000

  /** `only`: the operations that clients carry out; what activities without any do in the end is left out, too. */
  constructor(configuration: Configuration, overlay: Overlay, only?: readonly string[]) {
    this.#configuration = configuration
    this.#overlay = overlay
    this.#isCarriedOut = name => only === undefined || only.includes(name)
    this.#activities = [
      new Traffic(configuration, this.#wrong),
      new Conversations(configuration, this.#wrong),
      new Questions(configuration, this.#wrong),
      new ComingsAndGoings(configuration, overlay, this.#wrong),
      new Broadcasts(configuration, this.#wrong),
      new Watching(configuration, this.#wrong),
      this.#upsAndDowns,
    ]
  }

  /** The application of a node, in each of its lives. */
  readonly setup = (manager: PeerServiceManager, context: NodeContext): void => {
    for (const activity of this.#activities) activity.setup?.(manager, context)
  }

  get operations(): Readonly<Record<string, Operation>> {
    const all = this.#activities.flatMap(({ operations }) => Object.entries(operations))
    return Object.fromEntries(all.filter(([name]) => this.#isCarriedOut(name)))
  }

  get weights(): Readonly<Record<string, number>> {
    const all = this.#activities.flatMap(({ weights }) => Object.entries(weights))
    return Object.fromEntries(all.filter(([name]) => this.#isCarriedOut(name)))
  }

  readonly check = (net: Simulation): void => {
    if (this.#wrong.length > 0) throw new Error(this.#wrong.join('\n'))
    if (net.history.length < this.#judgedAt) return
    this.#judgedAt += 2_000
    this.#judge(net)
  }

  readonly atRest = (net: Simulation): boolean => {
    if (!this.#activities.every(activity => activity.atRest?.(net) !== false)) return false
    return this.#overlay.mendsInRounds !== true || net.names.every(name => this.#listsAll(net, name))
  }

  /** Everybody is there, and can be asked over every channel; nothing waits anywhere. Then everybody stops. */
  readonly settled = async (net: Simulation): Promise<void> => {
    this.#judge(net)
    const missing = net.names.filter(name => !net.live.includes(name))
    if (missing.length > 0) throw new Error(`${missing.join()} does not run in the end`)
    for (const name of net.names) {
      if (this.#listsAll(net, name)) continue
      throw new Error(`${name} lists ${net.node(name).members().join()} in the end, and not ${this.#all(net, name)}`)
    }
    const pairs = net.names.flatMap(name => net.names.map(peer => [name, peer] as const))
    const known = pairs.filter(([name, peer]) => this.#knows(name, peer))
    await Promise.all(known.map(([name, peer]) => this.#meet(net, name, peer)))
    for (const activity of this.#activities) {
      if (Object.keys(activity.operations).some(this.#isCarriedOut)) await activity.settled?.(net)
    }
    this.check(net)
    for (const name of net.names) {
      for (const { node, queuedMessages, queuedBytes } of net.node(name).connections()) {
        if (queuedMessages + queuedBytes > 0) throw new Error(`${name} keeps something for ${node} in the end`)
      }
    }
    this.#judge(net)
    for (const name of net.names) await net.stop(name)
    for (const name of net.names) {
      const left = this.#upsAndDowns.upAt(net.node(name))
      if (left.length > 0) throw new Error(`${name} has stopped, and was not told that ${left.join()} is down`)
    }
  }

  #listsAll(net: Simulation, name: string): boolean {
    return net.node(name).members().join() === this.#all(net, name)
  }

  /** Whom a node lists in the end. */
  #all(net: Simulation, name: string): string {
    const { nodes } = this.#configuration
    return nodes.filter(peer => net.names.includes(peer as NodeName) && this.#knows(name, peer)).join()
  }

  #knows(node: string, peer: string): boolean {
    return knows(this.#overlay, node, peer, this.#configuration.nodes)
  }

  /** One question at a time: the limits may allow no more. */
  async #meet(net: Simulation, name: string, peer: string): Promise<void> {
    for (const channel of ['default', ...Object.keys(this.#configuration.channels)]) {
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
    const { follows = () => false, mendsInRounds: parts = false } = this.#overlay
    const complaints = complaintsAbout(net.history, {
      // What has a causal label may wait for what it depends on.
      isLate: ({ key, label }) => this.#configuration.concurrency > 0 || key.startsWith('v') || label !== undefined,
      follows: node => follows(node, nodes),
      parts,
      // Where everybody knows everybody, no name may vanish: that is judged only without this option.
      ...(this.#overlay.knows && { knows: (node, peer) => this.#knows(node, peer) }),
    })
    if (complaints.length > 0) throw new Error(complaints.slice(0, 5).join('\n'))
  }
}
