import type { NodeName, NodeSpec } from '../core/node.js'
import { type Random, sample } from '../core/random.js'

/** Nodes that may replace a neighbour, at most so many. When it is full another one makes room. */
export class PassiveView {
  readonly #most: number
  readonly #random: Random
  readonly #specs = new Map<NodeName, NodeSpec>()

  constructor(most: number, random: Random) {
    this.#most = most
    this.#random = random
  }

  get size(): number {
    return this.#specs.size
  }

  clear(): void {
    this.#specs.clear()
  }

  has(name: NodeName): boolean {
    return this.#specs.has(name)
  }

  get(name: NodeName): NodeSpec | undefined {
    return this.#specs.get(name)
  }

  specs(): NodeSpec[] {
    return [...this.#specs.values()]
  }

  /** Each subset is equally likely. */
  sample(count: number): NodeSpec[] {
    return sample(this.#random, this.specs(), count)
  }

  /** Adds a node, or replaces what is known of it. Who was told to a peer makes room first, else anybody. */
  add(spec: NodeSpec, told: readonly NodeName[] = []): void {
    if (this.#most === 0) return
    if (!this.#specs.has(spec.name) && this.#specs.size >= this.#most) {
      const victim = told.find(name => this.#specs.has(name)) ?? this.sample(1)[0]?.name
      if (victim !== undefined) this.#specs.delete(victim)
    }
    this.#specs.set(spec.name, spec)
  }

  delete(name: NodeName): void {
    this.#specs.delete(name)
  }
}
