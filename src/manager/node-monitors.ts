import type { Incarnation, NodeName, NodeSpec } from '../core/node.js'
import { callUser } from '../core/promise-like.js'
import type { DownReason } from '../link/link.js'

/** What `monitorNodes` tells: a life of a peer came up or went down. */
export type NodeEvent =
  | { readonly type: 'up'; readonly node: NodeName; readonly incarnation: Incarnation }
  | {
      readonly type: 'down'
      readonly node: NodeName
      readonly incarnation: Incarnation
      readonly reason: 'lost' | 'cut' | 'left' | 'restarted'
    }

interface NodeMonitor {
  readonly fn: (event: NodeEvent) => void
}

/** Who wants to hear of all peers. These outlive the node's lives, as watchers do. */
export class NodeMonitors {
  readonly #monitors = new Set<NodeMonitor>()
  /** The lives that are up. */
  readonly #up = new Map<NodeName, Incarnation>()
  readonly #failed: (error: unknown) => void

  /** `failed` is told what one of them threw, or its promise rejected with. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Tells of those that are up, and from now of every change. */
  add(fn: (event: NodeEvent) => void): Disposable {
    const monitor: NodeMonitor = { fn }
    this.#monitors.add(monitor)
    for (const [node, incarnation] of [...this.#up]) {
      // What it is told may end it, or take a peer down.
      if (!this.#monitors.has(monitor) || this.#up.get(node) !== incarnation) continue
      this.#call(monitor, { type: 'up', node, incarnation })
    }
    return { [Symbol.dispose]: () => void this.#monitors.delete(monitor) }
  }

  up({ name: node, incarnation }: NodeSpec): void {
    this.#up.set(node, incarnation)
    this.#tell({ type: 'up', node, incarnation })
  }

  down(node: NodeName, reason: DownReason): void {
    const incarnation = this.#up.get(node)
    if (incarnation === undefined) return
    this.#up.delete(node)
    this.#tell({ type: 'down', node, incarnation, reason })
  }

  #tell(event: NodeEvent): void {
    for (const monitor of [...this.#monitors]) if (this.#monitors.has(monitor)) this.#call(monitor, event)
  }

  #call({ fn }: NodeMonitor, event: NodeEvent): void {
    callUser(() => fn(event), this.#failed)
  }
}
