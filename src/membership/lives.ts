import type { NodeName, NodeSpec } from '../core/node.js'
import { Departures } from './departures.js'
import type { Admission, MembershipEffect } from './strategy.js'

/** Which lives of nodes go on, as far as a node of partial views knows: that of its own, and of those it heard of. */
export class Lives {
  readonly departures: Departures = new Departures()
  readonly #known: (name: NodeName) => NodeSpec | undefined
  #self: NodeSpec | undefined

  /** `known`: the newest spec that is known of another node. */
  constructor(known: (name: NodeName) => NodeSpec | undefined) {
    this.#known = known
  }

  get self(): NodeSpec {
    return this.#self as NodeSpec
  }

  start(self: NodeSpec): void {
    this.#self = self
    this.departures.clear()
  }

  /** Whether a peer may connect, as far as its incarnation goes: undefined when it may. */
  admit({ name, incarnation }: NodeSpec): Admission | undefined {
    const ended = this.departures.get(name)
    const known = this.#known(name)?.incarnation ?? ended
    if (known === undefined) return undefined
    const latest = ended !== undefined && ended > known ? ended : known
    if (incarnation < latest) return { type: 'stale', known: latest }
    return incarnation === ended ? { type: 'removed' } : undefined
  }

  /**
   * Whether a spec that somebody tells of is another node's, of a life that has not ended, and none older than known.
   */
  isCurrent(spec: NodeSpec): boolean {
    if (spec.name === this.#self?.name || spec.role !== this.#self?.role) return false
    return !this.departures.includes(spec) && spec.incarnation >= (this.#known(spec.name)?.incarnation ?? 0)
  }

  /** The same; and where somebody tells of a later life of this very node that is said. */
  hear<Message>(spec: NodeSpec, out: MembershipEffect<Message>[]): boolean {
    const { name, incarnation } = this.self
    if (spec.name === name && spec.incarnation > incarnation) {
      out.push({ type: 'notify', event: { type: 'superseded', known: spec.incarnation } })
    }
    return this.isCurrent(spec)
  }
}
