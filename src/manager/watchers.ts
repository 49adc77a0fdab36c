import type { ChannelName } from '../core/channel.js'
import type { NodeName } from '../core/node.js'
import { callUser } from '../core/promise-like.js'
import type { Watcher, WatchOptions } from './manager.js'

type Edge = 'up' | 'down'

interface Watch {
  readonly edge: Edge
  readonly node: string
  readonly fn: Watcher
  readonly channel: string | undefined
}

/** Who wants to hear of which peers. Watches outlive the node's lives. */
export class Watchers {
  readonly #watches = new Set<Watch>()
  readonly #failed: (error: unknown) => void

  /** `failed` is told what a watcher threw, or its promise rejected with. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  add(edge: Edge, node: string, fn: Watcher, { channel }: WatchOptions): Disposable {
    const watch: Watch = { edge, node, fn, channel }
    this.#watches.add(watch)
    return { [Symbol.dispose]: () => void this.#watches.delete(watch) }
  }

  /** Tells of a peer, or of one of its channels. */
  tell(edge: Edge, node: NodeName, channel?: ChannelName): void {
    for (const watch of [...this.#watches]) {
      if (watch.edge !== edge || watch.channel !== channel || (watch.node !== node && watch.node !== '*')) continue
      if (this.#watches.has(watch)) this.call(watch.fn, node, channel)
    }
  }

  /** Calls a watcher; what it throws, or its promise rejects with, holds nobody up. */
  call(fn: Watcher, node: NodeName, channel?: ChannelName): void {
    callUser(() => (channel === undefined ? fn(node) : fn(node, channel)), this.#failed)
  }
}
