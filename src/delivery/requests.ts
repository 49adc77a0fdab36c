import type { NodeName } from '../core/node.js'

/** A request that waits for its answer. */
export interface PendingRequest {
  readonly node: NodeName
  readonly server: string
  /** The lane that it left on, as its owner names it; undefined while it waits to leave. */
  lane: object | undefined
  answered(isError: boolean, payload: unknown): void
  /** What it left on, or whom it asked, is gone. */
  lost(): void
}

/**
 * The requests of a node that wait for answers, each tied to the lane it left on: when that, or the peer's incarnation,
 * ends, the request settles. Pure bookkeeping: it neither waits nor sends.
 */
export class Requests<Request extends PendingRequest = PendingRequest> {
  readonly #pending = new Map<number, Request>()
  readonly #perNode = new Map<NodeName, number>()
  #lastId = 0

  /** How many wait for that node. */
  count(node: NodeName): number {
    return this.#perNode.get(node) ?? 0
  }

  open(request: Request): number {
    this.#lastId++
    this.#pending.set(this.#lastId, request)
    this.#perNode.set(request.node, this.count(request.node) + 1)
    return this.#lastId
  }

  get(id: number): Request | undefined {
    return this.#pending.get(id)
  }

  /** Ends a request and returns it; undefined when it has ended already. */
  close(id: number): Request | undefined {
    const request = this.#pending.get(id)
    if (request === undefined) return undefined
    this.#pending.delete(id)
    const left = this.count(request.node) - 1
    if (left > 0) this.#perNode.set(request.node, left)
    else this.#perNode.delete(request.node)
    return request
  }

  /** Fails those that `concerned` picks. */
  fail(concerned: (request: Request) => boolean): void {
    for (const [id, request] of [...this.#pending]) {
      // An earlier one's failure may have ended it.
      if (concerned(request) && this.close(id) !== undefined) request.lost()
    }
  }
}
