import type { CausalField } from '../codec/causal-frames.js'
import { copyValue } from '../codec/value-copy.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { abortError, abortReason, onAbort } from '../core/abort.js'
import { DeadlineError, OverflowError, UnknownChannelError } from '../core/errors.js'
import { lifeOf, type NodeSpec } from '../core/node.js'
import { isPromiseLike } from '../core/promise-like.js'
import type { SendOutcome } from '../core/send-outcome.js'
import type { Clock } from '../core/time.js'
import type { Limits } from '../link/limits.js'
import { costOf } from '../link/queue.js'
import type { CausalLabels } from './causal-labels.js'
import type { Counters } from './counters.js'
import { errorOf, reportOf } from './error-reports.js'
import type { ForwardOptions } from './manager.js'
import { ackOf, checkAnswered, expiryOf } from './message-options.js'
import type { Acceptor, Registry } from './registry.js'
import { resolved } from './sender.js'
import type { MessageContext } from './servers.js'

export interface LocalContext {
  readonly causal: CausalLabels
  readonly self: () => NodeSpec
  readonly registry: Registry
  readonly clock: Clock
  readonly limits: Limits
  readonly valueLimits: ValueLimits
  readonly counters: Counters
  readonly channelNames: readonly string[]
}

/** A message that may wait for the next turn. */
interface Admitted {
  readonly cost: number
  readonly copy: unknown
  readonly context: MessageContext
}

/** What is handed over on the next turn; `end` rejects a request. */
interface Waiting {
  readonly cost: number
  readonly run: () => void
  readonly end?: (error: Error) => void
}

/**
 * Messages of a node to itself. They take the codec's way, so that a server cannot tell them from a peer's, and they
 * are handed over on the next turn, in order; what is not handled yet counts against `limits.queueBytes`.
 */
export class LocalServers {
  readonly #context: LocalContext
  #waiting: Waiting[] = []
  #bytes = 0
  /** Rejects the requests that wait for their answers. */
  readonly #asked = new Set<(error: Error) => void>()

  constructor(context: LocalContext) {
    this.#context = context
  }

  send(server: string, message: unknown, options: ForwardOptions | undefined): Promise<void> {
    options?.signal?.throwIfAborted()
    const admitted = this.#admit(message, options)
    const { cost, copy, context } = admitted
    const ack = options === undefined ? undefined : ackOf(options)
    if (ack !== undefined) return this.#acknowledged(server, admitted, options, ack.when)
    const field = this.#label(options, admitted)
    const run = (): void => {
      const { registry } = this.#context
      if (field === undefined) return this.#release(cost, registry.deliver(server, copy, context))
      this.#release(cost, this.#inTurn(server, admitted, field, nobody))
    }
    this.#later({ cost, run })
    return resolved
  }

