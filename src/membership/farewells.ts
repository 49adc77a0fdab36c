import { type Incarnation, isIncarnation, isNodeName, type NodeName, type NodeSpec } from '../core/node.js'
import type { Millis } from '../core/time.js'
import type { MembershipEffect } from './strategy.js'

/** What is said of the end of a life. */
export type Farewell =
  /** It is over: please confirm. */
  | { readonly type: 'leaving'; readonly node: NodeName; readonly incarnation: Incarnation }
  | { readonly type: 'noted'; readonly node: NodeName; readonly incarnation: Incarnation }

/** Makes one of what a peer sent; undefined when it is none. */
export function parseFarewell({ type, node, incarnation }: Record<string, unknown>): Farewell | undefined {
  if (type !== 'leaving' && type !== 'noted') return undefined
  return isNodeName(node) && isIncarnation(incarnation) ? { type, node, incarnation } : undefined
}

/** That a life is over. */
export function goodbye({ name: node, incarnation }: NodeSpec): Farewell & { readonly type: 'leaving' } {
  return { type: 'leaving', node, incarnation }
}

const timerPrefix = 'leave '

/**
 * Who has not yet taken note that a node leaves, or was removed. It is `told` once all of them have, or are gone, or
 * after a while.
 */
export class Farewells {
  readonly #timeout: Millis
  readonly #unnoted = new Map<NodeName, Set<NodeName>>()

  constructor(timeout: Millis) {
    this.#timeout = timeout
  }

  clear(): void {
    this.#unnoted.clear()
  }

  /** Tells these that a life is over, and waits for them. */
  tell<Message>(leaver: NodeSpec, told: Iterable<NodeName>, out: MembershipEffect<Message | Farewell>[]): void {
    for (const to of told) out.push({ type: 'send', to, message: goodbye(leaver) })
    this.begin(leaver.name, told, out)
  }

  /** From now these are waited for: they were told. */
  begin<Message>(leaver: NodeName, told: Iterable<NodeName>, out: MembershipEffect<Message>[]): void {
    this.#unnoted.set(leaver, new Set(told))
    out.push({ type: 'arm', timer: `${timerPrefix}${leaver}`, after: this.#timeout })
    this.#toldPerhaps(leaver, out)
  }

  /** A peer has taken note. */
  noted<Message>(by: NodeName, leaver: NodeName, out: MembershipEffect<Message>[]): void {
    this.#unnoted.get(leaver)?.delete(by)
    this.#toldPerhaps(leaver, out)
  }

  /** The connection to a peer is lost: nobody waits for it. */
  down<Message>(node: NodeName, out: MembershipEffect<Message>[]): void {
    for (const [leaver, unnoted] of this.#unnoted) {
      unnoted.delete(node)
      this.#toldPerhaps(leaver, out)
    }
  }

  /** A timer fired that may be one of these. */
  expired<Message>(timer: string, out: MembershipEffect<Message>[]): void {
    const leaver = timer.slice(timerPrefix.length) as NodeName
    this.#unnoted.get(leaver)?.clear()
    this.#toldPerhaps(leaver, out)
  }

  #toldPerhaps<Message>(node: NodeName, out: MembershipEffect<Message>[]): void {
    if (this.#unnoted.get(node)?.size !== 0) return
    this.#unnoted.delete(node)
    out.push({ type: 'notify', event: { type: 'told', node } })
  }
}
