import type { NodeName } from '../core/node.js'
import type { Millis } from '../core/time.js'

/** A node that is measured for an exchange is asked so often: one answer may be late by chance. */
const samplesWanted = 3

/** How long a message takes to other nodes and back. */
export class RoundTrips {
  readonly #millis = new Map<NodeName, Millis>()
  readonly #samples = new Map<NodeName, Millis[]>()

  clear(): void {
    this.#millis.clear()
    this.#samples.clear()
  }

  has(node: NodeName): boolean {
    return this.#millis.has(node)
  }

  /** Of one that was not measured it is as long as can be. */
  of(node: NodeName): Millis {
    return this.#millis.get(node) ?? Number.POSITIVE_INFINITY
  }

  set(node: NodeName, millis: Millis): void {
    this.#millis.set(node, millis)
  }

  /** One answer of a node that is asked. True when these are enough: the round trip is their mean. */
  sample(node: NodeName, millis: Millis): boolean {
    const samples = [...(this.#samples.get(node) ?? []), millis]
    this.#samples.set(node, samples)
    if (samples.length < samplesWanted) return false
    this.#samples.delete(node)
    this.#millis.set(node, samples.reduce((sum, each) => sum + each, 0) / samples.length)
    return true
  }

  /** Forgets all others. */
  keep(wanted: (node: NodeName) => boolean): void {
    for (const measures of [this.#millis, this.#samples]) {
      for (const node of measures.keys()) if (!wanted(node)) measures.delete(node)
    }
  }
}