  async ask(server: string, message: unknown, options: ForwardOptions | undefined): Promise<unknown> {
    options?.signal?.throwIfAborted()
    checkAnswered(options)
    const admitted = this.#admit(message, options)
    return this.#outcome(server, admitted, options, 'request', async () => {
      const { cost, copy, context } = admitted
      const answer = (async () => this.#context.registry.ask(server, copy, context))()
      this.#release(cost, answer)
      return this.#copy(await answer).value
    })
  }

  /** Resolves when the handler was given the message, or has handled it. */
  async #acknowledged(
    server: string,
    admitted: Admitted,
    options: ForwardOptions | undefined,
    when: 'given' | 'handled',
  ): Promise<void> {
    const field = this.#label(options, admitted)
    await this.#outcome(server, admitted, options, 'message', () => {
      return new Promise((resolve, reject) => {
        const done = (): void => resolve(undefined)
        const { copy, context, cost } = admitted
        let isOver = false
        const given = (): void => {
          isOver = when === 'given'
          if (isOver) done()
        }
        const failed = (error: unknown): boolean => {
          reject(error)
          return !isOver
        }
        const acceptor = { given, handled: done, failed }
        const handled =
          field === undefined
            ? this.#context.registry.accept(server, copy, context, acceptor)
            : this.#inTurn(server, admitted, field, acceptor)
        this.#release(cost, handled)
      })
    })
  }

  #label(options: ForwardOptions | undefined, { cost, context }: Admitted): CausalField | undefined {
    if (options?.causalLabel === undefined) return undefined
    try {
      return this.#context.causal.sendToSelf(options.causalLabel, context.channel)
    } catch (error) {
      this.#bytes -= cost
      throw error
    }
  }

  /** A message of a causal label waits for those that it depends on. */
  #inTurn(
    server: string,
    { copy, context }: Admitted,
    field: CausalField,
    acceptor: Acceptor,
  ): PromiseLike<unknown> | undefined {
    const { causal, registry, self } = this.#context
    return causal.take(lifeOf(self()), field, acceptor, inTurn => registry.accept(server, copy, context, inTurn))
  }

  /** What comes of `run` on the next turn, unless a deadline, a signal or the end of this life comes first. */
  #outcome(
    server: string,
    { cost }: Admitted,
    options: ForwardOptions | undefined,
    what: 'message' | 'request',
    run: () => Promise<unknown>,
  ): Promise<unknown> {
    const { clock, self } = this.#context
    const { signal, causalLabel } = options ?? {}
    const expires = expiryOf(options, clock)
    // What has its place among those of a label is handed over whatever becomes of who waits.
    let isBound = causalLabel !== undefined
    return new Promise<unknown>((resolve, reject) => {
      const release = (): void => {
        this.#asked.delete(end)
        cancel?.()
        unlisten?.()
      }
      const end = (error: Error): void => {
        release()
        reject(error)
      }
      const late = (): void => {
        end(new DeadlineError(`the ${what} to server '${server}'`, isBound ? 'unknown' : 'not-sent'))
      }
      const aborted = (): void => {
        end(what === 'request' ? abortReason(signal) : abortError(signal, self().name, isBound))
      }
      const cancel = expires === undefined ? undefined : clock.schedule(Math.max(0, expires - clock.now()), late)
      const unlisten = signal && onAbort(signal, aborted)
      this.#asked.add(end)
      const go = (): void => {
        if (!isBound && !this.#asked.has(end)) return this.#release(cost, undefined)
        isBound = true
        run().then(
          value => {
            release()
            resolve(value)
          },
          (error: unknown) => end(errorOf(self().name, server, reportOf(error), what)),
        )
      }
      this.#later({ cost, run: go, end })
    })
  }

  /** Runs something behind all messages of this node to itself that were sent before. */
  behind(run: () => void): void {
    this.#later({ cost: 0, run })
  }

  /** A life ends: what waits for the next turn is not handed over. */
  forget(error: () => Error): void {
    for (const { cost, end } of this.#waiting.splice(0)) {
      this.#bytes -= cost
      end?.(error())
    }
  }

  /** The node stops: what was asked and not answered ends, too. */
  stop(error: (outcome?: SendOutcome) => Error): void {
    this.forget(error)
    for (const end of [...this.#asked]) end(error('unknown'))
  }

  #admit(message: unknown, options: ForwardOptions | undefined): Admitted {
    const { self, limits, clock, counters, channelNames } = this.#context
    const { name, incarnation } = self()
    const channel = options?.channel ?? 'default'
    if (!channelNames.includes(channel)) throw new UnknownChannelError(channel, 'local', channelNames)
    const expires = expiryOf(options, clock)
    if (expires !== undefined && expires <= clock.now()) {
      counters.add('expired')
      throw new DeadlineError('the message', 'not-sent')
    }
    const deadline = expires === undefined ? undefined : clock.wall().getTime() + expires - clock.now()
    const { value: copy, bytes } = this.#copy(message)
    const cost = costOf(bytes, false)
    const context: MessageContext = {
      ...{ from: name, incarnation, channel },
      ...(options?.causalLabel !== undefined && { causalLabel: options.causalLabel }),
      ...(options?.clock !== undefined && { clock: this.#copy(options.clock).value }),
      ...(deadline !== undefined && { deadline }),
    }
    if (this.#bytes > 0 && this.#bytes + cost > limits.queueBytes) {
      counters.add('overflowed')
      throw new OverflowError(name, channel, 'limits.queueBytes')
    }
    this.#bytes += cost
    return { cost, copy, context }
  }

  #copy(value: unknown): ReturnType<typeof copyValue> {
    return copyValue(value, this.#context.valueLimits)
  }

  #later(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#waiting.length > 1) return
    this.#context.clock.defer(() => {
      const waiting = this.#waiting
      this.#waiting = []
      for (const { run } of waiting) run()
    })
  }

  #release(cost: number, handled: unknown): void {
    const release = (): void => {
      this.#bytes -= cost
    }
    if (isPromiseLike(handled)) handled.then(release, release)
    else release()
  }
}

/** Nobody waits to hear what becomes of it. */
const nobody: Acceptor = { given: () => {}, handled: () => {}, failed: () => false }
