import type { ValueLimits } from '../codec/value-encoder.js'
import { abortReason, onAbort } from '../core/abort.js'
import { DeadlineError, OverflowError, PartitionedError, UnknownOutcomeError } from '../core/errors.js'
import type { NodeName } from '../core/node.js'
import type { SendOutcome } from '../core/send-outcome.js'
import type { Clock, Instant } from '../core/time.js'
import { type PendingRequest, Requests } from '../delivery/requests.js'
import type { Lane } from '../link/lane.js'
import type { Limits } from '../link/limits.js'
import type { Link } from '../link/link.js'
import type { Settler } from '../link/queue.js'
import type { Counters } from './counters.js'
import { errorOf } from './error-reports.js'
import type { ForwardOptions } from './manager.js'
import { checkAnswered, clockOf, expiryOf } from './message-options.js'
import type { Sender } from './sender.js'

export interface RequesterContext {
  readonly sender: Sender
  readonly clock: Clock
  readonly limits: Limits
  readonly valueLimits: ValueLimits
  readonly counters: Counters
}

/** A question, from when it is asked until it is settled. An object of its own, because closures would be seven. */
class Question implements PendingRequest, Settler {
  readonly node: NodeName
  readonly server: string
  lane: object | undefined
  id = 0
  /** Stops its timer. */
  cancelTimer: (() => void) | undefined
  /** Looks at its signal no more. */
  unlisten: (() => void) | undefined
  readonly #requester: Requester
  readonly #options: ForwardOptions | undefined
  readonly #resolve: (answer: unknown) => void
  readonly #reject: (error: Error) => void

  constructor(
    requester: Requester,
    node: NodeName,
    server: string,
    options: ForwardOptions | undefined,
    resolve: (answer: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.#requester = requester
    this.node = node
    this.server = server
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Whether it was sent, for who asks what became of it. */
  get outcome(): SendOutcome {
    return this.lane === undefined ? 'not-sent' : 'unknown'
  }

  answered(isError: boolean, payload: unknown): void {
    if (isError) this.reject(errorOf(this.node, this.server, payload, 'request'))
    else {
      this.#release()
      this.#resolve(payload)
    }
  }

  lost(): void {
    this.reject(this.#requester.lossOf(this.node, this.outcome))
  }

  sent(): void {
    this.lane = this.#requester.laneFor(this.node, this.server, this.#options)
  }

  failed(error: Error): void {
    this.#requester.end(this, error)
  }

  wanted(): boolean {
    return this.#requester.serverOf(this.id) !== undefined
  }

  reject(error: Error): void {
    this.#release()
    this.#reject(error)
  }

  #release(): void {
    this.cancelTimer?.()
    this.unlisten?.()
  }
}

/** Asks other nodes, and settles every question exactly once. */
export class Requester {
  readonly #context: RequesterContext
  readonly #requests = new Requests<Question>()

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
      if (this.#requests.count(name) >= limits.requests) throw tooMany(node, channel)
      const expires = expiryOf(options, clock)
      checkAnswered(options)
      options?.signal?.throwIfAborted()
      const question = new Question(this, name, server, options, resolve, reject)
      question.id = this.#requests.open(question)
      this.#limit(question, options?.signal, expires)
      try {
        const clock = clockOf(options, valueLimits)
        const extra = { request: question.id, expires, clock, life }
        sender.submit({ node, server, message, options, extra, kind: 'request', settler: question })
      } catch (error) {
        this.end(question, error as Error)
      }
    })
  }

  /** Ends a question that was not answered, unless it has ended. */
  end(question: Question, error: Error): void {
    if (this.#requests.close(question.id) !== undefined) question.reject(error)
  }

  /** The lane that a request of these options leaves on. */
  laneFor(node: NodeName, server: string, options: ForwardOptions | undefined): Lane | undefined {
    return this.#context.sender.laneFor(node, server, options)
  }

  #limit(question: Question, signal: AbortSignal | undefined, expires: Instant | undefined): void {
    const { clock } = this.#context
    if (signal !== undefined) question.unlisten = onAbort(signal, () => this.end(question, abortReason(signal)))
    if (expires === undefined) return
    question.cancelTimer = clock.schedule(Math.max(0, expires - clock.now()), () =>
      this.end(question, new DeadlineError(`the request to server '${question.server}'`, question.outcome)),
    )
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

  /** Why a question was lost. */
  lossOf(node: string, outcome: SendOutcome): Error {
    if (this.#stopping !== undefined) return this.#stopping(outcome)
    const why = this.#why.get(node as NodeName)
    if (why === 'cut') return new PartitionedError(node, outcome)
    const because =
      why === undefined ? 'its connection was lost' : why === 'left' ? 'it left the cluster' : 'it went down'
    return new UnknownOutcomeError(node, 'request', because)
  }
}

function tooMany(node: string, channel: string): OverflowError {
  const fix = 'await the answers of earlier ones, or raise the limit'
  const text = `too many requests to node '${node}' are without an answer (limits.requests): ${fix}`
  return new OverflowError(node, channel, 'limits.requests', text)
}
