import type { ValueLimits } from '../codec/value-encoder.js'
import { abortReason, onAbort } from '../core/abort.js'
import { DeadlineError, OverflowError, PartitionedError, UnknownOutcomeError } from '../core/errors.js'
import type { NodeName } from '../core/node.js'
import type { SendOutcome } from '../core/send-outcome.js'
import type { Clock } from '../core/time.js'
import { type PendingRequest, Requests } from '../delivery/requests.js'
import type { Lane } from '../link/lane.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import type { Counters } from './counters.js'
import { errorOf } from './error-reports.js'
import type { ForwardOptions } from './manager.js'
import { checkAnswered, expiryOf, extraOf } from './message-options.js'
import type { Sender } from './sender.js'

export interface RequesterContext {
  readonly sender: Sender
  readonly clock: Clock
  readonly limits: Limits
  readonly valueLimits: ValueLimits
  readonly counters: Counters
}

/** Asks other nodes, and settles every question exactly once. */
export class Requester {
  readonly #context: RequesterContext
  readonly #requests = new Requests()

  constructor(context: RequesterContext) {
    this.#context = context
  }

  /** `life`: only that one of the node will do. */
  request(
    node: string,
    server: string,
    message: unknown,
    options: ForwardOptions | undefined,
    life?: number,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { sender, clock, limits, valueLimits } = this.#context
      const name = node as NodeName
      const channel = options?.channel ?? 'default'
      if (this.#requests.count(name) >= limits.requests) throw new OverflowError(node, channel, 'limits.requests')
      const { signal } = options ?? {}
      const expires = expiryOf(options, clock)
      checkAnswered(options)
      signal?.throwIfAborted()
      let cancelTimer: (() => void) | undefined
      let unlisten: (() => void) | undefined
      const release = (): void => {
        cancelTimer?.()
        unlisten?.()
      }
      const pending: PendingRequest = {
        ...{ node: name, server, lane: undefined },
        answered: (isError, payload) => {
          release()
          if (isError) reject(errorOf(node, server, payload, 'request'))
          else resolve(payload)
        },
        failed: ({ lane }) => {
          release()
          reject(this.#lost(node, lane === undefined ? 'not-sent' : 'unknown'))
        },
      }
      const id = this.#requests.open(pending)
      const end = (error: Error): void => {
        if (this.#requests.close(id) === undefined) return
        release()
        reject(error)
      }
      unlisten = signal && onAbort(signal, () => end(abortReason(signal)))
      if (expires !== undefined) {
        cancelTimer = clock.schedule(Math.max(0, expires - clock.now()), () => {
          end(
            new DeadlineError(`the request to server '${server}'`, pending.lane === undefined ? 'not-sent' : 'unknown'),
          )
        })
      }
      const settler = {
        sent: (): void => {
          pending.lane = sender.laneFor(node, server, options)
        },
        failed: end,
        wanted: (): boolean => this.#requests.get(id) !== undefined,
      }
      try {
        const extra = { ...extraOf(options, clock, valueLimits), expires, request: id, life }
        sender.submit({ node, server, message, options, extra, kind: 'request', settler })
      } catch (error) {
        end(error as Error)
      }
    })
  }

  /** Questions to that node without an answer. */
  pending(node: NodeName): number {
    return this.#requests.count(node)
  }

  /** An answer arrived. */
  answered(lane: Lane, id: number, isError: boolean, payload: unknown): void {
    // Only on the lane that it left on can a request be answered: another peer might guess its number.
    if (this.#requests.get(id)?.lane !== lane) return this.#context.counters.add('lateReplies')
    this.#requests.close(id)?.answered(isError, payload)
  }

  /** The server that a request was for; undefined when nobody waits for it any more. */
  serverOf(id: number): string | undefined {
    return this.#requests.get(id)?.server
  }

  /** What left on this lane will not be answered there any more. */
  laneClosed(lane: Lane): void {
    this.#requests.fail(request => request.lane === lane)
  }

  /** The peer's life, or its reachability, ended. */
  peerEnded(link: Link, why: 'down' | 'cut' | 'left'): void {
    this.#why.set(link.name, why)
    // What has not left yet ends with the queue it waits in, except behind a cut, where queues stay.
    this.#requests.fail(request => request.node === link.name && (request.lane !== undefined || why === 'cut'))
    this.#why.delete(link.name)
  }

  /** The node stops: everything ends. */
  stop(error: (outcome: SendOutcome) => Error): void {
    this.#stopping = error
    this.#requests.fail(() => true)
    this.#stopping = undefined
  }

  readonly #why = new Map<NodeName, 'down' | 'cut' | 'left'>()
  #stopping: ((outcome: SendOutcome) => Error) | undefined

  #lost(node: string, outcome: SendOutcome): Error {
    if (this.#stopping !== undefined) return this.#stopping(outcome)
    const why = this.#why.get(node as NodeName)
    if (why === 'cut') return new PartitionedError(node, outcome)
    const because =
      why === undefined ? 'its connection was lost' : why === 'left' ? 'it left the cluster' : 'it went down'
    return new UnknownOutcomeError(node, 'request', because)
  }
}
