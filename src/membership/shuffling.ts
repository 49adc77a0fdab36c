import type { NodeName, NodeSpec } from '../core/node.js'
import { sample } from '../core/random.js'
import { type Effects, type HyParViewMessage, nodesPerShuffle } from './hyparview-messages.js'
import type { HyParViewMembershipOptions } from './hyparview-options.js'
import type { Neighborhood } from './neighborhood.js'

type Shuffle = Extract<HyParViewMessage, { readonly type: 'shuffle' }>
type ShuffleReply = Extract<HyParViewMessage, { readonly type: 'shuffle-reply' }>

/**
 * Keeps passive views fresh (HyParView, 4.4): now and then a node walks a sample of whom it knows to a random node,
 * and gets as many in return. The walk carries its origin, so that the reply goes to it and not to the last hop; it
 * goes back the way that the walk came, over connections that are there.
 */
export class Shuffling {
  readonly #neighborhood: Neighborhood
  readonly #options: Required<HyParViewMembershipOptions>
  /** Whom the last shuffle of this node told of: they make room for those of the reply. */
  #told: readonly NodeName[] = []

  constructor(neighborhood: Neighborhood, options: Required<HyParViewMembershipOptions>) {
    this.#neighborhood = neighborhood
    this.#options = options
  }

  clear(): void {
    this.#told = []
  }

  /** Sends a sample on its way. */
  begin(out: Effects): void {
    const { active, passive, random, self } = this.#neighborhood
    const { arwl, shuffleActive, shufflePassive } = this.#options
    const [to] = sample(random, active.connected(), 1)
    if (to === undefined) return
    const others = active.specs().filter(({ name }) => name !== to)
    const nodes = [...sample(random, others, shuffleActive), ...passive.sample(shufflePassive)]
    this.#told = nodes.map(({ name }) => name)
    out.push({
      type: 'send',
      to,
      message: { type: 'shuffle', origin: self, nodes: nodes.filter(reachable), timeToLive: arwl, path: [] },
    })
  }

  /** Passes a shuffle on, or answers it where the walk ends. */
  walk(from: NodeName, { origin, nodes, timeToLive, path }: Shuffle, out: Effects): void {
    const { active, random, self } = this.#neighborhood
    if (origin.name === self.name) return
    const way = [...path, from]
    const left = Math.min(timeToLive, this.#options.arwl) - 1
    if (left > 0 && active.size > 1) {
      const [next] = sample(random, active.connected(from, origin.name), 1)
      if (next !== undefined) {
        const message: Shuffle = { type: 'shuffle', origin, nodes, timeToLive: left, path: way }
        return void out.push({ type: 'send', to: next, message })
      }
    }
    const answer = this.#answer(origin, nodes.length + 1)
    this.#sendBack(way, answer, out)
    this.#take(
      [origin, ...nodes],
      answer.map(({ name }) => name),
      out,
    )
  }

  /** Passes a reply on towards the origin, or takes it. */
  reply({ nodes, path }: ShuffleReply, out: Effects): void {
    if (path.length > 0) return this.#sendBack(path, nodes, out)
    this.#take(nodes, this.#told, out)
    this.#told = []
  }

  /** As many as came, from the passive view; what that lacks in a small overlay, from the active view. */
  #answer(origin: NodeSpec, count: number): NodeSpec[] {
    const { active, passive, random } = this.#neighborhood
    const isOther = ({ name }: NodeSpec): boolean => name !== origin.name
    const most = Math.min(count, nodesPerShuffle)
    const nodes = passive.sample(most).filter(isOther)
    const neighbors = sample(random, active.specs().filter(isOther), most - nodes.length)
    return [...nodes, ...neighbors].filter(reachable)
  }

  #sendBack(path: readonly NodeName[], nodes: readonly NodeSpec[], out: Effects): void {
    const { up } = this.#neighborhood
    const origin = path[0]
    const direct = origin !== undefined && up.has(origin)
    const to = direct ? origin : path.at(-1)
    // Where the way back is broken the reply is lost: the next shuffle goes another way.
    if (to === undefined || !up.has(to)) return
    out.push({ type: 'send', to, message: { type: 'shuffle-reply', nodes, path: direct ? [] : path.slice(0, -1) } })
  }

  #take(nodes: readonly NodeSpec[], told: readonly NodeName[], out: Effects): void {
    for (const spec of nodes) this.#neighborhood.remember(spec, out, told)
  }
}

/** Nobody else can dial a node without addresses. */
function reachable({ addresses }: NodeSpec): boolean {
  return addresses.length > 0
}
