import { byName } from '../core/name.js'
import type { NodeName, NodeSpec } from '../core/node.js'
import type { Instant } from '../core/time.js'

/** A node that is held in a partial view. */
export interface Held {
  readonly spec: NodeSpec
  /** By which of its subscriptions it came here; 0: by none. */
  readonly sequence: number
  /** It was here before that subscription came. */
  readonly isRenewed: boolean
  /** When its lease ends. */
  readonly until: Instant
}

/** No view grows beyond this, whatever chance does: it is three times what a hundred thousand nodes need. */
export const viewMax = 256

/** The partial view of a node: whom it knows, each with a lease. */
export class ScampView {
  readonly #held = new Map<NodeName, Held>()
  readonly #isUp: (name: NodeName) => boolean
  #sorted: readonly NodeSpec[] | undefined
  #connected: readonly NodeName[] | undefined

  constructor(isUp: (name: NodeName) => boolean) {
    this.#isUp = isUp
  }

  get size(): number {
    return this.#held.size
  }

  get isFull(): boolean {
    return this.#held.size >= viewMax
  }

  /** Nobody in it is connected. */
  get isolated(): boolean {
    return this.connected().length === 0
  }

  clear(): void {
    this.#held.clear()
    this.changed()
  }

  /** Somebody in it is connected now, or not any more. */
  changed(): void {
    this.#sorted = undefined
    this.#connected = undefined
  }

  has(name: NodeName): boolean {
    return this.#held.has(name)
  }

  get(name: NodeName): Held | undefined {
    return this.#held.get(name)
  }

  set(held: Held): void {
    const known = this.#held.get(held.spec.name)
    this.#held.set(held.spec.name, held)
    if (known?.spec !== held.spec) this.changed()
  }

  delete(name: NodeName): Held | undefined {
    const held = this.#held.get(name)
    if (this.#held.delete(name)) this.changed()
    return held
  }

  /** Ordered by name. */
  specs(): readonly NodeSpec[] {
    this.#sorted ??= [...this.#held.values()].map(({ spec }) => spec).sort(byName)
    return this.#sorted
  }

  /** Those that are connected. */
  connected(): readonly NodeName[] {
    this.#connected ??= [...this.#held.keys()].filter(this.#isUp)
    return this.#connected
  }

  /** Whose leases have ended. */
  ended(now: Instant): Held[] {
    return [...this.#held.values()].filter(({ until }) => until <= now)
  }
}
