import { copyValue } from '../codec/value-copy.js'
import type { ValueLimits } from '../codec/value-encoder.js'
import { NotConnectedError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import type { Settler } from '../link/queue.js'
import type { Outgoing } from './outgoing.js'

/** The life of a node that was never met. */
export const unmetLife = 0

export interface IntroductionsContext {
  readonly clock: Clock
  readonly valueLimits: ValueLimits
  submit(outgoing: Outgoing): void
}

/** A message that goes on, and who is told when it cannot. */
interface Ready {
  readonly outgoing: Outgoing
  readonly settler: Settler
}

/** Messages of causal labels to nodes that were never met. */
export class Introductions {
  readonly #context: IntroductionsContext
  /** Those whose node was just met, in order, until the end of the turn. */
  #ready: Ready[] = []

  constructor(context: IntroductionsContext) {
    this.#context = context
  }

  /** Whether any is about to go to that node: what follows it in a label may not pass it. */
  has(node: string): boolean {
    return this.#ready.some(({ outgoing }) => outgoing.node === node)
  }

  /** Lets a message go behind those that are about to. */
  follow(outgoing: Outgoing, settler: Settler): void {
    const { value: message } = copyValue(outgoing.message, this.#context.valueLimits)
    this.#goOn({ outgoing: { ...outgoing, message }, settler })
  }

  /**
   * What waits in the place of a message whose node was never met: its number among those of the label holds for one
   * life of a node, which only the way there tells. It is for no life that there is, so it never leaves: when the first
   * is known it ends as meant for another, and the message goes on as it was, with all that it asks for.
   */
  waitingFor(outgoing: Outgoing, settler: Settler): Outgoing {
    const { causalLabel: _, ...options } = outgoing.options ?? {}
    const { value: message } = copyValue(outgoing.message, this.#context.valueLimits)
    const failed = (error: Error): void => {
      const isMet = error instanceof NotConnectedError && error.reason === 'restarted'
      if (isMet) this.#goOn({ outgoing: { ...outgoing, message }, settler })
      else settler.failed(error)
    }
    const waiting: Settler = { sent: () => settler.sent(), failed, awaited: settler.awaited !== false }
    return { ...outgoing, message, options, extra: { ...outgoing.extra, life: unmetLife }, settler: waiting }
  }

  #goOn(ready: Ready): void {
    this.#ready.push(ready)
    // The link is being made anew.
    if (this.#ready.length === 1) this.#context.clock.defer(() => this.#flush())
  }

  #flush(): void {
    const all = this.#ready
    this.#ready = []
    for (const { outgoing, settler } of all) {
      try {
        this.#context.submit(outgoing)
      } catch (error) {
        settler.failed(error as Error)
      }
    }
  }
}
